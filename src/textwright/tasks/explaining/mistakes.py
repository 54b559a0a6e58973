"""The tokens behind the surest mistakes, for a report: what the model saw in the rows that it got wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textwright.core.errors import TextwrightError
from textwright.tasks.base import Decode
from textwright.tasks.explaining import METHODS, explain
from textwright.tasks.explaining.base import reads_tokens
from textwright.tasks.trainers.base import Engine
from textwright.tasks.wrong import EXCERPT
from textwright.text.schema import Schema

MAX_EXPLAINED = 12


def explain_mistakes(
    records: Sequence[dict[str, Any]], engine: Engine, schema: Schema, decode: Decode
) -> list[dict[str, Any]]:
    """The same records; the first 12 that hold their whole text have `tokens` and `explained_by` as well.

    An excerpt would be answered otherwise than its text was. Where a model cannot be explained, the records
    come back as they are.
    """
    found = [dict(record) for record in records]
    whole = [record for record in found if len(record["text"]) < EXCERPT][:MAX_EXPLAINED]
    # The quicker one where there are tokens; it needs torch, which others must not wait for.
    methods = ("occlusion",) if reads_tokens(engine) else ("gradient", "occlusion")
    method = next((name for name in methods if not METHODS.get(name).refusal(engine)), None)
    if not whole or method is None:
        return found
    try:
        explained = explain(engine, schema, decode, [record["text"] for record in whole], method)
    except (TextwrightError, MemoryError, RuntimeError):
        return found
    for record, about in zip(whole, explained, strict=True):
        record.update(explained_by=method, tokens=about["tokens"])
        if "explained" in about:
            record["explained"] = about["explained"]
    return found
