"""What every network answers: the logits, and what it looked at when it can say so.

Shapes: B batch, T time, C outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Output:
    """`logits` (B, C) float32, before any link function, and, from attention, the weight of each token.

    Those of a language model that learns may be ones that are not made yet (`models.language.head`).

    `token_weights` (B, T) are zero on padding and add up to one in each row (to zero in a row without
    tokens); None when the architecture does not weigh tokens.
    """

    logits: Any
    token_weights: Tensor | None = None
