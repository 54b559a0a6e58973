"""The page of a language model says what its records say, in both languages, and no text can break it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from textwright import api
from textwright.bundle.folder import load_manifest
from textwright.report.folder import make_language
from textwright.tasks.pretraining.recipe import PretrainRecipe

TINY = {"width": 32, "layers": 1, "heads": 1, "inner": 64, "positions": 32}


@pytest.fixture(scope="module", params=["nanochat", "bert", "hybrid"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("texts") / "a <b> text.txt"
    source.write_text("the cat sat on a mat.\n春眠不觉晓。\n" * 300, encoding="utf-8")
    asked = {"model": {"name": request.param, **TINY}, "budget": {"tokens": 4000}, "learn": {"batch": 8}}
    if request.param == "hybrid":
        asked |= {"objective": "hybrid", "model": {"name": "qwen3", **TINY}}
    return api.pretrain([source], source.parent / "model", PretrainRecipe.parse(asked)).out


def in_language(text: str, language: str) -> str:
    other = "zh" if language == "en" else "en"
    text = re.sub(rf'<(span|text) [^>]*lang="{other}">.*?</\1>', "", text, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", text).replace("\N{NO-BREAK SPACE}", " ")


def test_the_page_says_what_the_records_say(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    english, chinese = (in_language(page, language) for language in ("en", "zh"))
    scores = load_manifest(folder).scores
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    if "bits_per_byte" in scores:
        assert f"It needs {scores['bits_per_byte']['value']:.3f} bits to tell a byte" in english
        samples = (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(samples) == 3 and "What it writes" in english
    else:
        assert "What it writes" not in english
    assert ("Of tokens that were hidden" in english) == any("accuracy" in name for name in scores)
    assert ("Those of gaps are measured" in english) == ("gap_accuracy" in scores)
    assert f"{plan['tokens']:,} tokens" in english and "它学习了" in chinese
    assert "a <b> text.txt" not in page and "a &lt;b&gt; text.txt" in page
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") >= 2 and "interrupted" not in english


def test_an_interrupted_one_says_so(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    (tmp_path / "plan.json").write_text(json.dumps({**plan, "interrupted": True}), encoding="utf-8")
    manifest = load_manifest(folder).model_dump(mode="json", by_alias=True)
    page = make_language(tmp_path, manifest, name="m")["report.html"].decode("utf-8")
    assert "The training was interrupted" in page and "训练被中断" in page
