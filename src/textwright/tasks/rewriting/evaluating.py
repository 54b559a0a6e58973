"""How good translations or summaries of a file of pairs are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textwright.bundle.learned import read_sides
from textwright.bundle.looks import count_look
from textwright.bundle.manifest import LOOKS
from textwright.core.files import readable_name
from textwright.core.records import Score
from textwright.measure.base import FloatArray
from textwright.tasks.rewriting.confidence import judged
from textwright.tasks.rewriting.long import rewrite_long
from textwright.tasks.rewriting.model import Rewriter, Rewritten
from textwright.tasks.rewriting.scoring import scored
from textwright.text.pairs.aligned import read_given
from textwright.text.pairs.checking import Told
from textwright.text.pairs.languages import UNDETERMINED, language_of
from textwright.text.pairs.reading import NAMES, Asked, Pair
from textwright.text.rowlog import RowLog
from textwright.text.split import row_hashes


@dataclass(frozen=True)
class Measured:
    """Scores on a file; `answers` are what was made of each source, in order.

    `num_learned` are pairs of which the model has learned a side, `num_locked` those that were locked for its
    test.
    """

    scores: dict[str, Score]
    details: dict[str, Any]
    cleaning: list[dict[str, Any]]
    seconds: float
    answers: list[str]
    num_learned: int = 0
    num_locked: int = 0

    @property
    def n(self) -> int:
        return len(self.answers)


def evaluate_pairs(path: str | Path, data: str | Path, target_file: str | Path | None = None) -> Measured:
    """Score the model of a folder on pairs: of a table, or of a file of sources and that of their targets.

    None is left out as a copy; those it has learned from are counted, and a look at locked ones is kept.
    `details` has `learned` (how many by the source, by the target, by both) and `warnings`. Raises
    BundleError, DataError.
    """
    started = time.monotonic()
    folder, model, log, told = Path(path), Rewriter.load(path), RowLog(), Told()
    aligned = None if target_file is None else Path(target_file)
    names = NAMES[model.task]
    pairs = read_given([Path(data)], aligned, asked_of(model.schema), log, names=names, told=told)
    scores, details, answers = measure_pairs(model, pairs)
    num_learned, learned = _learned(folder, pairs)
    details |= learned | ({"warnings": told.warnings} if told.warnings else {})
    num_locked = _looked(folder, readable_name(data), pairs)
    seconds = time.monotonic() - started
    return Measured(scores, details, log.summary(), seconds, answers, num_learned, num_locked)


def asked_of(schema: dict[str, Any]) -> Asked:
    """How a file is read as the pairs were that a model learned from: the same columns, one direction."""
    columns = schema.get("source"), schema.get("target")
    usual = None if None in columns else (str(columns[0]), str(columns[1]))
    source, target = (
        "" if code == UNDETERMINED else str(code) for code in schema.get("languages") or ("", "")
    )
    return Asked(usual=usual, learned=(source, target))


def measure_pairs(
    model: Rewriter, pairs: Sequence[Pair]
) -> tuple[dict[str, Score], dict[str, Any], list[str]]:
    """Scores, details and answers of a model on pairs."""
    sources, targets = [pair.source for pair in pairs], [pair.target for pair in pairs]
    made = rewrite_long(model, sources)
    answers = [one.text for one in made]
    found = scored(model.task, language_of(targets), sources, answers, [[text] for text in targets])
    details = {**found.details, "confidence": _confidence(model, made, found.quality)}
    return found.scores, details, answers


def _confidence(model: Rewriter, made: Sequence[Rewritten], quality: FloatArray) -> dict[str, Any] | None:
    """Whether the confidence of a folder is to be trusted on these rows; nothing where it has none."""
    rated = np.array([one.confidence is not None for one in made])
    if model.confidence is None or not rated.any():
        return None
    chances = np.array([one.confidence for one in made if one.confidence is not None])
    return judged(model.confidence, chances, quality[rated])


def _learned(folder: Path, pairs: Sequence[Pair]) -> tuple[int, dict[str, Any]]:
    """How many pairs are no news to a model; nothing is said of one of an earlier version."""
    known = read_sides(folder)
    if known is None:
        return 0, {}
    source, target = known.seen([pair.source for pair in pairs], [pair.target for pair in pairs])
    counts = {"source": int(source.sum()), "target": int(target.sum()), "both": int((source & target).sum())}
    return int((source | target).sum()), {"learned": counts}


def _looked(folder: Path, name: str, pairs: Sequence[Pair]) -> int:
    """How many pairs were locked for the test of this model; exports and folders without have no record."""
    if not (folder / LOOKS).is_file():
        return 0
    return count_look(folder, f"evaluate {name}", locked_hashes(pairs))


def locked_hashes(pairs: Sequence[Pair]) -> list[str]:
    """What a locked pair is known by: its source with its target."""
    return row_hashes([f"{pair.source}\n{pair.target}" for pair in pairs])
