"""Model folders: written in one step, verified on the way in, and never mistaken for another."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from textwright.bundle.folder import is_bundle, load_bundle, save_bundle
from textwright.bundle.looks import count_look, read_looks
from textwright.bundle.manifest import FORMAT_VERSION, Manifest
from textwright.core.errors import BundleError, TextwrightError
from textwright.core.files import sha256

SCHEMA = {"task": "classify", "text": "text", "label": "label", "labels": ["a", "b"]}


def manifest(**changes: Any) -> Manifest:
    values: dict[str, Any] = {
        "textwright_version": "0", "task": "classify", "architecture": "bag", "schema": SCHEMA,
        "decode": {}, "scores": {}, "split": "test", "parameters": 1, "seconds": 1.0, "data": [],
    }  # fmt: skip
    return Manifest.parse({**values, **changes})


def fill(folder: Path) -> None:
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "deep").mkdir()
    (folder / "deep" / "评分.txt").write_text("中")
    (folder / "looks.json").write_text('{"locked": ["x"], "looks": []}')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_bundle(tmp_path / "m", manifest(), fill)
    return tmp_path / "m"


def edit(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    record = json.loads((folder / "textwright.json").read_text())
    change(record)
    (folder / "textwright.json").write_text(signed(record))


def signed(record: dict[str, Any]) -> str:
    """The manifest as whoever changes it on purpose would write it, with a hash of itself that holds."""
    plain = {name: value for name, value in record.items() if name != "own_hash"}
    own = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    return json.dumps({**plain, "own_hash": own})


def test_a_changed_manifest_is_refused(folder: Path) -> None:
    record = json.loads((folder / "textwright.json").read_text())
    record["schema"]["labels"].reverse()
    (folder / "textwright.json").write_text(json.dumps(record))
    with pytest.raises(BundleError, match="is not what was written"):
        load_bundle(folder)


def test_what_is_saved_is_loaded(folder: Path) -> None:
    bundle = load_bundle(folder)
    assert bundle.schema.labels == ["a", "b"] and bundle.manifest.format_version == FORMAT_VERSION
    assert set(bundle.manifest.files) == {"config.json", "model.safetensors", "deep/评分.txt"}
    assert bundle.manifest.files["deep/评分.txt"] == sha256(folder / "deep" / "评分.txt")
    assert is_bundle(folder) and not is_bundle(folder / "deep")


def test_every_file_can_be_read_by_whoever_may_read_the_manifest(tmp_path: Path) -> None:
    def private(folder: Path) -> None:
        fill(folder)
        (folder / "model.safetensors").chmod(0o600)

    before = os.umask(0o022)
    try:
        save_bundle(tmp_path / "m", manifest(), private)
    finally:
        os.umask(before)
    modes = {oct(f.stat().st_mode & 0o777) for f in (tmp_path / "m").rglob("*") if f.is_file()}
    assert modes == {"0o644"}


def test_an_older_model_gives_way_only_to_a_whole_one(folder: Path) -> None:
    def broken(fresh: Path) -> None:
        fill(fresh)
        raise OSError(28, "No space left on device")

    before = {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    with pytest.raises(TextwrightError, match="the disk is full"):
        save_bundle(folder, manifest(), broken)
    assert {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()} == before
    assert [f.name for f in folder.parent.iterdir()] == ["m"]
    save_bundle(
        folder, manifest(parameters=2), lambda fresh: (fill(fresh), (fresh / "deep" / "评分.txt").unlink())[0]
    )
    assert load_bundle(folder).manifest.parameters == 2 and not (folder / "deep" / "评分.txt").exists()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "deep/评分.txt"])
def test_a_changed_or_missing_file_is_named(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    with pytest.raises(BundleError, match=f"the file '{name}' is not the one that was written") as caught:
        load_bundle(folder)
    assert caught.value.hint
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"the file '{name}' is missing"):
        load_bundle(folder)


def test_two_files_that_changed_places(folder: Path) -> None:
    (folder / "config.json").replace(folder / "x")
    (folder / "model.safetensors").replace(folder / "config.json")
    (folder / "x").replace(folder / "model.safetensors")
    with pytest.raises(BundleError, match=r"'config\.json' is not the one"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "deep/../../secret", "link", "a\0b"])
def test_a_path_outside_the_folder_is_never_read(folder: Path, name: str) -> None:
    secret = folder.parent / "secret"
    secret.write_text("s")
    (folder / "link").symlink_to(secret)
    edit(folder, lambda record: record["files"].update({name: sha256(secret)}))
    with pytest.raises(BundleError, match="names a file outside the folder"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.update(format_version=FORMAT_VERSION + 1, parts=[]), "this version reads up to"),
        (lambda r: r.update(format_version="new"), "damaged"),
        (lambda r: r.pop("schema"), "damaged"),
        (lambda r: r.update(extra=1), "damaged"),
        (lambda r: r["schema"].update(task="paint"), "task"),
        (lambda r: r["files"].pop("model.safetensors"), r"no hash of 'model\.safetensors'"),
        (lambda r: r.update(files={}), r"no hash of 'config\.json'"),
    ],
)
def test_a_manifest_that_does_not_hold(folder: Path, change: Any, said: str) -> None:
    edit(folder, change)
    with pytest.raises(BundleError, match=said) as caught:
        load_bundle(folder)
    assert str(folder) in caught.value.message and caught.value.hint


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 200_000, b'{"files": 3}'])
def test_a_manifest_that_is_no_manifest(folder: Path, content: bytes) -> None:
    (folder / "textwright.json").write_bytes(content)
    with pytest.raises(BundleError, match="damaged"):
        load_bundle(folder)


def test_folders_that_are_no_models(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(BundleError, match="there is no such folder"):
        load_bundle(tmp_path / "none")
    with pytest.raises(BundleError, match="there is no such folder"):
        load_bundle(folder / "config.json")
    with pytest.raises(BundleError, match="not a Textwright model folder"):
        load_bundle(folder / "deep")


def test_a_copied_folder_loads(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert load_bundle(tmp_path / "elsewhere").manifest == load_bundle(folder).manifest


def test_looks_are_kept_beside_the_hashes(folder: Path) -> None:
    assert read_looks(folder) == {"locked": ["x"], "looks": []}
    assert count_look(folder, "a.csv", ["y", "z"]) == 0 and read_looks(folder)["looks"] == []
    assert count_look(folder, "测试.csv", ["x", "y", "x"]) == 2
    (look,) = read_looks(folder)["looks"]
    assert (look["by"], look["rows"]) == ("测试.csv", 2) and read_looks(folder)["locked"] == ["x"]
    load_bundle(folder)
    for content in ("", "[]", "{}", '{"locked": 1, "looks": []}'):
        (folder / "looks.json").write_text(content)
        with pytest.raises(BundleError, match="the record of looks"):
            read_looks(folder)
    (folder / "looks.json").unlink()
    with pytest.raises(BundleError, match="missing or damaged"):
        read_looks(folder)
