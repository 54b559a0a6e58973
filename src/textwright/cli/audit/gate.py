"""textwright audit gate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright.cli.audit.app import app
from textwright.cli.run import CHECK_FAILED, Debug, Json, Lang, finish, guarded, say
from textwright.core.errors import ConfigError

UNDECIDED = 3


@app.command()
def gate(
    audits: Annotated[
        list[Path], typer.Argument(help="Folders of audits: of the data, of the model, or both.")
    ],
    policy: Annotated[
        Path | None, typer.Option(help="What stops a release, in YAML; the packaged one when not given.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="The audit of the last release: nothing may have got worse.")
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="The id of a finding to take on, with --because.")
    ] = None,
    because: Annotated[str, typer.Option(help="Why; it stands on the card.")] = "",
    who: Annotated[str, typer.Option(help="Who says so.")] = "",
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Say whether this may be released: exit code 0 for pass, 1 for fail, 3 for undecided.

    Undecided is what too few rows, or a check that did not run, leave open. It is never a pass unless the
    policy says so.

    Example: textwright audit gate reviews-audit --policy gate.yaml
    """
    with guarded(debug, lang):
        from textwright.audit.release.accepted import accept as take_on
        from textwright.audit.release.gate import gate as hold

        if because and not accept:
            raise ConfigError("--because is for a finding that is accepted", hint="Name it with --accept ID.")
        for name in accept or []:
            take_on(audits, name, because, who)
            say(f"{name} is accepted: {because}")
        found = hold([*audits], policy, against=against)
        finish(
            json, found.to_json(), "\n".join([found.verdict, *(f"- {reason}" for reason in found.reasons)])
        )
        if found.verdict != "pass":
            raise typer.Exit(CHECK_FAILED if found.verdict == "fail" else UNDECIDED)
