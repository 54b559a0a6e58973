"""`bag`: a linear model on hashed word and character n-grams. NumPy and SciPy only; no torch on its path.

Each block of n-grams (words, characters) is scaled to the same average length, so that the many characters do
not drown the words; rows are then scaled to length 1. See `fit` for how weights and strength are chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_array

from textwright.core.ragged import Ragged
from textwright.core.settings import Settings
from textwright.models.base import Architecture
from textwright.models.bag.features import NGrams
from textwright.models.bag.matrix import Vocabulary
from textwright.models.bag.solver import row_scale

Array = NDArray[np.float32]


class BagSettings(Settings):
    """What can be set; `auto` is decided by the data or by validation."""

    words: int | Literal["auto"] = Field("auto", description="longest word n-gram (a Chinese character is a word)")
    chars: tuple[int, int] | Literal["auto", "none"] = Field("auto", description="shortest and longest character n-gram")
    weighting: Literal["auto", "bayes", "idf"] = Field("auto", description="naive-Bayes ratios or inverse document frequency")
    strength: float | Literal["auto"] = Field("auto", description="how far the rows outweigh the penalty (C of an SVM)")
    min_rows: int = Field(2, ge=1, description="an n-gram must occur in so many rows")


@dataclass(frozen=True)
class BagModel:
    """Vocabularies and, for each kept n-gram, its scaling squared and its weight for every output."""

    vocabularies: tuple[Vocabulary, ...]
    counted: bool
    squares: tuple[Array, ...]
    weights: tuple[Array, ...]
    bias: Array
    offset: float = 0.0
    spread: float = 1.0

    def outputs(self, rows: Ragged, threads: int = 1) -> Array:
        """(N, K) outputs: log-odds for classes, the score itself for graded targets."""
        total, length = np.zeros((len(rows), len(self.bias)), np.float32), np.zeros((1, 1), np.float32)
        for vocabulary, squares, weights in zip(self.vocabularies, self.squares, self.weights, strict=True):
            x = values(vocabulary.matrix(rows, threads), self.counted)
            total = total + x @ weights
            length = length + x @ squares
        return (row_scale(length) * total + self.bias) * np.float32(self.spread) + np.float32(self.offset)

    @property
    def num_parameters(self) -> int:
        return int(sum(w.size for w in self.weights) + self.bias.size)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything that is learned, by name, for a safetensors file."""
        named: dict[str, NDArray[np.generic]] = {"bias": self.bias}
        for i, vocabulary in enumerate(self.vocabularies):
            named |= {f"{i}.buckets": vocabulary.buckets, f"{i}.squares": self.squares[i], f"{i}.weights": self.weights[i]}
        return named

    def config(self) -> dict[str, object]:
        """Everything that is not an array, for config.json."""
        blocks = [{**vars(v.ngrams), "bits": v.bits} for v in self.vocabularies]
        return {"blocks": blocks, "counted": self.counted, "offset": self.offset, "spread": self.spread}

    @classmethod
    def restore(cls, config: Mapping[str, object], arrays: Mapping[str, NDArray[np.generic]]) -> BagModel:
        """The model that `config` and `arrays` describe."""
        blocks = [dict(block) for block in config["blocks"]]  # type: ignore[attr-defined]
        vocabularies = tuple(
            Vocabulary(bits=block.pop("bits"), ngrams=NGrams(**block), buckets=arrays[f"{i}.buckets"])  # type: ignore[arg-type]
            for i, block in enumerate(blocks)
        )
        squares = tuple(arrays[f"{i}.squares"] for i in range(len(blocks)))
        weights = tuple(arrays[f"{i}.weights"] for i in range(len(blocks)))
        counted, offset, spread = bool(config["counted"]), float(config["offset"]), float(config["spread"])  # type: ignore[arg-type]
        return cls(vocabularies, counted, squares, weights, arrays["bias"], offset, spread)  # type: ignore[arg-type]


def values(counts: csr_array, counted: bool) -> csr_array:
    """1 + log(count) where counts matter, otherwise 1 for every n-gram that is there."""
    data = 1 + np.log(counts.data) if counted else np.ones_like(counts.data)
    return csr_array((data, counts.indices, counts.indptr), shape=counts.shape)


ARCHITECTURE = Architecture(
    name="bag",
    summary="linear model on hashed word and character n-grams; seconds to train, hard to beat on small data",
    kind="solver",
    settings=BagSettings,
    build=BagModel,
)
