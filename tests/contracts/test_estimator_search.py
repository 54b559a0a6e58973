"""The estimator in the hands of others: a grid search in processes of its own, a start from a checkpoint."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from sklearn.model_selection import GridSearchCV

import textwright
from checkpoints import tiny_checkpoint

SAMPLE = Path(textwright.__file__).parent / "sample" / "reviews.zh.csv"


def sample(num_rows: int) -> tuple[list[str], list[str]]:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:num_rows]
    return [row["text"] for row in rows], [row["label"] for row in rows]


def test_a_grid_search_in_processes_finds_what_one_process_finds() -> None:
    texts, labels = sample(120)
    grid = {"settings": [{"model.rate": 1.0}, {"model.rate": 4.0}]}
    alone, pool = (
        GridSearchCV(textwright.TextClassifier("bag"), grid, cv=2, n_jobs=jobs).fit(texts, labels)
        for jobs in (None, 2)
    )
    assert pool.best_params_ == alone.best_params_
    assert np.array_equal(pool.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert set(pool.predict(texts[:5])) <= set(labels)


def test_it_starts_from_a_checkpoint(tmp_path: Path) -> None:
    texts, labels = sample(60)
    start = str(tiny_checkpoint(tmp_path / "encoder"))
    found = textwright.TextClassifier(start=start, settings={"learn.epochs": 1}).fit(texts, labels)
    shares = found.predict_proba(texts[:4])
    assert shares.shape == (4, 2) and np.allclose(shares.sum(axis=1), 1, atol=1e-5)
    found.save(tmp_path / "model")
    again = textwright.TextClassifier.load(tmp_path / "model")
    assert np.allclose(again.predict_proba(texts[:4]), shares, atol=1e-6)
