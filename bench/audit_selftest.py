"""The self-test of the audit at length: every check against its own fault, and against data without any.

    python bench/audit_selftest.py --checks all --seeds 3 --nulls 100

One line a check, made set and rate goes to results/audit_selftest.jsonl. `scripts/render_trust.py` makes the
table of docs/trust.md of them, and the figures that travel with every finding.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

from _record import append, head, new_run
from textwright.audit.base import Check
from textwright.audit.proof.made import Language, clean_for, languages_of
from textwright.audit.proof.selftest import prove
from textwright.audit.registry import CHECKS
from textwright.audit.subject import AuditData


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
    args = parser.parse_args(argv)
    run = new_run()
    for name in list(CHECKS) if args.checks == "all" else args.checks.split(","):
        run_check(name, args.seeds, args.nulls, run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
