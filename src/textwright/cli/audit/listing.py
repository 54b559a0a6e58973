"""textwright audit list"""

from __future__ import annotations

from textwright.cli.audit.app import app
from textwright.cli.run import Debug, Json, Lang, finish, guarded


@app.command("list")
def listing(json: Json = False, debug: Debug = False, lang: Lang = None) -> None:
    """Every check: what it finds, of which data, and what it needs.

    Example: textwright audit list
    """
    with guarded(debug, lang):
        from textwright.audit.registry import CHECKS

        found = [CHECKS.get(name) for name in CHECKS]
        records = [
            {
                "check": check.id,
                "family": check.family,
                "about": check.about,
                "says": check.says,
                "tasks": sorted(check.tasks),
                "languages": sorted(check.languages),
                "needs": sorted(check.needs),
                "cost": check.cost,
            }
            for check in found
        ]
        width = max(len(check.id) for check in found)
        lines = [f"{check.id:{width}}  {check.about:5}  {check.says}" for check in found]
        finish(json, {"checks": records}, "\n".join(lines))
