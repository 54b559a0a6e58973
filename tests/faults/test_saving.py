"""Whatever goes wrong while a checkpoint is written: a good one is left, and the next one is written."""

from __future__ import annotations

import errno
import math
import resource
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from _disks import Crash, Failing
from _fits import NEW, OLD, at_step, averaging, files, newest, start, steps
from torch import Tensor

from textwright.core.errors import CheckpointError, TextwrightError
from textwright.core.records import StepEvent
from textwright.learn.checkpoint import load_checkpoint, save_checkpoint
from textwright.learn.disk import Disk
from textwright.learn.loop import Fit

FAULTS = {
    "crash": Crash(),
    "full": OSError(errno.ENOSPC, "No space left on device"),
    "broken": OSError(errno.EIO, "Input/output error"),
    "forbidden": PermissionError(errno.EACCES, "Permission denied"),
}


@pytest.mark.parametrize(
    ("fault", "when"),
    [
        ("crash", "before"),
        ("crash", "after"),
        ("crash", "torn"),
        ("full", "before"),
        ("full", "torn"),
        ("broken", "after"),
        ("forbidden", "before"),
    ],
)
def test_whichever_call_fails_a_good_checkpoint_is_left(
    two: Path, tmp_path: Path, fault: str, when: str
) -> None:
    fit, later, again, counted = at_step(NEW + 1), at_step(NEW + 2), averaging(seed=1), Failing()
    shutil.copytree(two, tmp_path / "whole")
    save_checkpoint(tmp_path / "whole", fit, {}, counted)
    assert {"make_folder", "write_text", "write_tensors", "sync", "rename", "remove"} <= set(counted.named)
    assert counted.calls >= 12
    for at in range(1, counted.calls + 1):
        folder = tmp_path / str(at)
        shutil.copytree(two, folder)
        disk = Failing(at, FAULTS[fault], when)
        with suppress(Crash, TextwrightError):
            save_checkpoint(folder, fit, {"at": NEW + 1}, disk)
        assert disk.calls >= at
        resumed = load_checkpoint(folder, again)
        assert resumed is not None and resumed.extra["at"] == again.state.step in (NEW, NEW + 1), (
            at,
            disk.named,
        )
        assert not resumed.warnings, "nothing half done stands under the name of a checkpoint"
        save_checkpoint(folder, later, {})
        assert files(folder)[-1] == f"step-{NEW + 2:08d}" and len(files(folder)) == 2, "leftovers are gone"


class Unplugged(Failing):
    """A loss of power at a call: what was not synced is empty, though it may have its name already."""

    def __init__(self, at: int = 0, lazy: bool = False) -> None:
        super().__init__(at, Crash())
        self.lazy, self.wet = lazy, set[str]()
        for name in ("write_text", "write_tensors"):
            setattr(self, name, self._written(getattr(self, name)))
        synced = self.sync

        def sync(path: Path) -> None:
            synced(path)
            if not lazy:
                self.wet.discard(path.name)

        self.sync = sync  # type: ignore[method-assign]

    def _written(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(path: Path, *rest: Any) -> None:
            real(path, *rest)
            self.wet.add(path.name)

        return call

    def lose(self, folder: Path, step: int) -> None:
        for path in folder.glob(f"*step-{step:08d}*/*"):
            if path.name in self.wet:
                path.write_bytes(b"")


@pytest.mark.parametrize("lazy", [False, True])
def test_a_loss_of_power_at_any_call(two: Path, tmp_path: Path, lazy: bool) -> None:
    """With a disk that does not sync, which shows that the test can fail, the newest one is bad."""
    fit, again, counted = at_step(NEW + 1), averaging(seed=1), Unplugged()
    save_checkpoint(tmp_path / "whole", fit, {}, counted)
    bad = 0
    for at in range(1, counted.calls + 2):
        folder = tmp_path / str(at)
        shutil.copytree(two, folder)
        disk = Unplugged(at, lazy)
        with suppress(Crash):
            save_checkpoint(folder, fit, {}, disk)
        disk.lose(folder, NEW + 1)
        resumed = load_checkpoint(folder, again)
        assert resumed is not None and resumed.step in (NEW, NEW + 1)
        bad += len(resumed.warnings)
    assert bad == 0 if not lazy else bad > 0


def test_a_disk_that_is_really_full(stored: Path) -> None:
    """The system refuses to write more than 2,000 bytes into a file."""
    fit, before = at_step(NEW + 1), files(stored)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(TextwrightError, match="the disk is full"):
            save_checkpoint(stored, fit, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(stored) == before
    save_checkpoint(stored, fit, {})
    assert newest(stored).name == f"step-{NEW + 1:08d}"


def test_space_is_counted_before_anything_is_written(stored: Path) -> None:
    class Small(Failing):
        def free_bytes(self, folder: Path) -> int:
            return 5_000

    disk, before = Small(), files(stored)
    with pytest.raises(CheckpointError, match=r"0 MB are needed and 0 MB are free"):
        save_checkpoint(stored, at_step(NEW + 1), {}, disk)
    assert disk.named == ["make_folder"] and files(stored) == before


@pytest.mark.parametrize("where", ["weights", "optimizer", "average"])
def test_numbers_that_are_none_are_not_stored(stored: Path, where: str) -> None:
    fit = at_step(NEW + 1)
    with torch.no_grad():
        victim = {
            "weights": next(iter(fit.model.parameters())),
            "optimizer": fit.optimizer.state_dict()["state"][0]["exp_avg"],
            "average": next(v for v in fit.average.state().values() if v.ndim),
        }[where]
        victim.flatten()[0] = math.nan
    with pytest.raises(CheckpointError, match="not finite"):
        save_checkpoint(stored, fit, {})
    assert newest(stored).name == f"step-{NEW:08d}"


def test_tied_weights_and_other_shapes_of_memory(tmp_path: Path) -> None:
    fit = start()
    fit.model.register_buffer("turned", torch.arange(6.0).reshape(2, 3).T)
    fit.model.register_parameter("twin", next(iter(fit.model.parameters())))
    steps(fit.run(), 2)
    save_checkpoint(tmp_path, fit, {})
    again = start(seed=1)
    again.model.register_buffer("turned", torch.zeros(3, 2))
    again.model.register_parameter("twin", next(iter(again.model.parameters())))
    load_checkpoint(tmp_path, again)
    assert torch.equal(again.model.turned, torch.arange(6.0).reshape(2, 3).T)


def test_frozen_weights_are_copied_once() -> None:
    """The best and the good weights leave them out; the model keeps its own."""
    fit = start("cnn")
    frozen = {name for name, p in fit.model.named_parameters() if not p.requires_grad}
    before = {name: value.clone() for name, value in fit.model.state_dict().items() if name in frozen}
    list(fit.run())
    assert frozen and not frozen & fit.state.best_weights.keys()
    assert all(torch.equal(fit.model.state_dict()[name], value) for name, value in before.items())


# What takes room that is needed.


class Small(Disk):
    """Has room for so many bytes below a folder."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size

    def free_bytes(self, folder: Path) -> int:
        return self.size - sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("resumed", [True, False])
def test_what_a_kill_in_a_save_left_takes_no_room(stored: Path, resumed: bool) -> None:
    """There is room for three checkpoints and a bit; one killed save took a third of it for good."""
    one = sum(path.stat().st_size for path in newest(stored).iterdir())
    disk = Small(stored, int(3.4 * one))
    shutil.copytree(newest(stored), stored / f".step-{NEW + 1:08d}.1a2b3c4d")
    fit = averaging() if resumed else at_step(NEW + 1)
    if resumed:
        load_checkpoint(stored, fit)
        assert files(stored) == [f"step-{OLD:08d}", f"step-{NEW:08d}"]
        events = fit.run()
        steps(events, NEW + 1)
    save_checkpoint(stored, fit, {}, disk)
    assert files(stored) == [f"step-{NEW:08d}", f"step-{NEW + 1:08d}"]


def ended(folder: Path, disk: Disk) -> Fit:
    """A fit that is over, with two checkpoints of before its end."""
    fit = start(learn={"average": {"name": "ema"}})
    for event in fit.run():
        assert isinstance(event, StepEvent)
        save_checkpoint(folder, fit, {})
    with suppress(Crash):
        save_checkpoint(folder, fit, {}, disk)
    return fit


def test_the_end_is_all_that_stays_of_a_fit(tmp_path: Path) -> None:
    """What is published next needs the room of the full states."""
    fit = ended(tmp_path, Disk())
    end = f"step-{fit.state.step:08d}-end"
    assert files(tmp_path) == [end]
    assert load_checkpoint(tmp_path, averaging(seed=1)) is not None


def test_a_kill_between_the_end_and_the_removal_of_the_others(tmp_path: Path) -> None:
    class Dying(Disk):
        def rename(self, path: Path, target: Path) -> None:
            super().rename(path, target)
            if target.name.endswith("-end"):
                raise Crash

    step = ended(tmp_path, Dying()).state.step
    assert len(files(tmp_path)) == 3
    again = averaging(seed=1)
    load_checkpoint(tmp_path, again)
    again.on_end = lambda: save_checkpoint(tmp_path, again, {})
    list(again.run())
    assert files(tmp_path) == [f"step-{step:08d}-end"]


def test_an_end_that_was_badly_written_removes_nothing(tmp_path: Path) -> None:
    class Lying(Disk):
        def write_tensors(self, path: Path, tensors: dict[str, Tensor]) -> None:
            super().write_tensors(path, tensors)
            path.write_bytes(path.read_bytes()[:-64])

    with pytest.raises(CheckpointError, match=r"cannot be read back: .*badly written"):
        ended(tmp_path, Lying())
    assert files(tmp_path) == ["step-00000035", "step-00000036"]
    assert load_checkpoint(tmp_path, averaging(seed=1)) is not None
