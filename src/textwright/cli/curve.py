"""textwright curve"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright.api import LearningCurve
from textwright.api import curve as learning_curve
from textwright.cli import options
from textwright.cli.contest import table
from textwright.cli.main import started
from textwright.cli.progress import Progress
from textwright.cli.run import Debug, Json, Lang, finish, guarded
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError

app = typer.Typer(add_completion=False)

# Rates have three digits that say something, squared errors may have more.
_SCORE = ".4f"


@app.command()
def curve(
    data: options.Data,
    out: Annotated[Path, typer.Option(help="The folder for the learning curve.")],
    model: Annotated[
        str | None,
        typer.Option(help=f"The architecture, one of: {options.ARCHITECTURES_SHOWN}; bag when not given."),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(
            help="Rows to learn from, as 500,1000,2000; all rows are added as the last.", metavar="N,N,..."
        ),
    ] = None,
    from_: options.From = None,
    task: options.Task = None,
    text: options.Text = None,
    label: options.Label = None,
    test: options.Test = None,
    test_share: options.TestShare = None,
    minutes: options.Minutes = None,
    seed: options.Seed = None,
    recipe: options.RecipeName = None,
    set_: options.Set = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Say whether labelling more rows would pay: the score by the rows learned from, and at twice as many.

    Growing parts of the rows are fitted, small ones several times, and all are judged on the same validation
    rows. What twice the rows would give follows from the curve, with an interval that was held against what
    more rows really gave. --out holds report.html, curve.json and recipe.yaml.

    Example: textwright curve reviews.csv --out growth
    """
    with guarded(debug, lang) as guard:
        options.refuse_contradiction(test, test_share)
        if recipe is None:
            options.refuse_pairs(data, task, "curve")
        if model == "auto":
            raise ConfigError(
                "--model auto: a learning curve is of one architecture",
                hint=f"Name one of: {options.ARCHITECTURES_SHOWN}.",
            )
        made = options.make_recipe(
            recipe,
            set_,
            model=model,
            from_=from_,
            task=task,
            text=text,
            label=label,
            test_share=test_share,
            minutes=minutes,
            seed=seed,
        )
        found = learning_curve(
            data, out, made, sizes=parse_sizes(sizes), test=test, sink=Progress(), clock=Clock(started())
        )
        finish(json, found.to_json(), _page(found))
    if found.interrupted:
        raise typer.Exit(guard.stopped)


def parse_sizes(text: str | None) -> list[int]:
    """The numbers in "500,1000"; none for none. Raises ConfigError.

    >>> parse_sizes("500, 1000"), parse_sizes(None)
    ([500, 1000], [])
    """
    if text is None:
        return []
    parts = [part.strip() for part in text.split(",")]
    wrong = [part for part in parts if not (part.isascii() and part.isdecimal())]
    if wrong:
        raise ConfigError(
            f"--sizes {text}: {wrong[0]!r} is no whole number", hint="Example: --sizes 500,1000,2000"
        )
    return [int(part) for part in parts]


def _page(found: LearningCurve) -> str:
    rows = [
        [f"{point.rows:,}", str(point.repeats), str(point.score), f"{seconds:.1f}"]
        for point, seconds in zip(found.points, found.fit_seconds, strict=True)
    ]
    if found.twice is not None:
        rows.append([f"{found.twice.rows:,}", "to be expected", str(found.twice.score), ""])
    fits = sum(point.repeats for point in found.points)
    account = f"{found.model}: {fits} fits, judged on {found.n:,} validation rows in {found.seconds:.1f} s"
    return "\n".join(
        [
            f"{account} (95 % interval in brackets):",
            "",
            *table([["rows learned from", "fits made", found.headline, "s"], *rows]),
            "",
            *([_verdict(found)] if found.twice is not None else []),
            f"All in {found.out}",
            f"report: {found.out / 'report.html'}",
        ]
    )


def _verdict(found: LearningCurve) -> str:
    twice, last = found.twice, found.points[-1]
    assert twice is not None
    rows = f"{last.rows:,} -> {twice.rows:,} to learn from"
    then = f"{twice.score.value:{_SCORE}} [{twice.score.low:{_SCORE}}, {twice.score.high:{_SCORE}}]"
    gain = f"{twice.gain.value:+{_SCORE}} [{twice.gain.low:+{_SCORE}}, {twice.gain.high:+{_SCORE}}]"
    if twice.is_shown:
        return (
            f"Labelling as many rows again ({rows}) is expected to bring {found.headline} "
            f"from {last.score.value:{_SCORE}} to {then}: a gain of {gain}."
        )
    return (
        f"That labelling as many rows again ({rows}) would bring a gain was not shown: {found.headline} is "
        f"{last.score.value:{_SCORE}} now, and {then} is expected then, a gain of {gain}."
    )
