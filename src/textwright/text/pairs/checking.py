"""Whether pairs are in the languages that were asked for, that their columns are called by, or that a model
has learned; and whether their sides belong together at all.

What one sentence is in may be undecided, what hundreds are in is not: so the texts of a side are judged
together, and shares of single texts are only told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from textwright.core.errors import DataError
from textwright.text.pairs.languages import UNDETERMINED, language_of, languages_in

_FEW = 20  # rows that tell nothing of languages yet,
_FEWEST = 5  # and that not even contradict a language that was asked for
_SEEN, _SHOWN = 1_000, 5  # texts that shares are counted on; rows and languages that are named,
_LEAST_SHARE = 0.01  # the latter from here on
_RELATED, _LEAST_SPREAD, _ENOUGH = 0.1, 0.25, 100  # of lengths that have something to do with each other
# Languages that are taken for each other, where a text has few of the words or letters that part them.
_KIN = (
    frozenset({"nb", "da", "sv"}), frozenset({"cs", "sk"}), frozenset({"hr", "sr", "sl"}),
    frozenset({"es", "pt", "ca", "it"}), frozenset({"ru", "bg", "uk", "be", "sr", "mk"}),
    frozenset({"ar", "fa", "ur"}), frozenset({"fi", "et"}),
)  # fmt: skip

Role = Literal["source", "target"]
Languages = tuple[str, str]


@dataclass(frozen=True)
class Side:
    """Where one side stands: its file and, in a table, its column; `named` is the language that it is called
    by, `asked` the one that was asked for, `learned` that of the pairs a model has learned from; each may be
    empty.
    """

    role: Role
    path: Path
    column: str | None = None
    named: str = ""
    asked: str = ""
    learned: str = ""

    @property
    def name(self) -> str:
        return self.path.name if self.column is None else self.column


@dataclass
class Told:
    """What reading found and says: `notes` and `warnings`, the names of both `columns` of a table, and the
    `languages` that the texts are in.
    """

    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    columns: tuple[str, str] | None = None
    languages: Languages = (UNDETERMINED, UNDETERMINED)

    def note(self, *lines: str) -> None:
        self.notes += [line for line in lines if line not in self.notes]

    def warn(self, line: str) -> None:
        self.warnings += [line] if line not in self.warnings else []


@dataclass(frozen=True)
class Texts:
    """The first texts of both sides, with their rows."""

    rows: Sequence[int]
    sources: Sequence[str]
    targets: Sequence[str]

    def of(self, role: Role) -> Sequence[str]:
        return self.sources if role == "source" else self.targets

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Given:
    """What is asked of the languages of both sides, and what a model has learned; each may be empty."""

    asked: Languages = ("", "")
    learned: Languages | None = None

    def sides(
        self, paths: tuple[Path, Path], columns: tuple[str, str] | None, named: Languages
    ) -> tuple[Side, Side]:
        """Both sides, by where they stand and what that is called by."""
        learned = self.learned or ("", "")
        left, right = columns or (None, None)
        return (
            Side("source", paths[0], left, named[0], self.asked[0], learned[0]),
            Side("target", paths[1], right, named[1], self.asked[1], learned[1]),
        )


def check_sides(sides: tuple[Side, Side], texts: Texts, told: Told, *, is_translation: bool = True) -> None:
    """Say which languages the texts are in, and what is odd about them, in `told`.

    Raises DataError where most pairs are the same text twice, and where the texts are in other languages than
    was asked for, or than their columns or files are called by.
    """
    source, target = sides
    if 2 * sum(map(str.__eq__, texts.sources, texts.targets)) > len(texts):
        hint = "Look at the columns: one of them was not translated."
        raise DataError("source and target are the same text in most rows", path=source.path, hint=hint)
    is_expected = any(side.asked or side.learned for side in sides)
    if len(texts) < (_FEWEST if is_expected else _FEW):
        return
    found = language_of(texts.sources), language_of(texts.targets)
    told.languages = found
    told.note(f"languages: {found[0]} and {found[1]}")
    _as_asked(source, target, found, texts, told)
    _as_named(source, target, found)
    _as_learned(source, target, found, texts, told)
    if is_translation:
        _one_language(source, target, found, told)
        _unrelated(texts, told)


def _as_asked(source: Side, target: Side, found: Languages, texts: Texts, told: Told) -> None:
    asked = source.asked, target.asked
    if _is_swapped(asked, found):
        raise DataError(
            f"source and target are swapped: {source.name!r} holds {found[0]}, {target.name!r} {found[1]}; "
            f"asked for were {asked[0] or found[1]} and {asked[1] or found[0]}",
            path=source.path,
            hint=_turned(source, target),
        )
    for side, code in zip((source, target), found, strict=True):
        if side.asked and code not in (side.asked, UNDETERMINED):
            _contradicted(side, code, texts, told)


def _contradicted(side: Side, found: str, texts: Texts, told: Told) -> None:
    """A language that was asked for, and is not there: an error, but of one that is easily taken for it."""
    shares, rows = _shares(side, found, texts)
    if any({side.asked, found} <= kin for kin in _KIN):
        told.warn(
            f"{side.name}: these texts are to be {side.asked}, and seem to be {found}, which is hard to tell "
            f"apart: {shares}; {found} in rows {rows}"
        )
        return
    raise DataError(
        f"these texts are to be {side.asked}, and are mostly {found}: {shares}; {found} in rows {rows}",
        path=side.path,
        column=side.column,
        hint=f"Look at these rows, name another column, or say --set data.{side.role}_language={found}.",
    )


def _shares(side: Side, found: str, texts: Texts) -> tuple[str, str]:
    """How many of the texts are in which language, and the first rows in the one that was found."""
    step = max(len(texts) // _SEEN, 1)
    seen, rows = texts.of(side.role)[::step], texts.rows[::step]
    counts = languages_in(seen)
    total = max(sum(counts.values()), 1)
    most = [(code, n / total) for code, n in counts.most_common(_SHOWN) if n >= _LEAST_SHARE * total]
    first = [f"{row:,}" for row, text in zip(rows, seen, strict=True) if language_of([text]) == found]
    shares = ", ".join(f"{code} {100 * share:.0f} %" for code, share in most)
    return shares, ", ".join(first[:_SHOWN]) or "–"


def _is_swapped(wanted: Languages, found: Languages) -> bool:
    """Whether each side that is wanted in a language has that of the other."""
    if UNDETERMINED in found or found[0] == found[1] or not any(wanted):
        return False
    return all(code in ("", other) for code, other in zip(wanted, reversed(found), strict=True))


def _turned(source: Side, target: Side) -> str:
    """How to turn the direction."""
    if source.column is None:
        return f"Give the files the other way round: {target.path} --target-file {source.path}"
    return (
        f"Turn them: --source {target.column!r} --target {source.column!r}; or ask for the other direction."
    )


def _as_named(source: Side, target: Side, found: Languages) -> None:
    """What columns or files are called by languages must hold these."""
    named = source.named, target.named
    if (source.asked, target.asked) == found:  # who says what they hold knows better than their names
        return
    if "" in named or UNDETERMINED in found or named[0] == named[1]:
        return
    left, right = repr(source.name), repr(target.name)
    if found == named[::-1]:
        what = f"{left} and {right} are swapped: each holds the language of the other"
        raise DataError(what, path=source.path, hint="Name them by what they hold.")
    if found[0] == found[1]:
        hint = "Look at the columns: one of them was not translated."
        what = f"{left} and {right} hold the same language, {found[0]}"
        raise DataError(what, path=source.path, hint=hint)


def _as_learned(source: Side, target: Side, found: Languages, texts: Texts, told: Told) -> None:
    """Pairs that a model is measured on may be of any language, but not turned round."""
    learned = source.learned, target.learned
    if _is_swapped(learned, found):
        raise DataError(
            f"source and target are swapped: {source.name!r} holds {found[0]}, {target.name!r} {found[1]}; "
            f"the model has learned to make {learned[1] or found[0]} of {learned[0] or found[1]}",
            path=source.path,
            hint=_turned(source, target) if source.column is None else "Swap the names of the columns.",
        )
    for side, code in zip((source, target), found, strict=True):
        if side.learned and code not in (side.learned, UNDETERMINED):
            shares, rows = _shares(side, code, texts)
            told.warn(
                f"{side.name}: these texts are mostly {code}, and the model has learned {side.learned}: "
                f"{shares}; {code} in rows {rows}"
            )


def _one_language(source: Side, target: Side, found: Languages, told: Told) -> None:
    if found[0] == found[1] != UNDETERMINED and not source.asked == target.asked == found[0]:
        told.note(
            f"both sides are in one language, {found[0]}: what is learned is another way to say it, "
            "no translation"
        )


def _unrelated(texts: Texts, told: Told) -> None:
    """Long sentences have long translations; where they do not, rows have been shifted against each other."""
    if len(texts) < _ENOUGH:
        return
    lengths = np.log([[len(text) + 1.0 for text in side] for side in (texts.sources, texts.targets)])
    if lengths.std(axis=1).min() < _LEAST_SPREAD:
        return
    related = float(np.corrcoef(lengths)[0, 1])
    if related < _RELATED:
        told.warn(
            "the lengths of sources and targets have nothing to do with each other (correlation "
            f"{related:.2f}): does each target belong to its source?"
        )
