"""Candidates on Ray: the results are those of one machine, a worker that is killed, Ctrl-C.

Opt-in: pytest -m ray. Ray is started once, on this machine alone; the trainings find it running, and
leave it running.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from textwright import api
from textwright.choose.search.cluster import RayWorkers, ray_workers
from textwright.choose.search.orders import Order
from textwright.core.errors import ConfigError
from textwright.core.events import Event
from textwright.core.records import Note
from textwright.tasks.recipe import RaySettings, Recipe
from workers import told, weights, write_reviews

# Not imported here: what imports Ray first decides whether a token is written into the home of the person.
if find_spec("ray") is None:
    pytest.skip("Ray is not installed: pip install 'textwright[ray]'", allow_module_level=True)
pytestmark = [pytest.mark.ray, pytest.mark.allow_hosts(["127.0.0.1"])]

ADDRESS = {"ray": {"address": "local"}}
BAGS: dict[str, Any] = {"candidates": ["bag"], "budget": {"steps": 3000}}
BOTH: dict[str, Any] = {
    "learn": {"batch": 16, "epochs": 2},
    "tokenizer": {"kind": "word", "max_length": 8},
    "candidates": ["bag", "cnn"],
    "budget": {"steps": 3000},
    "split": {"folds": 1},
}
# Seconds that a machine with much else to do may take.
PATIENCE = 60


@pytest.fixture(scope="module")
def two_workers() -> Iterator[RayWorkers]:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textwright.choose.search.cluster.usable_cpus", lambda: 2)
        patch.setattr("textwright.choose.scoring._TIMED_SECONDS", 0.01)
        with ray_workers(RaySettings(address="local")) as workers:
            assert workers.num_beside == 2
            assert signal.getsignal(signal.SIGTERM) is before
            assert os.environ["RAY_AUTH_MODE"] == "token"
            yield workers
    assert not workers.ray.is_initialized()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.csv", 120)


def train(data: Path, out: Path, asked: dict[str, Any]) -> tuple[api.Trained, list[str]]:
    notes: list[str] = []

    def sink(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    return api.train(data, out, Recipe.parse(asked), sink=sink), notes


def test_the_results_are_those_of_one_machine(data: Path, tmp_path: Path, two_workers: RayWorkers) -> None:
    alone, _ = train(data, tmp_path / "alone", BOTH)
    beside, notes = train(data, tmp_path / "beside", {**BOTH, **ADDRESS})
    assert "fitting side by side, 2 at a time: bag, bag hinge, bag idf" in notes
    assert told(alone) == told(beside)
    assert weights(alone) == weights(beside)
    assert two_workers.ray.is_initialized()


class Deadly:
    """Kills the process that reads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("__import__('os').kill(__import__('os').getpid(), 9)",)


def test_a_worker_that_is_killed_costs_one_candidate(
    data: Path, tmp_path: Path, two_workers: RayWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(self: RayWorkers, order: Order, cargo: Any) -> Any:
        found: Any = Deadly()
        return send(self, replace(order, found=found) if order.name == "bag" else order, cargo)

    send = RayWorkers.send
    monkeypatch.setattr(RayWorkers, "send", deadly)
    found, notes = train(data, tmp_path / "a", {**BAGS, **ADDRESS})
    status = {c.name: (c.status, c.why) for c in found.candidates}
    assert status.pop("bag") == ("failed", "its worker died") and "bag: failed: its worker died" in notes
    assert {status for status, _ in status.values()} == {"done"} and found.model == "bag"


def test_ctrl_c_ends_what_is_under_way_and_keeps_the_best(
    data: Path, tmp_path: Path, two_workers: RayWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send_it(self: RayWorkers, order: Order, cargo: Any) -> Any:
        if order.model == "cnn" and not stops:
            stops.append(threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)))
            stops[0].start()
        return send(self, order, cargo)

    stops: list[threading.Timer] = []
    send = RayWorkers.send
    monkeypatch.setattr(RayWorkers, "send", send_it)
    endless = {"batch": 4, "epochs": 100_000, "patience": 0}
    asked = {**BOTH, "learn": endless, "budget": {"steps": 100_000_000}, "prefer": "small"}
    begun = time.monotonic()
    found, notes = train(data, tmp_path / "a", {**asked, **ADDRESS})
    assert stops and found.interrupted and found.model == "bag"
    assert "interrupted: the best model so far is kept" in notes
    while two_workers.ray.available_resources().get("CPU") != 2.0:
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.1)


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_where_nobody_answers_it_says_what_to_do(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once: Ray itself would try for a minute and more."""
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        address = f"{scheme}127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ConfigError, match="nobody answers there") as caught:
            ray_workers(RaySettings(address=address)).__enter__()
    assert caught.value.message.startswith(f"ray.address={address}: ") and "ray start" in caught.value.hint


def test_a_candidate_that_no_machine_has_room_for_is_refused(two_workers: RayWorkers) -> None:
    with pytest.raises(ConfigError, match="3 processors and 0 GPUs; the largest machine has 2 and 0"):
        ray_workers(RaySettings(address="auto", cpus=3)).__enter__()
