"""textwright label"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright import api
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say

app = typer.Typer(add_completion=False)


@app.command()
def label(
    model: Annotated[Path, typer.Argument(help="A model folder.")],
    data: Annotated[
        str, typer.Argument(help="A file with texts in any format that train reads; '-' is standard input.")
    ],
    out: Annotated[Path, typer.Option(help="The .csv file to write, to be filled in.")],
    rows: Annotated[int, typer.Option(help="How many rows to pick.")] = 100,
    text: Annotated[
        str | None, typer.Option(help="Column of the text; that of the training when not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same number picks the same rows.")] = 0,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Pick rows of an unlabelled file to label next: those that the model is unsure of, unlike each other.

    The CSV has an empty column `label` to fill in, and the model's guess beside it. Rows that the model knows
    and copies are left out. A file in which labels were written is never replaced. Filled in, it is data for
    train; rows left empty are dropped and counted.

    Example: textwright label my-model new.csv --out to-label.csv --rows 20
    """
    with guarded(debug, lang):
        picked = api.label(model, data, out, rows=rows, text=text, seed=seed)
        for line in picked.account():
            say(line)
        if picked.rows < rows:
            left = picked.rows
            say(f"warning: {rows:,} rows were asked for, and {left:,} unlike each other are left to label")
        finish(json, picked.to_json(), _page(picked))


def _page(picked: api.Picked) -> str:
    return "\n".join(
        [
            f"{picked.rows:,} of {picked.n:,} rows to label in {picked.out}, picked by {picked.by}",
            "Next: fill in the column label, then "
            f"textwright train {picked.out} --label label --text text --out DIR",
        ]
    )
