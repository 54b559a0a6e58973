"""The folder of what was learned: measured, told of, and written in one step."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from textwright.bundle.folder import save_bundle
from textwright.bundle.manifest import LANGUAGE, DataRecord, Manifest
from textwright.core.clock import Clock
from textwright.core.events import Sink
from textwright.core.files import readable_name, to_json
from textwright.core.records import Note, Score, Split
from textwright.models.transformer.lora import merged
from textwright.report.folder import make_language, write_pages
from textwright.tasks.journal import Journal
from textwright.tasks.pretraining.corpus import Learned
from textwright.tasks.pretraining.fitting import Learning, count_parameters
from textwright.tasks.pretraining.glance import text_at_a_glance
from textwright.tasks.pretraining.objectives.pairs import learns_marks
from textwright.tasks.pretraining.opening import opening_of
from textwright.tasks.pretraining.plan import objective_of
from textwright.tasks.pretraining.recipe import HYBRID
from textwright.tasks.pretraining.testing import (
    Final,
    record_of,
    tested,
    write_known,
)
from textwright.tasks.rewriting.confidence import CONFIDENCE
from textwright.tasks.rewriting.lengths import MARKED, SIZES
from textwright.tasks.rewriting.locked import read_locked
from textwright.tasks.rewriting.samples import rewritten_samples
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.model import LanguageModel, pair_frame_of, vocabulary_of
from textwright.tasks.writing.sampling import WritingSettings
from textwright.tasks.writing.writer import write
from textwright.text.documents.reading import Documents
from textwright.text.documents.shards import Shards
from textwright.text.pairs.added import GIVEN

# Columns that a folder remembers.
_COLUMNS = ("prompt", "response", "source", "target")
# What a report shows of what was learned.
_SAMPLES, _SAMPLE_TOKENS = 3, 150


@dataclass(frozen=True)
class Pretrained:
    """What learning a language gave; `scores` are of the part that was held out, or of pairs that were locked
    for a test: then `validation` are the others.
    """

    out: Path
    objective: str
    model: str
    seconds: float
    tokens: int
    tokens_per_second: float
    parameters: int
    scores: dict[str, Score]
    split: Split = "validation"
    interrupted: bool = False
    validation: dict[str, Score] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "objective": self.objective,
            "model": self.model,
            "out": str(self.out),
            "seconds": round(self.seconds, 3),
            "tokens": self.tokens,
            "tokens_per_second": round(self.tokens_per_second, 1),
            "parameters": self.parameters,
            "scores": {name: score.to_json() for name, score in self.scores.items()},
            "split": self.split,
            "interrupted": self.interrupted,
        }


def keep(
    place: Path,
    learning: Learning,
    documents: Documents,
    clock: Clock,
    journal: Journal,
    interrupted: bool,
    say: Sink,
) -> Pretrained:
    """Measure on what was held out and write the folder in one step."""
    learned, decided, fit = learning.learned, learning.decided, learning.fit
    tokenizer = learned.corpus.tokenizer
    opening = opening_of(learned.corpus.train, tokenizer)
    vocabulary = vocabulary_of(tokenizer)
    objective = objective_of(learning.recipe, learning.start)
    network = merged(fit.model)
    model = LanguageModel(
        decided.architecture,
        network,
        tokenizer,
        vocabulary,
        decided.length,
        opening,
        is_hybrid=objective == HYBRID,
        pair_frame=pair_frame_of(learned.corpus.train.about),
    )
    held_out = learned.corpus.validation
    final = Final(*learning.objective.scores(model, held_out, learning.recipe, learning.scored_in_time()))
    confidence = final.details.get("confidence") or {}
    rated = confidence.pop("model", None)
    if why := confidence.get("why"):
        say(Note(why))
    if learning.objective.task != LANGUAGE:
        final = tested(model, learned, learning.objective.task, decode_of(learning), final, rated)
    interrupted |= final.is_cut
    state = fit.state
    made = Pretrained(
        place,
        objective,
        decided.architecture.name,
        clock.elapsed(),
        state.tokens,
        state.tokens / max(state.seconds, 1e-9),
        count_parameters(network),
        final.scores,
        final.split,
        interrupted,
        final.validation,
    )
    manifest = _manifest(made, learning, documents, opening)

    def fill(folder: Path) -> None:
        model.save(folder)
        (folder / "recipe.yaml").write_text(learning.recipe.to_yaml(), encoding="utf-8")
        plan = _plan(learning, clock, interrupted)
        (folder / "plan.json").write_text(to_json(plan), encoding="utf-8")
        if rated:
            (folder / CONFIDENCE).write_text(to_json(rated), encoding="utf-8")
        (folder / "scores.json").write_text(to_json(final.record()), encoding="utf-8")
        (folder / "data.json").write_text(to_json(text_at_a_glance(learned.corpus)), encoding="utf-8")
        shutil.copy(learned.cleaning_file, folder / "cleaning.jsonl")
        journal.join(folder / "events.jsonl")
        if learning.objective.task == LANGUAGE:
            samples = _samples(model, _prompts(model, learned), learning.recipe.seed)
        else:
            samples = rewritten_samples(model, held_out, decode_of(learning))
            write_known(folder, learned, learning.start)
        (folder / "samples.jsonl").write_text(samples, encoding="utf-8")
        record = manifest.model_dump(mode="json", by_alias=True)
        write_pages(folder, lambda: make_language(folder, record, name=readable_name(place)), say)

    save_bundle(place, manifest, fill)
    return made


def _plan(learning: Learning, clock: Clock, interrupted: bool) -> dict[str, Any]:
    """What was decided and why, and what it took."""
    decided, fit, state = learning.decided, learning.fit, learning.fit.state
    return {
        "model": {"name": decided.architecture.name, **decided.settings.model_dump(mode="json")},
        "learn": decided.learn.model_dump(mode="json"),
        "compute": fit.compute.to_json(),
        "trainable": count_parameters(fit.model, learning=True),
        "quickened": learning.quickened,
        "reasons": {**decided.reasons, **learning.reasons, "tokenizer": learning.learned.reason},
        "epochs": round(state.rows / len(fit.rows), 3),
        "steps": state.step,
        "tokens": state.tokens,
        "cost": {"seconds": round(clock.elapsed(), 3), "cpu_seconds": round(clock.cpu_seconds(), 3)},
        "interrupted": interrupted,
        **_added(learning.learned.corpus.train),
    }


def _prompts(model: LanguageModel, learned: Learned) -> list[str]:
    """What samples are written on: prompts that were held out, or nothing."""
    if model.turns is None:
        return [""] * _SAMPLES
    held_out = learned.corpus.validation
    rows, _ = model.turns.rows(held_out.take([0], len(held_out))[0])
    return [model.tokenizer.decode(model.turns.first_prompt(ids).tolist()) for ids in islice(rows, _SAMPLES)]


def _samples(model: LanguageModel, prompts: list[str], seed: int) -> str:
    """Some texts that it writes, a JSON object a line; none of a model that fills gaps."""
    if model.architecture.objective != "causal":
        return ""
    settings = WritingSettings(max_tokens=min(_SAMPLE_TOKENS, model.length - 1), seed=seed)
    records = [
        {**({"prompt": prompt} if prompt else {}), "text": found.text}
        for prompt, found in zip(prompts, write(model, prompts, settings), strict=True)
    ]
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def decode_of(learning: Learning) -> DecodeSettings:
    """How answers to pairs are looked for, with a limit by those that were learned from."""
    return learning.recipe.decode.limited(int(learning.learned.corpus.train.about["longest"]))


def _of_pairs(learning: Learning) -> dict[str, Any]:
    """The languages of both sides, the columns they stood in, what stands around them, and of summaries how
    long they are.
    """
    train, tokenizer = learning.learned.corpus.train, learning.learned.corpus.tokenizer
    found: dict[str, Any] = {key: train.about[key] for key in ("languages", "frame") if key in train.about}
    if columns := train.about.get("columns"):
        found |= {"source": columns[0], "target": columns[1]}
    if (sizes := train.about.get(SIZES)) is not None:
        found[SIZES] = {**sizes, MARKED: learns_marks(train.about, tokenizer, learning.recipe)}
    return found


def _added(train: Shards) -> dict[str, Any]:
    """What pairs were made beside those given: how many, and what that took."""
    known = train.about.get("added")
    return {} if known is None else {"added": {"pairs": train.about["kinds"], **known}}


def _num_given(train: Shards) -> int:
    """Documents or pairs of the files, without pairs that were added to them."""
    return int(train.about.get("kinds", {}).get(GIVEN, train.about["documents"]))


def _manifest(made: Pretrained, learning: Learning, documents: Documents, opening: str) -> Manifest:
    learned, asked = learning.learned, learning.recipe.data
    train = learned.corpus.train
    names = [readable_name(path) for path in documents.files]
    if asked.target_file is not None:
        name = f"{names[0]} + {readable_name(asked.target_file)}"
    else:
        name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} others"
    columns = {key: value for key, value in asked.said().items() if key in _COLUMNS}
    locked = read_locked(learned.folder)
    data = DataRecord(
        name=name,
        fingerprint=learned.fingerprint,
        rows=_num_given(train) + int(learned.corpus.validation.about["documents"]),
        cleaning=learned.cleaning,
    )
    return Manifest.parse(
        {
            "textwright_version": version("textwright"),
            "task": learning.objective.task,
            "architecture": made.model,
            "schema": {"objective": made.objective, "opening": opening, **columns, **_of_pairs(learning)},
            "decode": {}
            if learning.objective.task == LANGUAGE
            else decode_of(learning).model_dump(mode="json"),
            "scores": {name: score.to_json() for name, score in made.scores.items()},
            "split": made.split,
            "parameters": made.parameters,
            "seconds": round(made.seconds, 3),
            "data": [
                each.model_dump(mode="json") for each in (data, *map(record_of, [locked] if locked else []))
            ],
        }
    )
