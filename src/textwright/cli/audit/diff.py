"""textwright audit diff"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textwright.cli.audit.app import app
from textwright.cli.run import Debug, Json, Lang, finish, guarded

if TYPE_CHECKING:
    from textwright.audit.patches.comparing import Diff


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(help="The folder of the earlier audit.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="The folder of the later one.", show_default=False)],
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Two audits side by side: findings that are gone, new and left, and every number before and after.

    Audit the data as they are with patches: textwright audit data DATA --set patches=AUDIT --out AFTER

    Example: textwright audit diff reviews-audit reviews-audit-after
    """
    with guarded(debug, lang):
        from textwright.audit.patches.comparing import diff as compare

        found = compare(a, b)
        finish(json, found.to_json(), _shown(found))


def _shown(found: Diff) -> str:
    lines = [found.verdict]
    for word, records in (("gone", found.gone), ("new", found.new)):
        lines += [f"{word:6}  {one['severity']:5}  {one['id']}: {one['title']}" for one in records]
    lines += [
        f"{one['change']:6}  {one['after']['severity']:5}  {one['id']}: {one['after']['title']} "
        f"({one['before']['num_rows']:,} -> {one['after']['num_rows']:,} rows)"
        for one in found.kept
    ]
    lines += [f"{one['number']}: {_pair(one)}" for one in found.numbers]
    lines += [f"{one['table']}, {one['name']}: {_pair(one)}" for one in found.groups]
    return "\n".join(lines)


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
