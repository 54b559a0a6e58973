"""Texts as they should have been, made by the check that found them."""

from __future__ import annotations

from textwright.audit.patches.fixing import Fixing
from textwright.core.errors import AuditError


def lines(fixing: Fixing) -> None:
    """`params["texts"]` and `params["targets"]` are new texts by position. Raises AuditError without any."""
    if not {"texts", "targets"} & {*fixing.params}:
        raise AuditError(
            f"{fixing.finding} does not say how its texts are repaired", hint="Audit the data again."
        )
    for i, text in fixing.params.get("texts", {}).items():
        fixing.change(int(i), "text", text)
    for i, text in fixing.params.get("targets", {}).items():
        fixing.change(int(i), "target", text)
