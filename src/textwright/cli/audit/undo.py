"""textwright audit undo"""

from __future__ import annotations

from typing import Annotated

import typer

from textwright.cli.audit.app import app
from textwright.cli.audit.fix import Folder
from textwright.cli.run import Debug, Json, Lang, finish, guarded


@app.command()
def undo(
    audit: Folder,
    patch: Annotated[
        str | None, typer.Option(help="The name of the patch; the newest when not given.")
    ] = None,
    back: Annotated[
        bool, typer.Option("--back", help="Put a patch that was taken back in force again.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Take back a patch: the rows are what they were. It is kept, for --back.

    Example: textwright audit undo reviews-audit
    """
    with guarded(debug, lang):
        from textwright.audit.patches.writing import undo as take_back
        from textwright.text.patches import patches_in

        name = take_back(audit, patch, back=back)
        left = [one.name for one in patches_in(audit)]
        record = {"audit": str(audit), "patch": name, "back": back, "patches": left}
        done = f"{name} is in force again" if back else f"{name} is taken back"
        finish(json, record, f"{done}; in force: {', '.join(left) or 'none'}")
