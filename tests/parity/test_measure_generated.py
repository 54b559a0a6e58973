"""BLEU, chrF and their tests against sacrebleu; ROUGE against rouge_score."""

from __future__ import annotations

import random
from itertools import zip_longest

import numpy as np
import pytest
from nltk.stem.porter import PorterStemmer
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from textwright.measure.paired_corpus import compare_translations
from textwright.measure.rouge import NAMES, RougeMeter, rouge_lsum
from textwright.measure.translation import TranslationMeter, bleu_of_sums, chrf_of_sums

LATIN = [
    "the",
    "cat,",
    "sat",
    "on",
    "mat.",
    "Don't",
    "1,000",
    "go!",
    "Häuser",
    "naïve",
    "(of)",
    "x-y",
    "the",
    "is",
]
HAN = list("我们今天去北京，看到三百二十个人。GDP增长5.2%")
ODD = [
    "",
    " ",
    ".",
    "a",
    "。",
    "😀",
    "&quot;x&quot; &amp; y",
    "-\n",
    "A  B\tC",
    "1.5.3,2",
    "İstanbul ß",
    "\u3000",
]


def corpus(seed: int, pieces: list[str], glue: str, rows: int = 60) -> tuple[list[str], list[list[str]]]:
    """Outputs, and one to three references each: copies with errors; and odd strings on both sides."""
    rng = random.Random(seed)
    outputs, references = [*ODD], [[rng.choice(ODD)] for _ in ODD]
    for _ in range(rows):
        truth = [rng.choice(pieces) for _ in range(rng.randint(1, 25))]
        noisy = [[rng.choice(pieces) if rng.random() < 0.3 else w for w in truth] for _ in range(3)]
        outputs.append(glue.join(noisy[0][: rng.randint(0, 30)]))
        references.append([glue.join(one) for one in [truth, *noisy[1:]][: rng.randint(1, 3)]])
    return outputs, references


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize(
    ("language", "tokenize", "pieces", "glue"),
    [("en", None, LATIN, " "), ("zh", None, HAN, ""), ("ja", None, HAN, ""), ("de", "none", LATIN, " ")],
)
def test_scores_and_signatures(
    language: str, tokenize: str | None, pieces: list[str], glue: str, lowercase: bool
) -> None:
    outputs, references = corpus(1, pieces, glue)
    meter = TranslationMeter(language, lowercase=lowercase, tokenize=tokenize)
    for part in np.array_split(np.arange(len(outputs)), 5):  # in batches, as a set is read
        meter.update([outputs[i] for i in part], [references[i] for i in part])
    bleu = BLEU(tokenize=meter.tokenize, lowercase=lowercase)
    chrf = CHRF(lowercase=lowercase)
    streams = list(zip_longest(*references))
    scores, details = meter.scores(replicates=5), meter.details()
    expected = bleu.corpus_score(outputs, streams)
    assert scores["bleu"].value == expected.score
    assert scores["chrf"].value == chrf.corpus_score(outputs, streams).score
    signatures = {"bleu": str(bleu.get_signature()), "chrf": str(chrf.get_signature())}
    assert details["signatures"] == signatures
    assert "nrefs:var" in signatures["bleu"]
    assert details["brevity_penalty"] == pytest.approx(expected.bp, abs=1e-12)
    assert details["length_ratio"]["tokens"] == pytest.approx(expected.ratio)


def test_one_reference_has_its_signature() -> None:
    meter, bleu = TranslationMeter("zh-Hans"), BLEU(trg_lang="zh")
    bleu.corpus_score(["你好吗"], [["你好"]])
    meter.update(["你好吗"], [["你好"]])
    assert meter.details()["signatures"]["bleu"] == str(bleu.get_signature())


@pytest.mark.parametrize("rows", [1, 2, 5, 40])
def test_scores_of_sums(rows: int) -> None:
    """The vectorised scores, on which intervals rest, for samples of few rows with missing orders too."""
    outputs, references = corpus(2, LATIN, " ")
    meter = TranslationMeter("en")
    meter.update(outputs, references)
    rng = np.random.default_rng(rows)
    bleu, chrf = BLEU(), CHRF()
    for name, metric, of_sums in (("bleu", bleu, bleu_of_sums), ("chrf", chrf, chrf_of_sums)):
        counts = meter.counts[name]
        sums = np.array([counts[rng.integers(len(counts), size=rows)].sum(axis=0) for _ in range(50)])
        expected = [metric._compute_score_from_stats(one.tolist()).score for one in sums]
        assert of_sums(sums.astype(float)) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_paired_tests_of_sacrebleu() -> None:
    rng = np.random.default_rng(0)
    vocabulary = [f"w{i}" for i in range(200)]

    def system(errors: float) -> list[str]:
        return [
            " ".join(vocabulary[rng.integers(200)] if rng.random() < errors else w for w in r) for r in truth
        ]

    truth = [[vocabulary[i] for i in rng.integers(40, size=rng.integers(5, 25))] for _ in range(150)]
    a, b, references = system(0.30), system(0.27), [" ".join(r) for r in truth]
    meters = []
    for outputs in (a, b):
        meters.append(TranslationMeter("en"))
        meters[-1].update(outputs, [[r] for r in references])
    found = compare_translations(*meters)
    metrics, systems = {"BLEU": BLEU(), "chrF": CHRF()}, [("a", a), ("b", b)]
    for kind, key in (("ar", "p_value"), ("bs", "p_bootstrap")):
        scores = PairedTest(systems, metrics, [references], test_type=kind, n_samples=2000)()[1]
        for name, other in (("bleu", "BLEU"), ("chrf", "chrF2")):
            first, second = scores[other]
            assert found[name][key] == pytest.approx(second.p_value, abs=0.02)  # type: ignore[union-attr]
            gap = second.score - first.score  # type: ignore[union-attr]
            assert found[name]["difference"]["value"] == pytest.approx(gap, abs=1e-9)


@pytest.mark.parametrize("stemmed", [False, True])
def test_rouge(stemmed: bool) -> None:
    words = [
        *LATIN,
        "running",
        "generalisations",
        "flies",
        "café",
        "state-of-the-art",
        "3rd",
        "n't",
        "__",
        "\n",
    ]
    outputs, references = corpus(3, words, " ", 200)
    outputs += ["a b\n\nc d", "x\ny z", "the the the", "\n"]
    references += [["c d\na b e"], ["y\nx z"], ["the cat the"], ["a"]]
    stem = PorterStemmer().stem if stemmed else None
    scorer = RougeScorer([*NAMES, "rougeLsum"], use_stemmer=stemmed)
    meter = RougeMeter("en", stem=stem)
    meter.update(outputs, references)
    rows = [scorer.score_multi(own, output) for output, own in zip(outputs, references, strict=True)]
    for name in NAMES:
        expected = [100 * row[name].fmeasure for row in rows]
        assert meter.per_row[name] == pytest.approx(expected, abs=1e-9)
        details = meter.details()
        for which in ("precision", "recall"):
            mean = 100 * np.mean([getattr(row[name], which) for row in rows])
            assert details[which][name] == pytest.approx(mean, abs=1e-9)
    for output, own in zip(outputs, references, strict=True):
        ours, theirs = rouge_lsum(output, own[0], stem=stem), scorer.score(own[0], output)["rougeLsum"]
        assert ours == pytest.approx((theirs.precision, theirs.recall, theirs.fmeasure), abs=1e-9)
