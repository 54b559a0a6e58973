"""What a training keeps beside its model goes in one step: a kill meanwhile leaves nothing half."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from textwright.tasks import work as module
from textwright.tasks.work import work_folder


class Killed(BaseException):
    """Ends the process, as far as the code can tell."""


def train(target: Path) -> Path:
    with work_folder(target, resume=True) as work:
        (work / "cnn-1" / "step-00000001").mkdir(parents=True, exist_ok=True)
        (work / "cnn-1" / "events.jsonl").write_text("{}")
    return work


def test_a_kill_while_it_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the 27th of 200 kills: the events had gone already, the checkpoints had not."""
    real = shutil.rmtree

    def killed(path: Path, **named: Any) -> None:
        real(path / "cnn-1" / "step-00000001")
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module.shutil, "rmtree", killed)
        with pytest.raises(Killed):
            train(tmp_path / "model")
    assert not (tmp_path / ".model.work").exists()
    assert list(tmp_path.iterdir()), "there is something left to remove"
    train(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_other_models_keep_theirs(tmp_path: Path) -> None:
    for name in ("a", "a.b", "ab"):
        (tmp_path / f".{name}.work" / "cnn-1" / "step-00000001").mkdir(parents=True)
    train(tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.b.work", ".ab.work"]
