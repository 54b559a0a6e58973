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
    with `logits` (B, C). An `encoder` is a network of a Hugging Face class, kept in a folder that
    `transformers` loads. A `solver` brings its own fit (see `textwright.models.bag`).

    `rate` is the learning rate it starts from with adamw and batches of 32. When nobody says how long, it
    learns until it has seen `seen_rows` rows, in `passes` epochs (at least, at most).
    """

    name: str
    summary: str
    kind: Literal["network", "encoder", "solver"]
    settings: type[Settings]
    build: Callable[..., Any]
    rate: float = 1e-3
    seen_rows: int = 150_000
    passes: tuple[int, int] = (4, 16)


@dataclass(frozen=True)
class Shape:
    """What the data decide about a network; `embeddings` (V, D) are initial ones or None.

    `labels` are the names of the classes, empty for scores; two classes share one output. `link` is what
    makes answers of the outputs: several labels of a text are sigmoids, each on its own.
    """

    vocabulary: int
    num_outputs: int
    pad_id: int = 0
    embeddings: Any = None
    labels: tuple[str, ...] = ()
    link: Literal["softmax", "sigmoid", "identity"] = "softmax"
