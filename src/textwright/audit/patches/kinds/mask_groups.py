"""A token in the place of words for groups, in all rows: texts to be predicted need it as well."""

from __future__ import annotations

from importlib import import_module

from textwright.audit.patches.fixing import Fixing
from textwright.audit.patches.kinds.augment import words_of
from textwright.core.records import Note

_SWAPPING = "textwright.audit.lexicon.swapping"


def lines(fixing: Fixing) -> None:
    words, masked = words_of(fixing), import_module(_SWAPPING).masked_groups
    for i in fixing.alive.tolist():
        fixing.change(i, "text", masked(fixing.rows[i].text, words))
    fixing.notes.append(Note("texts to be predicted need the same token where they name a group"))
