"""Which group each row names: by a lexicon, by a column, or by a person's own file of terms.

Shapes: N rows, G groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from textwright.audit.lexicon.reading import LANGUAGES, Group, Lexicon, lexicon, read_lexicon
from textwright.audit.subject import AuditData
from textwright.core.errors import DataError
from textwright.core.ragged import IntArray

if TYPE_CHECKING:
    from scipy.sparse import csc_array

_MAX_VALUES = 200


@dataclass(frozen=True)
class Groups:
    """Which rows name which group.

    names: (G,) `women`, or `COLUMN=VALUE`. kinds: `lexicon`, `column` of each; groups: from a lexicon, else
    None. held: sparse bool (N, G), by columns.
    """

    names: list[str]
    groups: list[Group | None]
    held: csc_array

    def rows(self, place: int) -> IntArray:
        """The rows of a group, in order."""
        found: IntArray = self.held.indices[self.held.indptr[place] : self.held.indptr[place + 1]]
        return np.sort(found).astype(np.int64)

    @property
    def sizes(self) -> IntArray:
        found: IntArray = np.diff(self.held.indptr).astype(np.int64)
        return found


def asked_groups(data: AuditData) -> tuple[str, ...]:
    """What was asked for; the lexicon of the language of the texts where nothing was, if there is one."""
    if data.groups_from or data.named("group"):
        return data.groups_from or tuple(data.named("group"))
    return (f"lexicon:{data.language}",) if data.language in LANGUAGES else ()


def groups_of(
    texts: Sequence[str], asked: Sequence[str], columns: Mapping[str, Sequence[str]] | None = None
) -> Groups:
    """The groups of each row.

    asked: `lexicon:en`, `lexicon:zh`, the name of a column in `columns`, or a YAML file. Raises DataError for
    a file that is none, and a column with more than 200 values.

    >>> found = groups_of(["两个上海人", "黑人牙膏"], ["lexicon:zh"])
    >>> [found.names[i] for i in found.sizes.nonzero()[0]]
    ['上海人']
    """
    from scipy.sparse import csc_array

    names: list[str] = []
    groups: list[Group | None] = []
    pairs: list[tuple[int, int]] = []
    for source in asked:
        name = source.removeprefix("column:")
        if columns and name in columns:
            new = _of_column(name, columns[name])
            start, more = len(names), [None] * len(new)
            pairs += [(row, start + i) for i, rows in enumerate(new.values()) for row in rows]
            names, groups = [*names, *new], [*groups, *more]
            continue
        words = named_lexicon(source)
        pairs += [(row, len(names) + group) for row, group in _mentioned(texts, words)]
        names = [*names, *(group.id for group in words.groups)]
        groups = [*groups, *words.groups]
    rows, places = np.array(pairs, np.int64).reshape(-1, 2).T
    ones = np.ones(len(rows), bool)
    return Groups(names, groups, csc_array((ones, (rows, places)), shape=(len(texts), len(names))))


def named_lexicon(source: str) -> Lexicon:
    """`lexicon:en`, `lexicon:zh`, or a file."""
    kind, _, language = source.partition(":")
    if kind != "lexicon":
        return read_lexicon(source)
    if language not in LANGUAGES:
        raise DataError(f"there is no lexicon {language!r}", hint="Known: lexicon:en, lexicon:zh.")
    return lexicon(language)


def _mentioned(texts: Sequence[str], words: Lexicon) -> Iterator[tuple[int, int]]:
    for row, text in enumerate(texts):
        for group in {group for mention in words.mentions(text) for group in mention.groups}:
            yield row, group


def _of_column(name: str, cells: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row, cell in enumerate(cells):
        if cell.strip():
            found.setdefault(f"{name}={cell.strip()}", []).append(row)
    if len(found) > _MAX_VALUES:
        raise DataError(
            f"{len(found):,} different values are no groups",
            column=name,
            hint="Name a column with few values.",
        )
    return found
