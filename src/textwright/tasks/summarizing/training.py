"""`train --task summarize --model extractor`: texts with their summaries in, an extractor out."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from textwright.bundle.folder import is_finished, refuse_foreign, save_bundle
from textwright.bundle.manifest import DataRecord, Manifest
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.events import Sink, fan_out, silent
from textwright.core.files import readable_name, to_json
from textwright.core.records import Note, Score, Split
from textwright.core.seeds import generator
from textwright.models.extract.model import Extractor
from textwright.models.language.registry import EXTRACTOR
from textwright.report.folder import make_extractor, write_pages
from textwright.tasks.journal import Journal
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.rewriting.asked import refuse_unknown
from textwright.tasks.rewriting.rows import PairRows, language_of_targets
from textwright.tasks.summarizing.baselines import Baseline, baselines_of
from textwright.tasks.summarizing.extractive import Summarizer
from textwright.tasks.summarizing.judging import Judged, judged
from textwright.tasks.summarizing.learned import OF_BUNDLE, learn_extractor, write_extractor
from textwright.tasks.summarizing.settings import ExtractorSettings
from textwright.tasks.work import work_folder
from textwright.text.pairs.reading import Pair
from textwright.text.script import script_shares
from textwright.text.sentences import sentences

# All of a recipe that means something to an extractor.
_ITS_OWN = ("objective", "data.source", "data.target", "model.", "pairs.clean.", "budget.minutes", "seed")
_TASK = "summarize"
# Pairs by which it is told how long all of them take, and how much of the time there is they may take.
_TRIAL, _SHARE_OF_TIME = 200, 0.7
# With so many seconds for each pair nobody need ask.
_ENOUGH_SECONDS_A_PAIR = 0.05
_SAMPLES, _SEEN = 64, 2_000
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class LearnedExtractor:
    """What a training gave; `scores` are of the part that was held out."""

    out: Path
    model: str
    seconds: float
    parameters: int
    scores: dict[str, Score]
    split: Split = "validation"


def train_extractor(
    data: str | Path,
    out: str | Path,
    recipe: PretrainRecipe,
    *,
    sink: Sink = silent,
    clock: Clock | None = None,
) -> LearnedExtractor:
    """Learn which sentences summaries are made of, and write the folder of the extractor to `out`.

    The part that is held out is that of a network that learns from the same file. Where the minutes do not
    suffice for all pairs, it learns from as many as they do, drawn at random. Raises ConfigError for settings
    that say nothing of an extractor, DataError and ModelError where there is too little to learn from.
    """
    target, clock = Path(out), _limited(recipe, clock or Clock.starting())
    settings = settings_of(recipe)
    refuse_foreign(target)
    if is_finished(target):
        sink(Note(f"{target}: the model that is there now is replaced when this training is done"))
    with work_folder(target, resume=False, say=sink) as work, closing(Journal(work.path, sink)) as journal:
        say = fan_out([journal, sink])
        rows = PairRows.read(data, recipe)
        for line in rows.account():
            say(Note(line))
        pairs = _in_time(rows.train, recipe.seed, clock, say)
        extractor, reasons = _learned(pairs, recipe.seed, settings)
        baselines = baselines_of(*_sides(pairs), seed=recipe.seed)
        found = judged(
            Summarizer.of(extractor), baselines, *_sides(rows.held_out), language_of_targets(rows.held_out)
        )
        for name, reason in reasons.items():
            say(Note(f"{name}: {reason}", "plan"))
        made = LearnedExtractor(target, EXTRACTOR, clock.elapsed(), extractor.num_parameters, found.scores)
        _Folder(made, rows, recipe, extractor, baselines, found, reasons, len(pairs)).save(
            clock, journal, sink
        )
        return made


def settings_of(recipe: PretrainRecipe) -> ExtractorSettings:
    """What was asked of the extractor. Raises ConfigError for what means nothing to it."""
    refuse_unknown(str(recipe.objective), EXTRACTOR)
    if recipe.data.test or recipe.data.test_share:
        raise ConfigError(
            "an extractor is scored on what is held out, and chooses nothing by it",
            hint="Leave --test and --test-share out, and score it on a file: textwright evaluate DIR FILE",
        )
    for key in recipe.said():
        if key != "model" and not key.startswith(_ITS_OWN):
            raise ConfigError(
                f"{key} says nothing to an extractor, which is no network", hint="Leave it out."
            )
    if recipe.model.get("checkpoint") is not None:
        raise ConfigError(
            f"--from does not go with --model {EXTRACTOR}, which starts from nothing",
            hint="Leave one of them out.",
        )
    return ExtractorSettings.parse(recipe.model_settings, where="model.")


def _limited(recipe: PretrainRecipe, clock: Clock) -> Clock:
    minutes = recipe.budget.minutes
    return clock.limited(None if minutes is None else 60 * minutes)


def _sides(pairs: Sequence[Pair]) -> tuple[list[str], list[str]]:
    return [pair.source for pair in pairs], [pair.target for pair in pairs]


def _in_time(pairs: list[Pair], seed: int, clock: Clock, say: Sink) -> list[Pair]:
    """All pairs, or as many as there is time for."""
    if len(pairs) < 2 * _TRIAL or clock.remaining() > _ENOUGH_SECONDS_A_PAIR * len(pairs):
        return pairs
    order = generator(seed, "extract", "in time").permutation(len(pairs))
    started = time.monotonic()
    learn_extractor(*_sides([pairs[i] for i in order[:_TRIAL]]), seed)
    a_pair = (time.monotonic() - started) / _TRIAL
    count = max(int(_SHARE_OF_TIME * clock.remaining() / a_pair), _TRIAL)
    if count >= len(pairs):
        return pairs
    say(Note(f"learns from {count:,} of {len(pairs):,} pairs: there is no time for more", "warning"))
    return [pairs[i] for i in sorted(order[:count].tolist())]


def _learned(
    pairs: Sequence[Pair], seed: int, settings: ExtractorSettings
) -> tuple[Extractor, dict[str, str]]:
    """The extractor with the length asked for, or the best one, and why it is so long."""
    texts, summaries = _sides(pairs)
    extractor = learn_extractor(texts, summaries, seed)
    asked = settings.sentences is not None or settings.length is not None
    if asked:
        named = Summarizer.of(extractor, sentences=settings.sentences, length=settings.length)
        room = named.room_for("\n".join(texts[:_SEEN]))
        extractor = replace(extractor, room=room)
    room = extractor.room
    key, told = "model.sentences", f"{room.sentences} sentences"
    if room.words is not None:
        key, told = "model.length", f"{room.words} words or Chinese characters"
    held = min(max(len(pairs) // 10, 1), 1_000)
    why = f"{told}: agreed best with the summaries of {held:,} texts held out"
    reasons = {key: f"{told}: as asked" if asked else why}
    if extractor.max_shared < 1:
        reasons["repeats"] = (
            "sentences that share three words in a row with those taken are passed by"
            if extractor.max_shared == 0
            else "sentences of which much stands in those taken are passed by"
        )
    return extractor, reasons


@dataclass(frozen=True)
class _Folder:
    """Everything that the folder tells."""

    made: LearnedExtractor
    rows: PairRows
    recipe: PretrainRecipe
    extractor: Extractor
    baselines: list[Baseline]
    found: Judged
    reasons: dict[str, str]
    num_learned: int

    def save(self, clock: Clock, journal: Journal, say: Sink) -> None:
        """Write it in one step."""
        place, manifest = self.made.out, self._manifest()

        def fill(folder: Path) -> None:
            config = {"baselines": [one.to_json() for one in self.baselines]}
            write_extractor(self.extractor, folder, OF_BUNDLE, config)
            (folder / "recipe.yaml").write_text(self._recipe().to_yaml(), encoding="utf-8")
            (folder / "plan.json").write_text(to_json(self._plan(clock)), encoding="utf-8")
            scores = {"split": self.made.split, "scores": manifest.scores, "details": self.found.details}
            (folder / "scores.json").write_text(to_json(scores), encoding="utf-8")
            (folder / "data.json").write_text(to_json(pairs_at_a_glance(self.rows)), encoding="utf-8")
            _write_lines(folder / "cleaning.jsonl", self.rows.log.records())
            _write_lines(folder / "samples.jsonl", self._samples())
            journal.join(folder / "events.jsonl")
            record = manifest.model_dump(mode="json", by_alias=True)
            write_pages(folder, lambda: make_extractor(folder, record, name=readable_name(place)), say)

        save_bundle(place, manifest, fill)

    def _recipe(self) -> PretrainRecipe:
        return self.recipe.replaced({"model.name": EXTRACTOR})

    def _plan(self, clock: Clock) -> dict[str, Any]:
        room = asdict(self.extractor.room)
        return {
            "model": {"name": EXTRACTOR, **room, "max_shared": self.extractor.max_shared},
            "reasons": self.reasons,
            "pairs": self.num_learned,
            "cost": {"seconds": round(clock.elapsed(), 3), "cpu_seconds": round(clock.cpu_seconds(), 3)},
            "interrupted": False,
        }

    def _samples(self) -> list[dict[str, str]]:
        rows = zip(self.rows.held_out[:_SAMPLES], self.found.made, strict=False)
        return [{"prompt": pair.source, "text": text, "wanted": pair.target} for pair, text in rows]

    def _manifest(self) -> Manifest:
        rows, data = self.rows, self.recipe.data.said()
        languages = {} if "und" in rows.languages else {"languages": rows.languages}
        record = DataRecord(
            name=readable_name(rows.path),
            fingerprint=rows.fingerprint,
            rows=len(rows.train) + len(rows.held_out),
            cleaning=rows.log.summary(),
        )
        return Manifest.parse(
            {
                "textwright_version": version("textwright"),
                "task": _TASK,
                "architecture": EXTRACTOR,
                "schema": {"objective": _TASK, **data, **languages},
                "decode": {},
                "scores": {name: score.to_json() for name, score in self.made.scores.items()},
                "split": self.made.split,
                "parameters": self.made.parameters,
                "seconds": round(self.made.seconds, 3),
                "data": [record.model_dump(mode="json")],
            }
        )


def pairs_at_a_glance(rows: PairRows) -> dict[str, Any]:
    """Counts, scripts and quantiles of lengths, no text: `data.json` of the folder."""
    seen = rows.train[:: max(len(rows.train) // _SEEN, 1)]
    sources, targets = _sides(seen)
    scripts = script_shares(sources)
    return {
        "pairs": {"train": len(rows.train), "validation": len(rows.held_out)},
        "characters": {"source": _quantiles(map(len, sources)), "target": _quantiles(map(len, targets))},
        "sentences": {
            "source": _quantiles(len(sentences(text)) for text in sources),
            "target": _quantiles(len(sentences(text)) for text in targets),
        },
        "languages": rows.languages,
        "scripts": {name: round(share, 4) for name, share in scripts.items()},
    }


def _quantiles(counts: Any) -> list[int]:
    return [round(float(value)) for value in np.quantile(np.array([*counts]), _QUANTILES)]


def _write_lines(path: Path, records: Any) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
