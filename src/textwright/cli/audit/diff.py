"""textwright audit diff"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textwright.cli.audit.app import app
from textwright.cli.audit.shown import named
from textwright.cli.run import Debug, Json, Lang, finish, guarded

if TYPE_CHECKING:
    from textwright.audit.patches.comparing import Diff


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(help="The folder of the earlier audit.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="The folder of the later one.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(help="The folder for a page of the comparison.", show_default=False)
    ] = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Two audits side by side: findings that are gone, new and left, and every number before and after.

    Audit the data as they are with patches: textwright audit data DATA --set patches=AUDIT --out AFTER

    --out holds report.html with the largest changes drawn, and diff.json.

    Example: textwright audit diff reviews-audit reviews-audit-after --out reviews-mended
    """
    with guarded(debug, lang):
        from textwright.audit.patches.comparing import diff as compare

        found = compare(a, b, out)
        finish(json, {**found.to_json(), "out": out and str(out)}, _shown(found, out))


def _shown(found: Diff, out: Path | None) -> str:
    lines = [found.verdict]
    lines += [_finding("gone" if one["checked"] else "unchecked", one) for one in found.gone]
    lines += [_finding("new", one) for one in found.new]
    for one in found.kept:
        rows = f"{one['before']['num_rows']:,} -> {one['after']['num_rows']:,}"
        lines.append(f"{_finding(one['change'], one['after'])}  {rows}")
    sizes = found.a["n"], found.b["n"]
    # Nearly every check counts the rows: that is said once.
    numbers = [
        one
        for one in found.numbers
        if not (one["number"].endswith(".rows") and (one["before"]["value"], one["after"]["value"]) == sizes)
    ]
    changed = [one for one in numbers if one["before"]["value"] != one["after"]["value"]]
    lines.append(f"rows: {sizes[0]:,} -> {sizes[1]:,}")
    lines += [f"{one['number']}: {_pair(one)}" for one in changed]
    lines += [f"{one['table']}, {one['name']}: {_pair(one)}" for one in found.groups]
    same = len(numbers) - len(changed)
    lines += [f"{same:,} other numbers are as they were"] if same else []
    lines += [f"report: {out / 'report.html'}"] if out else []
    return "\n".join(lines)


def _finding(change: str, one: dict[str, Any]) -> str:
    return f"{named(change, 6)}  {named(one['severity'], 6)}  {one['id']}  {one['title']}"


def _pair(one: dict[str, Any]) -> str:
    apart = " *" if one["apart"] else ""
    return f"{_number(one['before'])} -> {_number(one['after'])}{apart}"


def _number(score: dict[str, Any]) -> str:
    value = score["value"]
    if value is None or isinstance(value, int):
        return "-" if value is None else f"{value:,}"
    interval = (
        "" if score["low"] is None or score["high"] is None else f" [{score['low']:.4f}, {score['high']:.4f}]"
    )
    return f"{value:.4f}{interval}"
