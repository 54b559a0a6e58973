"""textwright card"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright import api
from textwright.cli.run import Debug, Json, finish, guarded
from textwright.core.errors import ConfigError

app = typer.Typer(add_completion=False)


@app.command()
def card(
    model: Annotated[Path, typer.Argument(help="A model folder.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="What only a person can say: intended_use=text, license=mit and others."),
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option(help="Language of the messages, and that the report opens in; the cards are in both."),
    ] = None,
    audit: Annotated[
        list[Path] | None, typer.Option(help="The folder of an audit of the data or the model.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a card that was changed by hand.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the report and the cards of a model folder again.

    Example: textwright card my-model --set "intended_use=Sorting our support mail"
    """
    with guarded(debug, None if lang == "both" else lang):
        done = api.card(model, _stated(set_), overwrite=overwrite, audits=audit or [])
        finish(json, done.to_json(), _page(done))


def _stated(assignments: list[str] | None) -> dict[str, str]:
    found = {}
    for text in assignments or []:
        key, mark, value = text.partition("=")
        if not mark:
            raise ConfigError(f"--set {text}: expected field=text", hint="Example: --set license=mit")
        found[key.strip()] = value.strip()
    return found


def _page(done: api.Carded) -> str:
    lines = [f"{len(done.files)} files in {done.out}: {', '.join(done.files)}"]
    if done.not_assessed:
        lines.append(f"not assessed yet: {', '.join(done.not_assessed)} (--set FIELD=TEXT)")
    return "\n".join(lines)
