"""Pairs of files: a table with a column for each side, one for each language, or two files line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from textwright.core.errors import DataError
from textwright.core.names import did_you_mean
from textwright.text.clean import clean_texts
from textwright.text.columns import Column, is_number, profile
from textwright.text.pairs.languages import UNDETERMINED, language_of
from textwright.text.rowlog import RowLog
from textwright.text.sources import Source, open_plain, open_source
from textwright.text.sources.base import Batch, Cell
from textwright.text.sources.delimited import DelimitedSource
from textwright.text.sources.stream import StreamFault

NO_SOURCE, NO_TARGET = "no source", "no target"
_NUM_FIRST = 1_000  # rows by which columns are judged
_FEW = 20  # rows that tell nothing of languages yet
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

# What columns of a language are called: its code first. Without `id`, which is mostly the number of a row.
_LANGUAGES = """
en eng english 英文 英语|zh zho chi cmn lzh chinese 中文 汉语 中国话
de deu ger german deutsch 德文 德语|fr fra fre french français 法文 法语
es spa spanish español 西班牙文 西班牙语|it ita italian italiano 意大利语
pt por portuguese português 葡萄牙语|nl nld dut dutch nederlands 荷兰语
ru rus russian русский 俄文 俄语|ja jpn japanese 日本語 日文 日语|ko kor korean 한국어 韩文 韩语
ar ara arabic 阿拉伯语|vi vie vietnamese 越南语|th tha thai 泰语|tr tur turkish 土耳其语
pl pol polish 波兰语|cs ces cze czech 捷克语|uk ukr ukrainian 乌克兰语
sv swe swedish 瑞典语|da dan danish 丹麦语|fi fin finnish 芬兰语|hi hin hindi 印地语
ind indonesian 印尼语|ro ron romanian|hu hun hungarian|el ell greek|he heb hebrew
bg bul bulgarian|fa fas persian
"""


@dataclass(frozen=True)
class Asked:
    """The columns that a person named; None is found by its name."""

    source: str | None = None
    target: str | None = None


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
    notes: list[str] | None = None,
) -> list[Pair]:
    """All pairs of the files; rows that lack a side are dropped into `log`, and guesses told in `notes`.

    Raises DataError where a file has no columns for them, where these hold another language than their names
    say, and where no row has both sides.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "rows.tsv"
    >>> _ = file.write_text("en\\tzh\\nGrass is green.\\t草是绿色的。\\n", encoding="utf-8")
    >>> read_pairs([file], Asked(), RowLog())
    [Pair(source='Grass is green.', target='草是绿色的。', row=2, file=0)]
    """
    notes = [] if notes is None else notes
    found = [pair for n, path in enumerate(paths) for pair in _of_file(path, n, asked, log, names, notes)]
    if not found:
        raise _nothing(paths[0], log)
    return found


def read_aligned(source_path: Path, target_path: Path, log: RowLog) -> list[Pair]:
    """Pairs of two plain files of which line n of one belongs to line n of the other.

    Lines that are empty on a side are dropped into `log`. Raises DataError where the files have not equally
    many lines, or no line of both has text.
    """
    sides = [_lines(path, log) for path in (source_path, target_path)]
    for lines, more in zip(sides, reversed(sides), strict=True):
        while len(lines) > len(more) and not lines[-1].strip():  # blank lines at the end are no rows
            lines.pop()
    sources, targets = sides
    if len(sources) != len(targets):
        counts = f"{source_path.name} has {len(sources):,} lines, {target_path.name} has {len(targets):,}"
        hint = "Line n of one must belong to line n of the other: look for a line that was lost or split."
        raise DataError(counts, path=source_path, hint=hint)
    pairs = list(_whole(list(range(1, len(sources) + 1)), sources, targets, 0, log))
    if not pairs:
        raise _nothing(source_path, log)
    return pairs


def _nothing(path: Path, log: RowLog) -> DataError:
    dropped = ", ".join(
        f"{n:,} dropped: {reason}" for (what, reason), n in log.counts.items() if what == "dropped"
    )
    hint = "Name the columns with --set data.source=COL --set data.target=COL, or fill their cells."
    return DataError(
        f"no row has both a source and a target ({dropped or 'no rows at all'})", path=path, hint=hint
    )


def _lines(path: Path, log: RowLog) -> list[str]:
    text = open_plain(path)
    stream, lines = text.stream(), list[str]()
    try:
        for row, line in enumerate(stream.lines(text.newline), start=1):
            lines.append(stream.mended(line, row, log) if stream.damaged else line)
    except StreamFault as fault:
        raise fault.at(path, len(lines) + 1) from None
    return lines


def _of_file(
    path: Path, number: int, asked: Asked, log: RowLog, names: Names, notes: list[str]
) -> Iterator[Pair]:
    source, sides, said = _columns(open_source(path), asked, names)
    first: list[Pair] = []
    for batch in source.batches(log):
        sources, targets = _cells(batch, sides)
        pairs = list(_whole(batch.rows, sources, targets, number, log))
        if len(first) < _NUM_FIRST:
            first += pairs[:_NUM_FIRST]
            if len(first) >= _NUM_FIRST:
                said += _languages(source.path, sides, first)
        yield from pairs
    if len(first) < _NUM_FIRST:
        said += _languages(source.path, sides, first)
    notes += [note for note in (*source.notes, *said) if note not in notes]


def _whole(
    rows: list[int], sources: list[str], targets: list[str], number: int, log: RowLog
) -> Iterator[Pair]:
    """The rows of which both sides have text."""
    clean = (clean_texts(side, rows, log) for side in (sources, targets))
    for row, source, target in zip(rows, *clean, strict=True):
        if not source:
            log.dropped(NO_SOURCE, row, target)
        elif not target:
            log.dropped(NO_TARGET, row, source)
        else:
            yield Pair(source, target, row, number)


@dataclass(frozen=True)
class _Sides:
    """The columns of both sides; keys of the object in the column `within`, where that is not empty."""

    source: str
    target: str
    within: str = ""


def _cells(batch: Batch, sides: _Sides) -> tuple[list[str], list[str]]:
    if not sides.within:
        source, target = ([_as_text(cell) for cell in batch.columns[n]] for n in (sides.source, sides.target))
        return source, target
    objects = [_object(cell) for cell in batch.columns[sides.within]]
    source, target = ([str(o.get(n) or "") for o in objects] for n in (sides.source, sides.target))
    return source, target


def _columns(source: Source, asked: Asked, names: Names) -> tuple[Source, _Sides, list[str]]:
    """The file, opened again where it has no header, where its sides are, and what to say of it."""
    nested = _nested(source) if names.by_language else []
    known, within = (nested, _NESTED) if nested else (source.columns, "")
    left, right = (_asked(name, known, source.path) for name in (asked.source, asked.target))
    left, right = _guessed(known, left, right, names, source.kind == "tmx" or bool(nested))
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
    return source, _Sides(left, right, within), notes


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


def language_named(column: str) -> str:
    """The code of the language that a column is called by, empty where it is called by none.

    >>> language_named("en-US"), language_named("Chinese"), language_named("text_de"), language_named("id")
    ('en', 'zh', 'de', '')
    """
    words = [word for word in re.split(r"[\W_]+", column.strip().lower()) if word]
    codes = [_codes()[word] for word in (words[:1] + words[-1:]) if word in _codes()]
    return codes[0] if codes else ""


@cache
def _codes() -> dict[str, str]:
    rows = [row.split() for row in re.split(r"[|\n]", _LANGUAGES.strip())]
    return {name: row[0] for row in rows for name in row}


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
    columns = profile(list(islice(source.batches(RowLog(), _NUM_FIRST), 1)))
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
    batch = next(source.batches(RowLog(), _NUM_FIRST), Batch([], {}))
    return list(dict.fromkeys(name for cell in batch.columns.get(_NESTED, []) for name in _object(cell)))


def _object(cell: Cell) -> dict[str, object]:
    try:
        value = json.loads(cell) if isinstance(cell, str) and cell.startswith("{") else {}
    except ValueError:
        value = {}
    return value if isinstance(value, dict) else {}


def _languages(path: Path, sides: _Sides, pairs: Sequence[Pair]) -> list[str]:
    """Say which languages the first pairs are in.

    Raises DataError where columns named by languages hold others, or most pairs are the same text twice.
    """
    if 2 * sum(pair.source == pair.target for pair in pairs) > len(pairs):
        hint = "Look at the columns: one of them was not translated."
        raise DataError("source and target are the same text in most rows", path=path, hint=hint)
    if len(pairs) < _FEW:
        return []
    named = language_named(sides.source), language_named(sides.target)
    found = language_of([pair.source for pair in pairs]), language_of([pair.target for pair in pairs])
    notes = [f"languages: {found[0]} and {found[1]}"]
    if "" in named or UNDETERMINED in found or named[0] == named[1]:
        return notes
    left, right = repr(sides.source), repr(sides.target)
    if found == named[::-1]:
        message = f"the columns {left} and {right} are swapped: each holds the language of the other"
        raise DataError(message, path=path, hint="Name the columns by what they hold.")
    if found[0] == found[1]:
        hint = "Look at the columns: one of them was not translated."
        message = f"the columns {left} and {right} hold the same language, {found[0]}"
        raise DataError(message, path=path, hint=hint)
    return notes


def _as_text(cell: Cell) -> str:
    return "\n".join(cell) if isinstance(cell, list) else cell or ""
