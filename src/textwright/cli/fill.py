"""textwright fill"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright import api
from textwright.cli.run import Debug, Json, Lang, finish, guarded
from textwright.runtime.cpu import choose_waiting

app = typer.Typer(add_completion=False)


@app.command()
def fill(
    model: Annotated[Path, typer.Argument(help="The folder of a language model that fills gaps.")],
    text: Annotated[list[str], typer.Option(help="A text with [MASK] in the place of each missing token.")],
    most: Annotated[int, typer.Option(min=1, help="Tokens, or spans, to show for each gap.")] = 5,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Fill the gaps of texts with a language model that learned to: masked, hybrid or denoise.

    Example: textwright fill my-gaps --text "a [MASK] day"
    """
    with guarded(debug, lang):
        choose_waiting()  # before torch is imported
        found = api.fill(model, text, most=most)
        lines = []
        for filled in found:
            lines.append(filled.text)
            for gap in filled.gaps:
                lines.append("  " + "  ".join(f"{token!r} {share:.3f}" for token, share in gap))
        finish(json, {"texts": [filled.to_json() for filled in found]}, "\n".join(lines))
