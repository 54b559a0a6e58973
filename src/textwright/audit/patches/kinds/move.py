"""Rows to learn from that have a twin in another part are left out; those of the other part stay."""

from __future__ import annotations

from textwright.audit.patches.fixing import Fixing
from textwright.audit.subject import TRAIN
from textwright.core.errors import AuditError


def lines(fixing: Fixing) -> None:
    """`params["rows"]` are their positions; without them those rows of the finding that are learned from.

    Raises AuditError for rows of a test: they are never taken away without a person who sees it.
    """
    parts = fixing.data.parts
    learned = TRAIN if TRAIN in parts else parts[0]
    named = fixing.params.get("rows")
    rows = [i for i in fixing.positions.tolist() if parts[i] == learned] if named is None else named
    if (other := next((i for i in rows if parts[i] != learned), None)) is not None:
        raise AuditError(
            f"row {int(fixing.data.rows[other]):,} belongs to {parts[other]}: only rows of {learned} are "
            "taken out",
            hint="Audit the files again.",
        )
    for i in rows:
        fixing.change(i, "drop")
