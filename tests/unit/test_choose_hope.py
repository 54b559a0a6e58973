"""Curves that are carried on to their end, and fits that are given up."""

from __future__ import annotations

import pytest

from textwright.choose.search.hope import FAR, FAR_FOR_ENSEMBLES, Hope, carried_on

SHARES = [i / 8 for i in range(1, 9)]


def power(level: float, slope: float, exponent: float) -> list[tuple[float, float]]:
    return [(share, level + slope * share**-exponent) for share in SHARES]


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_the_end_of_a_power_law_is_found_from_its_first_half(exponent: float) -> None:
    curve = power(0.3, 0.1, exponent)
    assert carried_on(curve[:4]) == pytest.approx(0.4, abs=0.02)


def test_a_curve_that_rises_again_ends_at_its_lowest() -> None:
    assert carried_on([(0.2, 0.5), (0.4, 0.45), (0.6, 0.47), (0.8, 0.55)]) <= 0.45


def given_up(curve: list[tuple[float, float]], **about: object) -> float | None:
    """The share of its length at which a fit is stopped; None when it goes to its end."""
    hope = Hope(nothing=0.7, best=0.4, **about)  # type: ignore[arg-type]
    return next((share for share, loss in curve if hope.lost(share, loss)), None)


def test_a_hopeless_fit_is_stopped_at_a_third_and_a_good_one_never() -> None:
    assert given_up(power(0.66, 0.005, 1.0)) == pytest.approx(3 / 8)
    assert given_up(power(0.35, 0.02, 1.0)) is None


def test_nothing_is_given_up_before_there_is_anything_to_compare_with() -> None:
    hope = Hope(nothing=0.7, best=None)
    assert not any(hope.lost(share, 0.69) for share in SHARES)


def test_for_an_ensemble_more_is_forgiven() -> None:
    """0.52 is two fifths of the gain away from the best: too far alone, near enough to help others."""
    curve = power(0.5, 0.02, 1.0)
    assert given_up(curve, far=FAR) is not None
    assert given_up(curve, far=FAR_FOR_ENSEMBLES) is None


def test_one_that_is_behind_an_earlier_fit_of_its_kind_is_stopped() -> None:
    leader, behind = power(0.3, 0.05, 1.0), power(0.3, 0.1, 1.0)
    assert given_up(behind) is None
    assert given_up(behind, earlier=(leader,)) is not None
    assert given_up(leader, earlier=(leader,)) is None
