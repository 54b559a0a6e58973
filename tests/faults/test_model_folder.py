"""A model folder that was damaged, tampered with or made by a newer version is refused by every verb."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from textwright import api
from textwright.bundle.manifest import UNHASHED
from textwright.choose import select
from textwright.cli.main import app
from textwright.core.errors import BundleError
from textwright.core.files import sha256
from textwright.tasks.recipe import Recipe

SMALL = {"name": "lstm", "embedding": 4, "hidden": 4}


@pytest.fixture(scope="module", params=["bag", "lstm"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    rows = [f"visit {i} was {'lovely' if i % 2 else 'awful'},{'good' if i % 2 else 'bad'}" for i in range(40)]
    (folder / "a.csv").write_text("\n".join(["text,label", *rows]))
    is_bag = request.param == "bag"
    asked = {"model": {"name": "bag"}} if is_bag else {"model": SMALL, "learn": {"epochs": 1}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(select, "usable_cpus", lambda: 1)
        api.train(folder / "a.csv", folder / "m", Recipe.parse(asked))
    return folder / "m"


@pytest.fixture
def copy(model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "m"))


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def forged(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda record: None) -> None:
    """Change the manifest and give every file the hash that it has now."""
    record = json.loads((folder / "textwright.json").read_text())
    change(record)
    record["files"] = {name: sha256(folder / name) for name in record["files"]}
    (folder / "textwright.json").write_text(signed(record))


def signed(record: dict[str, Any]) -> str:
    """The manifest as whoever changes it on purpose would write it, with a hash of itself that holds."""
    plain = {name: value for name, value in record.items() if name != "own_hash"}
    own = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    return json.dumps({**plain, "own_hash": own})


def test_every_file_flipped_or_missing(copy: Path) -> None:
    names = [name for name in files_of(copy) if name not in ("textwright.json", *UNHASHED)]
    assert {"config.json", "model.safetensors", "recipe.yaml", "plan.json", "events.jsonl"} <= set(names)
    for name in names:
        whole = (copy / name).read_bytes()
        middle = len(whole) // 2
        (copy / name).write_bytes(whole[:middle] + bytes([(whole + b"x")[middle] ^ 1]) + whole[middle + 1 :])
        with pytest.raises(BundleError, match=f"'{name}' is not the one that was written"):
            api.load(copy)
        (copy / name).unlink()
        with pytest.raises(BundleError, match=f"'{name}' is missing"):
            api.load(copy)
        (copy / name).write_bytes(whole)
    assert api.load(copy).predict(["lovely"])


@pytest.mark.parametrize("verb", ["predict", "evaluate"])
@pytest.mark.parametrize(
    ("change", "said", "hint"),
    [
        (
            lambda m: (m / "model.safetensors").write_bytes(b"swapped"),
            "'model.safetensors' is not the one",
            "again",
        ),
        (lambda m: (m / "config.json").unlink(), "'config.json' is missing", "again"),
        (lambda m: (m / "textwright.json").write_text("{"), "damaged", "again"),
        (
            lambda m: (m / "textwright.json").unlink(),
            "not a Textwright model folder",
            "textwright train --out",
        ),
        (lambda m: shutil.rmtree(m), "there is no such folder", "textwright train --out"),
        (lambda m: newer(m), "written in folder format 99", "pip install -U textwright"),
    ],
)
def test_every_verb_says_what_is_wrong(copy: Path, verb: str, change: Any, said: str, hint: str) -> None:
    data = copy.parent / "a.csv"
    data.write_text("text,label\nlovely,good\nawful,bad\n")
    change(copy)
    out = ("--out", str(copy.parent / "o.csv")) if verb == "predict" else ()
    result = CliRunner().invoke(app, [verb, str(copy), str(data), *out])
    assert result.exit_code == 2, result.stderr
    first, second = result.stderr.strip().splitlines()
    assert first.startswith("error: ") and str(copy) in first and said in first and hint in second
    assert not (copy.parent / "o.csv").exists()


def newer(folder: Path) -> None:
    record = json.loads((folder / "textwright.json").read_text())
    fresh = {"format_version": 99, "shape": "new", "files": record["files"]}
    (folder / "textwright.json").write_text(json.dumps(fresh))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize(
    "change",
    [
        lambda m: cut(m / "model.safetensors"),
        lambda m: (m / "model.safetensors").write_bytes(b""),
        lambda m: (m / "model.safetensors").write_bytes(b"\xff" * 100),
        lambda m: (m / "config.json").write_text("{}"),
        lambda m: (m / "config.json").write_text("[]"),
        lambda m: (m / "config.json").write_text("nonsense"),
        lambda m: (m / "config.json").write_text('{"architecture": "bag", "blocks": [{"max_words": "two"}]}'),
        lambda m: (m / "config.json").write_text('{"architecture": "cnn", "settings": {}}'),
        lambda m: (m / "config.json").write_text('{"architecture": "mind-reader"}'),
    ],
)
def test_files_that_do_not_fit_together_are_refused_though_their_hashes_are_right(
    copy: Path, change: Any
) -> None:
    change(copy)
    forged(copy)
    with pytest.raises(BundleError) as caught:
        api.load(copy)
    assert str(copy) in caught.value.message and caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["schema"].update(labels=["bad", "good", "so so"]),
        lambda r: r["schema"].update(labels=[]),
        lambda r: r.update(decode={"temperature": "hot"}),
        lambda r: r.update(decode={"unknown": 1}),
    ],
)
def test_a_manifest_that_does_not_fit_the_model(copy: Path, change: Any) -> None:
    forged(copy, change)
    with pytest.raises(BundleError) as caught:
        api.load(copy)
    assert str(copy) in caught.value.message and caught.value.hint


def test_weights_of_another_model(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "text,label\n" + "".join(f"row {i} {i % 3},{'abc'[i % 3]}\n" for i in range(30))
    )
    api.train(tmp_path / "a.csv", tmp_path / "other", Recipe.parse({"model": {"name": "bag"}}))
    shutil.copy(tmp_path / "other" / "model.safetensors", copy / "model.safetensors")
    with pytest.raises(BundleError, match=r"'model\.safetensors' is not the one"):
        api.load(copy)
    forged(copy)
    with pytest.raises(BundleError):
        api.load(copy)


def test_a_file_outside_is_never_named_in_a_manifest(copy: Path) -> None:
    record = json.loads((copy / "textwright.json").read_text())
    secret = copy.parent / "secret"
    secret.write_text("s")
    for name in ("../secret", str(secret)):
        record["files"][name] = sha256(secret)
        (copy / "textwright.json").write_text(signed(record))
        with pytest.raises(BundleError, match="outside the folder"):
            api.load(copy)
        del record["files"][name]


def test_a_damaged_record_of_looks_stops_evaluation_not_prediction(copy: Path) -> None:
    (copy / "looks.json").write_text("{}")
    (copy.parent / "a.csv").write_text("text,label\nlovely,good\nawful,bad\n")
    assert api.load(copy).predict(["lovely"])
    with pytest.raises(BundleError, match="the record of looks"):
        api.evaluate(copy, copy.parent / "a.csv")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_any_byte_of_the_manifest(copy: Path, place: float, byte: int) -> None:
    """One byte changed anywhere: the folder loads or says what is wrong, and never breaks otherwise."""
    path = copy / "textwright.json"
    whole = path.read_bytes()
    at = int(place * len(whole))
    path.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1 :])
    try:
        api.load(copy).predict(["lovely"])
    except BundleError as error:
        assert error.hint
    finally:
        path.write_bytes(whole)
