"""textwright export"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright import api
from textwright.cli.run import Debug, Json, Lang, finish, guarded
from textwright.core.settings import parse_assignment
from textwright.runtime.cpu import choose_waiting

app = typer.Typer(add_completion=False)


@app.command()
def export(
    model: Annotated[Path, typer.Argument(help="A model folder.")],
    to: Annotated[str, typer.Option(help="The format: ctranslate2.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="quantization=float32; int8 when not given."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Write a model in another format, checked for equal answers on real rows.

    Example: textwright export en-zh --to ctranslate2 --out en-zh-quick
    """
    with guarded(debug, lang):
        choose_waiting()  # before torch is imported
        made = api.export(model, out, to, dict(parse_assignment(entry) for entry in set_ or []))
        text = (
            f"{made.format}: {made.bytes / 1e6:.1f} MB in {made.seconds:.1f} s\n"
            f"{made.parity.changed_greedy:,} of {made.parity.rows:,} answers are other ones; "
            f"log-probabilities differ by {made.parity.mean_difference:.2g} on average, "
            f"{made.parity.max_difference:.2g} at most"
        )
        finish(json, made.to_json(), text)
