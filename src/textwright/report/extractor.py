"""The page and the card of a learned extractor of summaries, from the records of its folder."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from textwright.report.charts import Chart, whiskers
from textwright.report.markdown import STATED, languages, rendered
from textwright.report.messages import SPOKEN
from textwright.report.page import both, environment
from textwright.report.records import Records, read_lines, read_records
from textwright.report.shown import number, seconds, shown
from textwright.report.words import Language

_HEADLINE, _LEVEL = "rougeL", 0.05
_SAMPLES, _SHOWN = "samples.jsonl", 8
_LAST = ("data", "settings", "words")


def render_extractor(
    folder: Path, manifest: dict[str, Any], name: str, language: Language | None = None
) -> str:
    """The whole page; `language` is the one that it opens in, if not that of the command line."""
    records = read_records(folder, manifest, name)
    samples = [*read_lines(folder / _SAMPLES)]
    beside = records.scores["details"]["beside"]
    sections = ["extractor.beside", *(["extractor.written"] if samples else [])]
    return (
        environment()
        .get_template("extractor.html")
        .render(
            r=records,
            title="language.page_summarize",
            language=language or SPOKEN.get(),
            sections=["language.answers", *sections, *(f"language.{key}" for key in _LAST)],
            verdict=[both(key, **values) for key, values in findings(records)],
            rows=[{**row, "outcome": outcome(row)} for row in beside],
            charts=_charts(manifest, beside),
            samples=samples[:_SHOWN],
            data=manifest["data"][0],
        )
    )


def findings(records: Records) -> Iterator[tuple[str, dict[str, Any]]]:
    """How good its summaries are, whether something simpler is as good, and what it took."""
    score, plan = records.manifest["scores"][_HEADLINE], records.plan
    ends = {key: number(score[key]) for key in ("value", "low", "high")}
    yield "extractor.told", {**ends, "count": number(score["n"])}
    beside = records.scores["details"]["beside"]
    named: dict[str, list[str]] = {"worse": [], "alike": [], "better": []}
    for row in beside:
        named[outcome(row)].append(row["method"])
    if beside and len(named["worse"]) == len(beside):
        yield "extractor.all_worse", {"names": ", ".join(named["worse"])}
    elif named["worse"]:
        yield "extractor.some_worse", {"names": ", ".join(named["worse"])}
    for key, told in (("alike", "extractor.some_alike"), ("better", "extractor.some_better")):
        if named[key]:
            yield told, {"names": ", ".join(named[key])}
    yield (
        "extractor.took",
        {"pairs": number(plan["pairs"]), "time": seconds(plan["cost"]["seconds"])},
    )


def outcome(row: dict[str, Any]) -> str:
    """What a baseline is: `worse`, `better`, or `alike` where no difference was shown."""
    gap = row["difference"][_HEADLINE]
    if gap["p_value"] >= _LEVEL or not gap["value"]:
        return "alike"
    return "worse" if gap["value"] > 0 else "better"


def _charts(manifest: dict[str, Any], beside: list[dict[str, Any]]) -> dict[str, Chart | None]:
    own = manifest["scores"][_HEADLINE]
    rows = [(manifest["architecture"], own), *((row["method"], row["scores"][_HEADLINE]) for row in beside)]
    gaps = [(row["method"], row["difference"][_HEADLINE]) for row in beside]
    return {
        key: whiskers(
            [(name, score["value"], score["low"], score["high"]) for name, score in found],
            x=f"name.{_HEADLINE}",
            share=False,
        )
        for key, found in (("scores", rows), ("differences", gaps))
    }


def make_extractor_card(records: Records, stated: dict[str, str] | None = None) -> dict[str, Any]:
    """All values of the card, once, ready for JSON."""
    manifest, plan, data = records.manifest, records.plan, records.data
    known = [code for code in manifest["schema"].get("languages") or [] if code != "und"]
    return {
        "name": records.name,
        "task": manifest["task"],
        "architecture": manifest["architecture"],
        "textwright_version": manifest["textwright_version"],
        "file": manifest["data"][0],
        "pairs": data.get("pairs") or {},
        "learned_from": plan.get("pairs"),
        "length": {key: plan["model"][key] for key in ("sentences", "words")},
        "languages": list(dict.fromkeys(known)) or None,
        "scripts": {k: v for k, v in (data.get("scripts") or {}).items() if v >= 0.01},
        "scores": manifest["scores"],
        "beside": [
            {
                "method": row["method"],
                "score": row["scores"][_HEADLINE],
                "difference": row["difference"][_HEADLINE],
                "outcome": outcome(row),
            }
            for row in records.scores["details"]["beside"]
        ],
        "split": manifest["split"],
        "parameters": manifest["parameters"],
        "cost": plan.get("cost"),
        "stated": {key: (stated or {}).get(key) for key in STATED},
    }


def render_extractor_card(card: dict[str, Any], language: Language) -> str:
    """The card as Markdown, with the metadata that the Hugging Face Hub reads."""
    name = shlex.quote(shown(card["name"]))
    return rendered("extractor_card.md", card, language, _metadata(card), shell_name=name)


def _metadata(card: dict[str, Any]) -> ModelCardData:
    file = shown(card["file"]["name"])
    results = [
        EvalResult("summarization", file, file, name, score["value"], dataset_split=card["split"])
        for name, score in card["scores"].items()
        if score["value"] is not None
    ]
    return ModelCardData(
        language=card["languages"] or languages(card["scripts"]),
        license=card["stated"]["license"],
        library_name="textwright",
        pipeline_tag="summarization",
        tags=["textwright", card["architecture"], "extractive"],
        model_name=shown(card["name"]),
        eval_results=results or None,
    )
