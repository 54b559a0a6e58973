"""How good summaries are: ROUGE-1, -2 and -L against references, and how much they copy of their source.

English is counted as the package `rouge_score` counts it, without stemming; that package gives two equal
Chinese texts 0, so that every other language is counted by `textwright.measure.words.words`: characters of
scripts without spaces, words of others. Which of the two a number is stands beside it.

Shapes: N rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from textwright.core.errors import DataError
from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import FloatArray, check_rows, require_rows
from textwright.measure.bootstrap import GroupedSums, make_score, rows_score
from textwright.measure.buckets import MIN_ROWS_OF_BUCKETS, REPLICATES_OF_BUCKETS, bucket, length_buckets
from textwright.measure.words import (
    CHINESE,
    UNSPACED,
    SpaceTally,
    base_language,
    english_words,
    loops,
    words,
)
from textwright.text.clean import fold

NAMES = ("rouge1", "rouge2", "rougeL")
MAX_NEW_ORDER = 3
Stem = Callable[[str], str]


class Rouge(NamedTuple):
    """Precision, recall and their harmonic mean, 0 to 1."""

    precision: float
    recall: float
    f1: float


def rouge_label(language: str) -> str:
    """What the words of ROUGE are: "rouge" (English, as Lin 2004), "rouge-char" or "rouge-word".

    >>> [rouge_label(code) for code in ("en-GB", "zh-TW", "de", "")]
    ['rouge', 'rouge-char', 'rouge-word', 'rouge-word']
    """
    base = base_language(language)
    if base in ("en", "eng"):
        return "rouge"
    return "rouge-char" if base in CHINESE or base in UNSPACED else "rouge-word"


def rouge_words(text: str, language: str, stem: Stem | None = None) -> list[str]:
    """The words of a text for ROUGE; `stem` is asked for those of more than three characters.

    >>> rouge_words("Well-known facts", "en"), rouge_words("约3.5万人", "zh")
    (['well', 'known', 'facts'], ['约', '3.5', '万', '人'])
    """
    found = english_words(text) if rouge_label(language) == "rouge" else words(text)
    return [w for w in (stem(w) if len(w) > 3 else w for w in found) if w] if stem else found


def rouge_n(output: Sequence[str], reference: Sequence[str], n: int) -> Rouge:
    """ROUGE-n of two rows of words (Lin 2004): n-grams that both have.

    >>> rouge_n("the cat sat".split(), "the cat lay there".split(), 1).recall
    0.5
    """
    ours, theirs = Counter(_runs(output, n)), Counter(_runs(reference, n))
    hits = sum(min(count, theirs[run]) for run, count in ours.items() if run in theirs)
    return _rouge(hits, ours.total(), theirs.total())


def rouge_l(output: Sequence[str], reference: Sequence[str]) -> Rouge:
    """ROUGE-L of two rows of words: their longest common subsequence, sentences not told apart.

    >>> rouge_l("the cat sat".split(), "the old cat lay".split()).recall
    0.5
    """
    return _rouge(lcs_length(output, reference), len(output), len(reference))


def rouge_lsum(output: str, reference: str, language: str = "en", stem: Stem | None = None) -> Rouge:
    """ROUGE-L of summaries whose sentences are lines (Lin 2004, section 3.2), as `rouge_score` counts it.

    Each line of the reference is covered by the union of its longest common subsequences with all lines of
    the output; no word counts more often than it stands in either.

    >>> rouge_lsum("a b\\nc d", "c d\\na b").f1, rouge_l("a b c d".split(), "c d a b".split()).f1
    (1.0, 0.5)
    """
    ours, theirs = (
        [rouge_words(line, language, stem) for line in text.split("\n") if line]
        for text in (output, reference)
    )
    left = Counter(w for line in ours for w in line)
    length = left.total()
    hits = 0
    for line in theirs:
        covered = set[int]().union(*(_lcs_places(line, other) for other in ours))
        for place in sorted(covered):
            if left[line[place]] > 0:
                left[line[place]] -= 1
                hits += 1
    return _rouge(hits, length, sum(map(len, theirs)))


def lcs_length(a: Sequence[str], b: Sequence[str]) -> int:
    """The length of the longest common subsequence, by bits of whole numbers (Hyyrö 2004).

    >>> lcs_length("abcbdab", "bdcaba")
    4
    """
    rows = _lcs_rows(a, b)
    return len(b) - (rows[-1]).bit_count() if rows else 0


def _lcs_rows(a: Sequence[str], b: Sequence[str]) -> list[int]:
    """For each prefix of `a` a number with len(b) bits: bit j is 0 where word j adds one in common."""
    places = _bits(b)
    all_ones = (1 << len(b)) - 1
    row, rows = all_ones, []
    for word in a:
        matches = row & places.get(word, 0)
        row = ((row + matches) | (row - matches)) & all_ones
        rows.append(row)
    return rows


def _bits(tokens: Sequence[str]) -> dict[str, int]:
    """The places of each word, as the bits of a whole number."""
    bits: dict[str, int] = {}
    for place, word in enumerate(tokens):
        bits[word] = bits.get(word, 0) | 1 << place
    return bits


def _lcs_places(reference: Sequence[str], output: Sequence[str]) -> list[int]:
    """Places in `reference` of one longest common subsequence: of several the one that rouge_score takes."""
    rows = [(1 << len(output)) - 1, *_lcs_rows(reference, output)]

    def common(i: int, j: int) -> int:
        return j - (rows[i] & ((1 << j) - 1)).bit_count()

    i, j, found = len(reference), len(output), []
    while i > 0 and j > 0:
        if reference[i - 1] == output[j - 1]:
            i, j = i - 1, j - 1
            found.append(i)
        elif common(i, j - 1) > common(i - 1, j):
            j -= 1
        else:
            i -= 1
    return found


def _runs(tokens: Sequence[str], n: int) -> list[str]:
    """All n-grams, their words parted by line breaks, which no word holds: quicker than tuples."""
    if n == 1:
        return list(tokens)
    return ["\n".join(run) for run in zip(*(tokens[i:] for i in range(n)), strict=False)]


def _rouge(hits: int, num_output: int, num_reference: int) -> Rouge:
    if not hits:
        return Rouge(0.0, 0.0, 0.0)
    precision, recall = hits / num_output, hits / num_reference
    return Rouge(precision, recall, 2 * precision * recall / (precision + recall))


class Fragments(NamedTuple):
    """How extractive a summary is (Grusky et al., NAACL 2018, arXiv 1804.11283)."""

    coverage: float
    density: float
    compression: float


def extractive_fragments(source: Sequence[str], summary: Sequence[str]) -> Fragments | None:
    """Coverage, density and compression of a summary, all in words; None for a summary without a word.

    From left to right the longest run of words is taken that stands in the source as well. `coverage` is the
    share of the summary that such runs are, `density` the mean length of the run that a word is in (0 for
    words that are in none), `compression` the length of the source by that of the summary. The authors' own
    program may miss a longer run that overlaps with a shorter one; this one does not.

    >>> extractive_fragments("a b c d e f".split(), "b c x f".split())
    Fragments(coverage=0.75, density=1.25, compression=1.5)
    """
    if not summary:
        return None
    places, start, covered, squares = _bits(source), 0, 0, 0
    while start < len(summary):
        length, ends = 0, places.get(summary[start], 0)
        while ends:  # where in the source a run of so many words from `start` on ends
            length += 1
            follows = places.get(summary[start + length], 0) if start + length < len(summary) else 0
            ends = ends << 1 & follows
        covered, squares, start = covered + length, squares + length**2, start + max(length, 1)
    return Fragments(covered / len(summary), squares / len(summary), len(source) / len(summary))


class _Source:
    """What summaries of one text are held against."""

    def __init__(self, text: str) -> None:
        self.words, self.folded = words(text), fold(text)
        self.ngrams = [set(_runs(self.words, n)) for n in range(1, MAX_NEW_ORDER + 1)]


class _Extraction:
    """How much summaries take from their sources, summed over rows."""

    def __init__(self) -> None:
        self._num_rows = self._num_verbatim = 0
        self._fragments: list[Fragments] = []
        self._new, self._all = [0] * MAX_NEW_ORDER, [0] * MAX_NEW_ORDER

    def add(self, source: _Source, summary: str) -> None:
        ours = words(summary)
        fragments = extractive_fragments(source.words, ours)
        self._num_rows += 1
        if fragments is None:
            return
        self._fragments.append(fragments)
        self._num_verbatim += fold(summary) in source.folded
        for k, known in enumerate(source.ngrams):
            found = _runs(ours, k + 1)
            self._all[k] += len(found)
            self._new[k] += sum(ngram not in known for ngram in found)

    def to_json(self) -> dict[str, Any]:
        if not self._fragments:
            return {}
        means = np.mean(np.array(self._fragments), axis=0).tolist()
        counts = enumerate(zip(self._new, self._all, strict=True), 1)
        new = {f"new_{n}grams": fresh / all_ if all_ else None for n, (fresh, all_) in counts}
        verbatim = rows_score(self._num_verbatim, self._num_rows).to_json()
        return {"verbatim": verbatim, **new, **dict(zip(Fragments._fields, means, strict=True))}


class RougeMeter:
    """Takes in summaries with their references, and their sources where these are known.

    Args:
        language: code of the language of the summaries: English is cut as rouge_score cuts it.
        stem: what makes the stem of a word, for comparisons with papers that stem; none by default.

    >>> meter = RougeMeter("zh")
    >>> meter.update(["长江水生生物恢复向好"], [["长江水生生物总体恢复向好"]])
    >>> {name: round(score.value, 1) for name, score in meter.scores().items()}
    {'rouge1': 90.9, 'rouge2': 80.0, 'rougeL': 90.9}
    >>> meter.details()["label"]
    'rouge-char'
    """

    def __init__(self, language: str = "", *, stem: Stem | None = None) -> None:
        self.language, self.label, self.stem = language, rouge_label(language), stem
        self.num_rows = self._num_empty = self._num_loops = 0
        self._lengths: list[int] = []  # of the sources, in words
        self._f1: list[FloatArray] = []
        self._sums = np.zeros((len(NAMES), 2))
        self._own, self._of_references = _Extraction(), _Extraction()
        self._tally = SpaceTally()
        self._rows = hashlib.sha256()

    def update(
        self,
        outputs: Sequence[str],
        references: Sequence[Sequence[str]],
        sources: Sequence[str] | None = None,
    ) -> None:
        """Take in summaries (N,), the references of each (one or more), and what they sum up (N,).

        Of several references each score takes the best. Raises DataError for a row without a reference.
        """
        check_rows(outputs, references, sources, self.num_rows)
        for row, (output, own) in enumerate(zip(outputs, references, strict=True)):
            found = self.rouge(output, own)
            self._f1.append(np.array([score.f1 for score in found]))
            self._sums += np.array([(score.precision, score.recall) for score in found])
            self._num_empty += not output.strip()
            self._tally.add(own[0])
            source = None if sources is None else sources[row]
            others = [*own, *([] if source is None else [source])]
            self._num_loops += loops(words(output)) and not any(loops(words(text)) for text in others)
            if source is not None:
                read = _Source(source)
                self._lengths.append(len(read.words))
                self._own.add(read, output)
                self._of_references.add(read, own[0])
            self._rows.update(repr((source, list(own))).encode("utf-8", "surrogatepass"))
        self.num_rows += len(outputs)

    def rouge(self, output: str, references: Sequence[str]) -> list[Rouge]:
        """ROUGE-1, -2 and -L of one summary, each by the reference that suits it best."""
        ours = rouge_words(output, self.language, self.stem)
        all_ = [rouge_words(own, self.language, self.stem) for own in references]
        by_score = zip(
            *([*(rouge_n(ours, own, n) for n in (1, 2)), rouge_l(ours, own)] for own in all_), strict=True
        )
        return [max(found, key=lambda score: score.f1) for found in by_score]

    @property
    def fingerprint(self) -> str:
        """A hash of all sources and references: what two systems must share to be compared."""
        return self._rows.hexdigest()

    @property
    def per_row(self) -> dict[str, FloatArray]:
        """F1 (N,) of each row, 0 to 100.

        Raises DataError when no row was seen, and for texts without spaces that were cut as English.
        """
        require_rows(self.num_rows)
        if self.label == "rouge" and self._tally.share > 0.5:
            raise DataError(
                "the references are written without spaces, and ROUGE would cut them as English",
                hint="Name the language of the summaries, such as zh or ja.",
            )
        return dict(zip(NAMES, 100 * np.array(self._f1).T, strict=True))

    def scores(self, *, seed: int = 0, replicates: int = 1000) -> dict[str, Score]:
        """`rouge1`, `rouge2` and `rougeL`: mean F1 over rows, 0 to 100, with 95 % intervals over rows.

        Raises what `per_row` does.
        """
        return self._scores(np.column_stack(list(self.per_row.values())), seed, replicates)

    def _scores(self, rows: FloatArray, seed: int, replicates: int) -> dict[str, Score]:
        sums = GroupedSums(len(NAMES))
        sums.add(rows)
        drawn = sums.resampled(replicates, generator(seed, "measure", "rouge"))
        means = drawn[:, 1:] / drawn[:, :1]
        return {
            name: make_score(float(rows[:, k].mean()), means[:, k], len(rows)) for k, name in enumerate(NAMES)
        }

    def details(self, *, seed: int = 0) -> dict[str, Any]:
        """How it was counted, precision and recall (0 to 100), and how much stands in the sources.

        - `label`: "rouge", "rouge-char" or "rouge-word" (see `rouge_label`); numbers of two kinds do not
          compare.
        - `empty`: the share of rows without an output; `loops`: that of rows in which a decoder got stuck
          while neither the source nor a reference repeats itself like that.
        - `extraction`, and the same of the first references in `extraction_of_references`, where sources are
          known: the share of summaries that stand in their source word for word (`verbatim`), shares of
          n-grams that do not (`new_1grams` to `new_3grams`), and the means of `extractive_fragments`.
        - `by_length`: as of `TranslationMeter.details`.
        """
        require_rows(self.num_rows)
        means = 100 * self._sums / self.num_rows
        return {
            "label": self.label,
            "stemmed": self.stem is not None,
            "precision": dict(zip(NAMES, means[:, 0].tolist(), strict=True)),
            "recall": dict(zip(NAMES, means[:, 1].tolist(), strict=True)),
            "empty": rows_score(self._num_empty, self.num_rows).to_json(),
            "loops": rows_score(self._num_loops, self.num_rows).to_json(),
            "extraction": self._own.to_json(),
            "extraction_of_references": self._of_references.to_json(),
            "by_length": self._by_length(seed),
        }

    def _by_length(self, seed: int) -> list[dict[str, Any]]:
        if len(self._lengths) != self.num_rows or self.num_rows < MIN_ROWS_OF_BUCKETS:
            return []
        lengths, rows = np.array(self._lengths), np.column_stack(list(self.per_row.values()))
        return [
            bucket(lengths[chosen], self._scores(rows[chosen], seed, REPLICATES_OF_BUCKETS))
            for chosen in length_buckets(lengths)
        ]
