"""Pairs of files: tables with a column for each side, or one for each language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from textwright.core.errors import DataError
from textwright.core.names import did_you_mean
from textwright.text.clean import clean_texts
from textwright.text.columns import Column, is_number, profile
from textwright.text.pairs.checking import Given, Languages, Texts, Told, check_sides
from textwright.text.pairs.tags import code_of, language_named
from textwright.text.patches import Overlay, Row, read_patches
from textwright.text.rowlog import RowLog
from textwright.text.sources import Source, open_source
from textwright.text.sources.base import Batch, Cell
from textwright.text.sources.delimited import DelimitedSource

NO_SOURCE, NO_TARGET = "no source", "no target"
NUM_FIRST = 1_000  # rows by which columns are judged
_NESTED = "translation"  # the column of Hugging Face's data sets: {"en": "...", "zh": "..."}


@dataclass(frozen=True)
class Names:
    """What the columns of the two sides are called; with `by_language` also by the names of languages."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    by_language: bool = False


TRANSLATION = Names(
    (
        "source", "src", "source_text", "src_text", "original",
        "原文", "源文", "源语言", "源语", "源", "古文", "文言",
    ),
    (
        "target", "tgt", "trg", "target_text", "tgt_text", "translation", "translated",
        "译文", "翻译", "目标语言", "目标", "现代文", "白话",
    ),
    by_language=True,
)  # fmt: skip
SUMMARIES = Names(
    (
        "text", "document", "article", "dialogue", "dialog", "content", "body", "source", "story", "report",
        "正文", "文章", "内容", "原文", "全文", "对话", "文本",
    ),
    (
        "summary", "summaries", "abstract", "highlights", "headline", "title", "subject", "target", "tldr",
        "摘要", "总结", "概要", "概括", "标题",
    ),
)  # fmt: skip

NAMES: Mapping[str, Names] = MappingProxyType({"translate": TRANSLATION, "summarize": SUMMARIES})


@dataclass(frozen=True)
class Asked:
    """The columns that a person named; None is found by its name.

    `languages` are the codes that were asked for, empty where none was. `usual` are columns to take where a
    file has both and nobody named others, `learned` the languages of the pairs that a model learned from.
    `patches` is the folder of an audit, whose patches change the rows as they are read.
    """

    source: str | None = None
    target: str | None = None
    languages: Languages = ("", "")
    usual: tuple[str, str] | None = None
    learned: Languages | None = None
    patches: str | None = None

    def in_place_of(self, known: Sequence[str]) -> Asked:
        """With the usual columns, where the file has them."""
        if self.source or self.target or self.usual is None or not {*self.usual} <= {*known}:
            return self
        return replace(self, source=self.usual[0], target=self.usual[1])


@dataclass(frozen=True)
class Pair:
    """A source and its target, clean and neither empty; `row` is where they stand, in the file of number
    `file` (the first is 0)."""

    source: str
    target: str
    row: int
    file: int = 0


def read_pairs(
    paths: Sequence[Path],
    asked: Asked,
    log: RowLog,
    *,
    names: Names = TRANSLATION,
    told: Told | None = None,
) -> list[Pair]:
    """All pairs of the files; rows that lack a side are dropped into `log`; guesses and what is odd are in
    `told`.

    Raises DataError where a file has no columns for them, where these hold another language than their names
    say or than was asked for, and where no row has both sides.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "rows.tsv"
    >>> _ = file.write_text("en\\tzh\\nGrass is green.\\t草是绿色的。\\n", encoding="utf-8")
    >>> read_pairs([file], Asked(), RowLog())
    [Pair(source='Grass is green.', target='草是绿色的。', row=2, file=0)]
    """
    told = Told() if told is None else told
    found = [pair for n, path in enumerate(paths) for pair in _of_file(path, n, asked, log, names, told)]
    if not found:
        raise nothing(paths[0], log)
    return found


def nothing(path: Path, log: RowLog) -> DataError:
    """The error of a file without a single pair."""
    dropped = ", ".join(
        f"{n:,} dropped: {reason}" for (what, reason), n in log.counts.items() if what == "dropped"
    )
    hint = "Name the columns with --set data.source=COL --set data.target=COL, or fill their cells."
    return DataError(
        f"no row has both a source and a target ({dropped or 'no rows at all'})", path=path, hint=hint
    )


def _of_file(path: Path, number: int, asked: Asked, log: RowLog, names: Names, told: Told) -> Iterator[Pair]:
    source, sides, said = find_sides(open_source(path), asked, names)
    overlay = read_patches(asked.patches).of_file(path) if asked.patches else Overlay()
    first: list[Pair] = []
    is_checked = False
    for batch in source.batches(log):
        sources, targets = cells_of_sides(batch, sides)
        rows, sources, targets = _patched(batch.rows, sources, targets, overlay, log)
        pairs = list(whole(rows, sources, targets, number, log))
        if len(first) < NUM_FIRST:
            first += pairs[:NUM_FIRST]
        if len(first) >= NUM_FIRST and not is_checked:
            is_checked = True
            _check(source, sides, asked, first, told, names)
        yield from pairs
    if not is_checked:
        _check(source, sides, asked, first, told, names)
    told.columns = told.columns or (sides.source, sides.target)
    told.note(*source.notes, *said)


def _patched(
    rows: list[int], sources: list[str], targets: list[str], overlay: Overlay, log: RowLog
) -> tuple[list[int], list[str], list[str]]:
    """The rows of a batch as patches leave them."""
    if not overlay:
        return rows, sources, targets
    kept = [
        (number, row)
        for number, source, target in zip(rows, sources, targets, strict=True)
        for row in overlay.read(number, Row(source, target=target), log)
    ]
    if number := next((number for number, row in kept if row.weight != 1), None):
        hint = "Take that patch back with textwright audit undo."
        raise DataError("a pair cannot have a weight", path=overlay.path, row=number, hint=hint)
    return [number for number, _ in kept], [row.text for _, row in kept], [row.target for _, row in kept]


def _check(
    source: Source, sides: Sides, asked: Asked, pairs: Sequence[Pair], told: Told, names: Names
) -> None:
    """See `check_sides`."""
    named = _code(sides.source), _code(sides.target)
    given = Given(asked.languages, asked.learned)
    both = given.sides((source.path, source.path), (sides.source, sides.target), named)
    check_sides(both, texts_of(pairs), told, is_translation=names.by_language)


def texts_of(pairs: Sequence[Pair]) -> Texts:
    """Both sides, to be looked at."""
    return Texts([p.row for p in pairs], [p.source for p in pairs], [p.target for p in pairs])


def _code(column: str) -> str:
    """The language that a column is called by, or that its name is the tag of."""
    return language_named(column) or (code_of(column) if "-" in column else "")


def whole(
    rows: list[int],
    sources: list[str],
    targets: list[str],
    number: int,
    log: RowLog,
    reasons: tuple[str, str] = (NO_SOURCE, NO_TARGET),
) -> Iterator[Pair]:
    """The rows of which both sides have text; `reasons` are those of a row that lacks its source, its
    target.
    """
    clean = (clean_texts(side, rows, log) for side in (sources, targets))
    for row, source, target in zip(rows, *clean, strict=True):
        if not source:
            log.dropped(reasons[0], row, target)
        elif not target:
            log.dropped(reasons[1], row, source)
        else:
            yield Pair(source, target, row, number)


@dataclass(frozen=True)
class Sides:
    """The columns of both sides; keys of the object in the column `within`, where that is not empty."""

    source: str
    target: str
    within: str = ""


def cells_of_sides(batch: Batch, sides: Sides) -> tuple[list[str], list[str]]:
    """Sources and targets of a batch as they stand, "" where a cell is empty."""
    if not sides.within:
        source, target = ([_as_text(cell) for cell in batch.columns[n]] for n in (sides.source, sides.target))
        return source, target
    objects = [_object(cell) for cell in batch.columns[sides.within]]
    source, target = ([str(o.get(n) or "") for o in objects] for n in (sides.source, sides.target))
    return source, target


def find_sides(source: Source, asked: Asked, names: Names) -> tuple[Source, Sides, list[str]]:
    """The file, opened again where it has no header, where its sides are, and what to say of it."""
    nested = _nested(source) if names.by_language else []
    known, within = (nested, _NESTED) if nested else (source.columns, "")
    asked, by_language = asked.in_place_of(known), source.kind == "tmx" or bool(nested)
    left, right = (_asked(name, known, source.path) for name in (asked.source, asked.target))
    left = left or _in_language(asked, 0, known, source.path, by_language)
    right = right or _in_language(asked, 1, known, source.path, by_language)
    left, right = _guessed(known, left, right, names, by_language)
    if (left is None or right is None) and not nested:
        source, left, right = _by_place(source, left, right)
    if left is None or right is None:
        hint = "A pair needs two languages."
        raise DataError(f"there is only one language: {known[0]!r}", path=source.path, hint=hint)
    if left == right:
        hint = "Name two columns: --set data.source=COL --set data.target=COL."
        raise DataError("the source and the target cannot be the same column", path=source.path, hint=hint)
    notes: list[str] = []
    if not (asked.source and asked.target):
        change = "(--set data.source=COL --set data.target=COL to change)"
        notes.append(f"source: column {left!r}, target: column {right!r} {change}")
    others = [name for name in known if name not in (left, right)]
    if others and (nested or source.kind == "tmx"):
        notes.append(f"{len(others):,} more languages are not read: {', '.join(others[:5])}")
    return source, Sides(left, right, within), notes


def _asked(name: str | None, known: Sequence[str], path: Path) -> str | None:
    """The column of that name, or the only one of that language: `en` is found as `en-GB`."""
    if name is None or name in known:
        return name
    of_language = [column for column in known if column.partition("-")[0] == name]
    if len(of_language) == 1:
        return of_language[0]
    found = ", ".join(map(repr, known))
    hint = did_you_mean(name, known)
    raise DataError(f"there is no column {name!r}; found {found}", path=path, hint=hint)


def _in_language(asked: Asked, side: int, known: Sequence[str], path: Path, by_language: bool) -> str | None:
    """The only column that is called by the language asked for, or else by the one that was learned.

    Where all columns are languages one that is asked for must be there: raises DataError with those that are.
    """
    code = asked.languages[side] or (asked.learned or ("", ""))[side]
    called = code_of if by_language else _code
    fits = [name for name in known if code and called(name) == code]
    if len(fits) == 1:
        return fits[0]
    if not asked.languages[side] or not by_language:
        return None
    found, role = ", ".join(map(repr, fits or known)), ("source", "target")[side]
    if fits:
        hint = f"Name one of them: --{role} {fits[0]}"
        raise DataError(f"several languages are {code!r}: {found}", path=path, hint=hint)
    hint = f"Ask for one of these: --set data.{role}_language={known[0]}"
    raise DataError(f"there is no language {code!r}; found {found}", path=path, hint=hint)


def _guessed(
    known: Sequence[str], left: str | None, right: str | None, names: Names, is_all_languages: bool
) -> tuple[str | None, str | None]:
    """What was not asked for: by the names of the sides, else the first two that are named by languages."""
    free = [name for name in known if name not in (left, right)]
    found = left or _called(free, names.source), right or _called(free, names.target)
    if None not in found or not names.by_language:
        return found
    languages = (name for name in free if is_all_languages or language_named(name))
    left = left or next(languages, None)
    right = right or next(languages, None)
    return left, right


def _called(columns: Sequence[str], names: Sequence[str]) -> str | None:
    for fits in (Column.is_called, Column.ends_with):
        for name in names:
            for column in columns:
                if fits(Column(column), name):
                    return column
    return None


def _by_place(source: Source, left: str | None, right: str | None) -> tuple[Source, str, str]:
    """The two columns with text of a file that has no more, with or without a header. Raises DataError."""
    names = source.columns
    if source.kind == "tmx":
        hint = "A pair needs two languages."
        raise DataError(f"there is only one language: {names[0]!r}", path=source.path, hint=hint)
    if not (left or right or _is_header(names)) and source.path.is_file():
        return _without_header(source)
    free = [name for name in _worded(source) if name not in (left, right)]
    if len(free) == (left is None) + (right is None):
        left = left or free.pop(0)
        return source, left, right or free.pop(0)
    kind = "source" if left is None else "target"
    what = f"no column is called as a {kind} is; found {', '.join(map(repr, names))}"
    raise DataError(what, path=source.path, hint=f"Name it with --set data.{kind}=COL.")


def _without_header(source: Source) -> tuple[Source, str, str]:
    """A table that begins with its first pair; scores may stand before it, a third text behind."""
    names = [f"column {n}" for n in range(1, len(source.columns) + 1)]
    again = open_source(source.path, header=names) if isinstance(source, DelimitedSource) else source
    worded = _worded(again)
    if again is source or not 2 <= len(worded) <= 3:
        hint = "Name the columns with --set data.source=COL --set data.target=COL, or give it a header."
        raise DataError("no column is called as a source or a target is", path=source.path, hint=hint)
    again.notes.append("there is no header: the first row is a pair")
    return again, worded[0], worded[1]


def _worded(source: Source) -> list[str]:
    """The columns with text, by the first rows."""
    columns = profile(list(islice(source.batches(RowLog(), NUM_FIRST), 1)))
    return [c.name for c in columns if c.texts and not (c.is_list or c.is_numeric)]


def _is_header(names: Sequence[str]) -> bool:
    """Whether the cells may be names: short, without the marks that end sentences, and no numbers."""
    return all(
        len(name) <= 30
        and not re.search(r"[.,!?。，！？；：]", name)
        and name.count(" ") < 3
        and not is_number(name)
        for name in names
    )


def _nested(source: Source) -> list[str]:
    """The languages of Hugging Face's column `translation`, in which each cell is an object."""
    if _NESTED not in source.columns:
        return []
    batch = next(source.batches(RowLog(), NUM_FIRST), Batch([], {}))
    return list(dict.fromkeys(name for cell in batch.columns.get(_NESTED, []) for name in _object(cell)))


def _object(cell: Cell) -> dict[str, object]:
    try:
        value = json.loads(cell) if isinstance(cell, str) and cell.startswith("{") else {}
    except ValueError:
        value = {}
    return value if isinstance(value, dict) else {}


def _as_text(cell: Cell) -> str:
    return "\n".join(cell) if isinstance(cell, list) else cell or ""
