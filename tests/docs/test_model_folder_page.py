"""docs/how-to/model-folder.md, its Chinese twin and SECURITY.md name every file of a model folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import made_pairs
import textwright
from checkpoints import tiny_checkpoint
from textwright.api import export
from textwright.bundle.manifest import UNHASHED
from textwright.cli.main import app

PROJECT = Path(__file__).parents[2]
HOW_TO = PROJECT / "docs" / "how-to"
PAGES = [HOW_TO / "model-folder.md", HOW_TO / "zh" / "model-folder.md"]
SAMPLE = PROJECT / "src" / "textwright" / "sample" / "reviews.en.csv"
NO = {"no", "否"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One folder of each kind: a solver, a network, an encoder, a language model, an export."""
    place = tmp_path_factory.mktemp("folders")
    tiny_checkpoint(place / "checkpoint")
    models = [
        {"name": "bag"},
        {"name": "cnn"},
        {"name": "pretrained", "checkpoint": str(place / "checkpoint")},
    ]
    for model in models:
        recipe = {"model": model, "learn": {"epochs": 1}, "budget": {"minutes": 1}}
        recipe |= {"learn": {}} if model["name"] == "bag" else {"long": {"name": "mean"}}
        textwright.train(SAMPLE, place / model["name"], textwright.Recipe.parse(recipe))
    asked = {"model": {"name": "gpt2", "size": "tiny"}, "budget": {"tokens": 2000}}
    textwright.pretrain([SAMPLE], place / "language", textwright.PretrainRecipe.parse(asked))
    rows = made_pairs.write(place / "pairs.tsv", made_pairs.pairs()[:100])
    learned = CliRunner().invoke(app, ["train", str(rows), "--out", str(place / "pairs"), *made_pairs.BRIEF])
    assert learned.exit_code == 0, learned.output
    export(place / "pairs", place / "exported", "ctranslate2", {"quantization": "float32"})
    return [*(place / str(model["name"]) for model in models), place / "language", place / "exported"]


def table(page: Path) -> dict[str, bool]:
    """Each file that the first table names, and whether it is hashed."""
    lines = page.read_text(encoding="utf-8").partition("\n## ")[0].splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| `")]
    named = [(name, cell[-1].strip("*")) for cell in cells for name in re.findall(r"`([^`]+)`", cell[0])]
    return {name: not any(last.startswith(word) for word in NO) for name, last in named}


@pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])
def test_every_file_is_named_and_said_to_be_hashed_when_it_is(page: Path, folders: list[Path]) -> None:
    named = table(page)
    seen = {path.name for folder in folders for path in folder.iterdir()}
    assert seen == set(named)
    for folder in folders:
        manifest = json.loads((folder / "textwright.json").read_text(encoding="utf-8"))
        hashed = set(manifest["files"]) | {"textwright.json"}
        assert hashed == {name for name, is_hashed in named.items() if is_hashed and (folder / name).exists()}
    assert {name for name, is_hashed in named.items() if not is_hashed} == UNHASHED


@pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])
def test_every_key_of_the_manifest_is_told(page: Path, folders: list[Path]) -> None:
    part = page.read_text(encoding="utf-8").split("\n## ")[1]
    lines = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    manifest = json.loads((folders[0] / "textwright.json").read_text(encoding="utf-8"))
    assert {name for line in lines for name in re.findall(r"`([^`]+)`", line)} == set(manifest)


def test_what_each_file_gives_away_is_told(folders: list[Path]) -> None:
    text = (
        (PROJECT / "SECURITY.md").read_text(encoding="utf-8").partition("## A model tells about its data")[2]
    )
    told = {
        name for line in text.splitlines() if line.startswith("| `") for name in re.findall("`([^`]+)`", line)
    }
    assert {path.name for folder in folders for path in folder.iterdir()} - told == set()
