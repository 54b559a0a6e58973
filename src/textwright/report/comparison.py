"""The page of a comparison of settings, from comparison.json and what lies beside it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from textwright.report.charts import Chart, whiskers
from textwright.report.messages import SPOKEN
from textwright.report.page import both, environment
from textwright.report.records import Curve, read_curves, read_lines
from textwright.report.shown import number, percent
from textwright.report.view import cost_charts, interval, learning_charts, named
from textwright.report.words import Language

_DRAWN, _SHOWN_ROWS, _LEVEL = 8, 10, 0.05


@dataclass(frozen=True)
class Compared:
    """What a comparison left: its record, the recipe of the best, the curves by candidate."""

    name: str
    folder: Path
    record: dict[str, Any]
    recipe: str
    curves: dict[str, Curve]


def read_comparison(folder: Path, record: dict[str, Any], name: str, recipe: str) -> Compared:
    """`record` is comparison.json; the files that it names lie in `folder`."""
    curves = {}
    for row in record["candidates"]:
        if found := read_curves(folder / row["files"]["events"]):
            curves[row["name"]] = found[-1]
    return Compared(name, folder, record, recipe, curves)


def render_comparison(compared: Compared, language: Language | None = None) -> str:
    """The whole page; `language` is the one that it opens in, if not that of the command line."""
    record = compared.record
    rows = rows_of(record)
    in_order = ranked(rows)
    best = [row["name"] for row in in_order if row["name"] in compared.curves][:_DRAWN]
    drawn = [row for row in rows if row["name"] in best]  # in the order, and the colours, of the other charts
    return (
        environment()
        .get_template("comparison.html")
        .render(
            r=compared,
            title="compared.page",
            language=language or SPOKEN.get(),
            sections=["compared", "costs", "curves", "apart", "settings", "glossary"],
            verdict=[both(key, **values) for key, values in _findings(record, in_order)],
            rows=rows,
            charts={
                **score_charts(rows, record),
                **learning_charts([(row["short"], compared.curves[row["name"]]) for row in drawn]),
            },
            num_curves=len(drawn),
            num_fitted=len(compared.curves),
            apart=_apart(compared, in_order),
            command=_command(compared),
        )
    )


def rows_of(record: dict[str, Any]) -> list[dict[str, Any]]:
    """All candidates as a page shows them."""
    return [_row(row, record) for row in record["candidates"]]


def _row(row: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """A candidate with its headline score, its difference from the best and a name that fits a chart."""
    settings = row["settings"]
    is_one_model = len({other["model"] for other in record["candidates"]}) == 1
    values = [str(value) if len(settings) == 1 else f"{key}={value}" for key, value in settings.items()]
    short = " ".join(values if is_one_model and values else [row["model"], *values])
    difference = next(iter((row["difference"] or {}).values()), None)
    score = row["scores"].get(record["headline"])
    return {**row, "score": score, "gap": difference, "short": short, "outcome": _outcome(row, difference)}


def _outcome(row: dict[str, Any], difference: dict[str, Any] | None) -> str:
    """A key of words/page.yaml; empty where the record must say it in its own words."""
    if row["chosen"]:
        return "compared.best"
    if difference is None:
        return ""
    if row["p_value"] >= _LEVEL:
        return "compared.alike"
    is_less = difference["value"] < 0
    return "compared.worse" if is_less == (difference["better"] == "higher") else ""


def ranked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that were measured: the best, then the others by their scores."""

    def order(row: dict[str, Any]) -> tuple[bool, float]:
        value = row["score"]["value"]
        value = float("-inf") if value is None else value if row["score"]["better"] == "higher" else -value
        return not row["chosen"], -value

    return sorted((row for row in rows if row["score"]), key=order)


def _findings(record: dict[str, Any], in_order: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    best, others = in_order[0], in_order[1:]
    score = best["score"]
    say = percent if record["headline"] == "accuracy" else number
    bounds = {key: say(score[key]) for key in ("value", "low", "high")}
    yield (
        "compared.verdict",
        {"best": best["name"], "headline": record["headline"], **bounds, "n": number(score["n"])},
    )
    yield from others_in_words(others)
    refused = len(record["candidates"]) - len(in_order)
    if refused:
        yield "compared.refused", {"n": refused}
    if record["interrupted"]:
        yield "compared.interrupted", {}


def others_in_words(others: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """How many of those that are not the best were shown to be worse, as keys of words/page.yaml."""
    worse = [row for row in others if row["outcome"] == "compared.worse"]
    if len(others) == 1:
        yield f"compared.{'one_worse' if worse else 'one_alike'}", {"other": others[0]["name"]}
    elif others:
        kind = "all_alike" if not worse else "all_worse" if len(worse) == len(others) else "others"
        counts = {"all": len(others), "worse": len(worse), "alike": len(others) - len(worse)}
        yield f"compared.{kind}", counts


def score_charts(rows: list[dict[str, Any]], record: dict[str, Any]) -> dict[str, Chart | None]:
    known = [row for row in rows if row["score"] and row["score"]["value"] is not None]
    is_share = all(0 <= end <= 1 for row in known for end in interval(row["score"]))
    apart = [(row["short"], *interval(row["gap"])) for row in known if row["gap"]]
    return {
        "scores": whiskers([(r["short"], *interval(r["score"])) for r in known], x="", share=is_share),
        "differences": whiskers(apart, x="", share=False),
        **cost_charts([(row["short"], row) for row in known], record["headline"]),
    }


def _apart(compared: Compared, in_order: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The rows that the best and the next one answer differently well, the plainest first."""
    if len(in_order) < 2:
        return None
    pairs = zip(*(_answers(compared, row) for row in in_order[:2]), strict=True)
    num_rows, only = 0, [0, 0]
    found = []
    for a, b in pairs:
        num_rows += 1
        gap = _error(b) - _error(a)
        if gap:
            only[gap < 0] += 1
            found.append((abs(gap), a, b))
    found.sort(key=lambda entry: -entry[0])
    rows = [
        {"text": a["text"], "truth": named(a["truth"]), "a": named(_answer(a)), "b": named(_answer(b))}
        for _, a, b in islice(found, _SHOWN_ROWS)
    ]
    return {
        "a": in_order[0]["name"],
        "b": in_order[1]["name"],
        "only_a": only[0],
        "only_b": only[1],
        "n": num_rows,
        "rows": rows,
    }


def _answers(compared: Compared, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return read_lines(compared.folder / row["files"]["predictions"])


def _answer(line: dict[str, Any]) -> Any:
    return next(line[key] for key in ("label", "labels", "score") if key in line)


def _error(line: dict[str, Any]) -> float:
    """0 where the answer is right, otherwise 1; of scores the distance."""
    answer, truth = _answer(line), line["truth"]
    if isinstance(answer, list):
        return float(set(answer) != set(truth))
    return float(answer != truth) if isinstance(answer, str) else abs(answer - truth)


def _command(compared: Compared) -> str:
    file, folder = shlex.quote(compared.record["data"]["name"]), shlex.quote(compared.name)
    return f"textwright train {file} --recipe {folder}/recipe.yaml --out my-model"
