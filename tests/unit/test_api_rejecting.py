"""A training that is asked not to guess: from the recipe to folder, report, answers and scores."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import textwright
from textwright.cli.main import app
from textwright.core.errors import ConfigError

WORDS = {
    "en": {
        "sport": ["goal", "match", "team", "coach", "league"],
        "money": ["bank", "share", "price", "market", "loan"],
        "weather": ["rain", "storm", "cloud", "wind", "snow"],
    },
    "zh": {"体育": list("球队赛场员"), "财经": list("股市银行价"), "天气": list("雨雪风云晴")},
}
REST = {
    "en": [
        "the",
        "a",
        "of",
        "and",
        "some",
        "new",
        "old",
        "big",
        "here",
        "now",
        "today",
        "they",
        "saw",
        "one",
    ],
    "zh": list("的了是在有我他这个们来到时大地"),
}


def written(path: Path, language: str, num_rows: int = 900, seed: int = 0) -> Path:
    """Texts of which some hold no word of their label, and cannot be told."""
    rng = random.Random(seed)
    words, rest, blank = WORDS[language], REST[language], "" if language == "zh" else " "
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for _ in range(num_rows):
            label = rng.choice([*words])
            own = [rng.choice(words[label]) for _ in range(rng.choice([0, 0, 1, 1, 2, 3]))]
            others = [rng.choice(rest) for _ in range(9)]
            writer.writerow([blank.join(rng.sample([*own, *others], len(own) + 9)), label])
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def recipe(**reject: float) -> textwright.Recipe:
    """With a third of the rows for validation."""
    return textwright.Recipe.parse(
        {"model": {"name": "bag"}, "split": {"validation": 0.3}, "reject": reject, "budget": {"minutes": 1}}
    )


@pytest.fixture(scope="module", params=["en", "zh"])
def folders(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models of the same data: one that always answers, and two that do not."""
    place, language = tmp_path_factory.mktemp(request.param), str(request.param)
    data = written(place / "rows.csv", language)
    found = {"data": data, "fresh": written(place / "fresh.csv", language, 2000, seed=1)}
    for name, asked in (("plain", {}), ("wrong", {"wrong": 0.1}), ("in_scope", {"in_scope": 0.1})):
        textwright.train(data, place / name, recipe(**asked))
        found[name] = place / name
    return found


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "textwright.json").read_text(encoding="utf-8"))
    return found


def test_a_model_that_was_not_asked_answers_as_ever(folders: dict[str, Path]) -> None:
    plain = folders["plain"]
    assert manifest(plain)["decode"]["least"] is None
    assert "answered" not in manifest(plain)["scores"]
    assert [*textwright.load(plain).predict(["the goal"])[0]] == ["label", "probability"]
    assert "reject" not in json.loads((plain / "plan.json").read_text(encoding="utf-8"))["reasons"]


def test_few_answers_are_wrong(folders: dict[str, Path]) -> None:
    found = textwright.evaluate(folders["wrong"], folders["fresh"]).scores
    assert 0.6 < found["answered"].value < 0.97
    assert found["accuracy_answered"].value >= 0.9 > found["accuracy"].value


def test_guesses_are_what_would_be_answered_without_the_threshold(folders: dict[str, Path]) -> None:
    texts = [row["text"] for row in rows_of(folders["fresh"])][:200]
    model = textwright.load(folders["wrong"])
    answers = model.predict(texts)
    model.decode = model.decode.replaced({"least": None})
    of_all = model.predict(texts)
    assert [*of_all[0]] == ["label", "probability"]
    assert [a["guess"] for a in answers] == [a["label"] for a in of_all]
    assert {a["label"] for a in answers if a["label"] != a["guess"]} == {None}


def test_few_texts_of_the_labels_are_sent_away(folders: dict[str, Path]) -> None:
    found = textwright.evaluate(folders["in_scope"], folders["fresh"]).scores
    assert 0.84 < found["answered"].value < 0.96


def test_what_it_is_calibrated_to_is_kept(folders: dict[str, Path]) -> None:
    reasons = json.loads((folders["wrong"] / "plan.json").read_text(encoding="utf-8"))["reasons"]
    assert "at most 0.1 of answers are wrong, with 95 % confidence" in reasons["reject"]
    assert "rows of validation" in reasons["reject"]
    said = (folders["wrong"] / "events.jsonl").read_text(encoding="utf-8")
    assert "texts are not answered where the probability of the guess is below" in said
    # One that learned from the rows of validation too would be surer than it was when it was calibrated.
    refitted = {
        name: json.loads((folders[name] / "plan.json").read_text(encoding="utf-8"))["refitted"]
        for name in ("plain", "wrong", "in_scope")
    }
    assert refitted == {"plain": True, "wrong": False, "in_scope": False}
    assert "not fitted again on all rows" in said
    assert manifest(folders["wrong"])["decode"]["sureness"] == "probability"
    assert manifest(folders["in_scope"])["decode"]["sureness"] == "entropy"


def test_the_report_says_so_in_both_languages(folders: dict[str, Path]) -> None:
    page = (folders["wrong"] / "report.html").read_text(encoding="utf-8")
    for part in ("Where it does not know it says so", "没有把握时，它会说不知道",
                 "accuracy of what is answered", "已回答部分的准确率"):  # fmt: skip
        assert part in page
        assert part not in (folders["plain"] / "report.html").read_text(encoding="utf-8")
    card = (folders["wrong"] / "README.md").read_text(encoding="utf-8")
    assert "| accuracy_answered |" in card


def test_the_wrong_rows_are_those_of_guesses(folders: dict[str, Path]) -> None:
    lines = (folders["wrong"] / "wrong.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines
    for record in map(json.loads, lines):
        assert record["label"] not in (None, record["truth"]) and "guess" not in record


def test_explanations_are_of_the_guess(folders: dict[str, Path]) -> None:
    model = textwright.load(folders["wrong"])
    (record,) = model.explain(["qq"], "occlusion")
    assert record["label"] is None and record["guess"] and record["tokens"] is not None


def test_the_verbs_say_what_was_sent_away(folders: dict[str, Path], tmp_path: Path) -> None:
    out, runner = tmp_path / "answers.csv", CliRunner()
    call = ["predict", str(folders["wrong"]), str(folders["fresh"]), "--out", str(out), "--json"]
    done = runner.invoke(app, call)
    assert done.exit_code == 0, done.output
    last = json.loads(done.stdout.splitlines()[-1])
    rows = rows_of(out)
    assert last["rejected"] == sum(not row["label"] for row in rows) > 0
    assert all(row["guess"] for row in rows)
    assert f"gives no label, for {last['rejected']:,} of 2,000 rows" in done.stderr
    chinese = runner.invoke(app, [*call, "--lang", "zh"])
    assert "行模型不知道答案" in chinese.stderr
    plain = runner.invoke(app, ["predict", str(folders["plain"]), *call[2:]])
    assert "rejected" not in json.loads(plain.stdout.splitlines()[-1]) and "know" not in plain.stderr
    scored = runner.invoke(app, ["evaluate", str(folders["wrong"]), str(folders["fresh"]), "--json"])
    found = json.loads(scored.stdout.splitlines()[-1])["scores"]
    assert 0.4 < found["answered"]["value"] < 1 and found["accuracy_answered"]["n"] < 2000


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_cannot_be_promised_is_a_warning(language: str, tmp_path: Path) -> None:
    data = written(tmp_path / "rows.csv", "zh", 300)
    call = ["train", str(data), "--out", str(tmp_path / "m"), "--model", "bag", "--lang", language]
    done = CliRunner().invoke(app, [*call, "--set", "reject.wrong=0.001"])
    assert done.exit_code == 0, done.output
    wanted = {"en": "reject.wrong=0.001 cannot be promised", "zh": "无法承诺 reject.wrong=0.001"}[language]
    line = next(line for line in done.stderr.splitlines() if wanted in line)
    assert ("warning" if language == "en" else "警告") in line
    assert manifest(tmp_path / "m")["decode"]["least"] is not None


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--set", "reject.wrong=0.1", "--set", "reject.in_scope=0.1"], "contradict each other"),
        (["--set", "reject.wrong=1"], "reject.wrong"),
        (["--set", "reject.in_scope=0"], "reject.in_scope"),
        (["--set", "reject.wrong=0.1", "--task", "score"], "is for the task classify, and this is score"),
        (["--set", "reject.rong=0.1"], "Did you mean 'wrong'?"),
    ],
)
def test_bad_requests_end_with_2_before_the_file_is_opened(
    flags: list[str], message: str, tmp_path: Path
) -> None:
    call = ["train", str(tmp_path / "missing.csv"), "--out", str(tmp_path / "m"), "--model", "bag", *flags]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 2
    assert message in done.stderr and "no such file" not in done.stderr


def test_scores_that_the_data_hold_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "stars.csv"
    data.write_text("text,score\n" + "\n".join(f"text {i},{i % 7 / 2}" for i in range(60)), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"reject\.wrong is for the task classify, and this is score"):
        textwright.train(data, tmp_path / "m", recipe(wrong=0.1))
    assert not (tmp_path / "m").exists()


def test_the_estimator_keeps_giving_classes(folders: dict[str, Path]) -> None:
    estimators = pytest.importorskip("textwright.estimator")
    model = estimators.TextClassifier.load(folders["wrong"])
    assert set(model.predict(["qq", "the goal"])) <= set(model.classes_)
    (record,) = model.explain(["qq"])
    assert record["label"] is None and record["guess"] in model.classes_


def test_what_is_interrupted_before_it_is_chosen_does_not_guess_either(tmp_path: Path) -> None:
    said: list[str] = []

    def stops(event: object) -> None:
        said.append(getattr(event, "text", ""))
        if "parameters" in said[-1] and said[-1].startswith("bag: validation"):
            raise KeyboardInterrupt

    data = written(tmp_path / "rows.csv", "en", 300)
    trained = textwright.train(data, tmp_path / "m", recipe(wrong=0.2), sink=stops)
    assert trained.interrupted
    assert manifest(trained.out)["decode"]["least"] is not None
    assert {"answered", "accuracy_answered"} <= trained.scores.keys()
    assert sum("of these answers are wrong" in line for line in said) == 1
