"""Data while they are mended: as the patches so far leave them, and the lines of the next one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.records import Note
from textwright.text.patches import Change, Do, Keyed, Patch, Patches, Row, changed
from textwright.text.terms import Masks


def keyed_of(data: AuditData) -> Keyed:
    """What belongs to a row beside its text, so that a patch knows it again."""
    return "labels" if data.labels else "target" if data.others else "text"


def as_rows(data: AuditData) -> list[Row]:
    """The rows as patches see them (N,)."""
    labels, others = data.labels or [()] * len(data), data.others or [""] * len(data)
    return [Row(*row) for row in zip(data.texts, labels, others, strict=True)]


def patched_rows(data: AuditData, patches: Iterable[Patch], audit: Path) -> list[Row]:
    """The rows as these patches leave them (N,); those that they drop say by which. Raises DataError."""
    rows = as_rows(data)
    whole = Patches(audit, tuple(patches))
    overlays = [whole.of_number(number, path) for number, path in enumerate(data.files)]
    for i, (file, number) in enumerate(zip(data.file.tolist(), data.rows.tolist(), strict=True)):
        if file < len(overlays) and number in overlays[file].of_row:
            rows[i] = overlays[file].apply(number, rows[i])
    return rows


@dataclass
class Fixing:
    """One fix of one finding. `rows` (N,) are the rows as they stand, `positions` those of the finding that
    no patch has dropped; what is changed is kept in `changes`; `masks` are what a model must not read.
    """

    data: AuditData
    rows: list[Row]
    positions: IntArray
    params: dict[str, Any]
    audit: Path
    finding: str = ""
    changes: list[Change] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    masks: list[Masks] = field(default_factory=list)

    @property
    def alive(self) -> IntArray:
        """All rows that no patch has dropped."""
        return np.array([i for i, row in enumerate(self.rows) if not row.dropped], np.int64)

    def change(self, position: int, do: Do, value: Any = None) -> None:
        """A line of the patch. Rows that are dropped already are left alone, and what is so already."""
        row = self.rows[position]
        if row.dropped or (do == "text" and value == row.text) or (do == "target" and value == row.target):
            return
        found = row.hash(keyed_of(self.data))
        place = int(self.data.file[position]), int(self.data.rows[position])
        change = Change(*place, found, do, value)
        self.changes.append(change)
        self.rows[position] = changed(row, self.finding or "new", change)
