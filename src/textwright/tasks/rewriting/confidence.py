"""How likely an answer is a good one: a calibrated chance, learned from held-out pairs that were answered.

Good is an answer that is at least as close to what a person wrote (chrF of a translation, ROUGE-L of a
summary) as half of the answers to held-out pairs were: with a fixed number in its place nearly all answers
of one model would be good, and nearly none of another. The chance is a logistic regression of `signs`;
whether it is to be trusted is measured on rows that it was not fitted to, and where it tells no better than
guessing there is none.

Shapes: N answers, K signs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from textwright.bundle.manifest import COPY_AGAIN
from textwright.core.errors import BundleError
from textwright.core.files import read_json
from textwright.core.records import Note
from textwright.core.seeds import generator
from textwright.measure.base import BoolArray, FloatArray, IntArray
from textwright.measure.logistic import Logistic, fit_logistic
from textwright.measure.trust import TrustMeter
from textwright.tasks.rewriting.signs import SIGNS, Answer, Usual, signs_of

CONFIDENCE = "confidence.json"
FORMAT = 1
_FOLDS, _LEAST_ROWS, _LEAST_OF_A_KIND = 5, 100, 10


@dataclass(frozen=True)
class Confidence:
    """`least` is what an answer must reach to be a good one, by the `metric`; `means` and `scales` (K,) are
    what signs are measured by.
    """

    task: str
    metric: str
    least: float
    usual: Usual
    means: FloatArray
    scales: FloatArray
    model: Logistic

    def of(self, answers: Sequence[Answer]) -> FloatArray:
        """The chances (N,) that answers are good ones."""
        return self.model.chances((signs_of(answers, self.usual, self.task) - self.means) / self.scales)

    def to_json(self) -> dict[str, Any]:
        signs = zip(SIGNS, self.means, self.scales, self.model.weights, strict=True)
        return {
            "format": FORMAT,
            "task": self.task,
            "metric": self.metric,
            "least": self.least,
            "usual": self.usual.to_json(),
            "signs": {
                name: {"mean": float(mean), "scale": float(scale), "weight": float(weight)}
                for name, mean, scale, weight in signs
            },
            "bias": self.model.bias,
        }

    @classmethod
    def load(cls, folder: Path) -> Confidence | None:
        """That of a folder, None where it has none. Raises BundleError for a file that is damaged."""
        path = folder / CONFIDENCE
        if not path.is_file():
            return None
        try:
            return cls.from_json(read_json(path))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"{path}: damaged ({error})", hint=COPY_AGAIN) from None

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Confidence:
        """What `to_json` made. Raises ValueError, KeyError, TypeError for anything else."""
        if record["format"] != FORMAT or list(record["signs"]) != list(SIGNS):
            raise ValueError("it is of another version")
        means, scales, weights = (
            np.array([float(record["signs"][name][key]) for name in SIGNS])
            for key in ("mean", "scale", "weight")
        )
        return cls(
            str(record["task"]),
            str(record["metric"]),
            float(record["least"]),
            Usual.from_json(record["usual"]),
            means,
            scales,
            Logistic(weights, float(record["bias"])),
        )


@dataclass(frozen=True)
class Learned:
    """What came of it: `report` is ready for JSON; where there is no confidence a `note` says why."""

    confidence: Confidence | None
    report: dict[str, Any]
    note: Note | None = None

    def to_json(self) -> dict[str, Any]:
        return self.report if self.confidence is None else {**self.report, "model": self.confidence.to_json()}


def learn_confidence(
    answers: Sequence[Answer],
    targets: Sequence[str],
    quality: FloatArray,
    *,
    task: str,
    metric: str,
    seed: int = 0,
) -> Learned:
    """Learn from answers to held-out pairs (N,), what people wrote (N,), and how close these are (N,).

    Each fifth of the rows is told by a model of the other four; what is reported is of these chances, and
    what is kept is learned from all rows. There is none with fewer than 100 rows, fewer than 10 that are good
    or that are not, or where the interval of the AUC holds 0.5.
    """
    if len(answers) < _LEAST_ROWS:
        n = len(answers)
        return _none(
            Note(f"answers have no confidence: {n} that were held out are too few to learn one from")
        )
    least = float(np.median(quality))
    good = quality >= least
    if min(good.sum(), (~good).sum()) < _LEAST_OF_A_KIND:
        return _none(
            Note("answers have no confidence: nearly all that were held out are as good as each other")
        )
    usual = Usual.of([answer.source for answer in answers], targets)
    signs = signs_of(answers, usual, task)
    parts = _parts(good, seed)
    chances = np.zeros(len(signs))
    for part in range(_FOLDS):
        held = parts == part
        means, scales, model = _fitted(signs[~held], good[~held])
        chances[held] = model.chances((signs[held] - means) / scales)
    meter = TrustMeter()
    meter.update(chances, good)
    scores = meter.scores(seed=seed)
    report = {
        "metric": metric,
        "least": least,
        "rows": len(signs),
        "scores": {name: score.to_json() for name, score in scores.items()},
        **meter.details(seed=seed),
    }
    if not scores["auc"].low > 0.5:
        note = Note("answers have no confidence: what is seen of them tells good ones no better than chance")
        return _none(note, report)
    return Learned(Confidence(task, metric, least, usual, *_fitted(signs, good)), report)


def judged(confidence: Confidence, chances: FloatArray, quality: FloatArray) -> dict[str, Any]:
    """The same report of answers (N,) to other pairs, by what was a good answer when it was learned."""
    meter = TrustMeter()
    meter.update(chances, quality >= confidence.least)
    return {
        "metric": confidence.metric,
        "least": confidence.least,
        "rows": len(chances),
        "scores": {name: score.to_json() for name, score in meter.scores().items()},
        **meter.details(),
    }


def _parts(good: BoolArray, seed: int) -> IntArray:
    """The fifth (N,) that each row is told in, each with as many good ones."""
    order = generator(seed, "confidence").permutation(len(good))
    parts = np.zeros(len(good), np.int64)
    parts[order[np.argsort(good[order], kind="stable")]] = np.arange(len(good)) % _FOLDS
    return parts


def _none(note: Note, report: Mapping[str, Any] = MappingProxyType({})) -> Learned:
    return Learned(None, {"why": note.text, **report}, note)


def _fitted(signs: FloatArray, good: BoolArray) -> tuple[FloatArray, FloatArray, Logistic]:
    """What signs (N, K) are measured by, and the model of them."""
    is_scaled = np.array([sign.is_scaled for sign in SIGNS.values()])
    spread = signs.std(axis=0)
    means = np.where(is_scaled, signs.mean(axis=0), 0.0)
    scales = np.where(is_scaled & (spread > 1e-9), spread, 1.0)
    prior = np.array([sign.prior for sign in SIGNS.values()])
    return means, scales, fit_logistic((signs - means) / scales, good, prior)
