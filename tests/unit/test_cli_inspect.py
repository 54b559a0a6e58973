"""textwright inspect: one page and its records; what does not go is refused before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import textwright
from textwright.cli.main import app
from textwright.core.errors import BundleError
from textwright.tasks.pretraining.recipe import PretrainRecipe

FOLDERS = Path(__file__).parents[1] / "data" / "format-1"
TINY = {"width": 32, "layers": 1, "heads": 1, "inner": 64, "positions": 32}


@pytest.fixture(scope="module", params=["nanochat", "bert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("texts") / "text.txt"
    source.write_text("the cat sat on a mat.\n春眠不觉晓。\n" * 300, encoding="utf-8")
    asked = {"model": {"name": request.param, **TINY}, "budget": {"tokens": 4000}, "learn": {"batch": 8}}
    return textwright.pretrain([source], source.parent / "model", PretrainRecipe.parse(asked)).out


def run(*args: object) -> Result:
    return CliRunner().invoke(app, ["inspect", *map(str, args)])


def test_a_page_and_its_records(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "reading.html"
    result = run(folder, "--text", "the cat 春眠", "--out", out, "--json", "--at", 2)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["out"] == str(out) and found["name"] == "model" and found["notes"] == []
    assert [place["place"] for place in found["places"]] == [2]
    assert found["attention"]["layers"] and found["num_tokens"] == len(found["tokens"])
    page = out.read_text(encoding="utf-8")
    assert "How the language model model reads a text" in page and "怎样读一段文本" in page
    again = run(folder, "--text", "a mat " * 99, "--out", out, "--lang", "zh")
    assert again.exit_code == 0 and "显示的是最前面的部分" in again.stderr and "每词元" in again.stdout
    assert '<html lang="zh">' in out.read_text(encoding="utf-8"), "an older page is replaced"


def test_what_does_not_go_is_refused(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.html"
    mine.write_text("<!doctype html>", encoding="utf-8")
    (tmp_path / "folder.html").mkdir()
    for out, said in (
        (mine, "is there, and is no page of inspect"),
        (tmp_path / "a.txt", "the page is written as .html"),
        (tmp_path / "folder.html", "is a folder, expected a file"),
    ):
        result = run(folder, "--text", "a", "--out", out)
        assert result.exit_code == 2 and said in result.stderr and not result.stdout
    assert mine.read_text(encoding="utf-8") == "<!doctype html>"
    out = tmp_path / "x.html"
    for text, flags, said in (
        ("", [], "no token in the text ''"),
        ("a", ["--at", "9"], "--at 9: there is no"),
    ):
        result = run(folder, "--text", text, "--out", out, *flags)
        assert result.exit_code == 2 and said in result.stderr and not out.exists()


def test_a_classifier_is_pointed_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is a model for classify, not a language model") as error:
        textwright.inspect(FOLDERS / "cnn", "a text", tmp_path / "x.html")
    assert "predict" in error.value.hint and "--explain occlusion" in error.value.hint
    result = run(tmp_path / "none", "--text", "a", "--out", tmp_path / "x.html", "--lang", "zh")
    assert result.exit_code == 2 and "没有这个文件夹" in result.stderr
