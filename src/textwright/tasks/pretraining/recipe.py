"""What a person asks for when a language is to be learned, as one YAML file; any field may be `auto`."""

from __future__ import annotations

from typing import Any, Literal, cast

from pydantic import Field

from textwright.bundle.manifest import PAIRS
from textwright.core.settings import Settings
from textwright.learn.settings import LearnSettings
from textwright.models.language.base import MadeFor, ObjectiveName
from textwright.models.language.registry import FOR_PAIRS, USUAL
from textwright.runtime.settings import ComputeSettings
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.text.pairs.cleaning import PairRules
from textwright.text.pairs.tags import language_tag
from textwright.text.tokenizers import TokenizerSettings

Auto = Literal["auto"]
INSTRUCT: Literal["instruct"] = "instruct"
HYBRID: Literal["hybrid"] = "hybrid"
# What is learned from the rows of tables, in the place of raw text.
OF_ROWS = (INSTRUCT, *PAIRS)


class TextSettings(Settings):
    text: str | None = Field(None, description="column of the text in tables; none is guessed")
    prompt: str | None = Field(None, description="column of the prompts, for instruct; none is found by name")
    response: str | None = Field(None, description="and of their responses")
    source: str | None = Field(None, description="column of what is read, for pairs; none is found by name")
    target: str | None = Field(None, description="and of what is made of it")
    source_language: str | None = Field(
        None, description="tag of the language of what is read, such as en; told by the texts where not given"
    )
    target_language: str | None = Field(None, description="and of what is made of it")
    target_file: str | None = Field(
        None, description="of pairs in two plain files: that of the targets, line by line"
    )
    patches: str | None = Field(
        None, description="folder of an audit of these pairs, whose patches change them as they are read"
    )
    test: str | None = Field(None, description="file of pairs to test on, none of which is learned from")
    test_target_file: str | None = Field(None, description="that of the targets, where `test` has sources")
    test_share: float = Field(0.0, ge=0, lt=1, description="share of the pairs that is locked for the test")

    @property
    def languages(self) -> tuple[str, str]:
        """The codes that were asked for, empty where none was. Raises ConfigError for an unknown one."""
        source, target = (
            "" if tag is None else language_tag(tag, f"data.{side}_language")
            for side, tag in (("source", self.source_language), ("target", self.target_language))
        )
        return source, target

    @property
    def other_files(self) -> tuple[str, ...]:
        """What is read of pairs besides the file that is learned from."""
        return tuple(name for name in (self.target_file, self.test, self.test_target_file) if name)


class MaskSettings(Settings):
    """Which tokens are hidden, of an objective that fills gaps."""

    first: float = Field(0.3, gt=0, lt=1, description="share of the tokens that is hidden at the beginning")
    last: float = Field(0.15, gt=0, lt=1, description="and at the end (arXiv:2202.08005, 2410.24159)")
    whole_words: bool = Field(True, description="hide whole words rather than pieces of them")
    static: bool = Field(
        False, description="the same gaps in each epoch, as BERT had; else new ones, as RoBERTa"
    )
    causal: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="of hybrid: share of the rows that are told without gaps, each token next",
    )


class SpanSettings(Settings):
    """Which spans are taken out, of an objective that tells them from the rest."""

    share: float = Field(
        0.3, gt=0, lt=1, description="share of the tokens that is taken out (arXiv:1910.13461)"
    )
    length: float = Field(3.0, ge=1, description="tokens of a span, on average")


class BackSettings(Settings):
    """How texts in the language of the targets become pairs; see `pairs.monolingual`."""

    share: float = Field(
        0.35, gt=0, lt=1, description="of the budget, for the model that translates them back"
    )
    given: float = Field(
        0.5, gt=0, lt=1, description="share of an epoch that given pairs have at least: they come again"
    )
    temperature: float = Field(
        0.0, ge=0, description="draw the translations at random: higher is wilder; 0 looks for the best"
    )
    beams: int = Field(4, ge=1, description="beginnings that are kept at each step; 1 is greedy")


class PairSettings(Settings):
    monolingual: str | None = Field(
        None,
        description="of translate: files of texts in the language of the targets, with commas between them, "
        "that are translated back and learned as well (arXiv:1511.06709)",
    )
    back: BackSettings = BackSettings()
    teacher: str | None = Field(
        None, description="folder of a model of the same task, whose answers are learned (arXiv:1606.07947)"
    )
    taught: Literal["beside", "instead"] = Field(
        "beside", description="of the teacher's answers: beside the given targets, or in their place"
    )
    cut: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the tokens of sources that are cut in two, anew in each epoch, while pairs are "
        "learned (arXiv:1910.13267, 2506.01687)",
    )
    lengths: float = Field(
        0.5,
        ge=0,
        le=1,
        description="of summaries: share of the times that a text is read with a token before it that says "
        "whether its summary is short, medium or long (arXiv:1711.05217), so that one can be asked for; 0 "
        "learns no such tokens",
    )
    clean: PairRules = PairRules()


class LengthSettings(Settings):
    minutes: float | None = Field(None, gt=0, description="from the start of the process to its end")
    tokens: int | None = Field(
        None, gt=0, description="to learn from, in the place of minutes: the same run everywhere"
    )


class TrackSettings(Settings):
    tensorboard: str | None = Field(None, description="folder to write the fit to for TensorBoard")


class PretrainRecipe(Settings):
    """All that decides how a language is learned; saved with the model."""

    objective: ObjectiveName | Literal["hybrid", "instruct", "translate", "summarize"] | Auto = Field(
        "auto",
        description="causal: tell the next token; masked: fill gaps; hybrid: one model for both; denoise: "
        "tell spans that were taken out; instruct: answer prompts, learned from rows of both; translate and "
        "summarize: make one text of another, learned from pairs; auto goes by "
        "the model",
    )
    data: TextSettings = TextSettings()
    tokenizer: TokenizerSettings | Auto = "auto"
    model: dict[str, Any] = Field(
        default_factory=lambda: {"name": "auto"}, description="name of a language model and its settings"
    )
    mask: MaskSettings = MaskSettings()
    spans: SpanSettings = SpanSettings()
    pairs: PairSettings = PairSettings()
    decode: DecodeSettings = DecodeSettings()
    learn: LearnSettings = LearnSettings()
    compute: ComputeSettings = ComputeSettings()
    budget: LengthSettings = LengthSettings()
    tracking: TrackSettings = TrackSettings()
    seed: int = Field(0, description="of all that is random: what is held out, weights, order, dropout")

    @property
    def model_name(self) -> str:
        """The one that is named, or the usual one of the objective."""
        return USUAL[(*self.learners, "causal")[0]] if self.asked_name == "auto" else self.asked_name

    @property
    def asked_name(self) -> str:
        """The registry's name of what is named, which may be another where pairs are learned; or auto."""
        name = str(self.model.get("name", "auto"))
        return FOR_PAIRS.get(name, name) if self.objective in PAIRS else name

    @property
    def learners(self) -> tuple[MadeFor, ...]:
        """What the model may be made for, the usual first; nothing where nobody said."""
        if self.objective == "auto":
            return ()
        if self.objective in PAIRS:
            return ("denoise", "pairs")
        return ("causal",) if self.objective in (INSTRUCT, HYBRID) else (cast(ObjectiveName, self.objective),)

    @property
    def own_tokens(self) -> int | None:
        """Tokens of the budget that are left to the model itself, where these were asked for."""
        tokens, pairs = self.budget.tokens, self.pairs
        if tokens is None or pairs.monolingual is None:
            return tokens
        return max(round((1 - pairs.back.share) * tokens), 1)

    @property
    def model_settings(self) -> dict[str, Any]:
        """Those of the network; not what it starts from."""
        return {k: v for k, v in self.model.items() if k not in ("name", "checkpoint")}

    def said(self) -> dict[str, Any]:
        return {**super().said(), **{f"model.{key}": value for key, value in self.model_settings.items()}}
