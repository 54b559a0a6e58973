"""The cards of a model folder: one record, two languages, nothing blank and nothing made up."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from typer.testing import CliRunner

import textwright
from textwright.cli.main import app
from textwright.core.errors import BundleError, ConfigError
from textwright.report.card import render_card
from textwright.report.markdown import STATED
from textwright.report.words import LANGUAGES, Language, words

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
    assert english.count("not assessed") == len(STATED) + 1  # no audit either
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


def test_pages_that_were_changed_by_hand_are_not_replaced(folder: Path) -> None:
    page = folder / "report.html"
    before = page.read_bytes()
    page.write_bytes(before + b"<!-- my notes -->")
    with pytest.raises(ConfigError, match=r"report\.html: was changed by hand"):
        textwright.card(folder)
    assert b"my notes" in page.read_bytes()
    page.write_bytes(before.replace(b"\n", b"\r\n"))  # an editor of another system: nothing was said
    textwright.card(folder)


@pytest.mark.parametrize("damage", ["{", "[]", '{"stated": ["x"]}', '{"pages": [1]}'])
def test_a_damaged_card_is_told_and_the_way_out_works(folder: Path, damage: str) -> None:
    before = (folder / "card.json").read_bytes()
    (folder / "card.json").write_text(damage, encoding="utf-8")
    with pytest.raises(BundleError, match=r"card\.json") as caught:
        textwright.card(folder)
    assert "--overwrite" in caught.value.hint
    (folder / "card.json").unlink()
    textwright.card(folder, overwrite=True)
    assert (folder / "card.json").read_bytes() == before


def card_of(folder: Path, **changed: object) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return {**card, **changed}


def test_everything_that_is_stated_is_shown(folder: Path) -> None:
    textwright.card(folder, {"intended_use": "word " * 300 + "END"})
    assert "word END\n" in (folder / "README.md").read_text(encoding="utf-8")
    textwright.card(folder, {"intended_use": ""})


def test_names_of_files_are_shown_as_they_are(folder: Path) -> None:
    files = [
        {"name": name, "rows": 1, "fingerprint": "f", "cleaning": [], "use": "learn"}
        for name in ("a_b.csv", "a`b")
    ]
    text = render_card(card_of(folder, files=files), "en")
    assert "- `a_b.csv`: 1 rows" in text and "- `` a`b ``: 1 rows" in text


def test_labels_are_whole_and_nothing_in_them_acts(folder: Path) -> None:
    labels = [f"a label_with <b> & ~~a~~ $long$ name {i}" for i in range(150)]
    text = render_card(card_of(folder, task="classify", labels=labels), "zh")
    assert text.count("long") == 40 and "name 39 …" in text
    assert "<b>" not in text and "label\\_with &lt;b&gt; &amp; \\~\\~a\\~\\~ \\$long\\$ name 0," in text


@pytest.mark.parametrize(
    ("scripts", "languages"),
    [
        ({"latin": 1.0}, None),
        ({"han": 0.9, "latin": 0.1}, ["zh"]),
        ({"han": 0.5, "kana": 0.5}, ["ja"]),
        ({"hangul": 1.0}, ["ko"]),
    ],
)
def test_a_script_is_no_language_where_many_are_written_in_it(
    folder: Path, scripts: dict[str, float], languages: list[str] | None
) -> None:
    text = render_card(card_of(folder, scripts=scripts), "en")
    assert ModelCard(text).data.language == languages


@pytest.mark.parametrize(
    ("split", "n", "said"), [("test", 500, "Measured on 500 rows."), ("test", 199, "on 199 rows only")]
)
def test_limits_follow_the_rows(folder: Path, split: str, n: int, said: str) -> None:
    scores = {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6, "n": n, "better": "higher"}}
    text = render_card(card_of(folder, scores=scores, split=split), "en")
    assert said in text and "chosen on" not in text
    assert "chosen on, and a little too good" in render_card(
        card_of(folder, scores=scores, split="validation"), "en"
    )


def test_warnings_of_the_training_and_an_interrupt_stand_among_the_limits(folder: Path) -> None:
    text = render_card(card_of(folder, warnings=["the scores are too good"], interrupted=True), "en")
    limits = text.partition("## Limits")[2].partition("## ")[0]
    assert "the scores are too good" in limits and "interrupted" in limits


@pytest.mark.parametrize(
    ("asked", "english", "chinese"),
    [
        ({}, None, None),
        ({"reject": {"wrong": 0.1}}, "texts are not answered where the probability", "的文本不予回答"),
        ({"at_least": "precision(positive)=0.9"}, "precision(positive)", "precision(positive)"),
    ],
)
def test_answers_that_are_not_the_most_probable_ones_are_told(
    tmp_path: Path, asked: dict[str, Any], english: str | None, chinese: str | None
) -> None:
    recipe = textwright.Recipe.parse({"model": {"name": "bag"}, "budget": {"minutes": 1}, **asked})
    textwright.train(SAMPLES / "reviews.en.csv", tmp_path / "m", recipe)
    pages = [(tmp_path / "m" / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")]
    if english is None or chinese is None:
        assert "How it answers" not in pages[0] and "作答方式" not in pages[1]
        return
    assert english in re.findall(r"- How it answers: (.*)\.\n", pages[0])[-1].replace("\\", "")
    assert chinese in re.findall(r"- 作答方式：(.*)。\n", pages[1])[-1].replace("\\", "")


def test_a_file_to_test_on_is_no_training_data(tmp_path: Path) -> None:
    rows = (SAMPLES / "reviews.en.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "train.csv").write_text("".join(rows[:400]), encoding="utf-8")
    (tmp_path / "test.csv").write_text("".join([rows[0], *rows[400:]]), encoding="utf-8")
    recipe = textwright.Recipe.parse({"task": "classify", "model": {"name": "bag"}, "budget": {"minutes": 1}})
    textwright.train(tmp_path / "train.csv", tmp_path / "model", recipe, test=tmp_path / "test.csv")
    text = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith("- `test.csv`")]
    assert "to test on, not learned from" in line
    results = ModelCard(text).data.eval_results
    assert results and {(r.dataset_name, r.dataset_split) for r in results} == {("test.csv", "test")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_report_found_stands_among_the_limits(folder: Path, language: Language) -> None:
    found = [
        ["verdict.weakest", {"label": "军_事", "found": "0", "n": "7", "recall": "0.0 %"}],
        ["verdict.too_sure", {"ece": "9 %", "floor": "1 %", "n": "9"}],
    ]
    text = render_card(card_of(folder, found=found), language)
    assert "军\\_事" in text and "0.0 %" in text and "9 %" in text
