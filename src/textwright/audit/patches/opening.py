"""The files of an audit, read again as they were, so that its rows are the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textwright.audit.folder import Audit
from textwright.audit.reading import read_audited
from textwright.audit.settings import AuditSettings
from textwright.audit.subject import AuditData
from textwright.core.errors import AuditError
from textwright.text.patches import same_file


def open_data(
    audit: Audit, where: str | Path | Sequence[str | Path] | None = None
) -> tuple[AuditData, list[dict[str, Any]]]:
    """The data of an audit, and what patches say of the files; `where` they lie now, if they have moved.

    Raises AuditError where a file is gone, DataError where it is another version.
    """
    known = audit.record["files"]
    paths = [Path(one["path"]) for one in known] if where is None else _paths(where)
    if len(paths) != len(known):
        names = ", ".join(one["name"] for one in known)
        raise AuditError(
            f"{audit.path}: this audit is of {len(known)} files ({names}), and {len(paths)} are given",
            hint="Give each with --data FILE, in the same order.",
        )
    for path, one in zip(paths, known, strict=True):
        _refuse_other(path, one)
    settings = AuditSettings.parse(audit.record["settings"], where=f"{audit.path}: ")
    if settings.patches:
        raise AuditError(
            f"{audit.path}: this audit is of data with patches already",
            hint=f"Mend with the audit that they are of: textwright audit fix {settings.patches}",
        )
    data = read_audited(paths, settings).data
    files = [
        {"name": one["name"], "sha256": one["sha256"], "size": path.stat().st_size}
        for path, one in zip(paths, known, strict=True)
    ]
    return data, files


def _paths(where: str | Path | Sequence[str | Path]) -> list[Path]:
    return [Path(where)] if isinstance(where, str | Path) else [Path(path) for path in where]


def _refuse_other(path: Path, audited: Mapping[str, Any]) -> None:
    if audited["sha256"] is None:
        raise AuditError(
            f"{path}: rows of a folder or of standard input have no patches",
            hint="Write them into one file, and audit that.",
        )
    if not path.is_file():
        raise AuditError(
            f"{path}: the file that was audited is not there any more",
            hint="Say where it lies now with --data FILE.",
        )
    same_file(path, [audited])


def positions_of(data: AuditData, rows: Iterable[Mapping[str, Any]]) -> list[int]:
    """Positions of rows that a record names by file and row number."""
    place = places_of(data)
    return [place[found] for row in rows if (found := (row.get("file", 0), row["row"])) in place]


def places_of(data: AuditData) -> dict[tuple[int, int], int]:
    """Positions by the number of the file and of the row."""
    places = zip(data.file.tolist(), data.rows.tolist(), strict=True)
    return {place: i for i, place in enumerate(places)}
