"""`audit data`: a person's files, looked at row by row before anything is learned from them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from textwright.audit.folder import Audit, make_audit, refuse_foreign, write_audit
from textwright.audit.reading import read_audited
from textwright.audit.registry import chosen
from textwright.audit.release.summary import summary
from textwright.audit.remembered import read_remembered
from textwright.audit.running import Say, run_checks
from textwright.audit.settings import AuditSettings
from textwright.core.records import Note
from textwright.report.audited import render_audit
from textwright.report.data_card import render_data_card
from textwright.report.markdown import README
from textwright.report.words import LANGUAGES


def pages(audit: Audit) -> dict[str, str]:
    """The report and the data card in both languages, by the names of their files."""
    short = summary(audit)
    cards = {README[name]: render_data_card(audit.record, short, name) for name in LANGUAGES}
    return {"report.html": render_audit(audit.record, audit.findings, audit.tables), **cards}


def data(
    paths: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    settings: AuditSettings | None = None,
    *,
    say: Say = lambda note: None,
) -> Audit:
    """Audit one file, or a file to train on with one to test on; the folder of the audit is `out`, if any.

    Rows are taken as they stand, also those that a training would drop or clean. Raises TextwrightError: for
    columns that are not there, an unknown check, or an `out` that holds something else.

    >>> import textwright.audit  # doctest: +SKIP
    >>> found = textwright.audit.data("reviews.csv", "reviews-audit")  # doctest: +SKIP
    >>> found.verdict, [finding["title"] for finding in found.findings]  # doctest: +SKIP
    ('info', ['8 of 600 rows are copies of an earlier row'])
    """
    started = time.monotonic()
    settings = settings or AuditSettings()
    files = [paths] if isinstance(paths, str | Path) else [*paths]
    checks = chosen(settings.checks, "data")
    if out is not None:
        refuse_foreign(Path(out))
    read = read_audited(files, settings)
    for text in read.notes:
        say(Note(text))
    judged = read_remembered(settings.remembered) if settings.remembered else {}
    ran = run_checks(checks, replace(read.data, judged=judged), say)
    more = {"cleaning": read.log.summary(), "seconds": round(time.monotonic() - started, 2)}
    audit = make_audit("data", read.data, ran, settings, more)
    if out is None:
        return audit
    write_audit(audit, Path(out), pages(audit))
    return Audit(audit.about, audit.record, audit.findings, audit.rows, audit.tables, Path(out))
