"""The one fit of a language: how long, judged when, and how fast it may compute."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from textwright.bundle.manifest import PAIRS
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.events import Event
from textwright.core.seeds import derive
from textwright.learn import objectives as losses
from textwright.learn.batches import Learnable
from textwright.learn.consistency import Divergence, told_divergence
from textwright.learn.loop import Fit, FitState, Judgement
from textwright.learn.sharded.shards import shell_of
from textwright.learn.sharded.split import split
from textwright.models.fast.apply import accelerated, blocks_of
from textwright.models.language.tuned import tune_lora
from textwright.runtime.compute import decide as decide_compute
from textwright.runtime.cpu import usable_cpus
from textwright.runtime.ranks import ALONE, Ranks, answering
from textwright.runtime.settings import Compute
from textwright.tasks.pretraining.corpus import Learned
from textwright.tasks.pretraining.objectives import OBJECTIVES
from textwright.tasks.pretraining.objectives.base import Judge
from textwright.tasks.pretraining.plan import Decided, objective_of
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.pretraining.starting import Start
from textwright.tasks.writing.model import vocabulary_of

# All steps have the same shape, and are compiled for it: 10 to 30 s that a fit of minutes wins back. Those of
# pairs have all shapes: that took 100 s and was no quicker (docs/log.md).
_LEAST_SECONDS_TO_COMPILE = 150.0
# Validations of a fit, and what they may take of its time.
_CHECKS, _SHARE_OF_CHECKS = 20, 0.03
# Windows that are judged on where there is no clock, the same ones on every machine: as many rows as one in
# ten of those learned from takes as long as, three to one, for they need no gradient.
_WINDOWS, _LEAST_WINDOWS, _WINDOWS_OF_ROWS = 256, 16, 0.3
# Held-out tokens that are scored in the end, where there is no clock.
_MOST_SCORED = 2_000_000
# What is left of a budget for the last measurement, and for saving.
_SHARE_OF_SCORES, _SECONDS_TO_SAVE = 0.03, 2.0
# What two passes and their distance take, of what one takes (docs/log.md).
_TIMES_R_DROP = 2.5
# And for pairs, all of which are rewritten with beams, where judging makes few answers and greedily: so many
# times as long, for those that are held out, those that are locked, and those that a report shows.
_SHARE_OF_PAIRS, _SHARE_OF_TEST, _TIMES_TESTED, _SHOWN = 0.08, 0.1, 8, 64
# A fit by the clock has no length: more epochs than any clock allows.
_NO_END = 1e6


@dataclass
class Learning:
    """A fit that is set up; `run` yields its events and leaves what was learned in `fit.model`.

    `most_scored` is how many held-out tokens there is time to score when it is over; of pairs that is told by
    the last judgement, which took `per_window` seconds for each.
    """

    recipe: PretrainRecipe
    decided: Decided
    learned: Learned
    clock: Clock
    start: Start | None = None
    compute: Compute | None = None
    processes: int = 1
    fit: Fit = field(init=False)
    most_scored: int = field(default=_MOST_SCORED, init=False)
    per_window: float = field(default=0.0, init=False)
    quickened: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        decided, seed = self.decided, self.recipe.seed
        compute = self.compute or self._compute()
        self.reasons |= compute.reasons
        torch.set_num_threads(compute.threads)
        torch.manual_seed(derive(seed, "weights", decided.architecture.name))
        network, corpus = self._network(), self.learned.corpus
        self.objective = OBJECTIVES.get(objective_of(self.recipe, self.start))
        rows = self.objective.rows(corpus.train, corpus.tokenizer, decided.length, self.recipe)
        epochs, self.reasons["learn.epochs"] = self._epochs(rows)
        self.is_clocked = epochs == _NO_END
        self.fit = Fit(
            network,
            rows,
            self._loss(),
            decided.learn,
            epochs,
            seed,
            self.clock,
            compute=compute,
            divergence=self._divergence(),
            state=FitState(by_clock=self.is_clocked),
        )

    def _loss(self) -> losses.Objective:
        """That of the objective, smoothed where that is asked for. Raises ConfigError where it cannot be."""
        smoothing, loss = self.decided.learn.loss.label_smoothing, self.objective.loss
        if not smoothing:
            return loss
        if loss is not losses.told_token:
            raise ConfigError(
                f"learn.loss.label_smoothing={smoothing:g} is of rows of which some tokens are told",
                hint="Leave it out, or take the objective instruct, translate or summarize.",
            )
        return partial(losses.told_token, smoothing=smoothing)

    def _divergence(self) -> Divergence | None:
        """Of two passes, where they are to agree. Raises ConfigError where that says nothing."""
        weight = self.decided.learn.loss.r_drop
        if not weight:
            return None
        if self.objective.loss is not losses.told_token:
            raise ConfigError(
                f"learn.loss.r_drop={weight:g} is of rows of which some tokens are told",
                hint="Leave it out, or take the objective instruct, translate or summarize.",
            )
        if self.start is None and not self.decided.settings.dropout:
            raise ConfigError(
                f"learn.loss.r_drop={weight:g}: without dropout the two passes that it compares are the same",
                hint="Leave it out, or set model.dropout=0.1.",
            )
        self.reasons["learn.loss.r_drop"] = (
            f"{weight:g}, as asked: each step costs about {_TIMES_R_DROP:g} times"
        )
        return told_divergence

    def _network(self) -> Any:
        """What begins to learn: drawn anew, or read, with what is tuned of it."""
        decided, start = self.decided, self.start
        if start is None:
            vocabulary = vocabulary_of(self.learned.corpus.tokenizer)
            return decided.architecture.build(decided.settings, vocabulary)
        network = start.network()
        if decided.settings.tune == "lora":
            size, new = count_parameters(network), start.new_ids
            tune_lora(network, decided.settings.rank, new)
            learning = count_parameters(network, learning=True)
            reason = f"lora: {learning:,} numbers learn in the place of {size:,}"
            also = f", the vectors of {len(new)} new tokens among them" if new else ""
            self.reasons["model.tune"] = reason + also
        return network

    def run(self, ranks: Ranks = ALONE) -> Generator[Event, None, None]:
        """The events of the fit, of which this process makes its part."""
        fit = self.fit
        fit.ranks = ranks
        shell = shell_of(fit.model) if self.is_split(ranks) else None
        torch.set_num_threads(fit.compute.threads)  # those of the run that is resumed
        example = fit.rows.batch(np.arange(self._rows_at_once(ranks.count)), 0).to(fit.compute.device).inputs
        precision, compiles = fit.compute.precision, fit.compute.compile
        is_fixed = not self.objective.is_padded
        with accelerated(fit.model, precision, example, compiles=compiles, is_fixed=is_fixed) as done:
            self.quickened = done
            windows = self._judge() if ranks.is_first else 0
            if shell is not None:
                self._split(shell, int(ranks.told(windows)))
            with answering():
                yield from fit.run()

    def is_split(self, ranks: Ranks) -> bool:
        """Whether each of these processes is to hold a part of the fit."""
        return self.fit.compute.shard and ranks.count > 1 and not self.fit.state.is_over

    def _split(self, shell: nn.Module, windows: int) -> None:
        """Keep a part of the fit here, and judge together."""
        fit = self.fit
        blocks = [block for block in blocks_of(fit.model) if block is not fit.model]
        split(fit, blocks, shell)
        assert fit.shards is not None
        fit.validate = fit.shards.judging(self._judge_on(windows).judged)

    def _judge(self) -> int:
        """How it is judged, by what that takes here; on how many windows at most."""
        fit = self.fit
        windows = _WINDOWS_OF_ROWS * fit.epochs * len(fit.rows)
        most = min(max(int(windows / _CHECKS), _LEAST_WINDOWS), _WINDOWS)
        if self.is_clocked:
            left = max(self.clock.remaining(), 0.0)
            per_window = self._seconds_of_a_window()
            most = max(int(_SHARE_OF_CHECKS / _CHECKS * left / per_window), _LEAST_WINDOWS)
            self.most_scored = max(int(_SHARE_OF_SCORES * left / per_window), 64) * self._window
            reserve = min(_SHARE_OF_SCORES * left, 2 * self._held_out / self._window * per_window)
            if self._makes_answers:
                pairs = self._held_out / self._window + _SHOWN
                reserve = min(_SHARE_OF_PAIRS * left, _TIMES_TESTED * pairs * per_window)
                reserve += min(_SHARE_OF_TEST * left, _TIMES_TESTED * self.learned.num_locked * per_window)
            fit.clock = self.clock.limited(float(self.clock.limit or 0.0) - reserve - _SECONDS_TO_SAVE)
        fit.is_due = _by_progress() if self.is_clocked else _by_steps(fit, most)
        fit.validate = partial(self._judged, self._judge_on(most))
        return most

    def _judged(self, judge: Judge, network: nn.Module) -> Judgement:
        started = time.monotonic()
        found = judge.judged(network)
        self.per_window = (time.monotonic() - started) / max(judge.num_windows, 1)
        return found

    def scored_in_time(self) -> int:
        """Held-out tokens that there is time to score, now that the fit is over."""
        if not (self.is_clocked and self._makes_answers and self.per_window):
            return self.most_scored
        each = _TIMES_TESTED * self.per_window
        left = self.clock.remaining() - _SECONDS_TO_SAVE - (self.learned.num_locked + _SHOWN) * each
        return max(int(left / each), _LEAST_WINDOWS) * self._window

    @property
    def _makes_answers(self) -> bool:
        """Whether it is measured by what it writes, and not only by what it expects."""
        return self.recipe.objective in PAIRS

    def _rows_at_once(self, processes: int) -> int:
        """Rows of a part of a step, of which each process makes its share."""
        share = -(-self.fit.rows_per_step // processes)
        rows = min(share, self.fit.compute.micro_batch or share)
        return max(min(rows, self.decided.learn.max_tokens // self.decided.length, len(self.fit.rows)), 1)

    @property
    def _held_out(self) -> int:
        return len(self.learned.corpus.validation)

    @property
    def _window(self) -> int:
        """Tokens of a row that is judged on; of padded rows their mean."""
        if not self.objective.is_padded:
            return self.decided.length
        return max(self._held_out // int(self.learned.corpus.validation.about["documents"]), 1)

    def _seconds_of_a_window(self) -> float:
        """To judge one, measured."""
        judge = self._judge_on(16)
        judge.judged(self.fit.model)
        started = time.monotonic()
        judge.judged(self.fit.model)
        return max((time.monotonic() - started) / max(judge.num_windows, 1), 1e-6)

    def _judge_on(self, most: int) -> Judge:
        corpus = self.learned.corpus
        return self.objective.judge(
            corpus.validation, corpus.tokenizer, self.decided.length, self.recipe, most
        )

    def _compute(self) -> Compute:
        return decide_compute(
            self.recipe.compute,
            threads=max(usable_cpus() // self.processes, 1),
            casts=True,
            work=self._work(),
            seconds=self.clock.remaining(),
            least_to_compile=float("inf") if self.recipe.objective in PAIRS else _LEAST_SECONDS_TO_COMPILE,
            compiles=not self.decided.architecture.is_recurrent,
        )

    def _work(self) -> float:
        """Operations of the whole fit: six for each weight and token, as many as there is time for."""
        tokens, epochs = self.recipe.own_tokens, self.decided.learn.epochs
        if epochs == "auto" and tokens is None:
            return float("inf")
        sizes = self.decided.settings
        weights = sizes.num_products() + self.learned.corpus.tokenizer.size * int(sizes.width)
        return 6.0 * weights * (tokens or float(epochs) * len(self.learned.corpus.train))

    def _epochs(self, rows: Learnable) -> tuple[float, str]:
        """How often the text is gone over, and why."""
        asked, tokens = self.decided.learn.epochs, self.recipe.own_tokens
        if tokens is not None:
            of_epoch = int(rows.lengths_of(np.arange(len(rows))).sum())
            every = self.recipe.budget.tokens or tokens
            if tokens < every:
                return (
                    tokens / of_epoch,
                    f"{tokens:,} tokens, of {every:,}: the rest is of the other direction",
                )
            return tokens / of_epoch, f"{tokens:,} tokens, as asked"
        if asked != "auto":
            return asked, f"{asked:g}, as asked"
        return _NO_END, "as often as the time allows"


def count_parameters(network: nn.Module, *, learning: bool = False) -> int:
    """All of them, or those that learn."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad or not learning)


def _by_steps(fit: Fit, windows: int) -> Callable[[FitState], bool]:
    """Due after equal parts of all steps; of so few that judging takes its share and no more, less often."""
    steps_of_epoch = -(-len(fit.rows) // fit.rows_per_step)
    least = math.ceil(windows / (_WINDOWS_OF_ROWS * fit.rows_per_step))
    every = max(round(fit.epochs * steps_of_epoch / _CHECKS), least)
    return lambda state: state.step % every == 0


def _by_progress() -> Callable[[FitState], bool]:
    """Due when another part of the time is over."""
    passed = 0

    def is_due(state: FitState) -> bool:
        nonlocal passed
        part = int(state.progress * _CHECKS)
        passed, before = part, passed
        return part > before

    return is_due
