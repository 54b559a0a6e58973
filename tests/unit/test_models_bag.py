"""The bag against slow references, and the promises of its fit: the same bits, stopping, learning."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from textwright.core.ragged import Ragged
from textwright.models.bag.features import NGrams, ngram_hashes
from textwright.models.bag.fit import BagData, BagFit, Link, ngram_squares, prepare
from textwright.models.bag.matrix import chunks, learn_vocabulary
from textwright.models.bag.model import BagModel, BagSettings
from textwright.models.bag.solver import Descent, Loss, Problem
from textwright.text.codes import code_points

TEXTS = ["the cat sat, the cat!", "a dog  ran\tand ran", "", "cat", "好天气 abc 好天", "ran 😀😀 é", "  "]


def _texts(num_rows: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Rows of words, each class with two words of its own among common ones."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, num_rows)
    words = [f"w{i}" for i in range(60)]
    own = [["red", "rouge"], ["green", "vert"], ["blue", "bleu"]]
    texts = [
        " ".join([*rng.choice(words, 8), rng.choice(own[label if rng.random() < 0.9 else rng.integers(3)])])
        for label in labels
    ]
    return texts, labels


def _data(link: Link, num_rows: int = 400, threads: int = 1) -> BagData:
    texts, labels = _texts(num_rows)
    targets = {
        "softmax": np.eye(3)[labels],
        "sigmoid": (labels == 0)[:, None],
        "identity": labels[:, None] - 1.0,
    }[link]
    rows = code_points(texts)
    return prepare(rows, targets.astype(np.float32), link, BagSettings(), ideographs=False, threads=threads)


def _fitted(link: Link, seed: int = 0, threads: int = 1) -> BagFit:
    data = _data(link, threads=threads)
    fit = BagFit(BagSettings(), data, seed, lambda: False)
    train, held_out = np.arange(300), np.arange(300, 400)
    list(fit.search(train, held_out, lambda z: float(((z - data.targets[held_out]) ** 2).mean())))
    list(fit.refit(np.arange(400)))
    return fit


def _sets(rows: Ragged, ngrams: NGrams) -> list[set[int]]:
    hashes, owners = ngram_hashes(rows, ngrams)
    return [set(hashes[owners == row].tolist()) for row in range(len(rows))]


@pytest.mark.parametrize("analyzer", ["word", "char_wb"])
def test_ngrams_are_those_of_scikit_learn(analyzer: str) -> None:
    words = {"ngram_range": (1, 3), "token_pattern": r"[一-鿿]|[^\W一-鿿]+|[^\w\s]"}
    chosen = words if analyzer == "word" else {"ngram_range": (2, 4)}
    # Presence only: scikit-learn counts a word shorter than the window once for every width.
    counts = CountVectorizer(analyzer=analyzer, binary=True, **chosen).fit_transform(TEXTS).toarray()
    ours = _sets(code_points(TEXTS), NGrams(3) if analyzer == "word" else NGrams(0, 2, 4))
    assert [len(row) for row in ours] == counts.sum(axis=1).tolist()
    # The same n-gram has the same hash in every row, and different ones differ.
    assert len(set().union(*ours)) == counts.shape[1]
    assert [[len(a & b) for b in ours] for a in ours] == (counts @ counts.T).tolist()


@pytest.mark.parametrize("threads", [1, 3])
def test_vocabulary_keeps_what_enough_rows_hold(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textwright.models.bag.matrix._CODES_PER_CHUNK", 16)
    rows = code_points(TEXTS)
    assert len(chunks(rows)) > 2
    vocabulary, present = learn_vocabulary(rows, NGrams(1), min_rows=2, threads=threads)
    # cat in rows 0 and 3, ran in 1 and 5; everything else is in one row only.
    assert sorted(map(tuple, present.toarray().T.tolist())) == [(0, 1, 0, 0, 0, 1, 0), (1, 0, 0, 1, 0, 0, 0)]
    assert (vocabulary.matrix(rows).toarray() == present.toarray()).all()
    assert vocabulary.matrix(code_points(["zzz cat cat"])).sum() == 1


def test_only_the_commonest_columns_are_kept() -> None:
    rows = code_points(["a b c", "a b", "a", "a b c"])
    _, present = learn_vocabulary(rows, NGrams(1), min_rows=1, max_columns=2)
    assert sorted(present.sum(axis=0).tolist()) == [3, 4]


def test_squares_are_balanced_log_count_ratios() -> None:
    data = _data("softmax", 60)
    rows = np.arange(50)
    dense, targets = data.present[rows].toarray(), data.targets[rows]
    expected = np.zeros((dense.shape[1], 3))
    for k in range(3):
        p = dense[targets[:, k] > 0].sum(axis=0) + 1
        q = dense[targets[:, k] == 0].sum(axis=0) + 1
        expected[:, k] = np.where(dense.any(axis=0), np.log((p / p.sum()) / (q / q.sum())) ** 2, 0)
    for start, end in zip(data.starts[:-1], data.starts[1:], strict=True):
        expected[start:end] /= (dense[:, start:end] @ expected[start:end]).mean(axis=0)
    np.testing.assert_allclose(ngram_squares(data, rows), expected, rtol=1e-3)


def test_squares_by_rarity_are_those_of_scikit_learn() -> None:
    data, rows = _data("softmax", 60), np.arange(50)
    counts = data.present[rows].toarray()
    idf = TfidfTransformer().fit(counts).idf_
    expected = np.where(counts.any(axis=0), idf**2, 0)
    for start, end in zip(data.starts[:-1], data.starts[1:], strict=True):
        expected[start:end] /= (counts[:, start:end] @ expected[start:end]).mean()
    found = ngram_squares(data, rows, "idf")
    np.testing.assert_allclose(found, np.repeat(expected[:, None], 3, axis=1), rtol=1e-4)


@pytest.mark.parametrize(
    ("loss", "reference"),
    [
        ("hinge", LinearSVC(C=1e6, tol=1e-8, max_iter=100_000, intercept_scaling=100)),
        ("logistic", LogisticRegression(C=1e6, tol=1e-8, max_iter=1000)),
    ],
)
def test_long_descent_reaches_the_optimum(loss: Loss, reference: Any) -> None:
    rng = np.random.default_rng(0)
    x = csr_array(rng.choice([-1.0, 1.0], (200, 6)).astype(np.float32))
    noisy = x.toarray() @ [1.0, -1, 2, 0, 0, 1] - 0.5 + rng.logistic(size=200)
    targets = (noisy > 0).astype(np.float32)[:, None]
    problem = Problem(x, targets, np.ones((6, 1), np.float32), seed=0)
    descent = Descent(problem, loss, 1.0, 400, seed=0)
    epochs = list(descent.epochs(lambda: False))
    reference.fit(problem.lengths * x.toarray(), targets[:, 0])
    np.testing.assert_allclose(descent.weights.T, reference.coef_, atol=0.1)
    np.testing.assert_allclose(descent.bias, reference.intercept_, atol=0.1)
    assert epochs[-1].loss < epochs[0].loss and all(epoch.whole for epoch in epochs)


@pytest.mark.parametrize("link", ["softmax", "sigmoid", "identity"])
def test_fit_learns_and_survives_saving(link: Link) -> None:
    fit = _fitted(link)
    texts, labels = _texts(300, seed=1)
    assert fit.model is not None and fit.best is not None
    outputs = fit.model.outputs(code_points(texts))
    if link == "identity":
        assert np.corrcoef(outputs[:, 0], labels)[0, 1] > 0.8
    else:
        guess = outputs.argmax(axis=1) if link == "softmax" else np.where(outputs[:, 0] > 0, 0, labels)
        assert (guess == labels).mean() > 0.85
    again = BagModel.restore(fit.model.config(), fit.model.arrays())
    assert np.array_equal(again.outputs(code_points(texts), threads=2), outputs)
    assert fit.model.num_parameters == fit.data.targets.shape[1] * (fit.data.present.shape[1] + 1)
    assert fit.describe()["rate"] == fit.best.rate


def test_same_seed_same_bits_for_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textwright.models.bag.matrix._CODES_PER_CHUNK", 1000)
    first, second, other = (_fitted("softmax", seed, n).model for seed, n in ((0, 1), (0, 4), (1, 1)))
    assert first is not None and second is not None and other is not None
    a, b = first.arrays(), second.arrays()
    assert all(np.array_equal(a[name], b[name]) for name in a) and a.keys() == b.keys()
    assert not np.array_equal(first.weights[0], other.weights[0])
    rows = code_points(_texts(50, seed=2)[0])
    assert np.array_equal(first.outputs(rows, 1), first.outputs(rows, 3))


def test_stop_ends_the_search_with_a_model_and_keeps_it_in_a_refit() -> None:
    data = _data("softmax")
    asked = iter(range(10**6))
    fit = BagFit(BagSettings(), data, 0, lambda: next(asked) >= 5)
    events = list(fit.search(np.arange(300), np.arange(300, 400), lambda z: float(np.abs(z).mean())))
    assert len(events) == 1 and events[0].rows == 5 * 8 and events[0].is_best
    kept = fit.model
    assert kept is not None
    list(fit.refit(np.arange(400)))
    assert fit.model is kept


def test_settings_fix_what_is_tried() -> None:
    data = _data("sigmoid")
    fit = BagFit(BagSettings(rate=2.0, epochs=2), data, 0, lambda: False)
    events = list(fit.search(np.arange(300), np.arange(300, 400), lambda z: float("nan")))
    assert len(events) == 2 and fit.model is not None
    assert {"rate": 2.0, "epochs": 2}.items() <= fit.describe().items()


def test_text_without_known_ngrams_gets_the_share_of_the_classes() -> None:
    model = _fitted("sigmoid").model
    assert model is not None
    outputs = model.outputs(code_points(["", "qqq zzz"]))
    np.testing.assert_array_equal(outputs, np.stack([model.bias, model.bias]))
    assert model.outputs(code_points([])).shape == (0, 1)


def test_path_is_free_of_heavy_modules() -> None:
    code = (
        "import sys, textwright.models.bag.fit;"
        "print([m for m in ('torch', 'transformers', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_judged_last_is_a_model_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textwright.models.bag.fit._WORK_TO_CHOOSE", 2_000)
    data = _data("softmax")
    train, validation = np.arange(300), np.arange(300, 400)
    fit = BagFit(BagSettings(), data, 0, lambda: False)
    events = list(
        fit.search(train, validation, lambda z: float(((z - data.targets[validation]) ** 2).mean()))
    )
    assert events[0].rows < len(train)
    assert events[-1].is_best and events[-1].rows - events[-2].rows == len(train)
    assert fit.best is not None and fit.best.judged == (events[-1].scores or {})["judged"]
    alone = BagFit(BagSettings(rate=fit.best.rate), data, 0, lambda: False)
    list(alone.refit(train))
    assert fit.model is not None and alone.model is not None
    for searched, refitted in zip(fit.model.weights, alone.model.weights, strict=True):
        assert np.array_equal(searched, refitted)


def test_a_search_stopped_in_its_last_fit_keeps_the_model_of_fewer_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("textwright.models.bag.fit._WORK_TO_CHOOSE", 2_000)
    data, kept = _data("softmax"), []
    train, validation = np.arange(300), np.arange(300, 400)
    fit = BagFit(BagSettings(), data, 0, lambda: len(kept) > 20)
    for _ in fit.search(train, validation, lambda z: float(np.abs(z).mean())):
        kept.append(fit.model)
    assert len(kept) == 21 and fit.model is kept[19]
