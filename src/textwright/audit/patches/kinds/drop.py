"""Rows of the finding are left out."""

from __future__ import annotations

from textwright.audit.patches.fixing import Fixing


def lines(fixing: Fixing) -> None:
    for i in fixing.positions.tolist():
        fixing.change(i, "drop")
