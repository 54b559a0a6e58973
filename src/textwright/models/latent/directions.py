"""The directions in which texts differ most: a truncated singular value decomposition by random projection.

Halko, Martinsson and Tropp 2011 (arXiv:0909.4061). Latent semantic analysis (Deerwester et al. 1990) is this
decomposition of the n-grams of texts: those that stand together, in texts with or without labels, come to
point the same way.

Shapes: N rows, F columns, D directions.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from textwright.core.seeds import generator
from textwright.models.bag.matrix import parallel

Array = NDArray[np.float32]

# More directions are looked for than are kept, and the product with the matrix is taken again, so that the
# ones that are kept are found well.
_MORE, _AGAIN = 10, 2
_ENTRIES_A_PART = 1 << 19


def leading(matrix: csr_array, size: int, seed: int, threads: int = 1) -> tuple[Array, Array]:
    """Where rows lie along the leading directions (N, D), and how far they spread along each (D,).

    D is `size`, or what the matrix has. The columns of the first are of length 1. The bits do not depend on
    the threads.

    >>> rows = csr_array(np.array([[3.0, 0.0], [0.0, 1.0]], np.float32))
    >>> places, spread = leading(rows, 2, 0)
    >>> spread.round(3).tolist()
    [3.0, 1.0]
    """
    num = min(size + _MORE, *matrix.shape)
    found = generator(seed, "latent", "directions").standard_normal((matrix.shape[1], num), np.float32)
    rows, columns = _parts(matrix), _parts(matrix.T.tocsr())
    for _ in range(_AGAIN):
        found = _product(columns, _upright(_product(rows, found, threads)), threads)
    basis = _upright(_product(rows, found, threads))
    across = _product(columns, basis, threads)
    # Of few by few numbers, which is much quicker than the decomposition of `across` itself.
    squares, turned = np.linalg.eigh((across.T @ across).astype(np.float64))
    kept = min(size, num)
    order = np.argsort(-squares, kind="stable")[:kept]
    spread = np.sqrt(np.maximum(squares[order], 0)).astype(np.float32)
    return basis @ turned[:, order].astype(np.float32), spread


def unit(rows: Array) -> Array:
    """Rows of length 1; those without any length stay zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    out: Array = rows / np.maximum(lengths, np.float32(1e-9))
    return out


def _parts(matrix: csr_array) -> list[csr_array]:
    """Rows of about as many entries each, cut by the data alone."""
    marks = np.arange(_ENTRIES_A_PART, matrix.nnz, _ENTRIES_A_PART)
    cuts = np.unique([0, *np.searchsorted(matrix.indptr, marks), matrix.shape[0]])
    return [matrix[a:b] for a, b in pairwise(cuts.tolist())]


def _product(parts: list[csr_array], columns: Array, threads: int) -> Array:
    return np.concatenate(parallel(lambda part: part @ columns, parts, threads))


def _upright(columns: Array) -> Array:
    """Columns that span the same space, each of length 1 and at right angles to the others."""
    found: Array = np.linalg.qr(columns)[0]
    return found
