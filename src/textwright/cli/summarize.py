"""textwright summarize"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textwright import api
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.errors import ConfigError
from textwright.core.files import explained
from textwright.core.settings import parse_assignment
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.rewriting.settings import UNSURE

if TYPE_CHECKING:
    from textwright.tasks.summarizing.files import Summarized

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
            help="short, medium or long (30, 80 or 200 words; of a model that writes as it has learned), or "
            "a number of words; of Chinese: characters."
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
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="How a model that writes looks for summaries: length=short, beams=1."),
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
        opened = api.summarizer(
            model,
            method=method,
            sentences=sentences,
            length=length,
            settings=dict(parse_assignment(entry) for entry in set_ or []),
        )
        done = api.summarize_file(file, out, model=opened, text=text, keep=kept)
        _say_faults(done, file)
        if json:
            finish(True, done.to_json(out or "-"), "")
        elif out not in (None, "-"):
            say(f"{done.n:,} summaries in {out}")
        elif done.summary is not None:
            with explained(Path("standard output")):
                print(done.summary.text.rstrip(), flush=True)


def _say_faults(done: Summarized, file: str) -> None:
    """What a person should know before reading on."""
    for note in done.notes:
        say(note)
    if done.num_unreadable:
        say(f"rows that could not be read, and have no summary: {done.num_unreadable:,}; the first:")
        say(f"{file}, {done.first_unreadable}")
    if done.num_unsure:
        say(
            f"summaries to look at first, whose confidence is below {UNSURE}: "
            f"{done.num_unsure:,} of {done.n:,}"
        )


def _places(data: list[str]) -> tuple[Path | None, str]:
    """The folder of a model, where there is one, and the file. Raises ConfigError."""
    if len(data) > 2:
        raise ConfigError(
            f"one file is summarized at a time, got {len(data)} names", hint="Give one FILE, or DIR and FILE."
        )
    return (None if len(data) == 1 else Path(data[0])), data[-1]
