"""textwright predict"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright import api
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say

app = typer.Typer(add_completion=False)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A model folder.")],
    data: Annotated[
        str, typer.Argument(help="A file with texts in any format that train reads; '-' is standard input.")
    ],
    out: Annotated[
        str, typer.Option(help="A .jsonl or .csv file; '-' is JSON lines on standard output.")
    ] = "-",
    text: Annotated[
        str | None, typer.Option(help="Column of the text; that of the training when not given.")
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Add the probability of every label.")
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(
            help="Add the tokens of each text with what they speak for: gradient, integrated, occlusion or "
            "attention.",
            metavar="METHOD",
        ),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(help="Columns to keep beside each answer, such as id,date; 'all' for all but the text."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Answer for every row of a file: same order, same count.

    Example: textwright predict my-model new.csv --out answers.csv
    """
    with guarded(debug, lang):
        kept = [name.strip() for name in keep.split(",")] if keep else []
        done = api.predict(
            model, data, out, text=text, probabilities=probabilities, explain=explain, keep=kept
        )
        if done.num_unreadable:
            say(f"rows that could not be read, and have no label: {done.num_unreadable:,}; the first:")
            say(f"{data}, {done.first_unreadable}")
        if done.num_rejected is not None:
            say(f"the model does not know, and gives no label, for {done.num_rejected:,} of {done.n:,} rows")
        if json:
            rejected = {} if done.num_rejected is None else {"rejected": done.num_rejected}
            finish(True, {"n": done.n, "out": out, "unreadable": done.num_unreadable, **rejected}, "")
        elif out != "-":
            say(f"{done.n:,} answers in {out}")
