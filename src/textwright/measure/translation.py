"""How good translations are: BLEU and chrF of a whole set by sacrebleu, and what goes wrong in them.

The score of a set is a function of sums over its rows. These rows of counts are kept, so that an interval is
a bootstrap of sums, with no text read twice. The score itself comes from sacrebleu (Post 2018, arXiv
1804.08771), with the signature under which others find the same number. Never a mean of sentence scores.

Shapes: N rows, K counts a row, R replicates.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from textwright.core.errors import ConfigError, DataError
from textwright.core.records import Score
from textwright.core.seeds import generator
from textwright.measure.base import FloatArray, IntArray, check_rows, require_rows
from textwright.measure.bootstrap import GroupedSums, make_score, ratio, rows_score
from textwright.measure.buckets import MIN_ROWS_OF_BUCKETS, REPLICATES_OF_BUCKETS, bucket, length_buckets
from textwright.measure.words import CHINESE, UNSPACED, SpaceTally, base_language, loops, words
from textwright.text.clean import fold

BLEU_ORDER, CHRF_ORDER, CHRF_BETA = 4, 6, 2
# Those of sacrebleu that need no download and no dictionary.
TOKENIZERS = ("13a", "intl", "zh", "char", "none")
_CUT_AT_SPACES = ("13a", "intl")


def tokenizer_for(language: str) -> str:
    """The tokenizer of BLEU for a target language, by its code; "" stands for one with spaces.

    One system got 34 BLEU with `13a`, 56 with `zh` and 60 with `char` (sacrebleu issue 147): that of Chinese
    is `zh`, whatever its country and script. `char` is for other languages without spaces, and for Korean
    (sacrebleu's own choices for Japanese and Korean need dictionaries).

    >>> [tokenizer_for(code) for code in ("de", "zh-TW", "yue", "ja", "")]
    ['13a', 'zh', 'zh', 'char', '13a']
    """
    base = base_language(language)
    return "zh" if base in CHINESE else "char" if base in UNSPACED else "13a"


def bleu_of_sums(sums: FloatArray) -> FloatArray:
    """BLEU (R,) of summed counts (R, 10), as sacrebleu has them, with its default smoothing (`exp`).

    The counts are the lengths of output and closest reference, n-grams that are right, and all n-grams.
    """
    length, wanted, right, all_ = sums[:, 0], sums[:, 1], sums[:, 2:6], sums[:, 6:10]
    # Each order without a match halves what is taken for its matches once more.
    halvings = np.cumsum((right == 0) & (all_ > 0), axis=1)
    matches = np.where(right > 0, right, 0.5**halvings)
    with np.errstate(divide="ignore"):
        logs = np.log(100 * ratio(matches, all_)).sum(axis=1) / BLEU_ORDER
        brevity = np.where(length < wanted, 1 - ratio(wanted, length, np.inf), 0.0)
    out: FloatArray = np.where(right.any(axis=1), np.exp(brevity + logs), 0.0)
    return out


def chrf_of_sums(sums: FloatArray) -> FloatArray:
    """chrF2 (R,) of summed counts (R, 18): of each order the n-grams of output, reference and both."""
    of_output, of_reference, of_both = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
    counts = (of_output > 0) & (of_reference > 0)
    orders = counts.sum(axis=1)
    precision = ratio((ratio(of_both, of_output) * counts).sum(axis=1), orders)
    recall = ratio((ratio(of_both, of_reference) * counts).sum(axis=1), orders)
    return 100 * ratio((1 + CHRF_BETA**2) * precision * recall, CHRF_BETA**2 * precision + recall)


@dataclass(frozen=True)
class _Metric:
    """One metric of sacrebleu: the counts of rows, the score of their sum, and its signature.

    sacrebleu has no public way to the counts; these are the methods that its own paired tests go by.
    """

    metric: Any
    of_sums: Callable[[FloatArray], FloatArray]

    def count(self, outputs: Sequence[str], references: Sequence[Sequence[str]]) -> IntArray:
        """(N, K) of outputs (N,) with one or more references each."""
        streams = list(zip_longest(*references))
        found: IntArray = np.array(self.metric._extract_corpus_statistics(outputs, streams), dtype=np.int64)
        return found

    def score(self, counts: IntArray) -> float:
        """The score of rows with counts (N, K), by sacrebleu itself."""
        return float(self.metric._compute_score_from_stats(counts.sum(axis=0).tolist()).score)

    def signature(self, num_references: set[int]) -> str:
        self.metric.num_refs = next(iter(num_references)) if len(num_references) == 1 else -1
        return str(self.metric.get_signature())


class TranslationMeter:
    """Takes in translations with their references, and their sources where these are known.

    Args:
        language: code of the target language, from which the tokenizer of BLEU follows.
        lowercase: whether upper and lower case are the same, in both metrics.
        tokenize: another tokenizer, such as "none" for texts that are tokenised already. A number with "none"
            compares with papers that tokenised likewise, and with nothing else.

    Raises ConfigError for a tokenizer that cuts at spaces where the target language has none.

    >>> meter = TranslationMeter("de")
    >>> meter.update(["Ein Mann schläft ."], [["Ein Mann schläft auf dem Sofa."]], ["A man sleeps."])
    >>> {name: round(score.value, 2) for name, score in meter.scores().items()}
    {'bleu': 30.18, 'chrf': 56.54}
    >>> meter.details()["signatures"]["bleu"].rpartition("|")[0]
    'nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp'
    """

    def __init__(self, language: str = "", *, lowercase: bool = False, tokenize: str | None = None) -> None:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF

        self.tokenize = _checked_tokenizer(language, tokenize)
        self.language, self.lowercase = base_language(language), lowercase
        self._metrics = {
            "bleu": _Metric(BLEU(lowercase=lowercase, tokenize=self.tokenize, force=True), bleu_of_sums),
            "chrf": _Metric(CHRF(lowercase=lowercase), chrf_of_sums),
        }
        self.num_rows = 0
        self._counts: dict[str, list[IntArray]] = {name: [] for name in self._metrics}
        self._lengths: list[int] = []  # of the sources, in words
        self._num_references: set[int] = set()
        self._seen: Counter[str] = Counter()
        self._tally = SpaceTally()
        self._rows = hashlib.sha256()

    def update(
        self,
        outputs: Sequence[str],
        references: Sequence[Sequence[str]],
        sources: Sequence[str] | None = None,
    ) -> None:
        """Take in translations (N,), the references of each (one or more), and what they translate (N,).

        Raises DataError for a row without a reference.
        """
        check_rows(outputs, references, sources, self.num_rows)
        if not outputs:
            return
        for name, metric in self._metrics.items():
            self._counts[name].append(metric.count(outputs, references))
        for row, (output, own) in enumerate(zip(outputs, references, strict=True)):
            source = None if sources is None else sources[row]
            self._look(output, own, source)
            self._rows.update(repr((source, list(own))).encode("utf-8", "surrogatepass"))
        self.num_rows += len(outputs)

    def _look(self, output: str, references: Sequence[str], source: str | None) -> None:
        """What of a row is no matter of BLEU."""
        self._num_references.add(len(references))
        self._tally.add(references[0])
        tokens, size = words(output), len(output.strip())
        # As BLEU does: the reference whose length is closest, of two the shorter.
        closest = min((len(one.strip()) for one in references), key=lambda n: (abs(n - size), n))
        self._seen.update(characters=size, wanted_characters=closest, empty=not size)
        # Who says "No, no, no, no, no, no." in the reference may say so in the output.
        others = [*references, *([] if source is None else [source])]
        self._seen["loops"] += loops(tokens) and not any(loops(words(other)) for other in others)
        if source is not None:
            of_source = words(source)
            self._lengths.append(len(of_source))
            copied = (Counter(tokens) & Counter(of_source)).total()
            of_reference = words(references[0])
            wanted = (Counter(of_reference) & Counter(of_source)).total()
            self._seen.update(tokens=len(tokens), copied=copied)
            self._seen.update(reference_tokens=len(of_reference), reference_copied=wanted)
            self._seen["same_as_source"] += bool(size) and fold(output) == fold(source)

    @property
    def fingerprint(self) -> str:
        """A hash of all sources and references: what two systems must share to be compared."""
        return self._rows.hexdigest()

    @property
    def counts(self) -> dict[str, IntArray]:
        """The counts of each metric, (N, K) of all rows so far; their sums decide the score.

        Raises DataError when no row was seen, and for a language without spaces that was cut at spaces.
        """
        require_rows(self.num_rows)
        if self.tokenize in _CUT_AT_SPACES and self._tally.share > 0.5:
            raise DataError(
                f"the references are written without spaces, and BLEU would cut them by {self.tokenize!r}",
                hint="Name the target language, such as zh or ja.",
            )
        return {name: np.concatenate(rows) for name, rows in self._counts.items()}

    def scores(self, *, seed: int = 0, replicates: int = 1000) -> dict[str, Score]:
        """`bleu` and `chrf` (chrF2), 0 to 100, with 95 % intervals over rows.

        Raises what `counts` does.
        """
        return self._scores(self.counts, seed, replicates)

    def _scores(self, counts: dict[str, IntArray], seed: int, replicates: int) -> dict[str, Score]:
        scores = {}
        for name, rows in counts.items():
            metric, sums = self._metrics[name], GroupedSums(rows.shape[1])
            sums.add(rows.astype(np.float64))
            drawn = sums.resampled(replicates, generator(seed, "measure", name))[:, 1:]
            scores[name] = make_score(metric.score(rows), metric.of_sums(drawn), len(rows))
        return scores

    def details(self, *, seed: int = 0) -> dict[str, Any]:
        """Signatures, lengths, and what goes wrong; shares of rows have their interval (Wilson 1927).

        - `brevity_penalty`; `length_ratio`: output by reference, in tokens of BLEU and in characters.
        - `loops`: rows in which a decoder got stuck (`textwright.measure.words.loops`) while neither
          the source nor a reference repeats itself like that. `empty`: rows without an output.
        - `copied`, where sources are known: `rows` that are their source (case, width and punctuation aside),
          and the share of `tokens` that stand in the source, with that of the first reference beside it:
          names and numbers are copied rightly.
        - `by_length`: rows in four buckets by the number of words of the source, each with its scores, and
          whether its rows are too few to say much (`few`).
        """
        length, wanted = self.counts["bleu"][:, :2].sum(axis=0).tolist()
        seen = self._seen
        return {
            "signatures": {name: m.signature(self._num_references) for name, m in self._metrics.items()},
            "brevity_penalty": float(np.exp(min(0.0, 1 - wanted / length))) if length else 0.0,
            "length_ratio": {
                "tokens": _share(length, wanted),
                "characters": _share(seen["characters"], seen["wanted_characters"]),
            },
            "loops": rows_score(seen["loops"], self.num_rows).to_json(),
            "empty": rows_score(seen["empty"], self.num_rows).to_json(),
            "copied": self._copied(),
            "by_length": self._by_length(seed),
        }

    def _copied(self) -> dict[str, Any] | None:
        if not self._lengths:
            return None
        seen = self._seen
        return {
            "rows": rows_score(seen["same_as_source"], len(self._lengths)).to_json(),
            "tokens": _share(seen["copied"], seen["tokens"]),
            "tokens_of_reference": _share(seen["reference_copied"], seen["reference_tokens"]),
        }

    def _by_length(self, seed: int) -> list[dict[str, Any]]:
        if len(self._lengths) != self.num_rows or self.num_rows < MIN_ROWS_OF_BUCKETS:
            return []
        lengths, counts = np.array(self._lengths), self.counts
        table = []
        for chosen in length_buckets(lengths):
            scores = self._scores(
                {k: rows[chosen] for k, rows in counts.items()}, seed, REPLICATES_OF_BUCKETS
            )
            table.append(bucket(lengths[chosen], scores))
        return table


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _checked_tokenizer(language: str, tokenize: str | None) -> str:
    expected = tokenizer_for(language)
    chosen = expected if tokenize is None else tokenize
    if chosen not in TOKENIZERS:
        raise ConfigError(
            f"BLEU has no tokenizer {chosen!r} here", hint=f"Take one of these: {', '.join(TOKENIZERS)}."
        )
    if expected not in _CUT_AT_SPACES and chosen in _CUT_AT_SPACES:
        raise ConfigError(
            f"BLEU of the language {language!r} cannot be cut by {chosen!r}: it is written without spaces",
            hint=f"Take {expected!r}, or none for texts that are cut already.",
        )
    return chosen
