"""Fits torch networks with the one loop: token ids and targets in, an engine out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.events import Event
from textwright.core.ragged import IntArray
from textwright.core.records import StepEvent
from textwright.core.seeds import derive
from textwright.core.settings import Settings
from textwright.learn.batches import Rows
from textwright.learn.consistency import divergence_for
from textwright.learn.defaults import resolved
from textwright.learn.loop import Fit, Judgement
from textwright.learn.objectives import Objective, balanced_weights, objective_for
from textwright.learn.settings import LearnSettings
from textwright.models.base import Shape
from textwright.models.fast.apply import accelerated
from textwright.models.registry import ARCHITECTURES
from textwright.runtime.compute import decide
from textwright.runtime.settings import Compute
from textwright.tasks.base import Array, Link
from textwright.tasks.examples import Job
from textwright.tasks.judging import judged
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.base import Engine, Foreseen
from textwright.tasks.trainers.chosen import chosen_learning, chosen_speed
from textwright.tasks.trainers.engine import NetworkEngine, run
from textwright.tasks.trainers.reading import LongReading
from textwright.text.tokenizers import Encoded, Tokenizer
from textwright.text.vectors import read_vectors

# Steps of so many tokens gain 10 to 40 % from more threads on a quiet machine; smaller ones gain little, and
# lose half beside another busy process (docs/log.md). The data decide, not the load, so that the bits stay.
_TOKENS_FOR_THREADS = 2_000
# With fewer passes over the rows a network is better left out.
_LEAST_PASSES = 2.0
# What the fast path is tried on before it is used.
_TRIED_ROWS = 2


class NetworkTrainer:
    """The trainer of every architecture that is a torch network."""

    casts = False

    def __init__(self, job: Job, recipe: Recipe, *, name: str) -> None:
        self.job, self.recipe, self.name = job, recipe, name
        self.asked = ARCHITECTURES.get(name).settings.parse(
            recipe.model_settings if recipe.model_name == name else {}, where="model."
        )
        self.engine: Engine | None = None
        self.was_cut = False
        self._best_epochs: float | None = None
        self._cost_per_row = 0.0
        self._quickened: list[str] = []
        self.on_fit: Callable[[Fit], None] = lambda fit: None

    # What the data are to the network.

    @cached_property
    def _encoded(self) -> tuple[Tokenizer, Encoded, str]:
        settings, reason = self.job.examples.tokenizer_settings(self.recipe.tokenizer)
        tokenizer, encoded = self.job.examples.tokens(settings)
        return tokenizer, encoded, reason

    @cached_property
    def _rows(self) -> Rows:
        return Rows(self._encoded[1].rows, self.job.examples.fitted(), self._encoded[0].pad_id)

    @cached_property
    def shape(self) -> Shape:
        examples, tokenizer = self.job.examples, self._encoded[0]
        labels = tuple(examples.schema.labels)
        return Shape(
            tokenizer.size,
            examples.task.num_outputs(examples.schema),
            tokenizer.pad_id,
            self._vectors,
            labels,
            self._link,
        )

    @property
    def _link(self) -> Link:
        """How answers follow from the outputs."""
        return self.job.examples.task.link(self.job.examples.schema)

    @cached_property
    def _vectors(self) -> Any:
        path = self.recipe.vectors.path
        if path is None:
            return None
        width = getattr(self.settings, "embedding", 0)
        vectors, self._found = read_vectors(Path(path), self._encoded[0].vocabulary, size=width)
        return vectors

    # What is decided: settings of the network, of learning, of computing, and how long texts are read.

    @cached_property
    def reading(self) -> LongReading:
        competes = self.job.examples.schema.task == "classify"
        return LongReading(self.recipe.long, self._encoded[1].lost_share, competes)

    @property
    def settings(self) -> Settings:
        """Those of the architecture, every `auto` resolved."""
        return self.asked

    @property
    def rate(self) -> float:
        """The learning rate that suits the network with adamw."""
        return ARCHITECTURES.get(self.name).rate

    @cached_property
    def _learn(self) -> tuple[LearnSettings, dict[str, str]]:
        architecture = ARCHITECTURES.get(self.name)
        return resolved(
            self.recipe.learn,
            rate=self.rate,
            num_rows=len(self.job.examples),
            seen_rows=architecture.seen_rows,
            passes=architecture.passes,
        )

    @property
    def epochs(self) -> float:
        return float(self._learn[0].epochs)

    @cached_property
    def _compute(self) -> Compute:
        seconds = 0.0 if self.job.clock.steps else self.job.clock.remaining()
        return decide(
            self.recipe.compute, threads=self._threads(), casts=self.casts, work=self._work(), seconds=seconds
        )

    def _work(self) -> float:
        """Operations of a fit on all rows, where that is known."""
        return 0.0

    def _threads(self) -> int:
        tokens = self._rows.tokens
        tokens_per_step = self._learn[0].batch * len(tokens.values) / max(len(tokens), 1)
        return self.job.threads if tokens_per_step >= _TOKENS_FOR_THREADS else 1

    def _objective(self) -> Objective:
        loss = self.recipe.learn.loss
        weights = None
        if loss.class_weights == "balanced":
            weights = balanced_weights(self._rows.targets, self.shape.num_outputs, self._link)
        return objective_for(self._link, loss, weights)

    # The fits.

    def search(self, train: IntArray, validation: IntArray) -> Iterator[Event]:
        examples, rows = self.job.examples, self._rows
        answered = self._answered(validation)
        truth = examples.targets[validation]

        def validate(network: nn.Module) -> Judgement:
            return Judgement(*judged(examples, answered(network), truth))

        fit = self._start(rows.take(train), self.reading.before(self.job.clock), self.epochs, validate)
        yield from self._run(fit)
        # Stopped before the first validation, there is no best: what was trained is kept.
        self._best_epochs = fit.state.best_epoch or fit.state.rows / max(len(train), 1)
        self._cost_per_row = self._cost(fit) / max(fit.state.rows, 1)
        self.was_cut = fit.state.by_clock
        if isinstance(self.engine, NetworkEngine):
            self.engine = self.reading.decided(self.engine, validation, self.job)

    def _answered(self, validation: IntArray) -> Callable[[nn.Module], Array]:
        """How networks answer the rows of validation; long texts are read as the engine will read them."""
        tokenizer, long = self._encoded[0], self.reading.long
        if not long.is_chunked:
            held_out = self._rows.tokens.take(validation)
            return lambda network: run(network, held_out, tokenizer.pad_id)
        texts = [self.job.examples.texts[i] for i in validation]
        chunks = long.chunks(tokenizer.whole(texts), tokenizer)
        framed = tokenizer.frame.around(chunks.rows)
        return lambda network: long.pooled(run(network, framed, tokenizer.pad_id), chunks)

    def _cost(self, fit: Fit) -> float:
        """What a fit has taken so far, in seconds, or in steps where the clock counts those."""
        return fit.state.step if self.job.clock.steps else fit.state.seconds

    def refit(self, rows: IntArray) -> Iterator[Event]:
        epochs = self._best_epochs if self._best_epochs is not None else self.epochs
        self.reading.without_search()
        yield from self._run(self._start(self._rows.take(rows), self.job.clock, epochs, None))

    def _start(
        self, rows: Rows, clock: Clock, epochs: float, validate: Callable[[nn.Module], Judgement] | None
    ) -> Fit:
        compute, (learn, _) = self._compute, self._learn
        torch.set_num_threads(compute.threads)
        torch.manual_seed(derive(self.recipe.seed, "weights", self.name))
        fit = Fit(
            self._build(),
            rows,
            self._objective(),
            learn,
            epochs,
            self.recipe.seed,
            clock,
            validate,
            planned_epochs=self.epochs,
            compute=compute,
            divergence=divergence_for(self._link) if learn.loss.r_drop else None,
        )
        self.on_fit(fit)
        if fit.compute != compute:  # the fit is resumed: what comes after it computes alike
            self._compute = replace(fit.compute, reasons=dict.fromkeys(compute.reasons, "as the run began"))
        return fit

    def _run(self, fit: Fit) -> Iterator[Event]:
        torch.set_num_threads(fit.compute.threads)  # those of the run that is resumed
        try:
            with self._accelerated(fit) as self._quickened:
                yield from fit.run()
        finally:
            if fit.state.step:
                self.engine = self._engine(fit.model)

    def _accelerated(self, fit: Fit) -> AbstractContextManager[list[str]]:
        compute = fit.compute
        batch = fit.rows.batch(np.arange(min(_TRIED_ROWS, len(fit.rows))), 0).to(compute.device)
        return accelerated(fit.model, compute.precision, batch.inputs, compiles=compute.compile)

    def _build(self) -> nn.Module:
        network: nn.Module = ARCHITECTURES.get(self.name).build(self.settings, self.shape)
        if self._compute.checkpoint_gradients:
            checkpoint = getattr(network, "checkpoint_gradients", None)
            if checkpoint is None:
                raise ConfigError(
                    f"compute.checkpoint_gradients: {self.name} has no stack of layers to compute twice",
                    hint="Leave it out; compute.micro_batch saves memory with every network.",
                )
            checkpoint()
        return network

    def _engine(self, network: nn.Module) -> Engine:
        settings = self.settings.model_dump(mode="json")
        return NetworkEngine(self.name, settings, self.shape, network, self._encoded[0], self.reading.long)

    # What the plan says.

    def give(self, clock: Clock) -> None:
        self.job = replace(self.job, clock=clock)

    def encode(self) -> None:
        _ = self._encoded

    def refit_seconds(self, rows: int) -> float:
        return self._cost_per_row * rows * (self._best_epochs or self.epochs)

    def foresee(self, rows: int) -> Foreseen:
        if not self._cost_per_row:
            watch, self.on_fit = self.on_fit, lambda fit: None  # a trial is thrown away: nobody stores it
            self._cost_per_row = 1 / self._learn[0].batch if self.job.clock.steps else self.probe()
            self.engine, self.on_fit = None, watch
        of_a_pass = self._cost_per_row * rows
        return Foreseen(of_a_pass * self.epochs, of_a_pass * min(self.epochs, _LEAST_PASSES))

    def probe(self, steps: int = 8) -> float:
        """Seconds a training row takes, by a few steps that are thrown away; the first two warm up."""
        chosen = np.arange(min(len(self._rows), self._learn[0].batch * steps))
        fit = self._start(self._rows.take(chosen), Clock.starting(10), 1.0, None)
        fit.compute = replace(fit.compute, compile=False)
        seen = [(e.rows, e.seconds) for e in self._run(fit) if isinstance(e, StepEvent)]
        (rows, seconds), (all_rows, all_seconds) = seen[min(1, len(seen) - 1)], seen[-1]
        return (all_seconds - seconds) / (all_rows - rows) if all_rows > rows else all_seconds / all_rows

    def found(self) -> dict[str, Any]:
        return {
            "epochs": self._best_epochs,
            "cost_per_row": self._cost_per_row,
            "was_cut": self.was_cut,
            "compute": asdict(self._compute),
            "long": {**self.reading.long.model_dump(mode="json"), "why": self.reading.why},
        }

    def recall(self, found: dict[str, Any]) -> None:
        """How it was computed too: a refit elsewhere is to round alike."""
        self._best_epochs, self._cost_per_row = found["epochs"], found["cost_per_row"]
        self.was_cut = found["was_cut"]
        self._compute = Compute(**found["compute"])
        self.reading.recall(found["long"])

    def reasons(self) -> dict[str, str]:
        tokenizer, encoded, reason = self._encoded
        lost = (
            f"{tokenizer.size:,} kinds of tokens; "
            f"{encoded.lost_share:.1%} of the tokens are lost by truncation, "
            f"{encoded.unknown_share:.1%} are unknown"
        )
        found = {"vectors": f"{self._found:.1%} of the vocabulary found"} if self._vectors is not None else {}
        return {
            "tokenizer": f"{reason}; {lost}",
            **self._chosen[1],
            **self._learn[1],
            **self._compute.reasons,
            **chosen_speed(ARCHITECTURES.get(self.name).kind, self._quickened),
            **self.reading.reasons(),
            **found,
        }

    @cached_property
    def _chosen(self) -> tuple[LearnSettings, dict[str, str]]:
        """Those of learning without any `auto`, with the reasons."""
        return chosen_learning(self.recipe.learn, self._learn[0], self._link)

    def choices(self) -> dict[str, Any]:
        return {
            "name": self.name,
            **self.settings.model_dump(mode="json"),
            "learn": self._chosen[0].model_dump(mode="json"),
            "compute": self._compute.to_json(),
            "long": self.reading.long.model_dump(mode="json", exclude={"competes"}),
            "found": {"epochs": self._best_epochs, "tokens": self._tokens()},
        }

    def _tokens(self) -> dict[str, Any]:
        """How many kinds there are, and which shares of the texts' tokens were cut off or unknown."""
        tokenizer, encoded, _ = self._encoded
        lost, unknown = encoded.lost_share, encoded.unknown_share
        return {"kinds": tokenizer.size, "lost_share": lost, "unknown_share": unknown}
