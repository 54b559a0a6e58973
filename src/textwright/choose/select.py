"""Try candidates within the budget, decide between them on validation, refit the pick on all rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from traceback import clear_frames
from typing import Any

import numpy as np

from textwright.choose.candidates import Proposal, suited
from textwright.choose.distilling import of_teacher, teach
from textwright.choose.pick.decision import Decision, Wanted, decide
from textwright.choose.pick.ensemble import blend
from textwright.choose.pick.limits import Limits
from textwright.choose.pick.rejecting import NOT_AGAIN, with_threshold
from textwright.choose.scoring import (
    FAILURES,
    Scored,
    Spent,
    badness,
    latency,
    measured_scores,
    reasons_told,
    score_candidate,
    summary_line,
    unfitted,
)
from textwright.choose.search.beside import SideBySide
from textwright.choose.search.cluster import ray_workers
from textwright.choose.search.folds import folded_trainer
from textwright.choose.search.hope import FAR, FAR_FOR_ENSEMBLES, Curve, Hope, followed
from textwright.choose.search.refit import Refit
from textwright.choose.search.schedule import Grant, Schedule
from textwright.choose.search.waves import Wave, cut_waves
from textwright.choose.trying import Tried, calibrated, together
from textwright.core.clock import Clock
from textwright.core.errors import CheckpointError, ConfigError, TextwrightError, first_line
from textwright.core.events import Event
from textwright.core.ragged import IntArray
from textwright.core.records import Candidate, Note, Status
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.examples import Examples, Job
from textwright.tasks.explaining.mistakes import explain_mistakes
from textwright.tasks.judging import loss_of_nothing
from textwright.tasks.metrics import chosen_metric
from textwright.tasks.needs import UNJUDGED
from textwright.tasks.prepare import Prepared
from textwright.tasks.recipe import Recipe
from textwright.tasks.soft import SoftExamples
from textwright.tasks.trainers import trainer_for
from textwright.tasks.trainers.base import Fitted, Trainer
from textwright.tasks.trainers.ensemble import ENSEMBLE
from textwright.tasks.tuning import tuned
from textwright.tasks.wrong import WrongRows

# A member of an ensemble has at most this share of the loss of a constant answer.
_SOMETHING = 0.99
# Mistakes are explained where so much time is left, in the units of the clock.
_LEAST_TO_EXPLAIN = 2.5

OnTrainer = Callable[[Trainer, str], None]


def _unwatched(trainer: Trainer, name: str) -> None:
    """Nobody stores the fits."""


@dataclass
class Selection:
    """The state of a selection; `tried` grows, `chosen` is the best so far and at last the refitted pick."""

    examples: Examples
    recipe: Recipe
    wanted: Wanted
    schedule: Schedule
    train: IntArray
    validation: IntArray
    folds: IntArray | None = None
    tried: list[Tried] = field(default_factory=list)
    failed: list[Candidate] = field(default_factory=list)
    chosen: Tried | None = None
    decision: Decision | None = None
    is_refitted: bool = False
    warnings: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    lesson: SoftExamples | None = None
    _curves: dict[str, list[Curve]] = field(default_factory=dict)

    @classmethod
    def of(cls, prepared: Prepared, recipe: Recipe, limits: Limits, clock: Clock) -> Selection:
        """Raises ConfigError for a metric that the task does not have and a promise of no label."""
        examples = prepared.examples
        if limits.promise is not None:
            limits.promise.check(examples.schema)
        metric, why = chosen_metric(examples.task, recipe.metric, examples.targets, examples.schema)
        wanted = Wanted(metric, recipe.prefer, limits)
        if recipe.distil.into:
            wanted = of_teacher(wanted, recipe)
        schedule = Schedule(clock, wanted.prefer, len(prepared.locked_texts))
        return cls(
            examples,
            recipe,
            wanted,
            schedule.before_a_student() if recipe.distil.into else schedule,
            prepared.train if prepared.folds is None else np.arange(len(examples)),
            prepared.validation if prepared.folds is None else np.arange(len(examples)),
            prepared.folds,
            reasons={"metric": f"{metric}: {why}"},
        )

    def run(
        self, proposals: Sequence[Proposal], on_trainer: OnTrainer = _unwatched
    ) -> Generator[Event, None, None]:
        """Events of all fits. Stopping it anywhere leaves the best so far in `chosen`."""
        self.schedule.refuse_too_little(self.examples.num_characters)
        if not len(self.validation):
            yield from self._only(proposals, on_trainer)
            return
        if self.wanted.metric != self.examples.task.headline:
            yield Note(f"candidates are chosen by {self.reasons['metric']}", "plan")
        schema, is_long = self.examples.schema, self.examples.is_long
        proposals = suited(proposals, schema, is_long=is_long, prefer=self.wanted.prefer)
        with self._beside(proposals) as beside:
            is_timed = self.schedule.clock.steps is None
            if beside and is_timed:
                self.schedule = replace(self.schedule, num_beside=beside.workers.num_beside)
            is_alone = is_timed and beside is None
            for wave in cut_waves(proposals, alone=is_alone):
                yield from self._search(self.wave(wave), len(proposals) == 1, beside, on_trainer)
            if self.chosen is None:
                raise TextwrightError(
                    "no candidate could be fitted", hint="Give more --minutes, or name one with --model bag."
                )
            yield from self._decide()
            if self.recipe.distil.into:
                yield from teach(self, Limits.of(self.recipe), on_trainer)
            yield from self.with_threshold()
            yield from self._refit()

    @contextmanager
    def _beside(self, proposals: Sequence[Proposal]) -> Iterator[SideBySide | None]:
        """Workers that fit candidates side by side, where they are asked for and there are candidates."""
        if self.recipe.ray.address is None or len(proposals) < 2:
            yield None
            return
        with ray_workers(self.recipe.ray) as workers:
            yield SideBySide(self, workers)

    # The search.

    def wave(self, proposals: Sequence[Proposal]) -> Wave:
        """With what is known now."""
        return Wave(
            proposals, tuple(self.tried), {name: tuple(found) for name, found in self._curves.items()}
        )

    def _search(
        self, wave: Wave, is_only: bool, beside: SideBySide | None, on_trainer: OnTrainer
    ) -> Iterator[Event]:
        if self._is_perfect():
            left_out = [unfitted(p, "skipped", "nothing is left to gain") for p in wave.proposals]
            self.failed += left_out
        elif beside is not None:
            yield from beside.fit(wave)
        else:
            for proposal in wave.proposals:
                yield from self._try(proposal, wave, is_only, on_trainer)

    def _try(self, proposal: Proposal, wave: Wave, is_only: bool, on_trainer: OnTrainer) -> Iterator[Event]:
        name, begun = proposal.name, Spent.beginning()
        is_read = any(proposal.reads_as(tried.proposal) for tried in self.tried)
        unread = 0 if is_read else proposal.reading(self.examples)
        if why := self.schedule.too_late(unread, self.tried, len(self.examples)):
            yield self._left_out(proposal, why)
            return
        try:
            trainer = self.trainer(proposal)
            trainer.encode()
            grant = self.granted(trainer, wave, is_only=is_only)
            if not grant.amount:
                yield self._left_out(proposal, grant.why)
                return
            trainer.give(self.schedule.clock.again(grant.amount))
            on_trainer(trainer, proposal.stem)
            yield self.beginning(proposal)
            search = self.schedule.counted(trainer.search(self.train, self.validation))
            status, why = yield from followed(search, trainer, self.hope(proposal, wave))
            self._note(proposal, trainer, begun.until_now(), status, why)
        except KeyboardInterrupt:
            self._stopped(proposal, trainer, begun.until_now())
            raise
        except CheckpointError:
            raise
        except FAILURES as error:
            # Settings that one of several candidates does not take are no fault: another one may.
            if is_only or (self.chosen is None and not isinstance(error, TextwrightError)):
                raise
            clear_frames(error.__traceback__)  # they hold the network
            failed = unfitted(proposal, "failed", first_line(error))
            self.failed.append(replace(failed, seconds=begun.until_now().seconds))
            yield Note(f"{name}: failed: {first_line(error)}", "warning")
            return
        yield from self.told(name, trainer)

    def _left_out(self, proposal: Proposal, why: str) -> Note:
        self.failed.append(unfitted(proposal, "skipped", why))
        return Note(f"{proposal.name}: left out: {why}")

    def beginning(self, proposal: Proposal) -> Note:
        name, num_train, num_held_out = proposal.name, len(self.train), len(self.validation)
        return Note(f"{name}: fitting on {num_train:,} rows, choosing on {num_held_out:,}", fit=name)

    def told(self, name: str, trainer: Fitted) -> Iterator[Event]:
        """What was decided for the candidate that was tried last, and how it did."""
        yield from reasons_told(name, trainer.reasons())
        if self.tried and self.tried[-1].trainer is trainer:
            yield from (Note(f"{name}: {said}", "plan") for said in self.tried[-1].tuned)
            yield Note(f"{name}: {summary_line(self.tried[-1].record, self.wanted.metric)}")

    def _is_perfect(self) -> bool:
        """Whether the best makes no mistake on validation, and a simpler one is not what is looked for."""
        if self.chosen is None or self.wanted.prefer not in ("balanced", "accuracy"):
            return False
        score = self.chosen.record.scores[self.wanted.metric]
        is_kept = not self.wanted.limits.breaches(self.chosen.record, self.chosen.kept)
        return is_kept and score.better == "higher" and score.value >= 1.0

    def granted(self, trainer: Trainer, wave: Wave, *, is_only: bool = False) -> Grant:
        """What the search of a member of a wave may take."""
        if is_only:
            return self.schedule.only(self.growth)
        search = trainer.foresee(len(self.train))
        growth = self.schedule.of_refit(self.growth)
        return wave.grant(self.schedule, search, growth, len(self.examples))

    @property
    def growth(self) -> float:
        """How many times what a search takes its refit takes."""
        if self.folds is not None:  # the search fits four fifths of the rows five times
            return 1 / float(self.folds.max())
        return len(self.examples) / max(len(self.train), 1)

    def trainer(self, proposal: Proposal) -> Trainer:
        """That of its kind, or one a fold."""
        return folded_trainer(self.job(proposal.model), proposal.recipe(self.recipe), self.folds)

    def job(self, model: str) -> Job:
        return Job(model, self.examples, self.schedule.clock.again(None), usable_cpus())

    def hope(self, proposal: Proposal, wave: Wave) -> Hope:
        far = FAR_FOR_ENSEMBLES if self.wanted.prefer == "accuracy" else FAR
        earlier = wave.curves.get(proposal.model, ())
        hope = Hope(loss_of_nothing(self.examples), wave.best, far, earlier)
        self._curves.setdefault(proposal.model, []).append(hope.curve)
        return hope

    def _stopped(self, proposal: Proposal, trainer: Trainer, spent: Spent) -> None:
        """Keep what an interrupted search has, unless it has been noted already."""
        if self.folds is not None:
            if self.chosen is None:  # not all rows were answered by a model that had not seen them
                self._keep_only(proposal, trainer, spent)
            return
        if trainer.engine is not None and all(tried.trainer is not trainer for tried in self.tried):
            self._note(proposal, trainer, spent, "stopped", "interrupted before its end")

    def _note(self, proposal: Proposal, trainer: Trainer, spent: Spent, status: Status, why: str) -> None:
        """Score a candidate on validation; it is the best so far unless one tried before is as good."""
        if trainer.engine is not None:
            self._add(self.scored(proposal, trainer, spent, status, why))

    def scored(self, proposal: Proposal, trainer: Trainer, spent: Spent, status: Status, why: str) -> Tried:
        """A candidate that was fitted, with its answers calibrated, tuned and scored on validation."""
        assert trainer.engine is not None
        found = score_candidate(
            proposal.model,
            trainer.engine,
            self.examples,
            self.validation,
            seed=self.recipe.seed,
            spent=spent,
            status=status,
            held_out=getattr(trainer, "held_out", None),
        )
        return self._tried(proposal, trainer, found, why)

    def take(self, proposal: Proposal, trainer: Fitted, found: Scored, why: str) -> None:
        """Add a candidate that was scored elsewhere."""
        self._add(self._tried(proposal, trainer, found, why))

    def _tried(self, proposal: Proposal, trainer: Fitted, found: Scored, why: str) -> Tried:
        engine = trainer.engine
        assert engine is not None
        named = replace(found.record, name=proposal.name, settings=dict(proposal.settings), why=why)
        tried = Tried(
            proposal, named, engine, found.decode, found.outputs, found.judged, trainer, found.meter
        )
        return self._tuned(tried)

    def _tuned(self, tried: Tried) -> Tried:
        """With answers that suit the metric and the promise, where that pays on validation."""
        examples, wanted, rows = self.examples, self.wanted, self.validation
        found = tuned(
            examples.task,
            tried.outputs,
            examples.targets[rows],
            tried.decode,
            wanted.metric,
            wanted.limits.promise,
            schema=examples.schema,
            seed=self.recipe.seed,
        )
        if found.decode == tried.decode:
            return replace(tried, kept=found.nearest)
        truth = examples.targets[rows]
        scores, meter = measured_scores(tried.outputs, found.decode, truth, examples, self.recipe.seed)
        record = replace(tried.record, scores=scores)
        return replace(
            tried, decode=found.decode, record=record, meter=meter, kept=found.nearest, tuned=found.said
        )

    def _add(self, tried: Tried) -> None:
        self.tried.append(tried)
        metric = self.wanted.metric
        best = self.chosen.record.scores.get(metric) if self.chosen else None
        if best is None or badness(tried.record.scores[metric]) < badness(best):
            self.chosen = tried

    # The decision.

    def _decide(self) -> Iterator[Event]:
        truth = self.examples.targets[self.validation]
        if self.wanted.prefer == "accuracy" and len(self.tried) > 1:
            yield from self._blended()
        self.decision = decide(self.tried, self.wanted, truth, self.examples.task, self.recipe.seed)
        self.chosen = self.decision.pick
        if self.decision.unmet:
            self.warnings.append(self.decision.unmet)
            yield Note(self.decision.unmet, "warning")
        if len(self.tried) > 1:
            picked = next(record for record in self.decision.records if record.chosen)
            yield Note(f"{self.chosen.name}: chosen: {picked.why}")

    def with_threshold(self) -> Iterator[Event]:
        """Set when the pick says that it does not know, once and where that is asked."""
        pick, rows = self.chosen, self.validation
        if pick is None or "reject" in self.reasons or len(pick.outputs) != len(rows):
            return
        if found := with_threshold(pick, self.examples, rows, self.recipe):
            self.chosen, note = found
            self.reasons["reject"] = note.text
            yield note

    def _blended(self) -> Iterator[Event]:
        """Add the ensemble of those that answer better together, where there is one."""
        examples, truth = self.examples, self.examples.targets[self.validation]
        done = [t for t in self.tried if t.record.status == "done"]
        # One whose time was over before it learned would only make the others less sure.
        nothing = _SOMETHING * loss_of_nothing(examples)
        usable = [t for t in done if t.judged < nothing] or done or self.tried
        outputs = [calibrated(t) for t in usable]
        found = blend(outputs, truth, examples.task, examples.decode, self.recipe.seed)
        if len(found.members) < 2:
            yield Note("no ensemble of them does better on validation than one alone")
            return
        members = [usable[i] for i in found.members]
        weights = [float(found.weights[i]) for i in found.members]
        engine = together(members, weights)
        decode = examples.task.calibrate(found.outputs, truth, examples.decode)
        scores, meter = measured_scores(found.outputs, decode, truth, examples, self.recipe.seed)
        speed = latency(engine, examples.texts)
        seconds_a_text = sum(member.seconds_a_text for member in members)
        record = Candidate(
            ENSEMBLE,
            scores,
            sum(m.record.seconds for m in members),
            engine.num_parameters,
            engine.num_bytes,
            speed.p50,
            name=ENSEMBLE,
            settings={"members": {m.name: w for m, w in zip(members, weights, strict=True)}},
            latency_ms_p99=speed.p99,
            texts_per_second=round(1 / max(seconds_a_text, 1e-9), 1),
            kwh=sum(m.record.kwh or 0.0 for m in members),
        )
        proposal = Proposal(
            ENSEMBLE, "several that answer together", rank=1 + max(t.proposal.rank for t in members)
        )
        judged = examples.task.loss(found.outputs, truth, decode)
        ensemble = Tried(
            proposal,
            record,
            engine,
            decode,
            found.outputs,
            judged,
            meter=meter,
            members=tuple(members),
            weights=tuple(weights),
        )
        self.tried.append(self._tuned(ensemble))
        yield from (Note(f"ensemble: {said}", "plan") for said in self.tried[-1].tuned)
        told = ", ".join(f"{m.name} {w:.0%}" for m, w in zip(members, weights, strict=True))
        yield Note(f"ensemble: {told}: {summary_line(self.tried[-1].record, self.wanted.metric)}")

    # The refit.

    def _refit(self) -> Iterator[Event]:
        """Fit what was chosen on all rows that are not locked; calibration is kept from validation.

        Not with a threshold: see `choose.pick.rejecting`.
        """
        # With folds no single model was wrong in all of these rows.
        explains = self.folds is None and self.schedule.left() > _LEAST_TO_EXPLAIN
        self.with_wrong(explains=explains)
        assert self.chosen is not None
        if self.chosen.decode.least is not None:
            yield Note(NOT_AGAIN)
            return
        refit = Refit(self.chosen, self.schedule)
        for event in refit.run(np.arange(len(self.lesson or self.examples))):
            self.chosen = refit.chosen
            yield event
        self.chosen, self.is_refitted = refit.chosen, refit.is_whole

    def with_wrong(self, *, explains: bool = False) -> None:
        """Look up the rows that the pick got wrong on validation, and the tokens that misled it.

        By the model that was wrong: a refit has learned from these rows.
        """
        pick, examples, rows = self.chosen, self.examples, self.validation
        if pick is None or pick.wrong or not len(rows) or len(pick.outputs) != len(rows):
            return
        wrong = WrongRows(examples.task, examples.schema, pick.decode)
        wrong.update(pick.outputs, examples.targets[rows], [examples.texts[i] for i in rows])
        found: Sequence[dict[str, Any]] = wrong.records()
        if explains:
            found = explain_mistakes(found, pick.engine, examples.schema, pick.decode)
        self.chosen = replace(pick, wrong=found)

    # Without validation.

    def _only(self, proposals: Sequence[Proposal], on_trainer: OnTrainer) -> Iterator[Event]:
        """Nothing is held out, so nothing is chosen: one architecture, fitted as the recipe says."""
        if self.recipe.distil.into:
            raise ConfigError(UNJUDGED, hint="Leave split.validation above 0.")
        if len(proposals) > 1:
            raise ConfigError(
                "without validation rows no architecture can be chosen",
                hint="Name one with --model, or leave split.validation above 0.",
            )
        proposal, begun, rows = proposals[0], Spent.beginning(), self.train
        trainer = trainer_for(self.job(proposal.model), proposal.recipe(self.recipe))
        trainer.give(self.schedule.clock.again(max(self.schedule.left(), 0.05)))
        on_trainer(trainer, proposal.stem)
        yield Note(
            f"{proposal.name}: fitting on all {len(rows):,} rows that are not locked; "
            "nothing is held out to choose on",
            fit=proposal.name,
        )
        try:
            yield from self.schedule.counted(trainer.refit(rows))
        finally:
            self._keep_only(proposal, trainer, begun.until_now())

    def _keep_only(self, proposal: Proposal, trainer: Trainer, spent: Spent) -> None:
        engine = trainer.engine
        if engine is None:
            return
        speed = latency(engine, self.examples.texts)
        record = Candidate(
            proposal.model,
            {},
            spent.seconds,
            engine.num_parameters,
            engine.num_bytes,
            speed.p50,
            latency_ms_p99=speed.p99,
            kwh=spent.kwh,
        )
        none = np.zeros((0, 1), np.float32)
        self.chosen = Tried(proposal, record, engine, self.examples.decode, none, 0.0, trainer)
        self.tried.append(self.chosen)

    def records(self) -> list[Candidate]:
        """All candidates in the order they were tried, with why they were chosen or not."""
        if self.decision is not None:
            return [*self.decision.records, *self.failed]
        picked = self.chosen.name if self.chosen else ""
        whys = {True: "the best when it was interrupted", False: "not the best when it was interrupted"}
        only = "the only candidate" if len(self.tried) == 1 else ""
        found = [
            replace(t.record, chosen=t.name == picked, why=only or t.record.why or whys[t.name == picked])
            for t in self.tried
        ]
        return [*found, *self.failed]
