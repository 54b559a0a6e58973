"""The page of a learning curve, from curve.json."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from textwright.report.charts import Chart, growth_chart
from textwright.report.messages import SPOKEN
from textwright.report.page import both, environment
from textwright.report.shown import number, percent
from textwright.report.verdict import SHARES
from textwright.report.view import interval
from textwright.report.words import Language

Finding = tuple[str, dict[str, Any]]


def render_growth(record: dict[str, Any], name: str, recipe: str, language: Language | None = None) -> str:
    """The whole page; `language` is the one that it opens in, if not that of the command line."""
    return (
        environment()
        .get_template("growth.html")
        .render(
            r={"name": name, "record": record, "recipe": recipe},
            title="growth.page",
            language=language or SPOKEN.get(),
            sections=["growth", "reading", "settings", "glossary"],
            verdict=[both(key, **values) for key, values in _findings(record)],
            chart=_chart(record),
            command=_command(record, name),
        )
    )


def _findings(record: dict[str, Any]) -> Iterator[Finding]:
    say = percent if record["headline"] == "accuracy" else number
    last, twice = record["points"][-1], record["twice"]
    if twice is None:
        yield "growth.no_law", {}
    else:
        shown = twice["gain"]["low"] is not None and twice["gain"]["low"] > 0
        yield (
            "growth.shown" if shown else "growth.not_shown",
            {
                "now": number(last["rows"]),
                "then": number(twice["rows"]),
                "headline": record["headline"],
                "value": say(last["score"]["value"]),
                **{
                    key: say(twice["score"][part])
                    for key, part in (("expected", "value"), ("low", "low"), ("high", "high"))
                },
            },
        )
        gain = {
            key: f"{100 * end:+.1f}" if say is percent else f"{end:+.3f}" for key, end in _ends(twice["gain"])
        }
        yield ("growth.gain_points" if say is percent else "growth.gain"), gain
    if last["rows"] < record["planned"][-1]:
        yield "growth.part", {"rows": number(last["rows"]), "all": number(record["planned"][-1])}
    if record["missed"]:
        yield "growth.missed", {"n": sum(row["fits"] for row in record["missed"])}
    if record["interrupted"]:
        yield "growth.interrupted", {}


def _ends(score: dict[str, Any]) -> list[tuple[str, float]]:
    return [(key, score[part]) for key, part in (("gain", "value"), ("low", "low"), ("high", "high"))]


def _chart(record: dict[str, Any]) -> Chart | None:
    twice, law = record["twice"], record["law"]
    return growth_chart(
        [(point["rows"], *interval(point["score"])) for point in record["points"]],
        (twice["rows"], *interval(twice["score"])) if twice else None,
        [(rows, value) for rows, value in law["line"]] if law else [],
        x="growth.rows",
        y=f"name.{record['headline']}",
        share=record["headline"] in SHARES,
    )


def _command(record: dict[str, Any], name: str) -> str:
    sizes = ",".join(str(point["rows"]) for point in record["points"])
    file, folder = shlex.quote(record["data"]["name"]), shlex.quote(name)
    return f"textwright curve {file} --recipe {folder}/recipe.yaml --sizes {sizes} --out {folder}-again"
