"""Whether the label can be told from what is around the text: its length, signs, first and last characters.

A linear model of these alone is asked out of fold, and compared with itself on shuffled labels.

Shapes: N rows, K features, C classes.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from textwright.audit.base import Check, Planted, shuffled_labels
from textwright.audit.findings import Evidence, Finding, Fix, Result, not_applicable, too_few
from textwright.audit.shared import labelled
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator

Floats = NDArray[np.float64]
MIN_ROWS, MAX_ROWS, FOLDS = 100, 20_000, 5
FLOOR, LEVEL = 0.05, 0.01
SHUFFLES, FIRST_SHUFFLES = 120, 20
_SIGNS = ".,!?;:…。，！？；：、\"'“”()（）《》-~"
_FREQUENT = 30  # first or last characters, and origins, that have a feature of their own
_PENALTY = 1.0
_HAN = re.compile("[\u3400-\u9fff]")  # three of them are a word: all count as the same, and signs stay


def run(data: AuditData) -> Result:
    rows = labelled(data)
    if len(rows) < MIN_ROWS:
        return too_few(f"{len(rows):,} rows have a text and one label: it takes {MIN_ROWS}")
    rng = generator(data.seed, "metadata")
    if len(rows) > MAX_ROWS:
        rows = np.sort(rng.choice(rows, MAX_ROWS, replace=False))
    classes = np.unique(data.label_ids[rows], return_inverse=True)[1]
    if classes.max() == 0:
        return not_applicable("all rows have the same label")
    blocks = features(data, rows)
    fold = rng.permutation(len(rows)) % FOLDS
    solver = _Solver(np.concatenate([*blocks.values()], axis=1), fold)
    value = solver.score(classes)
    chance = [solver.score(rng.permutation(classes)) for _ in range(FIRST_SHUFFLES)]
    counts = np.bincount(classes)
    majority = 2 * counts.max() / (len(classes) + counts.max()) / len(counts)
    is_large = value - max(float(np.mean(chance)), majority) > FLOOR
    if is_large:
        chance += [solver.score(rng.permutation(classes)) for _ in range(SHUFFLES - FIRST_SHUFFLES)]
    p = (1 + sum(other >= value for other in chance)) / (1 + len(chance))
    base = max(float(np.mean(chance)), majority)
    numbers = {"rows": len(rows), "macro_f1": value, "chance": base, "p": p}
    alone = {name: _Solver(block, fold).score(classes) for name, block in blocks.items()}
    tables = {"alone": [{"of": name, "macro_f1": score} for name, score in alone.items()]}
    if not is_large or p >= LEVEL:
        return Result.of([], numbers, tables)
    most = max(alone, key=lambda name: alone[name])
    finding = Finding(
        "metadata",
        "info",
        f"the label can be told without reading: macro-F1 {value:.2f} from length, signs and ends of texts "
        f"alone, where chance has {base:.2f}",
        subject="metadata",
        evidence=Evidence(
            "macro_f1", value, len(rows), baseline=base, effect=value - base, test="permutation", p=p, tests=1
        ),
        why="a model may learn the form of the texts, and fail where it is another one",
        limits="first words may be what the text says, as in questions: the table says what tells it alone",
        fixes=(Fix("collect", "collect rows of every label from the same places, in the same form"),),
        details={"most": most},
    )
    return Result.of([finding], numbers, tables)


def features(data: AuditData, rows: IntArray) -> dict[str, Floats]:
    """Features (N, K) by what they are of."""
    texts = [data.texts[i].strip() for i in rows.tolist()]
    length = np.log1p(np.array([len(text) for text in texts], np.float64))
    cuts = np.quantile(length, np.linspace(0, 1, 11)[1:-1])
    signs = np.array([[text.count(sign) for sign in _SIGNS] for text in texts], np.float64)
    others = np.array(
        [
            [sum(c in string.digits for c in t), sum(c.isupper() for c in t)]
            for t in (x[:1000] for x in texts)
        ],
        np.float64,
    )
    found = {
        "length": np.concatenate([length[:, None], (length[:, None] > cuts).astype(np.float64)], axis=1),
        "signs": np.log1p(np.concatenate([signs, others], axis=1)),
        "first characters": _one_hot([_HAN.sub("字", text[:3]) for text in texts]),
        "last characters": _one_hot([_HAN.sub("字", text[-3:]) for text in texts]),
    }
    for cells in data.named("origin").values():
        found["origin"] = _one_hot([cells[i].strip() for i in rows.tolist()])
    return found


def _one_hot(cells: Sequence[str]) -> Floats:
    place = {cell: k for k, (cell, _) in enumerate(Counter(cells).most_common(_FREQUENT))}
    known = np.array([place.get(cell, -1) for cell in cells])
    found: Floats = (known[:, None] == np.arange(len(place))).astype(np.float64)
    return found


class _Solver:
    """Ridge regression out of fold, whose costly half is the same for all labels."""

    def __init__(self, rows: Floats, fold: IntArray) -> None:
        spread = rows.std(axis=0)
        scaled = (rows - rows.mean(axis=0))[:, spread > 0] / spread[spread > 0]
        self._parts = []
        for number in range(FOLDS):
            kept, held = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            own = scaled[kept]
            gram = own.T @ own + _PENALTY * np.eye(own.shape[1])
            self._parts.append((kept, held, own, scaled[held], gram))

    def score(self, classes: IntArray) -> float:
        """Macro-F1 of the answers; every class counts alike, however frequent."""
        num = int(classes.max()) + 1
        found = np.zeros(len(classes), np.int64)
        for kept, held, own, asked, gram in self._parts:
            shares = np.bincount(classes[kept], minlength=num) / len(kept)
            wanted = (classes[kept][:, None] == np.arange(num)) - shares
            answers = asked @ np.linalg.solve(gram, own.T @ wanted)
            found[held] = (answers / np.sqrt(np.maximum(shares, 1e-9))).argmax(axis=1)
        table = np.bincount(classes * num + found, minlength=num * num).reshape(num, num)
        sizes = table.sum(axis=0) + table.sum(axis=1)
        return float(np.mean(2 * table.diagonal() / np.maximum(sizes, 1)))


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """A share of the rows of one label, and no other row, ends in three dots."""
    rng = generator(seed, "metadata", "plant")
    label = data.label_names[int(rng.integers(len(data.label_names)))]
    own = rng.permutation([i for i, labels in enumerate(data.labels) if labels == (label,)])
    chosen = own[: round(rate * len(own))].tolist()
    return Planted(
        data.with_texts({i: f"{data.texts[i]}..." for i in chosen}), subjects=frozenset({"metadata"})
    )


CHECK = Check(
    id="metadata",
    family="shortcuts",
    says="labels that length, signs and the ends of texts tell without reading",
    run=run,
    plant=plant,
    null=shuffled_labels,
    tasks=frozenset({"classify"}),
    needs=frozenset({"labels"}),
    cost="slow",
    rates=(0.5, 0.9),
)
