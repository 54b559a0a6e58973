"""Rows cut from one long row of tokens, and language models that learn from them by the one loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.records import StepEvent
from textwright.learn.loop import Fit
from textwright.learn.objectives import next_token
from textwright.learn.packed import Packed
from textwright.learn.settings import LearnSettings
from textwright.models.language.base import Vocabulary
from textwright.models.language.registry import LANGUAGE_MODELS
from textwright.models.language.settings import SIZES, LanguageSettings

CAUSAL = [name for name in LANGUAGE_MODELS if LANGUAGE_MODELS.get(name).objective == "causal"]
SMALL = LanguageSettings(width=32, layers=2, heads=2, inner=64, positions=16)


class Counted:
    """Tokens that are their own places."""

    def __init__(self, count: int, modulus: int = 10**9) -> None:
        self.ids = np.arange(count) % modulus

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, starts: Any, length: int) -> NDArray[np.int64]:
        return np.stack([self.ids[start : start + length] for start in starts])


@pytest.mark.parametrize(("count", "length"), [(101, 10), (100, 10), (11, 10), (1000, 7)])
def test_each_epoch_tells_every_token_but_a_row_at_the_ends_once(count: int, length: int) -> None:
    rows, cuts = Packed(Counted(count), length), set()
    for epoch in range(6):
        order = rows.order(4, 0, epoch)
        assert all(len(step) <= 4 for step in order) and all(len(step) == 4 for step in order[:-1])
        batch = rows.batch(np.concatenate(order), 0)
        assert (batch.targets == batch.ids_BT + 1).all() and batch.mask_BT.all()
        told = np.sort(batch.targets.numpy().ravel())
        assert (np.diff(told) == 1).all(), "each once, none between left out"
        assert told[0] < length + 1 and told[-1] > count - 1 - length
        assert batch.num_tokens == len(told) and abs(len(batch.ids_BT) - len(rows)) <= 1
        cuts.add(int(told[0]))
    assert len(cuts) > 1 or count < 2 * length
    again = [step.tolist() for step in rows.order(4, 0, 3)]
    assert again == [step.tolist() for step in rows.order(4, 0, 3)]
    assert again != [step.tolist() for step in rows.order(4, 1, 3)] or count == 11


@pytest.mark.parametrize(("count", "length", "most"), [(400, 32, 4), (41, 32, 4), (35, 32, 2), (33, 32, 0)])
def test_rows_begin_with_the_last_end_that_is_near(count: int, length: int, most: int) -> None:
    rows = Packed(Counted(count, 17), length, (5, 11))
    starts = np.arange(count - length)
    batch = rows.batch(starts, 0)
    assert (batch.targets[:, :-1] == batch.ids_BT[:, 1:]).all() and batch.num_tokens == batch.ids_BT.numel()
    for start, ids in zip(starts, batch.ids_BT.numpy(), strict=True):
        near = [place for place in range(max(start - most, 0), start + 1) if place % 17 in (5, 11)]
        place = near[-1] if near else start
        assert (ids == np.arange(place, place + length) % 17).all()
    assert (rows.batch(starts, 0).ids_BT == batch.ids_BT).all(), "the same rows again"


def test_too_few_tokens_for_a_row_are_refused() -> None:
    with pytest.raises(ConfigError, match="rows of 10 tokens cannot be cut from 10"):
        Packed(Counted(10), 10)


def test_the_loss_is_the_mean_over_places_for_each_row() -> None:
    logits, targets = torch.randn(3, 5, 7), torch.randint(7, (3, 5))
    loss = next_token(logits, targets)
    assert loss.count == 3
    assert torch.allclose(loss.mean, F.cross_entropy(logits.reshape(15, 7), targets.reshape(15)))


@pytest.mark.parametrize("name", CAUSAL)
def test_each_class_learns_what_comes_next(name: str) -> None:
    torch.manual_seed(0)
    architecture = LANGUAGE_MODELS.get(name)
    network = architecture.build(SMALL, Vocabulary(24, 0, 23, 23))
    asked = {"batch": 8, "optimizer": {"rate": 0.01}, "patience": 0}
    rows = Packed(Counted(600, 23), 16)
    fit = Fit(network, rows, next_token, LearnSettings.parse(asked), 12, 0, Clock.starting())
    losses = [event.loss for event in fit.run() if isinstance(event, StepEvent)]
    assert losses[0] > 2.5 and losses[-1] < (0.7 if architecture.is_recurrent else 0.3)


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("size", SIZES)
def test_the_dial_sets_all_sizes_and_the_classes_agree(name: str, size: Any) -> None:
    architecture = LANGUAGE_MODELS.get(name)
    sized = architecture.settings(size=size).sized()
    if not architecture.is_recurrent:
        assert int(sized.width) // int(sized.heads) == 64 and sized.inner == 4 * int(sized.width)
    with torch.device("meta"):
        network = architecture.build(sized, Vocabulary(5000, 0, 1, 1))
    body = sum(p.numel() for n, p in network.named_parameters() if p.ndim == 2 and p.shape[0] != 5000)
    assert abs(body / sized.num_products() - 1) < 0.05


@pytest.mark.parametrize("wrong", [{"width": 30, "heads": 4}, {"width": 30, "heads": 2}, {"width": 33}])
def test_sizes_that_make_no_heads_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="heads"):
        LanguageSettings.parse(wrong).sized()
