"""Who belongs to which group, and what a text says when it is about another one.

Shapes: N rows, G groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from textwright.audit.lexicon.groups import asked_groups, groups_of, named_lexicon
from textwright.audit.lexicon.swapping import swapped
from textwright.audit.subject import AuditData

BoolArray = NDArray[np.bool_]
Swap = Callable[[str, np.random.Generator], str | None]


def members(data: AuditData) -> dict[str, BoolArray]:
    """Which rows (N,) are of each group that any is of, by name: `column=value`, or as the lexicon has it.

    Empty where no groups were asked for. Raises DataError where neither a column nor a lexicon goes by the
    name that was.
    """
    if not data.has("groups"):
        return {}
    found = groups_of(data.texts, asked_groups(data), data.named("group"))
    held: dict[str, BoolArray] = {}
    for place in np.flatnonzero(found.sizes).tolist():
        rows = np.zeros(len(data), np.bool_)
        rows[found.rows(place)] = True
        held[found.names[place]] = rows
    return held


def as_matrix(groups: Mapping[str, BoolArray], rows: int) -> BoolArray:
    """The same as one array (N, G)."""
    return np.column_stack([*groups.values()]) if groups else np.zeros((rows, 0), np.bool_)


def swapper(data: AuditData) -> Swap | None:
    """What replaces a term of a group by one of another group of the same category; None without terms.

    It takes a text, and gives None where nothing of the text can be swapped.
    """
    asked = next((name for name in data.groups_from if name not in data.named("group")), None)
    if asked is None:
        return None
    words = named_lexicon(asked)

    def swap(text: str, rng: np.random.Generator) -> str | None:
        found = swapped(text, words, rng)
        return None if found is None else found.text

    return swap
