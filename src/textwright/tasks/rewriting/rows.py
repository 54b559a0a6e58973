"""The pairs of a file as everything that learns from them sees them: read, cleaned, and a part held out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from textwright.core.files import readable_name
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.text.pairs.aligned import read_given
from textwright.text.pairs.checking import Told
from textwright.text.pairs.cleaning import clean_pairs
from textwright.text.pairs.languages import language_of
from textwright.text.pairs.reading import NAMES, Asked, Pair
from textwright.text.pairs.tokens import held_apart, languages_of
from textwright.text.rowlog import RowLog


@dataclass(frozen=True)
class PairRows:
    """Pairs to learn from and pairs that are held out, with what reading and cleaning did."""

    task: str
    path: Path
    train: list[Pair]
    held_out: list[Pair]
    log: RowLog
    notes: list[str]

    @classmethod
    def read(cls, data: str | Path, recipe: PretrainRecipe) -> PairRows:
        """The same parts as a network that learns by this recipe has. Raises DataError."""
        task, log, told = str(recipe.objective), RowLog(), Told()
        given = recipe.data
        columns = Asked(given.source, given.target, given.languages, patches=given.patches)
        target_file = None if given.target_file is None else Path(given.target_file)
        found = read_given([Path(data)], target_file, columns, log, names=NAMES[task], told=told)
        clean = clean_pairs(
            found, log, recipe.pairs.clean, kind="translate" if task == "translate" else "summarize"
        )
        parts = held_apart(clean, recipe.seed, told)
        return cls(task, Path(data), *parts, log, [*told.notes, *told.warnings])

    @cached_property
    def languages(self) -> list[str]:
        """Of the sources and of the targets."""
        return languages_of([*self.train, *self.held_out])

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all pairs and of the part that each is in."""
        return fingerprint_of([*self.train, *self.held_out], len(self.train))

    def account(self) -> Iterator[str]:
        """What was read, in lines for a person."""
        yield from self.notes
        yield (
            f"{readable_name(self.path)}: {len(self.train):,} pairs to learn from, "
            f"{len(self.held_out):,} held out"
        )
        for step in self.log.summary():
            yield f"{step['rows']:,} pairs {step['action']}: {step['reason']}"


def fingerprint_of(pairs: Sequence[Pair], *more: int) -> str:
    """A hash of both sides of all pairs, in their order."""
    record = json.dumps([*more, *([pair.source, pair.target] for pair in pairs)])
    return hashlib.sha256(record.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def language_of_targets(pairs: Sequence[Pair]) -> str:
    """The code by which answers to these pairs are measured."""
    return language_of([pair.target for pair in pairs])
