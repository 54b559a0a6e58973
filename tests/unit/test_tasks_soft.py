"""Soft targets of the three tasks, and what losses and the solver make of them.

Shapes: N rows, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch.nn import functional as F

from textwright.core.seeds import generator
from textwright.learn.objectives import balanced_weights, objective_for
from textwright.learn.settings import LossSettings
from textwright.models.bag.fit import BagData, ngram_squares
from textwright.models.bag.solver import _LOSSES
from textwright.tasks.base import Decode
from textwright.tasks.examples import Examples
from textwright.tasks.soft import mixed, soft_shares, with_texts
from textwright.text.schema import Schema

N, C = 9, 4
LOSSES: list[dict[str, Any]] = [
    {},
    {"label_smoothing": 0.1},
    {"name": "focal", "gamma": 1.5},
    {"name": "focal", "label_smoothing": 0.1},
]


def drawn(shape: tuple[int, ...], *name: str) -> np.ndarray[Any, Any]:
    return generator(0, *name).normal(size=shape)


def losses(link: str, settings: dict[str, Any], targets: torch.Tensor, weights: Any) -> tuple[Any, Any]:
    """The loss and its gradient."""
    logits = torch.tensor(drawn((N, C), "logits"), requires_grad=True)
    loss = objective_for(link, LossSettings.parse(settings), weights)(logits, targets).total
    return loss, torch.autograd.grad(loss, logits)[0]


@pytest.mark.parametrize("weights", [None, [0.5, 2.0, 1.0, 0.7]])
@pytest.mark.parametrize("settings", LOSSES, ids=str)
def test_rows_with_a_single_one_are_what_ids_are(settings: dict[str, Any], weights: Any) -> None:
    ids = torch.tensor(generator(0, "ids").integers(C, size=N))
    hard, hard_slope = losses("softmax", settings, ids, weights)
    soft, soft_slope = losses("softmax", settings, F.one_hot(ids, C).float(), weights)
    torch.testing.assert_close(soft, hard, rtol=1e-12, atol=0)
    torch.testing.assert_close(soft_slope, hard_slope, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("link", ["softmax", "sigmoid"])
def test_shares_have_the_cross_entropy_of_torch(link: str) -> None:
    logits = torch.tensor(drawn((N, C), "logits"), requires_grad=True)
    shares = torch.tensor(drawn((N, C), "shares")).softmax(-1)
    total = F.cross_entropy if link == "softmax" else F.binary_cross_entropy_with_logits
    wanted = total(logits, shares, reduction="sum")
    found, slope = losses(link, {}, shares, None)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(slope, torch.autograd.grad(wanted, logits)[0])


@pytest.mark.parametrize(("link", "settings"), [("softmax", s) for s in LOSSES] + [("sigmoid", LOSSES[2])])
def test_a_share_is_the_mean_of_the_labels_that_it_is_made_of(link: str, settings: dict[str, Any]) -> None:
    """Losses are linear in the targets: 0.7 of one label and 0.3 of another."""
    first, second = (F.one_hot(torch.tensor(generator(0, n).integers(C, size=N)), C).double() for n in "ab")
    a, b = (losses(link, settings, rows, None)[0] for rows in (first, second))
    torch.testing.assert_close(losses(link, settings, 0.7 * first + 0.3 * second, None)[0], 0.7 * a + 0.3 * b)


def test_classes_weigh_by_what_their_shares_add_up_to() -> None:
    shares = np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5]])
    whole = np.array([0, 0, 1, 2])  # the same counts: two, one, one
    assert balanced_weights(shares, 3, "softmax") == balanced_weights(whole, 3, "softmax")
    half = np.array([[0.25], [0.25], [0.25], [0.25]])
    assert balanced_weights(half, 1, "sigmoid") == balanced_weights(
        np.array([[0.0], [0], [0], [1]]), 1, "sigmoid"
    )


@pytest.mark.parametrize("loss", ["logistic", "hinge"])
def test_the_solver_has_the_expected_loss_and_its_slope(loss: Any) -> None:
    z, share = drawn((N, C), "z") * 2, generator(0, "share").random((N, C))
    slope_of = _LOSSES[loss][0]
    yes, no = (slope_of(z, np.full_like(z, t)) for t in (1.0, 0.0))
    found, slope = slope_of(z, share)
    np.testing.assert_allclose(slope, share * yes[1] + (1 - share) * no[1])
    by_cell = [
        slope_of(z[i : i + 1, k : k + 1], share[i : i + 1, k : k + 1])[0] for i in range(N) for k in range(C)
    ]
    assert found == pytest.approx(sum(by_cell))
    step = 1e-6
    nudged = [slope_of(z + step * sign * np.eye(N, C), share)[0] for sign in (1, -1)]
    wanted = (slope * np.eye(N, C)).sum()
    assert (nudged[0] - nudged[1]) / (2 * step) == pytest.approx(wanted, rel=1e-5)


def test_ngrams_weigh_by_expected_counts() -> None:
    """Each row twice, with yes and with no, is the same as twice with one half."""
    present = csr_array((drawn((6, 5), "rows") > 0).astype(np.float32))
    twice = csr_array(np.concatenate([present.toarray()] * 2))
    hard = np.concatenate([np.ones((6, 1)), np.zeros((6, 1))]).astype(np.float32)
    soft = np.full((12, 1), 0.5, np.float32)
    found = [
        ngram_squares(BagData((), twice, (0, 5), targets, "sigmoid"), np.arange(12))
        for targets in (hard, soft)
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    sure = ngram_squares(
        BagData((), twice, (0, 5), np.eye(12, 1, dtype=np.float32), "sigmoid"), np.arange(12)
    )
    assert not np.allclose(found[1], sure)


def examples(task: str) -> Examples:
    labels = [] if task == "score" else ["a", "b", "c"]
    schema = Schema.parse({"task": task, "text": "t", "label": "l", "labels": labels})
    targets = {
        "classify": np.array([0, 1, 2, 1]),
        "multilabel": np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 1]], np.uint8),
        "score": np.array([1.0, 2.0, 3.0, 5.0]),
    }[task]
    return Examples(["one", "two", "three", "four"], targets, schema, 0)


@pytest.mark.parametrize("task", ["classify", "multilabel", "score"])
def test_shares_are_what_the_task_measures(task: str) -> None:
    rows = examples(task)
    decode = rows.decode.replaced({"temperature": 2.0})
    outputs = drawn((4, rows.task.num_outputs(rows.schema)), "outputs").astype(np.float32)
    found = soft_shares(rows, outputs, decode)
    if task == "score":
        wanted = (rows.task.measured(outputs, decode) - decode.offset) / decode.spread
        np.testing.assert_allclose(found[:, 0], wanted, rtol=1e-5)
        return
    np.testing.assert_allclose(found, rows.task.measured(outputs, decode), rtol=1e-5)
    shy = soft_shares(rows, outputs, decode, temperature=3.0)
    assert (np.abs(shy - 0.5) <= np.abs(found - 0.5) + 1e-6).all() or task == "classify"
    assert shy.max() < found.max()


def test_two_classes_are_one_share() -> None:
    schema = Schema.parse({"task": "classify", "text": "t", "label": "l", "labels": ["no", "yes"]})
    rows = Examples(["one", "two"], np.array([0, 1]), schema, 0)
    found = soft_shares(rows, np.array([[0.0], [np.log(3.0)]]), Decode())
    np.testing.assert_allclose(found, [[0.5], [0.75]])
    np.testing.assert_allclose(mixed(rows, found, 0.5, found[:1]), [[0.25], [0.875], [0.5]])


def test_texts_come_after_rows_and_scores_keep_their_scale() -> None:
    rows = examples("score")
    soft = mixed(rows, rows.shares(), 0.3, np.array([[9.0], [-9.0]], np.float32))
    found = with_texts(rows, soft, ["five", "six"], np.array([100.0, -100.0]))
    assert len(found) == 6 and found.decode == rows.decode and found.texts[:4] == rows.texts
    np.testing.assert_allclose(found.fitted()[:4], rows.fitted(), rtol=1e-6)
    assert found.targets.tolist()[4:] == [100.0, -100.0]
    other = found.with_soft(soft * 0)
    assert other.codes() is found.codes() and not other.fitted().any()
