"""A small student learns what the pick of a search answers, and is kept in its place (arXiv:1503.02531).

The teacher is what was judged on validation: it has not learned those rows, so what it says of them is
honest, and so is what it says of texts without labels. Its log-odds are divided by the temperature, and on
labelled rows its answers and the true labels are averaged. A student fits these shares as any other targets;
how sure it may be is measured on validation afterwards, as with every candidate.

Shapes: N labelled rows, U texts without labels, K outputs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from traceback import clear_frames
from typing import TYPE_CHECKING

import numpy as np

from textwright.choose.candidates import Proposal
from textwright.choose.pick.decision import Decision, Wanted, gap_between, with_gap
from textwright.choose.pick.limits import Limits
from textwright.choose.scoring import FAILURES, Spent, reasons_told, summary_line
from textwright.choose.search.folds import Folded
from textwright.choose.trying import Tried, together
from textwright.core.errors import CheckpointError, ConfigError, first_line
from textwright.core.events import Event
from textwright.core.ragged import IntArray
from textwright.core.records import Candidate, Note
from textwright.core.seeds import generator
from textwright.tasks.base import Array
from textwright.tasks.recipe import DistilSettings, Recipe
from textwright.tasks.soft import SoftExamples, mixed, soft_shares, with_texts
from textwright.tasks.trainers import trainer_for
from textwright.tasks.trainers.base import Engine, Trainer

if TYPE_CHECKING:
    from textwright.choose.select import Selection

OnTrainer = Callable[[Trainer, str], None]

# So many texts are answered before the clock is asked again.
_CHUNK = 256
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
    lesson = _Lesson(selection, teacher, settings, on_trainer)
    yield Note(f"{name}: a student learns the answers of {teacher.name}")
    student, why = None, "no time was left for its first step"
    before = selection.train, selection.validation, selection.folds
    try:
        student = yield from lesson.learned(begun)
    except (ConfigError, CheckpointError):
        raise
    except FAILURES as error:
        clear_frames(error.__traceback__)  # they hold the network
        why, seconds = first_line(error), begun.until_now().seconds
        selection.failed.append(
            Candidate(settings.into, status="failed", why=why, name=name, seconds=seconds)
        )
    finally:
        if student is None:  # interrupted, too: the teacher was judged on these rows
            selection.train, selection.validation, selection.folds = before
    if student is None:
        warning = f"{name}: failed: {why}; its teacher, {teacher.name}, is kept"
        selection.warnings.append(warning)
        yield Note(warning, "warning")
        return
    yield from _picked(selection, lesson.teacher, student, limits)


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
        name, schedule = f"{self.settings.into} distilled", selection.schedule
        has_folds = selection.folds is not None
        rows, (order, outputs) = self._of_rows(), self._of_texts()
        student = self._sized(rows, order, outputs)
        num_texts = len(student.examples) - len(selection.examples)
        if has_folds and selection.folds is None:
            yield Note(f"{name}: there is no time to hold out all rows in turn: one part of them is")
        yield Note(
            f"{name}: fitting on {len(selection.train):,} rows and {num_texts:,} texts without labels, "
            f"choosing on {len(selection.validation):,}",
            fit=name,
        )
        if num_texts < len(selection.examples.unlabelled):
            yield Note(f"{name}: there is time for {num_texts:,} texts without labels, no more")
        student.trainer.give(schedule.clock.again(schedule.only(student.growth).amount))
        self.on_trainer(student.trainer, student.proposal.stem)
        with closing(schedule.counted(student.trainer.search(student.rows, selection.validation))) as search:
            yield from search
        if student.trainer.engine is None:
            return None
        yield from reasons_told(name, student.trainer.reasons())
        selection.reasons["distil"] = self._reason(num_texts)
        tried = selection.scored(student.proposal, student.trainer, begun.until_now(), "done", "")
        selection.lesson = student.examples
        return tried

    def _reason(self, num_texts: int) -> str:
        weight, temperature = self.settings.weight, self.settings.temperature
        return (
            f"{self.teacher.name} teaches: its answers at temperature {temperature:g} count {weight:.0%} "
            f"beside the true labels, and alone for {num_texts:,} texts without labels"
        )

    def _of_rows(self) -> Array:
        """The teacher's shares (N, K) of labelled rows; true targets where the time was over.

        Of rows to choose on it is known what the teacher says, and with folds these are all.
        """
        selection = self.selection
        examples, known = selection.examples, selection.validation
        shares: Array = examples.shares().astype(np.float32)
        shares[known] = self._shares(self.teacher.outputs)
        others = np.setdiff1d(selection.train, known)
        others = others[self._order(len(others))]
        (outputs,) = self._answers([self.teacher.engine], [examples.texts[i] for i in others])
        shares[others[: len(outputs)]] = self._shares(outputs)
        return shares

    def _of_texts(self) -> tuple[IntArray, list[Array]]:
        """Some texts without labels, in the order they are taken, and the outputs (U, K) of each teacher."""
        texts = self.selection.examples.unlabelled
        order = self._order(len(texts))
        lengths = np.array([len(texts[i]) for i in order], np.int64)
        order = order[np.cumsum(lengths) <= self.selection.schedule.most_characters()]
        outputs = self._answers(_teachers(self.teacher), [texts[i] for i in order])
        return order[: len(outputs[0])], outputs

    def _order(self, num_rows: int) -> IntArray:
        return generator(self.selection.recipe.seed, "distil", num_rows).permutation(num_rows)

    def _answers(self, engines: Sequence[Engine], texts: list[str]) -> list[Array]:
        """Outputs (N, K) of each teacher, for as many of the texts as there is time for, in their order."""
        # A clock of steps does not see answers: with it all are answered.
        until = self.selection.schedule.clock.part(_ANSWERING_SHARE)
        num_outputs = self.teacher.outputs.shape[1]
        parts = [[np.zeros((0, num_outputs), np.float32)] for _ in engines]
        for start in range(0, len(texts), _CHUNK):
            for engine, own in zip(engines, parts, strict=True):
                own.append(engine.outputs(texts[start : start + _CHUNK]))
            if until.is_over():
                break
        return [np.concatenate(own) for own in parts]

    def _shares(self, outputs: Array) -> Array:
        return soft_shares(self.selection.examples, outputs, self.teacher.decode, self.settings.temperature)

    def _sized(self, rows: Array, order: IntArray, outputs: list[Array]) -> _Student:
        """A student that there is time for: with one part of the rows held out where parts in turn take too
        long, and with no more texts than a few passes over them have time for.
        """
        student = self._student(rows, order, outputs)
        foreseen, left = student.trainer.foresee(len(student.examples)), self.selection.schedule.left()
        if self.selection.folds is not None and foreseen.planned * (1 + student.growth) > left:
            self._hold_out_one()
            outputs = outputs[:1]
            student = self._student(rows, order, outputs)
            foreseen, left = student.trainer.foresee(len(student.examples)), self.selection.schedule.left()
        least = foreseen.least * (1 + student.growth)
        if len(order) and least > left > 0:
            room = len(student.examples) * left / least - len(rows)
            fewer = int(np.clip(room, 0, len(order)))
            student = self._student(rows, order[:fewer], [own[:fewer] for own in outputs])
        return student

    def _hold_out_one(self) -> None:
        """From here on, the rows of the first fold are those to choose on, and its teacher teaches."""
        selection, teacher = self.selection, self.teacher
        folds = selection.folds
        assert folds is not None
        selection.train, selection.validation = np.flatnonzero(folds != 0), np.flatnonzero(folds == 0)
        outputs = teacher.outputs[selection.validation]
        self.teacher = replace(teacher, engine=_teachers(teacher)[0], outputs=outputs)
        selection.folds = None

    def _student(self, rows: Array, order: IntArray, outputs: list[Array]) -> _Student:
        """A trainer of the student and what it learns; with folds one a fold, each with its own teacher."""
        selection, settings = self.selection, self.settings
        assert settings.into is not None
        base, texts = selection.examples, [selection.examples.unlabelled[i] for i in order]
        softs = [mixed(base, rows, settings.weight, self._shares(own)) for own in outputs]
        answers = base.task.answered(outputs[0], self.teacher.decode)
        examples = with_texts(base, softs[0], texts, answers)
        lesson = hashlib.blake2b(b"".join(soft.tobytes() for soft in softs), digest_size=_DIGITS // 2)
        proposal = StudentProposal(
            settings.into,
            "a student",
            label="distilled",
            settings=settings.settings,
            lesson=lesson.hexdigest(),
        )
        job, recipe = selection.job(settings.into), proposal.recipe(selection.recipe)
        views = [examples, *(examples.with_soft(soft) for soft in softs[1:])]
        makers = iter([partial(trainer_for, replace(job, examples=view), recipe) for view in views])
        trainer = next(makers)() if selection.folds is None else self._folded(makers, views[0])
        trainer.encode()
        numbers = np.append(selection.train, np.arange(len(base), len(examples)))
        growth = len(examples) / len(numbers) if selection.folds is None else 1 / int(selection.folds.max())
        return _Student(trainer, proposal, examples, numbers, growth)

    def _folded(self, makers: Iterator[Callable[[], Trainer]], examples: SoftExamples) -> Folded:
        folds = self.selection.folds
        assert folds is not None
        without = np.full(len(examples) - len(folds), -1)
        return Folded(lambda: next(makers)(), np.append(folds, without), examples.texts)


@dataclass(frozen=True)
class _Student:
    """What is fitted; `rows` are those of training and the texts without labels, by their numbers.

    A refit takes `growth` times what the search takes.
    """

    trainer: Trainer
    proposal: Proposal
    examples: SoftExamples
    rows: IntArray
    growth: float


def _teachers(teacher: Tried) -> list[Engine]:
    """The engine that teaches; with folds one a fold, which has not seen the rows of that."""
    of_parts: list[list[Engine | None]] = [
        getattr(part.trainer, "engines", [])
        for part in teacher.parts  # here or elsewhere
    ]
    if not all(of_parts):
        return [teacher.engine]
    found: list[Engine] = []
    for number in range(len(of_parts[0])):
        engines = [own[number] or part.engine for own, part in zip(of_parts, teacher.parts, strict=True)]
        parts = [replace(part, engine=own) for part, own in zip(teacher.parts, engines, strict=True)]
        found.append(together(parts, teacher.weights) if teacher.members else engines[0])
    return found


def _picked(selection: Selection, teacher: Tried, student: Tried, limits: Limits) -> Iterator[Event]:
    """The student is the pick, whatever the difference: it was asked for. The difference is said."""
    metric, examples = selection.wanted.metric, selection.examples
    truth = examples.targets[selection.validation]
    gap = gap_between(teacher, student, metric, truth, examples.task, selection.recipe.seed)
    score = gap.score
    why = (
        f"learned from {teacher.name}: {gap.metric} {score.value:+.4f} [{score.low:+.4f}, {score.high:+.4f}] "
        f"against it on {score.n:,} rows, p = {gap.p_value:.3g}"
    )
    record = replace(with_gap(student.record, gap), chosen=True, why=why)
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
