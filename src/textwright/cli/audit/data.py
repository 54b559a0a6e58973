"""textwright audit data"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright.cli import options
from textwright.cli.audit.app import app
from textwright.cli.audit.shown import Checks, Set, audit_settings, said, table
from textwright.cli.run import Debug, Json, Lang, finish, guarded


@app.command()
def data(
    data: options.Data,
    out: Annotated[Path | None, typer.Option(help="The folder to write: records, tables, a page.")] = None,
    test: Annotated[Path | None, typer.Option(help="The file to test on, for leaks between the two.")] = None,
    task: options.AnyTask = None,
    text: options.Text = None,
    label: options.Label = None,
    source: options.Source = None,
    target: options.Target = None,
    checks: Checks = None,
    seed: options.Seed = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Audit a person's data: twins, leaks, wrong labels, personal data, shortcuts, groups.

    Nothing is changed: see `textwright audit fix`. Findings name rows by number, and show no
    personal data.

    Example: textwright audit data reviews.csv --out reviews-audit
    """
    with guarded(debug, lang):
        from textwright.audit.of_data import data as audit_data

        settings = audit_settings(
            set_, task=task, text=text, label=label, source=source, target=target, checks=checks, seed=seed
        )
        audit = audit_data([data] if test is None else [data, test], out, settings, say=said)
        finish(json, audit.to_json(), table(audit))
