"""The search as a whole, on files: budgets in steps, failures, ensembles, limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textwright import api
from textwright.choose import select
from textwright.core.errors import BundleError, ConfigError
from textwright.core.events import Event
from textwright.core.records import Note
from textwright.core.seeds import generator
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.network import NetworkTrainer
from workers import told, weights, write_reviews

SMALL: dict[str, Any] = {"learn": {"batch": 16, "epochs": 6}, "tokenizer": {"kind": "word", "max_length": 8}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.csv", 300)


def train(data: Path, out: Path, **asked: Any) -> tuple[api.Trained, list[str]]:
    notes: list[str] = []

    def sink(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    base = {} if asked.get("candidates") == ["bag"] else SMALL
    return api.train(data, out, Recipe.parse({**base, **asked}), sink=sink), notes


def test_with_a_budget_in_steps_two_runs_are_the_same(data: Path, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"candidates": ["bag", "cnn"], "prefer": "accuracy", "budget": {"steps": 700}}
    first, _ = train(data, tmp_path / "a", **asked)
    second, _ = train(data, tmp_path / "b", **asked)
    assert told(first) == told(second)
    assert weights(first) == weights(second)


def test_fewer_steps_leave_candidates_out_and_say_so(data: Path, tmp_path: Path) -> None:
    found, _ = train(data, tmp_path / "a", candidates=["bag", "cnn"], budget={"steps": 60})
    why = next(c.why for c in found.candidates if c.name == "cnn")
    assert why.startswith("needs ") and why.endswith(" steps were left")


def test_a_hopeless_candidate_is_stopped_early(data: Path, tmp_path: Path) -> None:
    asked = {**SMALL["learn"], "epochs": 16, "optimizer": {"rate": 1e-7}, "patience": 0}
    more: dict[str, Any] = {"learn": asked, "budget": {"steps": 4000}, "split": {"folds": 1}}
    found, _ = train(data, tmp_path / "a", candidates=["bag", "cnn"], **more)
    cnn = next(c for c in found.candidates if c.name == "cnn")
    assert cnn.status == "stopped" and cnn.why.startswith("stopped early: its loss of ")
    assert found.model == "bag"


def test_one_that_fails_is_recorded_and_the_others_go_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: NetworkTrainer, *rows: Any) -> Iterator[Event]:
        if self.name == "cnn":
            raise MemoryError("no room for the weights")
        yield from search(self, *rows)

    search = NetworkTrainer.search
    monkeypatch.setattr(NetworkTrainer, "search", full)
    found, notes = train(data, tmp_path / "a", candidates=["bag", "cnn", "lstm"], budget={"steps": 4000})
    status = {c.name: (c.status, c.why) for c in found.candidates}
    assert status["cnn"] == ("failed", "no room for the weights") and status["lstm"][0] == "done"
    assert "cnn: failed: no room for the weights" in notes


@pytest.fixture(scope="module")
def ensemble(data: Path, tmp_path_factory: pytest.TempPathFactory) -> api.Trained:
    """An ensemble by force: its loss is called the lowest."""
    out = tmp_path_factory.mktemp("models") / "both"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textwright.choose.pick.decision._best", lambda allowed, *rest: allowed[-1])
        patch.setattr("textwright.choose.pick.ensemble._LEAST_GAIN", -1.0)
        found, _ = train(data, out, candidates=["bag", "cnn"], prefer="accuracy", budget={"steps": 4000})
    assert found.model == "ensemble"
    return found


def test_an_ensemble_is_a_folder_whose_members_are_folders(ensemble: api.Trained, data: Path) -> None:
    members = sorted(path.name for path in (ensemble.out / "members").iterdir())
    assert len(members) > 1
    texts = ["a lovely warm visit", "rude and cold", ""]
    whole = api.load(ensemble.out)
    config = json.loads((ensemble.out / "config.json").read_text(encoding="utf-8"))
    parts = [api.load(ensemble.out / "members" / m["name"]).engine for m in config["members"]]
    summed = sum(m["weight"] * part.outputs(texts) for m, part in zip(config["members"], parts, strict=True))
    assert np.allclose(whole.engine.outputs(texts), summed, atol=1e-5)
    assert whole.predict(texts)[0]["label"] == "good"
    assert api.evaluate(ensemble.out, data).n == api.evaluate(ensemble.out / "members" / members[0], data).n
    assert whole.explain(texts, "occlusion")[0]["tokens"]
    assert sum(c.chosen for c in ensemble.candidates) == 1 and ensemble.candidates[-1].chosen


def test_pages_of_an_ensemble_tell_of_its_members(ensemble: api.Trained) -> None:
    plan = json.loads((ensemble.out / "plan.json").read_text(encoding="utf-8"))
    names = {m["candidate"] for m in plan["model"]["members"]}
    assert len(names) > 1
    assert plan["refitted"] is True and plan["metric"] == "accuracy"
    assert all(name in plan["reasons"]["ensemble"] for name in names)
    page = (ensemble.out / "report.html").read_text(encoding="utf-8")
    assert "bag hinge" in page and "ensemble" in page


@pytest.mark.parametrize("name", ["../bag", "/etc", "a/b"])
def test_a_member_cannot_lie_outside_the_folder(ensemble: api.Trained, name: str, tmp_path: Path) -> None:
    from textwright.tasks.trainers.ensemble import EnsembleEngine

    record = {"members": [{"name": name, "architecture": "bag", "weight": 1.0}]}
    with pytest.raises(BundleError, match="outside the folder"):
        EnsembleEngine.load(ensemble.out, record, lambda folder, architecture: pytest.fail("was opened"))


def test_a_changed_member_is_noticed(ensemble: api.Trained, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(ensemble.out, tmp_path / "copy")
    path = next((copy / "members").rglob("model.safetensors"))
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(BundleError, match="not the one that was written"):
        api.load(copy)


def test_limits_that_cannot_be_kept_are_told_with_the_nearest(data: Path, tmp_path: Path) -> None:
    asked = {"candidates": ["bag"], "budget": {"steps": 500, "max_size": "100B"}}
    found, notes = train(data, tmp_path / "a", **asked)
    (unmet,) = [note for note in notes if note.startswith("no candidate keeps the limits")]
    assert "the 100 B allowed" in unmet
    assert "the 100 B allowed" in (found.out / "report.html").read_text(encoding="utf-8")


def test_uneven_labels_are_judged_by_macro_f1_and_a_promise_is_kept(tmp_path: Path) -> None:
    rng, lines = generator(0, "uneven"), ["text,label"]
    for i in range(800):
        label = "spam" if rng.random() < 0.08 else "ham"
        word = "win" if (label == "spam") == (rng.random() < 0.9) else "hello"
        lines.append(f"{word} {' '.join(f'w{n}' for n in rng.integers(30, size=4))} {i},{label}")
    path = tmp_path / "mail.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    asked: dict[str, Any] = {"candidates": ["bag"], "budget": {"steps": 2000}}
    found, notes = train(path, tmp_path / "a", **asked)
    assert any(note.startswith("candidates are chosen by macro_f1: ") for note in notes)
    kept, notes = train(path, tmp_path / "b", at_least="recall(spam)=0.95", **asked)
    assert any("recall(spam)" in note for note in notes)
    recall = [
        next(
            row["recall"]["value"]
            for row in api.evaluate(t.out, path).details["per_class"]
            if row["label"] == "spam"
        )
        for t in (found, kept)
    ]
    assert recall[1] > 0.85 and recall[1] >= recall[0]


def test_wrong_wishes_are_refused_before_a_fit(data: Path, tmp_path: Path) -> None:
    for asked, said in (
        ({"metric": "acuracy"}, "is no metric"),
        ({"at_least": "precision(excellent)=0.9"}, "there is no label"),
        ({"budget": {"max_size": "5"}}, "expected a number with one of the units"),
    ):
        with pytest.raises(ConfigError, match=said):
            train(data, tmp_path / "a", **asked)
    assert not (tmp_path / "a").exists()


def test_when_time_is_over_no_rows_are_read_for_the_others(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    encode = NetworkTrainer.encode
    monkeypatch.setattr(NetworkTrainer, "encode", lambda self: (read.append(self.name), encode(self)))
    found, _ = train(data, tmp_path / "a", candidates=["bag", "cnn"], budget={"minutes": 0.05})
    assert read == []
    why = next(c.why for c in found.candidates if c.name == "cnn")
    assert why.startswith("needs 2 s at least, and ") and why.endswith(" s were left")


def test_one_that_learned_nothing_is_no_member_of_an_ensemble(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    plain = select.blend
    monkeypatch.setattr(
        select, "blend", lambda outputs, *rest: (given.append(len(outputs)), plain(outputs, *rest))[1]
    )
    asked = {**SMALL["learn"], "epochs": 2, "optimizer": {"rate": 1e-9}, "patience": 0}
    more: dict[str, Any] = {"learn": asked, "budget": {"steps": 4000}, "split": {"folds": 1}}
    found, _ = train(data, tmp_path / "a", candidates=["bag", "cnn"], prefer="accuracy", **more)
    tried = [c for c in found.candidates if c.status == "done" and c.name != "ensemble"]
    assert "cnn" in [c.name for c in tried]
    assert given == [len([c for c in tried if c.model == "bag"])]
