"""The verbs for programs; the command line is a thin layer over this module.

>>> import textwright  # doctest: +SKIP
>>> textwright.train("reviews.csv", "my-model")  # doctest: +SKIP
>>> textwright.load("my-model").predict(["what a wonderful day"])  # doctest: +SKIP
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from textwright.bundle.folder import is_bundle, save_bundle
from textwright.bundle.learned import write_learned
from textwright.bundle.looks import count_look, first_looks
from textwright.bundle.manifest import LOOKS, DataRecord, Manifest
from textwright.choose.candidates import candidates_for
from textwright.choose.grid import SettingsComparison, compare_settings
from textwright.choose.paired import Comparison, compare
from textwright.choose.select import Selection, Tried
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.events import Sink, fan_out, silent
from textwright.core.files import to_json
from textwright.core.records import Candidate, Note, Score, Split
from textwright.core.tensorboard import tracking
from textwright.tasks.answering import Answered, answer_file
from textwright.tasks.checkpoints import Checkpoints
from textwright.tasks.identity import identity_of
from textwright.tasks.journal import Journal
from textwright.tasks.needs import check_recipe, check_target
from textwright.tasks.parent import past_of
from textwright.tasks.planning import Plan, make_plan
from textwright.tasks.predictor import Predictor
from textwright.tasks.prepare import Prepared, prepare_data
from textwright.tasks.recipe import Recipe
from textwright.tasks.work import work_folder
from textwright.text.corpus import read_labelled
from textwright.text.split import row_hashes

__all__ = [
    "Comparison",
    "Evaluated",
    "SettingsComparison",
    "Trained",
    "compare",
    "compare_settings",
    "evaluate",
    "load",
    "plan",
    "predict",
    "train",
]

MINUTES_WITHOUT_BUDGET = 10.0


@dataclass(frozen=True)
class Trained:
    """What a training gave; `split` says which part `scores` come from."""

    out: Path
    task: str
    model: str
    seconds: float
    parameters: int
    bytes: int
    candidates: list[Candidate]
    scores: dict[str, Score]
    split: Split
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "model": self.model,
            "out": str(self.out),
            "seconds": round(self.seconds, 3),
            "parameters": self.parameters,
            "bytes": self.bytes,
            "candidates": [c.to_json() for c in self.candidates],
            "scores": {k: v.to_json() for k, v in self.scores.items()},
            "split": self.split,
            "interrupted": self.interrupted,
        }


@dataclass(frozen=True)
class Evaluated:
    """Scores of a model on a file, and how many of its rows the model has learned from."""

    n: int
    seconds: float
    scores: dict[str, Score]
    details: dict[str, Any]
    num_locked: int
    cleaning: list[dict[str, Any]]
    wrong: list[dict[str, Any]]
    num_learned: int = 0
    split: Split = "given"

    def to_json(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "seconds": round(self.seconds, 3),
            "scores": {k: v.to_json() for k, v in self.scores.items()},
            "split": self.split,
            "locked_rows": self.num_locked,
            "learned_rows": self.num_learned,
            "trained_on": self.num_learned > 0,
            "cleaning": self.cleaning,
            "wrong": self.wrong,
            "details": self.details,
        }


def train(
    data: str | Path,
    out: str | Path,
    recipe: Recipe | None = None,
    *,
    test: str | Path | None = None,
    sink: Sink = silent,
    clock: Clock | None = None,
    resume: bool = False,
) -> Trained:
    """Learn a model from `data` and write its folder to `out`.

    Without a recipe all is guessed and chosen. `test` is a file to score on; otherwise a part of the rows is
    locked for that. `clock` counts from the start of the process; `recipe.budget.minutes` is its limit.
    Ctrl-C saves the best so far and comes back with `interrupted`; its checkpoints stay, and `resume` goes on
    from them. Raises TextwrightError.
    """
    recipe, target = recipe or Recipe(), Path(out)
    clock = _clock(recipe, clock, sink)
    _refuse_foreign(target)
    names = candidates_for(recipe.model_name, recipe.model_settings)
    check_recipe(recipe, names)
    prepared = prepare_data(data, recipe, test, partial(check_target, recipe))
    for line in prepared.account():
        sink(Note(line))
    with (
        work_folder(target, resume=resume, say=sink) as work,
        closing(Journal(work.path, sink)) as journal,
        tracking(recipe.tracking.tensorboard, target.name, sink) as board,
    ):
        sinks = fan_out([journal, sink, board])
        checkpoints = Checkpoints(work.path, resume, identity_of(recipe, prepared), journal, sinks)
        checkpoints.check()
        selection = Selection.of(prepared.examples, recipe, clock)
        interrupted = _fit(selection, names, prepared, checkpoints, sinks)
        trained = _save(target, selection, prepared, recipe, clock, journal, interrupted)
        if trained.interrupted:
            work.keep()
        return trained


def plan(
    data: str | Path, recipe: Recipe | None = None, *, test: str | Path | None = None
) -> tuple[Plan, list[str]]:
    """What `train` would do, and a JSON line for every row that reading would drop or change."""
    recipe = recipe or Recipe()
    names = candidates_for(recipe.model_name, recipe.model_settings)
    check_recipe(recipe, names)
    prepared = prepare_data(data, recipe, test, partial(check_target, recipe))
    records = [json.dumps(record, ensure_ascii=False) for record in prepared.cleaning()]
    return make_plan(prepared, recipe, names), records


def load(path: str | Path) -> Predictor:
    """Open a model folder, its hashes checked. Raises BundleError."""
    return Predictor.load(path)


def evaluate(path: str | Path, data: str | Path) -> Evaluated:
    """Score a model on a labelled file; looks at rows that were locked for the test are counted and kept."""
    started = time.monotonic()
    predictor = load(path)
    corpus = read_labelled(data, predictor.schema)
    meter, wrong = predictor.measure(corpus.texts, corpus.targets)
    assert predictor.bundle is not None
    num_locked = count_look(predictor.bundle.path, f"evaluate {Path(data).name}", row_hashes(corpus.texts))
    seconds = time.monotonic() - started
    return Evaluated(
        n=len(corpus),
        seconds=seconds,
        scores=meter.scores(),
        details=meter.details(),
        num_locked=num_locked,
        cleaning=corpus.log.summary(),
        wrong=wrong.records(),
        num_learned=int(past_of(predictor.bundle.path, corpus).learned.sum()),
    )


def predict(
    path: str | Path,
    data: str | Path,
    out: str,
    *,
    text: str | None = None,
    probabilities: bool = False,
    explain: str | None = None,
) -> Answered:
    """Answer every row of a file of any size: same order, same count.

    `explain` adds the weights of the tokens by one of the methods of `Predictor.explain`.
    """
    return answer_file(load(path), data, out, text=text, probabilities=probabilities, explain=explain)


def _clock(recipe: Recipe, clock: Clock | None, sink: Sink) -> Clock:
    started = clock.started if clock else time.monotonic()
    minutes = recipe.budget.minutes
    if minutes is None:
        sink(
            Note(
                "no --minutes given: trains until validation is flat, "
                f"{MINUTES_WITHOUT_BUDGET:g} minutes at most"
            )
        )
        minutes = MINUTES_WITHOUT_BUDGET
    return Clock(started, 60 * minutes)


def _refuse_foreign(target: Path) -> None:
    """Only a new place, an empty folder or an older model of ours is written to."""
    if not target.name:
        raise ConfigError(
            f"{target}: a model needs a folder of its own", hint="Give it a name: --out my-model"
        )
    if target.is_file():
        raise ConfigError(
            f"{target}: is a file, expected a new or an older model folder", hint="Choose another --out."
        )
    if target.is_mount():
        raise ConfigError(
            f"{target}: is where a disk is mounted, which no folder can take the place of",
            hint=f"Choose a folder inside it: --out {target / 'model'}",
        )
    if target.is_dir() and any(target.iterdir()) and not is_bundle(target):
        raise ConfigError(
            f"{target}: holds other things than a model, and would be replaced", hint="Choose another --out."
        )


def _fit(
    selection: Selection, names: tuple[str, ...], prepared: Prepared, checkpoints: Checkpoints, sink: Sink
) -> bool:
    """Run the selection to its end; true when it was interrupted and something was kept."""
    events = selection.run(names, prepared.train, prepared.validation, checkpoints.watch)
    try:
        for event in events:
            sink(event)
            checkpoints.after(event)
    except KeyboardInterrupt as stop:
        # It may have come while the fit was asleep, in a sink or a checkpoint: the fit must hear of it.
        with suppress(KeyboardInterrupt, StopIteration):
            events.throw(stop)
        if selection.chosen is None:
            raise
        sink(Note("interrupted: the best model so far is kept", "warning"))
        return True
    return False


def _save(
    target: Path,
    selection: Selection,
    prepared: Prepared,
    recipe: Recipe,
    clock: Clock,
    journal: Journal,
    interrupted: bool,
) -> Trained:
    chosen = selection.chosen
    assert chosen is not None
    schema = prepared.corpus.schema
    predictor = Predictor(chosen.engine, schema, chosen.decode)
    try:
        scores, split, details = _final_scores(predictor, prepared, chosen)
    except KeyboardInterrupt:  # what was learned is kept without its last measurement
        scores, split, details, interrupted = chosen.record.scores, "validation", {}, True
    candidates = selection.records()
    manifest = Manifest.parse(
        {
            "textwright_version": version("textwright"),
            "task": schema.task,
            "architecture": chosen.engine.architecture,
            "schema": schema.model_dump(mode="json"),
            "decode": chosen.decode.model_dump(mode="json"),
            "scores": {k: v.to_json() for k, v in scores.items()},
            "split": split,
            "parameters": chosen.engine.num_parameters,
            "seconds": round(clock.elapsed(), 3),
            "data": _data_records(prepared),
        }
    )
    choices = chosen.trainer.choices()

    def fill(folder: Path) -> None:
        chosen.engine.save(folder)
        (folder / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
        plan = {
            "model": choices,
            "reasons": chosen.trainer.reasons(),
            "candidates": [c.to_json() for c in candidates],
        }
        (folder / "plan.json").write_text(to_json(plan), encoding="utf-8")
        (folder / "scores.json").write_text(
            to_json({"split": split, "scores": manifest.scores, "details": details}), encoding="utf-8"
        )
        _write_lines(folder / "wrong.jsonl", chosen.wrong)
        _write_lines(folder / "cleaning.jsonl", prepared.cleaning())
        journal.join(folder / "events.jsonl")
        (folder / LOOKS).write_text(first_looks(prepared.locked_hashes), encoding="utf-8")
        write_learned(folder, prepared.learned)

    save_bundle(target, manifest, fill)
    size = sum(f.stat().st_size for f in target.rglob("*") if f.is_file())
    return Trained(
        target,
        schema.task,
        chosen.engine.architecture,
        clock.elapsed(),
        manifest.parameters,
        size,
        candidates,
        scores,
        split,
        interrupted,
    )


def _write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def _final_scores(
    predictor: Predictor, prepared: Prepared, chosen: Tried
) -> tuple[dict[str, Score], Split, dict[str, Any]]:
    """On the locked rows when there are any, otherwise those of validation."""
    if not prepared.locked_texts:
        return chosen.record.scores, "validation", {}
    meter, _ = predictor.measure(prepared.locked_texts, prepared.locked_targets)
    baseline = predictor.task.baseline(prepared.examples.targets, len(prepared.locked_texts))
    simple = predictor.task.meter(predictor.schema)
    simple.update(prepared.locked_targets, baseline.outputs)
    reference = simple.scores(replicates=100)[predictor.task.headline]
    details = {
        **meter.details(),
        "baseline": {"what": baseline.text, predictor.task.headline: reference.to_json()},
    }
    return meter.scores(), "test", details


def _data_records(prepared: Prepared) -> list[DataRecord]:
    files = [prepared.corpus, prepared.test] if prepared.test else [prepared.corpus]
    return [
        DataRecord(name=Path(c.path).name, fingerprint=c.fingerprint, rows=len(c), cleaning=c.log.summary())
        for c in files
    ]
