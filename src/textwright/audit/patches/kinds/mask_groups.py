"""A token in the place of words for groups, in all rows, and in what a model that learns by it is asked."""

from __future__ import annotations

from textwright.audit.patches.fixing import Fixing
from textwright.audit.patches.kinds.augment import lexicons_of
from textwright.text.terms import masked


def lines(fixing: Fixing) -> None:
    fixing.masks += [words.masks for words in lexicons_of(fixing)]
    for i in fixing.alive.tolist():
        fixing.change(i, "text", masked(fixing.rows[i].text, fixing.masks))
