"""How good the summaries of an extractor are on a file of texts with summaries, beside those of baselines."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textwright.bundle.folder import load_manifest
from textwright.core.records import Score
from textwright.tasks.rewriting.rows import language_of_targets
from textwright.tasks.summarizing.baselines import Baseline
from textwright.tasks.summarizing.extractive import Summarizer
from textwright.tasks.summarizing.judging import judged
from textwright.tasks.summarizing.learned import read_extractor
from textwright.text.pairs.aligned import read_given
from textwright.text.pairs.reading import NAMES, Asked
from textwright.text.rowlog import RowLog


@dataclass(frozen=True)
class Measured:
    """Scores on a file of `n` pairs, with what reading it did."""

    n: int
    scores: dict[str, Score]
    details: dict[str, Any]
    cleaning: list[dict[str, Any]]
    seconds: float


def evaluate_extractor(path: str | Path, data: str | Path, target_file: str | Path | None = None) -> Measured:
    """Its scores on all pairs of a table, or of two files, `beside` those of baselines.

    Baselines are as long as did best on the pairs that the extractor learned from. Raises BundleError,
    DataError.
    """
    started, log = time.monotonic(), RowLog()
    extractor, config = read_extractor(path)
    schema = load_manifest(Path(path)).data_schema
    columns = Asked(schema.get("source"), schema.get("target"))
    aligned = None if target_file is None else Path(target_file)
    pairs = read_given([Path(data)], aligned, columns, log, names=NAMES["summarize"])
    baselines = [Baseline.from_json(record) for record in config.get("baselines", ())]
    sides = [pair.source for pair in pairs], [pair.target for pair in pairs]
    found = judged(Summarizer.of(extractor), baselines, *sides, language_of_targets(pairs))
    return Measured(len(pairs), found.scores, found.details, log.summary(), time.monotonic() - started)
