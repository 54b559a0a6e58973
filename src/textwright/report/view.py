"""What a report shows, picked from the records: figures, rows of tables, and the findings in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from textwright.report.charts import (
    Chart,
    Heatmap,
    Series,
    heatmap,
    histogram,
    line_chart,
    reliability,
    scatter,
    whiskers,
)
from textwright.report.lettering import width
from textwright.report.marks import mark_tokens
from textwright.report.records import Curve, Records
from textwright.report.shown import number
from textwright.report.verdict import SHARES, Finding, reference, verdict
from textwright.report.words import LANGUAGES, word

_FIGURE_LABELS, _SHOWN_PAIRS, _SHOWN_WRONG = 20, 15, 20
# The score by which candidates are chosen, by task.
HEADLINES = {"classify": "accuracy", "multilabel": "micro_f1", "score": "mse"}


@dataclass(frozen=True)
class View:
    """Everything that templates/report.html names, but for the records themselves."""

    schema: dict[str, Any]
    files: str
    sections: list[str]
    findings: list[Finding]
    scripts_found: list[tuple[str, float]]
    cleaning: list[tuple[str, dict[str, Any]]]
    charts: dict[str, Chart | Heatmap | None]
    candidates: list[dict[str, Any]]
    headline: str
    scores: dict[str, dict[str, Any]]
    split: str
    num_measured: int
    details: dict[str, Any]
    pairs: list[dict[str, Any]]
    num_pairs: int
    classes: list[dict[str, Any]]
    wrong: list[dict[str, Any]]
    num_more: int
    num_explained: int
    method: str
    way: str
    tokens: dict[str, Any] | None
    command: str


def make_view(records: Records) -> View:
    """Pick what the page shows."""
    manifest, data = records.manifest, records.data
    schema, details = manifest["schema"], records.scores.get("details") or {}
    scores, headline = manifest["scores"], _chosen_by(records)
    pairs, classes = list(confusions(details)), details.get("per_class") or []
    wrong = [_wrong(record) for record in records.wrong[:_SHOWN_WRONG]]
    candidates = [_candidate(record, headline) for record in records.plan.get("candidates") or []]
    is_graded = schema["task"] == "score"
    return View(
        schema=schema,
        files=", ".join(file["name"] for file in manifest["data"]),
        sections=_sections(is_graded),
        findings=list(verdict(records, pairs)),
        scripts_found=[(k, v) for k, v in (schema.get("scripts") or {}).items() if v >= 0.001],
        cleaning=[(file["name"], step) for file in manifest["data"] for step in file["cleaning"]],
        charts=_charts(records, details, candidates, classes),
        candidates=[row for row in candidates if row["score"] or row["status"] != "done"],
        headline=headline,
        scores=scores,
        split=manifest["split"],
        num_measured=next(iter(scores.values()))["n"] if scores else 0,
        details=details,
        pairs=pairs[:_SHOWN_PAIRS],
        num_pairs=len(pairs),
        classes=classes,
        wrong=wrong,
        num_explained=sum("explained_by" in record for record in records.wrong[:_SHOWN_WRONG]),
        num_more=max(len(records.wrong) - _SHOWN_WRONG, 0),
        method=next((r["explained_by"] for r in records.wrong if "explained_by" in r), ""),
        tokens=_tokens(records.plan.get("model") or {}),
        way=((records.plan.get("model") or {}).get("long") or {}).get("name", "cut"),
        command=_command(records, [file["name"] for file in data.get("files") or manifest["data"]]),
    )


def _sections(is_graded: bool) -> list[str]:
    middle = ["residuals"] if is_graded else ["confusion", "classes", "calibration"]
    return [
        "asked",
        "data",
        "candidates",
        "curves",
        "scores",
        *middle,
        "wrong",
        "tokens",
        "settings",
        "glossary",
    ]


def _command(records: Records, files: list[str]) -> str:
    test = f" --test {shlex.quote(files[1])}" if len(files) > 1 else ""
    folder = shlex.quote(records.name)
    return (
        f"textwright train {shlex.quote(files[0])}{test} --recipe {folder}/recipe.yaml --out {folder}-again"
    )


def _chosen_by(records: Records) -> str:
    """The score that decided between candidates."""
    return str(records.plan.get("metric") or HEADLINES[records.manifest["schema"]["task"]])


def _tokens(model: dict[str, Any]) -> dict[str, Any] | None:
    """What became of the tokens; of an ensemble, in the first member that has some."""
    found = [(part.get("found") or {}).get("tokens") for part in (model, *model.get("members", ()))]
    return next((tokens for tokens in found if tokens), None)


def _candidate(record: dict[str, Any], headline: str) -> dict[str, Any]:
    """With its score, its name (folders of before lack some of it) and its distance to the best."""
    score = record["scores"].get(headline)
    gap = next(iter((record.get("difference") or {}).values()), None)
    name = record.get("name") or record["model"]
    measured = {key: record.get(key) for key in ("latency_ms_p99", "texts_per_second", "kwh", "p_value")}
    return {**record, **measured, "name": name, "score": score, "n": score["n"] if score else 0, "gap": gap}


def confusions(details: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Pairs of true label and wrong answer, the most frequent first."""
    labels, matrix = details.get("labels") or [], details.get("confusion") or []
    found = [
        {"truth": labels[i], "answer": labels[j], "count": count, "n": sum(row)}
        for i, row in enumerate(matrix)
        for j, count in enumerate(row)
        if i != j and count
    ]
    yield from sorted(found, key=lambda pair: (-pair["count"], pair["n"]))


def _charts(
    records: Records, details: dict[str, Any], candidates: list[dict[str, Any]], classes: list[dict[str, Any]]
) -> dict[str, Chart | Heatmap | None]:
    headline = _chosen_by(records)
    return {
        "headline": _headline(records.manifest["schema"]["task"], records.manifest["scores"], details),
        **_data_charts(records.data),
        **cost_charts([(row["name"], row) for row in candidates], headline),
        **learning_charts([(fit_name(curve), curve) for curve in records.curves]),
        **_score_charts(details, classes),
    }


def _data_charts(data: dict[str, Any]) -> dict[str, Chart | None]:
    lengths, target = data.get("characters"), data.get("target")
    return {
        "lengths": lengths
        and histogram(
            lengths["edges"], lengths["counts"], x="data.characters", y="confusion.count", log=True
        ),
        "target": target and histogram(target["edges"], target["counts"], x="", y="confusion.count"),
    }


def _score_charts(
    details: dict[str, Any], classes: list[dict[str, Any]]
) -> dict[str, Chart | Heatmap | None]:
    drawn = [row for row in classes if row["f1"]["value"] is not None]
    if len(drawn) > _FIGURE_LABELS:
        drawn = sorted(drawn, key=_f1)[:_FIGURE_LABELS]
    bins = [b for b in details.get("calibration") or [] if b["n"]]
    agreement = details.get("agreement")
    return {
        "confusion": _confusion(details) if details.get("confusion") else None,
        "classes": whiskers([(r["label"], *interval(r["f1"])) for r in drawn], x="classes.x"),
        "calibration": reliability([_bin(b) for b in bins]) if bins else None,
        "agreement": agreement and heatmap(_grades(agreement), agreement["counts"]),
    }


def _bin(record: dict[str, Any]) -> tuple[float, float, float, float, int]:
    """Folders of before have no interval for a bin."""
    right = record["accuracy"]
    return record["confidence"], right, record.get("low", right), record.get("high", right), record["n"]


def _f1(row: dict[str, Any]) -> float:
    return float(row["f1"]["value"])


def _grades(agreement: dict[str, Any]) -> list[str]:
    """The names of the fields of a map of scores: the scores, or where a field begins and ends."""
    if agreement["values"]:
        return [f"{value:g}" for value in agreement["values"]]
    edges = [f"{edge:.3g}" for edge in agreement["edges"]]
    return [f"{low} … {high}" for low, high in pairwise(edges)]


def interval(score: dict[str, Any]) -> tuple[float, float, float]:
    return score["value"], score["low"], score["high"]


def _headline(task: str, scores: dict[str, Any], details: dict[str, Any]) -> Chart | None:
    """The score beside that of no model at all."""
    found = reference(task, details)
    if found is None or found[0] not in scores:
        return None
    metric, simple = found
    rows = [
        (f"headline.{who}", *interval(score))
        for who, score in (("model", scores[metric]), ("none", simple))
        if None not in interval(score)
    ]
    if len(rows) < 2:
        return None
    room = max(width(word("page", name, language)) for name, *_ in rows for language in LANGUAGES)
    is_share = task != "score"
    return whiskers(rows, x=f"name.{metric}", share=is_share, whole=True, word_room=room)


def cost_charts(rows: Sequence[tuple[str, dict[str, Any]]], metric: str) -> dict[str, Chart | None]:
    """The score (a `metric`) against time for one text and size, of (name, candidate with its `score`)."""
    known = [(name, row) for name, row in rows if row["score"] and row["score"]["value"] is not None]
    return {
        name: scatter(
            [(short, row[key] or 0, *interval(row["score"])) for short, row in known],
            x=f"candidates.x_{name}",
            y=f"name.{metric}",
        )
        for name, key in (("latency", "latency_ms_p50"), ("size", "bytes"))
    }


def learning_charts(curves: Sequence[tuple[str, Curve]]) -> dict[str, Chart | None]:
    """The loss, and the score on validation, by epoch, of (name, curve)."""
    checked: list[Series] = []
    metric = ""
    for name, curve in curves:
        if curve.checks:
            metric, points = next(iter(curve.checks.items()))
            checked.append((name, points, [point for point in points if point[0] == curve.best]))
    return {
        "loss": line_chart(
            [(name, curve.loss, []) for name, curve in curves], x="curves.epoch", y="", is_thin=True
        ),
        "checks": line_chart(
            checked, x="curves.epoch", y=f"name.{metric}" if metric else "", share=metric in SHARES
        ),
    }


def fit_name(curve: Curve) -> str:
    """The name of a fit as it is shown: `cnn-refit` is cnn, fitted again."""
    name = curve.name.removesuffix("-refit")
    return name if name == curve.name else f"{name}, fitted again"


def _confusion(details: dict[str, Any]) -> Heatmap:
    """The whole matrix, or of many labels those that take part in the most mistakes."""
    labels, matrix = details["labels"], details["confusion"]
    if len(labels) > _FIGURE_LABELS:
        mistakes = [sum(row) + sum(other[i] for other in matrix) - 2 * row[i] for i, row in enumerate(matrix)]
        chosen = sorted(sorted(range(len(labels)), key=lambda i: -mistakes[i])[:_FIGURE_LABELS])
        labels, matrix = [labels[i] for i in chosen], [[matrix[i][j] for j in chosen] for i in chosen]
    return heatmap(labels, matrix)


def _wrong(record: dict[str, Any]) -> dict[str, Any]:
    answer = record.get("label", record.get("labels", record.get("score")))
    return {
        "parts": mark_tokens(record["text"], record.get("tokens") or []),
        "truth": named(record["truth"]),
        "answer": named(answer),
        "sure": record.get("probability"),
    }


def named(answer: Any) -> str:
    if isinstance(answer, list):
        return ", ".join(answer) or "–"
    return number(answer) if isinstance(answer, float) else str(answer)
