"""TextRank against PageRank of networkx on the dense matrix of all pairs of sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from textwright.core.seeds import generator
from textwright.models.extract.textrank import centrality, textrank
from textwright.models.extract.words import Words


def tokens(seed: int) -> list[list[str]]:
    rng = generator(seed, "textrank")
    return [[f"w{i}" for i in rng.zipf(1.5, int(rng.integers(1, 15))) % 30] for _ in range(25)]


def weights(sentences: list[list[str]]) -> tuple[Any, Any]:
    """Counts (S, V) and the rarity of each word, as the module says it."""
    kinds = sorted({word for sentence in sentences for word in sentence})
    counts = np.array([[sentence.count(word) for word in kinds] for sentence in sentences], float)
    held = (counts > 0).sum(axis=0)
    return counts, np.log1p((len(sentences) - held + 0.5) / (held + 0.5))


def pagerank(similar: Any, restart: Any = None) -> Any:
    """Of a matrix whose entry (i, j) is what j hands to i."""
    networkx = pytest.importorskip("networkx")
    graph = networkx.from_numpy_array(similar.T, create_using=networkx.DiGraph)
    prior = None if restart is None else dict(enumerate(restart))
    found = networkx.pagerank(graph, alpha=0.85, personalization=prior, tol=1e-12, max_iter=1000)
    return np.array([found[row] for row in range(len(similar))])


@pytest.mark.parametrize("seed", range(3))
def test_by_the_cosine(seed: int) -> None:
    counts, rarity = weights(tokens(seed))
    rows = counts * rarity
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    similar = rows @ rows.T
    np.fill_diagonal(similar, 0)
    words = Words.of_tokens(tokens(seed))
    assert np.allclose(textrank(words), pagerank(similar), atol=1e-5)
    prior = 1 / (1 + np.arange(25))
    assert np.allclose(textrank(words, restart=prior), pagerank(similar, prior), atol=1e-5)
    whole = (counts * rarity / np.linalg.norm(counts * rarity, axis=1, keepdims=True)).sum(axis=0)
    assert np.allclose(centrality(words), rows @ whole / np.linalg.norm(whole))


@pytest.mark.parametrize("seed", range(3))
def test_by_bm25(seed: int) -> None:
    counts, rarity = weights(tokens(seed))
    lengths = counts.sum(axis=1, keepdims=True)
    gains = counts * 2.2 / (counts + 1.2 * (0.25 + 0.75 * lengths / lengths.mean()))
    similar = (gains * rarity) @ counts.T
    np.fill_diagonal(similar, 0)
    words = Words.of_tokens(tokens(seed))
    assert np.allclose(textrank(words, weighting="bm25"), pagerank(similar), atol=1e-5)
