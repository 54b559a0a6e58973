"""Which candidate is taken, by preference and limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from textwright.choose.candidates import Proposal
from textwright.choose.pick.decision import Decision, Wanted, decide
from textwright.choose.pick.limits import Limits
from textwright.choose.trying import Tried
from textwright.core.errors import ConfigError
from textwright.core.records import Candidate, Score
from textwright.tasks.base import TASKS, Decode
from textwright.tasks.promise import Promise
from textwright.tasks.recipe import Recipe

TASK = TASKS.get("classify")
TRUTH = np.arange(1000) % 2


def candidate(name: str, rank: int, wrong: int, start: int = 0, **about: Any) -> Tried:
    """It answers all rows of TRUTH rightly but for `wrong` of them, from row `start` on."""
    rows = (4.0 * TRUTH - 2.0)[:, None]
    rows[start : start + wrong] *= -1
    right = 1 - wrong / len(TRUTH)
    score = Score(right, right, right, len(TRUTH))
    record = Candidate("bag", {"accuracy": score}, bytes=1000 * rank + 1000, latency_ms_p50=1.0 + rank)
    tried = Tried(
        Proposal("bag", "", label=name, rank=rank),
        replace(record, **about),
        None,  # type: ignore[arg-type]
        Decode(),
        rows,
        TASK.judge(rows, TRUTH, Decode()),
    )
    return tried


def pick(*tried: Tried, prefer: Any = "balanced", limits: Limits | None = None) -> Decision:
    return decide(tried, Wanted("accuracy", prefer, limits or Limits()), TRUTH, TASK, 0)


def test_the_simplest_within_one_standard_error_is_taken() -> None:
    """5 rows of 1,000 apart on disjoint mistakes: the standard error is 0.0063 and more."""
    simple, best = candidate("simple", 0, 25), candidate("best", 1, 20, start=500)
    found = pick(simple, best)
    assert (
        found.pick is simple and "the simplest within 1 standard errors of the best" in found.records[0].why
    )
    assert "at most 1 standard errors" in found.records[1].why
    assert found.records[0].difference is not None and found.records[1].difference is None
    assert pick(simple, best, prefer="accuracy").pick is best


def test_a_difference_that_is_more_than_noise_is_not_given_away() -> None:
    simple, best = candidate("simple", 0, 60), candidate("best", 1, 20, start=500)
    found = pick(simple, best)
    assert found.pick is best and found.records[0].why.startswith("worse than the best: accuracy -0.0400")
    assert found.records[0].p_value is not None and found.records[0].p_value < 0.001


def test_small_and_fast_say_what_they_mean() -> None:
    slow_and_small = candidate("a", 2, 22, bytes=10, latency_ms_p50=9.0)
    quick_and_big = candidate("b", 1, 20, start=300, bytes=10_000, latency_ms_p50=0.1)
    other = candidate("c", 0, 21, start=600)
    assert pick(slow_and_small, quick_and_big, other, prefer="small").pick is slow_and_small
    assert pick(slow_and_small, quick_and_big, other, prefer="fast").pick is quick_and_big


def test_an_ensemble_is_taken_where_its_loss_is_lowest() -> None:
    one, two = candidate("one", 0, 25), candidate("two", 1, 20, start=500)
    both = replace(candidate("both", 2, 21), members=(one, two), weights=(0.5, 0.5))
    assert pick(one, two, replace(both, judged=0.01), prefer="accuracy").pick.members
    assert pick(one, two, replace(both, judged=9.0), prefer="accuracy").pick is two
    worse = replace(candidate("both", 2, 90), members=(one, two), weights=(0.5, 0.5), judged=0.01)
    assert pick(one, two, worse, prefer="accuracy").pick is two


def test_limits_leave_out_what_breaks_them() -> None:
    good, small = candidate("good", 1, 5), candidate("small", 0, 100)
    found = pick(good, small, prefer="accuracy", limits=Limits(max_bytes=1500))
    assert found.pick is small and not found.unmet
    assert found.records[0].why == "its 2 kB are more than the 1.5 kB allowed"
    found = pick(good, small, prefer="accuracy", limits=Limits(max_milliseconds=1.5))
    assert found.pick is small


def test_limits_that_nothing_keeps_name_the_nearest() -> None:
    good, small = candidate("good", 1, 5), candidate("small", 0, 100)
    found = pick(good, small, limits=Limits(max_bytes=100))
    assert found.pick is small and found.records[0].why == "its 2 kB are more than the 100 B allowed"
    assert found.unmet == (
        "no candidate keeps the limits; the nearest, bag small, is kept: "
        "its 1 kB are more than the 100 B allowed"
    )


def test_a_promise_counts_as_a_limit() -> None:
    promise = Promise.parse("precision(spam)=0.9")
    keeps = replace(candidate("keeps", 1, 50), kept=0.93)
    breaks = replace(candidate("breaks", 0, 20), kept=0.8)
    found = pick(keeps, breaks, limits=Limits(promise=promise))
    assert found.pick is keeps and found.records[1].why == "reaches 0.800 of precision(spam)=0.9"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"budget.max_size": "5"}, "--max-size: expected a number with one of the units"),
        ({"budget.max_latency": "2 MB"}, "--max-latency: expected a number"),
        ({"budget.max_size": "0MB"}, "--max-size: expected a number"),
        ({"budget.minutes": 1, "budget.steps": 5}, "contradict each other"),
        ({"at_least": "precision=0.9"}, "no promise of the form"),
    ],
)
def test_wrong_limits_are_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Limits.of(Recipe().replaced(settings))
    assert said in caught.value.message


def test_limits_as_people_write_them() -> None:
    found = Limits.of(Recipe().replaced({"budget.max_size": "1.5 MB", "budget.max_latency": "2ms"}))
    assert (found.max_bytes, found.max_milliseconds, bool(found), bool(Limits())) == (1.5e6, 2.0, True, False)
