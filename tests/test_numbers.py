"""docs/numbers.md says what was measured: the newest line, means over seeds, times within one run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import render_numbers

PROJECT = Path(__file__).resolve().parent.parent
MACHINE = {"cpu": "Abacus", "cores": 2, "torch": "2.13.0"}


def line(system: str, seed: int = 0, run: str = "a", date: str = "2026-11", **result: Any) -> dict[str, Any]:
    where = {"set": "trec", "task": "classify", "system": system, "seed": seed, "run": run}
    return {"bench": "classify", "commit": "abc", "machine": MACHINE, "date": date, **where, "result": result}


def row(page: str, title: str, start: str = "| trec") -> str:
    """The first row that starts so in the section with this title."""
    section = page.partition(f"## {title}")[2].partition("\n## ")[0]
    return next(text for text in section.splitlines() if text.startswith(start))


def test_the_page_of_this_project_is_up_to_date() -> None:
    assert render_numbers.main(["--check", str(PROJECT)]) == 0


def test_accuracy_is_the_mean_over_seeds_of_the_newest_lines() -> None:
    old = line("ours:bag", 0, date="2026-10", accuracy=0.1)
    page = render_numbers.render([old, line("ours:bag", 0, accuracy=0.8), line("ours:bag", 1, accuracy=0.9)])
    assert row(page, "Accuracy") == "| trec | 85.00 (2) |"
    assert "on Abacus, 2 cores, torch 2.13.0; commits abc." in page


def test_ours_stand_first_and_a_missing_cell_is_empty() -> None:
    other = {**line("fasttext", accuracy=0.5), "set": "sst2"}
    page = render_numbers.render([line("fasttext", accuracy=0.7), line("ours:bag", accuracy=0.8), other])
    assert row(page, "Accuracy", "| set") == "| set | ours:bag | fasttext |"
    assert row(page, "Accuracy", "| sst2") == "| sst2 |  | 50.00 (1) |"


def test_times_are_compared_within_a_run_only() -> None:
    lines = [
        line("fasttext", run="a", train_s=2.0),
        line("ours:bag", 0, run="a", train_s=1.0),
        line("fasttext", run="b", train_s=8.0),
        line("ours:bag", 1, run="b", train_s=1.0),
        line("ours:cnn", 0, run="c", train_s=5.0),
    ]
    page = render_numbers.render(lines)
    # 1/2 and 1/8 have the geometric mean 1/4; the run of cnn had no fastText beside it.
    assert row(page, "Time to train") == "| trec | 0.25 | 8 |"


def test_other_numbers_are_listed_and_nulls_left_out() -> None:
    speed = {**line("", predict_rows_per_s=1000), "bench": "speed"}
    page = render_numbers.render([line("ours:bag", accuracy=0.8, macro_f1=0.75, total_s=None), speed])
    assert row(page, "Other", "| classify") == "| classify | trec | classify | ours:bag | macro_f1 0.75 |"
    assert row(page, "Other", "| speed").endswith("| predict_rows_per_s 1000 |")


def test_counts_are_added_up_over_seeds() -> None:
    kills = [{**line("", seed, equal=20 + seed), "bench": "kill"} for seed in (0, 1)]
    assert "| equal 41 |" in row(render_numbers.render(kills), "Other", "| kill")


def test_a_stale_page_and_a_broken_line_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "docs").mkdir()
    results = tmp_path / "bench" / "results"
    results.mkdir(parents=True)
    assert render_numbers.main([str(tmp_path)]) == 0
    assert "Nothing has been measured yet" in (tmp_path / "docs" / "numbers.md").read_text()
    (results / "classify.jsonl").write_text(json.dumps(line("ours:bag", accuracy=0.8)) + "\n")
    assert render_numbers.main(["--check", str(tmp_path)]) == 1
    assert "run python scripts/render_numbers.py" in capsys.readouterr().err
    assert render_numbers.main([str(tmp_path)]) == render_numbers.main(["--check", str(tmp_path)]) == 0
    (results / "classify.jsonl").write_text("{\n")
    with pytest.raises(ValueError, match=r"classify\.jsonl:1: "):
        render_numbers.main([str(tmp_path)])


def test_the_choice_stands_beside_the_best_peer_of_each_set() -> None:
    def chosen(name: str, system: str, clock: float, **result: float) -> dict[str, Any]:
        found = {**line(system, **result), "bench": "choose", "set": name}
        return {**found, "result": {**result, "of_promise": clock}}

    peers = [
        {**line(system, accuracy=a, macro_f1=f), "set": "csl_category"}
        for system, a, f in (("fasttext", 0.8, 0.5), ("tfidf-lr", 0.7, 0.6))
    ]
    ours = [
        chosen("csl_category", "ours:auto-accuracy-3m", 0.99, accuracy=0.75, macro_f1=0.65),
        chosen("csl_category", "ours:auto-balanced-3m", 1.02, accuracy=0.75, macro_f1=0.62),
    ]
    ours += [
        chosen("trec", "ours:auto-accuracy-0.5m", 0.97, accuracy=0.8, macro_f1=0.7),
        chosen("csl_category", "ours:auto-accuracy-0.5m", 1.01, accuracy=0.8, macro_f1=0.6),
    ]
    page = render_numbers.render([*peers, *ours])
    others = "| ours:auto-accuracy-0.5m | 2 | 0.970 to 1.010 | csl_category 60.00 (1), trec 80.00 (1) |"
    assert row(page, "Choice with other budgets", "| ours") == others
    wanted = "| csl_category (mF1) | 65.00 (1) | 62.00 (1) | tfidf-lr 60.00 (1) | 1.020 |"
    assert row(page, "Choice by measurement", "| csl") == wanted
