"""How long audits take, and what memory: near twins of a million short rows, checks of 100,000, intervals.

    python bench/audit.py --part near_twins

Rows are made of words drawn by Zipf's law, about 19 characters each; a hundredth of them are near copies.
Each language runs in a process of its own; reading is not counted, folding the texts is.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from _record import append, head, new_run, run_child

WORDS = 20_000
NEAR = 0.01  # share of the rows that are near copies of others
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
Result = dict[str, Any]


def short_rows(language: str, rows: int, rng: np.random.Generator) -> list[str]:
    """Texts of about 19 characters: nine words of two Han characters, or four of Latin letters."""
    if language == "zh":
        letters, lengths, per_row, glue = [chr(0x4E00 + i) for i in range(3_000)], (2, 3), 9, ""
    else:
        letters, lengths, per_row, glue = [*LETTERS], (2, 8), 4, " "
    odds = _zipf(len(letters), 0.7)
    words = ["".join(rng.choice(letters, int(rng.integers(*lengths)), p=odds)) for _ in range(WORDS)]
    drawn = rng.choice(WORDS, (rows, per_row), p=_zipf(WORDS, 0.7)).tolist()
    return [glue.join(words[i] for i in row) for row in drawn]


def _zipf(count: int, power: float) -> np.ndarray:
    odds: np.ndarray = np.arange(1, count + 1.0) ** -power
    return odds / odds.sum()


def near_twins(language: str, rows: int) -> Result:
    from textwright.audit.checks.near_twins import edit
    from textwright.audit.registry import CHECKS
    from textwright.audit.subject import AuditData

    rng = np.random.default_rng(0)
    copies = round(NEAR * rows)
    texts = short_rows(language, rows - copies, rng)
    texts += [edit(text, 0.05, rng) for text in texts[:copies]]
    data = AuditData("text", texts, np.arange(2, rows + 2))
    before, wall = time.process_time(), time.perf_counter()
    result = CHECKS.get("near_twins")(data)
    return {
        "rows": rows,
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - before, 2),
        "found": result.numbers["near_twins"],
        "planted_found": round(float(np.isin(np.arange(rows - copies, rows), result.flagged).mean()), 4),
    }


def whole(language: str, rows: int) -> Result:
    """Every check of data that applies, on a tenth of the rows, with two labels and a licence."""
    from dataclasses import replace

    from textwright.audit.registry import chosen
    from textwright.audit.running import run_checks
    from textwright.audit.subject import AuditData

    rng = np.random.default_rng(1)
    count = rows // 10
    texts = short_rows(language, count, rng)
    labels = [("one",) if text[0] < text[1] else ("other",) for text in texts]
    data = AuditData("classify", texts, np.arange(2, count + 2), labels)
    data = replace(data, columns={"licence": ["CC-BY-4.0"] * count})
    wall, cpu = time.perf_counter(), time.process_time()
    ran = run_checks(chosen("all", "data"), data)
    return {
        "rows": count,
        "checks": sum(one.result.status in ("found", "clean") for one in ran),
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "slowest": max(ran, key=lambda one: one.seconds).check.id,
    }


def intervals(language: str, rows: int) -> Result:
    """Gaps of 8 groups by 2 metrics, with intervals and tests; the language says nothing here."""
    from textwright.measure.groups import group_gaps

    rng = np.random.default_rng(2)
    truth, answered = rng.random(rows) < 0.3, rng.random(rows) < 0.3
    members = np.eye(8, dtype=np.bool_)[rng.integers(8, size=rows)]
    import scipy.stats  # noqa: F401  # not counted

    wall = time.perf_counter()
    found = group_gaps(truth, answered, members, [f"group {i}" for i in range(8)], ("tpr", "fpr"))
    return {"rows": rows, "tests": found.tests, "seconds": round(time.perf_counter() - wall, 3)}


PARTS: dict[str, Callable[[str, int], Result]] = {
    "near_twins": near_twins,
    "whole": whole,
    "intervals": intervals,
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", default=",".join(PARTS), help=f"by commas: {', '.join(PARTS)}")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dry", action="store_true", help="print, and record nothing")
    parser.add_argument("--only", help=argparse.SUPPRESS)  # the language, in a child
    args = parser.parse_args(argv)
    if args.only:
        print(json.dumps(PARTS[args.part](args.only, args.rows)))
        return 0
    run = new_run()
    for part in args.part.split(","):
        for language in ("en", "zh"):
            beginning = head("audit", f"python bench/audit.py --part {part} --rows {args.rows}", run)
            mine = ["--part", part, "--rows", str(args.rows), "--only", language]
            child = run_child([sys.executable, Path(__file__), *mine])
            if child.code:
                print(f"{part} {language}: {child.complaint()}", file=sys.stderr)
                return 1
            result = {**json.loads(child.stdout), "peak_mb": round(child.peak_mb, 1)}
            if not args.dry:
                append({**beginning, "seed": 0, "set": language, "system": part, "result": result})
            print(part, language, result, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
