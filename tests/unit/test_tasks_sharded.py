"""A language learned in shards, by two processes: the steps of one, checkpoints for any number of them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file

from textwright import api
from textwright.core.errors import ConfigError, ModelError
from textwright.core.events import Event
from textwright.core.records import Note, StepEvent
from textwright.learn.disk import Disk
from textwright.runtime.settings import Compute
from textwright.tasks import checkpoints
from textwright.tasks.pretraining.follow import refuse_shards
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel

WORDS = ("the", "cat", "sat", "on", "a", "mat", "and", "saw", "dog", "who", "ran", "far", "away", "over")
SIZES = {"width": 32, "layers": 2, "heads": 1, "inner": 64, "positions": 32}
CUT = 9
# A process that is killed while its checkpoint of step CUT has all files, but not yet its name.
KILLED = f"""
import json, os, signal, sys
from textwright import api
from textwright.learn.disk import Disk
from textwright.tasks import checkpoints
from textwright.tasks.pretraining.recipe import PretrainRecipe
checkpoints.SECONDS_BETWEEN = 0.0
def rename(self, path, target):
    if target.name == "step-{CUT:08d}":
        os.kill(os.getpid(), signal.SIGKILL)
    os.replace(path, target)
Disk.rename = rename
api.pretrain([sys.argv[1]], sys.argv[2], PretrainRecipe.parse(json.loads(sys.argv[3])), processes=2)
"""


pytestmark = pytest.mark.usefixtures("all_processors")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    lines = [" ".join(WORDS[int(k)] for k in rng.integers(0, len(WORDS), 9)) + ".\n" for _ in range(400)]
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def recipe(*, shard: bool = True, **more: Any) -> PretrainRecipe:
    asked: dict[str, Any] = {
        "model": {"name": "nanochat", **SIZES},
        "tokenizer": {"kind": "bpe", "vocabulary_size": 300},
        "budget": {"tokens": 4500},
        "learn": {"batch": 8, "average": {"name": "ema"}},
        "compute": {"precision": "fp32", "shard": shard},
    }
    return PretrainRecipe.parse({**asked, **more})


@dataclass
class Seen:
    """What a run told; `stop` is a step after which SIGINT comes, `crash` one after which it breaks down."""

    stop: int = 0
    crash: int = 0
    steps: list[StepEvent] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Note):
            self.notes.append(event.text)
        if isinstance(event, StepEvent):
            self.steps.append(event)
            if event.step == self.stop:
                signal.raise_signal(signal.SIGINT)
            if event.step == self.crash:
                raise MemoryError

    @property
    def losses(self) -> list[float]:
        return [event.loss for event in self.steps]


@pytest.fixture(scope="module")
def alone(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Seen]:
    seen, out = Seen(), tmp_path_factory.mktemp("alone") / "model"
    api.pretrain([corpus], out, recipe(shard=False), sink=seen)
    return out, seen


@pytest.fixture(scope="module")
def shared(corpus: Path, tmp_path_factory: pytest.TempPathFactory, all_processors: None) -> tuple[Path, Seen]:
    seen, out = Seen(), tmp_path_factory.mktemp("shared") / "model"
    api.pretrain([corpus], out, recipe(), sink=seen, processes=2)
    return out, seen


def test_two_in_shards_make_the_steps_of_one(alone: tuple[Path, Seen], shared: tuple[Path, Seen]) -> None:
    """By muon, whose updates need whole matrices, and adamw; judged, averaged and kept as by one process."""
    (one, by_one), (two, by_two) = alone, shared
    assert len(by_one.losses) > 15 and by_two.losses == pytest.approx(by_one.losses, rel=2e-3)
    assert by_two.losses[:5] == pytest.approx(by_one.losses[:5], rel=1e-5)
    scores = [[e.scores["bits_per_byte"] for e in seen.steps if e.scores] for seen in (by_one, by_two)]
    assert len(scores[0]) > 2 and scores[1] == pytest.approx(scores[0], rel=1e-3)
    weights, others = (load_file(out / "model.safetensors") for out in (one, two))
    assert weights.keys() == others.keys()
    for name, value in weights.items():
        assert others[name].shape == value.shape and (others[name] - value).abs().max() < 0.02, name
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())


def test_tied_weights_and_uneven_parts(corpus: Path, tmp_path: Path) -> None:
    """One process has four passes to make and the other three. By sgd, which shows how long a gradient is,
    with gradients some of which are cut.
    """
    losses = []
    for processes in (1, 2):
        asked = recipe(
            shard=processes == 2,
            model={"name": "qwen3", **SIZES},
            learn={"batch": 7, "optimizer": {"name": "sgd", "rate": 0.5}, "clip": 1.0},
            compute={"precision": "fp32", "micro_batch": 1, "shard": processes == 2},
        )
        seen = Seen()
        api.pretrain([corpus], tmp_path / f"{processes}", asked, sink=seen, processes=processes)
        losses.append(seen.losses)
    assert len(losses[0]) > 15 and losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_killed_while_saving_any_number_goes_on(
    corpus: Path, tmp_path: Path, shared: tuple[Path, Seen], alone: tuple[Path, Seen]
) -> None:
    asked = json.dumps(recipe().model_dump(mode="json", exclude_unset=True))
    script = [sys.executable, "-c", KILLED, corpus, tmp_path / "model", asked]
    done = subprocess.run(script, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    (fit,) = tmp_path.glob(".model.work/fit-1")
    assert list(fit.glob(f".step-{CUT:08d}.*")), "what is not whole has no name"
    sizes = [path.stat().st_size for path in fit.glob(f"step-{CUT - 1:08d}/*.safetensors")]
    assert len(sizes) == 2 and max(sizes) < 0.6 * sum(sizes), "each process wrote about a half"
    shutil.copytree(tmp_path, tmp_path / "copy")
    two, one = Seen(), Seen()
    api.pretrain([corpus], tmp_path / "model", recipe(), sink=two, processes=2, resume=True)
    assert two.losses == shared[1].losses[CUT - 1 :], "the same bits"
    kept = [(out / "model.safetensors").read_bytes() for out in (tmp_path / "model", shared[0])]
    assert kept[0] == kept[1]
    part = next(tmp_path.glob(f"copy/.model.work/fit-1/step-{CUT - 1:08d}/shard-00002*"))
    part.write_bytes(part.read_bytes()[:-100])
    api.pretrain([corpus], tmp_path / "copy" / "model", recipe(), sink=one, resume=True)
    assert one.losses == pytest.approx(alone[1].losses[CUT - 2 :], rel=2e-3), "of the one before"
    assert any("is set aside" in note for note in one.notes)
    assert any(note.startswith("compute.shard: this one process") for note in one.notes)


def test_two_go_on_with_what_one_began_and_stop_together(
    corpus: Path, tmp_path: Path, alone: tuple[Path, Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    with pytest.raises(MemoryError):
        api.pretrain([corpus], tmp_path / "model", recipe(shard=False), sink=Seen(crash=6))
    monkeypatch.setattr(Disk, "free_bytes", lambda *_: 0)
    seen = Seen(stop=12)
    made = api.pretrain([corpus], tmp_path / "model", recipe(), sink=seen, processes=2, resume=True)
    assert seen.steps[0].step == 6 and seen.steps[-1].step == 12
    assert seen.losses == pytest.approx(alone[1].losses[5:12], rel=2e-3)
    assert any("no checkpoint could be stored" in note and "0 MB are free" in note for note in seen.notes)
    assert made.interrupted and LanguageModel.load(made.out).length == 32


def test_a_training_that_goes_wrong_recovers_as_one_process_does(corpus: Path, tmp_path: Path) -> None:
    notes = []
    for processes in (1, 2):
        learn = {"batch": 8, "clip": 0, "optimizer": {"name": "adamw", "rate": 1e30}}
        seen = Seen()
        asked = recipe(learn=learn, budget={"tokens": 3000})
        api.pretrain([corpus], tmp_path / f"{processes}", asked, sink=seen, processes=processes)
        notes.append([note for note in seen.notes if note.startswith("step")])
    assert notes[0] == notes[1] and any("back to the last good weights" in note for note in notes[1])


def test_shards_are_refused_where_they_cannot_be(tmp_path: Path) -> None:
    refuse_shards(Compute(device="cuda", shard=True), 1)
    for device, count in (("cuda", 2), ("mps", 1)):
        with pytest.raises(ModelError, match=f"on processors, not on {device}"):
            refuse_shards(Compute(device=device, shard=True), count)  # type: ignore[arg-type]
    table = tmp_path / "rows.csv"
    table.write_text("text,label\n" + "good,a\nbad,b\n" * 20, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"compute\.shard.*it is of pretrain"):
        api.train(table, tmp_path / "model", api.Recipe.parse({"compute": {"shard": True}}))
