"""A fit that goes on where large tables are learned by another optimizer, as on an accelerator."""

from __future__ import annotations

from pathlib import Path

import pytest
from _fits import PER_EPOCH, start, steps, told

from textwright.core.records import StepEvent
from textwright.learn.checkpoint import load_checkpoint, save_checkpoint
from textwright.learn.optimizers import weights


@pytest.mark.parametrize("was_lazy", [True, False])
def test_it_goes_on_and_says_what_starts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was_lazy: bool
) -> None:
    monkeypatch.setattr(weights, "_is_lazy", lambda table: was_lazy)
    fit = start()
    events = fit.run()  # dropped, it would put what is kept into the model
    steps(events, PER_EPOCH)
    save_checkpoint(tmp_path, fit, {})
    monkeypatch.setattr(weights, "_is_lazy", lambda table: not was_lazy)
    again = start(seed=1)
    resumed = load_checkpoint(tmp_path, again)
    kinds = ("LazyAdam", "AdamW") if was_lazy else ("AdamW", "LazyAdam")
    assert resumed is not None and resumed.warnings == [
        f"embedding.weight was learned by {kinds[0]} and is by {kinds[1]} here, which starts anew with it"
    ]
    assert again.recovery.good is not None
    again.recovery.good.restore(again.model, again.optimizer, again.average)
    load_checkpoint(tmp_path, again)
    assert len([event for event in again.run() if isinstance(event, StepEvent)]) > PER_EPOCH


def test_a_large_table_goes_on_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_is_lazy", lambda table: True)
    wanted = [told(event) for event in start().run()]
    fit, seen = start(), list[object]()
    for stop in (3, PER_EPOCH, 2 * PER_EPOCH + 1):
        events = fit.run()
        seen += steps(events, stop)
        save_checkpoint(tmp_path, fit, {})
        fit = start(seed=stop)
        resumed = load_checkpoint(tmp_path, fit)
        assert resumed is not None and not resumed.warnings
    assert seen + [told(event) for event in fit.run()] == wanted
