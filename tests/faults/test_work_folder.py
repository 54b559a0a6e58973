"""What a training keeps beside its model goes in one step: a kill meanwhile leaves nothing half."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from textwright.core import files
from textwright.tasks.work import work_folder


class Killed(BaseException):
    """Ends the process, as far as the code can tell."""


def train(target: Path) -> Path:
    with work_folder(target, resume=True) as work:
        (work.path / "cnn-1" / "step-00000001").mkdir(parents=True, exist_ok=True)
        (work.path / "cnn-1" / "events.jsonl").write_text("{}")
    return work.path


def removing_half(patch: pytest.MonkeyPatch) -> None:
    """Killed after the first entry of a folder has gone."""
    real = shutil.rmtree

    def halved(path: Path, **named: Any) -> None:
        if path.exists():
            real(next(entry for entry in path.rglob("*") if entry.is_dir()))
            raise Killed

    patch.setattr(files.shutil, "rmtree", halved)


def test_a_kill_while_it_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the 27th of 200 kills: the events had gone already, the checkpoints had not."""
    with monkeypatch.context() as patch:
        removing_half(patch)
        with pytest.raises(Killed):
            train(tmp_path / "model")
    assert not (tmp_path / ".model.work").exists()
    assert list(tmp_path.iterdir()), "there is something left to remove"
    train(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stored", [True, False])
def test_a_kill_while_what_was_there_makes_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    """Without --resume: whatever it was killed in, nothing half stands under a name that is read again."""
    work, old = tmp_path / ".model.work", tmp_path / ".model.work.old"
    for folder in (work, old):
        (folder / "cnn-1" / ("step-00000001" if stored else "other")).mkdir(parents=True)
        (folder / "cnn-1" / "events.jsonl").write_text("{}")
    with monkeypatch.context() as patch:
        removing_half(patch)
        with pytest.raises(Killed), work_folder(tmp_path / "model", resume=False):
            pytest.fail("nothing had to be removed")
    for folder in (work, old):
        inside = [path.name for path in folder.glob("*/*")]
        assert not folder.exists() or len(inside) == 2
    with work_folder(tmp_path / "model", resume=False):
        assert [path.name for path in work.iterdir()] == ["lock"]
    assert [path.name for path in tmp_path.iterdir()] == [".model.work.old"]


def test_others_keep_what_is_theirs(tmp_path: Path) -> None:
    """Other models with names alike, and what a person put there."""
    theirs = [".a.b.work", ".a.work.gone-notes", ".a.work.gone-0123abcd", "..a.work.notes", ".ab.work"]
    for name in (".a.work", *theirs):
        (tmp_path / name / "cnn-1" / "step-00000001").mkdir(parents=True)
    train(tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(theirs)
