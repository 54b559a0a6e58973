"""What is learned of texts without labels: directions, the company of words, and the teacher of few rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from textwright.core.seeds import generator
from textwright.models.latent.company import company, words_of
from textwright.models.latent.directions import leading, unit
from textwright.models.latent.teacher import taught
from textwright.tasks.examples import encode_codes


def test_the_leading_directions_are_those_of_the_whole_decomposition() -> None:
    rng = generator(0, "test")
    low = rng.standard_normal((200, 8)) @ np.diag(2.0 ** -np.arange(8)) @ rng.standard_normal((8, 60))
    matrix = (low + 1e-3 * rng.standard_normal((200, 60))).astype(np.float32)
    places, spread = leading(csr_array(matrix), 5, 0)
    left, expected, _ = np.linalg.svd(matrix, full_matrices=False)
    assert np.allclose(spread, expected[:5], rtol=1e-3)
    assert np.allclose(np.abs((places * left[:, :5]).sum(axis=0)), 1, atol=1e-3)


def test_there_are_no_more_directions_than_the_matrix_has() -> None:
    places, spread = leading(csr_array(np.eye(3, dtype=np.float32)), 300, 0)
    assert places.shape == (3, 3) and np.allclose(spread, 1)
    assert leading(csr_array((4, 6), dtype=np.float32), 2, 0)[1].tolist() == [0, 0]


# Words that never stand in one text, but among the same others: the first two and the last two of each.
ALIKE = {
    "english": (["cat", "dog", "car", "van"], ["purrs", "sleeps", "eats"], ["drives", "parks", "honks"], " "),
    "chinese": (["猫", "狗", "车", "船"], ["睡", "吃", "跑"], ["停", "修", "载"], ""),
}


@pytest.mark.parametrize("language", ALIKE)
def test_texts_are_near_when_their_words_keep_the_same_company(language: str) -> None:
    names, of_animals, of_machines, between = ALIKE[language]
    rng, texts = generator(0, "alike", language), []
    for i in range(800):
        verbs = of_animals if i % 4 < 2 else of_machines
        texts.append(between.join([names[i % 4], *rng.choice(verbs, 2)]))
    rows = encode_codes([*texts, *names])
    vectors = company(words_of(rows), 16, 0)[-4:]
    near = vectors @ vectors.T
    assert near[0, 1] > 0.5 and near[2, 3] > 0.5
    assert max(near[0, 2], near[0, 3], near[1, 2], near[1, 3]) < 0.2


def test_two_characters_are_one_word_where_pairs_are_asked_for() -> None:
    found = words_of(encode_codes(["好吃的面条", "面条好吃"] * 5), pairs=True)
    assert sorted(found.counts.tolist()) == [5, 5, 5, 10, 10]  # 吃的, 的面, 条好, 好吃, 面条
    assert [found.texts.tolist().count(i) for i in (0, 1)] == [4, 3]


@pytest.mark.parametrize("texts", [[], [""], ["one"], ["a b", "c d"]])
def test_too_few_words_have_no_company(texts: list[str]) -> None:
    assert company(words_of(encode_codes(texts)), 16, 0).shape == (len(texts), 0)


def test_words_and_the_texts_they_stand_in_do_not_depend_on_threads() -> None:
    rng = generator(0, "threads")
    rows = encode_codes([" ".join(rng.choice(list("abcdefgh"), 400)) for _ in range(1500)])
    one, two = (words_of(rows, pairs=True, threads=n) for n in (1, 2))
    assert np.array_equal(one.ids, two.ids) and np.array_equal(one.texts, two.texts)
    assert len(one.ids) == 1500 * 399 and (np.diff(one.texts) >= 0).all()


def blobs(num: int, labels: int, *, noise: float) -> tuple[Any, Any]:
    rng = generator(1, "blobs", num)
    truth = rng.integers(labels, size=num)
    centres = generator(2, "centres").standard_normal((labels, 20))
    return unit((centres[truth] + noise * rng.standard_normal((num, 20))).astype(np.float32)), truth


@pytest.mark.parametrize("labels", [2, 4])
def test_the_teacher_is_logistic_regression_of_each_class(labels: int) -> None:
    sklearn = pytest.importorskip("sklearn.linear_model")
    numbers, truth = blobs(120, labels, noise=1.0)
    targets = np.eye(labels, dtype=np.float32)[truth]
    others, _ = blobs(50, labels, noise=1.0)
    found = taught(numbers, others, targets, "softmax", 0)
    for label in range(labels):
        theirs = sklearn.LogisticRegression(C=found.strength, tol=1e-8, max_iter=5000)
        theirs.fit(numbers, truth == label)
        assert np.allclose(found.others[:, label], theirs.decision_function(others), atol=0.02)


def test_rows_are_held_back_by_their_noise() -> None:
    clear, noisy = (blobs(200, 2, noise=noise) for noise in (0.1, 6.0))
    strengths = [
        taught(numbers, numbers[:1], truth[:, None].astype(np.float32), "sigmoid", 0).strength
        for numbers, truth in (clear, noisy)
    ]
    assert strengths[0] > strengths[1]


def test_answers_to_labelled_rows_are_of_fits_that_had_not_seen_them() -> None:
    rng = generator(3, "nothing")
    numbers = unit(rng.standard_normal((80, 200)).astype(np.float32))
    coins = rng.integers(2, size=80)
    found = taught(numbers, numbers, coins[:, None].astype(np.float32), "sigmoid", 0)
    seen = ((found.others[:, 0] > 0) == coins).mean()
    assert ((found.held_out[:, 0] > 0) == coins).mean() < 0.65 < seen


def test_scores_are_least_squares() -> None:
    rng = generator(4, "scores")
    numbers = unit(rng.standard_normal((300, 10)).astype(np.float32))
    truth = numbers @ rng.standard_normal((10, 1)) + 0.7
    found = taught(numbers[:200], numbers[200:], truth[:200].astype(np.float32), "identity", 0)
    assert np.corrcoef(found.others[:, 0], truth[200:, 0])[0, 1] > 0.99
