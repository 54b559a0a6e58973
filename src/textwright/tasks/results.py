"""What the verbs give back; `textwright.api` hands these out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textwright.bundle.folder import load_manifest
from textwright.core.records import Candidate, Score, Split
from textwright.report.folder import in_words
from textwright.report.words import Language


@dataclass(frozen=True)
class Trained:
    """What a training gave; `split` says which part `scores` come from."""

    out: Path
    task: str
    model: str
    seconds: float
    parameters: int
    bytes: int
    candidates: list[Candidate]
    scores: dict[str, Score]
    split: Split
    interrupted: bool = False

    def in_words(self, language: Language = "en") -> list[str]:
        """How good the model is, in the first sentences of its report."""
        manifest = load_manifest(self.out).model_dump(mode="json", by_alias=True)
        return in_words(self.out, manifest, language)

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "model": self.model,
            "out": str(self.out),
            "seconds": round(self.seconds, 3),
            "parameters": self.parameters,
            "bytes": self.bytes,
            "candidates": [c.to_json() for c in self.candidates],
            "scores": {k: v.to_json() for k, v in self.scores.items()},
            "split": self.split,
            "interrupted": self.interrupted,
        }


@dataclass(frozen=True)
class Evaluated:
    """Scores of a model on a file, and how many of its rows the model has learned from."""

    n: int
    seconds: float
    scores: dict[str, Score]
    details: dict[str, Any]
    num_locked: int
    cleaning: list[dict[str, Any]]
    wrong: list[dict[str, Any]]
    num_learned: int = 0
    split: Split = "given"

    def to_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "seconds": round(self.seconds, 3),
            "scores": {k: v.to_json() for k, v in self.scores.items()},
            "split": self.split,
            "locked_rows": self.num_locked,
            "learned_rows": self.num_learned,
            "trained_on": self.num_learned > 0,
            "cleaning": self.cleaning,
            "wrong": self.wrong,
            "details": self.details,
        }


@dataclass(frozen=True)
class Carded:
    """The pages that were written into a model folder, and what nobody has measured or stated yet."""

    out: Path
    files: list[str]
    not_assessed: list[str]

    def to_json(self) -> dict[str, Any]:
        return {"out": str(self.out), "files": self.files, "not_assessed": self.not_assessed}
