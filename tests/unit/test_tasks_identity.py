"""What a run is made of is known by its content, and what differs is named."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checkpoints import tiny_checkpoint
from textwright.core.errors import CheckpointError
from textwright.models.transformer import checkpoint
from textwright.tasks import identity
from textwright.tasks.identity import identity_of, refuse_another
from textwright.tasks.recipe import Recipe

PREPARED: Any = SimpleNamespace(corpus=SimpleNamespace(fingerprint="c0ffee" * 10), test=None, unlabelled=None)


def of(**asked: Any) -> dict[str, Any]:
    return identity_of(Recipe.parse(asked), PREPARED)


def difference(before: dict[str, Any], here: dict[str, Any]) -> str:
    """What is said when a run is resumed as another one."""
    with pytest.raises(CheckpointError) as caught:
        refuse_another(Path("work"), before, here)
    assert "without --resume" in caught.value.hint
    return caught.value.message.removeprefix("work: the run to resume belongs to another ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("from"))


def start(folder: Path | str, **more: Any) -> dict[str, Any]:
    return of(model={"name": "pretrained", "checkpoint": str(folder), **more})


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"]
)
def test_other_content_under_the_same_name_is_another_start(folder: Path, name: str) -> None:
    before, content = start(folder), (folder / name).read_bytes()
    refuse_another(Path("work"), before, start(folder))
    (folder / name).write_bytes(content.replace(b"}", b" }", 1))
    said = difference(before, start(folder))
    (folder / name).write_bytes(content)
    was, here = said.removeprefix(f"model.checkpoint: {name} was ").split(", is ")
    assert len(was) == len(here) == 12 and was != here, said


def test_a_file_more_and_a_file_less(folder: Path) -> None:
    before = start(folder)
    (folder / "vocab.txt").write_text("a\nb\n")
    here = start(folder)
    (folder / "vocab.txt").unlink()
    assert difference(before, here).startswith("model.checkpoint: vocab.txt was not set, is ")
    assert difference(here, before).endswith(", is not set")


def test_what_is_not_loaded_does_not_count(folder: Path) -> None:
    """A model folder of ours notes there who looked at its test rows."""
    before = start(folder)
    (folder / "looks.json").write_text("{}")
    (folder / "README.md").write_text("words")
    assert start(folder) == before


def test_a_name_on_the_hub_is_known_by_its_files_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_fetch", lambda name, kinds: folder)
    files = start("someone/encoder")["model.checkpoint"]
    assert files == start(folder)["model.checkpoint"] and "model.safetensors" in files


def test_a_start_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no such folder"):
        start(tmp_path / "nowhere")


def test_other_vectors_are_another_run(tmp_path: Path) -> None:
    path = tmp_path / "a.vec"
    asked: dict[str, Any] = {"model": {"name": "cnn"}, "vectors": {"path": str(path)}}
    assert of(**asked)["vectors.path"] is None, "whoever reads them says that they are not there"
    path.write_text("1 2\ngood 0.5 -0.5\n")
    before = of(**asked)
    path.write_text("1 2\ngood 0.5 -0.6\n")
    was, here = difference(before, of(**asked)).split(", is ")
    assert was.startswith("vectors.path: its fingerprint was ") and len(here) == 12
    assert of()["vectors.path"] is None and of()["model.checkpoint"] == {}


@pytest.mark.parametrize("name", ["textwright", "torch", "numpy", "transformers", "tokenizers", "peft"])
def test_other_libraries_compute_otherwise(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, real = start(folder, tune="lora"), identity.version
    monkeypatch.setattr(identity, "version", lambda n: "99.1" if n == name else real(n))
    assert difference(before, start(folder, tune="lora")) == f"version: {name} was {real(name)}, is 99.1"


def test_peft_counts_only_where_it_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "peft":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(identity, "version", version)
    assert "peft" not in start(folder)["version"]
    assert start(folder, tune="lora")["version"]["peft"] == "not installed"


def test_many_differences_are_counted() -> None:
    one, other = ({"recipe": {"model": {str(i): i + more for i in range(8)}}} for more in (0, 1))
    said = difference(one, other)
    assert said.startswith("recipe: model.0 was 0, is 1, ") and said.endswith(", and 3 more")
