"""The cards of a model folder: one record, two languages, nothing blank and nothing made up."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from typer.testing import CliRunner

import textwright
from textwright.cli.main import app
from textwright.core.errors import ConfigError
from textwright.report.card import STATED, render_card
from textwright.report.words import LANGUAGES, words

SAMPLES = Path(textwright.__file__).parent / "sample"
RECIPES = {
    "classify": {"task": "classify"},
    "score": {"task": "score", "data": {"label": "score"}},
}


@pytest.fixture(scope="module", params=RECIPES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("card") / "model"
    recipe = {**RECIPES[request.param], "model": {"name": "bag"}, "budget": {"minutes": 1}}
    textwright.train(SAMPLES / "reviews.zh.csv", out, textwright.Recipe.parse(recipe))
    return out


def numbers(text: str) -> list[str]:
    body = text.partition("\n---\n")[2]
    return sorted(re.findall(r"\d[\d,.]*\d|\d", body))


def test_both_languages_carry_the_same_numbers(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    english, chinese = (render_card(card, language) for language in LANGUAGES)
    assert (folder / "README.md").read_text(encoding="utf-8") == english
    assert (folder / "README.zh.md").read_text(encoding="utf-8") == chinese
    assert numbers(english) == numbers(chinese)
    assert len(numbers(english)) > 30
    for score in card["scores"].values():
        assert f"{score['value']:.3f}" in english or f"{score['value']:.1f}" in english


def test_what_nobody_measured_or_stated_says_so(folder: Path) -> None:
    english = (folder / "README.md").read_text(encoding="utf-8")
    assert english.count("not assessed") == len(STATED)
    assert "More Information Needed" not in english and "None" not in english
    assert "assumption" in english


def test_hugging_face_reads_the_metadata(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    data = ModelCard.load(folder / "README.md").data
    assert data.pipeline_tag == "text-classification" and data.language == ["zh"]
    assert data.library_name == "textwright"
    assert data.eval_results is not None
    found = {result.metric_type: result.metric_value for result in data.eval_results}
    assert found == {name: score["value"] for name, score in card["scores"].items()}


def test_every_word_has_both_languages_and_the_same_values() -> None:
    for key, found in words("card").items():
        english, chinese = (sorted(set(re.findall(r"{(\w+)}", found[language]))) for language in LANGUAGES)
        assert english == chinese, key


def test_what_is_stated_stays_and_can_be_taken_back(folder: Path) -> None:
    done = textwright.card(folder, {"license": "mit", "intended_use": "邮件分类 | <b>"})
    assert "license" not in done.not_assessed and "bias" in done.not_assessed
    textwright.card(folder, {"author": "Li"})
    english = (folder / "README.md").read_text(encoding="utf-8")
    assert "邮件分类 \\| &lt;b&gt;" in english and "Li" in english
    assert ModelCard.load(folder / "README.md").data.license == "mit"
    assert "license" in textwright.card(folder, {"license": ""}).not_assessed
    assert textwright.load(folder).predict(["好"])
    textwright.card(folder, dict.fromkeys(STATED, ""))


def test_a_card_that_was_changed_by_hand_is_not_replaced(folder: Path) -> None:
    page = folder / "README.md"
    before = page.read_text(encoding="utf-8")
    page.write_text(before + "\nmy own words\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="changed by hand"):
        textwright.card(folder)
    assert "my own words" in page.read_text(encoding="utf-8")
    textwright.card(folder, overwrite=True)
    assert page.read_text(encoding="utf-8") == before


def test_an_unknown_field_is_refused_with_the_nearest(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no field 'licence'") as caught:
        textwright.card(folder, {"licence": "mit"})
    assert "license" in caught.value.hint


def test_the_verb(folder: Path) -> None:
    result = CliRunner().invoke(app, ["card", str(folder), "--lang", "zh", "--json"])
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout.splitlines()[-1])
    assert record["files"] == ["report.html", "card.json", "README.md", "README.zh.md"]
    assert '<html lang="zh">' in (folder / "report.html").read_text(encoding="utf-8")
    for wrong in (["--lang", "fr"], ["--set", "license"]):
        refused = CliRunner().invoke(app, ["card", str(folder), *wrong])
        assert refused.exit_code == 2, refused.output
    missing = CliRunner().invoke(app, ["card", str(folder / "none")])
    assert missing.exit_code == 2 and "no such folder" in missing.output
