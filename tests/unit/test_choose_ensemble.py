"""Which candidates answer better together."""

from __future__ import annotations

import numpy as np

from textwright.choose.pick.ensemble import blend
from textwright.core.seeds import generator
from textwright.tasks.base import TASKS, Decode

TASK = TASKS.get("classify")


def outputs(truth: np.ndarray, rng: np.random.Generator, signal: float, noise: float) -> np.ndarray:
    """Log-odds of the second class that know the truth more or less."""
    side = 2.0 * truth - 1
    rows = signal * side + noise * rng.normal(size=len(truth))
    scale = 2 * signal / noise**2  # the log-odds of such numbers
    return (rows * scale)[:, None].astype(np.float32)


def losses(seed: int, *kinds: tuple[float, float]) -> tuple[list[float], float, np.ndarray]:
    """The loss of each kind alone, that of the blend on fresh rows, and its weights."""
    rng = generator(seed, "test")
    truth, fresh = (rng.integers(0, 2, 800) for _ in range(2))
    seen = [outputs(truth, rng, *kind) for kind in kinds]
    new = [outputs(fresh, rng, *kind) for kind in kinds]
    found = blend(seen, truth, TASK, Decode(), 0)
    mixed = np.tensordot(found.weights, np.stack(new), axes=1)
    alone = [TASK.judge(rows, fresh, Decode()) for rows in new]
    assert found.weights.sum() == 1 and found.outputs.shape == seen[0].shape
    return alone, TASK.judge(mixed, fresh, Decode()), found.weights


def test_independent_errors_are_averaged_away_on_fresh_rows() -> None:
    for seed in range(5):
        alone, together, weights = losses(seed, (1.0, 1.5), (1.0, 1.5), (1.0, 1.5))
        assert together < min(alone) - 0.05 and (weights > 0.15).all()


def test_noise_gets_no_weight() -> None:
    weights = np.mean([losses(seed, (1.0, 1.0), (0.02, 1.0))[2] for seed in range(5)], axis=0)
    assert weights[1] < 0.1


def test_a_member_alone_may_be_the_best_blend() -> None:
    rng = generator(0, "test")
    truth = rng.integers(0, 2, 400)
    good = outputs(truth, rng, 1.0, 1.0)
    assert blend([good, good], truth, TASK, Decode(), 0).members == [0]


def test_what_cross_fitting_says_does_not_flatter() -> None:
    """Among twenty members that know nothing the best few look good on the rows they were picked on."""
    rng = generator(1, "test")
    truth = rng.integers(0, 2, 200)
    noise = [rng.normal(size=(200, 1)).astype(np.float32) * 0.3 for _ in range(20)]
    found = blend(noise, truth, TASK, Decode(), 0)
    own = TASK.loss(np.tensordot(found.weights, np.stack(noise), axes=1), truth, Decode())
    assert own < np.log(2) < TASK.loss(found.outputs, truth, Decode())


def test_graded_scores_are_blended_as_well() -> None:
    task, rng = TASKS.get("score"), generator(0, "test")
    truth = rng.normal(size=500)
    seen = [(truth + rng.normal(size=500))[:, None].astype(np.float32) for _ in range(2)]
    found = blend(seen, truth, task, Decode(), 0)
    assert task.loss(found.outputs, truth, Decode()) < 0.8 * task.loss(seen[0], truth, Decode())
    assert np.allclose(found.weights, 0.5, atol=0.15)
