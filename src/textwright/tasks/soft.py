"""Rows with soft targets: what a model says of them beside, or in the place of, what a person said.

Shapes: N labelled rows, U rows without a label, K outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from textwright.tasks.base import Array, Decode
from textwright.tasks.examples import Examples
from textwright.text.targets import Targets


@dataclass
class SoftExamples(Examples):
    """`soft` (N + U, K) are the shares of classes or labels (0 to 1), or standardised scores, by `scale`.

    The first N rows are those of the examples that it was made from, with their numbers and true targets, so
    that what is held out of these is judged as ever. The targets of the others are answers of a model: they
    must not be judged on.
    """

    soft: Array = field(kw_only=True)
    scale: Decode = field(kw_only=True)

    @property
    def decode(self) -> Decode:
        return self.scale

    def fitted(self) -> Array:
        return self.soft

    def shares(self) -> Array:
        return self.soft

    def with_soft(self, soft: Array) -> SoftExamples:
        """The same texts, their encodings shared, with other targets."""
        return replace(self, soft=soft, _codes=self.codes())


def soft_shares(examples: Examples, outputs: Array, decode: Decode, temperature: float = 1.0) -> Array:
    """What outputs (N, K) say, in the form of `Examples.shares`; a higher temperature makes it less sure.

    >>> from textwright.text.schema import Schema
    >>> schema = Schema.parse({"task": "classify", "text": "t", "label": "l", "labels": ["a", "b", "c"]})
    >>> rows = Examples(["x", "y"], np.array([0, 1]), schema, 0)
    >>> soft_shares(rows, np.log([[2.0, 1.0, 1.0]]), Decode()).tolist()
    [[0.5, 0.25, 0.25]]
    """
    task, scale = examples.task, examples.decode
    if task.link(examples.schema) == "identity":
        scores: Array = ((task.measured(outputs, decode) - scale.offset) / scale.spread)[:, None]
        return scores.astype(np.float32)
    softer = decode.replaced({"temperature": decode.temperature * temperature})
    shares: Array = task.measured(outputs, softer).astype(np.float32)
    return shares[:, 1:] if shares.shape[1] > outputs.shape[1] else shares  # two classes are one output


def mixed(examples: Examples, rows: Array, weight: float, others: Array) -> Array:
    """Targets (N + U, K): a teacher's shares `rows` (N, K) have `weight`, the true targets the rest."""
    own = np.float32(weight) * rows + np.float32(1 - weight) * examples.shares()
    return np.concatenate([own, others]).astype(np.float32)


def with_texts(examples: Examples, soft: Array, texts: Sequence[str], answers: Targets) -> SoftExamples:
    """Examples with soft targets (N + U, K); `texts` without labels come last, with the answers to them.

    Encodings are shared where no texts are added.
    """
    targets: Any = np.concatenate([examples.targets, answers]).astype(examples.targets.dtype)
    found = SoftExamples(
        [*examples.texts, *texts],
        targets,
        examples.schema,
        examples.seed,
        soft=soft,
        scale=examples.decode,
    )
    if texts:
        return found
    shared = {name: getattr(examples, name) for name in ("_tokens", "_encoded", "_shared")}
    return replace(found, _codes=examples.codes(), **shared)
