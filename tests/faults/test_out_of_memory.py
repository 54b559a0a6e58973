"""Memory that does not suffice: the same in smaller parts, or an error that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from _bags import Bag, is_finite, same_bits, start, told, weights
from torch import Tensor, nn

from textwright.core.errors import ModelError
from textwright.core.ragged import Ragged
from textwright.core.records import StepEvent
from textwright.learn import averaging, loop, recovery, state
from textwright.learn.batches import Rows
from textwright.learn.loop import Fit, Judgement


def out_of_memory() -> list[BaseException]:
    return [
        Bag().said(),
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB)"),
    ]


class Long(Bag):
    """A bag that holds so many padded tokens at once."""

    most_tokens = 100

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Any:
        if ids_BT.numel() > self.most_tokens:
            raise self.said()
        return super().forward(ids_BT, mask_BT)


@pytest.mark.parametrize("number", range(4))
def test_a_step_that_is_too_large_is_made_in_parts(number: int) -> None:
    """32 rows of 6 tokens are too many: it is the run with at most 96 tokens at once, bit for bit."""
    data = Rows(
        Ragged.from_lists([[1 + (i + j) % 20 for j in range(6)] for i in range(96)]), np.arange(96) % 2
    )
    fit, asked = (start(3, model=Long(), data=data, learn={"batch": 32, "max_tokens": n}) for n in (999, 96))
    fit.model.said = lambda: out_of_memory()[number]
    asked.model.load_state_dict(weights(fit))
    events, warnings = told(fit)
    assert [e.loss for e in events] == [e.loss for e in asked.run() if isinstance(e, StepEvent)]
    assert same_bits(weights(fit), weights(asked)) and fit.state.max_tokens == 96
    what, then = warnings[0].split(": ", 1)[1].split(": ")
    assert what == "32 rows of 6 tokens do not fit into memory at once" and len(warnings) == 1
    assert then == "from here on 96 tokens, added up to the same steps of 32"


def test_only_what_is_too_large_is_halved() -> None:
    """Parts of 60 x 10 and 4 x 300 tokens of which the latter is too much: the short rows stay together."""
    lengths = [10] * 240 + [300] * 16
    data = Rows(Ragged.from_lists([[1 + i % 20] * n for i, n in enumerate(lengths)]), np.arange(256) % 2)
    learn = {"batch": 64, "max_tokens": 1200, "optimizer": {"name": "sgd", "rate": 0.1}}
    model, seen = Long(), list[torch.Size]()
    model.most_tokens = 700
    model.table.register_forward_hook(lambda module, inputs, out: seen.append(inputs[0].shape))
    fit, whole = start(2, model=model, data=data, learn=learn), start(2, data=data, learn=learn)
    whole.model.load_state_dict(weights(fit))
    events, (warning,) = told(fit)
    assert "4 rows of 300 tokens do not fit" in warning and "on 600 tokens, added up to the same" in warning
    halved = seen[seen.index((2, 300)) :]
    assert set(halved) <= {(2, 300), (60, 10), (4, 10), (48, 10)} and (60, 10) in halved
    assert fit.state.max_tokens == 600
    wanted = [e for e in whole.run() if isinstance(e, StepEvent)]
    np.testing.assert_allclose([e.loss for e in events], [e.loss for e in wanted], rtol=1e-4)
    assert [(e.rows, e.tokens) for e in events] == [(e.rows, e.tokens) for e in wanted]


def test_memory_that_runs_out_in_mid_run_repeats_the_step() -> None:
    """What the attempt left must not count: gradients of parts, tokens, the step itself."""
    fit, whole = start(3, learn={"batch": 32}), start(3, learn={"batch": 32})
    losses: list[float] = []
    for event in fit.run():
        if isinstance(event, StepEvent):
            losses.append(event.loss)
            fit.model.most_rows = 20 if event.step == 4 else fit.model.most_rows
    wanted = [e for e in whole.run() if isinstance(e, StepEvent)]
    np.testing.assert_allclose(losses, [e.loss for e in wanted], rtol=1e-4)
    assert fit.state.step == whole.state.step and fit.state.tokens == whole.state.tokens
    for name, value in weights(whole).items():
        torch.testing.assert_close(fit.model.state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_a_row_that_never_fits_is_an_error_that_says_what_to_do() -> None:
    fit = start(3, model=Bag(most_rows=0))
    wanted = r"step 1: a single row of \d tokens does not fit into memory \(.*tried to allocate 9437184 bytes"
    with pytest.raises(ModelError, match=wanted) as caught:
        list(fit.run())
    assert "max_length" in caught.value.hint and "checkpoint_gradients" in caught.value.hint
    assert is_finite(fit) and not fit.model.training


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    model = Bag(most_rows=0)
    model.said = lambda: RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(RuntimeError, match="shapes"):
        list(start(1, model=model).run())


# Outside of the gradient.


def fails(*args: Any, **named: Any) -> Any:
    raise MemoryError


def failing(real: Callable[..., Any], when: Callable[[], bool]) -> Callable[..., Any]:
    return lambda *args: fails() if when() else real(*args)


def judged(**more: Any) -> Fit:
    fit = start(3, **more)
    fit.validate = lambda model: Judgement(1 / fit.state.step, {})
    return fit


def test_no_memory_for_the_optimizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update that has begun cannot be repeated."""
    fit = start(1)
    monkeypatch.setattr(fit.optimizer, "step", fails)
    with pytest.raises(ModelError, match="no memory for the state of the optimizer at step 1"):
        list(fit.run())


def test_a_good_state_that_does_not_fit_is_not_kept_this_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "STEPS_BETWEEN", 10)
    fit, whole = start(3), start(3)
    monkeypatch.setattr(state, "copied_weights", failing(state.copied_weights, lambda: fit.state.step == 20))
    kept: dict[int, int] = {}
    for event in fit.run():
        assert isinstance(event, StepEvent)
        kept[event.step] = fit.state.health.good_updates
        assert fit.recovery.good is not None
    assert [kept[step] for step in (9, 10, 20, 29, 30)] == [0, 10, 10, 10, 30]
    list(whole.run())
    assert same_bits(weights(fit), weights(whole))


def test_the_best_weights_take_the_place_of_the_last_good_state(monkeypatch: pytest.MonkeyPatch) -> None:
    fit, whole = judged(), judged()
    list(whole.run())
    full = failing(loop.copied_weights, lambda: fit.recovery.good is not None)
    monkeypatch.setattr(loop, "copied_weights", full)
    assert told(fit)[1] == [] and same_bits(weights(fit), weights(whole))


def test_best_weights_that_never_fit_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "copied_weights", fails)
    with pytest.raises(ModelError, match="no memory for a copy of the best weights") as caught:
        list(judged().run())
    assert "optimizer.name=sgd" in caught.value.hint


def test_averaged_weights_that_never_fit_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's own weights are still in it."""
    fit = judged(learn={"average": {"name": "ema"}})
    before: list[dict[str, Tensor]] = []
    real = averaging.learned

    def learned(model: nn.Module) -> dict[str, Tensor]:
        before.append(weights(fit))
        found = real(model)
        found["head.weight"] = type("Full", (), {"clone": fails})()  # type: ignore[assignment]
        return found

    average = fit.average
    assert average is not None
    average.update(fit.model, 0.0)
    with monkeypatch.context() as patch, pytest.raises(ModelError, match="averaged weights beside") as caught:
        patch.setattr(averaging, "learned", learned)
        with averaging.averaged(fit.model, average):
            pytest.fail("it went in")
    assert "average.name=none" in caught.value.hint and same_bits(weights(fit), before[0])


def test_no_memory_to_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state.Snapshot, "restore", fails)
    fit = start(3)
    fit.model.head.weight.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(ModelError, match="no memory for going back to the last good state"):
        list(fit.run())


def test_a_model_that_does_not_fit_onto_the_device_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bag, "to", lambda *args: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA out")))
    with pytest.raises(ModelError, match="no memory for the model on the device cpu"):
        start(3)
