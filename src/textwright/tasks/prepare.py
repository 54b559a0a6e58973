"""From a person's file to examples: read, split without leaks, lock the test rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from textwright.bundle.learned import Keys, as_keys
from textwright.core.errors import ConfigError, DataError
from textwright.core.files import readable_name
from textwright.core.ragged import IntArray
from textwright.core.records import Note
from textwright.tasks.base import TASKS
from textwright.tasks.examples import Examples
from textwright.tasks.parent import Parent, masks_of_parent, parent_of
from textwright.tasks.patched import measured_on_real_rows, weighted
from textwright.tasks.recipe import Recipe
from textwright.tasks.unlabelled import Unlabelled, read_unlabelled, twins_of
from textwright.text.corpus import Asked, Corpus, read_corpus, read_labelled
from textwright.text.duplicates import Twins, find_twins
from textwright.text.rowlog import RowLog
from textwright.text.schema import Schema
from textwright.text.split import Split, fold_rows, row_hashes, split_again, split_rows
from textwright.text.targets import Targets

_MAX_VALIDATION_ROWS = 10_000
_MIN_ROWS = 10
# Fewer rows than that say little about which of two models is better: all are held out in turn then.
_FEW_HELD_OUT, _FOLDS, _MIN_FOLDED = 200, 5, 30


@dataclass(frozen=True)
class Prepared:
    """Examples are the rows that may be learned from; `train` and `validation` number them.

    With `folds`, the number of the fold of each, all are trained on and chosen on, in turn. `unlabelled` are
    texts of another file, none of which is a twin of a locked row or of one to choose on.
    """

    corpus: Corpus
    test: Corpus | None
    examples: Examples
    train: IntArray
    validation: IntArray
    locked_texts: list[str]
    locked_targets: Targets
    twins: Twins
    warnings: tuple[str, ...] = ()
    parent: Parent | None = None
    folds: IntArray | None = None
    unlabelled: Unlabelled | None = None

    @property
    def locked_hashes(self) -> list[str]:
        return row_hashes(self.locked_texts)

    @property
    def learned(self) -> Keys | None:
        """What this model will have learned from, and those before it; None if they do not all say.

        Texts without labels count as well: a teacher's answers to them are learned.
        """
        others = self.unlabelled.texts if self.unlabelled else []
        own = as_keys(row_hashes([*self.examples.texts, *others]))
        if self.parent is None:
            return own
        return None if self.parent.keys is None else np.concatenate([own, self.parent.keys])

    def cleaning(self) -> Iterator[dict[str, Any]]:
        """Every row of the files that was dropped or changed, with the file it stands in."""
        for path, log in self._logs():
            yield from ({"file": readable_name(path), **record} for record in log.records())

    def _logs(self) -> list[tuple[str, RowLog]]:
        """What reading did to each file."""
        return [(file.path, file.log) for file in (self.corpus, self.test, self.unlabelled) if file]

    def account(self) -> list[str]:
        """What was read and how it was cut, a sentence each."""
        return [f"warning: {note.text}" if note.kind == "warning" else note.text for note in self.notes()]

    def notes(self) -> list[Note]:
        """The same for a sink, to which a warning is a kind of its own."""
        lines = [*self.corpus.notes]
        for path, log in self._logs():
            for step in log.summary():
                lines.append(
                    f"{readable_name(path)}: {step['rows']:,} rows {step['action']}: {step['reason']}"
                )
        lines.append(
            f"{len(self.corpus):,} rows; "
            f"{self.twins.num_exact:,} exact and {self.twins.num_near:,} near twins, "
            "kept on one side"
        )
        lines += self._of_the_parent()
        where = f"from {self.test.path}" if self.test else "locked" if self.locked_texts else "none"
        cut = (
            f"{len(self.train):,} rows to train on, {len(self.validation):,} to choose on, "
            f"{len(self.locked_texts):,} to test on ({where})"
        )
        if self.folds is not None:
            cut = (
                f"{len(self.examples):,} rows to train on and to choose on, held out in "
                f"{self.folds.max() + 1} parts in turn, {len(self.locked_texts):,} to test on ({where})"
            )
        notes = [*map(Note, lines), *(Note(text, "warning") for text in self.warnings), Note(cut)]
        if self.unlabelled:
            name = readable_name(self.unlabelled.path)
            notes.append(Note(f"{name}: {len(self.unlabelled):,} texts without labels to learn from"))
        return notes

    def _of_the_parent(self) -> list[str]:
        if self.parent is None:
            return []
        stay = "are left out" if self.test else "stay locked"
        return [
            f"{self.parent.name}, which this starts from, has learned from {self.parent.learned.sum():,} of "
            f"these rows, which can test nothing any more; {self.parent.locked.sum():,} were locked for its "
            f"test and {stay}"
        ]


def prepare_data(
    data: str | Path,
    recipe: Recipe,
    test: str | Path | None = None,
    check: Callable[[Schema], None] = lambda schema: None,
) -> Prepared:
    """Read `data`, guess the columns, split. Raises DataError when there is too little to learn from.

    `check` is called as soon as it is known what the columns hold, and may raise.
    """
    task = None if recipe.task == "auto" else recipe.task
    asked = Asked(task, recipe.data.text, recipe.data.label, recipe.data.patches, masks_of_parent(recipe))
    corpus = read_corpus(data, asked)
    check(corpus.schema)
    if len(corpus) < _MIN_ROWS:
        raise DataError(
            f"{len(corpus)} usable rows are too few to learn from (at least {_MIN_ROWS})",
            path=str(data),
            hint="Add labelled rows.",
        )
    given = read_labelled(test, corpus.schema) if test is not None else None
    if given is not None:
        corpus = _without_test_rows(corpus, given, recipe.seed)
    parent = parent_of(recipe, corpus)
    twins, split, warnings = _split(corpus, recipe, parent, has_test=given is not None)
    split = measured_on_real_rows(corpus, split)
    warnings += _what_the_parent_spoils(parent, given, split)
    free = np.sort(np.concatenate([split.train, split.validation]))
    if not len(free):
        raise DataError(
            f"every row was locked for the test of {recipe.model_settings.get('checkpoint')}: "
            "there is nothing to train on",
            path=str(data),
            hint="Give other rows, or start from another checkpoint.",
        )
    examples = Examples([corpus.texts[i] for i in free], corpus.targets[free], corpus.schema, recipe.seed)
    position = np.full(len(corpus), -1)
    position[free] = np.arange(len(free))
    texts = given.texts if given else [corpus.texts[i] for i in split.test]
    targets = given.targets if given else corpus.targets[split.test]
    folds, unlabelled = _folds(recipe, corpus, twins, free, len(split.validation)), None
    if (path := recipe.data.unlabelled) is not None:
        held_out = [corpus.texts[i] for i in (split.validation if folds is None else free)]
        unlabelled = read_unlabelled(path, corpus.schema, texts, held_out, examples.texts, recipe.seed)
        examples = replace(examples, unlabelled=unlabelled.texts)
    return Prepared(
        corpus,
        given,
        examples,
        position[weighted(corpus, split.train, recipe.seed)],
        position[split.validation],
        texts,
        targets,
        twins,
        warnings,
        parent,
        folds,
        unlabelled,
    )


def _without_test_rows(corpus: Corpus, test: Corpus, seed: int) -> Corpus:
    """Leave out rows that are twins of a test row."""
    twins = twins_of(test.texts, corpus.texts, seed)
    if twins.all():
        hint = "Give another --test file, or none: then a part of the rows is locked for the test."
        raise DataError("every row stands in the test file as well", path=corpus.path, hint=hint)
    for row in corpus.rows[twins]:
        corpus.log.dropped("twin of a test row", int(row))
    kept = np.flatnonzero(~twins)
    return corpus.taken(kept)


def _folds(
    recipe: Recipe, corpus: Corpus, twins: Twins, free: IntArray, num_held_out: int
) -> IntArray | None:
    """The fold of each row that is not locked, where one part of them is too little to choose on."""
    folds, rejects = recipe.split.folds, bool(recipe.reject.said())
    if folds == "auto":
        is_choice = recipe.model_name == "auto" and not rejects
        folds = _FOLDS if is_choice and 0 < num_held_out < _FEW_HELD_OUT and len(free) >= _MIN_FOLDED else 1
    is_patched = corpus.weights is not None or corpus.added is not None
    if folds < 2 or not num_held_out or (is_patched and recipe.split.folds == "auto"):
        return None
    if is_patched:
        raise ConfigError(
            f"split.folds={folds} does not go with patches that add or weigh rows",
            hint="Leave split.folds out.",
        )
    if rejects:
        raise ConfigError(
            f"split.folds={folds} does not go with reject: a threshold is that of one model",
            hint="Leave split.folds out.",
        )
    if folds > len(free) // 2:
        raise ConfigError(
            f"split.folds={folds} is more than half of the {len(free)} rows", hint="Take 5 or 10."
        )
    strata = TASKS.get(corpus.schema.task).strata(corpus.targets)[free]
    return fold_rows(strata, twins.group[free], folds=folds, seed=recipe.seed)


def _split(
    corpus: Corpus, recipe: Recipe, parent: Parent | None, *, has_test: bool
) -> tuple[Twins, Split, tuple[str, ...]]:
    """Keep twins on one side; where that leaves a part empty (texts from a template), only exact ones."""
    strata = TASKS.get(corpus.schema.task).strata(corpus.targets)
    validation = min(recipe.split.validation, _MAX_VALIDATION_ROWS / len(corpus))
    test = 0.0 if has_test else recipe.split.test

    def cut(twins: Twins) -> Split:
        shares: dict[str, Any] = {"validation": validation, "test": test, "seed": recipe.seed}
        if parent is None:
            return split_rows(strata, twins.group, **shares)
        return split_again(strata, twins.group, locked=parent.locked, learned=parent.learned, **shares)

    def num_empty(split: Split) -> int:
        wanted = (validation, split.validation), (test, split.test)
        return sum(share > 0 and not len(rows) for share, rows in wanted)

    twins = find_twins(corpus.texts, seed=recipe.seed)
    split = cut(twins)
    if not num_empty(split):
        return twins, split, ()
    exact = find_twins(corpus.texts, threshold=1.0, seed=recipe.seed)
    again = cut(exact)
    if num_empty(again) == num_empty(split):
        return twins, split, ()
    largest = int(np.bincount(twins.group).max())
    warning = (
        f"{largest:,} of {len(corpus):,} rows are near twins of each other that cannot be kept on one side; "
        "only exact ones are, so the scores are too good for new texts"
    )
    return exact, again, (warning,)


def _what_the_parent_spoils(parent: Parent | None, test: Corpus | None, split: Split) -> tuple[str, ...]:
    """Which scores do not mean what they should, as the model that this starts from knows the rows."""
    if parent is None:
        return ()
    if parent.keys is None:
        what = "does not say which rows it learned from: those to choose and to test on may be among them"
        return (f"{parent.name} {what}, and the scores too good",)
    found = []
    if parent.learned[split.validation].any():
        has_test = test is not None or len(split.test) > 0
        advice = "judge by the test" if has_test else "nothing is left to test on: give --test FILE"
        found.append(
            f"{parent.name} has learned from the rows to choose on, so scores on them are too good; {advice}"
        )
    if test and (known := parent.num_learned(test.as_found)):
        found.append(
            f"{parent.name} has learned from {known:,} of the {len(test):,} rows of the test file, "
            "so scores on it are too good"
        )
    return tuple(found)
