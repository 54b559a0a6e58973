"""textwright translate"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textwright import api
from textwright.cli import options
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.settings import parse_assignment
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.rewriting.settings import UNSURE

if TYPE_CHECKING:
    from textwright.tasks.rewriting.files import Written

app = typer.Typer(add_completion=False)

# Characters of a sentence that is shown.
_SHOWN = 80


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
        _say_faults(done)
        if json:
            record = {"n": done.n, "out": done.out, "cut": done.num_cut, "kept": done.num_kept}
            record["unsure"] = done.num_unsure
            finish(True, record, "")
        elif out != "-":
            say(f"{done.n:,} texts translated: {out}")


def _say_faults(done: Written) -> None:
    """What is no whole translation."""
    if done.language:
        say(
            f"warning: the texts are in another language ({done.language}) than the model has learned to read"
        )
    if done.num_cut:
        say(
            f"translations that were cut before their end: {done.num_cut:,} of {done.n:,} "
            "(--set max_tokens=N lets them be longer)"
        )
    if done.num_unsure:
        say(
            f"translations to look at first, whose confidence is below {UNSURE}: "
            f"{done.num_unsure:,} of {done.n:,}"
        )
    if done.num_kept:
        say(
            f"sentences that stand as they were, as their translation was empty or would have changed the "
            f"form of the document: {done.num_kept:,} of {done.n:,}; the first:"
        )
        first = done.first_kept
        say(first if len(first) <= _SHOWN else f"{first[: _SHOWN - 1]}…")
