"""What several tests of faults start from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from _fits import two_checkpoints

from textwright.choose import candidates, select
from textwright.choose.select import Selection
from textwright.learn.disk import Disk
from textwright.tasks import checkpoints


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two checkpoints, for reading only."""
    return two_checkpoints(tmp_path_factory.mktemp("two"))


@pytest.fixture
def stored(two: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    shutil.copytree(two, tmp_path / "c")
    return tmp_path / "c"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every step, on a disk that need not sync; one processor."""
    monkeypatch.setattr(Disk, "sync", lambda self, path: None)
    monkeypatch.setattr("os.fsync", lambda handle: None)
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr(select, "usable_cpus", lambda: 1)


@pytest.fixture
def three_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` is bag, cnn and lstm as they come, and all are tried however good the first is."""
    space = tuple(candidates.Proposal(name, "for the test") for name in ("bag", "cnn", "lstm"))
    monkeypatch.setattr(candidates, "SPACE", space)
    monkeypatch.setattr(Selection, "_is_perfect", lambda self: False)
