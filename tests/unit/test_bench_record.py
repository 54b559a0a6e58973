"""Result lines, kept predictions, children and comparisons of the benchmarks, against hand-made cases."""

from __future__ import annotations

import csv
import gzip
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BENCH = REPOSITORY / "bench"


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("_record")


@pytest.fixture
def comparing(record: ModuleType) -> ModuleType:
    return importlib.import_module("_compare")


def test_results_are_appended_and_read_in_order(record: ModuleType, tmp_path: Path) -> None:
    lines = [{"bench": "x", "set": "酒店", "result": {"accuracy": value}} for value in (0.5, 0.75)]
    for line in lines:
        record.append(line, tmp_path / "results")
    assert record.read_results("x", tmp_path / "results") == lines
    assert record.read_results("y", tmp_path / "results") == []
    with pytest.raises(ValueError):
        record.append({"bench": "x", "result": {"mse": float("nan")}}, tmp_path / "results")
    assert len(record.read_results("x", tmp_path / "results")) == 2


def test_kept_predictions_are_checked_by_hash(record: ModuleType, tmp_path: Path) -> None:
    path, predictions = tmp_path / "kept" / "a.txt.gz", ["好", "", "not good", "\u2028"]
    digest = record.keep_predictions(path, predictions)
    os.utime(path, (0, 0))
    assert record.keep_predictions(tmp_path / "b.txt.gz", predictions) == digest
    assert record.read_predictions(path, digest) == predictions
    record.keep_predictions(path, predictions[::-1])
    with pytest.raises(ValueError, match=r"a\.txt\.gz is missing or not that of its result line"):
        record.read_predictions(path, digest)
    with pytest.raises(ValueError, match="line break"):
        record.keep_predictions(path, ["two\nlines"])


def test_child_is_measured(record: ModuleType) -> None:
    small = record.run_child([sys.executable, "-c", "print('out')"])
    large = record.run_child([sys.executable, "-c", "x = bytearray(b'1') * (300 << 20)"])
    assert (small.code, small.stdout) == (0, "out\n")
    assert 300 < large.peak_mb < 300 + 2 * small.peak_mb
    failed = record.run_child([sys.executable, "-c", "import sys; sys.exit('what\\nto do')"])
    assert failed.complaint() == "exit code 1: what | to do"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors can be taken away on Linux only")
def test_child_gets_fewer_processors(record: ModuleType) -> None:
    before = os.sched_getaffinity(0)
    child = record.run_child([sys.executable, "-c", "import os; print(len(os.sched_getaffinity(0)))"], cpus=1)
    assert child.stdout == "1\n"
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_commit_is_dirty_by_code_not_by_results(record: ModuleType, tmp_path: Path) -> None:
    assert record.commit(tmp_path) == "unknown"
    (tmp_path / "code.py").write_text("a = 1\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    clean = record.commit(tmp_path)
    assert 7 <= len(clean) < 41 and "-" not in clean
    record.append({"bench": "x"}, tmp_path / "bench" / "results")
    assert record.commit(tmp_path) == clean
    (tmp_path / "code.py").write_text("a = 2\n")
    assert record.commit(tmp_path) == f"{clean}-dirty"


def test_columns_are_read_as_they_stand(record: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "dev.csv.gz"
    path.write_bytes(gzip.compress('\ufefftext,label\n"two\nlines, one row",NA\nb,\n'.encode()))
    assert record.read_column(path, "text") == ["two\nlines, one row", "b"]
    assert record.read_column(path, "label") == ["NA", ""]
    with pytest.raises(ValueError, match="no column 'score', only text, label"):
        record.read_column(path, "score")


def test_scores_of_predictions(comparing: ModuleType) -> None:
    # F1 of a: 2 x 2 right / (2 true + 3 predicted); of b: 0; of c, which only occurs in a prediction: 0
    scores = comparing.scores_of("classify", ["a", "b", "a", "b"], ["a", "a", "a", "c"])
    assert scores == pytest.approx({"accuracy": 0.5, "macro_f1": (2 * 2 / 5 + 0 + 0) / 3})
    graded = comparing.scores_of("score", ["1", "2", "4"], ["2", "3.0", "5"])
    assert graded == pytest.approx({"mse": 1.0, "pearson": 1.0, "spearman": 1.0})


def test_newest_line_of_each_seed_is_compared(
    comparing: ModuleType, record: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "PREDICTIONS", tmp_path)
    truth, lines = ["a"] * 8, []
    cells = [("ours:x", 0, 2), ("ours:x", 0, 8), ("ours:x", 1, 6), ("tfidf-lr", 0, 1)]
    for system, seed, num_right in cells:
        kept = ["a"] * num_right + ["b"] * (8 - num_right)
        digest = record.keep_predictions(record.predictions_path("s", "classify", system, seed), kept)
        cell = {"set": "s", "task": "classify", "system": system, "seed": seed}
        lines.append({**cell, "predictions_sha256": digest})
    monkeypatch.setattr(comparing, "read_results", lambda bench: lines)
    ours, peer = ((name, comparing.outcomes("s", "classify", name, truth)) for name in ("ours:x", "tfidf-lr"))
    assert {seed: right.sum() for seed, right in ours[1].items()} == {0: 8, 1: 6}
    line = comparing.paired_line("classify", ours, peer)
    assert "ours:x 0.8750 (runs: 2) - tfidf-lr 0.1250 (runs: 1) = +0.7500 [" in line
    assert "McNemar 0: p 0.0156 (+7 -0), 1: p 0.0625 (+5 -0)" in line
    lines.append({**lines[1], "predictions_sha256": "other"})
    with pytest.raises(ValueError, match="run the cell again"):
        comparing.outcomes("s", "classify", "ours:x", truth)


def test_ours_times_the_fit_inside_the_whole(record: ModuleType, tmp_path: Path) -> None:
    sample = REPOSITORY / "src/textwright/sample/reviews.en.csv"
    texts, labels = record.read_column(sample, "text"), record.read_column(sample, "label")
    for name, rows in (("train", slice(0, 200)), ("dev", slice(200, 230))):
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["text", "label"])
            table.writerows(zip(texts[rows], labels[rows], strict=True))
    files = [tmp_path / "train.csv", tmp_path / "dev.csv", "--out", tmp_path / "out.csv"]
    child = record.run_child([sys.executable, BENCH / "_ours.py", "bag", *files])
    assert child.code == 0, child.stderr
    times = json.loads(child.stdout.splitlines()[-1])
    assert 0 < times["train_s"] < times["total_s"] < child.seconds
    assert set(record.read_column(tmp_path / "out.csv", "prediction")) <= set(labels)
    assert len(record.read_column(tmp_path / "out.csv", "prediction")) == 30
