"""The self-test of the audit at length: every check against its own fault, and against data without any.

    python bench/audit_selftest.py --checks all --seeds 3 --nulls 100
    python bench/audit_selftest.py --figures

One line a check, made set and rate goes to results/audit_selftest.jsonl. `--figures` runs nothing: it writes
the worst of each check to src/textwright/audit/proof/figures.json, which travels with every finding and
switches off a check whose null controls fail. `scripts/render_trust.py` makes the table of docs/trust.md of
the same lines.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from _record import BENCH, append, head, new_run, read_results
from textwright.audit.base import Check
from textwright.audit.proof.made import Language, clean_for, languages_of
from textwright.audit.proof.selftest import prove
from textwright.audit.registry import CHECKS
from textwright.audit.subject import AuditData

FIGURES = BENCH.parent / "src" / "textwright" / "audit" / "proof" / "figures.json"


def newest(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last word on each check, set and rate, of checks that there are."""
    found = {(line["system"], line["set"], line["result"]["rate"]): line for line in lines}
    order = {name: place for place, name in enumerate(CHECKS)}
    known = [line for line in found.values() if line["system"] in order]
    return sorted(known, key=lambda line: (order[line["system"]], line["set"], line["result"]["rate"]))


def worst(lines: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
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


def _clean(check: Check, language: Language, seed: int) -> AuditData:
    return clean_for(check, language, seed=seed)


def run_check(name: str, seeds: int, nulls: int, run: str) -> None:
    check = CHECKS.get(name)
    flags = f"--checks {name} --seeds {seeds} --nulls {nulls}"
    for language in languages_of(check):
        for proof in prove(
            check,
            language,
            partial(_clean, check, language),
            seeds=seeds,
            nulls=nulls,
        ):
            record = proof.to_json()
            if proof.why:
                print(f"{name:18} {language:4} not tried: {proof.why}", flush=True)
                continue
            place = {"seed": 0, "set": language, "task": f"rate {proof.rate:g}", "system": name}
            append(
                {
                    **head("audit_selftest", f"python bench/audit_selftest.py {flags}", run),
                    **place,
                    "result": record,
                }
            )
            shown = {k: record[k] for k in ("rate", "recall", "precision", "false_alarm_rate", "passed")}
            print(f"{name:18} {language:4} {shown}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checks", default="all", help="ids by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--nulls", type=int, default=100)
    parser.add_argument("--figures", action="store_true")
    args = parser.parse_args(argv)
    if args.figures:
        found = worst(read_results("audit_selftest"))
        Path(FIGURES).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return 0
    run = new_run()
    for name in list(CHECKS) if args.checks == "all" else args.checks.split(","):
        run_check(name, args.seeds, args.nulls, run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
