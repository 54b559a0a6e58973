"""How far the schedule of a fit is: a matter of its length alone, until the time turns out not to suffice."""

from __future__ import annotations

from textwright.core.clock import Clock
from textwright.learn.state import FitState

# What is measured before a projection is believed: at its start a process is slower than later on.
_LEAST_STEPS, _LEAST_SHARE = 20, 0.05


class Pace:
    """The schedule of one call of `Fit.run`.

    As long as the planned steps fit into the time, it is a pure function of the step, so that a run gives the
    same bits however fast the machine is. Afterwards what is left of the schedule is laid out over what is
    left of the time; a fit that is resumed goes on from where its schedule stood.
    """

    def __init__(self, clock: Clock, state: FitState) -> None:
        self.clock, self.state = clock, state
        self._begun = clock.elapsed()
        self._num_steps = 0
        self._bound_at, self._bound_from = self._begun, state.progress

    def progress(self, by_length: float) -> float:
        """From 0 to 1, by the share of the planned length that is done; it is kept in the state."""
        state = self.state
        state.progress = max(by_length, self._by_clock()) if state.by_clock else by_length
        return state.progress

    def _by_clock(self) -> float:
        if self.clock.limit is None:  # a fit whose time was short, resumed without a limit
            return self._bound_from
        left = self.clock.limit - self._bound_at
        share = (self.clock.elapsed() - self._bound_at) / left if left > 0 else 1.0
        return self._bound_from + (1 - self._bound_from) * min(share, 1.0)

    def after_step(self, steps_left: float) -> str:
        """Turn to the clock when the steps left take longer than the time left; says so, once."""
        self._num_steps += 1
        limit, spent = self.clock.limit, self.clock.elapsed() - self._begun
        if limit is None or self.state.by_clock or self._num_steps < _LEAST_STEPS:
            return ""
        needed, left = spent / self._num_steps * steps_left, self.clock.remaining()
        if spent < _LEAST_SHARE * (limit - self._begun) or needed <= left:
            return ""
        self.state.by_clock = True
        self._bound_at, self._bound_from = self.clock.elapsed(), self.state.progress
        step, left = self.state.step, max(left, 0)
        return (
            f"step {step:,}: about {needed:.0f} s of steps are left and {left:.0f} s of time: "
            "the learning rate now falls with the clock, and the result depends on the speed of this machine"
        )
