"""Figures of an audit, from the tables of its checks: one function a check, which draws what it can."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from textwright.report.axes import Scale, scale
from textwright.report.charts import (
    NAME,
    WIDTH,
    Chart,
    Dot,
    Heatmap,
    Line,
    field_map,
    histogram,
    labelled,
    reliability,
    whiskers,
)
from textwright.report.lettering import told_apart

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
MOST, _MOST_LABELS, _MOST_GROUPS, _PANELS = 20, 12, 16, 4
_BINS = 3  # fewer show no course
_ENDS = ("value", "low", "high")
_SCREEN_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 280.0, 48.0, 12.0, 10.0, 38.0
# What a dot of the screen says, by its colour; see the legend `audit.screen.*`.
_TESTED, _SURE, _EMPTY, _PURE, _JUDGED, _FOUND = 7, 0, 2, 4, 3, 6
_NAMED = 6


@dataclass(frozen=True)
class Figure:
    """A chart and its caption: `key` in words/page.yaml with `values`; `legend` is of (colour, key)."""

    key: str
    chart: Chart | Heatmap
    values: Mapping[str, Any] = field(default_factory=dict)
    legend: Sequence[tuple[str, str]] = ()


def audit_figures(check: str, tables: Tables, numbers: Row | None = None) -> list[Figure]:
    """Of the tables of one check, by their names, every figure that has something to show.

    `numbers` are those of the check: which label the rates of a model are of.
    """
    draw, label = CHARTS.get(check), str((numbers or {}).get("positive", ""))
    figures = [
        replace(figure, values={"label": label, **figure.values}) for figure in (draw(tables) if draw else [])
    ]
    own = _OWN.get(check, ())
    rest = [_plain(f"{check}.{name}", rows) for name, rows in tables.items() if name not in own]
    return [figure for figure in [*figures, *rest] if figure is not None]


def _plain(name: str, rows: Sequence[Row]) -> Figure | None:
    """Any table whose rows are numbers with intervals."""
    known = [row for row in rows if "name" in row and None not in [row.get(end) for end in _ENDS]]
    chart = _dots(known[:MOST], "", [], x="") if len(known) > 1 else None
    return Figure("audit.whiskers", chart, {"name": name}) if chart else None


def _dots(rows: Sequence[Row], n: str, compared: Sequence[float | None], *, x: str) -> Chart | None:
    """Numbers with intervals; with each the rows it counts, by `n`, and what it is compared with."""
    values = [(str(r["name"]), float(r["value"]), float(r["low"]), float(r["high"])) for r in rows]
    counts = [int(row[n]) if n else None for row in rows]
    beside = [*zip(counts, compared, strict=True)] if compared else []
    is_share = all(low >= 0 and high <= 1 for *_, low, high in values)
    return whiskers(values, x=x, share=is_share, beside=beside)


def compared_dots(rows: Sequence[Row], before: Sequence[float]) -> Chart | None:
    """Numbers with intervals (name, value, low, high), and a tick where each was before."""
    return _dots(rows, "", [*before], x="") if rows else None


def _representation(tables: Tables) -> list[Figure]:
    """How often rows that name a group have a label, the labels with the largest gap first."""
    rows = [{**row, "name": row["group"], "value": row["p_label"]} for row in tables.get("groups", ())]
    labels = sorted({row["label"] for row in rows})
    shares: dict[str, float] = {}
    for row in rows:
        shares[row["name"]] = shares.get(row["name"], 0.0) + row["value"]
    if len(labels) == 2 and all(math.isclose(share, 1.0) for share in shares.values()):  # mirrors
        labels = [min(labels, key=lambda label: next(row["base"] for row in rows if row["label"] == label))]
    worst = {label: max((abs(r["gap"]) for r in rows if r["label"] == label), default=0) for label in labels}
    figures = []
    for label in sorted(labels, key=lambda label: -worst[label])[:_PANELS]:
        own = [row for row in rows if row["label"] == label]
        own.sort(key=lambda row: (not row["found"], -abs(row["gap"])))
        shown = sorted(own[:MOST], key=lambda row: -row["value"])
        chart = _dots(shown, "n", [row["base"] for row in shown], x="audit.groups.x")
        if chart:
            figures.append(Figure("audit.groups.of", chart, {"label": label}, _AGAINST_ALL))
    return figures


def _label_errors(tables: Tables) -> list[Figure]:
    """Which label was given where which one fits better, of the labels with the most such rows."""
    pairs = tables.get("pairs", ())
    counts: dict[str, int] = {}
    for pair in pairs:
        for label in (pair["label"], pair["suggested"]):
            counts[label] = counts.get(label, 0) + pair["rows"]
    labels = sorted(sorted(counts, key=lambda label: -counts[label])[:_MOST_LABELS])
    if len(labels) < 2:
        return []
    found = {(pair["label"], pair["suggested"]): pair["rows"] for pair in pairs}
    most = max(found.values())
    fields = [
        [(math.sqrt((n := found.get((a, b), 0)) / most), f"{n:,}" if n else "") for b in labels]
        for a in labels
    ]
    return [Figure("audit.pairs.of", field_map(labels, labels, fields))]


def _leaks(tables: Tables) -> list[Figure]:
    """Of the rows of a part, how many have a twin in another."""
    rows = tables.get("overlap", ())
    parts = list(dict.fromkeys(row["part"] for row in rows))
    share = {(row["part"], row["other"]): float(row["share"]) for row in rows}
    if not share:
        return []
    fields = [
        [(math.sqrt(share[a, b]), _percent(share[a, b])) if (a, b) in share else (0.0, "") for b in parts]
        for a in parts
    ]
    return [Figure("audit.overlap.of", field_map(parts, parts, fields))]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share else "0"


def _lengths(tables: Tables) -> list[Figure]:
    rows = tables.get("characters", ())
    if len(rows) < 2:
        return []
    edges = [*(row["from"] for row in rows), rows[-1]["to"] + 1]
    counts = [row["rows"] for row in rows]
    chart = histogram(edges, counts, x="audit.lengths.x", y="audit.lengths.y", log=True)
    return [Figure("audit.lengths.of", chart)]


def _shortcuts(tables: Tables) -> list[Figure]:
    """The plot of Gardner et al. 2021 for each label, then what the phrases found do to answers."""
    labels = list(dict.fromkeys(row["label"] for row in tables.get("phrases", ())))
    figures = [
        Figure("audit.screen.of", _screen(label, tables), {"label": label}, _SCREEN) for label in labels
    ]
    tried = sorted(tables.get("candidates", ()), key=lambda row: -row["value"])[:MOST]
    chart = _dots(tried, "rows", [row["neutral"] for row in tried], x="audit.flips.x") if tried else None
    return [*figures, *([Figure("audit.flips.of", chart, legend=_AGAINST_NEUTRAL)] if chart else [])]


def _screen(label: str, tables: Tables) -> Chart:
    cloud, line, candidates = (
        [row for row in tables.get(name, ()) if row["label"] == label]
        for name in ("phrases", "significance", "candidates")
    )
    every = [row["rows"] for row in (*cloud, *line, *candidates)]
    across = scale(every, _LEFT, WIDTH - _RIGHT, log=True)
    prior = min((row["prior"] for row in line), default=0.0)
    lowest = max(min([prior, *(row["share"] for row in cloud)]) - 0.04, 0.0)
    up = Scale(lowest, 1.07, _SCREEN_HEIGHT - _BOTTOM, _TOP)
    curve = " ".join(f"{across(row['rows']):g},{up(row['share']):g}" for row in line)
    dots = [
        _dot(
            across(row["rows"]),
            up(row["share"]),
            color,
            size=round(min(1.3 * count**0.35, 6.0), 1),
            is_faint=True,
        )
        for row in cloud
        for color, count in _colored(row)
    ]
    ranked = sorted(candidates, key=lambda row: -row["value"])
    names = told_apart([row["name"] for row in ranked], NAME)
    marks = [
        _dot(across(row["rows"]), up(row["purity"]), _stage(row), name, size=4)
        for row, name in zip(ranked, names, strict=True)
    ]
    found = [mark for mark in marks if mark.color == _FOUND]
    called = labelled(found[:_NAMED])
    rest = [_dot(mark.x, mark.y, _FOUND) for mark in found[_NAMED:]]
    others = [mark for mark in marks if mark.color != _FOUND]
    return Chart(
        "screen", _SCREEN_HEIGHT, across.ticks, up.ticks, "audit.screen.x", "audit.screen.y",
        [Line("", 7, curve)], dots=[*dots, *others, *rest, *called],
    )  # fmt: skip


def _colored(row: Row) -> list[tuple[int, int]]:
    counts = ((_TESTED, row["phrases"] - row["significant"]), (_SURE, row["significant"]))
    return [(color, count) for color, count in counts if count]


def _stage(row: Row) -> int:
    if row["found"]:
        return _FOUND
    if row["verdict"] == "legitimate":
        return _JUDGED
    return _PURE if row["sign"] == "pure" else _EMPTY


def _dot(x: float, y: float, color: int, name: str = "", *, size: float = 0.0, is_faint: bool = False) -> Dot:
    return Dot(name, x, y, 0.0, 0.0, color, size=size, is_faint=is_faint)


def _group_gaps(tables: Tables) -> list[Figure]:
    figures = []
    for metric, key in _GAPS.items():
        rows = tables.get(metric, ())
        known = [row for row in rows if row.get("value") is not None][:MOST]
        chart = _dots(known, "rows", [row["rest"] for row in known], x="") if known else None
        if chart:
            figures.append(Figure(key, chart, {}, _AGAINST_REST))
    return figures


def _group_ranking(tables: Tables) -> list[Figure]:
    """One area a field, the groups with the lowest first."""
    areas: dict[str, dict[str, float]] = {}
    for metric in ("subgroup", "bpsn", "bnsp"):
        for row in tables.get(metric, ()):
            areas.setdefault(row["name"], {})[metric] = row["value"]
    groups = sorted(areas, key=lambda name: min(areas[name].values()))[:_MOST_GROUPS]
    if not groups:
        return []
    columns = ("subgroup", "bpsn", "bnsp")
    fields = [
        [_area(areas[name][metric]) if metric in areas[name] else (0.0, "") for metric in columns]
        for name in groups
    ]
    figures = [Figure("audit.areas.of", field_map(groups, ["subgroup", "BPSN", "BNSP"], fields))]
    for metric, key in _SHIFTS.items():
        rows = [row for row in tables.get(metric, ()) if row["name"] in groups]
        chart = _dots(rows, "rows", [0.0] * len(rows), x="") if rows else None
        if chart:
            figures.append(Figure(key, chart))
    return figures


def _area(value: float) -> tuple[float, str]:
    """The darker, the further from 1; half of all pairs in the right order is as dark as it gets."""
    return min(max(2 * (1 - value), 0.0), 1.0), f"{value:.2f}"


def _slices(tables: Tables) -> list[Figure]:
    rows = sorted(tables.get("slices", ()), key=lambda row: (not row["confirmed"], -row["value"]))[:MOST]
    chart = _dots(rows, "rows", [row["rest"] for row in rows], x="") if rows else None
    return [Figure("audit.slices.of", chart, legend=_AGAINST_REST)] if chart else []


def _group_calibration(tables: Tables) -> list[Figure]:
    """All rows, which come first, then the groups of some bins that are the furthest off."""
    bins: dict[str, list[Row]] = {}
    for row in tables.get("reliability", ()):
        bins.setdefault(row["name"], []).append(row)
    if "ece" not in tables:
        return []
    whole, *groups = tables["ece"]
    groups.sort(key=lambda row: row["noise"] - row["value"])
    drawn = [row["name"] for row in groups if len(bins[row["name"]]) >= _BINS][: _PANELS - 1]
    figures: list[Figure] = []
    for name in [whole["name"], *drawn]:
        points = [(r["confidence"], r["accuracy"], r["low"], r["high"], r["rows"]) for r in bins[name]]
        values = {"name": name, "n": f"{sum(n for *_, n in points):,}"}
        key = "audit.reliability.of" if figures else "audit.reliability.all"
        figures.append(Figure(key, reliability(points, largest=5.0), values))
    shown = groups[:MOST]
    chart = _dots(shown, "rows", [row["noise"] for row in shown], x="name.ece") if shown else None
    if chart:
        figures.append(Figure("audit.ece.of", chart, {"value": f"{whole['value']:.3f}"}, _AGAINST_NOISE))
    return figures


_GAPS = {
    "accuracy": "audit.gaps.accuracy",
    "tpr": "audit.gaps.tpr",
    "fpr": "audit.gaps.fpr",
    "selection": "audit.gaps.selection",
    "precision": "audit.gaps.precision",
}
_SHIFTS = {"aeg_positive": "audit.shifts.positive", "aeg_negative": "audit.shifts.negative"}
_AGAINST_ALL = (("d0", "audit.key.group"), ("beside", "audit.key.all"))
_AGAINST_REST = (("d0", "audit.key.group"), ("beside", "audit.key.rest"))
_AGAINST_NEUTRAL = (("d0", "audit.key.phrase"), ("beside", "audit.key.neutral"))
_AGAINST_NOISE = (("d0", "audit.key.group"), ("beside", "audit.key.noise"))
_SCREEN = (
    ("d7 faint", "audit.screen.tested"),
    ("d0 faint", "audit.screen.sure"),
    ("d2", "audit.screen.empty"),
    ("d4 square", "audit.screen.pure"),
    ("d3", "audit.screen.judged"),
    ("d6 diamond", "audit.screen.found"),
    ("thin", "audit.screen.line"),
)
CHARTS: Mapping[str, Callable[[Tables], list[Figure]]] = {
    "representation": _representation,
    "label_errors": _label_errors,
    "leaks": _leaks,
    "lengths": _lengths,
    "shortcuts": _shortcuts,
    "group_gaps": _group_gaps,
    "group_ranking": _group_ranking,
    "group_calibration": _group_calibration,
    "slices": _slices,
}
# Tables that have a figure of their own, or none.
_OWN: Mapping[str, Sequence[str]] = {
    "leaks": ("overlap", "pairs"),
    "shortcuts": ("candidates", "phrases", "significance"),
    "group_gaps": tuple(_GAPS),
    "group_ranking": ("subgroup", "bpsn", "bnsp", *_SHIFTS),
    "group_calibration": ("ece", "brier", "reliability"),
    "slices": ("slices",),
}
