"""The fits of a comparison of pairs: all learn and answer the same rows, each with its share of the time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from textwright.choose.pairs.entrants import Opened, is_network, opened_methods, opened_model, takes
from textwright.choose.pairs.judge import TEST, Judge, Meter
from textwright.choose.pick.difference import LEVEL
from textwright.choose.scoring import FAILURES
from textwright.choose.search.schedule import time_left
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError, TextwrightError, first_line
from textwright.core.events import Event, JsonLines, Sink
from textwright.core.records import Candidate, Note, Status, StepEvent
from textwright.measure.paired import holm
from textwright.models.language.registry import EXTRACTOR
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.rewriting.rows import PairRows
from textwright.tasks.summarizing.training import train_extractor

METHOD, MODEL = "method", "model"
# What a network has to answer in, of its share of the time.
_SHARE_OF_ANSWERS = 0.2
# Sources that are answered at once; the first ones tell how long that takes.
_FIRST, _AT_ONCE = 8, 64


@dataclass
class Entry:
    """What became of one: its record, its answers to the first sources, and where its model is."""

    name: str
    kind: str
    record: Candidate
    answers: list[str] = field(default_factory=list)
    meter: Meter | None = None
    folder: Path | None = None
    steps: int = 0
    error: BaseException | None = None

    @property
    def is_measured(self) -> bool:
        return self.meter is not None

    def to_json(self, stem: str) -> dict[str, Any]:
        """Its record, with the names of its files below `stem`."""
        files = {"answers": f"answers/{stem}.jsonl"} if self.is_measured else {}
        if self.kind == MODEL:
            files["events"] = f"events/{stem}.jsonl"
        return {**self.record.to_json(), "kind": self.kind, "steps": self.steps, "files": files}


@dataclass
class Contest:
    """The state of a comparison; `work` holds the folders of models and their events.

    All are measured on as many pairs as each of them had time to answer.
    """

    rows: PairRows
    judge: Judge
    recipe: PretrainRecipe
    clock: Clock
    work: Path
    say: Sink
    entries: list[Entry] = field(default_factory=list)
    interrupted: bool = False

    @property
    def measured(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.is_measured]

    def score_of(self, entry: Entry) -> float:
        """By which one is better than another."""
        return entry.record.scores[self.judge.headline].value

    def run(self, names: Sequence[str]) -> None:
        """Let all of them answer, methods first. Ctrl-C keeps what is done, if anything."""
        methods = [name for name in names if not _is_model(name)]
        models = [name for name in names if _is_model(name)]
        opened = opened_methods(methods, self.rows, self.recipe.seed)
        try:
            for name in methods:
                self._answered(self._begun(name, METHOD), opened[name], float("inf"))
            for place, name in enumerate(models):
                if not self.interrupted:
                    self._fitted(name, len(models) - place)
        except KeyboardInterrupt:
            if not any(self._has_enough(entry) for entry in self.entries):
                raise
            self.interrupted = True
            self.say(Note("interrupted: what was finished is kept", "warning"))
        for name in names[len(self.entries) :]:
            self._ended(self._begun(name, MODEL), 0.0, "skipped", "interrupted before its beginning")

    def _begun(self, name: str, kind: str) -> Entry:
        why = "interrupted before its end"
        entry = Entry(name, kind, Candidate(name, status="stopped", why=why, name=name))
        self.entries.append(entry)
        return entry

    def _has_enough(self, entry: Entry) -> bool:
        return len(entry.answers) >= self.judge.least

    def _fitted(self, name: str, num_left: int) -> None:
        """One model, with its share of what is left: to learn, and to answer."""
        entry = self._begun(name, MODEL)
        seconds = None if self.clock.limit is None else time_left(self.clock) / num_left
        if seconds is not None and seconds <= 0:
            self._ended(entry, 0.0, "skipped", "no time was left")
            return
        pairs = len(self.rows.train)
        if seconds is None:
            self.say(Note(f"{name}: learns from {pairs:,} pairs"))
        else:
            self.say(Note(f"{name}: learns from {pairs:,} pairs, {seconds / 60:.2g} minutes at most"))
        started = time.monotonic()
        try:
            entry.folder = self._learned(entry, seconds)
            entry.record = replace(entry.record, seconds=round(time.monotonic() - started, 3))
            now, share = time.monotonic(), seconds or float("inf")
            # A fit that took longer than it should must not cost what it learned.
            end = max(started + share, now + _SHARE_OF_ANSWERS * share)
            self._answered(entry, opened_model(entry.folder), end)
        except FAILURES as error:
            entry.error = error
            is_refused = isinstance(error, ConfigError)
            why = f"refused: {first_line(error)}" if is_refused else first_line(error)
            self._ended(entry, time.monotonic() - started, "skipped" if is_refused else "failed", why)

    def _learned(self, entry: Entry, seconds: float | None) -> Path:
        """The folder of the model, fitted in `work`, its events beside."""
        (self.work / "events").mkdir(parents=True, exist_ok=True)
        with closing(JsonLines(self.work / "events" / f"{entry.name}.jsonl")) as journal:

            def hear(event: Event) -> None:
                journal(event)
                if isinstance(event, StepEvent):
                    entry.steps = event.step
                if isinstance(event, StepEvent) or event.kind == "warning":
                    self.say(event)

            return self._made(entry.name, seconds, hear)

    def _made(self, name: str, seconds: float | None, hear: Sink) -> Path:
        folder, clock = self.work / "models" / name, Clock.starting()
        recipe = recipe_for(name, self.recipe, seconds)
        if name == EXTRACTOR:
            return train_extractor(self.rows.path, folder, recipe, sink=hear, clock=clock).out
        from textwright.tasks.pretraining.run import pretrain  # it needs torch

        made = pretrain([self.rows.path], folder, recipe, sink=hear, clock=clock)
        self.interrupted = made.interrupted
        return made.out

    def _answered(self, entry: Entry, opened: Opened, end: float) -> None:
        """Let it answer as many sources as there is time for: at least enough to tell how long that takes."""
        sources, begun = self.judge.sources, time.monotonic()
        count, each = _FIRST, 0.0
        while len(entry.answers) < len(sources):
            if entry.answers and time.monotonic() + each * count > end:
                break
            entry.answers += opened.answer(sources[len(entry.answers) :][:count])
            each = (time.monotonic() - begun) / len(entry.answers)
            left = end - time.monotonic()
            count = _AT_ONCE if each * _AT_ONCE <= left else max(int(left / each), 1)
        entry.record = replace(
            entry.record,
            parameters=opened.parameters,
            bytes=opened.bytes,
            latency_ms_p50=opened.milliseconds(sources),
            texts_per_second=round(1 / max(each, 1e-9), 1),
        )
        if not self._has_enough(entry):
            why = f"it had time to answer {len(entry.answers):,} of {len(sources):,} sources only"
            self._ended(entry, entry.record.seconds, "stopped", why)
            return
        status: Status = "stopped" if self.interrupted else "done"
        entry.record = replace(entry.record, status=status)
        score = self.judge.measured(entry.answers).scores()[self.judge.headline]
        rate = entry.record.texts_per_second
        self.say(Note(f"{entry.name}: {self.judge.headline} {score} ({rate:,} texts a second)"))

    def _ended(self, entry: Entry, seconds: float, status: Status, why: str) -> None:
        entry.record = replace(entry.record, seconds=round(seconds, 3), status=status, why=why)
        self.say(Note(f"{entry.name}: {why}", "warning"))

    def finish(self) -> Entry:
        """Measure all on the same pairs, and compare each with the best by tests that are corrected together.

        Raises what went wrong where nothing was measured.
        """
        answered = [entry for entry in self.entries if self._has_enough(entry)]
        if not answered:
            raise next((entry.error for entry in self.entries if entry.error), _nothing())
        most = min(len(entry.answers) for entry in answered)
        if most < len(self.judge.pairs):
            n = len(self.judge.pairs)
            what = f"all are compared on {most:,} of {n:,} pairs: the slowest had no time to answer more"
            self.say(Note(what, "warning"))
        self.judge = self.judge.first(most)
        for entry in answered:
            entry.answers = entry.answers[:most]
            entry.meter = self.judge.measured(entry.answers)
            entry.record = replace(entry.record, scores=entry.meter.scores())
        best = max(answered, key=self.score_of)
        self._compare(best, [entry for entry in answered if entry is not best])
        return best

    def _compare(self, best: Entry, others: Sequence[Entry]) -> None:
        headline, of_best = self.judge.headline, best.meter
        gaps = [self.judge.difference(of_best, e.meter) for e in others if of_best and e.meter]
        for entry, (gap, _), p_value in zip(others, gaps, holm([p for _, p in gaps]), strict=True):
            numbers = f"{headline} {gap.value:+.2f} against the best, p = {p_value:.3g}"
            why = f"worse than the best: {numbers}"
            if p_value >= LEVEL:
                why = f"no difference was shown: {numbers}"
            entry.record = replace(
                entry.record, metric=headline, difference=gap, p_value=p_value, test=TEST, why=why
            )
        why = f"best {headline}" if others else "the only one that was measured"
        best.record = replace(best.record, chosen=True, why=why)


def _is_model(name: str) -> bool:
    return name == EXTRACTOR or is_network(name)


def recipe_for(name: str, recipe: PretrainRecipe, seconds: float | None) -> PretrainRecipe:
    """What of a recipe is said to a model of this name, with its seconds to learn and to answer."""
    own = {key: value for key, value in recipe.model_settings.items() if takes(name, key, value)}
    found = recipe.replaced({"model": {"name": name, **own}})
    if name == EXTRACTOR:
        # An extractor learns once through, and nothing of a network says anything to it.
        kept = found.model_dump(exclude_unset=True, include={"objective", "data", "model", "pairs", "seed"})
        kept.get("pairs", {}).pop("cut", None)
        minutes = {} if seconds is None else {"budget": {"minutes": max(seconds, 1.0) / 60}}
        return PretrainRecipe.parse({**kept, **minutes})
    if seconds is None:
        return found
    return found.replaced({"budget.minutes": max((1 - _SHARE_OF_ANSWERS) * seconds, 1.0) / 60})


def _nothing() -> TextwrightError:
    return TextwrightError("nothing was measured", hint="Give more --minutes.")
