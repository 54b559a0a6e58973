"""The page of a learning curve: it says what the record says, in both languages, and no text can break it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import textwright
from textwright.choose.rows.curve import learning_curve
from textwright.report.charts import growth_chart
from textwright.report.folder import make_curve
from textwright.report.growth import render_growth

SAMPLE = Path(textwright.__file__).parent / "sample" / "reviews.en.csv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "growth"
    learning_curve(
        SAMPLE, out, textwright.Recipe.parse({"budget": {"minutes": 60}, "data": {"label": "label"}})
    )
    return out


def record_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "curve.json").read_text(encoding="utf-8"))
    return found


def page_of(record: dict[str, Any]) -> str:
    return make_curve(record, name="growth", recipe="")["report.html"].decode("utf-8")


def in_language(text: str, language: str) -> str:
    other = "zh" if language == "en" else "en"
    text = re.sub(rf'<(span|text) [^>]*lang="{other}">.*?</\1>', "", text, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", text).replace("\N{NO-BREAK SPACE}", " ")


def test_the_page_says_what_the_record_says(folder: Path) -> None:
    record, text = record_of(folder), (folder / "report.html").read_text(encoding="utf-8")
    english = in_language(text, "en")
    score, gain, now = record["twice"]["score"], record["twice"]["gain"], record["points"][-1]
    assert f"{now['rows']} → {record['twice']['rows']} to learn from" in english
    assert f"{100 * score['low']:.1f} % to {100 * score['high']:.1f} %" in english
    assert f"{100 * gain['value']:+.1f} points of 100" in english
    assert ("was not shown" in english) == (gain["low"] <= 0)
    for point in record["points"]:
        assert f">{point['rows']:,}</td>" in text and f">{point['score']['value']:.3f}</td>" in text
    assert "<script" not in text and "://" not in text


def test_the_chinese_side_is_chinese(folder: Path) -> None:
    chinese = in_language((folder / "report.html").read_text(encoding="utf-8"), "zh")
    body = chinese.partition("结论")[2].rpartition("设置与复现")[0]
    assert "再标注同样多的数据" in body and "怎样理解这些数字" in body
    assert not re.search(r"[a-z]{3,} [a-z]+ [a-z]{3,}", body)


@pytest.mark.parametrize(
    ("low", "said"),
    [(0.001, "is expected to bring accuracy from"), (-0.001, "was not shown"), (0.0, "was not shown")],
)
def test_a_gain_is_only_said_to_be_one_when_it_was_shown(folder: Path, low: float, said: str) -> None:
    record = record_of(folder)
    record["twice"]["gain"].update(value=0.02, low=low, high=0.04)
    assert said in in_language(page_of(record), "en")


def test_what_is_missing_is_told(folder: Path) -> None:
    record = record_of(folder)
    record.update(twice=None, law=None, points=record["points"][:2], interrupted=True)
    record["missed"] = [{"rows": 100, "fits": 3}, {"rows": 200, "fits": 1}]
    text = in_language(page_of(record), "en")
    assert "Too few sizes were reached" in text and "4 of the planned fits were not made" in text
    assert "was interrupted" in text and "Not all 384 rows were reached" in text.replace(
        f"{record['planned'][-1]:,}", "384"
    )


def test_errors_are_told_as_numbers_not_as_shares(folder: Path) -> None:
    record = record_of(folder)
    record["headline"] = "mse"
    for score in (*(p["score"] for p in record["points"]), record["twice"]["score"]):
        score.update(value=1.25, low=1.1, high=1.4, better="lower")
    text = in_language(page_of(record), "en")
    assert "mean squared error (mse) from 1.250 to 1.250" in text or "(mse) is 1.250 now" in text
    assert "positive is better" in text


def test_a_text_of_any_kind_is_shown_harmlessly(folder: Path) -> None:
    nasty = "<script>alert(1)</script> \u202e {{ 7 * 7 }} {name}"
    record = record_of(folder)
    record["data"]["name"] = record["model"] = nasty
    text = render_growth(record, nasty, nasty)
    assert "<script" not in text and "\u202e" not in text and "&lt;script&gt;" in text


def test_the_chart_holds_every_point_inside(folder: Path) -> None:
    points = [(100, 0.5, 0.4, 0.6), (1000, 0.8, 0.7, 0.85)]
    chart = growth_chart(
        points, (2000, 0.9, 0.75, 1.0), [(100, 0.5), (2000, 0.95)], x="growth.rows", y="name.f1"
    )
    assert chart is not None and [dot.color for dot in chart.dots] == [0, 0, 1]
    xs = [dot.x for dot in chart.dots]
    assert chart.left <= xs[0] < xs[1] < xs[2] <= chart.right
    # Upright: a higher score stands higher, and an interval ends above and below its dot.
    assert all(dot.high <= dot.y <= dot.low for dot in chart.dots) and chart.dots[2].y < chart.dots[0].y
    assert growth_chart(points[:1], None, [], x="growth.rows", y="") is None
