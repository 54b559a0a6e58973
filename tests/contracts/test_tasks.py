"""What every registered task keeps: train, predict, evaluate and load agree, for a solver and a network."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textwright import api
from textwright.choose import select
from textwright.core.seeds import generator
from textwright.tasks.base import TASKS, Decode
from textwright.tasks.recipe import Recipe
from textwright.text.schema import Schema

MODELS = {"bag": {}, "cnn": {"embedding": 8, "filters": 4, "widths": [1, 2]}}
SUBJECTS = ("soup", "staff", "room", "film", "battery", "parcel")
WORDS = {"good": ("lovely", "great", "warm", "kind"), "bad": ("awful", "rude", "cold", "broken")}
NUM_ROWS = 60


def _classes() -> list[dict[str, Any]]:
    return [
        {"text": _text(i, "good" if i % 2 else "bad"), "label": "good" if i % 2 else "bad"}
        for i in range(NUM_ROWS)
    ]


def _many_classes() -> list[dict[str, Any]]:
    return [
        {"text": f"{_text(i, 'good')} and the {SUBJECTS[i % 3]}", "label": SUBJECTS[i % 3]}
        for i in range(NUM_ROWS)
    ]


def _sets() -> list[dict[str, Any]]:
    rows = [[s for k, s in enumerate(SUBJECTS[:3]) if i % 8 >> k & 1] for i in range(NUM_ROWS)]
    return [
        {"text": f"a note {i} on {' and '.join(labels) or 'nothing'}", "labels": labels}
        for i, labels in enumerate(rows)
    ]


def _scores() -> list[dict[str, Any]]:
    kinds = ["good" if i % 2 else "bad" for i in range(NUM_ROWS)]
    return [{"text": _text(i, kind), "score": 4.5 if kind == "good" else 1.5} for i, kind in enumerate(kinds)]


def _text(i: int, kind: str) -> str:
    rng = generator(3, i)
    first, second = rng.choice(WORDS[kind], 2)
    return f"the {SUBJECTS[rng.integers(6)]} number {i} was {first} and so {second}"


CORPORA: dict[str, tuple[Callable[[], list[dict[str, Any]]], str]] = {
    "classify": (_classes, "accuracy"),
    "classify, three classes": (_many_classes, "accuracy"),
    "multilabel": (_sets, "micro_f1"),
    "score": (_scores, "mse"),
}
KEYS = {"classify": {"label", "probability"}, "multilabel": {"labels"}, "score": {"score"}}


@pytest.fixture(
    scope="module", params=[(c, m) for c in CORPORA for m in MODELS], ids=lambda p: f"{p[0]}-{p[1]}"
)
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str, Path, api.Trained]:
    """A model of each task, with each kind of trainer."""
    corpus, model = request.param
    folder = tmp_path_factory.mktemp("made")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(select, "usable_cpus", lambda: 1)  # two threads wait long for each other when busy
    request.addfinalizer(monkeypatch.undo)
    lines = [json.dumps(row) for row in CORPORA[corpus][0]()]
    (folder / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    learn = {} if model == "bag" else {"epochs": 1, "batch": 8}
    recipe = Recipe.parse({"model": {"name": model, **MODELS[model]}, "learn": learn})
    return corpus, model, folder, api.train(folder / "a.jsonl", folder / "m", recipe)


def test_every_task_has_a_corpus() -> None:
    assert {name.partition(",")[0] for name in CORPORA} == set(TASKS) == set(KEYS)


def test_training_tells_what_it_did(made: tuple[str, str, Path, api.Trained]) -> None:
    corpus, model, folder, trained = made
    task = corpus.partition(",")[0]
    assert (trained.task, trained.model, trained.split, trained.interrupted) == (task, model, "test", False)
    record = trained.to_json()
    assert {"task", "model", "out", "seconds", "parameters", "bytes", "candidates", "scores", "split"} <= set(
        record
    )
    json.dumps(record, allow_nan=False)
    headline = TASKS.get(task).headline
    assert headline in record["scores"] and record["scores"][headline]["n"] == 6
    assert [c["model"] for c in record["candidates"] if c["chosen"]] == [model]
    assert trained.bytes == sum(f.stat().st_size for f in folder.joinpath("m").rglob("*") if f.is_file())


def test_a_loaded_model_gives_the_same_answers(made: tuple[str, str, Path, api.Trained]) -> None:
    corpus, _, folder, _ = made
    texts = [row["text"] for row in CORPORA[corpus][0]()] + ["", "一个中文句子", "x" * 3000]
    first, again = api.load(folder / "m"), api.load(folder / "m")
    answers = first.predict(texts, probabilities=True)
    assert answers == again.predict(texts, probabilities=True) and len(answers) == len(texts)
    (alone,) = again.predict(texts[3:4], probabilities=True)
    assert _numbers(alone) == pytest.approx(_numbers(answers[3]), abs=2e-6)
    assert set(first.predict(texts[:1])[0]) == KEYS[corpus.partition(",")[0]]


def _numbers(answer: dict[str, Any]) -> dict[str, float]:
    return answer.get("probabilities") or {"score": answer["score"]}


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_answers_in_a_file_are_those_in_memory(made: tuple[str, str, Path, api.Trained], ending: str) -> None:
    corpus, _, folder, _ = made
    out = folder / f"o.{ending}"
    assert api.predict(folder / "m", folder / "a.jsonl", str(out), probabilities=True).n == NUM_ROWS
    texts = [row["text"] for row in CORPORA[corpus][0]()]
    expected = api.load(folder / "m").predict(texts, probabilities=True)
    if ending == "jsonl":
        lines = out.read_text(encoding="utf-8").splitlines()
        assert [json.loads(line) for line in lines] == [
            {"text": t, **a} for t, a in zip(texts, expected, strict=True)
        ]
        return
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == texts
    for row, answer in zip(rows, expected, strict=True):
        for label, share in answer.get("probabilities", {}).items():
            assert float(row[f"probability of {label}"]) == share
        for key in KEYS[corpus.partition(",")[0]]:
            value = answer[key]
            assert row[key] == (";".join(value) if isinstance(value, list) else str(value))


def test_evaluation_agrees_with_the_answers(made: tuple[str, str, Path, api.Trained]) -> None:
    """The headline score, computed by hand from what predict says."""
    corpus, model, folder, _ = made
    rows, headline = CORPORA[corpus][0](), CORPORA[corpus][1]
    answers = api.load(folder / "m").predict([row["text"] for row in rows])
    result = api.evaluate(folder / "m", folder / "a.jsonl")
    score = result.scores[headline]
    assert score.value == pytest.approx(_by_hand(headline, rows, answers), abs=1e-5)
    assert score.low <= score.value <= score.high and score.n == result.n == NUM_ROWS
    if model == "bag":
        assert score.value > 0.9 if score.better == "higher" else score.value < 0.5
    json.dumps(result.to_json(), allow_nan=False)


def _by_hand(headline: str, rows: list[dict[str, Any]], answers: list[dict[str, Any]]) -> float:
    pairs = list(zip(rows, answers, strict=True))
    if headline == "accuracy":
        return float(np.mean([row["label"] == answer["label"] for row, answer in pairs]))
    if headline == "mse":
        return float(np.mean([(row["score"] - answer["score"]) ** 2 for row, answer in pairs]))
    both = sum(len(set(row["labels"]) & set(answer["labels"])) for row, answer in pairs)
    return 2 * both / max(sum(len(row["labels"]) + len(answer["labels"]) for row, answer in pairs), 1)


def test_the_wrong_rows_are_those_to_read(made: tuple[str, str, Path, api.Trained]) -> None:
    corpus, _, folder, _ = made
    texts = {row["text"] for row in CORPORA[corpus][0]()}
    wrong = [json.loads(line) for line in (folder / "m" / "wrong.jsonl").read_text().splitlines()]
    assert len(wrong) <= 6 and all(row["text"] in texts and "truth" in row for row in wrong)
    for row in wrong:
        answer = row.get("label", row.get("labels", row.get("score")))
        assert answer != row["truth"]


def test_locked_rows_are_counted(made: tuple[str, str, Path, api.Trained]) -> None:
    corpus, _, folder, _ = made
    before = json.loads((folder / "m" / "looks.json").read_text())
    assert len(before["locked"]) == 6 and before["looks"][0]["by"] == "train"
    assert api.evaluate(folder / "m", folder / "a.jsonl").num_locked == 6
    after = json.loads((folder / "m" / "looks.json").read_text())
    assert after["locked"] == before["locked"] and len(after["looks"]) == len(before["looks"]) + 1
    assert after["looks"][-1]["by"].endswith("a.jsonl") and after["looks"][-1]["rows"] == 6
    api.load(folder / "m")
    other = folder / "other.jsonl"
    other.write_text(
        "\n".join(json.dumps({**row, "text": row["text"] + " indeed"}) for row in CORPORA[corpus][0]())
    )
    assert api.evaluate(folder / "m", other).num_locked == 0
    assert json.loads((folder / "m" / "looks.json").read_text()) == after


@pytest.mark.parametrize("name", [*TASKS])
def test_answers_have_the_form_of_targets_and_are_what_is_measured_without_offsets(name: str) -> None:
    task, rng = TASKS.get(name), np.random.default_rng(0)
    schema = Schema(task=name, text="t", label="l", labels=[] if name == "score" else list("abc"))  # type: ignore[arg-type]
    outputs = rng.normal(0, 2, (50, task.num_outputs(schema)))
    truth = {"classify": rng.integers(3, size=50), "multilabel": rng.integers(2, size=(50, 3))}.get(
        name, rng.normal(size=50)
    )
    answers, support = task.answered(outputs, Decode()), task.support(outputs, Decode())
    assert answers.shape == truth.shape and len(support) == 50
    picked, given = task.meter(schema), task.meter(schema)
    picked.update(truth, task.measured(outputs, Decode()))
    given.update(truth, task.measured(outputs, Decode()), answers)
    # repr, as NaN is not equal to itself
    assert repr(picked.scores(replicates=20)) == repr(given.scores(replicates=20))
    assert len(task.answers(outputs, schema, Decode(), False)) == 50
