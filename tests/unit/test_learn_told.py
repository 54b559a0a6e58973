"""Rows of which only some tokens are told: their loss, its gradient, and what a step counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from textwright.core.clock import Clock
from textwright.core.events import Event
from textwright.core.ragged import Ragged
from textwright.core.records import StepEvent
from textwright.learn.loop import Fit
from textwright.learn.objectives import UNTOLD, told_token
from textwright.learn.settings import LearnSettings
from textwright.learn.told import Told
from textwright.models.language.base import Vocabulary
from textwright.models.language.registry import LANGUAGE_MODELS
from textwright.models.language.settings import LanguageSettings
from textwright.runtime.settings import Compute

SMALL = LanguageSettings(width=32, layers=2, heads=2, inner=64, positions=16)
CAUSAL = [name for name in LANGUAGE_MODELS if LANGUAGE_MODELS.get(name).objective == "causal"]
ROWS = Told(
    Ragged.from_lists([[9, 7, 1, 2, 8, 3, 9], [9, 7, 4, 8, 5, 6, 5, 9], [9, 7, 2, 8, 1, 9]]),
    np.array([0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1], bool),
)
ALL = np.arange(3)


def built(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    network: torch.nn.Module = LANGUAGE_MODELS.get(name).build(SMALL, Vocabulary(10, 0, 9, 9))
    return network.train()


def gradient(network: torch.nn.Module, ids: Tensor, targets: Tensor) -> tuple[float, Tensor]:
    network.zero_grad(set_to_none=True)
    loss = told_token(network(ids, ids > 0).logits, targets).total
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


def test_a_batch_tells_what_is_told() -> None:
    batch = ROWS.batch(ALL)
    assert batch.ids_BT[0].tolist() == [9, 7, 1, 2, 8, 3, 9], "its end tells nothing"
    assert batch.targets[0].tolist() == [UNTOLD] * 4 + [3, 9, UNTOLD]
    assert batch.targets[1].tolist() == [UNTOLD] * 3 + [5, 6, 5, 9]
    assert batch.num_tokens == 18 == int(ROWS.lengths_of(ALL).sum()) and ROWS.weight_of(ALL) == 8
    assert batch.mask_BT.sum(1).tolist() == [6, 7, 5]


def with_values(values: NDArray[np.integer], is_told: NDArray[np.bool_]) -> Told:
    return Told(Ragged(values, ROWS.tokens.offsets), is_told)


@pytest.mark.parametrize("name", CAUSAL)
def test_only_what_is_told_is_learned(name: str) -> None:
    """What a model should have said in a prompt moves nothing; what it should have answered does."""
    network, batch = built(name), ROWS.batch(ALL)
    loss, moved = gradient(network, batch.ids_BT, batch.targets)
    values, everything = ROWS.tokens.values, np.ones(len(ROWS.is_told), bool)
    prompts = np.where(ROWS.is_told, values, values % 9 + 1)
    responses = np.where(ROWS.is_told, values % 9 + 1, values)

    def targets(changed: NDArray[np.integer], is_told: NDArray[np.bool_]) -> Tensor:
        return with_values(changed, is_told).batch(ALL).targets

    same = gradient(network, batch.ids_BT, targets(prompts, ROWS.is_told))
    assert same[0] == loss and torch.equal(same[1], moved)
    other = gradient(network, batch.ids_BT, targets(responses, ROWS.is_told))
    assert abs(other[0] - loss) > 1e-3 and not torch.allclose(other[1], moved)
    one, two = (gradient(network, batch.ids_BT, targets(v, everything)) for v in (values, prompts))
    assert abs(one[0] - two[0]) > 1e-3 and not torch.allclose(one[1], two[1]), "were they told, it would"


@pytest.mark.parametrize("name", CAUSAL)
def test_prompts_are_read_and_what_fills_a_row_up_is_not(name: str) -> None:
    network, batch = built(name), ROWS.batch(ALL)
    loss, moved = gradient(network, batch.ids_BT, batch.targets)
    shown = batch.ids_BT.clone()
    shown[0, 2] = 6
    other = gradient(network, shown, batch.targets)
    assert abs(other[0] - loss) > 1e-5 and not torch.equal(other[1], moved)
    filled = batch.ids_BT.clone()
    filled[2, 5:] = 3
    assert gradient(network, filled, batch.targets)[0] == loss


def fitted(micro_batch: int | None) -> list[float]:
    learn = LearnSettings.parse({"batch": 3, "optimizer": {"name": "sgd", "rate": 0.1}, "patience": 0})
    compute = Compute(precision="fp32", micro_batch=micro_batch)
    fit = Fit(built("nanochat"), ROWS, told_token, learn, 6, 0, Clock.starting(), compute=compute)
    events: list[Event] = [*fit.run()]
    return [event.loss for event in events if isinstance(event, StepEvent)]


def test_a_step_in_parts_is_the_step_at_once() -> None:
    """Each token counts as any other, in whichever part it is; the loss is a mean over these tokens."""
    whole, parts = fitted(None), fitted(1)
    assert len(whole) == 6 and whole == pytest.approx(parts, rel=1e-4) and whole[-1] < whole[0]
    batch = ROWS.batch(ALL)
    loss = told_token(built("nanochat")(batch.ids_BT, batch.mask_BT).logits, batch.targets)
    assert whole[0] == pytest.approx(loss.mean.item(), rel=1e-5) and loss.count == 8
