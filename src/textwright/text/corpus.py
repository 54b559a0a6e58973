"""A person's data, read once for learning or scoring: clean texts, targets, and an account of every row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.core.errors import DataError
from textwright.core.ragged import IntArray
from textwright.text.clean import clean_text, clean_texts
from textwright.text.columns import Column, Guess, guess_columns, label_names, profile
from textwright.text.patches import Overlay, Row, read_patches
from textwright.text.rowlog import RowLog
from textwright.text.schema import Schema, TaskName
from textwright.text.script import script_shares
from textwright.text.sources import open_source
from textwright.text.sources.base import Batch, Cell, Source
from textwright.text.targets import (
    Labels,
    Targets,
    cell_labels,
    class_ids,
    label_sets,
    learn_labels,
    parse_score,
)
from textwright.text.terms import Masks, masked


@dataclass(frozen=True)
class Corpus:
    """Rows that can be learned from: text i has the target i and stands in row `rows[i]` of the file.

    Where patches changed the rows as they were read, `weights` (N,) are how much each counts, `added` (N,)
    which of them stand in no file, and `patches` what a model says of the patches. `originals` are the texts
    as they stand in the file, cleaned, before patches and masks; None where there are none of either.
    """

    path: str
    schema: Schema
    texts: list[str]
    targets: Targets
    rows: IntArray
    log: RowLog
    notes: tuple[str, ...]
    weights: NDArray[np.float64] | None = None
    added: NDArray[np.bool_] | None = None
    patches: tuple[dict[str, Any], ...] = ()
    originals: list[str] | None = None

    @property
    def as_found(self) -> list[str]:
        """The texts without patches and masks."""
        return self.texts if self.originals is None else self.originals

    def taken(self, kept: IntArray) -> Corpus:
        """Some of the rows, in this order."""
        return replace(
            self,
            texts=[self.texts[i] for i in kept],
            targets=self.targets[kept],
            rows=self.rows[kept],
            weights=None if self.weights is None else self.weights[kept],
            added=None if self.added is None else self.added[kept],
            originals=None if self.originals is None else [self.originals[i] for i in kept],
        )

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def fingerprint(self) -> str:
        """A hash of texts and targets, in order."""
        return fingerprint(self.texts, np.ascontiguousarray(self.targets).tobytes())


def fingerprint(texts: Sequence[str], more: bytes = b"") -> str:
    """A hash of texts in their order, and of what belongs to them.

    >>> fingerprint(["a", "b"]) == fingerprint(["ab"])
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    digest.update(more)
    return digest.hexdigest()


@dataclass(frozen=True)
class Asked:
    """What a person said of the columns; None is left to the guess. `patches` is the folder of an audit, and
    `masks` are those of a model that is started from.
    """

    task: TaskName | None = None
    text: str | None = None
    label: str | None = None
    patches: str | None = None
    masks: tuple[Masks, ...] = ()


@dataclass
class _Found:
    """Rows while they are read."""

    texts: list[str] = field(default_factory=list)
    cells: list[Labels] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    added: list[bool] = field(default_factory=list)
    originals: list[str] | None = None


def read_corpus(path: str | Path, asked: Asked | None = None) -> Corpus:
    """Guess the columns, read all rows, learn the labels. Raises DataError."""
    log, asked = RowLog(), asked or Asked()
    patches = read_patches(asked.patches) if asked.patches else None
    overlay = patches.of_file(path) if patches else Overlay()
    source, head, batches = _open(path, log)
    guess = guess_columns(
        profile(head), path=str(source.path), task=asked.task, text=asked.text, label=asked.label
    )
    schema = Schema(
        task=guess.task, text=guess.text, label=guess.label, form=guess.form, separator=guess.separator
    )
    masks = [*asked.masks, *(patches.masks() if patches else [])]
    schema = schema.replaced({"masks": [one for i, one in enumerate(masks) if one not in masks[:i]]})
    found = _read_rows(batches, schema, source, log, overlay)
    texts, cells, rows = found.texts, found.cells, found.rows
    labels = learn_labels(cells, rows, schema, str(source.path)) if schema.task != "score" else []
    schema = schema.replaced({"labels": labels, "scripts": script_shares(texts)})
    targets = _targets(cells, rows, schema, str(source.path))
    if schema.task == "score":
        schema = schema.replaced({"low": float(targets.min()), "high": float(targets.max())})
        _refuse_constant(schema, str(source.path))
    notes = (*source.notes, *guess.reasons, *map(_of_masks, schema.masks))
    corpus = Corpus(str(path), schema, texts, targets, np.array(rows), log, notes, originals=found.originals)
    return corpus if patches is None else replace(corpus, **_by_patches(found), patches=(*patches.records(),))


def _of_masks(masks: Masks) -> str:
    return f"{len(masks.terms):,} terms are read as {masks.token}, in training and in use"


def _by_patches(found: _Found) -> dict[str, Any]:
    """Weights and added rows, where there are any."""
    weights, added = np.array(found.weights), np.array(found.added)
    return {
        "weights": weights if (weights != 1).any() else None,
        "added": added if added.any() else None,
    }


def read_labelled(path: str | Path, schema: Schema) -> Corpus:
    """Read rows as a model knows them: same task, same labels, same masks. Raises DataError where they do not
    fit.
    """
    log = RowLog()
    source, head, batches = _open(path, log)
    columns = profile(head)
    guess = _matching(columns, schema, str(source.path))
    local = schema.replaced(
        {"text": guess.text, "label": guess.label, "form": guess.form, "separator": guess.separator}
    )
    found = _read_rows(batches, local, source, log, Overlay())
    texts, cells, rows = found.texts, found.cells, found.rows
    targets = _targets(cells, rows, local, str(source.path))
    notes, originals = tuple(source.notes), found.originals
    return Corpus(str(path), schema, texts, targets, np.array(rows), log, notes, originals=originals)


def _matching(columns: list[Column], schema: Schema, path: str) -> Guess:
    """The columns of the same names; where they have other names, a guess for the same task."""
    names = [column.name for column in columns]
    label = schema.label if set(label_names(schema.label, names)) <= set(names) else None
    text = schema.text if schema.text in names else None
    guess = guess_columns(columns, path=path, task=schema.task, text=text, label=label)
    # Too few rows to see how their labels are separated: as in the data of the training.
    return (
        replace(guess, separator=schema.separator)
        if schema.separator and guess.form == "separated"
        else guess
    )


def _open(path: str | Path, log: RowLog) -> tuple[Source, list[Batch], Iterator[Batch]]:
    """The source, its first batches for the guess, and all batches."""
    source = open_source(path)
    batches = source.batches(log)
    head: list[Batch] = []
    for batch in batches:
        head.append(batch)
        if sum(len(part.rows) for part in head) >= 5_000:
            break
    return source, head, chain(head, batches)


def _read_rows(
    batches: Iterator[Batch], schema: Schema, source: Source, log: RowLog, overlay: Overlay
) -> _Found:
    names = label_names(schema.label, source.columns)
    found = _Found()
    for batch in batches:
        raw = [_as_text(cell) for cell in batch.columns[schema.text]]
        cells = zip(*(batch.columns[name] for name in names), strict=True)
        labels = [cell_labels(list(row), schema) for row in cells]
        if overlay:
            _add_patched(found, (batch.rows, raw, labels), schema, log, overlay)
            continue
        clean = clean_texts(raw, batch.rows, log)
        for text, row, own in zip(clean, batch.rows, labels, strict=True):
            if _is_usable(text, own, row, schema, log):
                found.texts.append(text)
                found.cells.append(own or [])
                found.rows.append(row)
    if schema.masks:
        found.originals = found.originals or found.texts
        found.texts = [masked(text, schema.masks) for text in found.texts]
    if not found.texts:
        dropped = ", ".join(f"{n:,} dropped: {reason}" for (_, reason), n in log.counts.items())
        raise DataError(
            f"no row has both a text and a label ({dropped or 'no rows at all'})",
            path=source.path,
            hint="Name the right columns with --text COL and --label COL, or fill the empty cells.",
        )
    return found


def _is_usable(text: str, labels: Labels | None, row: int, schema: Schema, log: RowLog) -> bool:
    if not text.strip():
        log.dropped("no text", row)
        return False
    if labels is None or (schema.task != "multilabel" and not labels):
        log.dropped("no label", row, text)
        return False
    return True


def _add_patched(
    found: _Found,
    batch: tuple[list[int], list[str], list[Labels | None]],
    schema: Schema,
    log: RowLog,
    overlay: Overlay,
) -> None:
    """The rows of a batch as patches leave them, cleaned after that."""
    kept: list[tuple[int, Row, Labels | None, str | None]] = []
    for number, text, labels in zip(*batch, strict=True):
        own = tuple(labels or ())
        for place, row in enumerate(overlay.read(number, Row(text, own), log)):
            is_same = row.labels == own
            kept.append((number, row, labels if is_same else [*row.labels], None if place else text))
    clean = clean_texts([row.text for _, row, _, _ in kept], [number for number, *_ in kept], log)
    found.originals = [] if found.originals is None else found.originals
    for text, (number, row, labels, original) in zip(clean, kept, strict=True):
        if _is_usable(text, labels, number, schema, log):
            found.texts.append(text)
            found.cells.append(labels or [])
            found.rows.append(number)
            found.weights.append(row.weight)
            found.added.append(original is None)
            found.originals.append(text if original is None else clean_text(original))


def _as_text(cell: Cell) -> str:
    return " ".join(cell) if isinstance(cell, list) else cell or ""


def _targets(cells: list[Labels], rows: list[int], schema: Schema, path: str) -> Targets:
    if schema.task == "classify":
        return class_ids(cells, rows, schema, path)
    if schema.task == "multilabel":
        return label_sets(cells, rows, schema, path)
    column = schema.label
    scores = [
        parse_score(cell[0], path=path, row=row, column=column) for cell, row in zip(cells, rows, strict=True)
    ]
    return np.array(scores, dtype=np.float64)


def _refuse_constant(schema: Schema, path: str) -> None:
    if schema.low == schema.high:
        raise DataError(
            f"every score is {schema.low}, so there is nothing to learn",
            path=path,
            column=schema.label,
            hint="Name another column with --label COL.",
        )
