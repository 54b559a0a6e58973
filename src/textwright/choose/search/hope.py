"""Whether a fit that is under way can still become good enough: its curve is carried on to its end.

A fit is stopped where its loss, carried on by a power law (Domhan et al. 2015, IJCAI; Viering & Loog 2023,
arXiv:2103.10948), would end far from the best that is known, or where it lies behind an earlier fit of the
same architecture at the same point (successive halving by stopping, Li et al. 2020, arXiv:1810.05934).

Shapes: P checks of a curve.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from textwright.choose.search.folds import Folded
from textwright.core.events import Event
from textwright.core.records import Status, StepEvent
from textwright.tasks.judging import LOSS
from textwright.tasks.trainers.base import Trainer

# Nothing is said of a curve before so many checks, and before this share of its length.
_LEAST_CHECKS, _LEAST_SHARE = 3, 0.25
_EXPONENTS = (0.25, 0.5, 1.0, 2.0)
# Gaps are shares of what the best has gained over no model: what is further away is lost.
FAR, BEHIND = 0.15, 0.05
FAR_FOR_ENSEMBLES = 0.6

Curve = list[tuple[float, float]]


@dataclass
class Hope:
    """Judges one fit; losses are lower where better.

    `nothing` is the loss of no model, `best` the best loss so far, `earlier` the curves of the same
    architecture: (share of the length, loss) at each check.
    """

    nothing: float
    best: float | None
    far: float = FAR
    earlier: Sequence[Curve] = ()
    curve: Curve = field(default_factory=list)

    def lost(self, share: float, loss: float) -> str:
        """Take in a check; why the fit should be stopped, or nothing."""
        self.curve.append((share, loss))
        if len(self.curve) < _LEAST_CHECKS or share < _LEAST_SHARE or share >= 1 or self.best is None:
            return ""
        gain = max(self.nothing - self.best, 1e-9)
        end = carried_on(self.curve)
        if end > self.best + self.far * gain:
            return f"its loss of {loss:.3f} would end near {end:.3f}, and the best has {self.best:.3f}"
        if other := _loss_at(self.earlier, share):
            lowest = min(value for _, value in self.curve)
            if lowest > other + BEHIND * gain and self.far <= FAR:
                return f"its loss of {lowest:.3f} is behind the {other:.3f} of the fit before at this point"
        return ""


def followed(
    search: Generator[Event, None, None], trainer: Trainer, hope: Hope
) -> Generator[Event, None, tuple[Status, str]]:
    """All events of a trainer's search, or those up to where it was given up; how it ended, and why."""
    # Of networks: a solver is done before it is judged, and so is a fold of few rows.
    planned = 0.0 if isinstance(trainer, Folded) else float(getattr(trainer, "epochs", 0.0))
    with closing(search):
        for event in search:
            yield event
            if not (planned and isinstance(event, StepEvent) and event.scores):
                continue
            if why := hope.lost(event.epoch / planned, event.scores[LOSS]):
                return "stopped", f"stopped early: {why}"
    return "done", ""


def carried_on(curve: Curve) -> float:
    """The loss at the end (share 1) by the power law a + b * share^-c, b >= 0, that fits best.

    It is never above the lowest so far. Of several exponents that fit alike the most hopeful end is taken.

    >>> carried_on([(0.25, 1.25), (0.5, 0.75), (0.75, 0.583333)])
    0.5
    """
    shares, losses = np.array(curve).T
    ends, errors = [], []
    for exponent in _EXPONENTS:
        x = shares**-exponent
        slope = max(float(np.cov(x, losses, bias=True)[0, 1] / max(x.var(), 1e-12)), 0.0)
        level = float(losses.mean() - slope * x.mean())
        errors.append(float(np.square(level + slope * x - losses).mean()))
        ends.append(level + slope)
    good = min(errors) * 2 + 1e-9
    end = min(end for end, error in zip(ends, errors, strict=True) if error <= good)
    return round(min(end, float(losses.min())), 6)


def _loss_at(curves: Sequence[Curve], share: float) -> float | None:
    """The best loss that any of the curves had reached by this share of its length."""
    found = [loss for curve in curves for at, loss in curve if at <= share + 1e-9]
    return min(found, default=None)
