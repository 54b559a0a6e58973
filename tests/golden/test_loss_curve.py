"""Twenty losses of a tiny lstm and cnn, written down: a change of the loop or of the models must keep them.

The same process gives the same bits twice. Other processors and other builds of torch add up in another
order; with the instructions of SSE, AVX2 and AVX-512 these losses differ by 1e-7. Another order of rows,
rate, seed or first weights shows in the second digit. Write them anew, when a change is meant, with

    python tests/golden/test_loss_curve.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from textwright.core.clock import Clock
from textwright.core.ragged import Ragged
from textwright.learn.batches import Rows
from textwright.learn.loop import Fit
from textwright.learn.objectives import objective_for
from textwright.learn.settings import LearnSettings
from textwright.models.base import Shape
from textwright.models.registry import ARCHITECTURES

RECORD = Path(__file__).with_name("loss_curve.json")
SMALL = {
    "lstm": {"embedding": 12, "hidden": 10, "layers": 2},
    "cnn": {"embedding": 12, "filters": 8, "embedding_dropout": 0.1},
}


def rows() -> Rows:
    """80 rows of 3 classes, told apart by the tokens they hold; made by arithmetic, not by a generator."""
    targets = np.arange(80) % 3
    texts = [
        [1 + (i * 7 + j * 5) % 10 + 10 * (t if j % 3 else 3) for j in range(2 + i % 9)]
        for i, t in enumerate(targets)
    ]
    return Rows(Ragged.from_lists(texts), targets)


def curve(name: str) -> list[float]:
    architecture = ARCHITECTURES.get(name)
    torch.manual_seed(11)
    model = architecture.build(architecture.settings.parse(SMALL[name]), Shape(41, 3))
    settings = LearnSettings.parse({"batch": 16, "optimizer": {"rate": 0.02}, "schedule": {"warmup": 0.2}})
    fit = Fit(model, rows(), objective_for("softmax"), settings, 4, 5, Clock.starting())
    return [event.loss for event in fit.run()]


@pytest.mark.parametrize("name", list(SMALL))
def test_losses_are_those_written_down(name: str) -> None:
    losses = curve(name)
    assert len(losses) == 20
    assert losses == pytest.approx(json.loads(RECORD.read_text())[name], rel=1e-4)
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5]), "it does learn"


@pytest.mark.parametrize("name", list(SMALL))
def test_one_process_gives_the_same_bits_twice(name: str) -> None:
    assert curve(name) == curve(name)


if __name__ == "__main__":
    torch.set_num_threads(1)
    RECORD.write_text(json.dumps({name: curve(name) for name in SMALL}, indent=1) + "\n")
