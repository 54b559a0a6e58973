"""Texts as they should have been, read again in the right encoding.

They are made anew here and stand in no finding, as they may hold personal data.
"""

from __future__ import annotations

from textwright.audit.checks.encoding import repaired
from textwright.audit.patches.fixing import Fixing
from textwright.core.errors import AuditError


def lines(fixing: Fixing) -> None:
    """`params["encoding"]` names what went wrong. Raises AuditError where it does not."""
    kind = fixing.params.get("encoding")
    if not kind:
        raise AuditError(
            f"{fixing.finding} does not say how its texts are repaired", hint="Audit the data again."
        )
    for i in fixing.positions.tolist():
        if fresh := repaired(fixing.rows[i].text, kind):
            fixing.change(i, "text", fresh)
