"""textwright doctor"""

from __future__ import annotations

from pathlib import Path

import typer

from textwright.cli.run import Debug, Json, Lang, finish, guarded
from textwright.runtime.doctor import Check, examine, passed

app = typer.Typer(add_completion=False)

_CHECK_FAILED = 1
_ROWS = {
    "good": ("a good and friendly place", "这家店非常好，我很喜欢"),
    "bad": ("a bad and dirty place", "这家店特别差，我很失望"),
}


@app.command()
def doctor(json: Json = False, debug: Debug = False, lang: Lang = None) -> None:
    """Check this machine and installation; the exit code is 1 when a check failed.

    Example: textwright doctor
    """
    with guarded(debug, lang):
        checks = examine(_round_trip)
        done = passed(checks)
        finish(json, {"checks": [check.to_json() for check in checks], "passed": done}, _page(checks))
        if not done:
            raise typer.Exit(_CHECK_FAILED)


def _round_trip(folder: Path) -> str:
    """Train on 40 rows, save, load, get the same answers. What may be broken is imported here."""
    from textwright import api
    from textwright.tasks.recipe import Recipe

    rows = [
        f"{text} {number},{label}" for number in range(10) for label, texts in _ROWS.items() for text in texts
    ]
    data, test, model = folder / "train.csv", folder / "test.csv", folder / "model"
    data.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    test.write_text("\n".join(["text,label", *rows[:8]]), encoding="utf-8")
    recipe = Recipe.parse({"model": {"name": "bag"}, "budget": {"minutes": 1}})
    trained, loaded = api.train(data, model, recipe, test=test), api.evaluate(model, test)
    if loaded.scores != trained.scores:
        raise RuntimeError(f"the saved model scores {loaded.scores}, before it scored {trained.scores}")
    if loaded.scores["accuracy"].value < 1:
        raise RuntimeError(
            f"the model does not learn: accuracy {loaded.scores['accuracy']} on the rows of its training"
        )
    return f"{len(rows)} rows in {trained.seconds:.1f} s; the saved model answers as the one in memory"


def _page(checks: list[Check]) -> str:
    width = max(len(check.check) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.status:8} {check.check:{width}}  {check.found}")
        lines += [f"{'':8} {'':{width}}  {check.do}"] if check.do else []
    names = {status: [c.check for c in checks if c.status == status] for status in ("failed", "warning")}
    faults = [f"{status}: {', '.join(found)}" for status, found in names.items() if found]
    return "\n".join([*lines, "", *(faults or ["all is well"])])
