"""Point estimates against scikit-learn and SciPy, p-values against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics

from textwright.measure.base import Array
from textwright.measure.calibrate import sigmoid, softmax
from textwright.measure.classify import ClassifyMeter
from textwright.measure.graded import GradedMeter
from textwright.measure.multilabel import MultilabelMeter
from textwright.measure.paired import mcnemar, paired_bootstrap


def classified(num_rows: int, num_classes: int, missing: int = 0) -> tuple[Array, Array]:
    """Rows of which the last `missing` classes are never the truth."""
    rng = np.random.default_rng(num_rows + num_classes)
    truth = rng.integers(num_classes - missing, size=num_rows)
    logits = rng.normal(size=(num_rows, num_classes)) * 2 + 1.5 * np.eye(num_classes)[truth]
    return truth, softmax(logits)


@pytest.mark.parametrize(
    ("num_rows", "num_classes", "missing"), [(500, 2, 0), (700, 5, 0), (4000, 12, 0), (60, 6, 2)]
)
def test_classify(num_rows: int, num_classes: int, missing: int) -> None:
    truth, rows = classified(num_rows, num_classes, missing)
    meter = ClassifyMeter([str(i) for i in range(num_classes)])
    for part in np.array_split(np.arange(num_rows), 7):
        meter.update(truth[part], rows[part])
    answers, labels = rows.argmax(axis=1), list(range(num_classes))
    macro = {"average": "macro", "zero_division": 0}
    expected = {
        "accuracy": metrics.accuracy_score(truth, answers),
        "macro_f1": metrics.f1_score(truth, answers, **macro),
        "precision": metrics.precision_score(truth, answers, **macro),
        "recall": metrics.recall_score(truth, answers, **macro),
        "mcc": metrics.matthews_corrcoef(truth, answers),
        "log_loss": metrics.log_loss(truth, rows, labels=labels),
        "brier": metrics.brier_score_loss(truth, rows[:, 1])
        if num_classes == 2
        else ((rows - np.eye(num_classes)[truth]) ** 2).sum(axis=1).mean(),
    }
    scores = meter.scores(replicates=20)
    assert {name: scores[name].value for name in expected} == pytest.approx(expected, rel=1e-10)
    assert meter.details()["confusion"] == metrics.confusion_matrix(truth, answers, labels=labels).tolist()


def test_per_class() -> None:
    truth, rows = classified(300, 4)
    meter = ClassifyMeter(list("abcd"))
    meter.update(truth, rows)
    expected = metrics.precision_recall_fscore_support(truth, rows.argmax(axis=1))
    for i, record in enumerate(meter.details()["per_class"]):
        values = [record[name]["value"] for name in ("precision", "recall", "f1")]
        assert [*values, record["n"]] == pytest.approx([column[i] for column in expected])


def test_auc() -> None:
    truth, rows = classified(3000, 2)
    rows = np.round(rows, 3)  # many ties
    two = ClassifyMeter(["a", "b"])
    two.update(truth, rows)
    assert two.scores(replicates=5)["auc"].value == pytest.approx(metrics.roc_auc_score(truth, rows[:, 1]))
    truth, rows = classified(3000, 6)
    many = ClassifyMeter(list("abcdef"))
    many.update(truth, rows)
    expected = metrics.roc_auc_score(truth, rows, multi_class="ovr")
    assert many.scores(replicates=5)["auc"].value == pytest.approx(expected, abs=2e-4)


def test_multilabel() -> None:
    rng = np.random.default_rng(0)
    rows = rng.random((800, 6)) * np.array([1, 1, 0.9, 0.7, 0.6, 0.3])
    truth = (rng.random((800, 6)) < rows).astype(int)
    truth[:, 5] = 0  # never the truth and, at 0.3 at most, never the answer
    meter = MultilabelMeter(list("abcdef"))
    meter.update(truth, rows)
    answers = (rows >= 0.5).astype(int)
    cells = truth.ravel(), rows.ravel()
    expected = {
        "accuracy": metrics.accuracy_score(truth, answers),
        "macro_f1": metrics.f1_score(truth, answers, average="macro", zero_division=np.nan),
        "micro_f1": metrics.f1_score(truth, answers, average="micro"),
        "precision": metrics.precision_score(truth, answers, average="micro"),
        "recall": metrics.recall_score(truth, answers, average="micro"),
        "log_loss": metrics.log_loss(*cells),
        "brier": metrics.brier_score_loss(*cells),
    }
    scores = meter.scores(replicates=20)
    assert {name: scores[name].value for name in expected} == pytest.approx(expected, rel=1e-10)


def test_graded() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(1, 6, size=5000).astype(float)
    predictions = np.round(truth + rng.normal(size=5000), 1)
    meter = GradedMeter()
    for part in np.array_split(np.arange(5000), 9):
        meter.update(truth[part], predictions[part])
    expected = {
        "mse": metrics.mean_squared_error(truth, predictions),
        "mae": metrics.mean_absolute_error(truth, predictions),
        "pearson": stats.pearsonr(truth, predictions).statistic,
        "spearman": stats.spearmanr(truth, predictions).statistic,
    }
    found = {name: score.value for name, score in meter.scores(replicates=20).items()}
    assert found == pytest.approx(expected, rel=1e-10)


def test_graded_interval_against_scipy_bootstrap() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=300)
    predictions = truth + rng.normal(size=300)
    meter = GradedMeter()
    meter.update(truth, predictions)
    found = meter.scores(replicates=4000)["pearson"]
    expected = stats.bootstrap(
        (truth, predictions),
        lambda x, y: stats.pearsonr(x, y).statistic,
        paired=True,
        vectorized=False,
        n_resamples=1500,
        method="percentile",
        rng=rng,
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.015)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 1), (3, 9), (40, 41), (900, 1100), (30_000, 30_500)])
def test_mcnemar(only_a: int, only_b: int) -> None:
    a = np.repeat([True, False, True], [only_a, only_b, 5])
    b = np.repeat([False, True, True], [only_a, only_b, 5])
    expected = stats.binomtest(only_a, only_a + only_b).pvalue
    assert mcnemar(a, b)["p_value"] == pytest.approx(expected, rel=1e-6)


def test_paired_p_value_against_scipy_permutation() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=200)
    b = a + 0.08 + 0.5 * rng.normal(size=200)
    expected = stats.permutation_test(
        (a, b),
        lambda x, y, axis: np.mean(y - x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=5000,
        rng=rng,
    ).pvalue
    assert paired_bootstrap(a, b)["p_value"] == pytest.approx(expected, abs=0.02)


def test_links() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 4)) * 30
    assert softmax(logits) == pytest.approx(special.softmax(logits, axis=1), rel=1e-12)
    assert sigmoid(logits) == pytest.approx(special.expit(logits), rel=1e-12)
