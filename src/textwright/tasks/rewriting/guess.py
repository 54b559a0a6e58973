"""Whether a file holds pairs; without torch, as every training asks it."""

from __future__ import annotations

from collections.abc import Mapping

from textwright.bundle.manifest import PAIRS
from textwright.text.columns import Column
from textwright.text.pairs.reading import SUMMARIES, TRANSLATION
from textwright.text.sources import open_source


def task_of_pairs(data: str, task: str | None, columns: Mapping[str, str | None]) -> str | None:
    """`translate` or `summarize` where a training is of pairs: as asked, or by the names of its columns."""
    if task in PAIRS:
        return task
    if task is not None or data == "-":
        return None
    source = open_source(data)
    for name, names in (("translate", TRANSLATION), ("summarize", SUMMARIES)):
        if all(
            columns.get(kind) in source.columns
            or any(Column(c).is_called(called) for called in getattr(names, kind) for c in source.columns)
            for kind in ("source", "target")
        ):
            return name
    return None
