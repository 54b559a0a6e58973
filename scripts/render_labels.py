"""Draws the figure of the guide on few labels, docs/pictures/few-labels.svg, from what was measured.

    python scripts/render_labels.py [--check]

Accuracy by labelled rows, with texts without labels and without them, one set a colour; means over seeds.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from textwright.report.charts import line_chart
from textwright.report.figures import figure

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "bench" / "results" / "unlabelled.jsonl"
PICTURE = PROJECT / "docs" / "pictures" / "few-labels.svg"
TITLE = "Accuracy by labelled rows, with texts without labels and without"
_SYSTEM = re.compile(r"ours:(with|without)-texts-(\d+)-\d+m$")

Curves = dict[tuple[str, str], dict[int, dict[int, float]]]


def curves(lines: Sequence[str]) -> Curves:
    """By set and kind, by rows, by seed; the newest line counts."""
    found: Curves = {}
    for line in map(json.loads, lines):
        if match := _SYSTEM.match(line["system"]):
            kind, rows = match[1], int(match[2])
            place = found.setdefault((line["set"], kind), {}).setdefault(rows, {})
            place[line["seed"]] = line["result"]["accuracy"]
    return found


def drawn(lines: Sequence[str]) -> str:
    series = []
    for (name, kind), by_rows in sorted(curves(lines).items()):
        points = [(float(n), sum(v.values()) / len(v)) for n, v in sorted(by_rows.items())]
        series.append((f"{name}, {kind} texts", points, points if kind == "with" else []))
    chart = line_chart(series, x="labelled rows", y="accuracy", share=True)
    return "" if chart is None else figure(chart, TITLE) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--check", action="store_true", help="fail when the picture is not the one of the results"
    )
    asked = parser.parse_args(arguments)
    picture = drawn(RESULTS.read_text(encoding="utf-8").splitlines())
    if asked.check:
        return int(PICTURE.read_text(encoding="utf-8") != picture)
    PICTURE.write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
