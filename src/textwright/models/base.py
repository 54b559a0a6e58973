"""What every architecture tells the rest of the house.

Shapes: B batch, T time, D width, C outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from textwright.core.settings import Settings


@dataclass(frozen=True)
class Architecture:
    """A registry entry.

    A `network` is a torch module made by `build(settings, Shape)`, trained by the one loop; it is called with
    `input_ids` (B, T) int64 and `attention_mask` (B, T) bool, padded on the right, and returns an object
    with `logits` (B, C). A `solver` brings its own fit (see `textwright.models.bag`).
    """

    name: str
    summary: str
    kind: Literal["network", "solver"]
    settings: type[Settings]
    build: Callable[..., Any]


@dataclass(frozen=True)
class Shape:
    """What the data decide about a network; `embeddings` (V, D) are initial ones or None."""

    vocabulary: int
    num_outputs: int
    pad_id: int = 0
    embeddings: Any = None
