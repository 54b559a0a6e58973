"""What `auto` stands for when a language is learned, and the reason in one line each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from textwright.bundle.manifest import PAIRS
from textwright.core.errors import ConfigError
from textwright.core.settings import Settings
from textwright.learn.settings import LearnSettings
from textwright.models.language.base import LanguageArchitecture
from textwright.models.language.registry import FOR_PAIRS, LANGUAGE_MODELS, OF_PAIRS
from textwright.models.language.settings import LanguageSettings, SizeName, TuneName
from textwright.tasks.pretraining.corpus import Learned
from textwright.tasks.pretraining.plan_pairs import going_on_with_pairs, of_pairs
from textwright.tasks.pretraining.recipe import (
    HYBRID,
    INSTRUCT,
    OF_ROWS,
    MaskSettings,
    PretrainRecipe,
    SpanSettings,
)
from textwright.tasks.pretraining.starting import Start, window_of
from textwright.tasks.pretraining.usual import usual_schedule

# Of a model by its size: the tokens of a step, and the highest rate (docs/log.md).
_TOKENS_PER_STEP: dict[SizeName, int] = {"tiny": 2_048, "small": 4_096, "base": 8_192}
_RATE: dict[SizeName, float] = {"tiny": 4e-3, "small": 3e-3, "base": 2e-3}
# Below so many bytes of text a larger model learns them by heart.
_LEAST_BYTES: dict[SizeName, int] = {"tiny": 0, "small": 3_000_000, "base": 100_000_000}
# A model is worth its size where it sees so many tokens for each weight of its products: eight to twelve are
# said to be best, and a model that is too small is quicker to use (docs/log.md). Operations a second of two
# cores, roughly, by which it is told what there is time for.
_TOKENS_PER_WEIGHT, _SPEED = 4.0, 2e11
# Of adamw, where an architecture learns by it: half of it (docs/log.md).
_SHARE_OF_ADAMW = 0.5
# Why an optimizer is the usual one of a model.
_WHY = {
    "muon": "fewer steps than adamw for the same loss",
    "adamw": "a matrix of an lstm holds four gates, and muon would take it for one",
}
# Conversations of a step at most, and steps of an epoch at least.
_MOST_ROWS, _LEAST_STEPS = 32, 20
# Of a model that is gone on with.
_WIDEST_SMALL = 256
_RATES_TO_GO_ON: dict[TuneName, tuple[float, str]] = {
    "full": (2e-4, "low, as much is learned already"),
    "lora": (2e-3, "ten times that of all weights, as additions begin at nothing"),
}
# Settings of gaps that say nothing to an objective. Rows of hybrid are cut anew, and of the other kind, in
# each epoch: none has the same gaps again.
_MASKS, _SPANS = (
    [f"{group}.{name}" for name in kind.model_fields]
    for group, kind in (("mask", MaskSettings), ("spans", SpanSettings))
)
_OF_OTHERS: Mapping[str, Collection[str]] = MappingProxyType(
    {
        "causal": [*_MASKS, *_SPANS],
        "denoise": _MASKS,
        "instruct": [*_MASKS, *_SPANS],
        "masked": ["mask.causal", *_SPANS],
        "hybrid": ["mask.static", *_SPANS],
        **{task: [*_MASKS, *_SPANS] for task in PAIRS},
    }
)
# What each objective of rows calls its columns.
_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {INSTRUCT: ("prompt", "response"), **dict.fromkeys(PAIRS, ("source", "target"))}
)


_ROOM_FOR: Mapping[str, str] = MappingProxyType(
    {
        INSTRUCT: "room for some turns of a conversation",
        "translate": "room for long sentences",
        "summarize": "room for some pages",
    }
)


@dataclass(frozen=True)
class Decided:
    """The recipe with a number for every `auto`."""

    architecture: LanguageArchitecture
    settings: LanguageSettings
    learn: LearnSettings
    reasons: dict[str, str]

    @property
    def length(self) -> int:
        """Tokens of a row."""
        return int(self.settings.positions)


def architecture_of(recipe: PretrainRecipe, start: Start | None) -> LanguageArchitecture:
    """The one asked for, or of what is gone on with. Raises ConfigError where the objective is another."""
    found = LANGUAGE_MODELS.get(recipe.model_name) if start is None else start.architecture
    if found.objective == "pairs" and recipe.objective not in PAIRS:
        raise ConfigError(
            f"{found.name} learns from pairs alone, not from raw text",
            hint="Use: textwright train PAIRS --task translate --model lstm --out DIR",
        )
    if not _is_for(found, recipe):
        fitting = [n for n in LANGUAGE_MODELS if _is_for(LANGUAGE_MODELS.get(n), recipe)]
        fitting = [*OF_PAIRS.get(recipe.objective, fitting)]
        raise ConfigError(
            f"{found.name} learns by {found.objective}, and {recipe.objective} was asked for",
            hint=f"For {recipe.objective} take {', '.join(fitting)}.",
        )
    return found


def _is_for(architecture: LanguageArchitecture, recipe: PretrainRecipe) -> bool:
    """Whether it learns by the objective; what reads from the left alone fills no gaps from both sides."""
    if recipe.objective == HYBRID and architecture.is_recurrent:
        return False
    return not recipe.learners or architecture.objective in recipe.learners


def objective_of(recipe: PretrainRecipe, start: Start | None) -> str:
    """What is learned by. Raises ConfigError where the model, or a setting, is for another."""
    architecture = architecture_of(recipe, start)
    objective = recipe.objective if recipe.objective in (*OF_ROWS, HYBRID) else architecture.objective
    if recipe.objective == "auto" and start is not None and start.is_hybrid:
        objective = HYBRID
    own = _COLUMNS.get(objective, ("text",))
    for name in ("text", *_COLUMNS[INSTRUCT], *_COLUMNS["translate"]):
        if name not in own and getattr(recipe.data, name) is not None:
            raise ConfigError(
                f"data.{name} does not go with the objective {objective}",
                hint=f"Name data.{' and data.'.join(own)}.",
            )
    _refuse_gaps_of_others(recipe, objective)
    return objective


def _refuse_gaps_of_others(recipe: PretrainRecipe, objective: str) -> None:
    for name in [*_gaps_said("mask", recipe.mask), *_gaps_said("spans", recipe.spans)]:
        if name in _OF_OTHERS.get(objective, ()):
            raise ConfigError(f"{name} does not go with the objective {objective}", hint="Leave it out.")


def _gaps_said(group: str, asked: Settings) -> list[str]:
    """What was asked for and is not the usual: a saved recipe names that too."""
    usual = type(asked)()
    return [f"{group}.{name}" for name, value in asked.said().items() if value != getattr(usual, name)]


def decide(
    recipe: PretrainRecipe,
    learned: Learned,
    start: Start | None = None,
    *,
    seconds: float = float("inf"),
    tokens: float = float("inf"),
) -> Decided:
    """Every `auto` by what the text is, and by what there is time for: seconds, or tokens to learn from.

    Raises ConfigError.
    """
    architecture = architecture_of(recipe, start)
    asked = architecture.settings.parse(recipe.model_settings, where="model.")
    if start is not None:
        return _going_on(recipe, asked, start, learned)
    reasons: dict[str, str] = {"model.name": _named(recipe, architecture)}
    if recipe.objective in OF_ROWS and asked.positions == "auto":
        asked = asked.replaced({"positions": window_of(recipe, start)})
        reasons["model.positions"] = f"{asked.positions}: {_ROOM_FOR[recipe.objective]}"
    if recipe.objective in PAIRS:
        settings, learn = of_pairs(recipe, architecture, asked, learned, reasons, (seconds, tokens))
        return Decided(architecture, settings, learn, reasons)
    size = asked.size
    if size == "auto":
        size, reasons["model.size"] = _size(architecture, learned, seconds, tokens)
    settings = asked.replaced({"size": size}).sized()
    if recipe.objective not in OF_ROWS and len(learned.corpus.train) <= int(settings.positions):
        settings = _shorter(asked, settings, len(learned.corpus.train), reasons)
    learn = _usual_optimizer(_step(recipe, learned, size, reasons), architecture, size, reasons)
    learn = _learning(learn, size, settings, reasons)
    return Decided(architecture, settings, learn, reasons)


def _going_on(recipe: PretrainRecipe, asked: LanguageSettings, start: Start, learned: Learned) -> Decided:
    """With the sizes of the checkpoint, and a rate that does not undo what it has learned."""
    settings = start.settings(asked)
    reasons = {"model.checkpoint": f"{start.checkpoint.name}, a {start.checkpoint.type}"}
    if recipe.objective not in OF_ROWS and len(learned.corpus.train) <= int(settings.positions):
        settings = _shorter(asked, settings, len(learned.corpus.train), reasons)
    size: SizeName = "small" if int(settings.width) <= _WIDEST_SMALL else "base"
    if recipe.objective in PAIRS:
        learn = recipe.learn.replaced(going_on_with_pairs(recipe, learned, reasons), where="learn.")
    else:
        learn = _step(recipe, learned, size, reasons)
    if "optimizer.name" not in recipe.learn.said():
        learn = learn.replaced({"optimizer.name": "adamw"})
    if learn.optimizer.rate == "auto":
        rate, why = _RATES_TO_GO_ON[settings.tune]
        own = start.architecture.rate_to_go_on
        rate *= own / _RATES_TO_GO_ON["full"][0] if own else 1
        learn = learn.replaced({"optimizer.rate": rate})
        reasons["learn.optimizer.rate"] = f"{rate:g}: {why}"
    return Decided(start.architecture, settings, _learning(learn, size, settings, reasons), reasons)


def _named(recipe: PretrainRecipe, architecture: LanguageArchitecture) -> str:
    asked = recipe.model.get("name", "auto")
    if asked in FOR_PAIRS and asked != architecture.name:
        return f"{architecture.name}: what {asked} is where pairs are learned"
    return (
        "as asked" if asked != "auto" else f"{architecture.name}: the usual one for {architecture.objective}"
    )


def _size(
    architecture: LanguageArchitecture, learned: Learned, seconds: float, tokens: float
) -> tuple[SizeName, str]:
    """The largest that there is enough text for, and enough time."""
    size = learned.num_bytes / 1e6
    best: SizeName = "tiny"
    for name, least in _LEAST_BYTES.items():
        if learned.num_bytes < least:
            break
        sizes = architecture.settings(size=name).sized()
        weights = sizes.num_products() + learned.corpus.tokenizer.size * int(sizes.width)
        seen = min(tokens, seconds * _SPEED / (6 * weights))
        if name != "tiny" and seen < _TOKENS_PER_WEIGHT * weights:
            return best, f"{best}: for {size:.1f} MB of text, and {name} would see too few tokens in the time"
        best = name
    return best, f"{best}: for {size:.1f} MB of text"


def _shorter(
    asked: LanguageSettings, settings: LanguageSettings, tokens: int, reasons: dict[str, str]
) -> LanguageSettings:
    """Rows that a very short text can be cut into."""
    length = max(tokens // 4, 8)
    if asked.positions != "auto":
        raise ConfigError(
            f"model.positions={settings.positions}: the text has {tokens:,} tokens",
            hint=f"Take at most {length}, or give more text.",
        )
    reasons["model.positions"] = f"{length}: the text has {tokens:,} tokens"
    return settings.replaced({"positions": length})


def _step(recipe: PretrainRecipe, learned: Learned, size: SizeName, reasons: dict[str, str]) -> LearnSettings:
    """With the rows of a step where these are conversations: few enough that an epoch has some steps."""
    learn = recipe.learn
    if recipe.objective != INSTRUCT or "batch" in learn.said():
        return learn
    rows = int(learned.corpus.train.about["documents"])
    length = max(len(learned.corpus.train) // rows, 1)
    batch = max(min(_TOKENS_PER_STEP[size] // length, _MOST_ROWS, max(rows // _LEAST_STEPS, 4)), 1)
    reasons["learn.batch"] = f"{batch} rows of about {length} tokens"
    return learn.replaced({"batch": batch})


def _usual_optimizer(
    asked: LearnSettings, architecture: LanguageArchitecture, size: SizeName, reasons: dict[str, str]
) -> LearnSettings:
    """That of the architecture where none is named, and the rate of adamw."""
    found: dict[str, Any] = {}
    name = asked.optimizer.name
    if "optimizer.name" not in asked.said():
        name = found["optimizer.name"] = architecture.optimizer
        reasons["learn.optimizer.name"] = f"{name}: {_WHY[name]}"
    if name == "adamw" and asked.optimizer.rate == "auto":
        found["optimizer.rate"] = _SHARE_OF_ADAMW * _RATE[size]
        reasons["learn.optimizer.rate"] = f"{found['optimizer.rate']:g}: for a model of this size"
    return asked.replaced(found)


def _learning(
    asked: LearnSettings, size: SizeName, settings: LanguageSettings, reasons: dict[str, str]
) -> LearnSettings:
    found: dict[str, Any] = {}
    said = asked.said()
    if "batch" not in said:
        found["batch"] = max(_TOKENS_PER_STEP[size] // int(settings.positions), 1)
        reasons["learn.batch"] = f"{found['batch']} rows of {settings.positions} tokens"
    if asked.optimizer.rate == "auto":
        found["optimizer.rate"] = _RATE[size]
        reasons["learn.optimizer.rate"] = f"{_RATE[size]:g}: for a model of this size"
    found |= usual_schedule(said)
    if "patience" not in said:
        found["patience"] = 0
    return asked.replaced(found, where="learn.")
