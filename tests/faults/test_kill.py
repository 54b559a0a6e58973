"""kill -9 at random moments, in the middle of steps and of saves: the resumed run is the undisturbed one.

A few kills each time the tests run; `bench/kill.py` makes hundreds.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from textwright import api
from textwright.core.events import Event
from textwright.core.records import StepEvent
from textwright.core.seeds import generator
from textwright.learn.disk import Disk
from textwright.tasks import checkpoints
from textwright.tasks.recipe import Recipe

# One process imports torch, and every training is a fork of it: a start costs 10 ms instead of 3 s.
PROCESSES: Any = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["textwright.api", "textwright.tasks.trainers.network", "torch._dynamo", "scipy.optimize"]
)
KILLS = 3
# Seconds that a machine with much else to do may take.
PATIENCE = 600
LEARN = {"epochs": 4, "batch": 4, "average": {"name": "ema"}, "patience": 0}
RECIPES: dict[str, dict[str, Any]] = {
    "cnn": {"model": {"name": "cnn", "embedding": 8, "filters": 4, "widths": [1, 2]}},
    "lstm on two threads": {
        "model": {"name": "lstm", "embedding": 8, "hidden": 6},
        "compute": {"threads": 2},
    },
}


def train_often(data: Path, out: Path, asked: dict[str, Any], resume: bool, told: Connection) -> None:
    """In a process of its own: save about half of the time; tell of the first step, and of the end."""
    checkpoints.SECONDS_BETWEEN, checkpoints.TIMES_ITS_COST = 0.01, 1.0
    # What a process has written outlives it: only a loss of power needs the disk to sync.
    Disk.sync = lambda self, path: None  # type: ignore[method-assign]
    os.fsync = lambda handle: None  # type: ignore[assignment]

    def sink(event: Event) -> None:
        nonlocal is_silent
        if is_silent and isinstance(event, StepEvent):
            told.send(event.step)
            is_silent = False

    is_silent = True
    api.train(data, out, Recipe.parse(asked), sink=sink, resume=resume)
    told.send("done")


def run(
    data: Path, out: Path, asked: dict[str, Any], resume: bool, seconds: float | None
) -> tuple[int, float]:
    """A training that is killed so long after its first step; its exit code, the seconds it had."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=train_often, args=(data, out, asked, resume, theirs))
    process.start()
    theirs.close()
    try:
        told = ours.recv() if ours.poll(PATIENCE) else "nothing"
        began = time.monotonic()
        if seconds is not None and told != "done":
            time.sleep(seconds)
            process.kill()
        process.join(PATIENCE)
    finally:
        process.kill()
        process.join()
        ours.close()
    return process.exitcode, time.monotonic() - began


def results(folder: Path) -> tuple[str, list[Any]]:
    """The hash of the weights, and all that is told of every step but the seconds."""
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [record for line in lines if "step" in (record := json.loads(line))]
    for record in steps:
        for key in ("seconds", "tokens_per_second", "remaining"):
            record.pop(key, None)
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(), steps


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that spin while they wait take ten times as long on a busy machine."""
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng, lines = generator(0, "rows"), ["text,label"]
    words = {"good": ["lovely", "great", "warm", "kind"], "bad": ["awful", "rude", "cold", "broken"]}
    for i in range(60):
        label = "good" if i % 2 else "bad"
        lines.append(f"visit {i} was {' '.join(rng.choice(words[label], 3))} {rng.integers(1000)},{label}")
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_run_that_was_killed_ends_as_the_undisturbed_one(name: str, data: Path, tmp_path: Path) -> None:
    asked = {**RECIPES[name], "learn": LEARN}
    code, seconds = run(data, tmp_path / "whole", asked, False, None)
    assert code == 0
    codes: list[int] = []
    for share in generator(1, name).random(KILLS):
        codes.append(run(data, tmp_path / "m", asked, bool(codes), 0.4 * seconds * share)[0])
        if (tmp_path / "m").exists():
            break
    else:
        codes.append(run(data, tmp_path / "m", asked, True, None)[0])
    assert codes[-1] == 0 and set(codes[:-1]) == {-signal.SIGKILL}
    assert results(tmp_path / "m") == results(tmp_path / "whole")
    assert not (tmp_path / ".m.work").exists()
