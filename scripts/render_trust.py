"""Renders the table of docs/trust.md from bench/results/audit_selftest.jsonl.

    python scripts/render_trust.py [--check]

Of each check what was planted, found and falsely found, with intervals; written between the two marks.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textwright.audit.registry import CHECKS

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = PROJECT / "bench" / "results" / "audit_selftest.jsonl"
PAGE = PROJECT / "docs" / "trust.md"
START, END = "<!-- rendered: self-test -->", "<!-- end -->"
HEAD = (
    "| check | made set | rate | recall | precision | false alarms | target | met |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def newest(lines: Sequence[str]) -> list[dict[str, Any]]:
    """The last line of each check, set and rate, in the order of the registry."""
    order = {name: place for place, name in enumerate(CHECKS)}
    found = {
        (line["system"], line["set"], line["result"]["rate"]): line
        for line in map(json.loads, lines)
        if line["system"] in order
    }
    return [found[key] for key in sorted(found, key=lambda key: (order[key[0]], key[1], key[2]))]


def table(lines: Sequence[str]) -> str:
    return HEAD + "".join(map(_row, newest(lines)))


def _row(line: dict[str, Any]) -> str:
    result, targets = line["result"], line["result"]["targets"]
    wanted = [f"{name} ≥ {targets[name]:g}" for name in ("recall", "precision") if targets[name] is not None]
    cells = [
        line["system"],
        line["set"],
        f"{result['rate']:g}",
        _share(result["recall"], result["recall_interval"]),
        _share(result["precision"], result["precision_interval"]),
        f"{round(result['false_alarm_rate'] * result['nulls'])} of {result['nulls']}",
        ", ".join([*wanted, f"alarms ≤ {targets['false_alarms']:g}"]),
        "yes" if result["passed"] else "**no**",
    ]
    return "| " + " | ".join(cells) + " |\n"


def _share(value: float | None, ends: Sequence[float] | None) -> str:
    return "–" if value is None or ends is None else f"{value:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"


def rendered(page: str, lines: Sequence[str]) -> str:
    """The page with the table between its marks."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table(lines)}{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail when the page is not that of the results")
    asked = parser.parse_args(arguments)
    page = PAGE.read_text(encoding="utf-8")
    fresh = rendered(page, RESULTS.read_text(encoding="utf-8").splitlines())
    if asked.check:
        return int(page != fresh)
    PAGE.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
