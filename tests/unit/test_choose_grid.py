"""A grid of settings: what each cell is, that all see the same rows, what is kept when something fails."""

from __future__ import annotations

import csv
import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import textwright
from textwright import api
from textwright.choose.compare.cells import Cell, make_cells
from textwright.choose.compare.fits import Grid, Result
from textwright.choose.compare.grid import SettingsComparison, compare_settings
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError, DataError, TextwrightError
from textwright.core.events import Event
from textwright.core.records import Candidate, Note, StepEvent
from textwright.measure.paired import paired_bootstrap
from textwright.tasks import examples
from textwright.tasks.prepare import prepare_data
from textwright.tasks.recipe import Recipe
from textwright.text.corpus import Asked

SAMPLE = Path(api.__file__).parent / "sample" / "reviews.en.csv"
TINY = {"model": {"name": "auto", "embedding": 8}, "learn": {"epochs": 3}}
BASE = {"budget": {"minutes": 1}, "split": {"validation": 0.3}}


def recipe(**more: Any) -> Recipe:
    return Recipe.parse({**BASE, **more})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Sixty reviews."""
    return written(tmp_path / "data.csv", "label")


def written(path: Path, label: str) -> Path:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:60]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["text", label], *([row["text"], row[label]] for row in rows)])
    return path


def by_name(found: SettingsComparison) -> dict[str, Result]:
    return {row.cell.name: row for row in found.rows}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# What the cells are.


def test_cells_are_all_combinations_in_order() -> None:
    cells = make_cells(
        Recipe(), ["lstm", "gru"], {"optimizer.name": ["sgd", "adam"], "hidden": [4, 8], "seed": [1]}
    )
    names = [cell.name for cell in cells]
    assert names[:3] == [
        "lstm optimizer.name=sgd hidden=4 seed=1",
        "lstm optimizer.name=sgd hidden=8 seed=1",
        "lstm optimizer.name=adam hidden=4 seed=1",
    ]
    assert len(names) == len(set(names)) == 8 and [cell.model for cell in cells] == ["lstm"] * 4 + ["gru"] * 4
    made = cells[-1].recipe
    assert made is not None and made.model == {"name": "gru", "hidden": 8} and made.seed == 1
    assert made.learn.optimizer.name == "adam"
    assert cells[0].stem == "01-lstm-optimizer.name=sgd-hidden=4-seed=1"


def test_settings_go_to_the_models_that_have_them() -> None:
    base = Recipe.parse({"model": {"name": "auto", "hidden": 8, "min_rows": 1}})
    models = [cell.recipe.model for cell in make_cells(base, ["bag", "lstm"], {}) if cell.recipe]
    assert models == [{"min_rows": 1, "name": "bag"}, {"hidden": 8, "name": "lstm"}]
    # A recipe that names its architecture says nothing of another one.
    named = Recipe.parse({"model": {"name": "lstm", "hidden": 8}})
    models = [cell.recipe.model for cell in make_cells(named, ["lstm", "gru"], {}) if cell.recipe]
    assert models == [{"hidden": 8, "name": "lstm"}, {"name": "gru"}]
    assert [cell.model for cell in make_cells(named, [], {"hidden": [4]})] == ["lstm"]
    with pytest.raises(ConfigError, match=r"unknown setting 'model\.hiden'\nDid you mean 'hidden'"):
        make_cells(Recipe.parse({"model": {"name": "auto", "hiden": 8}}), ["lstm"], {})


def test_without_models_all_candidates_are_compared() -> None:
    four = ["bag", "cnn", "lstm", "transformer"]
    assert [cell.model for cell in make_cells(Recipe(), [], {"seed": [0]})] == [
        "bag",
        "cnn",
        "lstm",
        "transformer",
    ]
    assert [cell.model for cell in make_cells(Recipe(), ["auto", "rnn"], {})] == [*four, "rnn"]


def test_settings_in_brackets_have_names_that_files_can_have() -> None:
    (cell,) = make_cells(Recipe(), ["bag"], {"chars": [[2, 5]]})
    assert cell.name == "bag chars=[2, 5]" and cell.stem == "01-bag-chars=-2-5"
    odd = Cell(3, "cnn", {"vectors.path": "../a b/好?.vec" + "x" * 200}, None)
    assert odd.stem.startswith("03-cnn-vectors.path=..-a-b-好-.vec") and len(odd.stem) < 90


@pytest.mark.parametrize(
    ("models", "vary", "message"),
    [
        (["lstn"], {}, "unknown architecture 'lstn'\nDid you mean 'lstm'"),
        (["lstm"], {"optimiser.name": ["sgd"]}, "unknown setting 'optimiser.name'\nDid you mean 'optimizer'"),
        (["lstm"], {"optimizer.nam": ["sgd"]}, "unknown setting 'learn.optimizer.nam'"),
        (["lstm"], {"model.hiden": [1]}, "unknown setting 'model.hiden'\nDid you mean 'hidden'"),
        (["lstm"], {"split.test": [0.1, 0.2]}, "vary split.test: it must be the same for all"),
        (["lstm"], {"budget.minutes": [1]}, "vary budget.minutes: it must be the same for all"),
        (["lstm"], {"model.name": ["cnn"]}, "Use --models"),
        (["lstm", "lstm"], {}, "models: lstm is given twice"),
        (["lstm"], {"seed": [1, 1]}, "vary seed: 1 is given twice"),
        (["lstm"], {"seed": []}, "vary seed: there are no values"),
        (["lstm"], {"batch": [1], "learn.batch": [2]}, "two names of one setting"),
        (["bag"], {"optimizer.name": ["sgd"]}, "every combination is refused; the first, bag optimizer.name"),
        (["bag", "lstm"], {"optimizer.name": ["sgd", "sdg"]}, "found 'sdg')\nDid you mean 'sgd'"),
        (["bag", "lstm"], {"optimizer.nam": ["sgd"]}, "setting 'learn.optimizer.nam'\nDid you mean 'name'"),
        (["lstm", "cnn"], {"activation": ["relu", "geul"]}, "found 'geul')\nDid you mean 'gelu'"),
        (["lstm"], {"activation": ["relu"]}, "model.activation: the gates of lstm"),
        (["lstm"], {"model": ["cnn"]}, "Use --models"),
        (["cnn"], {"optimizer": ["sgd"]}, "(found 'sgd')\nUse learn.optimizer.name=sgd."),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_is_read(
    models: list[str], vary: dict[str, list[Any]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        compare_settings(tmp_path / "missing.csv", tmp_path / "out", models=models, vary=vary)
    assert list(tmp_path.iterdir()) == []


def test_a_solver_refuses_what_would_not_change_it() -> None:
    cells = make_cells(Recipe(), ["bag", "lstm"], {"optimizer.name": ["sgd", "adam"]})
    refused = [cell.refused for cell in cells]
    assert refused[0] == "bag brings a fit of its own, which learn.optimizer.name does not change"
    assert refused[0] == refused[1] and refused[2:] == ["", ""]


def test_a_setting_without_effect_is_refused_where_it_is_varied() -> None:
    """Two rows of the same fit would be compared, and one called the best."""
    vary = {"loss.name": ["cross_entropy", "focal"], "loss.gamma": [1, 2]}
    cells = make_cells(Recipe(), ["cnn"], vary)
    why = "has no effect: it is of learn.loss.name=focal, which is cross_entropy here"
    assert [cell.refused for cell in cells] == [*(f"learn.loss.gamma={g:.1f} {why}" for g in (1, 2)), "", ""]
    with pytest.raises(
        ConfigError, match=r"every combination is refused; .*=1: learn\.loss\.gamma=1\.0 has no"
    ):
        make_cells(Recipe(), ["cnn"], {"loss.gamma": [1, 2]})
    # Nothing of it is the row to compare with; what is the same for all may be of some rows only.
    base = Recipe.parse({"model": {"name": "auto", "dropout": 0}, "learn": {"loss": {"gamma": 3}}})
    cells = make_cells(base, ["cnn"], {"loss.r_drop": [0, 1], "loss.name": ["focal", "cross_entropy"]})
    assert [bool(cell.refused) for cell in cells] == [False, False, True, True]
    with pytest.raises(ConfigError, match=r"^learn\.loss\.gamma=3\.0 has no effect: .*; bag brings a fit"):
        make_cells(base, ["cnn", "bag"], {"seed": [0, 1]})


def test_a_checkpoint_that_is_not_there_refuses_its_row(tmp_path: Path) -> None:
    base = Recipe.parse({"model": {"name": "pretrained"}})
    cells = make_cells(base, ["pretrained", "bag"], {"seed": [0]})
    assert "none is named" in cells[0].refused and not cells[1].refused
    with pytest.raises(ConfigError, match=r"every combination is refused; .* there is no such folder"):
        make_cells(base, ["pretrained"], {"checkpoint": [str(tmp_path / "no")]})


# What is fitted and measured.


def test_a_cell_is_what_train_would_have_found(data: Path, tmp_path: Path) -> None:
    found = compare_settings(data, tmp_path / "out", recipe(), models=["bag"], vary={"rate": [0.5, 4.0]})
    for row, rate in zip(found.rows, (0.5, 4.0), strict=True):
        made = recipe(model={"name": "bag", "rate": rate})
        alone = textwright.train(data, tmp_path / "m", made).candidates[0]
        assert row.record.scores == alone.scores and row.record.parameters == alone.parameters
    assert found.rows[0].record.scores != found.rows[1].record.scores, "or the test says nothing"


def test_no_cell_changes_another(data: Path, tmp_path: Path) -> None:
    vary = {"optimizer.name": ["sgd", "adam"]}
    both = compare_settings(data, tmp_path / "a", recipe(**TINY), models=["lstm", "cnn"], vary=vary)
    alone = compare_settings(
        data, tmp_path / "b", recipe(**TINY), models=["cnn"], vary={"optimizer.name": ["adam"]}
    )
    name = "cnn optimizer.name=adam"
    assert by_name(both)[name].record.scores == by_name(alone)[name].record.scores
    curves = [lines(tmp_path / run) for run in (f"a/events/04-{name.replace(' ', '-')}.jsonl",)]
    again = lines(tmp_path / "b/events" / f"01-{name.replace(' ', '-')}.jsonl")
    assert [e["loss"] for e in curves[0] if "loss" in e] == [e["loss"] for e in again if "loss" in e] != []
    losses = [lines(path)[1]["loss"] for path in sorted((tmp_path / "a/events").glob("*lstm*"))]
    assert losses[0] == losses[1], "the same first weights and rows"


def test_texts_are_encoded_once(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = examples.train_tokenizer
    monkeypatch.setattr(examples, "train_tokenizer", lambda *given: calls.append(1) or real(*given))
    made = recipe(**TINY, tokenizer={"kind": "word"})
    vary = {"optimizer.name": ["sgd", "adam"]}
    found = compare_settings(data, tmp_path / "out", made, models=["lstm", "cnn"], vary=vary)
    assert [row.record.status for row in found.rows] == ["done"] * 4 and len(calls) == 1


@pytest.mark.parametrize("label", ["label", "score"])
def test_predictions_are_those_of_the_validation_rows(label: str, tmp_path: Path) -> None:
    data, made = written(tmp_path / "data.csv", label), recipe()
    found = compare_settings(data, tmp_path / "out", made, models=["bag"], vary={"words": [1, 2]})
    prepared = prepare_data(data, made)
    texts = [prepared.examples.texts[i] for i in prepared.validation]
    files = sorted((tmp_path / "out" / "predictions").iterdir())
    assert len(files) == 2 and len(prepared.locked_texts) > 0
    for path, row in zip(files, found.rows, strict=True):
        answers = lines(path)
        assert [answer["text"] for answer in answers] == texts and not set(texts) & set(prepared.locked_texts)
        if label == "label":
            right = np.mean([answer["label"] == answer["truth"] for answer in answers])
            assert row.record.scores["accuracy"].value == pytest.approx(right)
        else:
            errors = np.mean([(answer["score"] - answer["truth"]) ** 2 for answer in answers])
            assert row.record.scores["mse"].value == pytest.approx(errors, rel=1e-4)


def test_the_difference_is_that_of_the_two_files_of_predictions(data: Path, tmp_path: Path) -> None:
    found = compare_settings(data, tmp_path / "out", recipe(), models=["bag"], vary={"rate": [4.0, 1e-9]})
    best, other = found.rows
    assert best.record.chosen and best.difference is None and best.record.why == "best accuracy on validation"
    files = [tmp_path / "out" / row.to_json()["files"]["predictions"] for row in found.rows]
    again = textwright.compare(*files, files[0], asked=Asked(label="truth"))
    assert other.difference is not None and other.difference.gain < 0
    assert other.difference.score == again.difference and other.difference.mcnemar == again.mcnemar
    assert f"{other.difference.score.value:+.4f}" in other.record.why and "p = " in other.record.why


def test_scores_are_compared_by_their_squared_errors(tmp_path: Path) -> None:
    data = written(tmp_path / "data.csv", "score")
    found = compare_settings(data, tmp_path / "out", recipe(), models=["bag"], vary={"rate": [1e-9, 0.5]})
    assert found.best == "bag rate=0.5" and found.headline == "mse"
    errors = [
        np.array([(a["score"] - a["truth"]) ** 2 for a in lines(path)])
        for path in sorted((tmp_path / "out" / "predictions").iterdir())
    ]
    difference = found.rows[0].difference
    assert difference is not None and difference.metric == "mse" and difference.gain < 0
    expected = paired_bootstrap(errors[1], errors[0])
    assert difference.score.value == pytest.approx(expected["difference"]["value"], rel=1e-4)
    assert difference.p_value == pytest.approx(expected["p_value"], abs=0.01)


def test_label_sets_are_compared(tmp_path: Path) -> None:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:60]
    records = [{"text": row["text"], "labels": [row["label"], row["category"]]} for row in rows]
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    found = compare_settings(data, tmp_path / "out", recipe(), models=["bag"], vary={"rate": [1.0, 4.0]})
    assert found.task == "multilabel" and found.headline == "micro_f1"
    (gap,) = [row.difference for row in found.rows if row.difference]
    answers = [lines(path) for path in sorted((tmp_path / "out" / "predictions").iterdir())]
    exact = [np.mean([set(a["labels"]) == set(a["truth"]) for a in side]) for side in answers]
    best = [row.record.chosen for row in found.rows].index(True)
    assert gap.score.value == pytest.approx(exact[1 - best] - exact[best])


def test_the_folder_holds_everything(data: Path, tmp_path: Path) -> None:
    vary = {"schedule.decay": [0.5], "schedule.name": ["hold", "linear"]}
    found = textwright.compare_settings(data, tmp_path / "out", recipe(**TINY), models=["cnn"], vary=vary)
    record = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert found.to_json().items() <= record.items()
    assert record["rows"]["validation"] == record["n"] and record["recipe"]["split"]["validation"] == 0.3
    done, refused = record["candidates"]
    assert record["best"] == done["name"] and done["chosen"] and not refused["chosen"]
    assert done["settings"] == {"schedule.decay": 0.5, "schedule.name": "hold"}
    assert done["model"] == "cnn" and done["bytes"] > 0
    assert refused["status"] == "skipped" and refused["why"].startswith("refused: learn.schedule.decay")
    assert refused["files"] == {"events": "events/02-cnn-schedule.decay=0.5-schedule.name=linear.jsonl"}
    curve = [event for event in lines(tmp_path / "out" / done["files"]["events"]) if "step" in event]
    assert done["steps"] == curve[-1]["step"] == len(curve)
    best = [event for event in curve if event["is_best"]]
    assert done["best_epoch"] == pytest.approx(best[-1]["epoch"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.csv", "out"]
    compare_settings(data, tmp_path / "out", recipe(), models=["bag"])
    assert len(list((tmp_path / "out" / "events").iterdir())) == 1, "an older comparison is replaced whole"


# What goes wrong.


def test_a_cell_that_fails_does_not_cost_the_others(data: Path, tmp_path: Path) -> None:
    vary = {"vectors.path": [str(tmp_path / "missing.vec"), None]}
    found = compare_settings(data, tmp_path / "out", recipe(**TINY), models=["cnn"], vary=vary)
    failed, done = found.rows
    assert failed.record.status == "failed" and "missing.vec" in failed.record.why
    assert done.record.chosen and done.record.why == "the only one that was fitted"
    assert len(list((tmp_path / "out" / "predictions").iterdir())) == 1


def test_when_all_fail_the_reason_is_raised_and_nothing_is_left(data: Path, tmp_path: Path) -> None:
    vary = {"vectors.path": [str(tmp_path / "missing.vec")]}
    with pytest.raises(TextwrightError, match=r"missing\.vec"):
        compare_settings(data, tmp_path / "out", recipe(**TINY), models=["cnn"], vary=vary)
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


class Interrupting:
    """A sink that is interrupted at the nth step of a run of events."""

    def __init__(self, after: int, begun: int) -> None:
        self.after, self.begun = after, begun

    def __call__(self, event: Event) -> None:
        if isinstance(event, Note) and event.fit:
            self.begun -= 1
        if self.begun == 0 and isinstance(event, StepEvent):
            self.after -= 1
            if self.after == 0:
                raise KeyboardInterrupt


def test_an_interrupt_keeps_what_was_finished(data: Path, tmp_path: Path) -> None:
    vary = {"optimizer.name": ["sgd", "adam", "adamw"]}
    found = compare_settings(
        data, tmp_path / "out", recipe(**TINY), models=["lstm"], vary=vary, sink=Interrupting(2, begun=2)
    )
    assert found.interrupted and [row.record.status for row in found.rows] == ["done", "stopped", "skipped"]
    assert [row.record.why for row in found.rows[1:]] == [
        "interrupted before its end",
        "interrupted before its beginning",
    ]
    assert found.rows[1].steps == 2 and found.rows[0].record.chosen
    record = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert record["interrupted"] and len(record["candidates"]) == 3
    assert len(lines(tmp_path / "out" / "events" / "02-lstm-optimizer.name=adam.jsonl")) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.csv", "out"]


def test_an_interrupt_before_anything_was_finished_leaves_nothing(data: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        compare_settings(
            data, tmp_path / "out", recipe(**TINY), models=["lstm", "cnn"], sink=Interrupting(1, begun=1)
        )
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


def test_what_is_there_and_no_comparison_is_not_replaced(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear", encoding="utf-8")
    for out, said in ((tmp_path / "mine", "holds other things"), (data, "is a file"), (Path("/"), "its own")):
        with pytest.raises(ConfigError, match=said):
            compare_settings(data, out, recipe(), models=["bag"])
    assert (tmp_path / "mine" / "letter.txt").read_text(encoding="utf-8") == "dear"
    with pytest.raises(ConfigError, match="without validation rows"):
        compare_settings(data, tmp_path / "out", recipe(split={"validation": 0}), models=["bag"])
    with pytest.raises(DataError, match="no such file"):
        compare_settings(tmp_path / "missing.csv", tmp_path / "out", recipe(), models=["bag"])


# How the time is shared.


def test_minutes_are_shared_by_the_cells_that_are_left(data: Path) -> None:
    made = recipe()
    vary = {"optimizer.momentum": [0.5], "optimizer.name": ["sgd", "adam", "muon"]}
    cells = make_cells(made, ["lstm"], vary)
    cells.append(cells[0])
    clock = Clock(time.monotonic() - 200, 1000)
    grid = Grid(prepare_data(data, made), cells, clock)
    shares = []
    for cell in cells:
        grid.results.append(Result(cell, Candidate("lstm")))
        shares.append(grid.share())
    # 200 of 1,000 seconds are spent and 40 are for the end; a refused cell takes no share.
    assert shares == pytest.approx([760 / 3, 760 / 2, 760 / 2, 760], abs=1)


def test_without_minutes_each_has_ten(data: Path, tmp_path: Path) -> None:
    grid = Grid(prepare_data(data, recipe()), make_cells(Recipe(), ["bag", "cnn"], {}), Clock.starting())
    grid.results.append(Result(grid.cells[0], Candidate("bag")))
    assert grid.share() == 600
    said: list[Event] = []
    compare_settings(data, tmp_path / "out", recipe(budget={}), models=["bag"], sink=said.append)
    assert any(isinstance(event, Note) and "each setting trains until" in event.text for event in said)


def test_what_comes_after_the_time_is_over_is_skipped(data: Path, tmp_path: Path) -> None:
    late = Clock(time.monotonic() - 59, None)
    found = compare_settings(
        data, tmp_path / "out", recipe(), models=["bag"], vary={"rate": [1.0, 4.0]}, clock=late
    )
    first, second = (row.record for row in found.rows)
    assert first.status == "done" and (second.status, second.why) == ("skipped", "no time was left")


def test_a_network_has_all_of_its_share(data: Path, tmp_path: Path) -> None:
    """No part of it is set aside for a refit, as `train` does."""
    made = recipe(**{**TINY, "learn": {"epochs": 100_000, "patience": 0}}, budget={"minutes": 0.06})
    found = compare_settings(data, tmp_path / "out", made, models=["cnn"], clock=Clock.starting())
    assert 0.7 * (3.6 - 1.5) < found.rows[0].record.seconds < 3.6
