"""Gradient boosting on NumPy: small trees, each fitted to what those before it left (Friedman 2001).

Values are put into bins once, and a level of a tree is grown from the sums of gradients and curvatures in
each bin (as LightGBM does, Ke et al. 2017), for all its nodes at once. A tree of depth L has 2^L leaves; a
node that gains nothing sends all rows left.

Shapes: N rows, P properties, B bins, L depth of a tree, M trees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from textwright.core.ragged import IntArray
from textwright.core.seeds import generator

Array = NDArray[np.float64]
Bins = NDArray[np.uint8]
Slopes = Callable[[Array], tuple[Array, Array]]
"""Outputs (N,) to the gradients and curvatures (N,) of the loss."""

_NO_BIN = 255
_LEAST_SHARE = 0.02


@dataclass(frozen=True)
class BoostSettings:
    """How many trees, how deep, how carefully; the defaults were argued on held-out parts of three sets.

    `share` of the rows are drawn for each tree; a side of a split holds `least` of curvature, and `penalty`
    of it shrinks the leaves.
    """

    trees: int = 150
    depth: int = 4
    rate: float = 0.1
    bins: int = 32
    share: float = 0.5
    least: float = 10.0
    penalty: float = 5.0


@dataclass(frozen=True)
class Trees:
    """M trees of depth L: the property and the highest bin that goes left of each inner node, level by level.

    `edges` (P, B - 1) are the upper ends of the bins, `splits` (M, 2^L - 1) and `cuts` those of the nodes,
    `leaves` (M, 2^L) what each leaf adds.
    """

    edges: NDArray[np.float32]
    splits: NDArray[np.int32]
    cuts: Bins
    leaves: NDArray[np.float32]

    def binned(self, values: Array) -> Bins:
        """(P, N) the bin of each value (N, P)."""
        return _binned(values, self.edges)

    def outputs(self, values: Array) -> Array:
        """(N,) the sum of what the trees say of the rows of `values` (N, P)."""
        bins = self.binned(values)
        total = np.zeros(len(values))
        for splits, cuts, leaves in zip(self.splits, self.cuts, self.leaves, strict=True):
            total += leaves[_routed(bins, splits, cuts)]
        return total


def boost(values: Array, slopes: Slopes, seed: int, settings: BoostSettings | None = None) -> Trees:
    """Fit trees to rows of `values` (N, P); the bits depend on the seed and nothing else."""
    asked = settings or BoostSettings()
    edges = _edges(values, asked.bins)
    bins = _binned(values, edges)
    total = np.zeros(len(values))
    grown = []
    for number in range(asked.trees):
        gradients, curvatures = slopes(total)
        drawn = generator(seed, "extract", "tree", number).random(len(values)) < asked.share
        rows = np.flatnonzero(drawn)
        tree = _grow(bins[:, rows], gradients[rows], curvatures[rows], _for_few(asked, curvatures[rows]))
        total += tree[2][_routed(bins, tree[0], tree[1])]
        grown.append(tree)
    splits, cuts, leaves = zip(*grown, strict=True)
    return Trees(edges, np.stack(splits), np.stack(cuts), np.stack(leaves))


def _for_few(asked: BoostSettings, curvatures: Array) -> BoostSettings:
    """Few rows do not hold as much as a side of a split should: they are split all the same."""
    return replace(asked, least=min(asked.least, _LEAST_SHARE * float(curvatures.sum())))


def _edges(values: Array, num_bins: int) -> NDArray[np.float32]:
    """(P, B - 1) ends of bins that hold about as many rows each; of few values each has its own."""
    shares = np.arange(1, num_bins) / num_bins
    edges = np.full((values.shape[1], num_bins - 1), np.inf, np.float32)
    for row, column in zip(edges, values.T, strict=True):
        kinds = np.unique(column.astype(np.float32))
        found = (
            kinds[:-1] if len(kinds) <= num_bins else np.unique(np.quantile(column, shares, method="lower"))
        )
        row[: len(found)] = found
    return edges


def _binned(values: Array, edges: NDArray[np.float32]) -> Bins:
    found = [np.searchsorted(e, v) for e, v in zip(edges, values.T.astype(np.float32), strict=True)]
    return np.stack(found).astype(np.uint8)


def _routed(bins: Bins, splits: NDArray[np.int32], cuts: Bins) -> IntArray:
    """(N,) the leaf of each row."""
    node = np.zeros(bins.shape[1], np.int64)
    rows = np.arange(bins.shape[1])
    for level in range(len(splits).bit_length()):
        first = (1 << level) - 1
        node = 2 * node + (bins[splits[first + node], rows] > cuts[first + node])
    return node


def _grow(
    bins: Bins, gradients: Array, curvatures: Array, asked: BoostSettings
) -> tuple[NDArray[np.int32], Bins, NDArray[np.float32]]:
    """Splits and cuts of the inner nodes and the values of the leaves of one tree."""
    splits, cuts = np.zeros(2**asked.depth - 1, np.int32), np.full(2**asked.depth - 1, _NO_BIN, np.uint8)
    node = np.zeros(bins.shape[1], np.int64)
    rows = np.arange(bins.shape[1])
    for level in range(asked.depth):
        first, count = (1 << level) - 1, 1 << level
        splits[first : first + count], cuts[first : first + count] = _best(
            bins, node, count, gradients, curvatures, asked
        )
        node = 2 * node + (bins[splits[first + node], rows] > cuts[first + node])
    sums = np.bincount(node, gradients, 2**asked.depth), np.bincount(node, curvatures, 2**asked.depth)
    return splits, cuts, (-asked.rate * sums[0] / (sums[1] + asked.penalty)).astype(np.float32)


def _best(
    bins: Bins, node: IntArray, count: int, gradients: Array, curvatures: Array, asked: BoostSettings
) -> tuple[IntArray, IntArray]:
    """The property and the cut of each of `count` nodes that lower the loss most."""
    best, split, cut = np.zeros(count), np.zeros(count, np.int64), np.full(count, _NO_BIN)
    size, base = count * asked.bins, node * asked.bins
    for number, column in enumerate(bins):
        keys = base + column
        left = [
            np.bincount(keys, weights, size).reshape(count, asked.bins).cumsum(axis=1)
            for weights in (gradients, curvatures)
        ]
        gains = _gains(left[0], left[1], asked)
        places = gains.argmax(axis=1)
        found = gains[np.arange(count), places]
        better = found > best + 1e-9
        best[better], split[better], cut[better] = found[better], number, places[better]
    return split, cut


def _gains(left: Array, curved: Array, asked: BoostSettings) -> Array:
    """(nodes, B) what each cut gains; nothing where a side would hold too little."""
    total, whole = left[:, -1:], curved[:, -1:]
    right, rest = total - left, whole - curved
    gains = left**2 / (curved + asked.penalty) + right**2 / (rest + asked.penalty)
    gains -= total**2 / (whole + asked.penalty)
    return np.where((curved >= asked.least) & (rest >= asked.least), gains, 0)
