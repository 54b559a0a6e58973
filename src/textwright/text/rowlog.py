"""Every row that was dropped or changed while reading and cleaning: counted by reason, and listable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Action = Literal["dropped", "changed"]


@dataclass
class RowLog:
    """Counts for each (action, reason), with row numbers; `detail` is kept for the first rows only."""

    max_listed: int = 100_000
    max_details: int = 1_000
    counts: dict[tuple[Action, str], int] = field(default_factory=dict)
    _rows: list[tuple[Action, str, int, str]] = field(default_factory=list)

    def dropped(self, reason: str, row: int, detail: str = "") -> None:
        self._add("dropped", reason, row, detail)

    def changed(self, reason: str, row: int, detail: str = "") -> None:
        self._add("changed", reason, row, detail)

    def _add(self, action: Action, reason: str, row: int, detail: str) -> None:
        key = (action, reason)
        self.counts[key] = self.counts.get(key, 0) + 1
        if len(self._rows) < self.max_listed:
            short = detail[:80] if self.counts[key] <= self.max_details else ""
            self._rows.append((action, reason, row, short))

    def drain(self) -> list[dict[str, Any]]:
        """The records since the last drain, which are then forgotten (not the counts): for long streams."""
        drained = list(self.records())
        self._rows.clear()
        return drained

    def summary(self) -> list[dict[str, Any]]:
        """One record a reason: action, reason, rows (their number)."""
        return [{"action": a, "reason": r, "rows": n} for (a, r), n in self.counts.items()]

    def records(self) -> Iterator[dict[str, Any]]:
        """One record a row: action, reason, row number, the beginning of what was found."""
        for action, reason, row, detail in self._rows:
            yield {"action": action, "reason": reason, "row": row, "found": detail}
