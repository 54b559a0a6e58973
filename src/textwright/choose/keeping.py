"""What was chosen, kept: a model folder with its records, its report and its cards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from textwright.bundle.folder import save_bundle, write_bundle
from textwright.bundle.learned import write_learned
from textwright.bundle.looks import first_looks
from textwright.bundle.manifest import LOOKS, DataRecord, Manifest
from textwright.choose.scoring import WATTS_PER_CORE
from textwright.choose.select import Selection
from textwright.choose.trying import Tried
from textwright.core.clock import Clock
from textwright.core.events import Sink, silent
from textwright.core.files import readable_name, to_json
from textwright.core.records import Candidate, Score, Split
from textwright.report.folder import make_pages, write_pages
from textwright.tasks.glance import glance
from textwright.tasks.journal import Journal
from textwright.tasks.predictor import Predictor
from textwright.tasks.prepare import Prepared
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.ensemble import EnsembleEngine, Member
from textwright.text.targets import Targets


@dataclass(frozen=True)
class Places:
    """Where a model goes when its training came to its end, and where when it was interrupted."""

    finished: Path
    interrupted: Path


@dataclass(frozen=True)
class Kept:
    """The folder as it was written."""

    path: Path
    predictor: Predictor
    candidates: list[Candidate]
    manifest: Manifest
    scores: dict[str, Score]
    split: Split
    interrupted: bool
    bytes: int


def keep_chosen(
    places: Places,
    selection: Selection,
    prepared: Prepared,
    recipe: Recipe,
    clock: Clock,
    journal: Journal,
    interrupted: bool,
    say: Sink = silent,
) -> Kept:
    """Measure the pick on the locked rows and write its folder in one step."""
    for event in selection.with_threshold():  # of what was interrupted before it was chosen
        say(event)
    selection.with_wrong()
    chosen = selection.chosen
    assert chosen is not None
    schema = prepared.corpus.schema
    predictor = Predictor(chosen.engine, schema, chosen.decode)
    try:
        scores, split, details = _final_scores(predictor, prepared, selection, chosen)
    except KeyboardInterrupt:  # what was learned is kept without its last measurement
        scores, split, details, interrupted = chosen.record.scores, "validation", chosen.details(), True
    target = places.interrupted if interrupted else places.finished
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
    engine = chosen.engine
    if isinstance(engine, EnsembleEngine):
        engine = replace(engine, save_member=_members(chosen, manifest, recipe, prepared))

    def fill(folder: Path) -> None:
        engine.save(folder)
        (folder / "recipe.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
        plan = {
            "model": chosen.choices(),
            "reasons": {**selection.reasons, **chosen.reasons()},
            "candidates": [c.to_json() for c in candidates],
            "cost": _cost(clock),
            "metric": selection.wanted.metric,
            "prefer": selection.wanted.prefer,
            "refitted": selection.is_refitted,
            "answers": _of_answers(selection, chosen),
            "warnings": selection.warnings,
            "interrupted": interrupted,
        }
        (folder / "plan.json").write_text(to_json(plan), encoding="utf-8")
        (folder / "scores.json").write_text(
            to_json({"split": split, "scores": manifest.scores, "details": details}), encoding="utf-8"
        )
        _write_lines(folder / "wrong.jsonl", chosen.wrong)
        _write_lines(folder / "cleaning.jsonl", prepared.cleaning())
        journal.join(folder / "events.jsonl")
        (folder / LOOKS).write_text(first_looks(prepared.locked_hashes), encoding="utf-8")
        (folder / "data.json").write_text(to_json(glance(prepared)), encoding="utf-8")
        write_learned(folder, prepared.learned)
        _write_pages(folder, manifest, readable_name(target), say)

    save_bundle(target, manifest, fill)
    size = sum(f.stat().st_size for f in target.rglob("*") if f.is_file())
    return Kept(target, predictor, candidates, manifest, scores, split, interrupted, size)


def _of_answers(selection: Selection, chosen: Tried) -> list[str]:
    """What was done to the answers, where they are not simply the most probable ones."""
    decode, promise = chosen.decode, selection.wanted.limits.promise
    is_plain = not decode.offsets and decode.least is None and promise is None
    return [] if is_plain else [*chosen.tuned]


def _members(
    chosen: Tried, manifest: Manifest, recipe: Recipe, prepared: Prepared
) -> Callable[[Member, Path], None]:
    """Writes a member as a model folder that answers by itself, as it was measured on validation."""
    by_stem = {part.proposal.stem: part for part in chosen.members}

    def save(member: Member, folder: Path) -> None:
        part = by_stem[member.name]
        own = {
            "architecture": member.engine.architecture,
            "decode": part.decode.model_dump(mode="json"),
            "scores": {k: v.to_json() for k, v in part.record.scores.items()},
            "split": "validation",
            "parameters": member.engine.num_parameters,
            "seconds": round(part.record.seconds, 3),
        }

        def fill(place: Path) -> None:
            member.engine.save(place)
            of_member = part.proposal.recipe(recipe)
            (place / "recipe.yaml").write_text(of_member.to_yaml(), encoding="utf-8")
            plan = {"model": part.choices(), "reasons": part.reasons()}
            (place / "plan.json").write_text(to_json(plan), encoding="utf-8")
            write_learned(place, prepared.learned)
            (place / LOOKS).write_text(first_looks(prepared.locked_hashes), encoding="utf-8")

        write_bundle(folder, manifest.model_copy(update=own), fill)

    return save


def _cost(clock: Clock) -> dict[str, float]:
    """What the training took; the energy follows from an assumption, and says so wherever it is shown."""
    cpu_seconds = clock.cpu_seconds()
    return {
        "seconds": round(clock.elapsed(), 3),
        "cpu_seconds": round(cpu_seconds, 3),
        "watts": WATTS_PER_CORE,
        "kwh": cpu_seconds * WATTS_PER_CORE / 3.6e6,
    }


def _write_pages(folder: Path, manifest: Manifest, name: str, say: Sink) -> None:
    record = manifest.model_dump(mode="json", by_alias=True)
    write_pages(folder, lambda: make_pages(folder, record, name=name), say)


def _write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def _final_scores(
    predictor: Predictor, prepared: Prepared, selection: Selection, chosen: Tried
) -> tuple[dict[str, Score], Split, dict[str, Any]]:
    """On the locked rows when there are any, otherwise those of validation; with what no model would have."""
    targets, is_locked = prepared.examples.targets, bool(prepared.locked_texts)
    if is_locked:
        meter, _ = predictor.measure(prepared.locked_texts, prepared.locked_targets)
        scores, details = meter.scores(), meter.details()
        learned, truth = targets, prepared.locked_targets
    else:
        scores, details = chosen.record.scores, chosen.details()
        learned, truth = targets[selection.train], targets[selection.validation]
    if len(truth):
        details = {**details, "baseline": _baseline(predictor, learned, truth)}
    return scores, "test" if is_locked else "validation", details


def _baseline(predictor: Predictor, learned: Targets, truth: Targets) -> dict[str, Any]:
    baseline = predictor.task.baseline(learned, len(truth))
    meter = predictor.task.meter(predictor.schema)
    meter.update(truth, baseline.outputs)
    found = meter.scores(replicates=100)
    return {"what": baseline.text, **{name: score.to_json() for name, score in found.items()}}


def _data_records(prepared: Prepared) -> list[DataRecord]:
    files = [prepared.corpus, prepared.test] if prepared.test else [prepared.corpus]
    return [
        DataRecord(
            name=readable_name(c.path),
            fingerprint=c.fingerprint,
            rows=len(c),
            cleaning=c.log.summary(),
            patches=[*c.patches],
        )
        for c in files
    ]
