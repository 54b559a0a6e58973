"""The data that are audited: rows as they stand in a person's files, not cleaned, with what is known of each.

Shapes: N rows, C labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray
from textwright.text.clean import fold
from textwright.text.duplicates import Likeness, Twins, find_twins
from textwright.text.script import script_shares

FloatArray = NDArray[np.floating]
Labels = tuple[str, ...]

TRAIN, TEST = "train", "test"
# Measured: of 5 % edited characters all are found, also of 10 % in Chinese, 99 % in English.
NEAR = Likeness(grams=(3, 2), thresholds=(0.5, 0.55), num_hashes=160, height=4, min_chars=6, min_grams=4)


class Audited(Protocol):
    """A classifier as an audit sees it: texts to probabilities (N, C) of its labels."""

    @property
    def labels(self) -> Sequence[str]: ...

    def probabilities(self, texts: Sequence[str]) -> FloatArray: ...


@dataclass(frozen=True)
class AuditData:
    """Rows to audit. Everything that is a list or an array has one entry a row.

    texts: the text, or the source of a pair, as it stands; "" where the cell is empty.
    others: the targets of pairs, "" where empty; empty list for other tasks.
    labels: the label names of each row, () where it has none. Empty for pairs, scores and plain texts.
    scores: graded scores (N,), NaN where there is none; None for other tasks.
    parts: `train`, `test` or what the column of parts says; one name only where nothing is split.
    files, file, rows: the files, the number of the file of each row, and the row number that a person would
    look for (the header is row 1).
    columns: other columns that were asked for, by what they are for: `group NAME`, `origin`, `licence`,
    `annotator NAME`. Cells are text, "" where empty.
    seed: of everything that is drawn at random.
    model: who answers, where a model is audited.
    groups_from: what was asked for as groups: `lexicon:zh`, `column:NAME`, a file of terms.
    window: tokens that a model would read, if that was said.
    positive: the label that counts as a hit in rates by group, where a person named one.
    judged: what a person said of findings before, by check and subject: `legitimate` or `artifact`.
    """

    task: str
    texts: list[str]
    rows: IntArray
    labels: list[Labels] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    scores: FloatArray | None = None
    parts: list[str] = field(default_factory=list)
    files: tuple[str, ...] = ()
    file: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    columns: Mapping[str, list[str]] = field(default_factory=dict)
    seed: int = 0
    model: Audited | None = None
    groups_from: tuple[str, ...] = ()
    window: int | None = None
    positive: str | None = None
    judged: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.file):
            object.__setattr__(self, "file", np.zeros(len(self.texts), np.int64))
        if not self.parts:
            object.__setattr__(self, "parts", [TRAIN] * len(self.texts))

    def __len__(self) -> int:
        return len(self.texts)

    def taken(self, rows: Sequence[int] | IntArray) -> AuditData:
        """Some of the rows, in this order."""
        order = [int(row) for row in rows]

        def some(cells: list[str]) -> list[str]:
            return [cells[i] for i in order]

        return replace(
            self,
            texts=some(self.texts),
            rows=self.rows[order],
            labels=[self.labels[i] for i in order] if self.labels else [],
            others=some(self.others) if self.others else [],
            scores=None if self.scores is None else self.scores[order],
            parts=some(self.parts),
            file=self.file[order],
            columns={name: some(cells) for name, cells in self.columns.items()},
        )

    def with_texts(self, texts: Mapping[int, str]) -> AuditData:
        """Some texts replaced, by their position."""
        return replace(self, texts=[texts.get(i, text) for i, text in enumerate(self.texts)])

    def with_others(self, texts: Mapping[int, str]) -> AuditData:
        """Some targets of pairs replaced, by their position."""
        return replace(self, others=[texts.get(i, text) for i, text in enumerate(self.others)])

    def relabelled(self, labels: list[Labels]) -> AuditData:
        return replace(self, labels=labels)

    def in_parts(self, parts: list[str]) -> AuditData:
        """The same rows in other parts."""
        return replace(self, parts=parts)

    def in_part(self, name: str) -> AuditData:
        """All rows in one part."""
        return self.in_parts([name] * len(self))

    def appended(self, rows: AuditData) -> AuditData:
        """With the rows of another one of the same columns behind; they get row numbers after the last."""
        last = int(self.rows.max()) if len(self) else 1
        return replace(
            self,
            texts=[*self.texts, *rows.texts],
            rows=np.concatenate([self.rows, last + 1 + np.arange(len(rows))]),
            labels=[*self.labels, *rows.labels],
            others=[*self.others, *rows.others],
            scores=None if self.scores is None else np.concatenate([self.scores, rows.scores]),
            parts=[*self.parts, *rows.parts],
            file=np.concatenate([self.file, rows.file]),
            columns={name: [*cells, *rows.columns[name]] for name, cells in self.columns.items()},
        )

    def has(self, need: str) -> bool:
        """Whether what a check needs is there: see `base.Need`."""
        if need == "labels":
            return any(self.labels)
        if need == "parts":
            return len(set(self.parts)) > 1
        if need == "annotators":
            return len(self.named("annotator")) > 1
        if need == "origins":
            return bool(self.named("origin") or self.named("licence"))
        if need == "groups":
            return bool(self.groups_from or self.named("group"))
        if need == "model":
            return self.model is not None
        return True

    def named(self, use: str) -> dict[str, list[str]]:
        """The columns for one use: `{"ann_a": [...]}` for `annotator`; `origin` and `licence` have one."""
        return {
            name.partition(" ")[2] or name: cells
            for name, cells in self.columns.items()
            if name.partition(" ")[0] == use
        }

    @cached_property
    def folded(self) -> list[str]:
        """The texts as they are compared: case, width, blanks and punctuation do not count."""
        return [fold(text) for text in self.texts]

    @cached_property
    def whole(self) -> list[str]:
        """The same of both sides of a pair: a source may well have several targets."""
        if not self.others:
            return self.folded
        return [f"{a} {fold(b)}" for a, b in zip(self.folded, self.others, strict=True)]

    @cached_property
    def near(self) -> Twins:
        """Exact and near twins by character n-grams, of pairs both sides together, for several checks."""
        return find_twins(self.whole, seed=self.seed, likeness=NEAR)

    @cached_property
    def label_names(self) -> list[str]:
        """All labels, the most frequent first."""
        counts = Counter(label for labels in self.labels for label in labels)
        return sorted(counts, key=lambda name: (-counts[name], name))

    @cached_property
    def label_ids(self) -> IntArray:
        """The first label of each row as its place in `label_names` (N,), -1 where there is none."""
        place = {name: i for i, name in enumerate(self.label_names)}
        return np.array([place[labels[0]] if labels else -1 for labels in self.labels], np.int64)

    @cached_property
    def scripts(self) -> dict[str, float]:
        """Shares of the letters of the texts by script."""
        return script_shares(self.texts)

    @cached_property
    def language(self) -> str:
        """`zh` (Han letters), `en` (Latin letters), else the script that most letters are of.

        Latin letters are taken for English: the languages check tells others apart.
        """
        if not self.scripts:
            return "none"
        if self.scripts.get("kana", 0) > 0.1:
            return "ja"
        most = max(self.scripts, key=lambda name: self.scripts[name])
        return {"han": "zh", "latin": "en"}.get(most, most)

    @cached_property
    def out_of_fold(self) -> tuple[IntArray, FloatArray]:
        """Rows (M,) with a text and one label, and the chances (M, C) of `label_names` for each, by a bag of
        words that learned neither from the row nor from a twin of it.
        """
        from textwright.audit.shared import chances_out_of_fold

        return chances_out_of_fold(self)

    @cached_property
    def answers(self) -> FloatArray:
        """What the model answers to the texts: probabilities (N, C of `model.labels`)."""
        assert self.model is not None
        return self.model.probabilities(self.texts)

    def place(self, position: int) -> dict[str, object]:
        """Where a row stands: its file, when there are several, and its row number."""
        row: dict[str, object] = {"row": int(self.rows[position])}
        return row if len(self.files) < 2 else {"file": int(self.file[position]), **row}
