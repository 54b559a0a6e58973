"""`pretrain`: raw text in, the folder of a language model out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from textwright.bundle.folder import is_finished, refuse_foreign
from textwright.bundle.manifest import PAIRS
from textwright.core.clock import Clock
from textwright.core.events import Sink, fan_out, silent
from textwright.core.files import read_json, to_json, write_atomic
from textwright.core.records import Note
from textwright.core.tensorboard import tracking
from textwright.runtime.ranks import Ranks, launched
from textwright.tasks.checkpoints import Checkpoints
from textwright.tasks.identity import library_versions
from textwright.tasks.journal import Journal
from textwright.tasks.pretraining.adding import Adding, refuse_additions, said_of
from textwright.tasks.pretraining.corpus import Learned, account, prepared
from textwright.tasks.pretraining.cutting import cut_after_a_step
from textwright.tasks.pretraining.fitting import Learning
from textwright.tasks.pretraining.follow import led, refuse_misfit, refuse_shards
from textwright.tasks.pretraining.keeping import Pretrained, keep
from textwright.tasks.pretraining.plan import Decided, decide, objective_of
from textwright.tasks.pretraining.recipe import INSTRUCT, PretrainRecipe
from textwright.tasks.pretraining.starting import Start, start_of
from textwright.tasks.pretraining.testing import (
    refuse_settings_of_pairs,
    spoiled,
)
from textwright.tasks.work import work_folder
from textwright.text.documents.reading import Documents

_TOKENS, _FIT, _SIZE = "tokens", "fit", "size"
MINUTES_WITHOUT_LENGTH = 10.0
# Of conversations: as those who tune do, and what a model that knows no language yet needs besides.
EPOCHS_FROM_A_MODEL, EPOCHS_FROM_NOTHING = 3, 20
_NOTHING_TO_SHARE = (
    "compute.shard: this one process holds all of the model; --processes or torchrun start more"
)
# A run that is resumed may have others of these.
_MAY_CHANGE: Any = {"budget": {"minutes"}, "compute": {"shard", "micro_batch"}, "tracking": True}


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
    refuse_settings_of_pairs(recipe, objective)
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
        for line in (*learned.corpus.train.about.get("warnings", ()), *spoiled(start, learned)):
            sinks(Note(line, "warning"))
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
        made = keep(place, learning, documents, clock, journal, interrupted, sink)
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
        found |= {"model.dropout": decided.settings.dropout, "learn.batch": decided.learn.batch}
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
