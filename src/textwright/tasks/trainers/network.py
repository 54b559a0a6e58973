"""Fits torch networks with the one loop, and runs them: token ids in, outputs out.

Shapes: N rows, K outputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from textwright.core.clock import Clock
from textwright.core.ragged import IntArray, Ragged
from textwright.core.records import StepEvent
from textwright.core.seeds import derive
from textwright.learn.batches import Rows, batches, in_order
from textwright.learn.loop import Fit, Judgement
from textwright.learn.objectives import objective_for
from textwright.models.base import Shape
from textwright.models.registry import ARCHITECTURES
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.base import Array
from textwright.tasks.examples import Job
from textwright.tasks.judging import judged
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.base import Engine
from textwright.text.tokenizers import Encoded, Tokenizer
from textwright.text.vectors import read_vectors

_PREDICT_ROWS, _PREDICT_TOKENS = 256, 32_768
# Steps of so many tokens gain 10 to 40 % from more threads on a quiet machine; smaller ones gain little, and
# lose half beside another busy process (docs/log.md). The data decide, not the load, so that the bits stay.
_TOKENS_FOR_THREADS = 2_000
# A search takes at most this share of its time, so that the refit on all rows fits as well.
_SEARCH_SHARE = 0.46


@dataclass
class NetworkEngine:
    """A network and its tokenizer behind texts."""

    architecture: str
    settings: dict[str, Any]
    shape: Shape
    network: nn.Module
    tokenizer: Tokenizer

    @property
    def num_parameters(self) -> int:
        return sum(p.numel() for p in self.network.parameters())

    @property
    def num_bytes(self) -> int:
        return sum(p.numel() * p.element_size() for p in self.network.parameters())

    def outputs(self, texts: Sequence[str]) -> Array:
        return run(self.network, self.tokenizer.encode(texts).rows)

    def save(self, folder: Path) -> None:
        config = {
            "architecture": self.architecture,
            "settings": self.settings,
            "vocabulary": self.shape.vocabulary,
            "num_outputs": self.shape.num_outputs,
        }
        (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
        weights = {k: v.detach().clone().contiguous() for k, v in self.network.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        self.tokenizer.save(folder)

    @classmethod
    def load(cls, folder: Path, config: dict[str, Any]) -> NetworkEngine:
        torch.set_num_threads(usable_cpus())
        shape = Shape(config["vocabulary"], config["num_outputs"])
        network = _build(config["architecture"], config["settings"], shape)
        network.load_state_dict(load_file(folder / "model.safetensors"))
        return cls(config["architecture"], config["settings"], shape, network.eval(), Tokenizer.load(folder))


class NetworkTrainer:
    """The trainer of every architecture that is a torch network."""

    def __init__(self, job: Job, recipe: Recipe, *, name: str) -> None:
        self.job, self.recipe, self.name = job, recipe, name
        settings = ARCHITECTURES.get(name).settings
        self.settings = settings.parse(
            recipe.model_settings if recipe.model_name == name else {}, where="model."
        )
        self.engine: Engine | None = None
        self._best_epochs: float | None = None
        self._seconds_per_row = 0.0
        self.on_fit: Callable[[Fit], None] = lambda fit: None

    @cached_property
    def _encoded(self) -> tuple[Tokenizer, Encoded, str]:
        settings, reason = self.job.examples.tokenizer_settings(self.recipe.tokenizer)
        tokenizer, encoded = self.job.examples.tokens(settings)
        return tokenizer, encoded, reason

    @cached_property
    def _rows(self) -> Rows:
        examples = self.job.examples
        targets = examples.task.fitted(examples.targets, examples.schema, examples.decode)
        return Rows(self._encoded[1].rows, targets)

    @property
    def epochs(self) -> float:
        """As asked, or about 150,000 rows seen, between 4 and 16 times each."""
        asked = self.recipe.learn.epochs
        return (
            float(np.clip(150_000 / len(self.job.examples), 4, 16).round())
            if asked == "auto"
            else float(asked)
        )

    def search(self, train: IntArray, validation: IntArray) -> Iterator[StepEvent]:
        examples, rows = self.job.examples, self._rows
        held_out = rows.tokens.take(validation)
        truth = examples.targets[validation]

        def validate(network: nn.Module) -> Judgement:
            return Judgement(*judged(examples, run(network, held_out), truth))

        fit = self._start(rows.take(train), self.job.clock.part(_SEARCH_SHARE), self.epochs, validate)
        yield from self._run(fit)
        # Stopped before the first validation, there is no best: what was trained is kept.
        self._best_epochs = fit.state.best_epoch or fit.state.rows / max(len(train), 1)
        self._seconds_per_row = fit.state.seconds / max(fit.state.rows, 1)

    def refit(self, rows: IntArray) -> Iterator[StepEvent]:
        epochs = self._best_epochs if self._best_epochs is not None else self.epochs
        yield from self._run(self._start(self._rows.take(rows), self.job.clock, epochs, None))

    def _start(
        self, rows: Rows, clock: Clock, epochs: float, validate: Callable[[nn.Module], Judgement] | None
    ) -> Fit:
        torch.set_num_threads(self._threads(rows))
        torch.manual_seed(derive(self.recipe.seed, "weights", self.name))
        shape = self._shape()
        network = _build(self.name, self.settings.model_dump(), shape)
        examples = self.job.examples
        objective = objective_for(examples.task.link(examples.schema))
        fit = Fit(
            network,
            rows,
            objective,
            self.recipe.learn,
            epochs,
            self.recipe.seed,
            clock,
            validate,
            planned_epochs=self.epochs,
        )
        self.on_fit(fit)
        return fit

    def _threads(self, rows: Rows) -> int:
        tokens_per_step = self.recipe.learn.batch * len(rows.tokens.values) / max(len(rows), 1)
        return self.job.threads if tokens_per_step >= _TOKENS_FOR_THREADS else 1

    def _run(self, fit: Fit) -> Iterator[StepEvent]:
        engine = NetworkEngine(
            self.name, self.settings.model_dump(mode="json"), self._shape(), fit.model, self._encoded[0]
        )
        for event in fit.run():
            self.engine = engine
            yield event
        if fit.state.step:  # a fit that was resumed at its end has no events left
            self.engine = engine

    def _shape(self) -> Shape:
        examples, tokenizer = self.job.examples, self._encoded[0]
        return Shape(
            tokenizer.size, examples.task.num_outputs(examples.schema), tokenizer.pad_id, self._vectors
        )

    @cached_property
    def _vectors(self) -> Any:
        path = self.recipe.vectors.path
        if path is None:
            return None
        width = getattr(self.settings, "embedding", 0)
        vectors, self._found = read_vectors(Path(path), self._encoded[0].vocabulary, size=width)
        return vectors

    def give(self, clock: Clock) -> None:
        self.job = replace(self.job, clock=clock)

    def refit_seconds(self, rows: int) -> float:
        return self._seconds_per_row * rows * (self._best_epochs or self.epochs)

    def probe(self, steps: int = 8) -> float:
        """Seconds a training row takes, by a few steps that are thrown away; the first two warm up."""
        chosen = np.arange(min(len(self._rows), self.recipe.learn.batch * steps))
        fit = self._start(self._rows.take(chosen), Clock.starting(10), 1.0, None)
        seen = [(event.rows, event.seconds) for event in fit.run()]
        (rows, seconds), (all_rows, all_seconds) = seen[min(1, len(seen) - 1)], seen[-1]
        return (all_seconds - seconds) / (all_rows - rows) if all_rows > rows else all_seconds / all_rows

    def num_parameters(self) -> int:
        return sum(
            p.numel() for p in _build(self.name, self.settings.model_dump(), self._shape()).parameters()
        )

    def reasons(self) -> dict[str, str]:
        tokenizer, encoded, reason = self._encoded
        lost = (
            f"{tokenizer.size:,} kinds of tokens; "
            f"{encoded.lost_share:.1%} of the tokens are lost by truncation, "
            f"{encoded.unknown_share:.1%} are unknown"
        )
        auto = self.recipe.learn.epochs == "auto"
        epochs = f"{self.epochs:g}: " + (
            f"about 150,000 rows seen, for {len(self.job.examples):,} rows" if auto else "as asked"
        )
        found = {"vectors": f"{self._found:.1%} of the vocabulary found"} if self._vectors is not None else {}
        return {"tokenizer": f"{reason}; {lost}", "learn.epochs": epochs, **found}

    def choices(self) -> dict[str, Any]:
        return {
            "name": self.name,
            **self.settings.model_dump(mode="json"),
            "found": {"epochs": self._best_epochs},
        }


def run(network: nn.Module, tokens: Ragged) -> Array:
    """(N, K) outputs of token rows, in batches of like length; no gradient, no dropout."""
    was_training = network.training
    network.eval()
    order = in_order(tokens.lengths, _PREDICT_ROWS, _PREDICT_TOKENS)
    rows = Rows(tokens, np.zeros(len(tokens), np.int8))
    out: Array | None = None
    with torch.inference_mode():
        for chosen, batch in zip(order, batches(rows, order), strict=True):
            logits = network(batch.ids_BT, batch.mask_BT).logits.float().numpy()
            out = np.empty((len(tokens), logits.shape[1]), np.float32) if out is None else out
            out[chosen] = logits
    network.train(was_training)
    return np.zeros((0, 1), np.float32) if out is None else out


def _build(name: str, settings: dict[str, Any], shape: Shape) -> nn.Module:
    architecture = ARCHITECTURES.get(name)
    network: nn.Module = architecture.build(architecture.settings.parse(settings, where="model."), shape)
    return network
