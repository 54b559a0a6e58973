"""docs/how-to/few-labels.md: its figure is that of the results, and both pages show the same numbers."""

from __future__ import annotations

import json
import re

import render_labels

PAGES = [render_labels.PROJECT / "docs" / "how-to" / part for part in ("few-labels.md", "zh/few-labels.md")]


def test_the_picture_is_up_to_date() -> None:
    assert render_labels.main(["--check"]) == 0, "run scripts/render_labels.py"


def test_the_newest_line_of_a_seed_counts_and_seeds_are_averaged() -> None:
    where = {"set": "a", "system": "ours:with-texts-200-1m"}
    lines = [(0, 0.5), (0, 0.7), (1, 0.9)]
    found = render_labels.curves(
        [json.dumps({**where, "seed": seed, "result": {"accuracy": value}}) for seed, value in lines]
    )
    assert found == {("a", "with"): {200: {0: 0.7, 1: 0.9}}}


def test_both_pages_show_the_numbers_of_the_results() -> None:
    found = render_labels.curves(render_labels.RESULTS.read_text(encoding="utf-8").splitlines())
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert "pictures/few-labels.svg" in text
        rows = re.findall(r"^\| (\w+) \| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \|", text, re.MULTILINE)
        assert len(rows) == 6
        for name, labels, without, with_texts in rows:
            for kind, shown in (("without", without), ("with", with_texts)):
                runs = found[name, kind][int(labels.replace(",", ""))].values()
                assert f"{100 * sum(runs) / len(runs):.1f}" == shown, (name, labels, kind)
