"""The schedule is a matter of the step while the time suffices, and one of the clock when it does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from made_clocks import Still
from textwright.core.ragged import Ragged
from textwright.core.records import Note, StepEvent
from textwright.learn.batches import Rows
from textwright.learn.loop import Fit, FitState
from textwright.learn.objectives import cross_entropy
from textwright.learn.pace import Pace
from textwright.learn.settings import LearnSettings


@dataclass
class Run:
    """A run of `steps` steps of which each takes `seconds`, of a plan of as many."""

    clock: Still
    steps: int
    state: FitState = field(default_factory=FitState)

    def go(self, count: int, seconds: float) -> list[float]:
        """The progress at each of the next `count` steps."""
        pace, seen = Pace(self.clock, self.state), list[float]()
        self.said: list[str] = []
        for _ in range(count):
            seen.append(pace.progress((self.state.step + 0.5) / self.steps))
            self.clock.now[0] += seconds
            self.state.step += 1
            if said := pace.after_step(self.steps - self.state.step):
                self.said.append(said)
        return seen


def planned(steps: int) -> list[float]:
    return [(i + 0.5) / steps for i in range(steps)]


@pytest.mark.parametrize("seconds", [0.0, 0.5, 0.999])
def test_within_the_time_the_speed_does_not_matter(seconds: float) -> None:
    run = Run(Still(0.0, 100.0), 100)
    assert run.go(100, seconds) == planned(100) and not run.said and not run.state.by_clock


def test_without_a_limit_there_is_no_projection() -> None:
    run = Run(Still(0.0, None), 100)
    assert run.go(100, 1e6) == planned(100)


def test_steps_that_do_not_fit_are_laid_out_over_the_time_left() -> None:
    run = Run(Still(0.0, 100.0), 1000)
    seen = run.go(200, 0.5)
    assert seen[:20] == planned(1000)[:20], "it is not believed at once"
    assert len(run.said) == 1 and "step 20: about 490 s of steps are left and 90 s of time" in run.said[0]
    rises = [after - before for before, after in pairwise(seen[20:])]
    assert seen[20] == pytest.approx(seen[19], abs=0.01), "the rate does not jump"
    assert max(rises) == pytest.approx(min(rises), abs=0.0011), "and falls evenly"
    assert seen[-1] == pytest.approx(1 - rises[0], abs=0.01)


def test_a_short_start_is_not_believed() -> None:
    """A slow first second of a long run says nothing about the rest."""
    run = Run(Still(0.0, 1000.0), 1000)
    assert run.go(30, 1.5) == planned(1000)[:30] and not run.said
    assert run.go(970, 0.5) == planned(1000)[30:]


def test_a_fast_machine_is_never_behind_its_plan() -> None:
    run = Run(Still(0.0, 100.0), 1000)
    run.go(100, 0.5)
    assert run.state.by_clock
    seen = run.go(900, 0.0)
    assert seen[-1] == pytest.approx(0.9995), "the plan was done before the time was over"


def test_a_resumed_run_goes_on_from_where_its_schedule_was() -> None:
    run = Run(Still(0.0, 100.0), 1000)
    before = run.go(100, 0.5)
    assert 0.4 < before[-1] < 0.6
    again = Run(Still(0.0, 100.0), 1000, FitState(step=100, by_clock=True, progress=before[-1]))
    after = again.go(200, 0.5)
    assert after[0] == pytest.approx(before[-1], abs=0.01) and after == sorted(after)
    assert after[100] == pytest.approx((1 + before[-1]) / 2, abs=0.01) and after[-1] > 0.99
    # Resumed without a limit it is not as if the time were over.
    again = Run(Still(0.0, None), 1000, FitState(step=100, by_clock=True, progress=before[-1]))
    assert again.go(1, 0.5) == [before[-1]]


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 2)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> Small:
        self.logits = (self.table(ids) * mask.unsqueeze(-1)).sum(1)
        return self


def test_a_fit_that_is_too_slow_says_so_and_lowers_its_rate() -> None:
    clock = Still(0.0, 100.0)
    learn = LearnSettings.parse({"batch": 4, "optimizer": {"rate": 0.1}, "schedule": {"warmup": 0}})
    rows = Rows(Ragged.from_lists([[1 + i % 9] for i in range(40)]), np.arange(40) % 2)
    fit = Fit(Small(), rows, cross_entropy, learn, 100, 0, clock)
    events: list[StepEvent] = []
    notes: list[Note] = []
    for event in fit.run():
        if isinstance(event, Note):
            notes.append(event)
            continue
        events.append(event)
        clock.now[0] += 1.0
    assert len(events) == 100 and len(notes) == 1 and "falls with the clock" in notes[0].text
    assert fit.state.by_clock and events[-1].rate < 0.003
    assert all(a.rate >= b.rate for a, b in pairwise(events))
