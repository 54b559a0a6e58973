"""Candidates fitted side by side are those of the run on one machine; what goes wrong costs one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textwright import api
from textwright.choose.pick.ensemble import Blend
from textwright.choose.search.cluster import check_cluster
from textwright.choose.search.folds import Folded, folded_trainer
from textwright.choose.search.orders import Cargo, Order, carry_out, from_files
from textwright.choose.search.schedule import Room
from textwright.core.clock import Clock
from textwright.core.errors import BundleError, ConfigError, MissingExtra
from textwright.core.events import Event
from textwright.core.records import Note, StepEvent
from textwright.tasks.examples import Job
from textwright.tasks.prepare import prepare_data
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.long import Long
from workers import Here, told, weights, write_reviews

SMALL: dict[str, Any] = {
    "learn": {"batch": 16, "epochs": 2},
    "tokenizer": {"kind": "word", "max_length": 8},
    "candidates": ["bag", "cnn"],
}
COUNTED = {**SMALL, "budget": {"steps": 3000}, "prefer": "accuracy"}
BAGS: dict[str, Any] = {"candidates": ["bag"], "budget": {"steps": 3000}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_reviews(tmp_path_factory.mktemp("data") / "reviews.csv", 120)


def train(
    data: Path, out: Path, asked: dict[str, Any], workers: Here | None = None, **more: Any
) -> tuple[api.Trained, list[Event]]:
    events: list[Event] = []

    @contextmanager
    def here(_: Any) -> Iterator[Here | None]:
        yield workers

    recipe = Recipe.parse({**asked, **({"ray": {"address": "local"}} if workers else {})})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textwright.choose.select.ray_workers", here)
        patch.setattr("textwright.choose.scoring._TIMED_SECONDS", 0.01)
        patch.setattr("textwright.api.check_cluster", lambda *asked: None)
        return api.train(data, out, recipe, **{"sink": events.append, **more}), events


def of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an ensemble of all candidates be chosen."""

    def alike(outputs: list[Any], *more: Any) -> Blend:
        return Blend(np.full(len(outputs), 1 / len(outputs)), np.mean(outputs, axis=0))

    monkeypatch.setattr("textwright.choose.select.blend", alike)
    monkeypatch.setattr("textwright.choose.pick.decision._best", lambda allowed, *more: allowed[-1])


def said(events: list[Event]) -> list[str]:
    """All that is said, and every step, but for what has times in it; solvers count on in a refit."""
    return [
        f"{e.epoch} {e.loss} {e.scores}" if isinstance(e, StepEvent) else e.text
        for e in events
        if isinstance(e, StepEvent) or not any(word in e.text for word in (" s", "side by side"))
    ]


TIGHT = {**COUNTED, "budget": {"steps": 170}}
TAUGHT: dict[str, Any] = {
    "candidates": ["bag"],
    "budget": {"steps": 3000},
    "split": {"folds": 2},
    "distil": {"into": "bag"},
}
FOLDED = {**COUNTED, "split": {"folds": 2}, "candidates": ["cnn"], "prefer": "balanced"}


@pytest.mark.parametrize(
    "asked", [COUNTED, TIGHT, FOLDED, TAUGHT], ids=["held out", "tight", "in turn", "a student"]
)
def test_with_a_budget_in_steps_it_is_the_run_on_one_machine(
    data: Path, tmp_path: Path, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of an ensemble, with every weight of every member."""
    if asked is COUNTED:
        of_all(monkeypatch)
    alone, events = train(data, tmp_path / "alone", asked)
    workers = Here()
    beside, again = train(data, tmp_path / "beside", asked, workers)
    assert told(alone) == told(beside) and alone.model == beside.model
    assert weights(alone) == weights(beside)
    assert len(weights(alone)) > 2 or asked is not COUNTED
    assert ("skipped" in {c.status for c in alone.candidates}) == (asked is TIGHT)
    assert alone.scores["accuracy"] == beside.scores["accuracy"]
    assert said(events) == said(again)


def test_by_the_minute_all_are_fitted_and_refits_run_side_by_side(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_all(monkeypatch)
    workers = Here()
    asked = {**BAGS, "budget": {"minutes": 5}, "prefer": "accuracy"}
    found, events = train(data, tmp_path / "a", asked, workers)
    assert [c.status for c in found.candidates] == ["done"] * len(found.candidates)
    assert found.model == "ensemble"
    refits = [order for order in workers.orders if order.rows is not None]
    assert len(refits) == len(list((found.out / "members").iterdir()))
    assert {order.room.left > 250 for order in workers.orders} == {True}
    names = [e.fit for e in events if isinstance(e, Note) and e.fit]
    assert names[:3] == ["bag", "bag hinge", "bag idf"] and names[3].endswith("-refit")


def test_a_worker_that_dies_and_a_fit_that_fails_cost_one_candidate_each(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(order: Order) -> None:
        own = "no room for the weights" if order.name == "bag idf" else ""
        monkeypatch.setattr(
            "textwright.choose.search.orders.folded_trainer", failing if own else folded_trainer
        )

    def failing(*asked: Any) -> Any:
        raise MemoryError("no room for the weights")

    workers = Here({"bag": "its worker died"}, fail)
    found, events = train(data, tmp_path / "a", BAGS, workers)
    status = {c.name: (c.status, c.why) for c in found.candidates}
    assert status["bag"] == ("failed", "its worker died")
    assert status["bag idf"] == ("failed", "no room for the weights")
    assert status["bag hinge"][0] == "done"
    assert "bag: failed: its worker died" in said(events)


def test_a_refit_that_is_lost_leaves_the_model_of_the_search(data: Path, tmp_path: Path) -> None:
    workers = Here()
    workers.lose_refits = True
    found, events = train(data, tmp_path / "a", BAGS, workers)
    (warning,) = [e.text for e in events if isinstance(e, Note) and e.kind == "warning"]
    assert warning.endswith(": the refit failed, the model of the search is kept: its worker died")
    assert api.load(found.out).predict(["lovely and warm"])[0]["label"] == "good"


def test_ctrl_c_keeps_the_best_of_those_that_are_done(data: Path, tmp_path: Path) -> None:
    """The last that was sent is done first: what is said of it would come later."""
    seen: list[str] = []

    def stop(order: Order) -> None:
        seen.append(order.name)
        if len(seen) == 2:
            raise KeyboardInterrupt

    found, _ = train(data, tmp_path / "a", BAGS, Here(before=stop))
    assert found.interrupted and seen == ["bag idf", "bag hinge"]
    assert [(c.name, c.chosen) for c in found.candidates] == [("bag idf", True)]
    assert api.load(found.out).predict(["lovely and warm"])[0]["label"] == "good"


def test_a_refit_elsewhere_reads_long_texts_as_the_search_found(tmp_path: Path) -> None:
    """Also the one of a fold, and through JSON."""
    lines = [f"{'lovely' if i % 2 else 'awful'} {'and ' * 30}{i},{i % 2}" for i in range(40)]
    path = tmp_path / "long.csv"
    path.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    recipe = Recipe.parse({"tokenizer": {"kind": "word", "max_length": 8}, "model": {"name": "cnn"}})
    prepared = prepare_data(path, recipe)
    job = Job("cnn", prepared.examples, Clock.starting(), 1)
    folds = np.arange(len(prepared.examples)) % 2
    trainers: list[Any] = [folded_trainer(job, recipe, each) for each in (None, None, folds, folds)]
    for found, other in (trainers[:2], trainers[2:]):
        searched, again = (t._chosen if isinstance(t, Folded) else t for t in (found, other))
        assert searched.reading.is_open
        searched.reading.long, searched.reading.why = Long(name="mean", competes=True), "mean: better"
        searched._best_epochs, searched._cost_per_row = 2.5, 0.25
        other.recall(json.loads(json.dumps(found.found())))
        assert again.reading == searched.reading
        assert other.found() == found.found() and other.refit_seconds(100) == 100 * 2.5 * 0.25


def test_a_worker_with_another_version_fits_nothing(data: Path) -> None:
    order = Order("bag", "bag", Recipe(), 0, 1, Room(10, 0, "balanced"), version="0.0.1")
    outcome = carry_out(order, Cargo(None, None, None))  # type: ignore[arg-type]
    assert outcome.failure.startswith("the worker has textwright ") and "this is 0.0.1" in outcome.failure


def test_files_of_an_engine_cannot_lie_outside_of_their_folder() -> None:
    with pytest.raises(BundleError, match="outside the folder"):
        from_files({"../config.json": b"{}"}, "bag", None)  # type: ignore[arg-type]


def test_what_would_have_no_effect_is_refused_and_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Recipe.parse({"ray": {"address": "local"}})
    with pytest.raises(ConfigError, match="one candidate is fitted"):
        check_cluster(one, 1)
    with pytest.raises(ConfigError, match=r"ray.cpus has no effect"):
        check_cluster(Recipe.parse({"ray": {"cpus": 2}}), 5)
    with pytest.raises(ConfigError, match="expected local, auto or the address"):
        check_cluster(Recipe.parse({"ray": {"address": "cluster"}}), 5)
    monkeypatch.setattr("textwright.choose.search.cluster.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r'pip install "textwright\[ray\]"'):
        check_cluster(one, 5)
    check_cluster(Recipe(), 1)
    for verb in (api.compare_settings, api.learning_curve):
        with pytest.raises(ConfigError, match=r"ray.address has no effect: .* one after the other"):
            verb("a.csv", "out", one)
