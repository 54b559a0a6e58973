"""A small student learns what the pick of a search answers, and is kept in its place (arXiv:1503.02531).

The teacher is what was judged on validation: it has not learned those rows, so what it says of them is
honest, and so is what it says of texts without labels. Its log-odds are divided by the temperature, and on
labelled rows its answers and the true labels are averaged. A student fits these shares as any other targets;
how sure it may be is measured on validation afterwards, as with every candidate.

Shapes: N labelled rows, U texts without labels, K outputs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from traceback import clear_frames
from typing import TYPE_CHECKING

import numpy as np

from textwright.choose.candidates import Proposal
from textwright.choose.decision import Decision, Wanted
from textwright.choose.difference import Side, metric_difference
from textwright.choose.limits import Limits
from textwright.choose.scoring import FAILURES, Spent, reasons_told, summary_line
from textwright.choose.trying import Tried
from textwright.core.errors import CheckpointError, ConfigError, first_line
from textwright.core.events import Event
from textwright.core.ragged import IntArray
from textwright.core.records import Candidate, Note
from textwright.core.seeds import generator
from textwright.tasks.base import Array
from textwright.tasks.recipe import DistilSettings, Recipe
from textwright.tasks.soft import SoftExamples, soft_shares, taught
from textwright.tasks.trainers import trainer_for
from textwright.tasks.trainers.base import Trainer

if TYPE_CHECKING:
    from textwright.choose.select import Selection

OnTrainer = Callable[[Trainer, str], None]
_Student = tuple[Trainer, Proposal, SoftExamples]

# So many texts are answered before the clock is asked again.
_CHUNK = 1_024
# Of what is left for the student, a teacher may take this share to answer, once for rows and once for texts.
_ANSWERING_SHARE = 0.25
# Checkpoints of a student are named after what it learns: a run that is resumed may have another teacher.
_DIGITS = 8


@dataclass(frozen=True)
class StudentProposal(Proposal):
    """A student; `lesson` names what it learns, for its folder of checkpoints."""

    lesson: str = ""

    @property
    def stem(self) -> str:
        return f"{super().stem}-{self.lesson}"

    def recipe(self, base: Recipe) -> Recipe:
        """What is asked of learning, tokenizer and vectors is the teacher's, where one was named."""
        left_out = () if base.model_name == "auto" else ("learn", "tokenizer", "vectors")
        said = base.model_dump(exclude_unset=True)
        own = {key: value for key, value in said.items() if key not in left_out}
        return Recipe.parse({**own, "model": {**self.settings, "name": self.model}})


def of_teacher(wanted: Wanted, recipe: Recipe) -> Wanted:
    """What decides between teachers: limits of size and time are for the student, and unless a preference
    is said the best is wanted, however large.
    """
    prefer = wanted.prefer if "prefer" in recipe.model_fields_set else "accuracy"
    return Wanted(wanted.metric, prefer, Limits(promise=wanted.limits.promise))


def teach(selection: Selection, limits: Limits, on_trainer: OnTrainer) -> Iterator[Event]:
    """Fit a student of the pick on the rows of training, judge it, and pick it; all events on the way.

    A student that cannot be fitted leaves the teacher where it is, with a warning. Raises ConfigError and
    CheckpointError.
    """
    teacher, settings = selection.chosen, selection.recipe.distil
    assert teacher is not None and settings.into is not None
    selection.schedule = selection.schedule.of_the_student()
    name, begun = f"{settings.into} distilled", Spent.beginning()
    yield Note(f"{name}: a student learns the answers of {teacher.name}")
    try:
        student = yield from _Lesson(selection, teacher, settings, on_trainer).learned(begun)
    except (ConfigError, CheckpointError):
        raise
    except FAILURES as error:
        clear_frames(error.__traceback__)  # they hold the network
        student, why = None, first_line(error)
        seconds = begun.until_now().seconds
        failed = Candidate(settings.into, status="failed", why=why, name=name, seconds=seconds)
        selection.failed.append(failed)
    else:
        why = "no time was left for its first step"
    if student is None:
        warning = f"{name}: failed: {why}; its teacher, {teacher.name}, is kept"
        selection.warnings.append(warning)
        yield Note(warning, "warning")
        return
    yield from _picked(selection, teacher, student, limits)


@dataclass
class _Lesson:
    """What a teacher hands to a student, as far as the time allows."""

    selection: Selection
    teacher: Tried
    settings: DistilSettings
    on_trainer: OnTrainer

    def learned(self, begun: Spent) -> Generator[Event, None, Tried | None]:
        """The student as it was measured; None where its time was over before a step."""
        selection = self.selection
        soft = self._of_rows()
        order, outputs = self._of_texts()
        trainer, proposal, examples = self._sized(soft, order, outputs)
        num_texts, train = len(examples) - len(selection.examples), selection.train
        rows = np.concatenate([train, np.arange(len(selection.examples), len(examples))])
        yield Note(
            f"{proposal.name}: fitting on {len(train):,} rows and {num_texts:,} texts without labels, "
            f"choosing on {len(selection.validation):,}",
            fit=proposal.name,
        )
        trainer.give(
            selection.schedule.clock.again(selection.schedule.only(len(examples) / len(rows)).amount)
        )
        self.on_trainer(trainer, proposal.stem)
        with closing(selection.schedule.counted(trainer.search(rows, selection.validation))) as search:
            yield from search
        if trainer.engine is None:
            return None
        yield from reasons_told(proposal.name, trainer.reasons())
        selection.reasons["distil"] = self._reason(num_texts)
        if num_texts < len(selection.unlabelled):
            yield Note(f"{proposal.name}: there is time for {num_texts:,} texts without labels, no more")
        selection.lesson = examples
        return selection.scored(proposal, trainer, begun.until_now(), "done", "")

    def _reason(self, num_texts: int) -> str:
        weight, temperature = self.settings.weight, self.settings.temperature
        return (
            f"{self.teacher.name} teaches: its answers at temperature {temperature:g} count {weight:.0%} "
            f"beside the true labels, and alone for {num_texts:,} texts without labels"
        )

    def _of_rows(self) -> Array:
        """The teacher's shares (N, K) of labelled rows; true targets where the time was over."""
        examples = self.selection.examples
        order = self._order(len(examples))
        outputs = self._answers([examples.texts[i] for i in order])
        shares: Array = examples.shares().astype(np.float32)
        shares[order[: len(outputs)]] = self._shares(outputs)
        return shares

    def _of_texts(self) -> tuple[IntArray, Array]:
        """Some texts without labels, in the order they are taken, and the teacher's outputs."""
        texts = self.selection.unlabelled
        order = self._order(len(texts))
        lengths = np.array([len(texts[i]) for i in order], np.int64)
        order = order[np.cumsum(lengths) <= self.selection.schedule.most_characters()]
        outputs = self._answers([texts[i] for i in order])
        return order[: len(outputs)], outputs

    def _order(self, num_rows: int) -> IntArray:
        return generator(self.selection.recipe.seed, "distil", num_rows).permutation(num_rows)

    def _answers(self, texts: list[str]) -> Array:
        """The teacher's outputs (N, K) of as many of the texts as there is time for, in their order."""
        clock = self.selection.schedule.clock
        # A clock of steps does not see answers: there all are answered.
        until = clock.part(_ANSWERING_SHARE)
        parts = [np.zeros((0, self.teacher.outputs.shape[1]), np.float32)]
        for start in range(0, len(texts), _CHUNK):
            parts.append(self.teacher.engine.outputs(texts[start : start + _CHUNK]))
            if until.is_over():
                break
        return np.concatenate(parts)

    def _shares(self, outputs: Array) -> Array:
        return soft_shares(self.selection.examples, outputs, self.teacher.decode, self.settings.temperature)

    def _sized(self, soft: Array, order: IntArray, outputs: Array) -> _Student:
        """A trainer of the student, with no more texts than a few passes over them have time for."""
        schedule = self.selection.schedule
        trainer, proposal, examples = self._trainer(soft, order, outputs)
        least = trainer.foresee(len(examples)).least * (1 + len(examples) / len(self.selection.train))
        if len(order) and least > schedule.left() > 0:
            room = len(examples) * schedule.left() / least - len(soft)
            fewer = int(np.clip(room, 0, len(order)))
            trainer, proposal, examples = self._trainer(soft, order[:fewer], outputs[:fewer])
        return trainer, proposal, examples

    def _trainer(self, soft: Array, order: IntArray, outputs: Array) -> _Student:
        selection, settings = self.selection, self.settings
        assert settings.into is not None
        base, texts = selection.examples, [selection.unlabelled[i] for i in order]
        answers = base.task.answered(outputs, self.teacher.decode) if texts else None
        shares = np.concatenate([soft, self._shares(outputs)]) if texts else soft
        examples = taught(base, shares, settings.weight, texts, answers)
        lesson = hashlib.blake2b(examples.soft.tobytes(), digest_size=_DIGITS // 2).hexdigest()
        proposal = StudentProposal(
            settings.into, "a student", label="distilled", settings=settings.settings, lesson=lesson
        )
        job = replace(selection.job(settings.into), examples=examples)
        trainer = trainer_for(job, proposal.recipe(selection.recipe))
        trainer.encode()
        return trainer, proposal, examples


def _picked(selection: Selection, teacher: Tried, student: Tried, limits: Limits) -> Iterator[Event]:
    """The student is the pick, whatever the difference: it was asked for. The difference is said."""
    metric, task = selection.wanted.metric, selection.examples.task
    truth = selection.examples.targets[selection.validation]
    sides = [
        Side(task.measured(t.outputs, t.decode), task.answered(t.outputs, t.decode))
        for t in (teacher, student)
    ]
    gap = metric_difference(task.name, metric, truth, (sides[0], sides[1]), seed=selection.recipe.seed)
    score = gap.score
    why = (
        f"learned from {teacher.name}: {gap.metric} {score.value:+.4f} [{score.low:+.4f}, {score.high:+.4f}] "
        f"against it, p = {gap.p_value:.3g}"
    )
    record = replace(
        student.record,
        chosen=True,
        why=why,
        metric=gap.metric,
        difference=score,
        p_value=gap.p_value,
        test=gap.test,
    )
    yield Note(f"{student.name}: {summary_line(record, metric)}")
    yield Note(f"{student.name}: {why}")
    broken = "; ".join(breach.what for breach in limits.breaches(record, student.kept))
    unmet = f"the student does not keep the limits: {broken}" if broken else ""
    if unmet:
        selection.warnings.append(unmet)
        yield Note(unmet, "warning")
    before = selection.decision.records if selection.decision else []
    records = [
        replace(r, chosen=False, why=f"taught {student.name}; {r.why}") if r.chosen else r for r in before
    ]
    student = replace(student, record=record)
    selection.tried.append(student)
    selection.chosen, selection.decision = student, Decision(student, [*records, record], unmet)
