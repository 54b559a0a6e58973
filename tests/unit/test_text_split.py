"""Splits are complete, repeatable, true to their shares, and never tear a group apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textwright.core.errors import ConfigError
from textwright.text.split import Split, row_hashes, split_again, split_rows

SHARES = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.45])
ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), min_size=1, max_size=80)


def check_parts(parts: Split, strata: np.ndarray, groups: np.ndarray) -> None:
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together.tolist()) == list(range(len(groups)))
    held = [set(groups[part].tolist()) for part in (parts.train, parts.validation, parts.test)]
    assert not (held[0] & held[1] or held[0] & held[2] or held[1] & held[2])
    assert set(strata[parts.train].tolist()) == set(strata.tolist())
    for part in (parts.train, parts.validation, parts.test):
        assert (np.diff(part) > 0).all()


@settings(deadline=None)
@given(ROWS, SHARES, SHARES, st.integers(0, 5))
def test_groups_of_any_kind(pairs: list[tuple[int, int]], validation: float, test: float, seed: int) -> None:
    strata, groups = np.array(pairs).T
    parts = split_rows(strata, groups, validation=validation, test=test, seed=seed)
    check_parts(parts, strata, groups)
    again = split_rows(strata, groups, validation=validation, test=test, seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip(vars(parts).values(), vars(again).values(), strict=True))
    assert validation or not len(parts.validation)
    assert test or not len(parts.test)


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), SHARES, SHARES, st.integers(0, 5))
def test_single_rows_meet_their_shares(labels: list[int], validation: float, test: float, seed: int) -> None:
    strata = np.array(labels)
    parts = split_rows(strata, np.arange(len(strata)), validation=validation, test=test, seed=seed)
    check_parts(parts, strata, np.arange(len(strata)))
    for part, share in ((parts.validation, validation), (parts.test, test)):
        for label in set(labels):
            size = labels.count(label)
            if size > 1:
                assert abs(np.sum(strata[part] == label) - share * size) <= 1
            else:
                assert label not in strata[part]


PAST = st.sampled_from(["new", "new", "locked", "learned", "both"])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), PAST), min_size=1, max_size=120), SHARES)
def test_the_past_of_a_model_binds_its_rows(rows: list[tuple[int, int, str]], share: float) -> None:
    strata, groups = np.array([row[:2] for row in rows]).T
    past = np.array([row[2] for row in rows])
    locked, learned = (np.isin(past, [name, "both"]) for name in ("locked", "learned"))
    parts = split_again(strata, groups, locked=locked, learned=learned, validation=share, test=share, seed=1)
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(together.tolist()) == list(range(len(rows)))
    assert not learned[parts.test].any() and not (locked & ~learned)[parts.train].any()
    known = np.isin(groups, groups[learned | locked])
    assert share or not (~known)[parts.test].any()
    if known[parts.validation].any():  # then all of it is of rows that were learned from
        assert np.isin(groups, groups[learned])[parts.validation].all()
    new = ~known
    if new.any():
        plain = split_rows(strata[new], groups[new], validation=share, test=share, seed=1)
        assert set(np.flatnonzero(new)[plain.test]) == set(parts.test[new[parts.test]])


KINDS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6)), min_size=1, max_size=60)


@settings(deadline=None)
@given(KINDS, SHARES, st.integers(0, 5))
def test_groups_of_one_label_come_near(kinds: list[tuple[int, int]], share: float, seed: int) -> None:
    strata = np.repeat([label for label, _ in kinds], [size for _, size in kinds])
    groups = np.repeat(np.arange(len(kinds)), [size for _, size in kinds])
    parts = split_rows(strata, groups, validation=share, test=share, seed=seed)
    check_parts(parts, strata, groups)
    for label in np.unique(strata):
        sizes = [size for kind, size in kinds if kind == label]
        for part in (parts.validation, parts.test):
            # The group kept in train and half a group at either side.
            assert abs(np.sum(strata[part] == label) - share * sum(sizes)) <= 2 * max(sizes)


def test_shares_are_exact_over_many_small_classes_and_with_twins() -> None:
    strata = np.repeat(np.arange(100), 7)
    parts = split_rows(strata, np.arange(700), validation=0.1, test=0.1, seed=3)
    assert (len(parts.validation), len(parts.test)) == (70, 70)
    strata, groups = np.repeat([0, 1], 500), np.arange(1000)
    groups[:200] //= 2
    parts = split_rows(strata, groups, validation=0.1, test=0.2, seed=3)
    assert np.bincount(strata[parts.validation]).tolist() == [50, 50]
    assert np.bincount(strata[parts.test]).tolist() == [100, 100]
    # Twins take part in the draw: about a fifth of the 200 rows are tested.
    assert np.sum(parts.test < 200) == 40


def test_classes_of_one_row_leave_their_portion_to_others() -> None:
    strata = np.concatenate([np.arange(20), np.repeat(np.arange(20, 24), 5)])
    parts = split_rows(strata, np.arange(40), validation=0, test=0.45, seed=0)
    assert np.bincount(strata[parts.test]).tolist() == [0] * 20 + [3] * 4


def test_a_large_group_kept_in_train_does_not_shrink_the_test_part() -> None:
    groups = np.concatenate([np.zeros(50, np.int64), np.repeat(np.arange(1, 26), 2)])
    sizes = [len(split_rows(None, groups, validation=0, test=0.2, seed=seed).test) for seed in range(100)]
    assert set(sizes) == {20}


def test_twins_with_two_labels_stay_together_and_every_label_in_train() -> None:
    strata, groups = np.array([0, 1] * 50), np.repeat(np.arange(50), 2)
    parts = split_rows(strata, groups, validation=0.2, test=0.2, seed=0)
    check_parts(parts, strata, groups)
    assert (len(parts.validation), len(parts.test)) == (20, 20)


def test_no_strata_scarce_rows_and_no_rows() -> None:
    parts = split_rows(None, np.arange(5), validation=0.1, test=0.1, seed=0)
    assert [len(part) for part in vars(parts).values()] == [3, 1, 1]
    parts = split_rows(None, np.repeat([7, 8, 9], 100), validation=0.1, test=0.1, seed=0)
    assert [len(part) for part in vars(parts).values()] == [100, 100, 100]
    parts = split_rows(np.array([0, 1, 2]), np.arange(3), validation=0.3, test=0.3, seed=0)
    assert [len(part) for part in vars(parts).values()] == [3, 0, 0]
    parts = split_rows(None, np.zeros(0, np.int64), validation=0.1, test=0.1, seed=0)
    assert [len(part) for part in vars(parts).values()] == [0, 0, 0]


def test_seeds_differ_and_every_row_can_be_tested() -> None:
    tested = [split_rows(None, np.arange(20), validation=0, test=0.5, seed=seed).test for seed in range(20)]
    assert len({part.tobytes() for part in tested}) == 20
    assert set(np.concatenate(tested).tolist()) == set(range(20))


@pytest.mark.parametrize(("validation", "test"), [(-0.1, 0.1), (0.5, 0.5), (0.9, 0.2), (float("nan"), 0.1)])
def test_shares_that_cannot_be(validation: float, test: float) -> None:
    with pytest.raises(ConfigError, match="shares of"):
        split_rows(None, np.arange(9), validation=validation, test=test, seed=0)


def test_row_hashes_name_texts_without_storing_them() -> None:
    hashes = row_hashes(["Good film!", "good  film", "Bad film!", "好电影", "好电影。", "\ud800"])
    assert hashes[0] == hashes[1] != hashes[2]
    assert hashes[3] == hashes[4]
    assert len(set(hashes)) == 4
    # A value of the past: locked test rows must be found again by later versions.
    assert hashes[0] == "01321b0036cc38ea"
