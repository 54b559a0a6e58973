"""A token in the place of words for groups, in all rows, and in what a model that learns by it is asked."""

from __future__ import annotations

from textwright.audit.patches.fixing import Fixing
from textwright.audit.patches.kinds.augment import words_of


def lines(fixing: Fixing) -> None:
    masks = words_of(fixing).masks
    for i in fixing.alive.tolist():
        fixing.change(i, "text", masks.on(fixing.rows[i].text))
    fixing.more["masks"] = masks.model_dump(mode="json")
