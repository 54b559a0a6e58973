"""kill -9 in each stage of a training that makes pairs of its own: what is done is not made again, and the
resumed run ends with the bits of the undisturbed one.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from textwright.core.events import Event
from textwright.core.records import Note, StepEvent
from textwright.core.seeds import generator

# One process imports torch, and every training is a fork of it.
PROCESSES: Any = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["textwright.api", "textwright.tasks.pretraining.run", "torch._dynamo"])
PATIENCE = 600
LATIN, HAN = ["ka", "lo", "mi", "tu", "re", "so", "fa", "ni"], "天地人山水火木金"
SIZES = {"model.width": 16, "model.layers": 1, "model.dropout": 0.0, "learn.batch": 16}
SIZES |= {"tokenizer.vocabulary_size": 290, "budget.tokens": 3_000, "compute.precision": "fp32"}
STAGES = ("reverse", "answers", "made", "fit")


def where(stage: str) -> Callable[[Event], bool]:
    """Whether an event is of the moment in which a process is to be killed."""
    seen = {"steps": 0, "parts": 0, "made": False}

    def is_there(event: Event) -> bool:
        if isinstance(event, Note):
            seen["parts"] += "texts answered" in event.text
            seen["made"] = seen["made"] or event.text.startswith("translated back")
            if "pairs to learn" in event.text:  # of a run that finds its pairs, too
                seen["made"] = True
                seen["steps"] = 0
            return (stage, seen["parts"]) == ("answers", 2) or (stage == "made" and bool(seen["made"]))
        seen["steps"] += isinstance(event, StepEvent)
        return seen["steps"] == 6 and stage == ("fit" if seen["made"] else "reverse")

    return is_there


def train(work: Path, name: str, stage: str, resume: bool, told: Connection) -> None:
    """In a process of its own: with a checkpoint after each step, until the moment has come."""
    from textwright import api
    from textwright.tasks import checkpoints
    from textwright.tasks.pretraining import answers
    from textwright.tasks.rewriting.asked import recipe_of_pairs

    checkpoints.SECONDS_BETWEEN = 0.0
    answers._TEXTS_PER_PART, answers._SECONDS_BETWEEN_NOTES = 16, -1.0
    is_there = where(stage)

    def sink(event: Event) -> None:
        if is_there(event):
            told.send("there")
            time.sleep(PATIENCE)

    asked = [f"{key}={value}" for key, value in {**SIZES, "monolingual": work / "zh.txt"}.items()]
    recipe = recipe_of_pairs("translate", asked, {"model.name": "lstm"}, {})
    api.train_pairs(work / "pairs.tsv", work / name, recipe, sink=sink, resume=resume)
    told.send("done")


def run(work: Path, name: str, stage: str, resume: bool) -> str:
    """How far a training came; it is killed where it is to be."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=train, args=(work, name, stage, resume, theirs))
    process.start()
    theirs.close()
    try:
        came = str(ours.recv()) if ours.poll(PATIENCE) else "nothing"
        if came == "done":
            process.join(PATIENCE)
    finally:
        process.kill()
        process.join()
        ours.close()
    assert process.exitcode == (0 if came == "done" else -signal.SIGKILL)
    return came


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    rng = generator(0, "sentences")
    found = {tuple(rng.integers(0, 8, int(n)).tolist()) for n in rng.integers(1, 5, 260)}
    rows = [(" ".join(LATIN[n] for n in each), "".join(HAN[n] for n in each)) for each in sorted(found)]
    lines = ["source\ttarget", *("\t".join(row) for row in rows[::2])]
    (tmp_path / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    texts = "".join(f"{target}\n" for _, target in rows[1::2])
    (tmp_path / "zh.txt").write_text(texts, encoding="utf-8")
    return tmp_path


def test_a_run_that_was_killed_in_each_stage_ends_as_the_undisturbed_one(work: Path) -> None:
    assert run(work, "whole", "none", False) == "done"
    stage_folder = work / ".parts.work" / "stage-back"
    stamps: dict[str, list[int]] = {}
    for number, stage in enumerate(STAGES):
        assert run(work, "parts", stage, bool(number)) == "there", stage
        made = [*stage_folder.glob("model/model.safetensors"), *sorted(stage_folder.glob("answers/part-*"))]
        stamps[stage] = [path.stat().st_mtime_ns for path in made]
    assert run(work, "parts", "none", True) == "done"
    assert not stamps["reverse"] and 2 <= len(stamps["answers"]) < len(stamps["made"])
    assert stamps["made"][: len(stamps["answers"])] == stamps["answers"], "none is made again"
    assert stamps["fit"] == stamps["made"]
    files = [(work / name / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert hashlib.sha256(files[0]).digest() == hashlib.sha256(files[1]).digest()
    assert not (work / ".parts.work").exists()
