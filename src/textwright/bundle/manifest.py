"""`textwright.json`: what a model folder is, what it was made from, and a hash of every file in it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from textwright.core.settings import Settings

FORMAT_VERSION = 1
MANIFEST = "textwright.json"
LOOKS = "looks.json"
# What changes after training: the looks at locked rows, and pages that people may edit or make again.
UNHASHED = frozenset({LOOKS, "report.html", "card.json", "README.md", "README.zh.md"})
# The task of a folder that holds a language model.
LANGUAGE = "language"
# Those of one that makes one text of another, learned from pairs.
PAIRS = ("translate", "summarize")
# What `decode` of an exported model says besides: which engine the folder is for, and how much it reads.
ENGINE, ROOM = "engine", "room"
COPY_AGAIN = "Copy the folder again from where it was made, or train again."


class DataRecord(Settings):
    """One file that the model was made from or measured on."""

    name: str
    fingerprint: str
    rows: int
    cleaning: list[dict[str, Any]] = Field(default_factory=list)
    patches: list[dict[str, Any]] = Field(default_factory=list)

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without patches where there are none: so folders of before have the hash that they were given."""
        record: dict[str, Any] = dump(self)
        return record if self.patches else {k: v for k, v in record.items() if k != "patches"}


class Manifest(Settings):
    """The content of `textwright.json`. `scores` are those of the part that `split` names."""

    format_version: int = FORMAT_VERSION
    textwright_version: str
    task: str
    architecture: str
    data_schema: dict[str, Any] = Field(alias="schema")
    decode: dict[str, Any]
    scores: dict[str, Any]
    split: str
    parameters: int
    seconds: float
    data: list[DataRecord]
    files: dict[str, str] = Field(default_factory=dict)
    own_hash: str = ""

    def hashed(self) -> str:
        """The SHA-256 of everything here but the hash itself."""
        record = self.model_dump(mode="json", by_alias=True, exclude={"own_hash"})
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
