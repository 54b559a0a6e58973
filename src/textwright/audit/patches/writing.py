"""Patches into the folder of an audit, whole or not at all, and out of it again."""

from __future__ import annotations

import datetime
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textwright.core.errors import AuditError
from textwright.core.files import explained, publish_folder, sha256, to_json
from textwright.core.names import did_you_mean
from textwright.text.patches import (
    FOLDER,
    FORMAT,
    LINES,
    MANIFEST,
    MASKS,
    Change,
    Patch,
    patches_in,
    read_patch,
)
from textwright.text.terms import Masks

UNDONE = ".undone"


def write_patch(
    audit: Path,
    kind: str,
    changes: Sequence[Change],
    files: list[dict[str, Any]],
    about: dict[str, Any],
    masks: Sequence[Masks] = (),
) -> Patch:
    """Publish a patch in one step. `about` holds `keyed`, `findings`, `rule`, and who says why, if anyone."""
    name = _next_name(audit, kind, about["findings"])
    folder = audit / FOLDER / name

    def fill(fresh: Path) -> None:
        lines = (json.dumps(vars(change)) for change in changes)
        (fresh / LINES).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        if masks:
            (fresh / MASKS).write_text(
                to_json([one.model_dump(mode="json") for one in masks]), encoding="utf-8"
            )
        manifest = {
            "format": FORMAT,
            "name": name,
            "kind": kind,
            **about,
            "counts": dict(Counter(change.do for change in changes)),
            "rows": len({(change.file, change.row) for change in changes}),
            "files": files,
            "sha256": sha256(fresh / LINES),
            **({"masks_sha256": sha256(fresh / MASKS)} if masks else {}),
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        (fresh / MANIFEST).write_text(to_json(manifest), encoding="utf-8")

    publish_folder(folder, fill)
    return read_patch(folder)


def _next_name(audit: Path, kind: str, findings: Sequence[str]) -> str:
    """`003-drop-near_twins-e3b0c4`: numbers of patches that were taken back are not used again."""
    homes = audit / FOLDER, audit / FOLDER / UNDONE
    taken = [int(path.name[:3]) for home in homes if home.is_dir() for path in home.glob("[0-9][0-9][0-9]-*")]
    return f"{max(taken, default=0) + 1:03d}-{kind}-{findings[0] if len(findings) == 1 else len(findings)}"


def undo(audit: str | Path, name: str | None = None, *, back: bool = False) -> str:
    """Take back the newest patch, or the one of this name; with `back` put one that was taken back in force.

    The patch lies in `patches/.undone` then. Files of data are not touched, as patches never do. Gives the
    name. Raises AuditError where there is no such patch, or a newer one has changed the same rows since.

    >>> import textwright.audit  # doctest: +SKIP
    >>> textwright.audit.undo("reviews-audit")  # doctest: +SKIP
    '001-drop-exact_twins-e3b0c4'
    """
    home = Path(audit) / FOLDER
    undone = home / UNDONE
    source, goal = (undone, home) if back else (home, undone)
    known = sorted(path.name for path in source.glob("[0-9]*")) if source.is_dir() else []
    if not known:
        what = "there is no patch that was taken back" if back else "there is no patch to take back"
        raise AuditError(f"{audit}: {what}", hint="See textwright audit fix.")
    chosen = known[-1] if name is None else name
    if chosen not in known:
        raise AuditError(f"{audit}: there is no patch {chosen!r}", hint=did_you_mean(chosen, known))
    if later := _later(Path(audit), chosen):
        raise AuditError(
            f"{audit}: the patch {later} was made upon {chosen} and has the same rows",
            hint=f"Take it back first: textwright audit undo {audit} --patch {later}",
        )
    with explained(goal):
        goal.mkdir(exist_ok=True)
        os.replace(source / chosen, goal / chosen)
    return chosen


def _later(audit: Path, name: str) -> str:
    """A newer patch in force that changes rows of this one; "" where there is none."""
    found = {patch.name: patch for patch in patches_in(audit)}
    if name not in found:
        folder = audit / FOLDER / UNDONE / name
        own = read_patch(folder) if folder.is_dir() else None
    else:
        own = found[name]
    rows = {(change.file, change.row) for change in own.changes if change.do != "drop"} if own else set()
    for patch in found.values():
        if patch.name > name and any((change.file, change.row) in rows for change in patch.changes):
            return patch.name
    return ""
