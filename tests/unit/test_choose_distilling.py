"""A student that learns from the pick: with texts without labels, with folds, with too little time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from paired_words import rows, word, write
from textwright import api
from textwright.choose.distilling import StudentProposal
from textwright.choose.pick.ensemble import Blend
from textwright.choose.search.schedule import Schedule
from textwright.cli.main import app
from textwright.core.clock import Clock, Steps
from textwright.core.errors import ConfigError, DataError
from textwright.core.events import Event
from textwright.core.files import read_json
from textwright.core.records import Note
from textwright.tasks.prepare import prepare_data
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.bag import BagTrainer
from textwright.tasks.trainers.network import NetworkTrainer

SMALL: dict[str, Any] = {"embedding": 8, "widths": [1], "filters": 8}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Few labelled rows, many without labels that tie the second words to the first, and a test of both."""
    folder = tmp_path_factory.mktemp("data")
    return {
        "data": write(folder / "few.csv", rows("few", 60, both=False)),
        "others": write(folder / "others.csv", rows("others", 1500, both=True), labelled=False),
        "test": write(folder / "test.csv", rows("test", 600, both=False)),
    }


def train(data: Path, out: Path, test: Path | None = None, **asked: Any) -> tuple[api.Trained, list[str]]:
    notes: list[str] = []

    def sink(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    if "others" in asked:
        asked["data"] = {"unlabelled": str(asked.pop("others"))}
    recipe = Recipe.parse({"budget": {"steps": 20_000}, "candidates": ["bag"], **asked})
    return api.train(data, out, recipe, test=test, sink=sink), notes


def accuracy(trained: api.Trained) -> float:
    return trained.scores["accuracy"].value


def test_texts_without_labels_teach_what_few_labels_cannot(files: dict[str, Path], tmp_path: Path) -> None:
    alone, _ = train(files["data"], tmp_path / "alone", files["test"], model={"name": "bag"})
    distil = {"into": "bag"}
    taught, notes = train(
        files["data"],
        tmp_path / "taught",
        files["test"],
        model={"name": "bag"},
        distil=distil,
        others=files["others"],
    )
    assert accuracy(taught) > accuracy(alone) + 0.05
    student = taught.candidates[-1]
    assert student.name == "bag distilled" and student.chosen and student.metric == "accuracy"
    assert student.why.startswith("learned from bag: accuracy ")
    assert sum(c.chosen for c in taught.candidates) == 1
    assert taught.candidates[0].why.startswith("taught bag distilled; ")
    assert any("1,500 texts without labels" in note for note in notes)
    plan = read_json(taught.out / "plan.json")
    assert plan["reasons"]["distil"].startswith("bag teaches") and plan["refitted"] is True


def test_an_ensemble_teaches_a_folder_that_answers_alone(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textwright.choose.pick.decision._best", lambda allowed, *_: allowed[-1])
        patch.setattr(
            "textwright.choose.select.blend",
            lambda outputs, *rest: Blend(np.full(len(outputs), 1 / len(outputs)), np.mean(outputs, axis=0)),
        )
        distil = {"into": "cnn", "settings": SMALL}
        found, notes = train(
            files["data"],
            tmp_path / "m",
            files["test"],
            distil=distil,
            others=files["others"],
            budget={"steps": 4_000},
        )
    assert found.model == "cnn" and not (found.out / "members").exists()
    assert "cnn distilled: a student learns the answers of ensemble" in notes
    assert read_json(found.out / "config.json")["settings"]["filters"] == 8
    texts = [f"{word('good', 'x', i)} {word('bad', 'y', i + 1)}" for i in range(9)]
    answers = api.load(found.out).predict(texts)
    assert api.load(found.out.rename(tmp_path / "elsewhere")).predict(texts) == answers
    assert accuracy(found) > 0.6


def test_with_folds_no_teacher_has_seen_the_rows_its_student_is_judged_on(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Any, Any, Any]] = []
    search = BagTrainer.search

    def spy(self: BagTrainer, train: Any, validation: Any) -> Iterator[Event]:
        seen.append((self.job.examples, train, validation))
        yield from search(self, train, validation)

    monkeypatch.setattr(BagTrainer, "search", spy)
    distil = {"into": "bag"}
    train(
        files["data"],
        tmp_path / "m",
        files["test"],
        model={"name": "bag"},
        split={"folds": 3},
        distil=distil,
        others=files["others"],
    )
    assert len(seen) == 6
    for (_, _, of_teacher), (examples, rows_, of_student) in zip(seen[:3], seen[3:], strict=True):
        assert np.array_equal(of_teacher, of_student) and len(examples) == 1560
        assert not np.isin(of_student, rows_).any() and np.isin(np.arange(60, 1560), rows_).all()
    softs = [examples.soft[60:] for examples, _, _ in seen[3:]]
    assert not np.allclose(softs[0], softs[1]) and not np.allclose(softs[1], softs[2])


def test_where_folds_take_too_long_one_part_is_held_out(files: dict[str, Path], tmp_path: Path) -> None:
    """A pass over 1,560 rows is 49 steps: 16 in each of 5 folds and a refit are more than 2,000."""
    distil = {"into": "cnn", "settings": SMALL}
    found, notes = train(
        files["data"], tmp_path / "m", distil=distil, others=files["others"], budget={"steps": 2_000}
    )
    assert any("no time to hold out all rows in turn" in note for note in notes)
    student = next(c for c in found.candidates if c.name == "cnn distilled")
    assert student.chosen and student.scores["accuracy"].n < 20


def test_twins_of_rows_to_judge_on_never_enter(tmp_path: Path) -> None:
    labelled = rows("few", 200, both=True)
    data = write(tmp_path / "a.csv", labelled)
    near = [(f"{text.upper()} !", label) for text, label in labelled]
    fresh = rows("fresh", 50, both=True)
    others = write(tmp_path / "b.csv", [*near, *fresh, *fresh[:5]], labelled=False)
    asked = {"model": {"name": "bag"}, "distil": {"into": "bag"}, "data": {"unlabelled": str(others)}}
    prepared = prepare_data(data, Recipe.parse(asked))
    assert prepared.unlabelled is not None
    assert prepared.unlabelled.texts == [text for text, _ in fresh]
    counts = {reason: n for (_, reason), n in prepared.unlabelled.log.counts.items()}
    num_train = len(prepared.train)
    assert counts["twin of a test row"] == len(prepared.locked_texts) > 0
    assert counts["twin of a validation row"] == len(prepared.validation) > 0
    assert counts["copy of another row"] == num_train + 5
    assert prepared.learned is not None and len(prepared.learned) == len(prepared.examples) + 50


@pytest.mark.parametrize(
    ("distil", "more", "said"),
    [
        ({"into": "gpt"}, {}, "unknown architecture 'gpt'"),
        ({"into": "pretrained"}, {}, "a student starts from nothing"),
        ({"into": "cnn", "settings": {"filter": 3}}, {}, "unknown setting 'distil.settings.filter'"),
        ({"into": "bag"}, {"split": {"validation": 0}}, "without validation rows"),
        ({"into": "latent"}, {}, "it has a teacher of its own"),
        ({}, {"others": "x.csv", "model": {"name": "bag"}}, "bag learns from labelled rows alone"),
        ({"weight": 0.5}, {}, "distil.into names none"),
        ({"into": "bag", "weight": 1.5}, {}, "less than or equal to 1"),
        ({"into": "bag", "temperature": 0}, {}, "greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    files: dict[str, Path], tmp_path: Path, distil: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        train(files["data"], tmp_path / "m", distil=distil, **more)
    assert not (tmp_path / "m").exists()


def test_the_flag_is_refused_alone_and_taken_with_a_student(files: dict[str, Path], tmp_path: Path) -> None:
    asked = ["plan", str(files["data"]), "--model", "bag", "--unlabelled", str(files["others"])]
    alone = CliRunner().invoke(app, asked)
    assert alone.exit_code == 2
    assert "bag learns from labelled rows alone" in alone.stderr
    taken = CliRunner().invoke(app, [*asked, "--set", "distil.into=bag", "--json"])
    assert taken.exit_code == 0, taken.stderr
    said = json.loads(taken.stdout.splitlines()[-1])["reasons"]["distil.into"]
    assert "1,500 texts without labels" in said


def test_compare_and_curves_have_no_students(files: dict[str, Path], tmp_path: Path) -> None:
    recipe = Recipe.parse({"distil": {"into": "bag"}})
    with pytest.raises(ConfigError, match="every model is fitted as it is"):
        api.compare_settings(files["data"], tmp_path / "m", recipe, models=["bag"])
    with pytest.raises(ConfigError, match="every model is fitted as it is"):
        api.compare_settings(
            files["data"], tmp_path / "m", models=["bag"], vary={"distil.weight": [0.1, 0.2]}
        )
    with pytest.raises(ConfigError, match="every model is fitted as it is"):
        api.curve(files["data"], tmp_path / "m", recipe.replaced({"model.name": "bag"}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file"),
        ("number,other\n1,2\n3,4\n", "no column looks like text"),
        ("text\n", "no row below it"),
    ],
)
def test_a_file_without_texts_is_refused(
    files: dict[str, Path], tmp_path: Path, content: str | None, said: str
) -> None:
    path = tmp_path / "others.csv"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        train(files["data"], tmp_path / "m", distil={"into": "bag"}, others=path)


def test_rows_that_are_all_known_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no text is left"):
        train(files["data"], tmp_path / "m", distil={"into": "bag"}, others=files["data"])


def test_a_student_that_fails_leaves_its_teacher(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: NetworkTrainer, *rows: Any) -> Iterator[Event]:
        raise MemoryError("no room for the weights")
        yield

    monkeypatch.setattr(NetworkTrainer, "search", full)
    found, notes = train(files["data"], tmp_path / "m", distil={"into": "cnn", "settings": SMALL})
    said = "cnn distilled: failed: no room for the weights; its teacher, "
    assert found.model == "bag" and any(note.startswith(said) for note in notes)
    assert read_json(found.out / "plan.json")["refitted"] is True
    assert [(c.name, c.status) for c in found.candidates][-1] == ("cnn distilled", "failed")


def test_limits_are_for_the_student(files: dict[str, Path], tmp_path: Path) -> None:
    budget = {"steps": 20_000, "max_size": "100B"}
    found, notes = train(files["data"], tmp_path / "m", distil={"into": "bag"}, budget=budget)
    assert not any(note.startswith("no candidate keeps the limits") for note in notes)
    assert any(note.startswith("the student does not keep the limits: its ") for note in notes)
    assert next(c for c in found.candidates if c.name == "bag distilled").chosen


def test_a_threshold_is_the_students(files: dict[str, Path], tmp_path: Path) -> None:
    asked = {"model": {"name": "bag"}, "reject": {"wrong": 0.2}, "distil": {"into": "bag"}}
    data = write(tmp_path / "a.csv", rows("many", 700, both=False))
    found, notes = train(data, tmp_path / "m", files["test"], **asked)
    assert found.candidates[-1].name == "bag distilled"
    decode = read_json(found.out / "textwright.json")["decode"]
    assert (
        decode["least"] is not None
        and notes.count(read_json(found.out / "plan.json")["reasons"]["reject"]) == 1
    )


@pytest.mark.parametrize("task", ["multilabel", "score"])
def test_sets_of_labels_and_scores_are_taught_too(files: dict[str, Path], tmp_path: Path, task: str) -> None:
    shown = {"multilabel": {"good": "good|kind", "bad": "bad"}, "score": {"good": "4.5", "bad": "1.5"}}[task]
    found = [(text, shown[label]) for text, label in rows("few", 200, both=True)]
    data = write(tmp_path / "a.csv", found)
    for into, settings in (("bag", {}), ("cnn", SMALL)):
        distil = {"into": into, "settings": settings, "weight": 1.0}
        trained, _ = train(
            data, tmp_path / into, task=task, distil=distil, others=files["others"], budget={"steps": 3_000}
        )
        name, least = ("micro_f1", 0.8) if task == "multilabel" else ("pearson", 0.6)
        assert trained.scores[name].value > least, into


def test_two_runs_are_the_same(files: dict[str, Path], tmp_path: Path) -> None:
    distil = {"into": "cnn", "settings": SMALL}
    found = [
        train(files["data"], tmp_path / n, distil=distil, others=files["others"], budget={"steps": 2_000})[0]
        for n in "ab"
    ]
    hashes = [
        json.loads((t.out / "textwright.json").read_text())["files"]["model.safetensors"] for t in found
    ]
    assert hashes[0] == hashes[1]


def test_a_share_of_the_budget_is_for_the_student() -> None:
    before = Schedule(Clock.counting(Steps(), 900), "accuracy", 0)
    during = before.before_a_student()
    assert (during.left(), during.of_the_student().left()) == (pytest.approx(600), 900)
    assert during.only(1.0).amount == pytest.approx(600), "no teacher is refitted"


def test_settings_of_a_named_teacher_are_not_the_students() -> None:
    proposal = StudentProposal("cnn", "", label="distilled", settings={"filters": 8}, lesson="ab12")
    asked = {"learn": {"epochs": 3}, "tokenizer": {"kind": "word"}, "seed": 4}
    named = proposal.recipe(Recipe.parse({**asked, "model": {"name": "lstm", "hidden": 9}}))
    assert named.model == {"filters": 8, "name": "cnn"} and named.seed == 4
    assert named.learn.epochs == "auto" and named.tokenizer == "auto"
    assert proposal.recipe(Recipe.parse(asked)).learn.epochs == 3
    assert proposal.stem == "cnn-distilled-ab12"
