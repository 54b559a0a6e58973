"""Training from Python: what is kept when it ends well, is interrupted, killed, resumed or refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from textwright import api
from textwright.choose import select
from textwright.core.errors import CheckpointError, ConfigError, DataError, TextwrightError
from textwright.core.events import Event
from textwright.core.records import Note, StepEvent
from textwright.core.seeds import generator
from textwright.tasks import checkpoints
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.network import NetworkTrainer

SMALL = {"name": "cnn", "embedding": 8, "filters": 4, "widths": [1, 2], "dropout": 0}


def written(
    path: Path, num_rows: int = 60, header: str = "text,label", seed: int = 0, wrong: int = 0
) -> Path:
    """Rows that words tell apart; every `wrong`th has the other label."""
    rng, lines = generator(seed, "rows"), [header]
    words = {"good": ["lovely", "great", "warm", "kind"], "bad": ["awful", "rude", "cold", "broken"]}
    for i in range(num_rows):
        label = "good" if i % 2 else "bad"
        text = f"visit {i} was {' '.join(rng.choice(words[label], 3))} {rng.integers(1000)}"
        if wrong and not i % wrong:
            label = "bad" if label == "good" else "good"
        lines.append(f"{text},{label}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def recipe(model: str = "bag", **more: Any) -> Recipe:
    if model == "bag":
        return Recipe.parse({"model": {"name": "bag"}, **more})
    return Recipe.parse({"model": SMALL, "learn": {"epochs": 3, "batch": 4}} | more)


def interrupt_at(reached: Callable[[Event, list[Event]], bool], error: type[BaseException]) -> Any:
    """A sink that raises when an event fits, once."""
    seen: list[Event] = []

    def sink(event: Event) -> None:
        seen.append(event)
        if reached(event, seen):
            seen.clear()
            raise error

    return sink


def first_scores(event: Event, seen: list[Event]) -> bool:
    return isinstance(event, StepEvent) and bool(event.scores)


def in_refit(event: Event, seen: list[Event]) -> bool:
    return isinstance(event, StepEvent) and any(isinstance(e, Note) and "refitting" in e.text for e in seen)


@pytest.fixture(autouse=True)
def one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads that wait for each other on a busy machine take ten times as long."""
    monkeypatch.setattr(select, "usable_cpus", lambda: 1)


def late_in_refit(event: Event, seen: list[Event]) -> bool:
    return in_refit(event, seen) and isinstance(event, StepEvent) and event.step > 9


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_the_folder_tells_its_story(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv")
    with data.open("a") as file:
        file.write(",good\nno label here,\n")
    told: list[Event] = []
    trained = api.train(data, tmp_path / "m", recipe(), sink=told.append)
    said = [event.text for event in told if isinstance(event, Note)]
    assert any("column 'text'" in line for line in said) and any("no --minutes" in line for line in said)
    assert "a.csv: 1 rows dropped: no label" in said
    assert trained.scores["accuracy"].n == 6 and trained.split == "test"
    folder = tmp_path / "m"
    cleaning = [json.loads(line) for line in (folder / "cleaning.jsonl").read_text().splitlines()]
    assert {(r["reason"], r["row"]) for r in cleaning} == {("no text", 62), ("no label", 63)}
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert any("scores" in event for event in events)
    manifest = json.loads((folder / "textwright.json").read_text())
    assert manifest["data"][0]["rows"] == 60 and manifest["scores"]["accuracy"]["n"] == 6
    assert (
        Recipe.parse({**recipe().model_dump(), "seed": 0}).to_yaml() == (folder / "recipe.yaml").read_text()
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "m"]


@pytest.mark.parametrize("model", ["bag", "cnn"])
def test_the_same_seed_gives_the_same_bits(model: str, tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv")
    first = api.train(data, tmp_path / "m", recipe(model))
    again = api.train(data, tmp_path / "n", recipe(model))
    assert weights(tmp_path / "m") == weights(tmp_path / "n") and first.scores == again.scores
    other = api.train(data, tmp_path / "o", recipe(model, seed=1))
    assert weights(tmp_path / "m") != weights(tmp_path / "o") or other.scores != first.scores


def test_a_test_file_is_not_learned_from(tmp_path: Path) -> None:
    data, test = written(tmp_path / "a.csv"), written(tmp_path / "t.csv", 20, "remark,verdict", seed=9)
    trained = api.train(data, tmp_path / "m", recipe(), test=test)
    assert (trained.split, trained.scores["accuracy"].n) == ("test", 20)
    result = api.evaluate(tmp_path / "m", test)
    assert result.scores == trained.scores and result.num_locked == 20
    test.write_text("text,label\nsomething,great\n")
    with pytest.raises(DataError, match="row 2, column 'label': the label 'great'"):
        api.train(data, tmp_path / "n", recipe(), test=test)
    assert not (tmp_path / "n").exists()


def test_without_locked_rows_the_scores_are_of_validation(tmp_path: Path) -> None:
    trained = api.train(written(tmp_path / "a.csv"), tmp_path / "m", recipe(split={"test": 0}))
    assert (trained.split, trained.scores["accuracy"].n) == ("validation", 6)
    assert json.loads((tmp_path / "m" / "looks.json").read_text()) == {"locked": [], "looks": []}
    trained = api.train(tmp_path / "a.csv", tmp_path / "n", recipe("cnn", split={"validation": 0}))
    assert (trained.split, trained.scores["accuracy"].n, len(trained.candidates)) == ("test", 6, 1)
    with pytest.raises(ConfigError, match="no architecture can be chosen"):
        api.train(tmp_path / "a.csv", tmp_path / "o", Recipe.parse({"split": {"validation": 0}}))


def test_auto_tries_the_cheap_ones_first_and_tells_why(tmp_path: Path) -> None:
    auto = Recipe.parse({"learn": {"epochs": 1, "batch": 16}})
    trained = api.train(written(tmp_path / "a.csv", wrong=5), tmp_path / "m", auto)
    names = ["bag", "bag hinge", "bag idf", "cnn slim", "cnn", "lstm", "transformer"]
    assert [c.name for c in trained.candidates] == names
    (chosen,) = [c for c in trained.candidates if c.chosen]
    assert trained.model == chosen.model
    assert chosen.why.startswith(("best accuracy", "the simplest within 1 standard errors of the best"))
    assert all(
        c.why and c.status == "done" and c.latency_ms_p50 and c.seconds > 0 for c in trained.candidates
    )
    assert [c.why.startswith("best accuracy") for c in trained.candidates] == [
        c.difference is None for c in trained.candidates
    ]


def test_where_nothing_is_left_to_gain_no_time_is_spent(tmp_path: Path) -> None:
    trained = api.train(written(tmp_path / "a.csv"), tmp_path / "m", Recipe())
    assert [(c.name, c.status) for c in trained.candidates][:2] == [("bag", "done"), ("bag hinge", "skipped")]
    assert {c.why for c in trained.candidates[1:]} == {"nothing is left to gain"}


@pytest.mark.parametrize("model", ["bag", "cnn"])
@pytest.mark.parametrize("when", [first_scores, in_refit])
def test_an_interrupt_keeps_the_best(model: str, when: Any, tmp_path: Path) -> None:
    """It comes while an event is shown, when the fit itself is asleep."""
    data = written(tmp_path / "a.csv")
    try:
        trained = api.train(data, tmp_path / "m", recipe(model), sink=interrupt_at(when, KeyboardInterrupt))
    except KeyboardInterrupt:  # pytest would end as if a person had pressed the keys
        pytest.fail("the best so far was not kept")
    assert trained.interrupted and trained.model == model
    assert api.load(tmp_path / "m").predict(["visit 3"]) and api.evaluate(tmp_path / "m", data).n == 60
    # The search of a network has left its end to go on from; all else was too short for a checkpoint.
    left = [".m.work"] if (model, when) == ("cnn", in_refit) else []
    assert sorted(path.name for path in tmp_path.iterdir()) == [*left, "a.csv", "m"]


def test_an_interrupt_leaves_a_finished_model_where_it_is(tmp_path: Path) -> None:
    data, said = written(tmp_path / "a.csv"), []
    finished = api.train(data, tmp_path / "m", recipe())
    answers = api.load(tmp_path / "m").predict(["visit 3"])
    stop = interrupt_at(first_scores, KeyboardInterrupt)

    def sink(event: Event) -> None:
        said.append(event)
        stop(event)

    try:
        trained = api.train(data, tmp_path / "m", recipe("cnn"), sink=sink)
    except KeyboardInterrupt:
        pytest.fail("the best so far was not kept")
    assert trained.interrupted and trained.out == tmp_path / "m-interrupted"
    assert api.load(tmp_path / "m").predict(["visit 3"]) == answers and finished.model == "bag"
    assert api.load(trained.out).predict(["visit 3"])
    texts = [event.text for event in said if isinstance(event, Note)]
    assert any("is replaced when this training is done" in text for text in texts)
    assert any("the finished model stays" in text and "m-interrupted" in text for text in texts)
    for page in ("report.html", "README.md"):
        assert "was interrupted" in (trained.out / page).read_text(encoding="utf-8")
        assert "was interrupted" not in (tmp_path / "m" / page).read_text(encoding="utf-8")
    again = api.train(data, tmp_path / "m", recipe("cnn"))
    assert again.out == tmp_path / "m" and api.load(again.out).engine.architecture == "cnn"


@pytest.mark.parametrize("was_cut", [True, False])
def test_one_whose_time_ran_out_is_not_called_worse_without_a_word(
    was_cut: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = NetworkTrainer.search

    def cut(self: NetworkTrainer, *rows: Any) -> Any:
        yield from search(self, *rows)
        self.was_cut = was_cut

    monkeypatch.setattr(NetworkTrainer, "search", cut)
    asked = Recipe.parse({"learn": {"epochs": 1}, "budget": {"minutes": 1}, "candidates": ["bag", "cnn"]})
    trained = api.train(written(tmp_path / "a.csv", wrong=5), tmp_path / "m", asked)
    (chosen,) = [c for c in trained.candidates if c.chosen]
    other = next(c for c in trained.candidates if c.model == "cnn" and not c.chosen)
    assert "time" not in chosen.why
    assert ("its time ran out, and more --minutes may change that" in other.why) == was_cut


def test_whether_the_model_was_fitted_again_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = written(tmp_path / "a.csv")
    api.train(data, tmp_path / "m", recipe())
    assert json.loads((tmp_path / "m" / "plan.json").read_text(encoding="utf-8"))["refitted"] is True
    monkeypatch.setattr("textwright.tasks.trainers.bag.BagTrainer.refit_seconds", lambda self, rows: 1e9)
    api.train(data, tmp_path / "n", recipe())
    assert json.loads((tmp_path / "n" / "plan.json").read_text(encoding="utf-8"))["refitted"] is False
    assert "There was no second fit" in (tmp_path / "n" / "report.html").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name != "posix", reason="names of files are text elsewhere")
def test_a_file_whose_name_is_no_text_costs_no_training(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv")
    written(Path(path))
    trained = api.train(path, tmp_path / "m", recipe())
    assert "caf\N{REPLACEMENT CHARACTER}.csv" in (trained.out / "README.md").read_text(encoding="utf-8")


def test_a_score_on_validation_has_something_to_beat_as_well(tmp_path: Path) -> None:
    trained = api.train(written(tmp_path / "a.csv"), tmp_path / "m", recipe(split={"test": 0}))
    details = json.loads((trained.out / "scores.json").read_text(encoding="utf-8"))["details"]
    assert trained.split == "validation"
    assert details["baseline"]["accuracy"]["n"] == trained.scores["accuracy"].n
    assert trained.in_words() and trained.in_words("zh")[0].startswith("对 100 条同类文本")


def test_an_interrupt_keeps_the_best_weights_not_the_last(tmp_path: Path) -> None:
    """A rate that is far too high makes every check after the first a worse one."""
    seen: list[StepEvent] = []

    def sink(event: Event) -> None:
        if isinstance(event, StepEvent) and event.scores:
            seen.append(event)
            if len(seen) == 4:
                raise KeyboardInterrupt

    learn = {"epochs": 9, "batch": 4, "patience": 0, "optimizer": {"rate": 3.0}}
    try:
        trained = api.train(
            written(tmp_path / "a.csv"), tmp_path / "m", recipe("cnn", learn=learn), sink=sink
        )
    except KeyboardInterrupt:
        pytest.fail("the best so far was not kept")
    best = [event for event in seen if event.is_best][-1]
    assert not seen[3].is_best and best.scores
    assert trained.candidates[0].scores["log_loss"].value == pytest.approx(
        best.scores["validation loss"], rel=1e-4
    )


def test_an_interrupt_before_the_first_step_keeps_what_was_there(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv")
    api.train(data, tmp_path / "m", recipe())
    before = weights(tmp_path / "m")
    with pytest.raises(KeyboardInterrupt):
        sink = interrupt_at(
            lambda event, seen: isinstance(event, Note) and "fitting" in event.text, KeyboardInterrupt
        )
        api.train(data, tmp_path / "m", recipe("cnn"), sink=sink)
    assert weights(tmp_path / "m") == before and api.load(tmp_path / "m")


class Killed(BaseException):
    """Stands for kill -9: nothing in the library catches it."""


@pytest.mark.parametrize("when", [first_scores, late_in_refit])
def test_a_killed_run_goes_on_to_the_same_bits(
    when: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0)
    data, asked = written(tmp_path / "a.csv"), recipe("cnn")
    api.train(data, tmp_path / "whole", asked)
    with pytest.raises(Killed):
        api.train(data, tmp_path / "m", asked, sink=interrupt_at(when, Killed))
    assert not (tmp_path / "m").exists()
    told: list[Event] = []
    resumed = api.train(data, tmp_path / "m", asked, sink=told.append, resume=True)
    assert not resumed.interrupted and weights(tmp_path / "m") == weights(tmp_path / "whole")
    first = next(event for event in told if isinstance(event, StepEvent))
    assert first.step > 1


def test_a_resumed_run_must_be_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0)
    data = written(tmp_path / "a.csv")
    with pytest.raises(Killed):
        api.train(data, tmp_path / "m", recipe("cnn"), sink=interrupt_at(first_scores, Killed))
    with pytest.raises(CheckpointError, match="belongs to another recipe") as caught:
        api.train(data, tmp_path / "m", recipe("cnn", seed=3), resume=True)
    assert "without --resume" in caught.value.hint
    written(data, seed=4)
    with pytest.raises(CheckpointError, match="belongs to another data"):
        api.train(data, tmp_path / "m", recipe("cnn"), resume=True)
    assert api.train(data, tmp_path / "m", recipe("cnn")).interrupted is False


def test_only_a_new_place_or_an_older_model_is_written_to(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("years of work")
    (tmp_path / "empty").mkdir()
    for out, said in ((data, "is a file"), (tmp_path / "full", "holds other things")):
        with pytest.raises(ConfigError, match=said):
            api.train(data, out, recipe())
    assert (tmp_path / "full" / "thesis.doc").read_text() == "years of work"
    api.train(data, tmp_path / "empty", recipe())
    api.train(data, tmp_path / "empty", recipe(split={"test": 0}))
    assert api.load(tmp_path / "empty").bundle.manifest.split == "validation"  # type: ignore[union-attr]
    api.train(data, tmp_path / "deep" / "er" / "m", recipe())
    assert api.load(tmp_path / "deep" / "er" / "m")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"name": "bga"}}, "unknown architecture 'bga'"),
        ({"model": {"name": "bag", "wrods": 1}}, "wrods"),
        ({"model": {"name": "cnn", "filters": "many"}}, "filters"),
        ({"data": {"label": "nope"}}, "no column 'nope'"),
        ({"vectors": {"path": "none.vec"}, "model": {"name": "cnn"}}, r"none\.vec"),
    ],
)
def test_a_wrong_request_leaves_nothing_behind(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv")
    with pytest.raises(TextwrightError, match=said):
        api.train(data, tmp_path / "m", Recipe.parse(changes))
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_too_few_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="9 usable rows are too few"):
        api.train(written(tmp_path / "a.csv", 9), tmp_path / "m", recipe())
    assert api.train(written(tmp_path / "b.csv", 10), tmp_path / "m", recipe()).scores


def test_chinese_columns_in_gbk(tmp_path: Path) -> None:
    good, bad = ("好吃", "热情", "干净"), ("难吃", "冷淡", "肮脏")
    rows = [f"第{i}次来，{(good if i % 2 else bad)[i % 3]},{'好评' if i % 2 else '差评'}" for i in range(60)]
    (tmp_path / "a.csv").write_bytes(
        ("\n".join(["文本,标签", *(r.replace("，", " ") for r in rows)])).encode("gb18030")
    )
    api.train(tmp_path / "a.csv", tmp_path / "m", recipe())
    predictor = api.load(tmp_path / "m")
    assert [a["label"] for a in predictor.predict(["好吃 热情", "难吃 肮脏"])] == ["好评", "差评"]
    assert predictor.schema.is_ideographic


def test_a_plan_changes_nothing_and_lists_the_rows(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv")
    with data.open("a") as file:
        file.write("no label here,\n")
    plan, records = api.plan(data, recipe())
    assert [json.loads(r)["row"] for r in records] == [62]
    assert plan.rows == {"train": 48, "validation": 6, "test": 6} and plan.candidates[0].model == "bag"
    json.dumps(plan.to_json(), allow_nan=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
