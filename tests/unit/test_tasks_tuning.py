"""Offsets: found where they help and only there, right where they can be counted; promises kept, or said not.

Planted data are drawn from a known model, and what is claimed of new rows is measured on new rows.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from textwright.core.errors import ConfigError
from textwright.measure.bootstrap import wilson
from textwright.report.messages import translate
from textwright.tasks.base import TASKS, Array, Decode
from textwright.tasks.offsets import GRID, MIN_ROWS_PER_LABEL, LabelSets, OneLabel, value_of
from textwright.tasks.promise import Promise
from textwright.tasks.tuning import Tuned, tuned
from textwright.text.schema import Schema


def schema(num_labels: int, task: Any = "classify") -> Schema:
    return Schema(task=task, text="t", label="l", labels=[f"l{i}" for i in range(num_labels)])


def planted(seed: int, rows: int, prior: list[float], clear: float = 1.5) -> tuple[Array, Array]:
    """Outputs (N, K) that are the true log-probabilities, and class ids; two labels have one output."""
    rng, shares = np.random.default_rng(seed), np.array(prior) / sum(prior)
    truth = rng.choice(len(shares), rows, p=shares)
    seen = rng.normal(size=(rows, len(shares))) + clear * np.eye(len(shares))[truth]
    outputs = np.log(shares) + clear * seen
    return (outputs[:, 1:] - outputs[:, :1] if len(shares) == 2 else outputs), truth


def planted_sets(seed: int, rows: int, shares: list[float], clear: float = 1.5) -> tuple[Array, Array]:
    rng, base = np.random.default_rng(seed), np.array(shares)
    truth = (rng.random((rows, len(base))) < base).astype(np.uint8)
    seen = rng.normal(size=truth.shape) + clear * truth
    return np.log(base / (1 - base)) + clear * seen - clear**2 / 2, truth


def score(task: str, outputs: Array, truth: Array, decode: Decode, metric: str, num_labels: int) -> float:
    kind = TASKS.get(task)
    meter = kind.meter(schema(num_labels, task))
    meter.update(truth, kind.measured(outputs, decode), kind.answered(outputs, decode))
    return meter.scores(replicates=1)[metric].value


def run(outputs: Array, truth: Array, metric: str = "macro_f1", promise: str = "", **more: Any) -> Tuned:
    size = max(outputs.shape[1], 2)
    promised = Promise.parse(promise) if promise else None
    return tuned(
        TASKS.get("classify"), outputs, truth, Decode(), metric, promised, schema=schema(size), **more
    )


def run_sets(outputs: Array, truth: Array, metric: str = "micro_f1", promise: str = "") -> Tuned:
    task, promised = TASKS.get("multilabel"), Promise.parse(promise) if promise else None
    named = schema(outputs.shape[1], "multilabel")
    return tuned(task, outputs, truth, Decode(), metric, promised, schema=named)


def in_chinese(found: Tuned) -> bool:
    turned = [translate(sentence, "zh") for sentence in found.said]
    return all("验证" in sentence and " of validation" not in sentence for sentence in turned)


# Tuning to a metric.


@pytest.mark.parametrize("metric", ["macro_f1", "recall", "mcc"])
@pytest.mark.parametrize("prior", [[0.95, 0.05], [0.8, 0.1, 0.06, 0.04]])
def test_uneven_labels_gain_on_new_rows(metric: str, prior: list[float]) -> None:
    found = run(*planted(0, 4000, prior, 1.0), metric)
    new, size = planted(1, 20_000, prior, 1.0), len(prior)
    before, after = (score("classify", *new, d, metric, size) for d in (Decode(), found.decode))
    assert len(found.decode.offsets) == size and found.value_after > found.value_before
    assert after > before + (0.005 if metric == "mcc" else 0.03)
    assert found.said[0].startswith(f"answers are moved to raise {metric}") and in_chinese(found)
    assert found.promise_kept is None and found.nearest is None


@pytest.mark.parametrize("metric", ["micro_f1", "macro_f1"])
def test_rare_labels_of_sets_gain_on_new_rows(metric: str) -> None:
    shares = [0.4, 0.2, 0.1, 0.05]
    found, new = run_sets(*planted_sets(0, 2000, shares), metric), planted_sets(1, 20_000, shares)
    before, after = (score("multilabel", *new, d, metric, 4) for d in (Decode(), found.decode))
    assert after > before + 0.02 and in_chinese(found)
    assert max(found.decode.offsets) > 0  # rare labels need less than one half


def test_the_numbers_are_those_of_the_meter() -> None:
    outputs, truth = planted(3, 1000, [0.9, 0.06, 0.04])
    found = run(outputs, truth)
    assert found.value_before == score("classify", outputs, truth, Decode(), "macro_f1", 3)
    assert found.value_after == score("classify", outputs, truth, found.decode, "macro_f1", 3)


def test_nothing_is_moved_where_nothing_is_to_gain() -> None:
    """Balanced noise: what offsets gain on the rows that they were fitted on is chance."""
    moved, losses = 0, []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        outputs, truth = rng.normal(size=(300, 3)), rng.integers(3, size=300)
        found = run(outputs, truth)
        new = rng.normal(size=(5000, 3)), rng.integers(3, size=5000)
        values = [score("classify", *new, d, "macro_f1", 3) for d in (Decode(), found.decode)]
        moved, losses = moved + bool(found.decode.offsets), [*losses, values[0] - values[1]]
        assert found.decode.offsets or found.said[0].startswith("answers are not moved")
        assert in_chinese(found)
    # A standard error is exceeded by chance in 16 of 100 draws.
    assert moved <= 6 and np.mean(losses) < 0.005


def test_clear_balanced_labels_are_left_alone() -> None:
    assert [run(*planted(seed, 1000, [1, 1, 1, 1], 4.0)).decode for seed in range(5)] == [Decode()] * 5


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "auc", "brier"])
def test_scores_that_other_answers_cannot_raise_are_not_tuned(metric: str) -> None:
    outputs, truth = planted(0, 500, [0.9, 0.05, 0.05])
    found = run(outputs, truth, metric)
    assert (found.decode, found.said) == (Decode(), ())
    assert found.value_before == found.value_after == score("classify", outputs, truth, Decode(), metric, 3)


def test_graded_answers_have_nothing_to_tune() -> None:
    decode = Decode(offset=2.0, spread=1.5)
    outputs, truth = np.zeros((30, 1)), np.arange(30.0)
    named = schema(0, "score")
    found = tuned(TASKS.get("score"), outputs, truth, decode, "mse", schema=named)
    assert (found.decode, found.said, found.promise_kept) == (decode, (), None)
    with pytest.raises(ConfigError, match="the task score has none"):
        tuned(TASKS.get("score"), outputs, truth, decode, "mse", Promise("recall", "x", 0.5), schema=named)


@pytest.mark.parametrize("rows", [0, 1, 10])
def test_few_rows_say_so(rows: int) -> None:
    outputs, truth = planted(0, 40, [0.6, 0.2, 0.2])
    found = run(outputs[:rows], truth[:rows])
    assert found.decode == Decode() and "too few" in found.said[0] and in_chinese(found)
    kept = run(outputs[:0], truth[:0], promise="recall(l1)=0.5")
    assert (kept.promise_kept, kept.nearest) == (False, None)


def test_labels_with_few_rows_share_an_offset() -> None:
    rng = np.random.default_rng(0)
    outputs, truth = planted(0, 3000, [0.8, 0.1, 0.1])
    rare = np.repeat([3, 4], [2, 4])
    rows = np.concatenate([outputs, rng.normal(-3, 1, (3000, 2))], axis=1)
    rows = np.concatenate([rows, rng.normal(-3, 1, (6, 5)) + 4 * np.eye(5)[rare]])
    found = run(rows, np.concatenate([truth, rare]))
    offsets = found.decode.offsets
    assert offsets[3] == offsets[4] and len({*offsets}) > 2
    prior = OneLabel(rows, np.concatenate([truth, rare]), "macro_f1").prior()
    assert prior[0] > prior[1] > prior[3] == prior[4] == pytest.approx(np.log((2.5 + 4.5) / 2 / 3007))
    assert len({*prior}) == 4


def test_the_same_seed_gives_the_same_offsets_and_temperature_counts() -> None:
    outputs, truth = planted(5, 800, [0.8, 0.1, 0.1])
    assert run(outputs, truth, seed=3) == run(outputs, truth, seed=3)
    task, hot = TASKS.get("classify"), Decode(temperature=2.0)
    again = tuned(task, 2 * outputs, truth, hot, "macro_f1", schema=schema(3), seed=3)
    assert again.decode == run(outputs, truth, seed=3).decode.replaced({"temperature": 2.0})


# The search, against counting.


@pytest.mark.parametrize("metric", ["macro_f1", "mcc", "precision", "recall", "accuracy"])
@pytest.mark.parametrize("label", [0, 2])
def test_the_values_of_candidates_are_those_of_their_answers(metric: str, label: int) -> None:
    rng = np.random.default_rng(1)
    field = OneLabel(rng.normal(size=(80, 4)), rng.integers(4, size=80), metric)
    offsets, candidates = rng.normal(size=4), np.sort(rng.normal(0, 2, 30))
    expected = []
    for candidate in candidates:
        moved = offsets.copy()
        moved[label] = candidate
        expected.append(value_of(field, field.answers(moved)))
    np.testing.assert_allclose(field.values(offsets, label, candidates), expected, atol=1e-12)


def test_the_values_of_candidates_for_sets() -> None:
    rng = np.random.default_rng(1)
    for metric in ("macro_f1", "micro_f1"):
        field = LabelSets(rng.normal(size=(80, 3)), rng.integers(2, size=(80, 3)).astype(np.uint8), metric)
        offsets, candidates = rng.normal(size=3), np.sort(rng.normal(0, 2, 30))
        expected = [value_of(field, field.answers(np.array([offsets[0], c, offsets[2]]))) for c in candidates]
        np.testing.assert_allclose(field.values(offsets, 1, candidates), expected, atol=1e-12)


def test_no_single_move_on_the_grid_is_better_than_where_the_ascent_ends() -> None:
    outputs, truth = planted(2, 400, [0.7, 0.2, 0.1])
    field, start = OneLabel(outputs, truth, "macro_f1"), np.zeros(3)
    found = field.ascended(start, np.arange(3))
    best = value_of(field, field.answers(found))
    assert best > value_of(field, field.answers(start))
    for label, candidate in itertools.product(range(3), GRID):
        moved = found.copy()
        moved[label] = candidate
        assert value_of(field, field.answers(moved)) <= best + 1e-9


@pytest.mark.parametrize("metric", ["macro_f1", "micro_f1"])
def test_of_sets_the_best_offsets_of_all_are_found(metric: str) -> None:
    outputs, truth = planted_sets(4, 120, [0.3, 0.15])
    field = LabelSets(outputs, truth, metric)
    best = value_of(field, field.answers(field.ascended(np.zeros(2), np.arange(2))))
    every = [value_of(field, field.answers(np.array(pair))) for pair in itertools.product(GRID, GRID)]
    assert best == pytest.approx(max(every))


def test_labels_that_may_not_be_moved_are_not() -> None:
    outputs, truth = planted(2, 400, [0.7, 0.2, 0.1])
    assert OneLabel(outputs, truth, "macro_f1").ascended(np.zeros(3), np.array([2]))[:2].tolist() == [0, 0]
    sets = LabelSets(*planted_sets(2, 400, [0.3, 0.1]), "micro_f1")
    assert sets.ascended(np.zeros(2), np.array([], np.int64)).tolist() == [0, 0]
    assert MIN_ROWS_PER_LABEL == 5


# Promises.


def kept_by(found: Tuned, outputs: Array, truth: Array, label: int) -> tuple[int, int, int]:
    """Hits, answers and rows of a label with one label a row."""
    answers = TASKS.get("classify").answered(outputs, found.decode)
    hits = int(((answers == label) & (truth == label)).sum())
    return hits, int((answers == label).sum()), int((truth == label).sum())


@pytest.mark.parametrize("prior", [[0.8, 0.2], [0.6, 0.3, 0.1]])
@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_precision_is_kept_on_validation_and_on_new_rows(prior: list[float], metric: str) -> None:
    outputs, truth = planted(0, 3000, prior)
    found = run(outputs, truth, metric, "precision(l1)=0.9")
    hits, answers, _ = kept_by(found, outputs, truth, 1)
    assert found.promise_kept and found.nearest == hits / answers >= 0.9
    sentence = found.said[-1]
    assert f"precision(l1) {hits / answers:.3f} [" in sentence and f"on {answers:,} answers" in sentence
    assert in_chinese(found)
    new = planted(1, 50_000, prior)
    low, high = wilson(hits, answers)
    hits, answers, _ = kept_by(found, *new, 1)
    assert low <= hits / answers <= high


def test_precision_is_kept_with_the_highest_recall() -> None:
    outputs, truth = planted(0, 500, [0.8, 0.2])
    found = run(outputs, truth, "accuracy", "precision(l1)=0.9")
    precision = truth[np.argsort(-outputs[:, 0])].cumsum() / np.arange(1, 501)
    assert kept_by(found, outputs, truth, 1)[1] == np.flatnonzero(precision >= 0.9)[-1] + 1 > 10


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_recall_is_kept_by_the_smallest_move(metric: str) -> None:
    outputs, truth = planted(0, 3000, [0.6, 0.3, 0.1])
    found = run(outputs, truth, metric, "recall(l2)=0.9")
    hits, _, rows = kept_by(found, outputs, truth, 2)
    assert found.promise_kept and found.nearest == hits / rows >= 0.9
    assert (hits - 1) / rows < 0.9  # one hit less would be too few
    low, high = wilson(hits, rows)
    hits, _, rows = kept_by(found, *planted(1, 50_000, [0.6, 0.3, 0.1]), 2)
    assert low <= hits / rows <= high and in_chinese(found)


@pytest.mark.parametrize("metric", ["recall", "f1", "precision"])
def test_sets_keep_promises_too(metric: str) -> None:
    outputs, truth = planted_sets(0, 3000, [0.3, 0.1])
    before = {"recall": 0.8, "f1": 0.48, "precision": 0.8}[metric]
    found = run_sets(outputs, truth, "log_loss", f"{metric}(l1)={before}")
    answers = TASKS.get("multilabel").answered(outputs, found.decode)[:, 1]
    hits, sizes = (answers & truth[:, 1]).sum(), {"recall": truth[:, 1].sum(), "precision": answers.sum()}
    value = hits / sizes[metric] if metric in sizes else 2 * hits / (answers.sum() + truth[:, 1].sum())
    assert found.promise_kept and found.nearest == pytest.approx(value) and value >= before
    assert found.decode.offsets[0] == 0 and found.decode.offsets[1] != 0 and in_chinese(found)


def test_what_is_kept_already_moves_nothing() -> None:
    outputs, truth = planted(0, 1000, [0.5, 0.3, 0.2])
    found = run(outputs, truth, "accuracy", "recall(l0)=0.3")
    assert found.promise_kept and found.decode == Decode()


@pytest.mark.parametrize("promise", ["precision(l1)=0.99", "f1(l1)=0.9"])
def test_what_cannot_be_kept_comes_as_near_as_it_can(promise: str) -> None:
    """Noise: the best value of all cuts, counted one by one."""
    rng = np.random.default_rng(0)
    outputs, truth = rng.normal(size=(200, 1)), (rng.random(200) < 0.3).astype(np.int64)
    truth[outputs.argmax()] = 0  # the surest row is wrong
    found = run(outputs, truth, "accuracy", promise)
    order = np.argsort(-outputs[:, 0])
    hits, answers = truth[order].cumsum(), np.arange(1, 201)
    values = 2 * hits / (answers + truth.sum()) if promise.startswith("f1") else hits / answers
    assert found.promise_kept is False and found.nearest == values.max() < 0.9
    assert "nearest" in found.said[-1] and in_chinese(found)
    assert kept_by(found, outputs, truth, 1)[1] >= 1


def test_a_label_without_rows_cannot_be_checked() -> None:
    outputs, truth = planted(0, 300, [0.5, 0.3, 0.2])
    found = run(outputs[truth != 2], truth[truth != 2], "accuracy", "recall(l2)=0.5")
    assert (found.promise_kept, found.nearest, found.decode) == (False, None, Decode())
    assert "cannot be checked" in found.said[-1] and in_chinese(found)


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no label 'spam'"):
        run(*planted(0, 100, [0.5, 0.5]), promise="recall(spam)=0.5")


def test_rows_that_are_alike_stay_together() -> None:
    """No offset parts rows with the same outputs: precision of 10 such rows is that of all of them."""
    outputs = np.repeat([[2.0], [1.0], [-1.0]], [10, 10, 20], axis=0)
    truth = np.array([1] * 8 + [0] * 2 + [1] * 5 + [0] * 5 + [0] * 20)
    found = run(outputs, truth, "accuracy", "precision(l1)=0.79")
    assert found.nearest == 0.8 and kept_by(found, outputs, truth, 1) == (8, 10, 13)
    assert run(outputs, truth, "accuracy", "precision(l1)=0.85").nearest == 0.8
