"""What a model answered, beside the truth: the problem that checks of groups and slices share.

Shapes: N rows with a label that the model has, C labels of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textwright.audit.subject import AuditData
from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.core.ragged import IntArray

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
# Labels that are what one looks for, the surest first.
HITS = (
    "toxic", "hate", "hateful", "hate_speech", "offensive", "abusive", "abuse", "harmful", "insult", "spam",
    "有毒", "仇恨", "冒犯", "攻击", "辱骂", "有害", "垃圾", "垃圾短信", "差评", "positive", "pos", "正面",
    "好评", "yes", "true", "1", "是",
)  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """rows: positions in the data of the N rows that count; truth, picked: label ids (N,).

    probabilities: (N, C); positive: the id of the label that rates by group are about.
    """

    rows: IntArray
    truth: IntArray
    picked: IntArray
    probabilities: FloatArray
    labels: tuple[str, ...]
    positive: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def right(self) -> BoolArray:
        return np.asarray(self.picked == self.truth)

    @property
    def is_positive(self) -> BoolArray:
        return np.asarray(self.truth == self.positive)

    @property
    def is_called(self) -> BoolArray:
        """Whether the answer is the positive label."""
        return np.asarray(self.picked == self.positive)

    @property
    def scores(self) -> FloatArray:
        """The probability (N,) of the positive label."""
        return self.probabilities[:, self.positive]

    @property
    def confidence(self) -> FloatArray:
        """The probability (N,) of the answer."""
        return self.probabilities[np.arange(len(self)), self.picked]

    @property
    def label(self) -> str:
        return self.labels[self.positive]


def answered(data: AuditData) -> Answered:
    """What the model says of the rows with a label that it has.

    Raises ConfigError where `positive` is no label of the model.
    """
    assert data.model is not None
    place = {name: i for i, name in enumerate(data.model.labels)}
    truth = np.array([place.get(own[0], -1) if own else -1 for own in data.labels], np.int64)
    rows = np.flatnonzero(truth >= 0)
    probabilities = np.asarray(data.answers[rows], np.float64)
    positive = positive_label(data.model.labels, truth[rows], data.positive)
    return Answered(
        rows,
        truth[rows],
        picked_by(data.model, probabilities),
        probabilities,
        tuple(data.model.labels),
        positive,
    )


def picked_by(model: object, probabilities: FloatArray) -> IntArray:
    """Label ids (N,): the most probable, with the offsets of a model that has some (`Decode.offsets`)."""
    offsets = getattr(model, "offsets", ())
    if not len(offsets):
        return np.asarray(probabilities.argmax(axis=1), np.int64)
    support = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny)) + np.asarray(offsets)
    return np.asarray(support.argmax(axis=1), np.int64)


def positive_label(labels: Sequence[str], truth: IntArray, asked: str | None = None) -> int:
    """The label that counts as a hit: the one named, else one that is called so, else the rarest.

    Called so are `HITS`, whatever the case: the first of them that is a label. Raises ConfigError.

    >>> positive_label(["clean", "Toxic"], np.array([0, 1])), positive_label(["a", "b"], np.array([0, 1, 1]))
    (1, 0)
    """
    if asked is not None:
        if asked not in labels:
            raise ConfigError(
                f"positive={asked}: the model has no such label", hint=did_you_mean(asked, labels)
            )
        return [*labels].index(asked)
    called = {name.strip().lower(): i for i, name in reversed([*enumerate(labels)])}
    for name in HITS:
        if name in called and (name != "1" or len(labels) == 2):  # one of many numbers is a grade
            return called[name]
    counts = np.bincount(truth, minlength=len(labels)).astype(np.float64)
    counts[counts == 0] = np.inf  # a label of no row measures nothing
    return int(counts.argmin())
