"""The verbs for programs; the command line is a thin layer over this module.

>>> import textwright  # doctest: +SKIP
>>> textwright.train("reviews.csv", "my-model")  # doctest: +SKIP
>>> textwright.load("my-model").predict(["what a wonderful day"])  # doctest: +SKIP
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

from textwright.audit.release.summary import keep_with
from textwright.bundle.folder import (
    is_finished,
    load_bundle,
    load_manifest,
    load_verified,
    refuse_foreign,
)
from textwright.bundle.looks import count_look
from textwright.bundle.manifest import LANGUAGE, PAIRS
from textwright.choose.candidates import Proposal, proposals_for
from textwright.choose.compare.grid import SettingsComparison, compare_settings
from textwright.choose.compare.paired import Comparison, compare
from textwright.choose.keeping import Kept, Places, keep_chosen
from textwright.choose.pairs.compared import PairsComparison, compare_pairs
from textwright.choose.pick.limits import Limits
from textwright.choose.rows.curve import LearningCurve, learning_curve
from textwright.choose.rows.labelling import Picked, pick_rows
from textwright.choose.search.cluster import check_cluster
from textwright.choose.select import Selection
from textwright.core.clock import Clock, Steps
from textwright.core.errors import BundleError, ConfigError
from textwright.core.events import Sink, fan_out, silent
from textwright.core.files import read_json, readable_name, write_atomic
from textwright.core.names import did_you_mean
from textwright.core.records import Note
from textwright.core.tensorboard import tracking
from textwright.export.formats import export
from textwright.language import (
    answers,
    chat,
    fill,
    follow,
    generate,
    inspect,
    pretrain,
    stream,
    summarize,
    summarize_file,
    summarizer,
)
from textwright.models.language.registry import EXTRACTOR
from textwright.report.card import not_assessed
from textwright.report.folder import (
    CARD,
    edited_pages,
    make_extractor,
    make_language,
    make_pages,
    stated_before,
)
from textwright.report.markdown import STATED
from textwright.report.words import Language
from textwright.rewriting import choose_pairs, evaluate_pairs, train_pairs, translate, translate_file
from textwright.tasks.answering import Answered, answer_file
from textwright.tasks.checkpoints import Checkpoints
from textwright.tasks.identity import identity_of
from textwright.tasks.journal import Journal
from textwright.tasks.needs import check_recipes, check_target
from textwright.tasks.parent import past_of
from textwright.tasks.planning import Plan, make_plan
from textwright.tasks.predictor import Predictor
from textwright.tasks.prepare import prepare_data
from textwright.tasks.recipe import Recipe
from textwright.tasks.results import Carded, Evaluated, Trained
from textwright.tasks.work import work_folder
from textwright.text.corpus import read_labelled
from textwright.text.split import row_hashes

__all__ = [
    "Carded",
    "Comparison",
    "Evaluated",
    "LearningCurve",
    "PairsComparison",
    "Picked",
    "SettingsComparison",
    "Trained",
    "answers",
    "card",
    "chat",
    "choose_pairs",
    "compare",
    "compare_pairs",
    "compare_settings",
    "curve",
    "evaluate",
    "export",
    "fill",
    "follow",
    "generate",
    "inspect",
    "label",
    "load",
    "plan",
    "predict",
    "pretrain",
    "stream",
    "summarize",
    "summarize_file",
    "summarizer",
    "train",
    "train_pairs",
    "translate",
    "translate_file",
]

MINUTES_WITHOUT_BUDGET = 10.0


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
    Ctrl-C saves the best so far and comes back with `interrupted`, beside a finished model that was in `out`
    before (`out` of the result tells where); checkpoints, of which there is one after 20 seconds or more,
    stay, and `resume` goes on from them. Raises TextwrightError.
    """
    recipe, target = recipe or Recipe(), Path(out)
    limits = Limits.of(recipe)
    wall, clock = _clocks(recipe, clock, sink)
    refuse_foreign(target)
    proposals = proposals_for(recipe)
    check_recipes([(proposal.recipe(recipe), proposal.model) for proposal in proposals])
    check_cluster(recipe, len(proposals))
    prepared = prepare_data(data, recipe, test, partial(check_target, recipe))
    for note in prepared.notes():
        sink(note)
    is_other = is_finished(target)
    if is_other:
        sink(Note(f"{target}: the model that is there now is replaced when this training is done"))
    with (
        work_folder(target, resume=resume, say=sink) as work,
        closing(Journal(work.path, sink)) as journal,
        tracking(recipe.tracking.tensorboard, target.name, sink) as board,
    ):
        sinks = fan_out([journal, sink, board])
        checkpoints = Checkpoints(work.path, resume, identity_of(recipe, prepared), journal, sinks)
        checkpoints.check()
        selection = Selection.of(prepared, recipe, limits, clock)
        interrupted = _fit(selection, proposals, checkpoints, sinks)
        places = Places(target, target.with_name(f"{target.name}-interrupted") if is_other else target)
        kept = keep_chosen(places, selection, prepared, recipe, wall, journal, interrupted, sink)
        trained = _trained(kept, wall)
        if trained.interrupted:
            work.keep()
        if trained.out != target:
            sink(Note(f"{target}: the finished model stays; what was interrupted is in {trained.out}"))
        return trained


def plan(
    data: str | Path, recipe: Recipe | None = None, *, test: str | Path | None = None
) -> tuple[Plan, list[str]]:
    """What `train` would do, and a JSON line for every row that reading would drop or change."""
    recipe = recipe or Recipe()
    Limits.of(recipe)
    candidates = {proposal.name: proposal.recipe(recipe) for proposal in proposals_for(recipe)}
    check_recipes([(own, own.model_name) for own in candidates.values()])
    prepared = prepare_data(data, recipe, test, partial(check_target, recipe))
    records = [json.dumps(record, ensure_ascii=False) for record in prepared.cleaning()]
    return make_plan(prepared, recipe, candidates), records


def load(path: str | Path) -> Predictor:
    """Open a model folder, its hashes checked. Raises BundleError."""
    return Predictor.load(path)


def evaluate(path: str | Path, data: str | Path, *, target_file: str | Path | None = None) -> Evaluated:
    """Score a model on a labelled file; looks at rows that were locked for the test are counted and kept.

    A language model is scored on raw text: see `textwright.tasks.pretraining.evaluating`. One of pairs is
    scored on pairs; where `data` holds the sources alone, `target_file` has their targets, line by line.
    """
    task = load_manifest(Path(path)).task
    if task in PAIRS:
        return evaluate_pairs(path, data, target_file)
    if target_file is not None:
        raise ConfigError(f"a file of targets does not go with a model for {task}", hint="Leave it out.")
    if task == LANGUAGE:
        return _evaluate_language(path, data)
    started = time.monotonic()
    predictor = load(path)
    corpus = read_labelled(data, predictor.schema)
    meter, wrong = predictor.measure(corpus.texts, corpus.targets)
    assert predictor.bundle is not None
    num_locked = count_look(
        predictor.bundle.path, f"evaluate {readable_name(data)}", row_hashes(corpus.texts)
    )
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


def _evaluate_language(path: str | Path, data: str | Path) -> Evaluated:
    from textwright.tasks.pretraining.evaluating import evaluate_language  # it needs torch

    found = evaluate_language(path, data)
    return Evaluated(found.n, found.seconds, found.scores, found.details, 0, found.cleaning, [])


def predict(
    path: str | Path,
    data: str | Path,
    out: str,
    *,
    text: str | None = None,
    probabilities: bool = False,
    explain: str | None = None,
    keep: Sequence[str] = (),
) -> Answered:
    """Answer every row of a file of any size: same order, same count.

    `explain` adds the weights of the tokens by one of the methods of `Predictor.explain`; `keep` names
    columns of the file that stand before each answer (`["all"]`: all but the text).
    """
    return answer_file(
        load(path), data, out, text=text, probabilities=probabilities, explain=explain, keep=keep
    )


# What twice the rows would give: the verb is a function of `choose`.
curve = learning_curve


def label(
    path: str | Path,
    data: str | Path,
    out: str | Path,
    *,
    rows: int = 100,
    text: str | None = None,
    seed: int = 0,
) -> Picked:
    """Pick the rows of an unlabelled file that are most worth labelling next, and write them to a CSV.

    Raises ConfigError when `out` has labels already or no row is left to pick, DataError, BundleError. See
    `textwright.choose.rows.labelling.pick_rows`.
    """
    return pick_rows(load(path), data, out, rows=rows, text=text, seed=seed)


def card(
    path: str | Path,
    stated: Mapping[str, str] | None = None,
    *,
    language: Language | None = None,
    overwrite: bool = False,
    audits: Sequence[str | Path] = (),
) -> Carded:
    """Write report.html, card.json and the cards of a model folder again, with what a person states.

    What `audits` (their folders) came to is kept with the model, and stands on the card.

    `stated` has any of `intended_use`, `not_meant_for`, `bias`, `personal_data`, `data_source`, `author` and
    `license`; what was stated before stays, an empty text takes it back. Raises ConfigError for another name,
    and when a card was changed by hand, unless `overwrite`; BundleError.
    """
    folder = Path(path)
    is_language = load_manifest(folder).task in (LANGUAGE, *PAIRS)
    manifest = load_verified(folder) if is_language else load_bundle(folder).manifest
    if "engine" in manifest.decode:
        raise BundleError(
            f"{folder}: was exported, and has no pages of its own",
            hint="Give the folder that it was made from.",
        )
    for key in stated or {}:
        if key not in STATED:
            raise ConfigError(f"the card has no field {key!r}", hint=did_you_mean(key, STATED))
    facts = {**stated_before(folder), **(stated or {})}
    facts = {key: value for key, value in facts.items() if value}
    if not overwrite and (edited := edited_pages(folder)):
        raise ConfigError(
            f"{folder / edited[0]}: was changed by hand, or nothing tells how it was written",
            hint="Give --overwrite to replace it, or keep a copy under another name.",
        )
    for audit in audits:
        keep_with(folder, audit)
    make = make_language if is_language else make_pages
    if manifest.architecture == EXTRACTOR:
        make = make_extractor
    record = manifest.model_dump(mode="json", by_alias=True)
    pages = make(folder, record, name=folder.resolve().name, language=language, stated=facts)
    for file, content in pages.items():
        write_atomic(folder / file, content)
    return Carded(folder, [*pages], not_assessed(read_json(folder / CARD)))


def _clocks(recipe: Recipe, clock: Clock | None, sink: Sink) -> tuple[Clock, Clock]:
    """The time since the beginning, and the budget: the same with a limit, or a count of steps."""
    begun = clock or Clock.starting()
    if recipe.budget.steps is not None:
        return begun, Clock.counting(Steps(), recipe.budget.steps)
    minutes = recipe.budget.minutes
    if minutes is None:
        sink(
            Note(
                "no --minutes given: trains until validation is flat, "
                f"{MINUTES_WITHOUT_BUDGET:g} minutes at most"
            )
        )
        minutes = MINUTES_WITHOUT_BUDGET
    limited = begun.limited(60 * minutes)
    return limited, limited


def _fit(selection: Selection, proposals: Sequence[Proposal], checkpoints: Checkpoints, sink: Sink) -> bool:
    """Run the selection to its end; true when it was interrupted and something was kept."""
    events = selection.run(proposals, checkpoints.watch)
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


def _trained(kept: Kept, clock: Clock) -> Trained:
    manifest = kept.manifest
    return Trained(
        kept.path,
        manifest.task,
        manifest.architecture,
        clock.elapsed(),
        manifest.parameters,
        kept.bytes,
        kept.candidates,
        kept.scores,
        kept.split,
        kept.interrupted,
    )
