"""textwright audit fix"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textwright.cli.audit.app import app
from textwright.cli.audit.shown import named, said
from textwright.cli.run import Debug, Json, Lang, finish, guarded

if TYPE_CHECKING:
    from textwright.audit.patches.making import Fixed

Folder = Annotated[Path, typer.Argument(help="The folder of an audit of data.", show_default=False)]
Moved = Annotated[
    list[Path] | None, typer.Option("--data", help="Where the audited file lies now, if it has moved.")
]
OneKey = Annotated[
    bool, typer.Option("--one-key", help="Let one person change labels; otherwise two have to agree.")
]


@app.command()
def fix(
    audit: Folder,
    safe: Annotated[bool, typer.Option("--safe", help="Make all patches by which nothing is lost.")] = False,
    finding: Annotated[
        list[str] | None, typer.Option(help="The id of a finding to mend; may be given more than once.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Which fix, where a finding has several: drop, mask, relabel, ...")
    ] = None,
    because: Annotated[str, typer.Option(help="Why a fix that is not safe is right; it is kept.")] = "",
    who: Annotated[str, typer.Option(help="Who says so.")] = "",
    one_key: OneKey = False,
    data: Moved = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Make patches of findings; without --safe or --finding only say what could be done.

    The audited file is never changed: train --patches AUDIT changes its rows as they are read.

    Example: textwright audit fix reviews-audit --safe
    """
    with guarded(debug, lang):
        from textwright.audit.patches.making import fix as make

        made = make(
            audit,
            safe=safe,
            findings=finding or [],
            kind=kind,
            because=because,
            who=who,
            one_key=one_key,
            data=data or None,
        )
        for note in made.notes:
            said(note)
        finish(json, made.to_json(), _shown(made))


def _shown(made: Fixed) -> str:
    done = [f"{patch['name']}: {_counted(patch['counts'])}" for patch in made.patches]
    done += [f"wanted rows of {one['finding']} are in {one['file']}" for one in made.wanted]
    if done:
        next_ = f"Next: textwright train DATA --patches {made.out} --out MODEL"
        undo = f"Undo: textwright audit undo {made.out}"
        return "\n".join([*done, next_, undo])
    lines = [
        f"{one['finding']}  {one['kind']:11}  {named('safe' if one['safe'] else 'needs a person', 14)}  "
        f"{one['rows']:,} rows: {one['what']}" + "".join(f"  [{name}]" for name in one["patches"])
        for one in made.offers
    ]
    return "\n".join(lines or ["nothing to mend"])


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{what} {n:,}" for what, n in counts.items())
