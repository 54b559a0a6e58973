"""How events look on a terminal: one moving line there, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

from textwright.cli.run import told
from textwright.core.events import Event
from textwright.core.records import Note, StepEvent

_SECONDS_BETWEEN_LINES, _SECONDS_BETWEEN_SCORES = 10.0, 0.5
_MARKS = {"said": "", "plan": "", "warning": "warning: "}


@dataclass
class Progress:
    """A sink that shows loss, score, throughput and time left; details are in plan.json and the report."""

    moving: bool = field(default_factory=lambda: sys.stderr.isatty())
    _last: float = 0.0
    _scores: str = ""
    _open: bool = False

    def __call__(self, event: Event) -> None:
        if isinstance(event, Note):
            if event.kind == "detail":
                return
            self._scores, self._last = "", 0.0
            self._line(_MARKS[event.kind] + event.text)
        else:
            self._step(event)

    def _step(self, event: StepEvent) -> None:
        if event.scores:
            shown = list(event.scores.items())[:2]
            self._scores = "  ".join(f"{name} {value:.4f}" for name, value in shown)
        now = time.monotonic()
        if self.moving and now - self._last > 0.1:
            self._last = now
            print(f"\r\x1b[K{told(self._describe(event))}", end="", file=sys.stderr, flush=True)
            self._open = True
        elif not self.moving and now - self._last > self._pause(event):
            self._last = now
            self._line(self._describe(event))

    def _pause(self, event: StepEvent) -> float:
        return _SECONDS_BETWEEN_SCORES if event.scores else _SECONDS_BETWEEN_LINES

    def _describe(self, event: StepEvent) -> str:
        left = "" if event.remaining is None else f"  {_seconds(event.remaining)} left at most"
        speed = f"{event.tokens_per_second:,.0f} tokens/s"
        place = f"epoch {event.epoch:.2f}  step {event.step:,}"
        return f"  {place}  loss {event.loss:.4f}  {self._scores}  {speed}{left}"

    def _line(self, text: str) -> None:
        if self._open:
            print("\r\x1b[K", end="", file=sys.stderr)
            self._open = False
        print(told(text), file=sys.stderr, flush=True)


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
