"""textwright inspect"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from textwright import api
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.runtime.cpu import choose_waiting

app = typer.Typer(add_completion=False)


@app.command()
def inspect(
    model: Annotated[Path, typer.Argument(help="The folder of a language model.")],
    text: Annotated[str, typer.Option(help="The text to read.")],
    out: Annotated[Path, typer.Option(help="The .html page to write.")],
    at: Annotated[
        list[int] | None,
        typer.Option(help="A token to show what was expected at, counted from 1; as many as you like."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Show how a language model reads a text: what it expects, where it looks, what it takes for alike.

    The page has every token with its bits, the likeliest tokens at the last places, or at those of --at, the
    attention of every head, and the nearest tokens by their vectors. It needs no network.

    Example: textwright inspect my-language --text "Once upon a time" --out reading.html
    """
    with guarded(debug, lang):
        choose_waiting()  # before torch is imported
        found = api.inspect(model, text, out, at=at or ())
        for note in found.notes:
            say(note)
        finish(json, found.to_json(), _page(found.out, found.record))


def _page(out: Path, record: dict[str, Any]) -> str:
    count, right = len(record["tokens"]), record["num_likeliest"]
    by_token, by_byte = record["bits_per_token"], record["bits_per_byte"]
    each = f"{by_token:.2f} bits a token"
    if by_byte is not None:
        each = f"{by_token:.2f} bits a token, {by_byte:.3f} a byte"
    return f"{count:,} tokens, {right:,} of them the likeliest: {each}\nAll in {out}"
