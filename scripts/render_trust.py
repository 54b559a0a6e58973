"""Renders the table of docs/trust.md, and the package's figures, from bench/results/audit_selftest.jsonl.

    python scripts/render_trust.py [--check]

Of each check what was planted, found and falsely found, with intervals; written between the two marks. The
worst of each check goes to src/textwright/audit/proof/figures.json: it travels with every finding, and
switches off a check whose null controls fail.
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
FIGURES = PROJECT / "src" / "textwright" / "audit" / "proof" / "figures.json"
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


def worst(lines: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Of each check the lowest recall and precision, the most false alarms, and if these are too many."""
    found: dict[str, dict[str, Any]] = {}
    for line in newest(lines):
        result = line["result"]
        nothing = {"recall": None, "precision": None, "false_alarm_rate": 0.0, "is_noisy": False}
        own = found.setdefault(line["system"], nothing)
        for key in ("recall", "precision"):
            if result[key] is not None:
                own[key] = round(min(result[key], 1.0 if own[key] is None else own[key]), 4)
        own["false_alarm_rate"] = max(own["false_alarm_rate"], round(result["false_alarm_rate"], 4))
        limit = result["targets"]["false_alarms"] or 0
        own["is_noisy"] = own["is_noisy"] or result["false_alarm_interval"][0] > limit
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail when the page is not that of the results")
    asked = parser.parse_args(arguments)
    lines = RESULTS.read_text(encoding="utf-8").splitlines()
    fresh = {
        PAGE: rendered(PAGE.read_text(encoding="utf-8"), lines),
        FIGURES: json.dumps(worst(lines), indent=1) + "\n",
    }
    if asked.check:
        return int(any(path.read_text(encoding="utf-8") != text for path, text in fresh.items()))
    for path, text in fresh.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
