"""Models whose answers are known: right as often as we say, by row. Faults of models are planted with them.

Shapes: N rows, C labels.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from textwright.audit.subject import AuditData, Audited
from textwright.core.seeds import generator

Array = NDArray[np.float64]
RIGHT = 0.85


@dataclass(frozen=True)
class DrawnModel:
    """Answers drawn once for each text; to a text that it does not know, all labels are as likely.

    labels: its labels; place: the row of each text; rows: probabilities (N, C).
    """

    labels: tuple[str, ...]
    place: Mapping[str, int]
    rows: Array

    def probabilities(self, texts: Sequence[str]) -> Array:
        """(N, C) as drawn."""
        found = np.array([self.place.get(text, -1) for text in texts], np.int64)
        even = np.full((len(texts), len(self.labels)), 1 / len(self.labels))
        return np.where(found[:, None] >= 0, self.rows[found], even)

    def sharpened(self, factor: float) -> DrawnModel:
        """With all logits times `factor`: the same answers, surer than they should be where it is above 1."""
        powers = np.maximum(self.rows, 1e-12) ** factor
        return replace(self, rows=powers / powers.sum(axis=1, keepdims=True))

    def leaning(self, label: int, by: Array) -> DrawnModel:
        """With the log-odds of one label moved by (N,)."""
        powers = self.rows.copy()
        powers[:, label] *= np.exp(by)
        return replace(self, rows=powers / powers.sum(axis=1, keepdims=True))


def drawn_model(data: AuditData, seed: int, chance: Array | float = RIGHT) -> DrawnModel:
    """A model that is right in each row with a chance (N,), and says so: it is calibrated.

    How sure it is varies evenly around the chance; so it ranks rows as well.

    >>> from textwright.audit.proof.made import made
    >>> data = made("en", rows=400)
    >>> model = drawn_model(data, 0)
    >>> right = model.probabilities(data.texts).argmax(axis=1) == data.label_ids
    >>> bool(0.8 < right.mean() < 0.9)
    True
    """
    rng = generator(seed, "audit", "drawn model")
    truth, num = data.label_ids, len(data.label_names)
    chances = np.broadcast_to(np.asarray(chance, np.float64), truth.shape)
    width = 0.9 * np.minimum(1 - chances, np.maximum(chances - 1 / num, 0.0))
    sure = chances + width * rng.uniform(-1, 1, len(truth))
    wrong = (truth + rng.integers(1, num, len(truth))) % num if num > 1 else truth
    picked = np.where(rng.random(len(truth)) < sure, truth, wrong)
    rows = np.repeat((1 - sure)[:, None] / max(num - 1, 1), num, axis=1)
    rows[np.arange(len(truth)), picked] = sure
    place = {text: i for i, text in reversed([*enumerate(data.texts)])}
    return DrawnModel(tuple(data.label_names), place, rows)


def with_model(data: AuditData, model: Audited) -> AuditData:
    """The data with another model to ask."""
    return replace(data, model=model)


def with_groups(data: AuditData, seed: int, names: Sequence[str] = ("a", "b", "c")) -> AuditData:
    """With a column `team`, which says nothing of the texts: even groups, drawn at random."""
    drawn = generator(seed, "audit", "teams").integers(len(names), size=len(data))
    cells = [names[i] for i in drawn.tolist()]
    return replace(data, columns={**data.columns, "group team": cells}, groups_from=("team",))


def group_of(data: AuditData, name: str) -> NDArray[np.bool_]:
    """Which rows (N,) have this name in the column `team`."""
    return np.array([cell == name for cell in data.columns["group team"]], np.bool_)


@dataclass(frozen=True)
class WordModel:
    """A model of two labels whose log-odds are a sum over words: small ones of all words, and `leans`.

    Words are runs of letters, and each Han character. A term of `leans` counts by itself, once a text.
    """

    labels: tuple[str, ...]
    leans: Mapping[str, float]

    def probabilities(self, texts: Sequence[str]) -> Array:
        """(N, 2)."""
        second = 1 / (1 + np.exp(-np.array([self._odds(text) for text in texts], np.float64)))
        return np.column_stack([1 - second, second])

    def _odds(self, text: str) -> float:
        odds = 0.0
        for term, lean in self.leans.items():
            if term in text:
                odds += lean
                text = text.replace(term, " ")
        return odds + sum(_weight(word) for word in re.findall(r"[a-z]+|[\u4e00-\u9fff]", text.lower()))


def _weight(word: str) -> float:
    return (zlib.crc32(word.encode("utf-8", "replace")) % 1001 / 1000 - 0.5) / 2
