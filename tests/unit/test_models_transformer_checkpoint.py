"""Checkpoints on the Hub: what is asked for and when, and what is kept. The Hub is one of this file's own."""

from __future__ import annotations

import json
import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import huggingface_hub
import pytest
from huggingface_hub.errors import RemoteEntryNotFoundError
from transformers import AutoModelForMaskedLM

from checkpoints import tiny_checkpoint
from textwright.core.errors import CheckpointError
from textwright.models.transformer.checkpoint import find_checkpoint

NAME, FIRST, SECOND = "owner/name", "1" * 40, "2" * 40


class Hub:
    """A model with its newest commit; downloads land in a cache of the real library's form."""

    def __init__(self, files: Path, cache: Path) -> None:
        self.files, self.cache, self.commit = files, cache / "models--owner--name", FIRST
        self.asked: list[str] = []
        self.fails_at = ""
        self.is_away = False

    def _get(self, file: str, commit: str) -> Path:
        self.asked.append(file)
        if fnmatch(file, self.fails_at):
            raise ConnectionError("the line is dead")
        target = self.cache / "snapshots" / commit / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.files / file, target)
        return target

    def download(self, name: str, file: str) -> str:
        assert name == NAME
        if not (self.files / file).is_file():
            raise RemoteEntryNotFoundError("404", response=MagicMock())
        (self.cache / "refs").mkdir(parents=True, exist_ok=True)
        (self.cache / "refs" / "main").write_text(self.commit)
        return str(self._get(file, self.commit))

    def model_info(self, name: str, *, timeout: float) -> None:
        assert name == NAME and timeout > 0
        if self.is_away:
            raise ConnectionError("Name or service not known")

    def list_repo_files(self, name: str, *, revision: str) -> list[str]:
        assert (name, revision) == (NAME, self.commit)
        return sorted(str(path.relative_to(self.files)) for path in self.files.rglob("*") if path.is_file())

    def snapshot(self, name: str, *, revision: str, allow_patterns: list[str]) -> str:
        listed = self.list_repo_files(name, revision=revision)
        for file in listed:
            if any(fnmatch(file, pattern) for pattern in allow_patterns):
                self._get(file, revision)
        return str(self.cache / "snapshots" / revision)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    found = Hub(tiny_checkpoint(tmp_path / "files"), tmp_path / "cache")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", found.download)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", found.snapshot)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: found)
    return found


def edit(hub: Hub, **values: Any) -> None:
    config = json.loads((hub.files / "config.json").read_text())
    (hub.files / "config.json").write_text(json.dumps({**config, **values}))


def test_without_a_connection_nothing_is_tried_again_and_a_folder_is_thought_of(hub: Hub) -> None:
    hub.is_away = True
    with pytest.raises(CheckpointError, match="Name or service not known") as caught:
        find_checkpoint(NAME)
    assert hub.asked == [] and f"write ./{NAME}" in caught.value.hint


def test_only_what_is_needed_is_fetched_and_the_weights_last(hub: Hub) -> None:
    for other in ("pytorch_model.bin", "README.md", "onnx/config.json", "2_Dense/model.safetensors"):
        (hub.files / other).parent.mkdir(exist_ok=True)
        (hub.files / other).write_bytes(b"x")
    found = find_checkpoint(NAME)
    assert (hub.asked[0], hub.asked[-1]) == ("config.json", "model.safetensors")
    assert set(hub.asked) == {path.name for path in tiny_checkpoint(hub.cache / "same").iterdir()}
    assert (found.path, found.name) == (hub.cache / "snapshots" / FIRST, f"{NAME} at {FIRST[:12]}")
    assert huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY


def test_all_fits_of_a_run_start_alike_though_the_hub_moves_on(hub: Hub) -> None:
    first = find_checkpoint(NAME)
    hub.commit, hub.asked = SECOND, []
    assert find_checkpoint(NAME) == first
    assert hub.asked == []


@pytest.mark.parametrize("at", ["tokenizer.json", "*.safetensors"])
def test_what_was_broken_off_is_fetched_again(at: str, hub: Hub) -> None:
    hub.fails_at = at
    with pytest.raises(CheckpointError, match="the line is dead") as caught:
        find_checkpoint(NAME)
    assert "connection" in caught.value.hint
    hub.fails_at = ""
    assert (find_checkpoint(NAME).path / "model.safetensors").is_file()


def test_weights_in_parts(hub: Hub) -> None:
    model = AutoModelForMaskedLM.from_pretrained(hub.files)
    (hub.files / "model.safetensors").unlink()
    model.save_pretrained(hub.files, max_shard_size="20KB")
    hub.fails_at = "model-00002-*"
    with pytest.raises(CheckpointError):
        find_checkpoint(NAME)
    hub.fails_at = ""
    folder = find_checkpoint(NAME).path
    assert len([*folder.glob("model-*.safetensors")]) > 2
    hub.asked = []
    assert find_checkpoint(NAME).path == folder and not hub.asked


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda hub: (hub.files / "model.safetensors").rename(hub.files / "pytorch_model.bin"), "a pickle"),
        (lambda hub: (hub.files / "adapter_config.json").write_text("{}"), "holds an adapter"),
        (lambda hub: edit(hub, model_type="opt"), "'opt' is not an encoder"),
        (lambda hub: edit(hub, auto_map={"AutoModel": "x.Y"}), "auto_map"),
        (lambda hub: [(hub.files / f"tokenizer{x}.json").unlink() for x in ("", "_config")], "no tokenizer"),
    ],
)
def test_what_is_refused_is_not_downloaded(change: Any, why: str, hub: Hub) -> None:
    change(hub)
    with pytest.raises(CheckpointError, match=why) as caught:
        find_checkpoint(NAME)
    assert NAME in caught.value.message
    assert hub.asked == ["config.json"]


def test_a_model_without_a_config(hub: Hub) -> None:
    (hub.files / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"owner/name: the Hub has no config\.json for it"):
        find_checkpoint(NAME)
