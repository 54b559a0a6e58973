"""textwright summarize"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright import api
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.errors import ConfigError
from textwright.core.files import explained
from textwright.runtime.cpu import choose_waiting

app = typer.Typer(add_completion=False)


@app.command()
def summarize(
    data: Annotated[
        list[str],
        typer.Argument(
            help="A document (.txt, .md), a table with a text a row, or '-' for standard input; before it, "
            "where you have one, the folder of a model.",
            metavar="[DIR] FILE",
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            help="Where to write: of a document a text, .csv or .jsonl, of a table .csv or .jsonl. Standard "
            "output when not given."
        ),
    ] = None,
    length: Annotated[
        str | None,
        typer.Option(
            help="short, medium or long (30, 80 or 200 words), or a number of words; of Chinese: characters."
        ),
    ] = None,
    sentences: Annotated[
        int | None, typer.Option(help="Sentences at most (3, where no length is given either).")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(help="textrank, bm25, early, centroid, lead, longest or random (textrank)."),
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Column of the text in a table; guessed when not given.")
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            help="Columns to keep beside each summary, such as id,date; 'all' for all but the text."
        ),
    ] = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Pick the sentences of a document, or of each row of a table, that tell the most, in their order.

    It needs no model and no training. Sentences are taken as they stand, and a text that is short already
    comes back as it is.

    Example: textwright summarize books/a.txt --length short

    Example: textwright summarize reviews.csv --out summaries.csv --sentences 1
    """
    with guarded(debug, lang):
        model, file = _places(data)
        if model is not None:
            choose_waiting()  # before torch is imported, where it is
        kept = [name.strip() for name in keep.split(",")] if keep else []
        done = api.summarize_file(
            file, out, model=model, method=method, sentences=sentences, length=length, text=text, keep=kept
        )
        if done.num_unreadable:
            say(f"rows that could not be read, and have no summary: {done.num_unreadable:,}; the first:")
            say(f"{file}, {done.first_unreadable}")
        if json:
            finish(True, done.to_json(out or "-"), "")
        elif out not in (None, "-"):
            say(f"{done.n:,} summaries in {out}")
        elif done.summary is not None:
            with explained(Path("standard output")):
                print(done.summary.text.rstrip(), flush=True)


def _places(data: list[str]) -> tuple[Path | None, str]:
    """The folder of a model, where there is one, and the file. Raises ConfigError."""
    if len(data) > 2:
        raise ConfigError(
            f"one file is summarized at a time, got {len(data)} names", hint="Give one FILE, or DIR and FILE."
        )
    return (None if len(data) == 1 else Path(data[0])), data[-1]
