"""From a person's file to examples: read, split without leaks, lock the test rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from textwright.core.errors import DataError
from textwright.core.ragged import IntArray
from textwright.tasks.base import TASKS
from textwright.tasks.examples import Examples
from textwright.tasks.recipe import Recipe
from textwright.text.corpus import Asked, Corpus, read_corpus, read_labelled
from textwright.text.duplicates import Twins, cross_twins, find_twins
from textwright.text.split import Split, row_hashes, split_rows
from textwright.text.targets import Targets

_MAX_VALIDATION_ROWS = 10_000
_MIN_ROWS = 10
_MOST = 0.5


@dataclass(frozen=True)
class Prepared:
    """Examples are the rows that may be learned from; `train` and `validation` number them."""

    corpus: Corpus
    test: Corpus | None
    examples: Examples
    train: IntArray
    validation: IntArray
    locked_texts: list[str]
    locked_targets: Targets
    twins: Twins
    warning: str = ""

    @property
    def locked_hashes(self) -> list[str]:
        return row_hashes(self.locked_texts)

    def cleaning(self) -> Iterator[dict[str, Any]]:
        """Every row of the files that was dropped or changed, with the file it stands in."""
        for corpus in self._files():
            yield from ({"file": Path(corpus.path).name, **record} for record in corpus.log.records())

    def _files(self) -> list[Corpus]:
        return [self.corpus, self.test] if self.test else [self.corpus]

    def account(self) -> list[str]:
        """What was read and how it was cut, a sentence each."""
        lines = [*self.corpus.notes]
        for corpus in self._files():
            name = Path(corpus.path).name
            for step in corpus.log.summary():
                lines.append(f"{name}: {step['rows']:,} rows {step['action']}: {step['reason']}")
        lines.append(
            f"{len(self.corpus):,} rows; "
            f"{self.twins.num_exact:,} exact and {self.twins.num_near:,} near twins, "
            "kept on one side"
        )
        lines += [f"warning: {self.warning}"] if self.warning else []
        where = f"from {self.test.path}" if self.test else "locked" if self.locked_texts else "none"
        lines.append(
            f"{len(self.train):,} rows to train on, {len(self.validation):,} to choose on, "
            f"{len(self.locked_texts):,} to test on ({where})"
        )
        return lines


def prepare_data(data: str | Path, recipe: Recipe, test: str | Path | None = None) -> Prepared:
    """Read `data`, guess the columns, split. Raises DataError when there is too little to learn from."""
    task = None if recipe.task == "auto" else recipe.task
    corpus = read_corpus(data, Asked(task, recipe.data.text, recipe.data.label))
    if len(corpus) < _MIN_ROWS:
        raise DataError(
            f"{len(corpus)} usable rows are too few to learn from (at least {_MIN_ROWS})",
            path=str(data),
            hint="Add labelled rows.",
        )
    given = read_labelled(test, corpus.schema) if test is not None else None
    if given is not None:
        corpus = _without_test_rows(corpus, given, recipe.seed)
    twins, split, warning = _split(corpus, recipe, has_test=given is not None)
    free = np.sort(np.concatenate([split.train, split.validation]))
    examples = Examples([corpus.texts[i] for i in free], corpus.targets[free], corpus.schema, recipe.seed)
    position = np.full(len(corpus), -1)
    position[free] = np.arange(len(free))
    texts = given.texts if given else [corpus.texts[i] for i in split.test]
    targets = given.targets if given else corpus.targets[split.test]
    return Prepared(
        corpus,
        given,
        examples,
        position[split.train],
        position[split.validation],
        texts,
        targets,
        twins,
        warning,
    )


def _without_test_rows(corpus: Corpus, test: Corpus, seed: int) -> Corpus:
    """Leave out rows that are twins of a test row; where most are (a template), exact ones only."""
    near = cross_twins(test.texts, corpus.texts, seed=seed)
    locked = set(row_hashes(test.texts))
    exact = np.array([name in locked for name in row_hashes(corpus.texts)])
    twins = exact if near.mean() > _MOST else near | exact
    if twins.all():
        hint = "Give another --test file, or none: then a part of the rows is locked for the test."
        raise DataError("every row stands in the test file as well", path=corpus.path, hint=hint)
    for row in corpus.rows[twins]:
        corpus.log.dropped("twin of a test row", int(row))
    kept = np.flatnonzero(~twins)
    return replace(
        corpus, texts=[corpus.texts[i] for i in kept], targets=corpus.targets[kept], rows=corpus.rows[kept]
    )


def _split(corpus: Corpus, recipe: Recipe, *, has_test: bool) -> tuple[Twins, Split, str]:
    """Keep twins on one side; where that leaves a part empty (texts from a template), only exact ones."""
    validation = min(recipe.split.validation, _MAX_VALIDATION_ROWS / len(corpus))
    test = 0.0 if has_test else recipe.split.test
    strata = TASKS.get(corpus.schema.task).strata(corpus.targets)

    def cut(twins: Twins) -> Split:
        return split_rows(strata, twins.group, validation=validation, test=test, seed=recipe.seed)

    twins = find_twins(corpus.texts, seed=recipe.seed)
    split = cut(twins)
    if (len(split.validation) or not validation) and (len(split.test) or not test):
        return twins, split, ""
    largest = int(np.bincount(twins.group).max())
    exact = find_twins(corpus.texts, threshold=1.0, seed=recipe.seed)
    warning = (
        f"{largest:,} of {len(corpus):,} rows are near twins of each other that cannot be kept on one side; "
        "only exact ones are, so the scores are too good for new texts"
    )
    return exact, cut(exact), warning
