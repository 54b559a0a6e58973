"""What a training of pairs leaves besides the model: scores on what was locked, and what it has learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textwright.bundle.folder import is_bundle, load_manifest
from textwright.bundle.learned import read_sides, write_sides
from textwright.bundle.looks import first_looks
from textwright.bundle.manifest import LOOKS, PAIRS, DataRecord
from textwright.core.errors import ConfigError
from textwright.core.records import Score, Split
from textwright.tasks.pretraining.corpus import Learned
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.pretraining.starting import Start
from textwright.tasks.rewriting.confidence import Confidence
from textwright.tasks.rewriting.engines.library import LibraryEngine
from textwright.tasks.rewriting.evaluating import locked_hashes, measure_pairs
from textwright.tasks.rewriting.locked import Locked, read_locked
from textwright.tasks.rewriting.model import Rewriter
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.model import LanguageModel

_OF_PAIRS = ("source_language", "target_language", "target_file", "test", "test_target_file", "test_share")


@dataclass(frozen=True)
class Final:
    """The scores that count, and of what; `validation` are those of the held-out part, where others count."""

    scores: dict[str, Score]
    details: dict[str, Any]
    split: Split = "validation"
    validation: dict[str, Score] = field(default_factory=dict)
    validation_details: dict[str, Any] = field(default_factory=dict)
    is_cut: bool = False

    def record(self) -> dict[str, Any]:
        """What `scores.json` says."""
        found = {"split": self.split, "scores": _written(self.scores), "details": self.details}
        if self.split == "validation":
            return found
        other = {"scores": _written(self.validation), "details": self.validation_details}
        return {**found, "validation": other}


def refuse_settings_of_pairs(recipe: PretrainRecipe, objective: str) -> None:
    """Raises ConfigError for what says nothing of raw text."""
    for name in _OF_PAIRS:
        if objective not in PAIRS and getattr(recipe.data, name):
            raise ConfigError(
                f"data.{name} is of pairs, and the objective is {objective}", hint="Leave it out."
            )


def spoiled(start: Start | None, learned: Learned) -> list[str]:
    """Why scores on what is locked are too good: the model that this starts from may have learned it."""
    locked, folder = read_locked(learned.folder), _parent(start)
    if locked is None or folder is None:
        return []
    known = read_sides(folder)
    if known is None:
        return [
            f"{folder.name} does not say which pairs it learned from: those to test on may be among them, "
            "and the scores too good"
        ]
    sides = known.seen([pair.source for pair in locked.pairs], [pair.target for pair in locked.pairs])
    number = int((sides[0] | sides[1]).sum())
    if not number:
        return []
    return [
        f"{folder.name} has learned a side of {number:,} of the {len(locked.pairs):,} pairs to test on, so "
        "scores on them are too good"
    ]


def _parent(start: Start | None) -> Path | None:
    """The folder of a model of pairs that a training starts from."""
    if start is None or not is_bundle(start.checkpoint.path):
        return None
    return start.checkpoint.path if load_manifest(start.checkpoint.path).task in PAIRS else None


def tested(
    model: LanguageModel,
    learned: Learned,
    task: str,
    settings: DecodeSettings,
    validation: Final,
    rated: dict[str, Any] | None = None,
) -> Final:
    """Scores on the locked pairs, where there are any; those of validation stay beside them.

    Ctrl-C leaves the model without its last measurement.
    """
    locked = read_locked(learned.folder)
    if locked is None:
        return validation
    engine = LibraryEngine.of(model)
    schema = {"languages": learned.corpus.train.about["languages"]}
    confidence = None if rated is None else Confidence.from_json(rated)
    rewriter = Rewriter(engine, model.tokenizer, model.length, task, settings, schema, confidence)
    try:
        scores, details, _ = measure_pairs(rewriter, locked.pairs)
    except KeyboardInterrupt:
        return Final(validation.scores, validation.details, is_cut=True)
    return Final(scores, details, "test", validation.scores, validation.details)


def write_known(folder: Path, learned: Learned, start: Start | None) -> None:
    """Which texts were learned from, also by what this starts from, and which pairs are locked."""
    own, parent = read_sides(learned.folder, verify=False), _parent(start)
    if own is not None and parent is not None:
        before = read_sides(parent)
        own = None if before is None else own.with_those_of(before)
    write_sides(folder, own)
    locked = read_locked(learned.folder)
    if locked is not None:
        (folder / LOOKS).write_text(first_looks(locked_hashes(locked.pairs)), encoding="utf-8")


def record_of(locked: Locked) -> DataRecord:
    """The second file that a model was made from."""
    return DataRecord(
        name=locked.name, fingerprint=locked.fingerprint, rows=len(locked.pairs), cleaning=locked.cleaning
    )


def _written(scores: dict[str, Score]) -> dict[str, Any]:
    return {name: score.to_json() for name, score in scores.items()}
