"""Copies of rows in which a group is another one of its kind: counterfactual data augmentation."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from textwright.audit.patches.fixing import Fixing
from textwright.audit.subject import TRAIN
from textwright.core.errors import AuditError
from textwright.core.seeds import generator

_GROUPS, _SWAPPING = "textwright.audit.lexicon.groups", "textwright.audit.lexicon.swapping"


def lines(fixing: Fixing) -> None:
    """Rows to learn from only; each is added behind the one that it was made of. See `tasks/patched.py`."""
    words, swapped = words_of(fixing), import_module(_SWAPPING).swapped
    rng = generator(fixing.data.seed, "audit", "augment", fixing.finding)
    parts = fixing.data.parts
    learned = TRAIN if TRAIN in parts else parts[0]
    for i in sorted(fixing.positions.tolist()):
        row = fixing.rows[i]
        swap = swapped(row.text, words, rng) if parts[i] == learned else None
        if swap is not None:
            fixing.change(i, "add", {"text": swap.text, "labels": [*row.labels], "target": row.target})


def words_of(fixing: Fixing) -> Any:
    """The lexicon that names the group of the finding."""
    asked = lexicons_of(fixing)
    names = set(fixing.params.get("groups", ()))
    return next((words for words in asked if names <= {group.id for group in words.groups}), asked[0])


def lexicons_of(fixing: Fixing) -> list[Any]:
    """All that were asked for. Raises AuditError where groups are those of a column."""
    groups: Any = import_module(_GROUPS)
    columns = {*fixing.data.named("group")}
    asked = [name for name in groups.asked_groups(fixing.data) if name.removeprefix("column:") not in columns]
    if not asked:
        raise AuditError(
            f"the groups of {fixing.finding} are those of a column, and no words of a text",
            hint="Audit with --set groups=lexicon:en or lexicon:zh.",
        )
    return [groups.named_lexicon(name) for name in asked]
