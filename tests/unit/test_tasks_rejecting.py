"""Texts that are not answered: what counts as sure, what is refused, what stands in answers and scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textwright.choose.pick.limits import Limits
from textwright.core.errors import ConfigError
from textwright.measure.rejection import AnsweredMeter
from textwright.report.messages import translate
from textwright.tasks.answering import answer_file
from textwright.tasks.base import TASKS, Array, Decode
from textwright.tasks.needs import check_recipes, check_target
from textwright.tasks.predictor import Predictor
from textwright.tasks.recipe import Recipe, RejectSettings
from textwright.tasks.rejecting import is_answered, meter_for, rejecting, sureness, take_in
from textwright.tasks.wrong import WrongRows
from textwright.text.schema import Schema

CLASSIFY = TASKS.get("classify")
LABELS = ["体育", "财经", "weather"]
SCHEMA = Schema(task="classify", text="text", label="label", labels=LABELS)
OUTPUTS = np.log(np.array([[0.9, 0.05, 0.05], [0.4, 0.35, 0.25], [0.1, 0.1, 0.8], [1 / 3, 1 / 3, 1 / 3]]))


def test_sureness_is_the_probability_of_the_guess_or_what_entropy_leaves() -> None:
    of_guess = sureness(CLASSIFY, OUTPUTS, Decode())
    assert of_guess == pytest.approx([0.9, 0.4, 0.8, 1 / 3])
    of_all = sureness(CLASSIFY, OUTPUTS, Decode(sureness="entropy"))
    shares = np.exp(OUTPUTS / 2)
    shares /= shares.sum(axis=1, keepdims=True)
    assert of_all == pytest.approx(1 + (shares * np.log(shares)).sum(axis=1) / np.log(3))
    assert of_all[3] == pytest.approx(0.0, abs=1e-12)


def test_with_offsets_it_is_still_the_probability_of_what_would_be_answered() -> None:
    moved = Decode(offsets=(0.0, 3.0, 0.0))
    assert CLASSIFY.answered(OUTPUTS, moved).tolist() == [1, 1, 1, 1]
    assert sureness(CLASSIFY, OUTPUTS, moved) == pytest.approx([0.05, 0.35, 0.1, 1 / 3])


@pytest.mark.parametrize("kind", ["probability", "entropy"])
def test_two_labels_are_as_sure_from_either_side(kind: Any) -> None:
    outputs = np.array([[-900.0], [-2.0], [0.0], [2.0], [900.0]], np.float32)
    found = sureness(CLASSIFY, outputs, Decode(sureness=kind, temperature=0.7))
    assert np.isfinite(found).all()
    assert found == pytest.approx(found[::-1], abs=1e-9)
    assert (np.diff(found[2:]) > 0).all() and found[4] == pytest.approx(1.0)


def test_a_row_at_the_threshold_is_answered() -> None:
    exactly = float(sureness(CLASSIFY, OUTPUTS, Decode())[1])
    assert is_answered(CLASSIFY, OUTPUTS, Decode(least=exactly)).tolist() == [True, True, True, False]
    above = Decode(least=float(np.nextafter(exactly, 1)))
    assert is_answered(CLASSIFY, OUTPUTS, above).tolist() == [True, False, True, False]
    assert is_answered(CLASSIFY, OUTPUTS, Decode()).all()


def test_answers_without_a_threshold_have_no_new_keys() -> None:
    rows = CLASSIFY.answers(OUTPUTS, SCHEMA, Decode(), False)
    assert rows[1] == {"label": "体育", "probability": 0.4}
    assert isinstance(meter_for(CLASSIFY, SCHEMA, Decode()), type(CLASSIFY.meter(SCHEMA)))


def test_answers_with_a_threshold_have_a_guess() -> None:
    rows = CLASSIFY.answers(OUTPUTS, SCHEMA, Decode(least=0.5), True)
    assert [[*row] for row in rows] == [["label", "guess", "probability", "probabilities"]] * 4
    assert [(row["label"], row["guess"]) for row in rows] == [
        ("体育", "体育"),
        (None, "体育"),
        ("weather", "weather"),
        (None, "体育"),
    ]
    assert rows[1]["probability"] == 0.4


def test_scores_count_the_guess_and_those_of_answers_do_not() -> None:
    truth, decode = np.array([0, 1, 2, 1]), Decode(least=0.5)
    meter = meter_for(CLASSIFY, SCHEMA, decode)
    for rows in (slice(0, 1), slice(1, 4)):
        take_in(meter, CLASSIFY, OUTPUTS[rows], truth[rows], decode)
    assert isinstance(meter, AnsweredMeter)
    found = {name: score.value for name, score in meter.scores().items()}
    assert (found["accuracy"], found["answered"], found["accuracy_answered"]) == (0.5, 0.5, 1.0)


def test_rows_that_are_wrong_are_those_of_the_guess() -> None:
    wrong = WrongRows(CLASSIFY, SCHEMA, Decode(least=0.5))
    wrong.update(OUTPUTS, np.array([0, 1, 0, 1]), ["a", "b", "c", "d"])
    assert [(r["text"], r["label"], r["truth"]) for r in wrong.records()] == [
        ("c", "weather", "体育"),
        ("b", "体育", "财经"),
        ("d", "体育", "财经"),
    ]


def drawn(n: int, seed: int = 0) -> tuple[Array, np.ndarray]:
    """Outputs of three labels, right more often where they are far apart."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    outputs = rng.normal(0, 1, (n, 3))
    outputs[np.arange(n), truth] += 2.0
    return outputs, truth


def test_nothing_is_asked_and_nothing_is_done() -> None:
    assert rejecting(CLASSIFY, *drawn(100), Decode(), RejectSettings()) is None


def test_wrong_answers_are_kept_few() -> None:
    outputs, truth = drawn(1000)
    found = rejecting(CLASSIFY, outputs, truth, Decode(temperature=0.8), RejectSettings(wrong=0.05))
    assert found is not None and found.is_kept
    assert (found.decode.temperature, found.decode.sureness) == (0.8, "probability")
    fresh, truth = drawn(20_000, seed=1)
    answered = is_answered(CLASSIFY, fresh, found.decode)
    right = CLASSIFY.answered(fresh, found.decode) == truth
    assert 0.5 < answered.mean() < 0.8
    assert 0.03 < 1 - right[answered].mean() < 0.05 < 1 - right.mean()


def test_few_texts_of_the_labels_are_sent_away() -> None:
    found = rejecting(CLASSIFY, *drawn(1000), Decode(), RejectSettings(in_scope=0.05))
    assert found is not None and found.is_kept
    assert found.decode.sureness == "entropy"
    lost = 1 - is_answered(CLASSIFY, drawn(20_000, seed=1)[0], found.decode).mean()
    assert 0.03 < lost < 0.07
    strange = np.random.default_rng(2).normal(0, 0.3, (1000, 3))  # nothing speaks for any label
    assert 1 - is_answered(CLASSIFY, strange, found.decode).mean() > 5 * lost


def test_what_cannot_be_promised_is_said_with_what_can() -> None:
    outputs, truth = drawn(300)
    found = rejecting(CLASSIFY, outputs, np.roll(truth, 1), Decode(), RejectSettings(wrong=0.05))
    assert found is not None and not found.is_kept
    assert found.decode.least is not None  # as careful as can be
    assert "reject.wrong=0.05 cannot be promised, not even for the 59 surest rows" in found.said
    few = rejecting(CLASSIFY, *drawn(40), Decode(), RejectSettings(wrong=0.05))
    assert few is not None and not few.is_kept
    assert "at least 59 rows of validation are needed for it" in few.said
    assert "of 40 rows of validation 20 are answered" in few.said


def test_too_few_rows_to_spare_one_leave_the_model_as_it_was() -> None:
    found = rejecting(CLASSIFY, *drawn(18), Decode(), RejectSettings(in_scope=0.05))
    assert found is not None and not found.is_kept
    assert found.decode.least is None
    assert "reject.in_scope=0.05 needs at least 19 rows of validation and there are 18" in found.said
    none = rejecting(CLASSIFY, *drawn(0), Decode(), RejectSettings(wrong=0.05))
    assert none is not None and none.decode.least is None and not none.is_kept


@pytest.mark.parametrize("n", [0, 18, 40, 1000])
@pytest.mark.parametrize(
    "asked", [{"wrong": 0.05}, {"wrong": 0.001}, {"wrong": 0.6}, {"in_scope": 0.05}], ids=str
)
def test_all_that_is_said_is_said_in_chinese(n: int, asked: dict[str, float]) -> None:
    found = rejecting(CLASSIFY, *drawn(n), Decode(), RejectSettings(**asked))
    assert found is not None
    for said in (found.said, f"bag: {found.said}"):
        chinese = translate(said, "zh")
        plain = chinese.replace("reject.wrong", "").replace("reject.in_scope", "").replace("bag", "")
        assert not any(mark.isascii() and mark.isalpha() for mark in plain), chinese
        assert [mark for mark in said if mark.isdigit()] != [] or n == 0


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"reject": {"wrong": 0.1, "in_scope": 0.1}}, "contradict each other"),
        ({"reject": {"wrong": 0.1}, "task": "score"}, "is for the task classify, and this is score"),
        ({"reject": {"in_scope": 0.1}, "task": "multilabel"}, "reject.in_scope is for the task classify"),
        ({"reject": {"wrong": 0.1}, "split": {"validation": 0}}, "split.validation=0 leaves none"),
    ],
)  # fmt: skip
def test_what_can_never_be_is_refused_before_data_are_read(recipe: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_recipes([(Recipe.parse({**recipe, "model": {"name": "bag"}}), "bag")])


@pytest.mark.parametrize("name", ["wrong", "in_scope"])
@pytest.mark.parametrize("value", [0, 1, -0.1, 5, "often", "nan"])
def test_shares_are_above_0_and_below_1(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"reject.{name}"):
        Recipe.parse({"reject": {name: value}})


def test_a_task_that_the_data_show_is_refused_then() -> None:
    recipe = Recipe.parse({"reject": {"wrong": 0.1}, "model": {"name": "bag"}})
    check_recipes([(recipe, "bag")])
    assert not Limits.of(recipe)
    check_target(recipe, SCHEMA)
    graded = Schema(task="score", text="text", label="label", low=1, high=5)
    with pytest.raises(ConfigError, match="this is score"):
        check_target(recipe, graded)


def test_nothing_asked_fits_every_task() -> None:
    for task in TASKS:
        check_recipes([(Recipe.parse({"task": task, "model": {"name": "bag"}}), "bag")])


class Knows:
    """An engine that knows the texts of one word for each label."""

    architecture = "stub"
    num_parameters = num_bytes = 0

    def outputs(self, texts: Any) -> Array:
        return np.array([[4.0 * (label in text) for label in LABELS] for text in texts]).reshape(-1, 3)

    def save(self, folder: Path) -> None: ...


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_file_of_answers_has_empty_cells_and_guesses(ending: str, tmp_path: Path) -> None:
    data, out = tmp_path / "in.jsonl", tmp_path / f"out.{ending}"
    rows = [{"text": "体育新闻", "guess": "x"}, {"text": "今天吃什么", "guess": "y"}] * 20
    lines = [*(json.dumps(row, ensure_ascii=False) for row in rows), "{broken"]
    data.write_text("\n".join(lines), encoding="utf-8")
    model = Predictor(Knows(), SCHEMA, Decode(least=0.5))
    done = answer_file(model, data, str(out), keep=["guess"])
    assert (done.n, done.num_unreadable, done.num_rejected) == (41, 1, 20)
    found = out.read_text(encoding="utf-8").splitlines()
    if ending == "csv":
        assert found[0] == "given guess,text,label,guess,probability"
        assert found[1].startswith("x,体育新闻,体育,体育,0.9")
        assert found[2] == "y,今天吃什么,,体育,0.333333"
    else:
        first, second, *_, broken = map(json.loads, found)
        assert (first["label"], second["label"], second["guess"]) == ("体育", None, "体育")
        assert (broken["label"], broken["guess"]) == (None, None) and "error" in broken


def test_a_file_of_a_model_that_always_answers_is_as_before(tmp_path: Path) -> None:
    data, out = tmp_path / "in.txt", tmp_path / "out.csv"
    data.write_text("体育新闻\n今天吃什么\n", encoding="utf-8")
    done = answer_file(Predictor(Knows(), SCHEMA, Decode()), data, str(out))
    assert done.num_rejected is None
    assert out.read_text(encoding="utf-8").splitlines()[0] == "text,label,probability"
