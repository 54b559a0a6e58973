"""What takes part: methods that learn nothing but a length, and models, each as texts to answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textwright.bundle.folder import load_manifest
from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.core.settings import Settings
from textwright.models.extract.scorers import SCORERS
from textwright.models.language.registry import EXTRACTOR, FOR_PAIRS, LANGUAGE_MODELS, OF_PAIRS
from textwright.tasks.rewriting.rows import PairRows
from textwright.tasks.summarizing.baselines import BASELINES, baselines_of
from textwright.tasks.summarizing.extractive import Summarizer
from textwright.tasks.summarizing.learned import load_extractor
from textwright.tasks.summarizing.settings import ExtractorSettings

COPY = "copy"
# What is always there to compare with, by the task.
ALWAYS = {"translate": (COPY,), "summarize": BASELINES}
_TIMED_TEXTS, _TIMED_SECONDS = 12, 2.0

Answer = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Opened:
    """What answers, with its size."""

    answer: Answer
    parameters: int = 0
    bytes: int = 0

    def milliseconds(self, texts: Sequence[str]) -> float | None:
        """For one text alone: the median of a few."""
        times: list[float] = []
        begun = time.perf_counter()
        for text in texts[:_TIMED_TEXTS]:
            started = time.perf_counter()
            self.answer([text])
            times.append(time.perf_counter() - started)
            if time.perf_counter() - begun > _TIMED_SECONDS:
                break
        return round(1000 * float(np.median(times)), 3) if times else None


def methods_of(task: str) -> list[str]:
    """Those that learn nothing but how long a summary is."""
    return [COPY] if task == "translate" else SCORERS.names()


def is_network(name: str) -> bool:
    """Whether it learns for as long as it is let."""
    return name in ("m2m100", "lstm")


def settings_kind(name: str) -> type[Settings]:
    """What a model of this name takes for its settings."""
    if name == EXTRACTOR:
        return ExtractorSettings
    return LANGUAGE_MODELS.get(FOR_PAIRS.get(name, name)).settings


def takes(name: str, key: str, value: Any) -> bool:
    """Whether a model of this name has such a setting, and takes this value for it."""
    kind = settings_kind(name)
    if key not in kind.model_fields:
        return False
    try:
        kind.check(key, value)
    except ConfigError:
        return False
    return True


def refuse_idle_settings(given: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise ConfigError for a setting that none of these models takes."""
    kinds = [settings_kind(name) for name in names if name == EXTRACTOR or is_network(name)]
    for key, value in given.items():
        having = [kind for kind in kinds if key in kind.model_fields]
        if not having:
            known = {field for kind in kinds for field in kind.model_fields}
            raise ConfigError(f"unknown setting 'model.{key}'", hint=did_you_mean(key, known))
        if not any(takes(name, key, value) for name in names if name == EXTRACTOR or is_network(name)):
            having[0].check(key, value, where="model.")


def names_of(task: str, asked: Sequence[str]) -> list[str]:
    """What takes part, in order: what is always there, then what was asked for, the quickest first.

    `auto` is every model.

    Raises ConfigError for a name that there is not, or that is given twice.

    >>> names_of("summarize", ["bm25", "extractor"])
    ['lead', 'longest', 'textrank', 'bm25', 'extractor']
    """
    known = [*methods_of(task), *OF_PAIRS[task]]
    names = [name for item in asked for name in (OF_PAIRS[task] if item == "auto" else [item])]
    for name in names:
        if name == EXTRACTOR and name not in known:
            raise ConfigError(
                f"{EXTRACTOR} picks sentences of a text, and does not {task}",
                hint=f"For {task} take {', '.join(OF_PAIRS[task])}.",
            )
        if name not in known:
            raise ConfigError(f"models: {name!r} does not {task}", hint=did_you_mean(name, ("auto", *known)))
        if names.count(name) > 1:
            raise ConfigError(f"models: {name} is given twice", hint="Leave one out.")
    more = [name for name in names if name not in ALWAYS[task]]
    return [*ALWAYS[task], *sorted(more, key=lambda name: (name in OF_PAIRS[task], is_network(name)))]


def opened_methods(names: Sequence[str], rows: PairRows, seed: int) -> dict[str, Opened]:
    """Those that learn nothing; how long a summary is, is learned from the pairs."""
    found: dict[str, Opened] = {}
    if COPY in names:
        found[COPY] = Opened(lambda texts: [*texts])
    picking = [name for name in names if name != COPY]
    if picking:
        sides = [pair.source for pair in rows.train], [pair.target for pair in rows.train]
        for one in baselines_of(*sides, picking, seed):
            found[one.method] = Opened(_picking(one.summarizer))
    return found


def _picking(summarizer: Summarizer) -> Answer:
    return lambda texts: [made.text for made in summarizer.summarize_all(texts)]


def opened_model(folder: Path) -> Opened:
    """The model of a folder, answering as `evaluate` lets it."""
    manifest = load_manifest(folder)
    size = (folder / "model.safetensors").stat().st_size
    if manifest.architecture == EXTRACTOR:
        return Opened(_picking(Summarizer.of(load_extractor(folder))), manifest.parameters, size)
    from textwright.tasks.rewriting.long import rewrite_long  # it needs torch
    from textwright.tasks.rewriting.model import Rewriter

    model = Rewriter.load(folder)
    return Opened(lambda texts: [made.text for made in rewrite_long(model, texts)], manifest.parameters, size)
