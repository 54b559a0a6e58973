"""Which settings are best on a person's own data: a grid, fitted and judged on the same rows.

Nothing is refitted, and the rows that `train` would lock for the test are locked here as well and
not looked at.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from textwright.choose.compare.cells import make_cells
from textwright.choose.compare.fits import Grid, Result
from textwright.choose.search.cluster import refuse_cluster
from textwright.choose.search.schedule import MINUTES_A_FIT
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.events import JsonLines, Sink, fan_out, silent
from textwright.core.files import explained, publish_folder, readable_name, to_json
from textwright.core.records import Note
from textwright.core.tensorboard import tracking
from textwright.report.folder import make_comparison, write_pages
from textwright.tasks.prepare import Prepared, prepare_data
from textwright.tasks.recipe import Recipe
from textwright.tasks.work import work_folder
from textwright.tasks.wrong import truth_of

COMPARISON = "comparison.json"


@dataclass(frozen=True)
class SettingsComparison:
    """What `compare_settings` found; `rows` are in the order of the grid, `best` names one of them."""

    out: Path
    task: str
    headline: str
    n: int
    seconds: float
    rows: list[Result]
    best: str
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "out": str(self.out),
            "seconds": round(self.seconds, 3),
            "candidates": [row.to_json() for row in self.rows],
            "best": self.best,
            "split": "validation",
            "headline": self.headline,
            "n": self.n,
            "interrupted": self.interrupted,
        }


def compare_settings(
    data: str | Path,
    out: str | Path,
    recipe: Recipe | None = None,
    *,
    models: Sequence[str] = (),
    vary: Mapping[str, Sequence[Any]] | None = None,
    test: str | Path | None = None,
    sink: Sink = silent,
    clock: Clock | None = None,
) -> SettingsComparison:
    """Fit every combination of `models` and the values in `vary`, and compare them on validation rows.

    All see the same rows with the same seed, and share the minutes of the recipe fairly; without minutes each
    fit may take ten. `vary` takes names as `--set` does: {"optimizer.name": ["sgd", "adam"]}. `out` gets
    comparison.json, report.html, the recipe.yaml of the best, predictions/ on the validation rows and events/
    with the curves. A combination that does not fit together is a row that says why. Ctrl-C keeps what was
    finished and comes back with `interrupted`.
    Raises ConfigError for unknown names and when every combination is refused, TextwrightError when none
    could be fitted.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> rows = [f"{word} food at table {i},{word}" for i in range(30) for word in ("good", "bad")]
    >>> _ = (folder / "data.csv").write_text("\\n".join(["text,label", *rows]))
    >>> recipe = Recipe.parse({"budget": {"minutes": 1}})
    >>> found = compare_settings(
    ...     folder / "data.csv", folder / "out", recipe, models=["bag"], vary={"rate": [1.0, 4.0]}
    ... )
    >>> [(row.cell.name, row.record.status) for row in found.rows], found.best
    ([('bag rate=1.0', 'done'), ('bag rate=4.0', 'done')], 'bag rate=1.0')
    """
    recipe, target = recipe or Recipe(), Path(out)
    refuse_other_folder(target)
    refuse_cluster(recipe, "compare")
    cells = make_cells(recipe, models, vary or {})
    clock = _clock(recipe, clock, sink)
    prepared = prepare_data(data, recipe.replaced({"split.folds": 1}), test)  # one split for all cells
    for note in prepared.notes():
        sink(note)
    if not len(prepared.validation):
        raise ConfigError(
            "without validation rows nothing can be compared", hint="Leave split.validation above 0."
        )
    grid = Grid(prepared, cells, clock)
    with work_folder(target, resume=False, say=sink) as work:
        events = work.path / "events"
        with tracking(recipe.tracking.tensorboard, target.name, sink) as board:
            interrupted = _fit(grid, events, fan_out([sink, board]))
        found = _compared(target, grid, interrupted)
        publish_folder(target, lambda folder: _fill(folder, found, grid, recipe, events, sink))
    return found


def _clock(recipe: Recipe, clock: Clock | None, sink: Sink) -> Clock:
    begun = clock or Clock.starting()
    if (minutes := recipe.budget.minutes) is not None:
        return begun.limited(60 * minutes)
    sink(
        Note(
            "no --minutes given: each setting trains until validation is flat, "
            f"{MINUTES_A_FIT:g} minutes at most"
        )
    )
    return begun.limited(None)


def refuse_other_folder(target: Path) -> None:
    """Only a new place, an empty folder or an older comparison is written to."""
    hint = "Choose another --out."
    if not target.name:
        raise ConfigError(f"{target}: a comparison needs a folder of its own", hint=hint)
    if target.is_file():
        raise ConfigError(f"{target}: is a file, expected a new or an older folder", hint=hint)
    if target.is_dir() and any(target.iterdir()) and not (target / COMPARISON).is_file():
        raise ConfigError(f"{target}: holds other things than a comparison, and would be replaced", hint=hint)


def _fit(grid: Grid, events: Path, sink: Sink) -> bool:
    """Fit all cells; true when it was interrupted and something was finished."""
    with explained(events):
        events.mkdir()
    try:
        for cell in grid.cells:
            journal = JsonLines(events / f"{cell.stem}.jsonl")
            with closing(journal), closing(grid.fit(cell)) as fit:
                for event in fit:
                    journal(event)
                    sink(event)
    except KeyboardInterrupt:
        if grid.best is None:
            raise
        sink(Note("interrupted: what was finished is kept", "warning"))
        return True
    return False


def _compared(target: Path, grid: Grid, interrupted: bool) -> SettingsComparison:
    grid.finish()
    examples, best = grid.prepared.examples, grid.best
    assert best is not None
    return SettingsComparison(
        out=target,
        task=examples.schema.task,
        headline=examples.task.headline,
        n=len(grid.prepared.validation),
        seconds=grid.clock.elapsed(),
        rows=grid.results,
        best=best.cell.name,
        interrupted=interrupted,
    )


def _fill(
    folder: Path, found: SettingsComparison, grid: Grid, recipe: Recipe, events: Path, say: Sink
) -> None:
    prepared = grid.prepared
    rows = {
        "train": len(prepared.train),
        "validation": len(prepared.validation),
        "test": len(prepared.locked_texts),
    }
    record = {
        **found.to_json(),
        "textwright_version": version("textwright"),
        "data": {"name": readable_name(prepared.corpus.path), "fingerprint": prepared.corpus.fingerprint},
        "rows": rows,
        "recipe": recipe.model_dump(mode="json"),
    }
    (folder / COMPARISON).write_text(to_json(record), encoding="utf-8")
    (folder / "predictions").mkdir()
    for result in grid.results:
        if result.scored is not None:
            _write_lines(folder / "predictions" / f"{result.cell.stem}.jsonl", _predictions(prepared, result))
    shutil.copytree(events, folder / "events")
    assert grid.best is not None and grid.best.cell.recipe is not None
    of_best = grid.best.cell.recipe.to_yaml()
    (folder / "recipe.yaml").write_text(of_best, encoding="utf-8")
    write_pages(folder, lambda: make_comparison(folder, record, name=found.out.name, recipe=of_best), say)


def _predictions(prepared: Prepared, result: Result) -> Iterable[dict[str, Any]]:
    """Each row of validation with its truth and the answer, the same rows in the same order in all files."""
    assert result.scored is not None
    examples, validation = prepared.examples, prepared.validation
    answers = examples.task.answers(result.scored.outputs, examples.schema, result.scored.decode, True)
    for i, answer in zip(validation, answers, strict=True):
        yield {"text": examples.texts[i], "truth": truth_of(examples.targets[i], examples.schema), **answer}


def _write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
