"""Is translation B better than A, or summary B than A, on the same rows: said only after a test.

BLEU and chrF are functions of sums over rows, so that a row has no score of its own that could be averaged;
what is drawn again, or swapped, is the counts of a row of both systems together.

Shapes: N rows, K counts a row, R replicates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from textwright.core.seeds import generator
from textwright.measure.base import FloatArray, IntArray, require_rows
from textwright.measure.bootstrap import GroupedSums, make_score
from textwright.measure.paired import paired_bootstrap
from textwright.measure.rouge import RougeMeter
from textwright.measure.translation import TranslationMeter, bleu_of_sums, chrf_of_sums

_CHUNK_CELLS = 4_000_000
_SCORES = {"bleu": bleu_of_sums, "chrf": chrf_of_sums}

Counts = IntArray | FloatArray
Scored = Callable[[FloatArray], FloatArray]


def paired_corpus(
    counts_a: Counts, counts_b: Counts, score: Scored, *, seed: int = 0, replicates: int = 10_000
) -> dict[str, Any]:
    """The difference of two scores that are functions of sums over the same rows, such as BLEU.

    Takes counts (N, K) of both and the `score` (R,) of sums (R, K). Returns what `paired_bootstrap` does:
    `difference`, the score (as JSON) of B - A with its 95 % interval of a paired bootstrap (Koehn, EMNLP
    2004), and `p_value`, two-sided, of approximate randomisation (Riezler and Maxwell 2005; the test `ar` of
    sacrebleu): how often a difference as large comes about when A and B swap places row by row at random.

    Beside it stands `p_bootstrap`, as the test `bs` of sacrebleu has it, for comparisons with papers that
    give it: of the distances of A and B in resampled rows, the share that lies above its mean by more than
    the distance found. It is about half of a two-sided p-value: of two equal systems, one in ten pairs falls
    below 0.05. So it decides nothing here. More than 2,048 rows are drawn and swapped in as many random
    groups. Raises DataError for no rows.

    >>> counts = np.array([[1.0, 2.0]] * 9)
    >>> found = paired_corpus(counts, counts, lambda sums: sums[:, 0] / sums[:, 1])
    >>> found["difference"]["value"], found["p_value"]
    (0.0, 1.0)
    """
    a, b = (np.asarray(counts, dtype=np.float64) for counts in (counts_a, counts_b))
    if a.shape != b.shape:
        raise ValueError(f"counts of A have the shape {a.shape}, of B {b.shape}: the rows must be the same")
    require_rows(len(a))
    sums, width = GroupedSums(2 * a.shape[1]), a.shape[1]
    sums.add(np.hstack([a, b]))
    total = sums.total()[None, 1:]
    value = float(_gap(total, width, score)[0])
    drawn = _gap(sums.resampled(replicates, generator(seed, "measure", "paired"))[:, 1:], width, score)
    far = np.abs(drawn) - np.abs(drawn).mean()
    swapped = _swapped(sums.groups()[:, 1:], score, replicates, generator(seed, "measure", "swap"))
    return {
        "difference": make_score(value, drawn, len(a)).to_json(),
        # Equal differences must count, whatever their rounding.
        "p_value": _share_of_draws(np.abs(swapped) >= abs(value) - 1e-9),
        "p_bootstrap": _share_of_draws(far > abs(value)),
    }


def _gap(sums: FloatArray, width: int, score: Scored) -> FloatArray:
    """Score of B less that of A, of sums (R, 2 K)."""
    return score(sums[:, width:]) - score(sums[:, :width])


def _share_of_draws(extreme: FloatArray | Any) -> float:
    """What was found counts as one draw (Phipson and Smyth 2010)."""
    return (int(np.count_nonzero(extreme)) + 1) / (len(extreme) + 1)


def _swapped(rows: FloatArray, score: Scored, replicates: int, rng: np.random.Generator) -> FloatArray:
    """Differences (R,) after rows (U, 2 K) of A and B swapped places at random."""
    width = rows.shape[1] // 2
    a, b = rows[:, :width], rows[:, width:]
    step, found = max(_CHUNK_CELLS // len(rows), 1), []
    for start in range(0, replicates, step):
        swaps = rng.integers(2, size=(min(step, replicates - start), len(rows)), dtype=np.int8)
        moved = swaps.astype(np.float64) @ (b - a)
        found.append(score(b.sum(axis=0) - moved) - score(a.sum(axis=0) + moved))
    return np.concatenate(found)


def compare_translations(
    a: TranslationMeter, b: TranslationMeter, *, seed: int = 0, replicates: int = 10_000
) -> dict[str, dict[str, Any]]:
    """`bleu` and `chrf` of B less those of A, both measured on the same rows; see `paired_corpus`.

    Raises ValueError when sources or references differ, or the texts were cut in different ways.

    >>> a, b = TranslationMeter("de"), TranslationMeter("de")
    >>> a.update(["Ein Hund rennt."] * 4, [["Ein Hund läuft schnell."]] * 4)
    >>> b.update(["Ein Hund läuft schnell."] * 4, [["Ein Hund läuft schnell."]] * 4)
    >>> round(compare_translations(a, b)["chrf"]["difference"]["value"], 1)
    69.3
    """
    _check_same_rows(a, b)
    kinds = [(meter.tokenize, meter.lowercase) for meter in (a, b)]
    if kinds[0] != kinds[1]:
        raise ValueError(f"A was measured with (tokenizer, lower case) {kinds[0]}, B with {kinds[1]}")
    ours, theirs = a.counts, b.counts
    return {
        name: paired_corpus(ours[name], theirs[name], score, seed=seed, replicates=replicates)
        for name, score in _SCORES.items()
    }


def compare_summaries(
    a: RougeMeter, b: RougeMeter, *, seed: int = 0, replicates: int = 10_000
) -> dict[str, dict[str, Any]]:
    """Mean ROUGE-1, -2 and -L of B less those of A, on the same rows; see `paired_bootstrap`.

    Raises ValueError when sources or references differ, or the texts were cut in different ways.

    >>> a, b = RougeMeter("en"), RougeMeter("en")
    >>> a.update(["rain"] * 8, [["rain today"]] * 8)
    >>> b.update(["rain today"] * 8, [["rain today"]] * 8)
    >>> round(compare_summaries(a, b)["rouge1"]["difference"]["value"], 1)
    33.3
    """
    _check_same_rows(a, b)
    if (a.label, a.stem) != (b.label, b.stem):
        raise ValueError(f"A was measured by {a.label!r}, B by {b.label!r}, or one with stems")
    ours, theirs = a.per_row, b.per_row
    return {
        name: paired_bootstrap(ours[name], theirs[name], seed=seed, replicates=replicates) for name in ours
    }


def _check_same_rows(a: TranslationMeter | RougeMeter, b: TranslationMeter | RougeMeter) -> None:
    if a.num_rows != b.num_rows or a.fingerprint != b.fingerprint:
        raise ValueError(
            f"{a.num_rows} rows of A and {b.num_rows} of B differ in sources or references: "
            "the rows must be the same"
        )
