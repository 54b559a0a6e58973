"""Figures of an audit: what they draw is what was tested, measured and counted."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from textwright.audit.checks import leaks, lengths, shortcuts
from textwright.audit.proof.made import made
from textwright.audit.screen import MIN_LIFT, screen
from textwright.audit.screened import drawn_screen
from textwright.audit.subject import AuditData
from textwright.measure.group_calibration import drawn_bins
from textwright.report.auditcharts import audit_figures
from textwright.report.charts import Heatmap

NAMES = ("bad", "good", "mixed")


@pytest.fixture(scope="module")
def planted() -> AuditData:
    return shortcuts.plant(made("en", rows=800, seed=2), 0.05, 2).data


def test_the_line_parts_phrases_as_the_test_does() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(3, size=1500)
    words = [f"w{i}" for i in range(40)]
    texts = [
        " ".join([*rng.choice(words, 6), f"only{c}" if rng.random() < 0.4 else "", f"tag{rng.integers(3)}"])
        for c in classes
    ]
    found = screen(texts, classes, 3, ideographs=False)
    tables = drawn_screen(found, NAMES)
    assert {row["label"] for row in tables["significance"]} == set(NAMES)
    for label, name in enumerate(NAMES):
        own = found.of == label
        lift = found.share[own] - found.priors[label] >= MIN_LIFT
        is_candidate = found.is_sure[own] & lift
        line = [row for row in tables["significance"] if row["label"] == name]
        at = {row["rows"]: row["share"] for row in line}
        drawn = np.isin(found.rows[own], [*at])
        above = [
            at[n] <= share + 5e-5
            for n, share in zip(found.rows[own][drawn], found.share[own][drawn], strict=True)
        ]
        assert is_candidate[drawn].tolist() == above
        assert sum(r["phrases"] for r in tables["phrases"] if r["label"] == name) == own.sum()


def test_labels_with_findings_are_drawn_first(planted: AuditData) -> None:
    tables = shortcuts.run(planted).tables
    found = {row["label"] for row in tables["candidates"] if row["found"]}
    drawn = list(dict.fromkeys(row["label"] for row in tables["phrases"]))
    assert found and set(drawn[: len(found)]) == found
    charts = [figure.chart for figure in audit_figures("shortcuts", tables)]
    assert [chart.kind for chart in charts] == ["screen"] * len(drawn) + ["whiskers"]
    names = {dot.name for chart in charts if not isinstance(chart, Heatmap) for dot in chart.dots}
    assert {row["name"] for row in tables["candidates"] if row["found"]} & names


def test_every_two_parts_have_the_twins_between_them() -> None:
    texts = ["the first long text", "another long text", "a third one of its own", "the first long text"]
    data = AuditData("classify", texts, np.arange(2, 6), labels=[("a",)] * 4)
    tables = leaks.run(data.in_parts(["train", "train", "train", "test"])).tables
    overlap = {(row["part"], row["other"]): (row["rows"], row["share"]) for row in tables["overlap"]}
    assert overlap == {("train", "test"): (1, 0.333333), ("test", "train"): (1, 1.0)}
    (figure,) = audit_figures("leaks", tables)
    assert isinstance(figure.chart, Heatmap)
    assert [cell.text for cell in figure.chart.cells] == ["", "33.3 %", "100 %", ""]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_matrix_counts_as_the_check_does(language: str) -> None:
    base = leaks.plant(made(language, rows=300, seed=4), 0.2, 4).data  # type: ignore[arg-type]
    drawn = np.random.default_rng(0).integers(4, size=len(base))
    data = base.in_parts([f"part {k}" for k in drawn])
    for row in leaks.run(data).tables["overlap"]:
        assert row["rows"] == len(leaks.leaked(data, row["other"], row["part"])[0])


def test_bins_hold_every_row_once() -> None:
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.5, 1, 500)
    right = rng.random(500) < sure
    rows = drawn_bins(sure, right)
    assert sum(row["rows"] for row in rows) == 500
    assert min(row["rows"] for row in rows) >= 30
    assert sum(row["rows"] * row["accuracy"] for row in rows) == pytest.approx(right.sum())
    assert all(row["low"] <= row["accuracy"] <= row["high"] for row in rows)


def test_lengths_are_counted_once() -> None:
    data = made("zh", rows=300)
    data = replace(data, texts=["", "一", *data.texts[2:]])
    table = lengths.run(data).tables["characters"]
    assert sum(row["rows"] for row in table) == 299
    assert table[0]["from"] == 1
    assert all(one["to"] + 1 == two["from"] for one, two in pairwise(table))


def test_of_two_labels_the_rarer_one_is_drawn() -> None:
    rows = [
        {"group": group, "label": label, "p_label": p, "low": p - 0.1, "high": p + 0.1, "n": 40,
         "base": base, "gap": p - base, "found": True}
        for group, share in (("women", 0.6), ("men", 0.3))
        for label, p, base in (("rare", share, 0.2), ("usual", 1 - share, 0.8))
    ]  # fmt: skip
    (figure,) = audit_figures("representation", {"groups": rows})
    assert figure.values == {"label": "rare"}
    # Of several labels a row none is the mirror of another.
    both = [{**row, "p_label": 0.5} if row["label"] == "usual" else row for row in rows]
    assert len(audit_figures("representation", {"groups": both})) == 2
    assert not isinstance(figure.chart, Heatmap)
    assert [dot.name for dot in figure.chart.dots] == ["women (40)", "men (40)"]
    assert len({dot.reference for dot in figure.chart.dots}) == 1
