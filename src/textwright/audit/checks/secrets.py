"""Keys, tokens and passwords in texts: who reads them can use them."""

from __future__ import annotations

from functools import partial

from textwright.audit.base import Check, Targets
from textwright.audit.checks import personal
from textwright.audit.findings import Finding, Fix, Result
from textwright.audit.personal.finding import SECRETS
from textwright.audit.personal.kinds import KINDS
from textwright.audit.subject import AuditData


def run(data: AuditData) -> Result:
    found = personal.spans_of(data, SECRETS)
    return Result.of(
        [
            Finding(
                "secrets",
                KINDS[kind].severity,
                f"{len(rows):,} of {len(data):,} rows hold secrets: {KINDS[kind].says}",
                subject=kind,
                rows=rows,
                previews=personal.previews(data, found, kind, rows),
                why="who gets the data or the model gets what they open: have them withdrawn",
                limits="found by form alone: an old or made-up one looks the same",
                fixes=(Fix("mask", "put a token in its place", safe=True, params={"kinds": [kind]}),),
                details=personal.details(found, kind),
            )
            for kind, rows in personal.rows_by_kind(found).items()
        ],
        *personal.numbers(data, found),
    )


CHECK = Check(
    id="secrets",
    family="personal",
    says="keys, tokens, passwords and links that hold one",
    run=run,
    plant=partial(personal.plant, check="secrets"),
    null=personal.null,
    rates=(0.01, 0.05),
    targets=Targets(recall=0.98, precision=0.98),
)
