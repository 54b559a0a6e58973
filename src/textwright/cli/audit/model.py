"""textwright audit model"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright.cli import options
from textwright.cli.audit.app import app
from textwright.cli.audit.shown import Checks, Set, audit_settings, said, table
from textwright.cli.run import Debug, Json, Lang, finish, guarded
from textwright.runtime.cpu import choose_waiting


@app.command()
def model(
    model: Annotated[Path, typer.Argument(help="A model folder.")],
    data: Annotated[str, typer.Option(help="The labelled file to ask it about, unseen by the model.")],
    out: Annotated[Path | None, typer.Option(help="The folder to write: records, tables, a page.")] = None,
    text: options.Text = None,
    label: options.Label = None,
    checks: Checks = None,
    seed: options.Seed = None,
    set_: Set = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Audit a model's answers: groups of people, slices, swaps of terms, calibration.

    Groups are columns of the file, a lexicon or a file of terms: --set groups=lexicon:en.

    Example: textwright audit model my-model --data test.csv --set groups=gender
    """
    with guarded(debug, lang):
        choose_waiting()  # before torch is imported, where it is
        from textwright.audit.of_model import model as audit_model

        settings = audit_settings(set_, text=text, label=label, checks=checks, seed=seed)
        audit = audit_model(model, data, out, settings, say=said)
        score = audit.record["scores"]["accuracy"]
        line = f"accuracy {score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"
        finish(json, audit.to_json(), f"{line}\n{table(audit)}")
