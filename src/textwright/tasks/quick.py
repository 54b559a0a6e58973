"""A classifier in seconds, for what must ask one: `bag` with its usual settings; and answers out of fold.

Shapes: N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.core.clock import Clock
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.base import TASKS, Array, Decode
from textwright.tasks.examples import Examples, Job
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import trainer_for
from textwright.text.schema import Schema
from textwright.text.script import script_shares
from textwright.text.split import fold_rows

Answers = Callable[[Sequence[str]], NDArray[np.floating[Any]]]


def quick_classifier(
    texts: Sequence[str], classes: IntArray, labels: Sequence[str], seed: int = 0
) -> Answers:
    """A function from texts to probabilities (N, C), learned from texts and their class ids (N,).

    Probabilities are calibrated on nothing: they order rows, and say nothing of how sure to be.
    """
    schema = Schema(
        task="classify", text="text", label="label", labels=[*labels], scripts=script_shares(texts)
    )
    examples = Examples([*texts], np.asarray(classes, np.int64), schema, seed)
    trainer = trainer_for(Job("bag", examples, Clock.starting(), usable_cpus()), Recipe(seed=seed))
    trainer.encode()
    for _ in trainer.refit(np.arange(len(texts))):
        pass
    engine = trainer.engine
    assert engine is not None

    def answers(new: Sequence[str]) -> Array:
        return TASKS.get("classify").measured(engine.outputs(new), Decode())

    return answers


def out_of_fold(
    texts: Sequence[str],
    classes: IntArray,
    labels: Sequence[str],
    groups: IntArray,
    *,
    folds: int = 5,
    seed: int = 0,
    most: int | None = None,
) -> Array:
    """Probabilities (N, C) of each row by a classifier that learned from no row of its group.

    `groups` (N,) are such as `find_twins(texts).group`: a twin would give the label of a row away. A
    classifier learns from at most `most` rows, drawn at random, so that many rows take little more time.
    """
    fold = fold_rows(np.asarray(classes), groups, folds=folds, seed=seed)
    found = np.full((len(texts), len(labels)), 1 / len(labels))
    for number in range(folds):
        held, kept = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        if most is not None and len(kept) > most:
            kept = np.sort(generator(seed, "out of fold", number).choice(kept, most, replace=False))
        if len(held) and len(kept):
            own = [texts[i] for i in kept.tolist()]
            answers = quick_classifier(own, np.asarray(classes)[kept], labels, seed)
            found[held] = answers([texts[i] for i in held.tolist()])
    return found
