"""An extractor of `train --task summarize --model extractor`: its folder, its scores, what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

import made_summaries
import textwright
from textwright import api
from textwright.bundle.folder import load_verified
from textwright.cli.main import app
from textwright.core.errors import BundleError, ConfigError, ModelError
from textwright.core.events import Event
from textwright.core.records import Note
from textwright.measure.paired import holm
from textwright.measure.paired_corpus import compare_summaries
from textwright.measure.rouge import RougeMeter
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.rewriting.asked import recipe_of_pairs
from textwright.tasks.rewriting.rows import PairRows
from textwright.tasks.summarizing import training
from textwright.tasks.summarizing.baselines import BASELINES, Baseline, baselines_of
from textwright.tasks.summarizing.extractive import summarize_text

NASTY = "<b>& rows.jsonl"


def asked(**more: Any) -> PretrainRecipe:
    return PretrainRecipe.parse({"objective": "summarize", "model": {"name": "extractor"}, **more})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_summaries.write(tmp_path_factory.mktemp("reports") / NASTY, made_summaries.reports(160))


@pytest.fixture(scope="module")
def folder(data: Path) -> Path:
    return api.train_pairs(data, data.parent / "extractor", asked()).out


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def record(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_it_learns_what_is_told_and_says_so(folder: Path, data: Path) -> None:
    manifest = load_verified(folder)
    assert (manifest.task, manifest.architecture, manifest.split) == ("summarize", "extractor", "validation")
    assert manifest.parameters > 1000 and manifest.data[0].rows == 160
    text = made_summaries.reports(200)[-1][0]
    found = textwright.summarize(text, model=folder)
    assert found.method == "learned" and "The council decided" in found.text and found.spans
    assert len(textwright.summarize(text, model=folder, sentences=2).spans) == 2
    assert {"plan.json", "data.json", "recipe.yaml", "cleaning.jsonl", "events.jsonl"} <= {
        path.name for path in folder.iterdir()
    }
    glance = record(folder, "data.json")
    assert sum(glance["pairs"].values()) == 160 and glance["sentences"]["source"][0] >= 7


def test_scores_are_those_of_rows_that_a_network_would_not_learn_from(folder: Path, data: Path) -> None:
    """Measured anew from the verbs: ROUGE of what summarize gives, and of each baseline, on held-out rows."""
    rows = PairRows.read(data, asked()).held_out
    sources, wanted = [pair.source for pair in rows], [[pair.target] for pair in rows]

    def meter(made: list[str]) -> RougeMeter:
        found = RougeMeter("en")
        found.update(made, wanted, sources)
        return found

    ours = meter([textwright.summarize(text, model=folder).text for text in sources])
    scores = load_verified(folder).scores
    assert {name: score.to_json() for name, score in ours.scores().items()} == scores
    beside = record(folder, "scores.json")["details"]["beside"]
    assert [row["method"] for row in beside] == [*BASELINES]
    gaps = []
    for row in beside:
        limits = {"sentences": row["sentences"], "length": row["words"]}
        other = meter([summarize_text(text, method=row["method"], **limits).text for text in sources])
        assert other.scores()["rougeL"].value == pytest.approx(row["scores"]["rougeL"]["value"])
        gaps.append(compare_summaries(other, ours)["rougeL"])
        assert row["difference"]["rougeL"]["value"] == pytest.approx(gaps[-1]["difference"]["value"])
    corrected = holm([gap["p_value"] for gap in gaps])
    assert [row["difference"]["rougeL"]["p_value"] for row in beside] == pytest.approx(corrected)
    assert max(corrected) < 0.05  # what it learned is plain


def test_evaluate_says_the_same_of_another_file(folder: Path, tmp_path: Path) -> None:
    other = made_summaries.write(tmp_path / "other.jsonl", made_summaries.reports(60, seed=1))
    done = run("evaluate", folder, other, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert (
        found["n"] == 60
        and found["split"] == "given"
        and {"rouge1", "rouge2", "rougeL"} == set(found["scores"])
    )
    assert [row["method"] for row in found["details"]["beside"]] == [*BASELINES]
    assert (
        found["details"]["beside"][0]["sentences"]
        == (record(folder, "config.json")["baselines"][0]["sentences"])
    )
    sides = list(zip(*made_summaries.reports(60, seed=1), strict=True))
    for name, side in zip(("texts.txt", "summaries.txt"), sides, strict=True):
        (tmp_path / name).write_text("\n".join(side) + "\n", encoding="utf-8")
    two = run(
        "evaluate", folder, tmp_path / "texts.txt", "--target-file", tmp_path / "summaries.txt", "--json"
    )
    assert json.loads(two.stdout.splitlines()[-1])["scores"] == found["scores"]
    shown = run("evaluate", folder, other)
    assert "Without learning: rougeL on the same rows" in shown.stdout and "textrank" in shown.stdout
    chinese = run("evaluate", folder, other, "--lang", "zh")
    assert "不学习的方法" in chinese.stdout


def test_the_page_and_the_card_say_what_the_records_say(folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert NASTY not in page and "&lt;b&gt;&amp; rows.jsonl" in page
    rouge = load_verified(folder).scores["rougeL"]
    in_english = re.sub(r'<span class="zh".*?</span>', "", page, flags=re.DOTALL)
    plain = re.sub(r"<[^>]+>", " ", in_english).replace("\N{NO-BREAK SPACE}", " ")
    assert f"have a ROUGE-L of {rouge['value']:.1f} (95 % interval {rouge['low']:.1f}" in plain
    assert "lead, longest, textrank, each as long as suited it best, score less" in plain
    assert page.count("<svg") >= 2 and "抽取模型" in page
    for name, told in (("README.md", "more than chance would make it"), ("README.zh.md", "超出偶然所能解释")):
        card = (folder / name).read_text(encoding="utf-8")
        assert card.count(told) == 3 and "summarization" in card
    made = api.card(folder, {"author": "A. Nyman"})
    assert "A. Nyman" in (folder / "README.md").read_text(encoding="utf-8") and len(made.files) == 4


def test_a_length_that_is_asked_for_is_kept_and_the_rest_is_the_same_bits(
    folder: Path, data: Path, tmp_path: Path
) -> None:
    done = run(
        "train",
        data,
        "--task",
        "summarize",
        "--model",
        "extractor",
        "--set",
        "sentences=2",
        "--out",
        tmp_path / "m",
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert record(tmp_path / "m", "config.json")["room"] == {"sentences": 2, "words": None}
    assert record(tmp_path / "m", "plan.json")["reasons"]["model.sentences"] == "2 sentences: as asked"
    assert len(textwright.summarize(made_summaries.reports(1)[0][0], model=tmp_path / "m").spans) == 2


@pytest.mark.parametrize(
    ("recipe", "what"),
    [
        ({"learn": {"epochs": 2}}, "learn.epochs says nothing to an extractor"),
        ({"budget": {"tokens": 5}}, "budget.tokens says nothing to an extractor"),
        ({"decode": {"beams": 1}}, "decode.beams says nothing to an extractor"),
        ({"model": {"name": "extractor", "width": 4}}, "unknown setting 'model.width'"),
        ({"model": {"name": "extractor", "sentences": 0}}, "greater than or equal to 1"),
        ({"model": {"name": "extractor", "checkpoint": "x"}}, "--from does not go with --model extractor"),
        ({"objective": "translate"}, "extractor picks sentences of a text, and does not translate"),
    ],
)
def test_what_says_nothing_to_it_is_refused(
    data: Path, tmp_path: Path, recipe: dict[str, Any], what: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(what)):
        api.train_pairs(data, tmp_path / "m", asked(**recipe))
    assert not (tmp_path / "m").exists()


def test_names_of_models_of_pairs() -> None:
    with pytest.raises(ConfigError, match=r"does not translate\nFor translate take m2m100, lstm\."):
        recipe_of_pairs("translate", None, {"model.name": "extractor"}, {})
    with pytest.raises(ConfigError, match=r"'extracter'\nDid you mean 'extractor'\?"):
        recipe_of_pairs("summarize", None, {"model.name": "extracter"}, {})
    with pytest.raises(ConfigError, match=r"'x'\nKnown: auto, extractor, lstm, m2m100\."):
        recipe_of_pairs("summarize", None, {"model.name": "x"}, {})
    assert recipe_of_pairs("summarize", None, {"model.name": None}, {}).model["name"] == "m2m100"


def test_too_few_texts_are_refused(tmp_path: Path) -> None:
    few = made_summaries.write(tmp_path / "few.jsonl", made_summaries.reports(12))
    with pytest.raises(ModelError, match="too few to learn from"):
        api.train_pairs(few, tmp_path / "m", asked())


def test_other_verbs_say_what_the_folder_is(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A text.", encoding="utf-8")
    for words, what in (
        (
            ["translate", folder, tmp_path / "a.txt", "--out", tmp_path / "o.txt"],
            "picks sentences and writes nothing",
        ),
        (["export", folder, "--to", "ctranslate2", "--out", tmp_path / "x"], "which is no network"),
        (["predict", folder, tmp_path / "a.txt", "--out", tmp_path / "o.csv"], "gives no labels or scores"),
        (["label", folder, tmp_path / "a.txt", "--out", tmp_path / "o.csv"], "gives no labels or scores"),
    ):
        done = run(*words)
        assert done.exit_code == 2 and what in done.stderr and "textwright summarize" in done.stderr


def test_a_changed_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    with pytest.raises(BundleError, match="is not the one that was written"):
        textwright.summarize("A. B.", model=tmp_path)


def test_where_there_is_no_time_it_learns_from_fewer(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_TRIAL", 40)
    said: list[str] = []

    def hear(event: Event) -> None:
        said.append(event.text if isinstance(event, Note) else "")

    api.train_pairs(data, tmp_path / "m", asked(budget={"minutes": 1e-3}), sink=hear)
    assert any(re.fullmatch(r"learns from 40 of \d+ pairs: there is no time for more", line) for line in said)
    assert record(tmp_path / "m", "plan.json")["pairs"] == 40


@pytest.mark.parametrize("method", BASELINES)
def test_a_baseline_is_as_long_as_suits_the_summaries(method: str) -> None:
    """Of texts whose summary is their first sentence, one sentence; told again by its record."""
    texts = ["It rained for days here. The sun came. Then came the wind and snow."] * 4
    one = baselines_of(texts, ["It rained for days here."] * 4, [method])[0]
    assert one.room.sentences == 1 or one.room.words
    assert Baseline.from_json(one.to_json()) == one
    if method == "lead":
        assert one.summarizer.summarize(texts[0]).text == "It rained for days here."
