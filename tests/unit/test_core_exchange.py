"""Two names change places in one step, or nothing at all is done."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from textwright.core.exchange import exchange
from textwright.core.files import publish_folder


def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("左", "right"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    return tmp_path / "左", tmp_path / "right"


def inside(*paths: Path) -> list[list[str]]:
    return [sorted(path.name for path in folder.iterdir()) for folder in paths]


needs_exchange = pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="no such call")


@needs_exchange
def test_full_folders_change_places(tmp_path: Path) -> None:
    left, right = folders(tmp_path)
    assert exchange(left, right) and inside(left, right) == [["right"], ["左"]]


@needs_exchange
def test_nothing_is_done_when_one_is_missing(tmp_path: Path) -> None:
    left, right = folders(tmp_path)
    assert not exchange(left, tmp_path / "none") and not exchange(tmp_path / "none", left)
    assert inside(left, right) == [["左"], ["right"]] and len(list(tmp_path.iterdir())) == 2


@needs_exchange
def test_a_model_is_replaced_without_a_moment_in_which_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_folder(tmp_path / "m", lambda fresh: (fresh / "old").touch())
    monkeypatch.setattr(os, "replace", lambda *paths: pytest.fail("it was moved away"))
    publish_folder(tmp_path / "m", lambda fresh: (fresh / "new").touch())
    assert inside(tmp_path, tmp_path / "m") == [["m"], ["new"]]


@pytest.mark.parametrize("refuses", [True, False])
def test_a_system_that_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: bool) -> None:
    """An older C library has no such function, and some file systems refuse it."""
    libc = SimpleNamespace(renameat2=lambda *given: -1) if refuses else SimpleNamespace()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: libc)
    left, right = folders(tmp_path)
    assert not exchange(left, right)
    publish_folder(left, lambda fresh: (fresh / "new").touch())
    assert inside(tmp_path, left, right) == [["right", "左"], ["new"], ["right"]]


def test_as_macos_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    libc = SimpleNamespace(renamex_np=lambda *a: given.append(a) or 0)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: libc)
    assert exchange(Path("a"), Path("b")) and given == [(b"a", b"b", 2)]
