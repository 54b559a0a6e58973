"""textwright audit selftest"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from textwright.cli.audit.app import app
from textwright.cli.audit.shown import Checks, Set, audit_settings, said
from textwright.cli.run import CHECK_FAILED, Debug, Json, Lang, finish, guarded


@app.command()
def selftest(
    data: Annotated[
        str | None, typer.Argument(help="A file of yours to plant faults in; made texts when not given.")
    ] = None,
    checks: Checks = None,
    seeds: Annotated[int, typer.Option(min=1, help="How often each fault is planted, at each rate.")] = 3,
    nulls: Annotated[int, typer.Option(min=1, help="How many times there is nothing to find.")] = 10,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Prove the checks: plant each fault, see whether it is found, and whether anything is found without it.

    Ends with exit code 1 where a check falls short. Your file is read and never changed.

    Example: textwright audit selftest reviews.csv --checks exact_twins
    """
    with guarded(debug, lang):
        from textwright.audit.proof.selftest import selftest as prove_all

        settings = audit_settings(set_, checks=checks)
        found = prove_all(data, settings, seeds=seeds, nulls=nulls, say=said)
        record = found.to_json()
        finish(json, record, _table(record))
        if not found.passed:
            raise typer.Exit(CHECK_FAILED)


def _table(record: dict[str, Any]) -> str:
    lines = [f"{'check':18} {'planted in':10} {'rate':>6}  recall  precision  false alarms"]
    for row in record["checks"]:
        recall, precision = (
            "–" if row[key] is None else f"{row[key]:.3f}" for key in ("recall", "precision")
        )
        alarms = f"{row['false_alarm_rate']:.2f} of {row['nulls']}"
        mark = "" if row["passed"] else "  falls short"
        lines.append(
            f"{row['check']:18} {row['on']:10} {row['rate']:6g}  {recall:>6}  {precision:>9}  {alarms}{mark}"
        )
    lines += [f"{row['check']}: not tried: {row['why']}" for row in record["skipped"]]
    return "\n".join(lines)
