"""textwright translate"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright import api
from textwright.cli import options
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.settings import parse_assignment
from textwright.runtime.cpu import choose_waiting

app = typer.Typer(add_completion=False)


@app.command()
def translate(
    model: Annotated[Path, typer.Argument(help="A model folder.")],
    data: Annotated[str, typer.Argument(help="A document, or a table; '-' is standard input.")],
    out: Annotated[
        str, typer.Option(help="The file to write: a document, or .jsonl or .csv; '-' is standard output.")
    ] = "-",
    text: options.Text = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="How answers are looked for, such as beams=1.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Translate a document, whose lines, blanks and code stay as they are, or each row of a table.

    Example: textwright translate en-zh notes.md --out notes.zh.md
    """
    with guarded(debug, lang):
        choose_waiting()  # before torch is imported
        settings = dict(parse_assignment(entry) for entry in set_ or [])
        done = api.translate_file(model, data, out, settings, text=text)
        if out != "-":
            say(f"{done.n:,} texts translated: {out}")
        finish(json, {"n": done.n, "out": done.out}, "")
