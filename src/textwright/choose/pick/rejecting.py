"""The threshold of what was chosen: set on validation once it is known which candidate answers.

What was chosen is then not fitted again on all rows: one that has learned from more rows, and from those of
validation too, is surer of all texts, also of those that it gets wrong. On small sets more than half of the
promises broke so (docs/log.md).
"""

from __future__ import annotations

from dataclasses import replace

from textwright.choose.scoring import measured_scores
from textwright.choose.trying import Tried
from textwright.core.ragged import IntArray
from textwright.core.records import Note
from textwright.tasks.examples import Examples
from textwright.tasks.recipe import Recipe
from textwright.tasks.rejecting import rejecting

NOT_AGAIN = "not fitted again on all rows: what is promised of the answers holds for the model of the search"


def with_threshold(
    pick: Tried, examples: Examples, validation: IntArray, recipe: Recipe
) -> tuple[Tried, Note] | None:
    """The pick with what `recipe.reject` asks for, its scores on validation, and a note that says so.

    None where nothing is asked.
    """
    truth = examples.targets[validation]
    found = rejecting(examples.task, pick.outputs, truth, pick.decode, recipe.reject)
    if found is None:
        return None
    note = Note(f"{pick.name}: {found.said}", "plan" if found.is_kept else "warning")
    pick = replace(pick, tuned=(*pick.tuned, found.said))
    if not len(truth):
        return pick, note
    scores, meter = measured_scores(pick.outputs, found.decode, truth, examples, recipe.seed)
    return replace(pick, decode=found.decode, record=replace(pick.record, scores=scores), meter=meter), note
