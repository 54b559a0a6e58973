"""Who gets how much of the budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from textwright.choose.search.schedule import Schedule
from textwright.core.clock import Clock, Steps
from textwright.core.errors import ConfigError
from textwright.core.records import StepEvent
from textwright.tasks.trainers.base import Foreseen


@dataclass
class Before:
    """What a schedule asks of a candidate that was tried."""

    refit: float
    judged: float = 0.5
    seconds_a_text: float = 0.0

    def refit_seconds(self, rows: int) -> float:
        return self.refit


def schedule(prefer: Any = "balanced", limit: float = 1000, num_locked: int = 0) -> Schedule:
    return Schedule(Clock.counting(Steps(), limit), prefer, num_locked)


def grant(found: Schedule, planned: float, tried: list[Any], least: float = 10) -> float:
    return found.grant(Foreseen(planned, least), 1.1, tried, 100).amount


def test_a_search_leaves_as_much_for_its_refit() -> None:
    assert grant(schedule(), 200, [Before(0)]) == pytest.approx(1000 / 2.1)


def test_one_refit_is_set_aside_or_all_of_an_ensemble() -> None:
    tried = [Before(700), Before(100)]
    assert grant(schedule(), 200, tried) == pytest.approx(1000 - 700)
    assert grant(schedule("accuracy"), 20, tried) == pytest.approx(200 / 2.1)


def test_members_that_are_far_off_are_not_refitted() -> None:
    tried = [Before(10, judged=0.2), Before(500, judged=0.9)]
    assert grant(schedule("accuracy"), 100, tried) == pytest.approx(990 / 2.1)


def test_what_is_too_long_gets_its_share_and_what_is_hopeless_nothing() -> None:
    assert grant(schedule(), 5000, [Before(0)]) == pytest.approx(1000 / 2.1)
    found = schedule().grant(Foreseen(50_000, 600), 1.1, [Before(0)], 100)  # type: ignore[list-item]
    assert not found.amount and found.why == "needs 1,260 steps at least, and 1,000 steps were left"


def test_rows_are_not_read_for_a_candidate_that_comes_too_late() -> None:
    found = Schedule(Clock.starting(30), "accuracy", 0)
    tried: Any = [Before(5)]
    assert found.too_late(10_000_000, tried, 100) == ""
    why = found.too_late(40_000_000, tried, 100)  # 24 s, where 30 - 5 - 1.5 are left
    assert why == "needs 24 s at least, and 23 s were left"
    assert found.too_late(40_000_000, [], 100) == "" and schedule().too_late(10**9, tried, 100) == ""


def test_the_first_candidate_is_never_left_out() -> None:
    assert grant(schedule(), 50_000, [], least=5_000) == pytest.approx(1000 / 2.1)


def test_answers_to_the_locked_rows_are_set_aside() -> None:
    slow = Before(0, seconds_a_text=0.01)
    timed = Schedule(Clock.starting(100), "balanced", 2_000)
    assert timed.left([slow]) == pytest.approx(100 - 1.5 - 20, abs=0.1)  # type: ignore[list-item]


def test_steps_are_counted_and_nothing_else() -> None:
    found = schedule(limit=10)
    event = StepEvent(1, 0.1, 8, 10, 0.1, 0.5, 0.1, 100.0)
    assert len(list(found.counted(iter([event, event])))) == 2
    assert found.left() == 8


def test_too_little_for_any_is_said_with_what_would_do() -> None:
    tight = Schedule(Clock.starting(1), "balanced", 0)
    with pytest.raises(ConfigError, match="too little for any candidate") as caught:
        tight.refuse_too_little(1_000_000)
    least = 60 * float(caught.value.hint.rpartition(" ")[2])
    Schedule(Clock.starting(least), "balanced", 0).refuse_too_little(1_000_000)
