"""The page of a comparison of models of pairs, from comparison.json and what lies beside it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from textwright.report.comparison import others_in_words, ranked, rows_of, score_charts
from textwright.report.messages import SPOKEN
from textwright.report.page import both, environment
from textwright.report.records import Curve, read_curves, read_lines
from textwright.report.shown import number
from textwright.report.view import learning_charts
from textwright.report.words import Language, word

_SHOWN_PAIRS, _SHOWN_ANSWERS = 6, 4
_NETWORKS = ("m2m100", "lstm")


def render_contest(folder: Path, record: dict[str, Any], name: str, language: Language | None = None) -> str:
    """The whole page; `language` is the one that it opens in, if not that of the command line."""
    rows = rows_of(record)
    in_order = ranked(rows)
    curves = {row["name"]: curve for row in record["candidates"] if (curve := _curve(folder, row))}
    return (
        environment()
        .get_template("contest.html")
        .render(
            r={"name": name, "record": record},
            title="compared.page",
            language=language or SPOKEN.get(),
            sections=["contest", "costs", "curves", "beside", "settings", "language.words"],
            verdict=[both(key, **values) for key, values in _findings(record, in_order)],
            rows=rows,
            charts={**score_charts(rows, record), **learning_charts([*curves.items()])},
            pairs=_beside(folder, in_order),
            commands=_commands(record, name),
        )
    )


def _curve(folder: Path, row: dict[str, Any]) -> Curve | None:
    file = row["files"].get("events")
    found = read_curves(folder / file) if file else []
    return found[-1] if found else None


def _findings(record: dict[str, Any], in_order: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    best, others = in_order[0], in_order[1:]
    score, headline = best["score"], word("page", f"name.{record['headline']}", "en")
    bounds = {key: number(score[key]) for key in ("value", "low", "high")}
    yield "contest.verdict", {"best": best["name"], "headline": headline, "n": number(score["n"]), **bounds}
    yield from others_in_words(others)
    if best["kind"] == "method":
        yield "contest.nothing_learned", {"best": best["name"]}
    tried = {row["name"] for row in in_order}
    if record["split"] == "validation" and tried & set(_NETWORKS):
        yield "contest.chosen_on", {}
    refused = len(record["candidates"]) - len(in_order)
    if refused:
        yield "compared.refused", {"n": refused}
    if record["interrupted"]:
        yield "compared.interrupted", {}


def _beside(folder: Path, in_order: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first pairs that were judged on, with what the best few made of them."""
    best = in_order[:_SHOWN_ANSWERS]
    lines = [islice(read_lines(folder / row["files"]["answers"]), _SHOWN_PAIRS) for row in best]
    return [
        {
            "source": found[0]["source"],
            "target": found[0]["target"],
            "answers": [(row["name"], line["answer"]) for row, line in zip(best, found, strict=True)],
        }
        for found in zip(*lines, strict=True)
    ]


def _commands(record: dict[str, Any], name: str) -> list[str]:
    """What to do with the best model, or with a method that was as good."""
    folder, task = shlex.quote(name), record["task"]
    best = next(row for row in record["candidates"] if row["chosen"])
    found = []
    if best["kind"] == "method" and task == "summarize":
        found.append(f"textwright summarize FILE --method {best['name']}")
    if record["kept"] is not None:
        found.append(f"textwright {task} {folder}/model FILE --out answers.jsonl")
    return found
