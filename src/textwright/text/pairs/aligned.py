"""Pairs of two plain files of which line n of one belongs to line n of the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from textwright.core.errors import DataError
from textwright.text.pairs.checking import Given, Told, check_sides
from textwright.text.pairs.drift import first_fault
from textwright.text.pairs.reading import (
    NUM_FIRST,
    TRANSLATION,
    Asked,
    Names,
    Pair,
    nothing,
    read_pairs,
    texts_of,
    whole,
)
from textwright.text.pairs.tags import language_of_file
from textwright.text.rowlog import RowLog
from textwright.text.sources import open_plain
from textwright.text.sources.detect import suffix_kind
from textwright.text.sources.stream import StreamFault

BLANK_SOURCE, BLANK_TARGET = "a blank line in the file of sources", "a blank line in the file of targets"


def read_given(
    files: Sequence[Path],
    target_file: Path | None,
    asked: Asked,
    log: RowLog,
    *,
    names: Names = TRANSLATION,
    told: Told | None = None,
) -> list[Pair]:
    """The pairs of tables, or of a file of sources and its `target_file`. Raises DataError."""
    if target_file is None:
        return read_pairs(files, asked, log, names=names, told=told)
    if asked.patches:
        raise DataError(
            "patches are for a table with both sides, not for two plain files",
            path=target_file,
            hint="Leave --patches out.",
        )
    if len(files) != 1:
        raise DataError(
            f"one file of sources belongs to {target_file}, got {len(files):,} files",
            path=files[0] if files else None,
            hint="Join the files in the same order, or give a table with both sides.",
        )
    return read_aligned(files[0], target_file, log, asked, names=names, told=told)


def read_aligned(
    source_path: Path,
    target_path: Path,
    log: RowLog,
    asked: Asked = Asked(),  # noqa: B008
    *,
    names: Names = TRANSLATION,
    told: Told | None = None,
) -> list[Pair]:
    """Pairs of two plain files, whatever their encodings; either may be gzip.

    Lines that are blank in one of them are dropped into `log`. Raises DataError where the files have not
    equally many lines, where they are tables, or no line of both has text; and as `check_sides`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.en").write_text("Hello.\\nYes.\\n", encoding="utf-8")
    >>> _ = (folder / "a.zh").write_text("你好。\\n是。\\n", encoding="utf-8")
    >>> read_aligned(folder / "a.en", folder / "a.zh", RowLog())[1]
    Pair(source='Yes.', target='是。', row=2, file=0)
    """
    told = Told() if told is None else told
    _refuse_tables(source_path, target_path, asked)
    sources, targets = (_lines(path, log) for path in (source_path, target_path))
    for lines, more in ((sources, targets), (targets, sources)):
        while len(lines) > len(more) and not lines[-1].strip():  # blank lines at the end are no rows
            lines.pop()
    if len(sources) != len(targets):
        raise _unequal(source_path, target_path, sources, targets)
    rows = list(range(1, len(sources) + 1))
    pairs = list(whole(rows, sources, targets, 0, log, (BLANK_SOURCE, BLANK_TARGET)))
    if not pairs:
        raise nothing(source_path, log)
    paths = source_path, target_path
    named = language_of_file(source_path.name), language_of_file(target_path.name)
    both = Given(asked.languages, asked.learned).sides(paths, None, named)
    check_sides(both, texts_of(pairs[:NUM_FIRST]), told, is_translation=names.by_language)
    return pairs


def _refuse_tables(source_path: Path, target_path: Path, asked: Asked) -> None:
    for path in (source_path, target_path):
        if (kind := suffix_kind(path)) not in (None, "txt"):
            raise DataError(
                f"this is a {kind} file, and each line of a file of sources or targets is a text",
                path=path,
                hint="Leave --target-file out for a table with both sides, or give two plain files.",
            )
    if source_path == target_path:
        raise DataError(
            "the file of sources and that of targets are the same", path=source_path, hint="Give two files."
        )
    for name in (asked.source, asked.target):
        if name is not None:
            raise DataError(
                f"a plain file has no column {name!r}",
                path=source_path,
                hint="Leave --source and --target out.",
            )


def _unequal(source: Path, target: Path, sources: list[str], targets: list[str]) -> DataError:
    """Both counts, and where the lines begin to be shifted, as far as their lengths tell."""
    counts = f"{source.name} has {len(sources):,} lines, {target.name} has {len(targets):,}"
    place, shorter = first_fault(sources, targets), min(len(sources), len(targets))
    if place is None:
        hint = "Line n of one must belong to line n of the other: look for a line that was lost or split."
        return DataError(counts, path=source, hint=hint)
    if place > shorter:
        name = source.name if len(sources) == shorter else target.name
        hint = f"Up to line {shorter:,} the lengths go together: the end of {name} seems to be missing."
        return DataError(counts, path=source, hint=hint)
    hint = (
        f"Up to about line {place:,} the lengths go together, from there on they do not: look there for a "
        f"line that was lost or split."
    )
    return DataError(counts, path=source, row=place, hint=hint)


def _lines(path: Path, log: RowLog) -> list[str]:
    text = open_plain(path)
    stream, lines = text.stream(), list[str]()
    try:
        for row, line in enumerate(stream.lines(text.newline), start=1):
            lines.append(stream.mended(line, row, log) if stream.damaged else line)
    except StreamFault as fault:
        raise fault.at(path, len(lines) + 1) from None
    return lines
