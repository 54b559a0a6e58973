"""A learning curve: which rows its fits see, what the law says, whether its interval holds the truth."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textwright import api
from textwright.choose.rows import drawn
from textwright.choose.rows.curve import LearningCurve, learning_curve
from textwright.choose.rows.drawn import Fits
from textwright.choose.rows.growth import Fit, Growth, fit_laws
from textwright.choose.rows.subsets import Draw, Subsets, choose_sizes, draws_of, nested_order
from textwright.choose.scoring import Spent
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError, DataError, TextwrightError
from textwright.core.events import Event
from textwright.core.records import Note, StepEvent
from textwright.tasks.prepare import prepare_data
from textwright.tasks.recipe import Recipe

SAMPLES = Path(api.__file__).parent / "sample"
BASE = {"budget": {"minutes": 2}, "data": {"label": "label"}}


def recipe(**more: Any) -> Recipe:
    return Recipe.parse({**BASE, **more})


def cut(path: Path, rows: int, source: str = "reviews.en.csv", label: str = "label") -> Path:
    with (SAMPLES / source).open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))[:rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["text", label], *([row["text"], row[label]] for row in found)])
    return path


# Sizes and draws.


@pytest.mark.parametrize("num_rows", [40, 77, 200, 999, 6400, 250_000])
@pytest.mark.parametrize("num_labels", [0, 2, 40])
def test_sizes_are_few_grow_evenly_and_end_with_all_rows(num_rows: int, num_labels: int) -> None:
    sizes = choose_sizes(num_rows, num_labels)
    assert 4 <= len(sizes) <= 6 and sizes[-1] == num_rows and sizes[0] >= 20
    ratios = [b / a for a, b in pairwise(sizes)]
    assert min(ratios) > 1.2 and max(ratios) < 1.1 * min(ratios) + 0.1
    if 20 * num_labels <= num_rows:
        assert sizes[0] >= 5 * num_labels


def test_too_few_rows_and_sizes_that_make_no_curve_are_refused() -> None:
    assert choose_sizes(40, 2)[0] == 20
    with pytest.raises(DataError, match=r"39 rows to learn from are too few for a curve \(at least 40\)"):
        choose_sizes(39, 2)
    assert choose_sizes(1000, 2, [200, 5000, 400]) == [200, 400, 1000]
    with pytest.raises(ConfigError, match="--sizes 5: a size is at least 20 rows"):
        choose_sizes(1000, 2, [5, 100])
    with pytest.raises(ConfigError, match="with 1,000 rows to learn from that makes 2 sizes"):
        choose_sizes(1000, 2, [100, 2000])
    with pytest.raises(ConfigError, match="are too many"):
        choose_sizes(1000, 2, list(range(20, 40)))


def test_each_size_is_drawn_once_before_any_is_drawn_again() -> None:
    draws = draws_of([25, 50, 100, 200])
    assert [draw.rows for draw in draws[:4]] == [25, 50, 100, 200]
    counts = {size: sum(draw.rows == size for draw in draws) for size in (25, 50, 100, 200)}
    assert counts == {25: 6, 50: 4, 100: 3, 200: 1}
    assert all(draw.of == counts[draw.rows] for draw in draws)


def subsets() -> Subsets:
    strata = np.repeat([0, 1, 2], [600, 300, 100])
    return Subsets(np.arange(1000), np.arange(1000, 1200), strata, np.repeat([0, 1], 100), seed=3)


@pytest.mark.parametrize("number", [1, 2, 5])
def test_draws_are_nested_stratified_and_repeatable(number: int) -> None:
    parts = [subsets().rows(Draw(rows, number, 8)) for rows in (30, 100, 500, 1000)]
    for small, large in pairwise(parts):
        assert set(small.tolist()) < set(large.tolist())
    for part in parts:
        counts = np.bincount(np.repeat([0, 1, 2], [600, 300, 100])[part], minlength=3)
        assert np.abs(counts - np.array([0.6, 0.3, 0.1]) * len(part)).max() <= 1
    again = subsets().rows(Draw(100, number, 8))
    assert again.tolist() == parts[1].tolist()


def test_draws_of_another_number_or_seed_are_other_rows() -> None:
    first = subsets().rows(Draw(100, 1, 8)).tolist()
    assert first != subsets().rows(Draw(100, 2, 8)).tolist()
    strata = np.zeros(50, np.int64)
    assert nested_order(strata, 0, "a").tolist() != nested_order(strata, 1, "a").tolist()


def test_few_rows_have_few_to_choose_on_and_none_of_them_is_learned_from() -> None:
    few, all_of_them = (subsets().to_choose_on(Draw(rows, 1, 1)) for rows in (300, 1000))
    assert len(few) == 60 and len(all_of_them) == 200
    assert len(subsets().to_choose_on(Draw(30, 1, 1))) == 50
    assert set(few.tolist()) < set(all_of_them.tolist()) and few.min() >= 1000


# The law.


@pytest.mark.parametrize(("floor", "drop", "slope"), [(0.1, 3.0, 0.5), (0.0, 0.9, 0.2), (0.05, 50, 1.2)])
def test_the_law_is_found_again(floor: float, drop: float, slope: float) -> None:
    rows = np.array([100.0, 200, 400, 800, 1600])
    errors = floor + drop * rows**-slope
    found = [float(part[0]) for part in fit_laws(rows, errors[None], np.ones((1, 5)))]
    at_once = found[0] + found[1] * 2.0 ** -found[2]
    assert at_once == pytest.approx(floor + drop * 3200.0**-slope, abs=1e-6)
    assert found[2] == pytest.approx(slope, abs=0.01)


def test_the_law_keeps_its_bounds() -> None:
    rows = np.array([100.0, 200, 400, 800])
    rising, steep = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.9, 0.4, 0.05, 0.0])
    floor, drop, slope = fit_laws(rows, np.stack([rising, steep]), np.ones((2, 4)))
    assert (floor >= 0).all() and (drop >= 0).all() and (slope > 0).all() and (slope <= 2).all()
    assert drop[0] == 0 and floor[0] == pytest.approx(0.25)


def test_a_floor_may_be_below_nothing_as_far_as_is_said() -> None:
    rows = np.array([100.0, 200, 400, 800])
    errors = (0.9 - 0.3 * np.log(rows / 100))[None]  # the best floor would be far below
    assert fit_laws(rows, errors, np.ones((1, 4)))[0] == 0
    assert fit_laws(rows, errors, np.ones((1, 4)), -1.0)[0] == pytest.approx(-errors[0, -1])
    gentle = (0.1 + 3 * rows**-0.5)[None]
    assert fit_laws(rows, gentle, np.ones((1, 4)), -1.0)[0] == pytest.approx(0.1, abs=1e-3)


def test_errors_of_each_task_are_counted() -> None:
    sets = np.array([[1, 1, 0], [0, 1, 0]])
    shares = np.array([[0.9, 0.2, 0.7], [0.1, 0.8, 0.3]])
    # 2 right labels, 1 too many, 1 missing: micro F1 is 4 / 6.
    assert Fit.of(9, (shares > 0.5).astype(int), sets, "multilabel").error == pytest.approx(1 - 4 / 6)
    assert Fit.of(9, np.array([1.0, 3.0]), np.array([2.0, 3.0]), "score").error == pytest.approx(0.5)


def planted(
    rng: np.random.Generator, error: Callable[[float], float], sizes: list[int], rows: int = 400
) -> tuple[list[Fit], float, float]:
    """Fits of a planted curve, with the true errors of the fit of all rows and of twice as many.

    What is hard is hard for all fits; a draw of the rows to learn from strays by 4 % of the error.
    """
    from scipy.special import ndtri

    def drawn_error(size: int) -> float:
        return error(size) * (1 + 0.04 * rng.normal())

    hard, fits, now = rng.normal(size=rows), [], 0.0
    for draw in draws_of(sizes):
        now = drawn_error(draw.rows) if draw.rows == sizes[-1] else now
        rate = now if draw.rows == sizes[-1] else drawn_error(draw.rows)
        wrong = 0.9 * hard + np.sqrt(1 - 0.81) * rng.normal(size=rows) < ndtri(rate)
        fits.append(Fit(draw.rows, wrong.astype(np.float64), np.ones(rows)))
    return fits, now, drawn_error(2 * sizes[-1])


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(lambda n: 0.05 + 5 * n**-0.5, id="steep"),
        pytest.param(lambda n: 0.2, id="flat"),
        pytest.param(lambda n: 0.1 + 0.9 * n**-0.2, id="slow"),
        pytest.param(lambda n: 0.9 / (1 + n / 1000), id="getting steeper"),
    ],
)
def test_the_interval_holds_the_truth(error: Callable[[float], float]) -> None:
    rng, inside, gains = np.random.default_rng(5), 0, 0
    for seed in range(60):
        fits, now, then = planted(rng, error, [250, 500, 1000, 2000, 4000])
        twice = Growth(fits, "higher", seed).twice
        assert twice is not None
        inside += twice.score.low <= 1 - then <= twice.score.high
        gains += twice.gain.low <= now - then <= twice.gain.high
    assert inside >= 53 and gains >= 54  # 95 % of 60 are 57


def test_a_clear_gain_is_shown_and_none_is_not() -> None:
    rng = np.random.default_rng(6)
    fits, _, _ = planted(rng, lambda n: 0.9 * (n / 250) ** -0.5, [250, 500, 1000, 2000, 4000], 4000)
    twice = Growth(fits, "higher").twice
    assert twice is not None and twice.is_shown and 0.03 < twice.gain.value < 0.1
    flat = [
        Growth(planted(rng, lambda n: 0.2, [250, 500, 1000, 2000])[0], "higher", i).twice for i in range(20)
    ]
    assert not any(found is None or found.is_shown for found in flat)


def test_scores_that_are_better_when_lower_gain_downwards() -> None:
    rng = np.random.default_rng(0)
    fits = [
        Fit(n, rng.chisquare(1, 500) * 40 / n**0.5, np.ones(500)) for n in (100, 200, 400, 800) for _ in "ab"
    ]
    growth = Growth(fits, "lower")
    twice = growth.twice
    assert twice is not None and twice.score.better == "lower"
    assert twice.score.value < growth.points[-1].score.value < growth.points[0].score.value
    assert twice.gain.value == pytest.approx(growth.points[-1].score.value - twice.score.value)


def test_two_sizes_make_no_law_and_perfect_fits_no_fault() -> None:
    perfect = [Fit(n, np.zeros(30), np.ones(30)) for n in (50, 100, 200)]
    assert Growth(perfect[:2], "higher").twice is None
    twice = Growth(perfect, "higher").twice
    assert twice is not None and twice.score.value == 1 and not twice.is_shown


# The whole.


def told(found: list[Event]) -> list[str]:
    return [event.text for event in found if isinstance(event, Note)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[LearningCurve, list[Event]]:
    folder = tmp_path_factory.mktemp("curve")
    events: list[Event] = []
    found = learning_curve(cut(folder / "a.csv", 300), folder / "out", recipe(), sink=events.append)
    return found, events


def test_the_record_is_as_the_contract_says(whole: tuple[LearningCurve, list[Event]]) -> None:
    found, _ = whole
    record = found.to_json()
    keys = "task model out seconds headline split n points twice interrupted"
    assert list(record) == keys.split()
    assert record["task"] == "classify" and record["model"] == "bag" and record["headline"] == "accuracy"
    assert [list(point) for point in record["points"]] == [["rows", "repeats", "score", "seconds"]] * len(
        found.points
    )
    assert [point.repeats for point in found.points][-4:] == [6, 4, 3, 1]
    assert set(record["twice"]) == {"rows", "score", "gain"}
    assert record["twice"]["rows"] == 2 * record["points"][-1]["rows"]
    stored = json.loads((found.out / "curve.json").read_text(encoding="utf-8"))
    assert {key: stored[key] for key in record} == record
    assert stored["rows"]["train"] == record["points"][-1]["rows"] == stored["planned"][-1]
    assert {path.name for path in found.out.iterdir()} == {"curve.json", "recipe.yaml", "report.html"}


def test_the_last_point_is_the_score_that_compare_gives(
    whole: tuple[LearningCurve, list[Event]], tmp_path: Path
) -> None:
    found, _ = whole
    data = cut(tmp_path / "a.csv", 300)
    compared = api.compare_settings(data, tmp_path / "c", recipe(), models=["bag"])
    assert compared.rows[0].record.scores["accuracy"].value == found.points[-1].score.value
    assert found.n == compared.n


def test_locked_rows_are_not_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = cut(tmp_path / "a.csv", 200)
    locked = set(prepare_data(data, recipe()).locked_texts)
    seen: set[str] = set()
    trainer_for = drawn.trainer_for

    def spying(job: Any, asked: Recipe) -> Any:
        seen.update(job.examples.texts)
        return trainer_for(job, asked)

    monkeypatch.setattr(drawn, "trainer_for", spying)
    learning_curve(data, tmp_path / "out", recipe())
    assert locked and len(seen) > 100 and not locked & seen


def test_the_same_seed_gives_the_same_curve(tmp_path: Path) -> None:
    data = cut(tmp_path / "a.csv", 120)
    first, again, other = (
        learning_curve(data, tmp_path / str(i), recipe(seed=seed)) for i, seed in enumerate((1, 1, 2))
    )
    assert first.points == again.points and first.twice == again.twice
    assert first.points != other.points


@pytest.mark.parametrize(
    ("source", "label", "task"),
    [("reviews.zh.csv", "label", "classify"), ("reviews.en.csv", "score", "score")],
)
def test_chinese_and_graded_rows_have_a_curve(tmp_path: Path, source: str, label: str, task: str) -> None:
    data = cut(tmp_path / "数据.csv", 160, source, label)
    found = learning_curve(
        data, tmp_path / "曲线", Recipe.parse({**BASE, "task": task, "data": {"label": label}})
    )
    assert found.task == task and found.twice is not None
    assert found.twice.score.better == ("lower" if task == "score" else "higher")


def test_sets_of_labels_have_a_curve(tmp_path: Path) -> None:
    with (SAMPLES / "reviews.en.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:160]
    lines = [
        json.dumps(
            {"text": row["text"], "labels": [row["label"], *(["long"] if len(row["text"]) > 60 else [])]}
        )
        for row in rows
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = learning_curve(tmp_path / "a.jsonl", tmp_path / "out", Recipe.parse({"budget": {"minutes": 1}}))
    assert found.headline == "micro_f1" and 0 < found.points[-1].score.value <= 1


def test_a_network_may_be_named(tmp_path: Path) -> None:
    small = {"name": "cnn", "embedding": 8, "filters": 4, "widths": [1, 2]}
    found = learning_curve(
        cut(tmp_path / "a.csv", 90),
        tmp_path / "out",
        recipe(model=small, learn={"epochs": 1}),
        sizes=[20, 40],
    )
    assert found.model == "cnn" and [point.rows for point in found.points][:2] == [20, 40]


def test_what_was_finished_is_kept_when_it_is_interrupted(tmp_path: Path) -> None:
    events: list[Event] = []

    def stop(event: Event) -> None:
        events.append(event)
        is_result = isinstance(event, Note) and "validation accuracy" in event.text
        if is_result and len([text for text in told(events) if "validation accuracy" in text]) == 5:
            raise KeyboardInterrupt

    found = learning_curve(cut(tmp_path / "a.csv", 200), tmp_path / "out", recipe(), sink=stop)
    assert found.interrupted and sum(point.repeats for point in found.points) == 5
    assert found.twice is not None and found.missed
    stored = json.loads((tmp_path / "out" / "curve.json").read_text(encoding="utf-8"))
    assert stored["interrupted"] and (tmp_path / "out" / "report.html").is_file()
    assert any("fits were not made" in text for text in told(events))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_interrupted_before_anything_was_finished_nothing_is_written(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, StepEvent):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learning_curve(cut(tmp_path / "a.csv", 200), tmp_path / "out", recipe(), sink=stop)
    assert not (tmp_path / "out").exists()


def fits_of(tmp_path: Path, limit: float) -> Fits:
    prepared = prepare_data(cut(tmp_path / "a.csv", 200), recipe())
    return Fits.of(prepared, recipe(model={"name": "bag"}), Clock.starting(limit), ())


def test_small_sizes_come_first_and_minutes_bind(tmp_path: Path) -> None:
    fits = fits_of(tmp_path, 60.0)
    shares = [fits._share(place) for place in range(4)]
    assert shares == sorted(shares) and sum(shares[:1]) < 20 and shares[-1] < 60
    # Nothing of it is left for a further draw when those before took as long as there is.
    list(fits.run())
    fits.seconds = [1000.0] * len(fits.seconds)
    assert not fits._has_time(Draw(fits.sizes[0], 2, 6))
    fits.seconds = [0.001] * len(fits.seconds)
    assert fits._has_time(Draw(fits.sizes[0], 2, 6))


def test_what_was_not_reached_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Fits._measured

    def slow(self: Fits, draw: Draw, engine: Any, spent: Spent) -> Note:
        return measured(self, draw, engine, Spent(1e6))

    monkeypatch.setattr(Fits, "_measured", slow)
    events: list[Event] = []
    found = learning_curve(cut(tmp_path / "a.csv", 200), tmp_path / "out", recipe(), sink=events.append)
    assert [point.repeats for point in found.points] == [1, 1, 1, 1]
    said = next(text for text in told(events) if "fits were not made" in text)
    assert said.startswith("10 of 14 fits were not made: 5 of 20 rows, ")


def test_a_fit_that_lacks_its_end_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = fits_of(tmp_path, 60.0)
    monkeypatch.setattr(Fits, "_share", lambda self, place: 1e-6)
    notes = [event.text for event in fits.run() if isinstance(event, Note)]
    assert not fits.done and any("its time ran out" in text or "first step" in text for text in notes)
    with pytest.raises(TextwrightError, match="time"):
        fits.growth()


def test_one_size_that_fails_costs_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer_for = drawn.trainer_for

    def failing(job: Any, asked: Recipe) -> Any:
        if len(job.examples) < 75:
            raise RuntimeError("too small")
        return trainer_for(job, asked)

    monkeypatch.setattr(drawn, "trainer_for", failing)
    events: list[Event] = []
    found = learning_curve(cut(tmp_path / "a.csv", 300), tmp_path / "out", recipe(), sink=events.append)
    assert 20 not in [point.rows for point in found.points] and found.twice is not None
    assert sum("failed after" in text for text in told(events)) >= 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"model": {"name": "bagg"}}, "unknown architecture 'bagg'"),
        ({"split": {"validation": 0}}, "without validation rows no curve can be measured"),
        ({"model": {"name": "bag", "hiden": 3}}, "hiden"),
        ({"model": {"name": "bag"}, "learn": {"epochs": 3}}, "learn.epochs"),
    ],
)
def test_requests_that_cannot_be_met(tmp_path: Path, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        learning_curve(cut(tmp_path / "a.csv", 120), tmp_path / "out", recipe(**asked))
    assert not (tmp_path / "out").exists()


def test_a_model_that_knows_the_rows_has_no_curve(tmp_path: Path) -> None:
    from checkpoints import tiny_checkpoint

    data = cut(tmp_path / "a.csv", 100)
    tiny_checkpoint(tmp_path / "tiny")
    model = {"name": "pretrained", "checkpoint": str(tmp_path / "tiny")}
    api.train(data, tmp_path / "m", recipe(model=model, learn={"epochs": 1}))
    again = {"name": "pretrained", "checkpoint": str(tmp_path / "m")}
    with pytest.raises(ConfigError, match="has learned from these rows already"):
        learning_curve(data, tmp_path / "out", recipe(model=again, learn={"epochs": 1}))


def test_a_folder_of_other_things_is_not_replaced(tmp_path: Path) -> None:
    data = cut(tmp_path / "a.csv", 120)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds other things than a learning curve"):
        learning_curve(data, tmp_path / "out", recipe())
    with pytest.raises(ConfigError, match="is a file"):
        learning_curve(data, data, recipe())
    (tmp_path / "out" / "mine.txt").unlink()
    learning_curve(data, tmp_path / "out", recipe())
    learning_curve(data, tmp_path / "out", recipe())
