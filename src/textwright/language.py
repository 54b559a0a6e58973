"""The verbs of language models and summaries for programs: `textwright.api` hands them out with the others.

>>> import textwright  # doctest: +SKIP
>>> textwright.pretrain(["books/"], "my-language")  # doctest: +SKIP
>>> textwright.generate("my-language", ["Once"])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textwright.bundle.folder import is_bundle, load_manifest
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.events import Sink, silent
from textwright.models.language.registry import EXTRACTOR
from textwright.report.words import Language

if TYPE_CHECKING:
    from textwright.tasks.inspecting.run import Inspected
    from textwright.tasks.pretraining.keeping import Pretrained
    from textwright.tasks.pretraining.recipe import PretrainRecipe
    from textwright.tasks.summarizing.abstractive import Abstractive
    from textwright.tasks.summarizing.extractive import Summarizer, Summary
    from textwright.tasks.summarizing.files import Summarized
    from textwright.tasks.writing.filling import Filled
    from textwright.tasks.writing.sampling import WritingSettings
    from textwright.tasks.writing.talking import Chat
    from textwright.tasks.writing.writer import Written


def pretrain(
    data: Sequence[str | Path],
    out: str | Path,
    recipe: PretrainRecipe | None = None,
    *,
    sink: Sink = silent,
    clock: Clock | None = None,
    resume: bool = False,
    processes: int = 1,
) -> Pretrained:
    """Learn a language from files and folders of raw text, and write the folder of its model to `out`.

    `clock` counts from the start of the process; `recipe.budget.minutes` is its limit. Ctrl-C keeps what was
    learned and comes back with `interrupted`, beside a finished model that was in `out` before; checkpoints
    stay, and `resume` goes on from them. Of several `processes` each makes a part of every step. Raises
    TextwrightError.

    >>> textwright.pretrain(["books/"], "my-language")  # doctest: +SKIP
    """
    from textwright.tasks.pretraining.run import pretrain as learn  # it needs torch

    return learn(data, out, recipe, sink=sink, clock=clock, resume=resume, processes=processes)


def follow() -> bool:
    """Make the part of this process in a training by torchrun, unless it is the first; whether it has.

    A program that torchrun starts asks this before `pretrain`, which only the first process calls. Raises
    ModelError when the first one ends.

    >>> follow()
    False
    """
    from textwright.runtime.ranks import launched  # it needs torch
    from textwright.tasks.pretraining.follow import follow_launched

    launch = launched()
    if launch is None or not launch.number:
        return False
    follow_launched(launch)
    return True


def generate(
    path: str | Path, prompts: Sequence[str], settings: Mapping[str, Any] | WritingSettings | None = None
) -> list[Written]:
    """Write texts on with the language model of a folder, or answer them where it was taught to.

    `settings` are those of `WritingSettings`.

    Raises BundleError, and ConfigError for a model that fills gaps or a setting that there is not.

    >>> textwright.generate("my-language", ["Once"], {"temperature": 0})[0].text  # doctest: +SKIP
    ' upon a time'
    """
    from textwright.tasks.writing.model import LanguageModel
    from textwright.tasks.writing.writer import write

    asked = _writing(settings)
    return write(LanguageModel.load(path), prompts, asked)


def stream(
    path: str | Path, prompt: str, settings: Mapping[str, Any] | WritingSettings | None = None
) -> Iterator[str]:
    """Write one text on as `generate` does, and hand out its parts as they come; without beams."""
    from textwright.tasks.writing.model import LanguageModel
    from textwright.tasks.writing.writer import stream as written

    asked = _writing(settings)
    return written(LanguageModel.load(path), prompt, asked)


def answers(path: str | Path) -> bool:
    """Whether a folder holds a language model that was taught to answer."""
    return load_manifest(Path(path)).data_schema.get("objective") == "instruct"


def chat(path: str | Path, settings: Mapping[str, Any] | WritingSettings | None = None) -> Chat:
    """A conversation with a model that was taught to answer; `settings` are those of `WritingSettings`.

    `say` gives the answer in parts as they come, `turns` is all that was said. Raises BundleError, and
    ConfigError for a model that was not taught to answer.

    >>> talk = textwright.chat("my-assistant", {"temperature": 0})  # doctest: +SKIP
    >>> "".join(talk.say("What colour is grass?"))  # doctest: +SKIP
    'green'
    """
    from textwright.tasks.writing.talking import Chat  # it needs torch

    asked = _writing(settings)
    return Chat.with_folder(path, asked)


def _writing(settings: Mapping[str, Any] | WritingSettings | None) -> WritingSettings:
    from textwright.tasks.writing.sampling import WritingSettings

    return settings if isinstance(settings, WritingSettings) else WritingSettings.parse(dict(settings or {}))


def fill(path: str | Path, texts: Sequence[str], *, most: int = 5) -> list[Filled]:
    """Fill each [MASK] in texts with a language model that learned to: masked, hybrid or denoise.

    Raises BundleError, ConfigError for a model that only writes, DataError for a text without a gap.

    >>> textwright.fill("my-language", ["a [MASK] day"])[0].text  # doctest: +SKIP
    'a good day'
    """
    from textwright.tasks.writing.filling import fill as filled
    from textwright.tasks.writing.model import LanguageModel

    return filled(LanguageModel.load(path), texts, most=most)


def inspect(
    path: str | Path,
    text: str,
    out: str | Path,
    *,
    at: Sequence[int] = (),
    language: Language | None = None,
) -> Inspected:
    """Write a page `out` that shows how the language model of a folder reads a text; its records come back.

    `at` names the tokens, counted from 1, to show what was expected at, in the place of the last ones. Raises
    BundleError, ConfigError, DataError: see `textwright.tasks.inspecting.run.inspect_text`.

    >>> textwright.inspect("my-language", "Once upon a time", "reading.html").record["bits"]  # doctest: +SKIP
    31.4
    """
    from textwright.tasks.inspecting.run import inspect_text  # it needs torch

    return inspect_text(path, text, out, at=at, language=language)


def summarize(
    text: str,
    *,
    model: str | Path | None = None,
    method: str | None = None,
    sentences: int | None = None,
    length: str | int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Summary:
    """The sentences of a text that tell the most of it, in their order, with their places in it.

    Three of them where nothing is said, or as many as the extractor in the folder `model` was best with.
    `length` is `short`, `medium` or `long`, or a number of words (of Chinese: characters). A `model` may also
    be one that writes summaries itself (`train --task summarize`): `settings` are then those of
    `DecodeSettings`.

    Raises ConfigError, and BundleError for a folder without an extractor.

    >>> summarize("It rained. The dam broke after the rain. People fled.", sentences=1, method="lead").text
    'It rained.'
    """
    found = summarizer(model, method=method, sentences=sentences, length=length, settings=settings)
    return found.summarize(text)


def summarize_file(
    data: str | Path,
    out: str | None = None,
    *,
    model: str | Path | Summarizer | Abstractive | None = None,
    method: str | None = None,
    sentences: int | None = None,
    length: str | int | None = None,
    text: str | None = None,
    keep: Sequence[str] = (),
) -> Summarized:
    """Summarize a document, or each row of a table; see `textwright.tasks.summarizing.files.summarize_file`.

    `model` may be what `summarizer` opened, with settings of its own.

    >>> textwright.api.summarize_file("report.txt", length="short").summary.text  # doctest: +SKIP
    'The dam broke after the rain.'
    """
    from textwright.tasks.summarizing.files import summarize_file as summarized

    if model is None or isinstance(model, str | Path):
        model = summarizer(model, method=method, sentences=sentences, length=length)
    return summarized(model, data, out, text=text, keep=keep)


def summarizer(
    model: str | Path | None = None,
    *,
    method: str | None = None,
    sentences: int | None = None,
    length: str | int | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Summarizer | Abstractive:
    """What a folder or a method makes summaries with: it has `summarize(text)` and `summarize_all(texts)`.

    `settings` are those of `DecodeSettings`, of a folder that `train --task summarize` made; `length` is one
    of them. Raises ConfigError, BundleError.

    >>> summarizer(method="lead", length="short").method
    'lead'
    """
    from textwright.tasks.summarizing.extractive import DEFAULT_METHOD, Summarizer
    from textwright.tasks.summarizing.learned import load_extractor

    known = dict(settings or {})
    if length is not None:
        known["length"] = int(length) if str(length).isdecimal() else length
    if model is not None and method is None and _writes(Path(model)):
        return _written(model, sentences, known)
    length = known.pop("length", None)
    for name in known:
        raise ConfigError(
            f"{name} is a setting of a model that writes summaries itself, and these are sentences that are "
            "picked",
            hint="Leave it out.",
        )
    if model is None:
        return Summarizer.of(method or DEFAULT_METHOD, sentences=sentences, length=length)
    if method is not None:
        raise ConfigError(
            f"--method {method} does not go with a model, which ranks sentences itself",
            hint="Leave one of them out.",
        )
    return Summarizer.of(load_extractor(model), sentences=sentences, length=length)


def _writes(model: Path) -> bool:
    """Whether a folder has a model that writes summaries itself."""
    return is_bundle(model) and load_manifest(model).architecture != EXTRACTOR


def _written(model: str | Path, sentences: int | None, settings: Mapping[str, Any]) -> Abstractive:
    """A model that writes summaries itself. Raises ConfigError, BundleError."""
    from textwright.tasks.summarizing.abstractive import Abstractive  # it needs torch

    if sentences is not None:
        raise ConfigError(
            "--sentences does not go with a model that writes summaries itself",
            hint="Ask for a length: --length short, medium, long or a number of words.",
        )
    return Abstractive.load(model, settings)
