"""Answers are picked in one place: what shows, counts, explains or compares them agrees, with offsets too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import textwright
from textwright.bundle.folder import load_manifest
from textwright.bundle.manifest import MANIFEST
from textwright.choose.compare.answers import model_answers, read_truth
from textwright.core.errors import BundleError
from textwright.core.files import to_json
from textwright.report.messages import translate
from textwright.tasks.base import TASKS, Array, Decode
from textwright.tasks.explaining.base import Focus
from textwright.tasks.predictor import Predictor
from textwright.text.corpus import Asked
from textwright.text.schema import Schema

FOLDERS = Path(__file__).parents[1] / "data" / "format-1"
# A task, its labels, offsets, and its number of outputs.
CASES = {
    "two": ("classify", "ab", (0.0, 1.5), 1),
    "three": ("classify", "abc", (0.0, 2.0, -1.0), 3),
    "sets": ("multilabel", "abc", (1.5, 0.0, -2.0), 3),
}
ROWS = 300


class Numbered:
    """An engine whose texts are the numbers of its rows of outputs."""

    architecture = "stub"
    num_parameters = num_bytes = 0

    def __init__(self, table: Array) -> None:
        self.table = table

    def outputs(self, texts: Sequence[str]) -> Array:
        return self.table[[int(text) for text in texts]]

    def save(self, folder: Path) -> None: ...


def stub(case: str, offsets: bool = True) -> Predictor:
    task, labels, moved, num_outputs = CASES[case]
    table = np.random.default_rng(0).normal(0, 2, (ROWS, num_outputs)).astype(np.float32)
    named = Schema(task=task, text="text", label="label", labels=list(labels))  # type: ignore[arg-type]
    return Predictor(Numbered(table), named, Decode(temperature=1.5, offsets=moved if offsets else ()))


def picked(case: str) -> Array:
    """The answers by hand: class ids, or label sets."""
    task, _, moved, _ = CASES[case]
    logits = stub(case).engine.outputs([str(i) for i in range(ROWS)]).astype(np.float64) / 1.5
    if task == "multilabel":
        return (1 / (1 + np.exp(-(logits + np.array(moved)))) >= 0.5).astype(np.uint8)
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return (np.log(shares) + np.array(moved)).argmax(axis=1)


def truth(case: str) -> Array:
    rng = np.random.default_rng(1)
    task, labels, _, _ = CASES[case]
    size: Any = (ROWS, len(labels)) if task == "multilabel" else ROWS
    return rng.integers(2 if task == "multilabel" else len(labels), size=size)


def texts() -> list[str]:
    return [str(i) for i in range(ROWS)]


@pytest.mark.parametrize("case", CASES)
def test_answers_are_those_with_the_offsets(case: str) -> None:
    predictor, expected = stub(case), picked(case)
    outputs = predictor.engine.outputs(texts())
    plain = stub(case, offsets=False).predict(texts(), probabilities=True)
    assert predictor.task.answered(outputs, predictor.decode).tolist() == expected.tolist()
    rows = predictor.predict(texts(), probabilities=True)
    for row, before, answer in zip(rows, plain, expected, strict=True):
        assert row["probabilities"] == before["probabilities"]  # calibrated, not moved
        if "label" in row:
            assert row["label"] == predictor.schema.labels[answer]
            assert row["probability"] == row["probabilities"][row["label"]]
        else:
            assert set(row["labels"]) == {"abc"[i] for i in np.flatnonzero(answer)}
            assert row["labels"] == sorted(row["labels"], key=lambda label: -row["probabilities"][label])
    assert sum(row != before for row, before in zip(rows, plain, strict=True)) > 20


@pytest.mark.parametrize("case", CASES)
def test_meter_wrong_rows_and_glance_agree(case: str) -> None:
    predictor, given, expected = stub(case), truth(case), picked(case)
    meter, wrong = predictor.measure(texts(), given)
    right = np.reshape(expected == given, (ROWS, -1)).all(axis=1)
    assert meter.scores(replicates=2)["accuracy"].value == pytest.approx(right.mean())
    numbers = {int(record["text"]) for record in wrong.records()}
    assert len(numbers) == 50 and not right[sorted(numbers)].any()
    outputs = predictor.engine.outputs(texts())
    glance = predictor.task.glance(outputs, given, predictor.decode)
    headline = meter.scores(replicates=2)[predictor.task.headline].value
    assert glance == pytest.approx(headline)


@pytest.mark.parametrize("case", CASES)
def test_the_label_that_is_explained_is_one_that_is_answered(case: str) -> None:
    predictor, expected = stub(case), picked(case)
    outputs = predictor.engine.outputs(texts())
    focus = Focus.on(outputs, predictor.schema, predictor.decode)
    if case == "two":
        assert (focus.factors > 0).astype(int).tolist() == expected.tolist()
    elif case == "three":
        assert focus.columns.tolist() == expected.tolist()
    else:
        shares = predictor.task.measured(outputs, predictor.decode)
        for column, answer, row in zip(focus.columns, expected, shares, strict=True):
            among = np.flatnonzero(answer) if answer.any() else np.arange(3)
            assert column == among[row[among].argmax()]


@pytest.mark.parametrize("case", CASES)
def test_what_is_compared_is_what_is_answered(case: str, tmp_path: Path) -> None:
    """Also where the file has a label that the model does not know, and has its labels in another order."""
    predictor, given = stub(case), truth(case)
    sets = case == "sets"
    names = [[predictor.schema.labels[i] for i in np.flatnonzero(row)] for row in given] if sets else None
    lines = [
        {"text": str(i), "label": names[i] if names else predictor.schema.labels[given[i]]}
        for i in range(ROWS)
    ]
    data = tmp_path / "rows.jsonl"
    data.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    other = Predictor(predictor.engine, predictor.schema.replaced({"labels": ["z", "b", "a", "c"]}), Decode())
    found = read_truth(data, [other, predictor], Asked())
    answers = model_answers(predictor, "m", found)
    expected = [
        frozenset(row["labels"]) if sets else row["label"] for row in predictor.predict(found.corpus.texts)
    ]
    assert answers.values == expected and found.schema.labels[0] == "z"
    right = np.mean([a == b for a, b in zip(expected, found.values, strict=True)])
    assert answers.scores["accuracy"].value == pytest.approx(right)


def test_equal_offsets_change_nothing_where_labels_compete() -> None:
    outputs = stub("three").engine.outputs(texts())
    task = TASKS.get("classify")
    same = task.answered(outputs, Decode(offsets=(2.5, 2.5, 2.5)))
    assert same.tolist() == task.answered(outputs, Decode()).tolist()


def test_sure_labels_are_told_apart_where_probabilities_are_not() -> None:
    """Both are 1 as probabilities; the offset parts them all the same."""
    outputs, decode = np.array([[60.0], [80.0]]), Decode(offsets=(-0.0, -70.0))
    task = TASKS.get("classify")
    assert task.measured(outputs, decode)[:, 1].tolist() == [1, 1]
    assert task.answered(outputs, decode).tolist() == [0, 1]


# In a folder.


def with_offsets(folder: Path, to: Path, offsets: list[float]) -> Path:
    """A copy whose manifest has offsets, hashed as if it had been written so."""
    shutil.copytree(folder, to)
    manifest = load_manifest(to)
    manifest = manifest.model_copy(update={"decode": {**manifest.decode, "offsets": offsets}})
    manifest = manifest.model_copy(update={"own_hash": manifest.hashed()})
    (to / MANIFEST).write_text(to_json(manifest.model_dump(mode="json", by_alias=True)), encoding="utf-8")
    return to


def test_offsets_survive_a_folder(tmp_path: Path) -> None:
    decode = Decode(temperature=1.25, offsets=(-0.123456789012345, 2.0))
    assert Decode.parse(json.loads(to_json(decode.model_dump(mode="json")))) == decode
    folder = with_offsets(FOLDERS / "bag", tmp_path / "moved", [0.0, 9.0])
    wanted = json.loads((FOLDERS / "answers.json").read_text(encoding="utf-8"))
    plain, moved = textwright.load(FOLDERS / "bag"), textwright.load(folder)
    assert plain.decode.offsets == () and moved.decode.offsets == (0.0, 9.0)
    before = plain.predict(wanted["texts"], probabilities=True)
    after = moved.predict(wanted["texts"], probabilities=True)
    assert [row["label"] for row in before] == ["yes", "no", "yes", "no"]
    assert [row["label"] for row in after] == ["yes"] * 4
    assert [row["probabilities"] for row in after] == [row["probabilities"] for row in before]
    assert after[1]["probability"] == before[1]["probabilities"]["yes"] < 0.1


def test_offsets_for_other_labels_are_refused(tmp_path: Path) -> None:
    folder = with_offsets(FOLDERS / "bag", tmp_path / "moved", [0.0, 1.0, 2.0])
    with pytest.raises(BundleError, match="it has 3 offsets for 2 labels") as refused:
        textwright.load(folder)
    assert "有 3 个偏移量，而标签有 2 个" in translate(refused.value.message, "zh")


def test_the_estimator_answers_the_same(tmp_path: Path) -> None:
    from textwright.estimator import TextClassifier

    folder = with_offsets(FOLDERS / "bag", tmp_path / "moved", [0.0, 9.0])
    model = TextClassifier.load(folder)
    texts = json.loads((FOLDERS / "answers.json").read_text(encoding="utf-8"))["texts"]
    assert model.predict(texts).tolist() == ["yes"] * 4
    assert model.predict_proba(texts).argmax(axis=1).tolist() == [1, 0, 1, 0]
