"""Data to audit as the patches of an earlier audit leave them, to see what is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from textwright.audit.patches.fixing import as_rows
from textwright.audit.subject import AuditData
from textwright.text.patches import Overlay, Row, read_patches


def overlaid(data: AuditData, audit: str | Path) -> AuditData:
    """Without the rows that patches drop, with the texts and labels that they change and the rows they add.

    Files that the patches do not know are left as they are where another one is known. Raises DataError.
    """
    patches = read_patches(audit)
    hashes = {one["sha256"] for one in patches.patches[0].manifest["files"]}
    overlays: dict[int, Overlay] = {}
    for number, path in enumerate(data.files):
        if number == 0 or len(hashes) > 1:
            overlays[number] = patches.of_file(path)
    kept: list[int] = []
    rows: list[Row] = []
    for i, row in enumerate(as_rows(data)):
        overlay = overlays.get(int(data.file[i]))
        new = overlay.apply(int(data.rows[i]), row) if overlay else row
        if not new.dropped:
            for one in (new, *new.added):
                kept.append(i)
                rows.append(one)
    return replace(
        data.taken(np.array(kept, np.int64)),
        texts=[row.text for row in rows],
        labels=[row.labels for row in rows] if data.labels else [],
        others=[row.target for row in rows] if data.others else [],
    )
