"""Rows that are wanted: no patch, but a list of how many of what, in `wanted.csv` of the audit."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from textwright.audit.patches.fixing import Fixing
from textwright.core.files import write_atomic

WANTED = "wanted.csv"
_NAMES = ("finding", "group", "label", "rows", "what")


def wanted(fixing: Fixing, what: str) -> Path:
    """Put a line into the list, in the place of one for the same finding. Gives the file."""
    path, params = fixing.audit / WANTED, fixing.params
    groups = params.get("groups") or [params.get("group", "")]
    is_other = params.get("with_label") is False
    label = f"not {params['label']}" if is_other else params.get("label", "")
    line = {
        "finding": fixing.finding,
        "group": " + ".join(map(str, groups)),
        "label": label,
        "rows": params.get("rows", ""),
        "what": what,
    }
    old = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))) if path.is_file() else []
    out = io.StringIO()
    writer = csv.DictWriter(out, _NAMES, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*(row for row in old if row["finding"] != fixing.finding), line])
    write_atomic(path, out.getvalue())
    return path
