"""Audits of a model: gaps, rankings, slices and calibration with answers that are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from textwright.audit.groups import group_gaps, group_ranking, slices
from textwright.audit.groups.answering import answered, positive_label
from textwright.audit.groups.conditions import conditions, quoted, rows_of
from textwright.audit.groups.membership import members, swapper
from textwright.audit.of_model import model
from textwright.audit.proof.made import made
from textwright.audit.proof.models import DrawnModel, drawn_model, with_groups, with_model
from textwright.audit.settings import AuditSettings
from textwright.audit.subject import AuditData
from textwright.core.errors import ConfigError, TextwrightError
from textwright.measure.group_calibration import calibration
from textwright.measure.group_ranking import group_rankings
from textwright.measure.groups import error_spreads
from textwright.measure.groups import group_gaps as gaps_of


def test_rates_are_those_of_counting_by_hand() -> None:
    rng = np.random.default_rng(0)
    truth, called, group = (rng.random(500) < share for share in (0.4, 0.5, 0.3))
    found = {one.metric: one for one in gaps_of(truth, called, group[:, None], ["g"]).gaps}
    for metric, hits, rows in (
        ("accuracy", truth == called, np.ones(500, bool)),
        ("selection", called, np.ones(500, bool)),
        ("tpr", called, truth),
        ("fpr", called, ~truth),
        ("precision", truth, called),
    ):
        value, rest = (hits[rows & side].mean() for side in (group, ~group))
        gap = found[metric].gap
        assert gap is not None
        assert gap.value == pytest.approx(value - rest), metric
        assert gap.low < gap.value < gap.high


def test_a_small_group_gets_no_number() -> None:
    truth = np.arange(400) % 2 > 0
    (one,) = gaps_of(truth, truth, (np.arange(400) < 20)[:, None], ["g"], ["accuracy"]).gaps
    assert one.gap is None and one.p is None
    assert one.rows_missing > 0
    assert "value" not in one.to_json()


def test_two_groups_that_never_err_have_an_interval() -> None:
    truth = np.arange(400) % 2 > 0
    (one,) = gaps_of(truth, truth, (np.arange(400) < 100)[:, None], ["g"], ["accuracy"]).gaps
    assert one.gap is not None
    assert one.gap.low < 0 < one.gap.high


def test_right_answers_of_three_labels_are_not_those_of_one_against_the_rest() -> None:
    truth, picked = np.array([0, 1, 2, 2] * 50), np.array([0, 2, 1, 2] * 50)
    group = np.arange(200) < 100
    found = gaps_of(truth == 0, picked == 0, group[:, None], ["g"], ["accuracy"], right=truth == picked)
    value = found.gaps[0].value
    assert value is not None
    assert value.value == 0.5


def test_areas_are_those_of_all_pairs() -> None:
    rng = np.random.default_rng(1)
    truth, group, scores = rng.random(400) < 0.5, rng.random(400) < 0.4, rng.integers(0, 9, 400) / 9
    found = {one.metric: one.value for one in group_rankings(scores, truth, group[:, None], ["g"]).rankings}
    for metric, above, below in (
        ("subgroup", truth & group, ~truth & group),
        ("bpsn", truth & ~group, ~truth & group),
        ("bnsp", truth & group, ~truth & ~group),
    ):
        apart = scores[above][:, None] - scores[below][None]
        value = found[metric]
        assert value is not None
        assert value.value == pytest.approx((apart > 0).mean() + (apart == 0).mean() / 2), metric


def test_spreads_leave_out_small_groups() -> None:
    truth = np.arange(400) % 2 > 0
    assert error_spreads(truth, truth, (np.arange(400) < 20)[:, None]) == {}


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_only_a_model_that_is_too_sure_is_called_so(factor: float) -> None:
    data = made("en", rows=1500, seed=3)
    ours = answered(with_model(data, drawn_model(data, 3).sharpened(factor)))
    found = calibration(ours.confidence, ours.right, np.random.default_rng(0))
    assert (found.p < 0.01) == (factor > 1)
    assert (found.surer > 0.05) == (factor > 1)


def test_a_query_finds_the_rows_of_its_slice_again() -> None:
    data = with_groups(made("zh", rows=300), 0)
    found = conditions(data)
    assert {name.partition(":")[0] for name in found} >= {"length", "label", "group", "token"}
    for name, rows in found.items():
        assert (rows_of(data, name) == rows).all(), name
    with pytest.raises(ConfigError, match="no condition"):
        rows_of(data, "colour:red")


def test_a_label_with_an_ampersand_does_not_end_a_condition() -> None:
    data = AuditData("classify", ["a", "b"], np.arange(2, 4), labels=[("x & 50%26",), ("y",)])
    assert rows_of(data, f"label:{quoted('x & 50%26')}").tolist() == [True, False]


@pytest.mark.parametrize("text", ["", "\ud800", "x" * 100_000])
def test_odd_texts_are_of_some_slice_or_none(text: str) -> None:
    data = AuditData("classify", [text] * 200, np.arange(2, 202), labels=[("a",), ("b",)] * 100)
    half_right = DrawnModel(("a", "b"), {text: 0}, np.array([[0.6, 0.4]]))
    assert slices.run(with_model(data, half_right)).status in ("found", "clean")


def test_a_lexicon_says_who_belongs_and_what_can_be_swapped() -> None:
    data = replace(made("zh", rows=2), texts=["那个上海人走了", "没有"], groups_from=("lexicon:zh",))
    assert {name: rows.tolist() for name, rows in members(data).items()} == {"上海人": [True, False]}
    swap = swapper(data)
    assert swap is not None
    changed = swap("那个上海人走了", np.random.default_rng(0))
    assert changed is not None and changed.startswith("那个") and "上海人" not in changed
    assert swap("没有", np.random.default_rng(0)) is None
    assert members(made("en", rows=3)) == {}


def test_groups_of_a_column_are_its_values() -> None:
    data = replace(made("en", rows=3), columns={"group sex": ["f", "", "m"]}, groups_from=("sex",))
    assert {name: rows.tolist() for name, rows in members(data).items()} == {
        "sex=f": [True, False, False],
        "sex=m": [False, False, True],
    }


def test_the_positive_label_is_the_one_named_then_a_hit_then_the_rarest() -> None:
    ids = np.array([0, 0, 1, 2, 2])
    assert positive_label(["a", "b", "c"], ids) == 1
    assert positive_label(["1", "2", "3"], ids) == 1  # grades: 1 is none to look for
    assert positive_label(["neutral", "offensive", "hate"], ids) == 2
    assert positive_label(["a", "b", "c"], ids, "c") == 2
    with pytest.raises(ConfigError, match="no such label"):
        positive_label(["a"], ids, "z")


def test_too_few_rows_are_no_verdict() -> None:
    data = with_groups(made("en", rows=40), 0)
    assert group_gaps.CHECK(with_model(data, drawn_model(data, 0))).status == "too few rows"
    assert slices.CHECK(with_model(data, drawn_model(data, 0))).status == "too few rows"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag that has learned the made topics."""
    from textwright import Recipe, train

    place = tmp_path_factory.mktemp("model")
    write(made("en", rows=300), place / "train.csv")
    recipe = Recipe.parse({"model": {"name": "bag"}, "budget": {"minutes": 0.1}})
    train(place / "train.csv", place / "bag", recipe)
    return place


def write(data: AuditData, path: Path, extra: str = "") -> None:
    rows = [
        f'"{t}",{own[0]},{"ab"[i % 2]}'
        for i, (t, own) in enumerate(zip(data.texts, data.labels, strict=True))
    ]
    path.write_text("\n".join(["text,label,team", *rows, extra]), encoding="utf-8")


def test_a_model_folder_is_audited_and_what_it_knows_is_said(folder: Path) -> None:
    write(made("en", rows=400, seed=9), folder / "test.csv", '"the text of another label",nowhere,a')
    notes: list[str] = []
    settings = AuditSettings(groups="team")
    first = model(
        folder / "bag", folder / "test.csv", folder / "audit", settings, say=lambda n: notes.append(n.text)
    )
    assert first.record["left_out"]["unknown_label"] == 1
    assert first.record["n"] == 400
    assert first.record["scores"]["accuracy"]["value"] > 0.6
    assert any("1 rows left out" in note for note in notes)
    assert (folder / "audit" / "report.html").is_file()
    again = model(folder / "bag", folder / "test.csv", None, settings)
    assert again.record["predictions_sha256"] == first.record["predictions_sha256"]
    seen = model(folder / "bag", folder / "train.csv", None, AuditSettings(checks="group_calibration"))
    assert seen.record["learned_rows"] > 200


def test_a_check_of_data_is_refused(folder: Path) -> None:
    with pytest.raises(TextwrightError, match="audit data"):
        model(folder / "bag", folder / "train.csv", None, AuditSettings(checks="exact_twins"))


def test_a_large_group_that_spoils_the_whole_area_is_still_told() -> None:
    data = made("en", rows=1200, seed=4)
    found = group_ranking.run(group_ranking.plant(data, 2.0, 3).data)
    assert found.numbers["auc"]["value"] < group_ranking.GOOD
    assert "team=a: bpsn" in found.subjects
