"""Pairs that nobody gave: texts of one language translated back, and the answers of a teacher.

What is made stays in a folder of the run's work until the run is done: a reverse model with its checkpoints,
and answers part by part. A run that is resumed goes on where it was, and ends with the same bits.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textwright.bundle.folder import load_manifest
from textwright.bundle.manifest import PAIRS
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.events import Event, Sink
from textwright.core.files import read_json, to_json, write_atomic, writing_atomic
from textwright.core.records import Note, StepEvent
from textwright.runtime.ranks import launched
from textwright.tasks.identity import library_versions, refuse_another
from textwright.tasks.pretraining.answers import Answered, answered
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.rewriting.model import Rewriter
from textwright.tasks.work import STAGE, has_checkpoints, work_of
from textwright.text.documents.reading import Documents
from textwright.text.pairs.added import TAUGHT, Added, clean_made
from textwright.text.pairs.cleaning import Kind, PairRules
from textwright.text.pairs.languages import UNDETERMINED
from textwright.text.pairs.monolingual import Sentence, fresh_sentences, read_sentences
from textwright.text.pairs.reading import Pair
from textwright.text.pairs.tokens import languages_of
from textwright.text.rowlog import RowLog
from textwright.text.sources import open_source

# Of the time that is left, what answers may take, those of a reverse model or of a teacher.
_SHARE_OF_ANSWERS = 0.2
_ASKED, _DONE = "asked.json", "done.json"
# Of the reverse model: its pairs are clean already.
_NO_RULES = {f"pairs.clean.{key}": False for key, value in PairRules() if value is True}
_NOT_OF_THE_REVERSE = ("monolingual", "teacher")
# What may differ between a run and the one that it goes on with.
_MAY_CHANGE: Any = {"budget": {"minutes"}, "compute": {"shard", "micro_batch"}, "tracking": True}

# `pretrain` of data to a folder, with a recipe, a sink, a clock, and whether it goes on: whether it was
# interrupted, and its scores.
Learn = Callable[[Path, Path, PretrainRecipe, Sink, Clock, bool], tuple[bool, dict[str, float]]]


def texts_of(recipe: PretrainRecipe) -> list[Path]:
    """The files of texts to translate back. Raises DataError for one that is missing or empty."""
    asked = recipe.pairs.monolingual
    if asked is None:
        return []
    names = [asked] if Path(asked).exists() else [name.strip() for name in asked.split(",") if name.strip()]
    files = Documents.of(names).files
    for path in files:
        open_source(path, is_raw=True)
    return files


def refuse_additions(recipe: PretrainRecipe, objective: str) -> None:
    """Raises ConfigError for pairs that cannot be made here, and for settings of what is not asked for."""
    asked = recipe.pairs
    if asked.monolingual is not None and objective != "translate":
        raise ConfigError(
            f"pairs.monolingual does not go with the objective {objective}: only translations are made back",
            hint="Leave it out.",
        )
    if asked.teacher is not None and objective not in PAIRS:
        raise ConfigError(f"pairs.teacher does not go with the objective {objective}", hint="Leave it out.")
    for setting, needed in (("back", "monolingual"), ("taught", "teacher")):
        usual, found = (getattr(each, setting) for each in (type(asked)(), asked))
        if getattr(asked, needed) is None and found != usual:
            raise ConfigError(
                f"pairs.{setting} has no effect without pairs.{needed}",
                hint=f"Name it, or leave {setting} out.",
            )
    if (asked.monolingual or asked.teacher) and launched():
        raise ConfigError(
            "pairs.monolingual and pairs.teacher make pairs in one process, and torchrun has started several",
            hint="Train without torchrun; --processes is fine.",
        )
    texts_of(recipe)
    if asked.teacher is not None:
        task = load_manifest(Path(asked.teacher)).task
        if task != objective:
            raise ConfigError(
                f"pairs.teacher={asked.teacher}: is a model for {task}, and {objective} is to be learned",
                hint="Name the folder of a model for the same task.",
            )


def said_of(recipe: PretrainRecipe) -> dict[str, Any]:
    """What pairs that are added depend on, for a run that finds those of an earlier one."""
    asked = recipe.pairs
    if asked.monolingual is None and asked.teacher is None:
        return {}
    stamps = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in texts_of(recipe)]
    teacher = None if asked.teacher is None else load_manifest(Path(asked.teacher)).own_hash
    settings = asked.model_dump(mode="json", exclude={"cut", "clean"})
    settings["back"].pop("given")
    return {"added": settings, "texts": stamps, "teacher": teacher}


@dataclass
class Adding:
    """Makes pairs beside those that are given, in folders of `work`.

    `learn` trains a model; `say` tells the record and the person, `show` the person alone, of what belongs to
    another fit than the one of this run.
    """

    recipe: PretrainRecipe
    work: Path
    clock: Clock
    say: Sink
    show: Sink
    learn: Learn = field(repr=False)

    def __call__(self, given: Sequence[Pair], held_out: Sequence[Pair], log: RowLog) -> Added:
        """The pairs to learn from. Raises DataError, ConfigError, BundleError; CheckpointError where those
        that are there belong to another run.
        """
        asked, about = self.recipe.pairs, dict[str, Any]()
        back: list[Pair] = []
        taught: list[Pair] = []
        if asked.monolingual is not None:
            found = read_sentences(texts_of(self.recipe), log, given, self.recipe.data.target)
            texts = fresh_sentences(found, given, held_out, log)
            self._claim("back", given, [one.text for one in texts])
            back, about["back"] = self._back(texts, (given, held_out), log)
            about["back"] = {"read": len(found), **about["back"]}
        if asked.teacher is not None:
            taught, about["taught"] = self._taught(Path(asked.teacher), (given, held_out), log)
        if taught and asked.taught == "instead":
            answered_rows = {(pair.row, pair.file, pair.source) for pair in taught}
            given = [pair for pair in given if (pair.row, pair.file, pair.source) not in answered_rows]
        return Added(given, taught, back, about)

    def _folder(self, name: str) -> Path:
        return self.work / f"{STAGE}{name}"

    def _claim(self, name: str, given: Sequence[Pair], texts: Sequence[str]) -> None:
        """Raises CheckpointError where the folder has what another run made."""
        own = {
            "data": _hash([side for pair in given for side in (pair.source, pair.target)]),
            "texts": _hash(texts),
            "recipe": self.recipe.model_dump(mode="json", exclude=_MAY_CHANGE),
            "version": library_versions(),
        }
        path = self._folder(name) / _ASKED
        if path.exists():
            refuse_another(self.work, read_json(path), own)
        else:
            write_atomic(path, to_json(own))

    def _back(
        self, texts: Sequence[Sentence], beside: tuple[Sequence[Pair], Sequence[Pair]], log: RowLog
    ) -> tuple[list[Pair], dict[str, Any]]:
        """Pairs of the texts, each with what a model of the other direction makes of it for its source."""
        if not texts:
            self.say(Note("no text to translate back says anything new: nothing is made of them", "warning"))
            return [], {"fresh": 0, "made": 0, "kept": 0, "seconds": {"learning": 0.0, "translating": 0.0}}
        settings, folder = self.recipe.pairs.back, self._folder("back")
        learned = self._reverse(beside[0], folder)
        model = Rewriter.load(folder / "model")
        ways = {"beams": settings.beams, "temperature": settings.temperature, "seed": self.recipe.seed}
        found = self._answers(
            model, [one.text for one in texts], folder / "answers", model.settings.replaced(ways)
        )
        made = [
            Pair(answer, texts[place].text, texts[place].row, texts[place].file)
            for place, answer in zip(found.places, found.answers, strict=True)
        ]
        kept = clean_made(made, beside, log, self.recipe.pairs.clean)
        about = {
            "fresh": len(texts),
            "made": found.num_asked,
            "without_end": found.num_cut,
            "kept": len(kept),
            "seconds": {"learning": learned["seconds"], "translating": round(found.seconds, 3)},
            "reverse": learned["scores"],
        }
        self.say(
            Note(
                f"translated back: {found.num_asked:,} of {len(texts):,} texts in {found.seconds:.0f} s, "
                f"{len(kept):,} pairs of them are learned from"
            )
        )
        return kept, about

    def _reverse(self, given: Sequence[Pair], folder: Path) -> dict[str, Any]:
        """Learn the other direction, in a share of the budget; what it scored and took."""
        done, target = folder / _DONE, folder / "model"
        if done.exists():
            known: dict[str, Any] = read_json(done)
            return known
        share = self.recipe.pairs.back.share
        self.say(Note(f"first the other direction is learned, for {100 * share:.0f} % of the budget"))
        data, started = folder / "pairs.jsonl", time.monotonic()
        if not data.exists():
            _write(data, [(pair.target, pair.source) for pair in given])
        recipe, clock = self._for_the_reverse(share)
        goes_on = has_checkpoints(work_of(target))
        is_cut, scores = self.learn(data, target, recipe, self._quietly, clock, goes_on)
        if is_cut:  # its checkpoints stay, and all else too
            raise KeyboardInterrupt
        record = {"scores": scores, "seconds": round(time.monotonic() - started, 3)}
        shown = ", ".join(f"{name} {value:.1f}" for name, value in scores.items())
        self.say(Note(f"the other direction: {shown} on pairs held out, in {record['seconds']:.0f} s"))
        write_atomic(done, to_json(record))
        return record

    def _for_the_reverse(self, share: float) -> tuple[PretrainRecipe, Clock]:
        """The recipe with its share of the budget: of the time, of the tokens, or of all passes."""
        recipe, clock = self.recipe, self.clock
        changed: dict[str, Any] = {f"pairs.{name}": None for name in _NOT_OF_THE_REVERSE} | _NO_RULES
        changed |= {
            "pairs.back": type(recipe.pairs.back)(),
            "pairs.taught": "beside",
            "data.source": "source",
        }
        changed |= {"data.target": "target", "tracking.tensorboard": None, "compute.shard": False}
        if recipe.budget.tokens is not None:
            changed["budget.tokens"] = max(recipe.budget.tokens - int(recipe.own_tokens or 0), 1)
        elif recipe.learn.epochs != "auto":
            changed["learn.epochs"] = recipe.learn.epochs * share / (1 - share)
        if clock.limit is not None:
            clock = clock.limited(clock.elapsed() + share * max(clock.remaining(), 0.0))
            changed["budget.minutes"] = clock.limit / 60 if clock.limit else None
        return recipe.replaced(changed), clock

    def _quietly(self, event: Event) -> None:
        """Of another fit a person sees the steps, and what went wrong."""
        if isinstance(event, StepEvent) or event.kind == "warning":
            self.show(event)

    def _answers(self, model: Rewriter, texts: Sequence[str], folder: Path, settings: Any) -> Answered:
        clock = self.clock.part(_SHARE_OF_ANSWERS)
        return answered(model, texts, folder, settings, clock, self.show)

    def _taught(
        self, teacher: Path, beside: tuple[Sequence[Pair], Sequence[Pair]], log: RowLog
    ) -> tuple[list[Pair], dict[str, Any]]:
        """Pairs of the given sources with the answers of a teacher. Raises ConfigError for one of other
        languages.
        """
        model, given = Rewriter.load(teacher), beside[0]
        self._refuse_other_languages(model, given, teacher)
        self._claim("teacher", given, [load_manifest(teacher).own_hash])
        self.say(Note(f"the teacher {teacher.name} answers {len(given):,} sources"))
        settings = model.settings.replaced({"answers": 1, "temperature": 0.0, "seed": self.recipe.seed})
        found = self._answers(
            model, [pair.source for pair in given], self._folder("teacher") / "answers", settings
        )
        made = [
            Pair(given[place].source, answer, given[place].row, given[place].file)
            for place, answer in sorted(zip(found.places, found.answers, strict=True))
        ]
        kind: Kind = "translate" if self.recipe.objective == "translate" else "summarize"
        kept = clean_made(made, beside, log, self.recipe.pairs.clean, name=TAUGHT, kind=kind)
        about = {
            "sources": len(given),
            "made": found.num_asked,
            "without_end": found.num_cut,
            "kept": len(kept),
            "seconds": round(found.seconds, 3),
        }
        self.say(
            Note(
                f"the teacher answered {found.num_asked:,} sources in {found.seconds:.0f} s, "
                f"{len(kept):,} answers are learned from"
            )
        )
        return kept, about

    def _refuse_other_languages(self, model: Rewriter, given: Sequence[Pair], teacher: Path) -> None:
        theirs, ours = model.schema.get("languages") or [UNDETERMINED] * 2, languages_of(given)
        for own, other in zip(ours, theirs, strict=True):
            if UNDETERMINED not in (own, other) and own != other:
                raise ConfigError(
                    f"pairs.teacher={teacher}: was learned from {theirs[0]} to {theirs[1]}, and the pairs "
                    f"are from {ours[0]} to {ours[1]}",
                    hint="Name a teacher of the same languages and direction.",
                )


def _write(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    with writing_atomic(path) as file:
        for source, target in rows:
            file.write(json.dumps({"source": source, "target": target}, ensure_ascii=False) + "\n")


def _hash(texts: Sequence[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()
