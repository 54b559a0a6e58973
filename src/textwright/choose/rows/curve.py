"""A learning curve: the score of one architecture by the rows it learned from, and what more would give.

Small draws of the rows are fitted first, then larger ones up to all, then more draws of the small sizes. All
are judged on the same rows of validation, and the rows that `train` would lock for the test are locked here
as well and not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from textwright.choose.rows.drawn import Fits
from textwright.choose.rows.growth import LEAST_SIZES, Growth, Point, Twice
from textwright.choose.search.cluster import refuse_cluster
from textwright.choose.search.schedule import MINUTES_A_FIT
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.events import Sink, fan_out, silent
from textwright.core.files import publish_folder, readable_name, to_json
from textwright.core.records import Note
from textwright.core.tensorboard import tracking
from textwright.models.registry import ARCHITECTURES
from textwright.report.folder import make_curve, write_pages
from textwright.tasks.needs import check_recipes, check_target, refuse_student
from textwright.tasks.prepare import prepare_data
from textwright.tasks.recipe import Recipe
from textwright.tasks.work import work_folder

CURVE = "curve.json"
DEFAULT_MODEL = "bag"
_LINE_POINTS = 40


@dataclass(frozen=True)
class LearningCurve:
    """What `learning_curve` found. `missed` counts the draws that were planned and not made, by rows."""

    out: Path
    task: str
    model: str
    headline: str
    n: int
    seconds: float
    points: list[Point]
    fit_seconds: list[float]
    twice: Twice | None
    missed: dict[int, int] = field(default_factory=dict)
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        twice = self.twice and {
            "rows": self.twice.rows,
            "score": self.twice.score.to_json(),
            "gain": self.twice.gain.to_json(),
        }
        return {
            "task": self.task,
            "model": self.model,
            "out": str(self.out),
            "seconds": round(self.seconds, 3),
            "headline": self.headline,
            "split": "validation",
            "n": self.n,
            "points": [
                {
                    "rows": point.rows,
                    "repeats": point.repeats,
                    "score": point.score.to_json(),
                    "seconds": round(seconds, 3),
                }
                for point, seconds in zip(self.points, self.fit_seconds, strict=True)
            ],
            "twice": twice,
            "interrupted": self.interrupted,
        }


def learning_curve(
    data: str | Path,
    out: str | Path,
    recipe: Recipe | None = None,
    *,
    sizes: Sequence[int] = (),
    test: str | Path | None = None,
    sink: Sink = silent,
    clock: Clock | None = None,
) -> LearningCurve:
    """Fit growing parts of `data`, and say with an interval what twice the rows would give.

    The recipe names one architecture, `bag` when it names none. Without `sizes` there are 4 to 6 at equal
    ratios; small ones are drawn several times. `test` is a file whose rows, and twins of them, are not
    learned from. `out` gets curve.json, report.html and recipe.yaml. The minutes of the recipe bind: what was
    not reached is said. Ctrl-C keeps what was finished and comes back with `interrupted`.

    Raises ConfigError for a request that cannot be met, DataError for too few rows, TextwrightError when
    nothing could be fitted.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> rows = [f"{word} food at table {i},{word}" for i in range(60) for word in ("good", "bad")]
    >>> _ = (folder / "data.csv").write_text("\\n".join(["text,label", *rows]))
    >>> found = learning_curve(folder / "data.csv", folder / "out", Recipe.parse({"budget": {"minutes": 1}}))
    >>> [(point.rows, point.repeats) for point in found.points]
    [(20, 6), (34, 4), (57, 3), (96, 1)]
    """
    target = Path(out)
    _refuse_foreign(target)
    recipe = _of_one(recipe or Recipe())
    refuse_student(recipe)
    refuse_cluster(recipe, "curve")
    check_recipes([(recipe, recipe.model_name)])
    clock = _clock(recipe, clock, sink)
    prepared = prepare_data(data, recipe, test, partial(check_target, recipe))
    for note in prepared.notes():
        sink(note)
    fits = Fits.of(prepared, recipe, clock, sizes)
    with (
        work_folder(target, resume=False, say=sink),
        tracking(recipe.tracking.tensorboard, target.name, sink) as board,
    ):
        interrupted = _run(fits, fan_out([sink, board]))
        growth = fits.growth()
        found = _found(target, fits, growth, interrupted)
        for note in _account(found, fits):
            sink(note)
        publish_folder(target, lambda folder: _fill(folder, found, fits, growth, recipe, sink))
    return found


def _of_one(recipe: Recipe) -> Recipe:
    if recipe.model_name != "auto":
        ARCHITECTURES.check(recipe.model_name)
        return recipe
    return recipe.replaced({"model": {**recipe.model_settings, "name": DEFAULT_MODEL}})


def _clock(recipe: Recipe, clock: Clock | None, sink: Sink) -> Clock:
    begun = clock or Clock.starting()
    if (minutes := recipe.budget.minutes) is not None:
        return begun.limited(60 * minutes)
    sink(
        Note(
            "no --minutes given: each fit of the curve trains until validation is flat, "
            f"{MINUTES_A_FIT:g} minutes at most"
        )
    )
    return begun.limited(None)


def _refuse_foreign(target: Path) -> None:
    """Only a new place, an empty folder or an older curve is written to."""
    hint = "Choose another --out."
    if not target.name:
        raise ConfigError(f"{target}: a learning curve needs a folder of its own", hint=hint)
    if target.is_file():
        raise ConfigError(f"{target}: is a file, expected a new folder or an older curve", hint=hint)
    if target.is_dir() and any(target.iterdir()) and not (target / CURVE).is_file():
        raise ConfigError(
            f"{target}: holds other things than a learning curve, and would be replaced", hint=hint
        )


def _run(fits: Fits, sink: Sink) -> bool:
    """Make all fits; true when it was interrupted and something was finished."""
    try:
        with closing(fits.run()) as events:
            for event in events:
                sink(event)
    except KeyboardInterrupt:
        if not fits.done:
            raise
        sink(Note("interrupted: what was finished is kept", "warning"))
        return True
    return False


def _found(target: Path, fits: Fits, growth: Growth, interrupted: bool) -> LearningCurve:
    examples = fits.prepared.examples
    return LearningCurve(
        out=target,
        task=examples.schema.task,
        model=fits.name,
        headline=examples.task.headline,
        n=len(fits.prepared.validation),
        seconds=fits.clock.elapsed(),
        points=growth.points,
        fit_seconds=[fits.seconds_of(point.rows) for point in growth.points],
        twice=growth.twice,
        missed=fits.missed,
        interrupted=interrupted,
    )


def _account(found: LearningCurve, fits: Fits) -> Iterator[Note]:
    """What the curve lacks of what was planned."""
    if found.missed:
        missed = ", ".join(f"{count} of {rows:,} rows" for rows, count in found.missed.items())
        yield Note(
            f"{sum(found.missed.values())} of {len(fits.draws)} fits were not made: {missed}", "warning"
        )
    if found.points[-1].rows < fits.sizes[-1]:
        yield Note(
            f"all {fits.sizes[-1]:,} rows were not reached: what follows is about {found.points[-1].rows:,}",
            "warning",
        )
    if found.twice is None:
        yield Note(f"fewer than {LEAST_SIZES} sizes were reached: nothing is said of more rows", "warning")


def _fill(folder: Path, found: LearningCurve, fits: Fits, growth: Growth, recipe: Recipe, say: Sink) -> None:
    prepared = fits.prepared
    record = {
        **found.to_json(),
        "law": _law(growth),
        "fits": [{"rows": fit.rows, "error": fit.error} for fit in fits.done],
        "planned": fits.sizes,
        "missed": [{"rows": rows, "fits": count} for rows, count in found.missed.items()],
        "textwright_version": version("textwright"),
        "data": {"name": readable_name(prepared.corpus.path), "fingerprint": prepared.corpus.fingerprint},
        "rows": {
            "train": len(prepared.train),
            "validation": len(prepared.validation),
            "test": len(prepared.locked_texts),
        },
        "recipe": recipe.model_dump(mode="json"),
    }
    (folder / CURVE).write_text(to_json(record), encoding="utf-8")
    (folder / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    write_pages(folder, lambda: make_curve(record, name=found.out.name, recipe=recipe.to_yaml()), say)


def _law(growth: Growth) -> dict[str, Any] | None:
    """The law, and the line that it draws from the smallest size to twice the largest."""
    law, twice = growth.law, growth.twice
    if law is None or twice is None:
        return None
    line = [float(rows) for rows in np.geomspace(growth.sizes[0], twice.rows, _LINE_POINTS)]
    values = [1 - law(rows) if growth.better == "higher" else law(rows) for rows in line]
    return {**asdict(law), "line": [[*point] for point in zip(line, values, strict=True)]}
