"""`pretrain`: raw text in, the folder of a language model out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from textwright.bundle.folder import is_finished, refuse_foreign, save_bundle
from textwright.bundle.manifest import LANGUAGE, PAIRS, DataRecord, Manifest
from textwright.core.clock import Clock
from textwright.core.events import Sink, fan_out, silent
from textwright.core.files import read_json, readable_name, to_json, write_atomic
from textwright.core.records import Note, Score, Split
from textwright.core.tensorboard import tracking
from textwright.models.transformer.lora import merged
from textwright.report.folder import make_language, write_pages
from textwright.runtime.ranks import Ranks, launched
from textwright.tasks.checkpoints import Checkpoints
from textwright.tasks.identity import library_versions
from textwright.tasks.journal import Journal
from textwright.tasks.pretraining.adding import Adding, refuse_additions, said_of
from textwright.tasks.pretraining.corpus import Learned, account, prepared
from textwright.tasks.pretraining.cutting import cut_after_a_step
from textwright.tasks.pretraining.fitting import Learning, count_parameters
from textwright.tasks.pretraining.follow import led, refuse_misfit, refuse_shards
from textwright.tasks.pretraining.glance import text_at_a_glance
from textwright.tasks.pretraining.objectives.pairs import learns_marks
from textwright.tasks.pretraining.opening import opening_of
from textwright.tasks.pretraining.plan import Decided, decide, objective_of
from textwright.tasks.pretraining.recipe import HYBRID, INSTRUCT, PretrainRecipe
from textwright.tasks.pretraining.starting import Start, start_of
from textwright.tasks.rewriting.confidence import CONFIDENCE
from textwright.tasks.rewriting.lengths import MARKED, SIZES
from textwright.tasks.rewriting.samples import rewritten_samples
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.work import work_folder
from textwright.tasks.writing.model import LanguageModel, pair_frame_of, vocabulary_of
from textwright.tasks.writing.sampling import WritingSettings
from textwright.tasks.writing.writer import write
from textwright.text.documents.reading import Documents
from textwright.text.documents.shards import Shards
from textwright.text.pairs.added import GIVEN

_TOKENS, _FIT, _SIZE = "tokens", "fit", "size"
MINUTES_WITHOUT_LENGTH = 10.0
# Of conversations: as those who tune do, and what a model that knows no language yet needs besides.
EPOCHS_FROM_A_MODEL, EPOCHS_FROM_NOTHING = 3, 20
_NOTHING_TO_SHARE = (
    "compute.shard: this one process holds all of the model; --processes or torchrun start more"
)
# A run that is resumed may have others of these.
_MAY_CHANGE: Any = {"budget": {"minutes"}, "compute": {"shard", "micro_batch"}, "tracking": True}
# What a report shows of what was learned.
_SAMPLES, _SAMPLE_TOKENS = 3, 150


@dataclass(frozen=True)
class Pretrained:
    """What learning a language gave; `scores` are of the part that was held out."""

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


def pretrain(
    sources: Sequence[str | Path],
    out: str | Path,
    recipe: PretrainRecipe | None = None,
    *,
    sink: Sink = silent,
    clock: Clock | None = None,
    resume: bool = False,
    processes: int = 1,
) -> Pretrained:
    """See `textwright.api.pretrain`."""
    refuse_misfit(processes)
    recipe, target = recipe or PretrainRecipe(), Path(out)
    refuse_foreign(target)
    start = start_of(recipe)
    objective = objective_of(recipe, start)
    refuse_additions(recipe, objective)
    recipe = _with_epochs(recipe, start, sink)
    clock = _limited(recipe, clock or Clock.starting(), sink)
    documents = Documents.of(sources, recipe.data.text)
    is_other = is_finished(target)
    if is_other:
        sink(Note(f"{target}: the model that is there now is replaced when this training is done"))
    with (
        work_folder(target, resume=resume, say=sink) as work,
        closing(Journal(work.path, sink)) as journal,
        tracking(recipe.tracking.tensorboard, target.name, sink) as board,
    ):
        sinks = fan_out([journal, sink, board])
        learn = partial(_learn_beside, processes)
        add = Adding(recipe, work.path, clock, sinks, sink, learn) if said_of(recipe) else None
        learned = prepared(documents, recipe, work.path / _TOKENS, objective, start, add)
        asked = recipe.tokenizer
        wanted = None if asked == "auto" else asked.vocabulary_size
        for line in account(learned, documents, objective, wanted):
            sinks(Note(line))
        decided = _decided(recipe, learned, start, clock, work.path / _SIZE)
        launch = launched()
        beside = launch.local_count if launch else processes
        learning = Learning(recipe, decided, learned, clock, start, processes=beside)
        refuse_shards(learning.fit.compute, processes)
        if recipe.compute.shard and processes == 1 and launch is None:
            sinks(Note(_NOTHING_TO_SHARE))
        identity = _identity(recipe, learned, decided)
        checkpoints = Checkpoints(work.path, resume, identity, journal, sinks)
        checkpoints.check()
        for name, reason in {**decided.reasons, **learning.reasons}.items():
            sinks(Note(f"{name}: {reason}", "plan"))
        checkpoints.started(_FIT, learning.fit)
        orders = _orders(sources, recipe, learning, work.path, checkpoints)
        with led(work.path, orders, processes) as ranks:
            interrupted = _run(learning, ranks, checkpoints, sinks)
        place = target.with_name(f"{target.name}-interrupted") if interrupted and is_other else target
        made = _keep(place, learning, documents, clock, journal, interrupted, sink)
        if interrupted:
            work.keep()
        if place != target:
            sink(Note(f"{target}: the finished model stays; what was interrupted is in {place}"))
        return made


def _learn_beside(
    processes: int, data: Path, out: Path, recipe: PretrainRecipe, sink: Sink, clock: Clock, goes_on: bool
) -> tuple[bool, dict[str, float]]:
    """Learn another model, with a work folder of its own; whether it was interrupted, and what it scored."""
    made = pretrain([data], out, recipe, sink=sink, clock=clock, resume=goes_on, processes=processes)
    return made.interrupted, {name: score.value for name, score in made.scores.items()}


def _with_epochs(recipe: PretrainRecipe, start: Start | None, say: Sink) -> PretrainRecipe:
    """Conversations are gone over a few times where nobody says how long: they are few, and soon known by
    heart.
    """
    budget = recipe.budget
    if recipe.objective != INSTRUCT or budget.said() or recipe.learn.epochs != "auto":
        return recipe
    epochs = EPOCHS_FROM_NOTHING if start is None else EPOCHS_FROM_A_MODEL
    say(Note(f"no --minutes, --tokens or --epochs given: goes over the rows {epochs} times"))
    return recipe.replaced({"learn.epochs": epochs})


def _limited(recipe: PretrainRecipe, clock: Clock, say: Sink) -> Clock:
    """The clock with the minutes asked for; with the usual ones where nobody says how long."""
    minutes = recipe.budget.minutes
    if minutes is None and recipe.budget.tokens is None and recipe.learn.epochs == "auto":
        minutes = MINUTES_WITHOUT_LENGTH
        say(Note(f"no --minutes, --tokens or --epochs given: learns for {minutes:g} minutes"))
    return clock.limited(None if minutes is None else 60 * minutes)


def _decided(
    recipe: PretrainRecipe, learned: Learned, start: Start | None, clock: Clock, memory: Path
) -> Decided:
    """The plan; what was chosen by the time there was stays that of a run that is resumed."""
    if memory.is_file():
        return decide(recipe.replaced(read_json(memory)), learned, start)
    found = decide(recipe, learned, start, seconds=clock.remaining(), tokens=_tokens(recipe, learned))
    write_atomic(memory, to_json(_by_time(found, recipe, start)))
    return found


def _by_time(decided: Decided, recipe: PretrainRecipe, start: Start | None) -> dict[str, Any]:
    """What was chosen by the time there is."""
    found: dict[str, Any] = {"model.size": decided.settings.size}
    if recipe.objective in PAIRS and start is None:
        found["model.dropout"] = decided.settings.dropout
    return found


def _tokens(recipe: PretrainRecipe, learned: Learned) -> float:
    """To learn from, where somebody said so."""
    if recipe.budget.tokens is not None or recipe.learn.epochs == "auto":
        return float(recipe.own_tokens or "inf")
    return recipe.learn.epochs * len(learned.corpus.train)


def _identity(recipe: PretrainRecipe, learned: Learned, decided: Decided) -> dict[str, Any]:
    """What must be the same for a run to be resumed."""
    return {
        "data": learned.fingerprint,
        "recipe": recipe.model_dump(mode="json", exclude=_MAY_CHANGE),
        "plan": decided.settings.model_dump(mode="json"),
        "version": library_versions("peft" if decided.settings.tune == "lora" else None),
    }


def _orders(
    sources: Sequence[str | Path],
    recipe: PretrainRecipe,
    learning: Learning,
    work: Path,
    checkpoints: Checkpoints,
) -> dict[str, Any]:
    """What another process needs to make the same steps."""
    return {
        "sources": [str(source) for source in sources],
        "recipe": recipe.replaced(_by_time(learning.decided, recipe, learning.start)).model_dump(
            mode="json", exclude_unset=True
        ),
        "compute": learning.fit.compute.to_json(),
        "work": str(work),
        "seconds": None if learning.clock.limit is None else max(learning.clock.remaining(), 1.0),
        "fit": f"{_FIT}-1",
        "resume": checkpoints.resume and learning.fit.state.step > 0,
    }


def _run(learning: Learning, ranks: Ranks, checkpoints: Checkpoints, sink: Sink) -> bool:
    """The fit to its end; true when it was interrupted and something was kept."""
    events, is_split = learning.run(ranks), learning.is_split(ranks)
    try:
        with cut_after_a_step(learning.fit) if is_split else nullcontext():
            for event in events:
                sink(event)
                checkpoints.after(event)
    except KeyboardInterrupt as stop:
        if is_split:
            raise
        with suppress(KeyboardInterrupt, StopIteration):
            events.throw(stop)
        if not learning.fit.state.step:
            raise
    else:
        if not learning.fit.was_cut:
            return False
    sink(Note("interrupted: what was learned so far is kept", "warning"))
    return True


def _keep(
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
    scores, details = learning.objective.scores(model, held_out, learning.recipe, learning.most_scored)
    if why := details.get("confidence", {}).get("why"):
        say(Note(why))
    state = fit.state
    made = Pretrained(
        place,
        objective,
        decided.architecture.name,
        clock.elapsed(),
        state.tokens,
        state.tokens / max(state.seconds, 1e-9),
        count_parameters(network),
        scores,
        interrupted=interrupted,
    )
    manifest = _manifest(made, learning, documents, opening)

    def fill(folder: Path) -> None:
        model.save(folder)
        (folder / "recipe.yaml").write_text(learning.recipe.to_yaml(), encoding="utf-8")
        plan = {
            "model": {"name": made.model, **decided.settings.model_dump(mode="json")},
            "learn": decided.learn.model_dump(mode="json"),
            "compute": fit.compute.to_json(),
            "trainable": count_parameters(fit.model, learning=True),
            "quickened": learning.quickened,
            "reasons": {**decided.reasons, **learning.reasons, "tokenizer": learned.reason},
            "epochs": round(state.rows / len(fit.rows), 3),
            "steps": state.step,
            "tokens": state.tokens,
            "cost": {"seconds": round(clock.elapsed(), 3), "cpu_seconds": round(clock.cpu_seconds(), 3)},
            "interrupted": interrupted,
            **_added(learned.corpus.train),
        }
        (folder / "plan.json").write_text(to_json(plan), encoding="utf-8")
        if kept := details.get("confidence", {}).pop("model", None):
            (folder / CONFIDENCE).write_text(to_json(kept), encoding="utf-8")
        record = {"split": made.split, "scores": manifest.scores, "details": details}
        (folder / "scores.json").write_text(to_json(record), encoding="utf-8")
        (folder / "data.json").write_text(to_json(text_at_a_glance(learned.corpus)), encoding="utf-8")
        shutil.copy(learned.cleaning_file, folder / "cleaning.jsonl")
        journal.join(folder / "events.jsonl")
        if learning.objective.task == LANGUAGE:
            samples = _samples(model, _prompts(model, learned), learning.recipe.seed)
        else:
            samples = rewritten_samples(model, held_out, decode_of(learning))
        (folder / "samples.jsonl").write_text(samples, encoding="utf-8")
        record = manifest.model_dump(mode="json", by_alias=True)
        write_pages(folder, lambda: make_language(folder, record, name=readable_name(place)), say)

    save_bundle(place, manifest, fill)
    return made


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
    """The languages of both sides, what stands around them, and of summaries how long they are."""
    train, tokenizer = learning.learned.corpus.train, learning.learned.corpus.tokenizer
    found: dict[str, Any] = {key: train.about[key] for key in ("languages", "frame") if key in train.about}
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
    name = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} others"
    columns: dict[str, Any] = {key: value for key, value in asked.said().items() if key != "text"}
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
            "data": [data.model_dump(mode="json")],
        }
    )
