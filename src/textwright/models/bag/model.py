"""`bag`: a linear model on hashed word and character n-grams. NumPy and SciPy only; no torch on its path.

Each block of n-grams (words, characters) is scaled to the same average length, so that the many characters do
not drown the words; rows are then scaled to length 1. See `fit` for how the settings are chosen.

Shapes: N rows, F n-grams, K outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from textwright.core.ragged import Ragged
from textwright.core.settings import Settings
from textwright.models.bag.features import NGrams
from textwright.models.bag.matrix import Vocabulary, chunks, parallel
from textwright.models.bag.solver import Array, row_scale
from textwright.models.base import Architecture

Weighting = Literal["nb", "idf"]


class BagSettings(Settings):
    """What can be set; `auto` is decided by the data or by validation."""

    words: int | Literal["auto"] = Field("auto", description="longest word n-gram (0 = none)")
    chars: tuple[int, int] | Literal["auto", "none"] = Field(
        "auto", description="shortest and longest character n-gram"
    )
    rate: float | Literal["auto"] = Field("auto", description="size of the first step")
    epochs: int | Literal["auto"] = Field("auto", description="passes over the rows")
    weighting: Weighting = Field(
        "nb", description="of n-grams: nb by their labels (log-count ratios), idf by how rare they are"
    )
    loss: Literal["logistic", "hinge"] = Field(
        "logistic", description="of labels; hinge asks for a margin, as a linear SVM does"
    )
    min_rows: int = Field(2, ge=1, description="an n-gram must occur in so many rows")


@dataclass(frozen=True)
class BagModel:
    """Vocabularies and, for every n-gram and output, its squared scaling and its weight (F, K)."""

    vocabularies: tuple[Vocabulary, ...]
    squares: tuple[Array, ...]
    weights: tuple[Array, ...]
    bias: Array

    def outputs(self, rows: Ragged, threads: int = 1) -> Array:
        """(N, K) outputs for lower-cased code points: log-odds of classes against the rest, or scores."""
        parts = parallel(lambda chunk: self._outputs(chunk[1]), chunks(rows), threads)
        return np.concatenate([np.zeros((0, len(self.bias)), np.float32), *parts])

    def _outputs(self, rows: Ragged) -> Array:
        total = np.zeros((len(rows), len(self.bias)), np.float32)
        length = np.zeros_like(total)
        for vocabulary, squares, weights in zip(self.vocabularies, self.squares, self.weights, strict=True):
            x = vocabulary.matrix(rows)
            total += x @ weights
            length += x @ squares
        return row_scale(length) * total + self.bias

    @property
    def num_parameters(self) -> int:
        return int(sum(w.size for w in self.weights) + self.bias.size)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that is learned, by name, for a safetensors file."""
        named: dict[str, NDArray[Any]] = {"bias": self.bias}
        for i, vocabulary in enumerate(self.vocabularies):
            named[f"{i}.hashes"] = vocabulary.hashes
            named[f"{i}.squares"] = self.squares[i]
            named[f"{i}.weights"] = self.weights[i]
        return named

    def config(self) -> dict[str, Any]:
        """Everything that is not an array, for config.json."""
        return {"blocks": [vars(vocabulary.ngrams) for vocabulary in self.vocabularies]}

    @classmethod
    def restore(cls, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> BagModel:
        """The model that `config` and `arrays` describe."""
        blocks = list(enumerate(config["blocks"]))
        vocabularies = tuple(Vocabulary(NGrams(**block), arrays[f"{i}.hashes"]) for i, block in blocks)
        squares = tuple(arrays[f"{i}.squares"] for i, _ in blocks)
        return cls(vocabularies, squares, tuple(arrays[f"{i}.weights"] for i, _ in blocks), arrays["bias"])


ARCHITECTURE = Architecture(
    name="bag",
    summary="linear model on hashed word and character n-grams; seconds to train, hard to beat on small data",
    kind="solver",
    settings=BagSettings,
    build=BagModel,
)
