"""What every test runs in: one thread, an environment that says nothing, examples that never change.

Sockets are blocked and warnings are errors by the settings in pyproject.toml.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from unittest import mock

import pytest

# Read when torch, or OpenMP behind NumPy, is first imported: here, and in what tests start.
os.environ["OMP_NUM_THREADS"] = "1"
# Hypothesis would keep its tables in the working tree.
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = os.path.join(tempfile.gettempdir(), "textwright-hypothesis")

from hypothesis import settings

ALL_PROCESSORS = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def one_processor_each() -> None:
    """Threads of several workers on the same processors wait for one another: that took five times as long.

    So each worker of xdist, with what it starts, has one of its own, where the system can give it.
    """
    if ALL_PROCESSORS and (worker := os.environ.get("PYTEST_XDIST_WORKER")):
        number = int(worker.removeprefix("gw"))
        os.sched_setaffinity(0, {sorted(ALL_PROCESSORS)[number % len(ALL_PROCESSORS)]})


def hear_of_ctrl_c() -> None:
    """A shell that starts something in the background lets it ignore SIGINT, and all that this starts."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


one_processor_each()
hear_of_ctrl_c()
settings.register_profile("textwright", deadline=None, derandomize=True, database=None)
settings.load_profile("textwright")


@pytest.fixture(autouse=True)
def neutral_environment() -> Iterator[None]:
    """No variable of whoever runs the tests decides anything, and no test leaves one behind."""
    with mock.patch.dict(os.environ):
        for name in list(os.environ):
            if name.startswith("TEXTWRIGHT_") or name == "OMP_WAIT_POLICY":
                del os.environ[name]
        yield


@pytest.fixture(autouse=True)
def fresh_clock() -> None:
    """Budgets run from the start of the process; here each test is one, whatever came before it."""
    if main := sys.modules.get("textwright.cli.main"):
        main._STARTED = time.monotonic()


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Networks as small as those of tests only lose by a second thread; an earlier test may have set more."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture(scope="module")
def all_processors() -> Iterator[None]:
    """For processes that share the steps of a training: there may be no more of them than processors."""
    if not ALL_PROCESSORS:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, ALL_PROCESSORS)
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture
def two_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` is a bag and a network: commands run as a page has them, and no page is about the others."""
    from textwright.choose import candidates

    space = tuple(candidates.Proposal(name, "for the test") for name in ("bag", "cnn"))
    monkeypatch.setattr(candidates, "SPACE", space)
