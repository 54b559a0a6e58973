"""Ctrl-C where processes share a fit in shards: none may leave in the middle of a step."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from textwright.learn.loop import Fit

# torchrun passes on what it hears, so that a Ctrl-C comes twice.
_ECHO = 1.0


@contextmanager
def cut_after_a_step(fit: Fit) -> Iterator[None]:
    """Within it the first SIGINT or SIGTERM ends the fit after the step at hand; another, later, does what it
    always did, and then nothing is kept.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone hears of signals
        yield
        return
    found: dict[int, Any] = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in found.items() if callable(handler)}
    wished: list[float] = []

    def hear(number: int, frame: FrameType | None) -> None:
        wished.append(time.monotonic())
        if wished[-1] - wished[0] > _ECHO:
            before[number](number, frame)
        with suppress(KeyboardInterrupt):  # it may want to know which signal it was
            before[number](number, frame)

    fit.is_cut = lambda: bool(wished)
    for number in before:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
