"""The data of a training at a glance: how many rows stand where, how long texts are, which labels there are.

Counts only, no text: a record that a report and a card can show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.core.files import readable_name
from textwright.tasks.prepare import Prepared
from textwright.tasks.unlabelled import Unlabelled
from textwright.text.corpus import Corpus
from textwright.text.schema import Schema
from textwright.text.targets import Targets

_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_BINS = 24


def glance(prepared: Prepared) -> dict[str, Any]:
    """Rows by part, files with what cleaning did, twins, scripts, lengths, and labels or scores by part."""
    examples, schema = prepared.examples, prepared.corpus.schema
    targets = {
        "train": examples.targets[prepared.train],
        "validation": examples.targets[prepared.validation],
        "test": prepared.locked_targets,
    }
    files = [prepared.corpus, prepared.test] if prepared.test else [prepared.corpus]
    others = {"unlabelled": _file(prepared.unlabelled)} if prepared.unlabelled else {}
    return {
        "rows": {part: len(of_part) for part, of_part in targets.items()},
        "files": [_file(corpus) for corpus in files],
        **others,
        "account": prepared.account(),
        "warnings": list(prepared.warnings),
        "twins": {"exact": prepared.twins.num_exact, "near": prepared.twins.num_near},
        "scripts": schema.scripts,
        "characters": _lengths([*examples.texts, *prepared.locked_texts]),
        "learned_characters": _range(examples.texts),
        **_targets(schema, targets),
    }


def _file(corpus: Corpus | Unlabelled) -> dict[str, Any]:
    return {
        "name": readable_name(corpus.path),
        "fingerprint": corpus.fingerprint,
        "rows": len(corpus),
        "cleaning": corpus.log.summary(),
    }


def _lengths(texts: Sequence[str]) -> dict[str, Any]:
    """Characters a text: quantiles, and counts between edges that grow by a constant factor."""
    lengths = np.array([len(text) for text in texts])
    low, high = max(int(lengths.min()), 1), max(int(lengths.max()), 2)
    edges = np.unique(np.geomspace(low, high + 1, _BINS + 1).round().astype(np.int64))
    return {"quantiles": _quantiles(lengths), **_histogram(lengths, edges)}


def _range(texts: Sequence[str]) -> list[int]:
    """The shortest and the longest of the texts that were learned from."""
    lengths = [len(text) for text in texts]
    return [min(lengths), max(lengths)]


def _targets(schema: Schema, targets: dict[str, Targets]) -> dict[str, Any]:
    if schema.task == "score":
        every = np.concatenate([np.asarray(part, dtype=np.float64) for part in targets.values()])
        values = np.unique(every)
        if len(values) <= _BINS:
            halves = (values[1:] + values[:-1]) / 2 if len(values) > 1 else np.array([])
            edges = np.concatenate([values[:1], halves, values[-1:]])
        else:
            edges = np.linspace(every.min(), every.max(), _BINS + 1)
        return {"target": {"quantiles": _quantiles(every), **_histogram(every, edges)}}
    counts = {part: _count(of_part, len(schema.labels)) for part, of_part in targets.items()}
    return {
        "labels": [
            {"label": label, **{part: int(of_part[i]) for part, of_part in counts.items()}}
            for i, label in enumerate(schema.labels)
        ]
    }


def _count(targets: Targets, labels: int) -> NDArray[np.int64]:
    """How many rows have each label: from class ids (N,) or from label sets (N, C)."""
    if targets.ndim == 2:
        return np.asarray(targets.sum(axis=0), dtype=np.int64)
    return np.bincount(targets.astype(np.int64), minlength=labels)


def _quantiles(values: NDArray[Any]) -> dict[str, float]:
    found = np.quantile(values, _QUANTILES).tolist()
    return dict(zip(map(str, _QUANTILES), found, strict=True))


def _histogram(values: NDArray[Any], edges: NDArray[Any]) -> dict[str, list[float]]:
    counts, _ = np.histogram(values, edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
