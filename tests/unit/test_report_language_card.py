"""The cards of a language model: one record, two languages, nothing made up, and what it says to run runs."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from typer.testing import CliRunner

import textwright
from textwright.bundle.folder import load_manifest
from textwright.cli.main import app
from textwright.core.errors import BundleError, ConfigError
from textwright.report.language_card import render_language_card
from textwright.report.markdown import STATED
from textwright.report.words import LANGUAGES

TINY = {"width": 32, "layers": 1, "heads": 1, "inner": 64, "positions": 32}
TEXTS = {
    "nanochat": "春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。\n",
    "roberta": "the cat sat on a mat.\nshe saw the dog and ran.\n",
}


@pytest.fixture(scope="module", params=TEXTS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("texts") / "a_`text`.txt"
    lines = [f"{number} {TEXTS[request.param]}" for number in range(300)]
    source.write_text("".join(lines), encoding="utf-8")
    asked = {"model": {"name": request.param, **TINY}, "budget": {"tokens": 3000}, "learn": {"batch": 8}}
    out = source.parent / "my model"
    return textwright.pretrain([source], out, textwright.PretrainRecipe.parse(asked)).out


def card_of(folder: Path, **changed: object) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return {**card, **changed}


def numbers(text: str) -> list[str]:
    body = text.partition("\n---\n")[2]
    return sorted(re.findall(r"\d[\d,.]*\d|\d", body))


def test_both_languages_carry_the_same_numbers_those_of_the_records(folder: Path) -> None:
    english, chinese = (render_language_card(card_of(folder), language) for language in LANGUAGES)
    assert (folder / "README.md").read_text(encoding="utf-8") == english
    assert (folder / "README.zh.md").read_text(encoding="utf-8") == chinese
    assert numbers(english) == numbers(chinese) and len(numbers(english)) > 20
    manifest = load_manifest(folder)
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    for name, score in manifest.scores.items():
        assert re.search(rf"\| {name} \| {score['value']:.3f}|\| {name} \| {score['value']:.1f}", english)
    for number in (manifest.parameters, plan["tokens"], manifest.data[0].rows):
        assert f"{number:,}" in english
    assert manifest.data[0].fingerprint in english and "`` a_`text`.txt ``" in english


def test_how_much_text_there_was_adds_up(folder: Path) -> None:
    text, manifest = card_of(folder)["text"], load_manifest(folder)
    assert sum(text["documents"].values()) == manifest.data[0].rows
    assert text["tokens"]["train"] * text["bytes_per_token"] == pytest.approx(
        text["bytes"]["train"], rel=0.01
    )
    assert text["kinds"] == json.loads((folder / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    is_chinese = manifest.architecture == "nanochat"
    assert text["scripts"]["han" if is_chinese else "latin"] == 1, "tokens between texts are no text"


def test_what_nobody_measured_or_stated_says_so(folder: Path) -> None:
    english = (folder / "README.md").read_text(encoding="utf-8")
    chinese = (folder / "README.zh.md").read_text(encoding="utf-8")
    # No audit either.
    assert english.count("not assessed") == chinese.count("未评估") == len(STATED) + 1
    assert "None" not in english and "None" not in chinese
    assert "how much it has memorised was not checked" in english and "没有检查过" in chinese


def test_hugging_face_reads_the_metadata(folder: Path) -> None:
    is_chinese = load_manifest(folder).architecture == "nanochat"
    for name in ("README.md", "README.zh.md"):
        data = ModelCard.load(folder / name).data
        assert data.pipeline_tag == ("text-generation" if is_chinese else "fill-mask")
        assert data.library_name == "transformers"
        assert data.language == (["zh"] if is_chinese else None)
        assert data.eval_results is not None
        found = {result.metric_type: result.metric_value for result in data.eval_results}
        assert found == {name: score["value"] for name, score in card_of(folder)["scores"].items()}


def test_what_the_card_says_to_run_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    shell, python = re.findall(r"```\w+\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL)
    command, teach = (shlex.split(line)[1:] for line in shell.splitlines())
    more = ["--max-tokens", "3"] if command[0] == "generate" else []
    result = CliRunner().invoke(app, [*command, *more, "--json"])
    assert result.exit_code == 0, result.output
    assert teach[:4] == ["train", "reviews.csv", "--from", folder.name]
    made: dict[str, Any] = {}
    exec(python, made)
    ids = made["tokenizer"]("a", return_tensors="pt").input_ids
    assert made["model"](input_ids=ids).logits.shape[-1] == made["model"].config.vocab_size


def test_the_verb_keeps_what_was_stated_and_edited(folder: Path) -> None:
    result = CliRunner().invoke(app, ["card", str(folder), "--set", "license=mit", "--lang", "zh", "--json"])
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout.splitlines()[-1])
    assert record["files"] == ["report.html", "card.json", "README.md", "README.zh.md"]
    assert "license" not in record["not_assessed"] and "bias" in record["not_assessed"]
    assert '<html lang="zh">' in (folder / "report.html").read_text(encoding="utf-8")
    textwright.card(folder, {"author": "Li"})
    assert ModelCard.load(folder / "README.md").data.license == "mit"
    page = folder / "README.zh.md"
    before = page.read_text(encoding="utf-8")
    page.write_text(before + "我的话\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="changed by hand"):
        textwright.card(folder)
    assert "我的话" in page.read_text(encoding="utf-8")
    textwright.card(folder, dict.fromkeys(STATED, ""), overwrite=True)
    assert "我的话" not in page.read_text(encoding="utf-8")


def test_a_folder_of_an_early_version_says_what_it_does_not_know(folder: Path, tmp_path: Path) -> None:
    """Without data.json."""
    from textwright.report.folder import make_language

    for file in folder.iterdir():
        if file.name != "data.json":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    manifest = load_manifest(folder).model_dump(mode="json", by_alias=True)
    pages = make_language(tmp_path, manifest, name="m")
    assert "Size of the text, tokenizer: not assessed" in pages["README.md"].decode("utf-8")
    assert json.loads(pages["card.json"])["text"] is None


def test_a_damaged_folder_gets_no_card(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "data.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BundleError, match=r"data\.json"):
        textwright.card(tmp_path)


def test_an_interrupted_one_and_one_that_went_on_say_so(folder: Path) -> None:
    card = card_of(folder, interrupted=True, started_from="old_one, a gpt2")
    english, chinese = (render_language_card(card, language) for language in LANGUAGES)
    assert "The training was interrupted" in english and "训练被中断" in chinese
    assert "another model, whose text it has learned from too: old\\_one, a gpt2" in english
