"""Starting from a model of ours: what it has learned from is never tested on, what it locked stays locked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkpoints import tiny_checkpoint
from textwright import api
from textwright.bundle.learned import LEARNED, read_learned
from textwright.bundle.looks import read_looks
from textwright.bundle.manifest import MANIFEST, Manifest
from textwright.choose import select
from textwright.choose.compare.cells import make_cells
from textwright.core.errors import BundleError, DataError
from textwright.core.events import Event
from textwright.core.records import Note
from textwright.tasks.prepare import Prepared, prepare_data
from textwright.tasks.recipe import Recipe
from textwright.text.split import row_hashes

WORDS = ("cat", "dog", "mat", "far", "ran", "sat", "away", "on", "the", "bad", "good", "a")


def rows(begin: int, end: int) -> list[str]:
    """Texts of which no two are twins: the digits of their number as words, in two orders."""
    out = []
    for i in range(begin, end):
        digits = [WORDS[i // 12**k % 12] for k in range(3)]
        out.append(
            f"{' '.join(digits)} {i} {' '.join(reversed(digits))} {i * 7919},{'yes' if i % 2 else 'no'}"
        )
    return out


def written(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    return path


def recipe(checkpoint: Path, **more: Any) -> Recipe:
    model = {"name": "pretrained", "checkpoint": str(checkpoint)}
    return Recipe.parse({"model": model, "learn": {"epochs": 1}} | more)


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 160 rows, 16 of them locked."""
    folder = tmp_path_factory.mktemp("parent")
    data = written(folder / "a.csv", rows(0, 160))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(select, "usable_cpus", lambda: 1)
        api.train(data, folder / "m", recipe(tiny_checkpoint(folder / "base")))
    return folder / "m"


def locked(folder: Path) -> set[str]:
    return set(read_looks(folder)["locked"])


def own(prepared: Prepared) -> set[str]:
    return set(row_hashes(prepared.examples.texts))


def hashed(lines: list[str]) -> set[str]:
    return set(row_hashes([line.rpartition(",")[0] for line in lines]))


def test_the_same_rows_are_locked_whatever_the_seed(parent: Path, tmp_path: Path) -> None:
    told: list[Event] = []
    data = parent.parent / "a.csv"
    trained = api.train(data, tmp_path / "n", recipe(parent, seed=1), sink=told.append)
    assert len(locked(parent)) == 16 and locked(tmp_path / "n") == locked(parent)
    assert (trained.split, trained.scores["accuracy"].n) == ("test", 16)
    said = " ".join(event.text for event in told if isinstance(event, Note))
    assert "m, which this starts from, has learned from 144 of these rows" in said
    assert "16 were locked for its test and stay locked" in said
    (warned,) = [event.text for event in told if isinstance(event, Note) and event.kind == "warning"]
    assert warned.startswith("m has learned from the rows to choose on") and "judge by the test" in warned


def test_what_a_model_learned_from_is_in_its_folder(parent: Path) -> None:
    keys = read_learned(parent)
    assert keys is not None and {f"{key:016x}" for key in keys} == hashed(rows(0, 160)) - locked(parent)
    assert (parent / LEARNED).stat().st_size < 8 * 144 + 200


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_are_only_tested_on_if_they_are_new(parent: Path, tmp_path: Path, seed: int) -> None:
    data = written(tmp_path / "b.csv", rows(100, 400))
    prepared = prepare_data(data, recipe(parent, seed=seed))
    old, new = hashed(rows(100, 160)), hashed(rows(160, 400))
    tested = set(prepared.locked_hashes)
    assert old & locked(parent) == old & tested and len(new & tested) == 24
    chosen_on = set(row_hashes([prepared.examples.texts[i] for i in prepared.validation]))
    assert len(chosen_on) == 24 and chosen_on <= new
    assert own(prepared) | tested == old | new and not own(prepared) & tested
    assert not prepared.warnings


def test_a_grandchild_knows_the_rows_of_all_before_it(parent: Path, tmp_path: Path) -> None:
    api.train(written(tmp_path / "b.csv", rows(200, 300)), tmp_path / "n", recipe(parent))
    prepared = prepare_data(parent.parent / "a.csv", recipe(tmp_path / "n", seed=1))
    assert prepared.locked_texts and set(prepared.locked_hashes) <= locked(parent)


def test_a_test_file_that_was_learned_from_is_named(parent: Path, tmp_path: Path) -> None:
    data = written(tmp_path / "b.csv", [*sorted(rows(0, 160)), *rows(200, 300)])
    test = written(tmp_path / "t.csv", rows(300, 340) + rows(0, 160)[:20])
    prepared = prepare_data(data, recipe(parent), test)
    known = len(hashed(rows(0, 20)) - locked(parent))
    assert [f"learned from {known} of the 60 rows of the test file" in w for w in prepared.warnings] == [True]
    assert not own(prepared) & locked(parent)
    assert any("are left out" in line for line in prepared.account())


def test_nothing_left_to_test_on_is_said(parent: Path, tmp_path: Path) -> None:
    learned = [line for line in rows(0, 160) if not hashed([line]) & locked(parent)]
    prepared = prepare_data(written(tmp_path / "b.csv", learned), recipe(parent))
    assert not prepared.locked_texts and len(prepared.validation) > 10
    assert "give --test FILE" in prepared.warnings[0]
    rest = [line for line in rows(0, 160) if hashed([line]) & locked(parent)]
    with pytest.raises(DataError, match="every row was locked for the test of") as caught:
        prepare_data(written(tmp_path / "c.csv", rest), recipe(parent))
    assert "another checkpoint" in caught.value.hint


def as_before(folder: Path) -> None:
    """Make it a folder of the time when the rows were not written down."""
    record = json.loads((folder / MANIFEST).read_text())
    del record["files"][LEARNED]
    manifest = Manifest.parse(record)
    record["own_hash"] = manifest.hashed()
    (folder / MANIFEST).write_text(json.dumps(record))
    (folder / LEARNED).unlink()


def test_an_older_folder_knows_its_own_data_only(parent: Path, tmp_path: Path) -> None:
    old = shutil.copytree(parent, tmp_path / "old")
    as_before(old)
    same = prepare_data(parent.parent / "a.csv", recipe(old, seed=3))
    assert set(same.locked_hashes) == locked(parent)
    other = prepare_data(written(tmp_path / "b.csv", rows(100, 400)), recipe(old))
    assert "old does not say which rows it learned from" in other.warnings[0]
    assert not own(other) & locked(parent) and other.learned is None


def flipped(folder: Path, name: str = LEARNED) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flipped, LEARNED),
        (lambda folder: flipped(folder, "model.safetensors"), "model.safetensors"),
        (lambda folder: (folder / "looks.json").unlink(), "record of looks"),
        (lambda folder: (folder / MANIFEST).write_text("{"), MANIFEST),
    ],
)
def test_a_damaged_folder_is_refused(
    parent: Path, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    copy = shutil.copytree(parent, tmp_path / "copy")
    damage(copy)
    with pytest.raises(BundleError, match=said):
        prepare_data(parent.parent / "a.csv", recipe(copy))


def test_a_checkpoint_of_others_binds_nothing(parent: Path) -> None:
    data, base = parent.parent / "a.csv", parent.parent / "base"
    prepared = prepare_data(data, recipe(base))
    assert prepared.parent is None and not prepared.warnings
    plain = prepare_data(data, Recipe())
    np.testing.assert_array_equal(prepared.train, plain.train)


def test_a_comparison_keeps_to_the_rows_too(parent: Path, tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", rows(0, 240))
    base = Recipe.parse({"model": {"name": "auto", "checkpoint": str(parent)}, "seed": 3})
    prepared = prepare_data(data, base)
    assert not set(prepared.locked_hashes) & (hashed(rows(0, 160)) - locked(parent))
    cells = make_cells(
        Recipe(), ["pretrained"], {"checkpoint": [str(parent), str(tiny_checkpoint(tmp_path / "b"))]}
    )
    assert "has learned from rows that the others may be judged on" in cells[0].refused
    assert cells[1].recipe is not None
