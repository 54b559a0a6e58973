"""Labels that people have changed in a review; none without."""

from __future__ import annotations

from textwright.audit.patches.fixing import Fixing
from textwright.core.errors import AuditError


def lines(fixing: Fixing) -> None:
    """`params["labels"]` are those that the review agreed on, by position. Raises AuditError without any."""
    labels = fixing.params.get("labels", {})
    if not labels:
        raise AuditError(
            f"no label of {fixing.finding} has been reviewed to the end: two people have to agree on it",
            hint="Review with textwright audit review AUDIT --who NAME; --one-key lets one person decide.",
        )
    for i, label in labels.items():
        if fixing.rows[i].labels != (label,):
            fixing.change(i, "label", [label])
