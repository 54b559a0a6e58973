"""The page of a language model, from the records of its folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textwright.report.charts import Chart, line_chart
from textwright.report.messages import SPOKEN
from textwright.report.page import both, environment
from textwright.report.records import Curve, Records, read_lines, read_records
from textwright.report.rewritten import Rewriting, rewriting_of
from textwright.report.shown import number, percent, seconds, shown
from textwright.report.tokencharts import LookMap, look_map
from textwright.report.words import Language, word

Finding = tuple[str, dict[str, Any]]
_TITLES = {"translate": "language.page_translate", "summarize": "language.page_summarize"}
_SAMPLES, _SHOWN = "samples.jsonl", 8
# Tasks of models that make one text of another, and the score that says most of each.
_PAIRS = {"translate": "chrf", "summarize": "rougeL"}


def render_language(
    folder: Path, manifest: dict[str, Any], name: str, language: Language | None = None
) -> str:
    """The whole page; `language` is the one that it opens in, if not that of the command line."""
    records = read_records(folder, manifest, name)
    samples = [*read_lines(folder / _SAMPLES)]
    curve = records.curves[0] if records.curves else Curve("")
    task, pairs = manifest["task"], manifest["task"] in _PAIRS
    first = "answers" if pairs else "scores"
    found = rewriting_of(records.scores.get("details", {}), _PAIRS[task]) if pairs else None
    sections = [f"language.{key}" for key in (first, "written") if samples or key != "written"]
    sections += [*_parts(found)] if found else []
    sections += [f"language.{key}" for key in ("curves", "data", "settings", "words")]
    return (
        environment()
        .get_template("language.html")
        .render(
            r=records,
            title=_TITLES.get(task, "language.page"),
            first=f"language.{first}",
            language=language or SPOKEN.get(),
            sections=sections,
            found=found,
            verdict=[both(key, **values) for key, values in findings(records)],
            samples=samples[:_SHOWN],
            answers=_answers(manifest),
            pairs=pairs,
            looks=[_looked(sample["attention"]) for sample in samples if "attention" in sample],
            loss=_loss(curve),
            checks=_checks(curve),
            data=records.manifest["data"][0],
            locked=_locked(records),
        )
    )


def _parts(found: Rewriting) -> Iterator[str]:
    """The sections of a model of pairs that there is something to say in."""
    if found.rates:
        yield "rates"
    if found.buckets:
        yield "lengths"
    if found.sure or found.why:
        yield "sure"


def findings(records: Records) -> Iterator[Finding]:
    """How well the language is known, what that took, and what limits it."""
    scores, details, plan = records.manifest["scores"], records.scores["details"], records.plan
    if "bits_per_byte" in scores:
        key = "language.answered" if _answers(records.manifest) else "language.bits"
        yield key, {**_ends(scores["bits_per_byte"]), "size": number(details["bytes"])}
    told = scores.get(_PAIRS.get(records.manifest["task"], ""))
    if told:
        name = word("page", f"name.{_PAIRS[records.manifest['task']]}", "en")
        yield "language.told", {**_ends(told), "name": name, "count": number(told["n"])}
    filled = scores.get("accuracy") or scores.get("gap_accuracy")
    if filled:
        accuracy = {key: percent(filled[part]) for key, part in _PARTS}
        yield "language.filled", {**accuracy, "count": number(details["told"])}
    yield (
        "language.took",
        {
            "tokens": number(plan["tokens"]),
            "epochs": number(plan["epochs"]),
            "time": seconds(plan["cost"]["seconds"]),
        },
    )
    yield from _added(plan.get("added", {}))
    if plan["interrupted"]:
        yield "language.interrupted", {}


def _added(made: dict[str, Any]) -> Iterator[Finding]:
    """The pairs that were made beside those given."""
    for key, told in (("back", "language.back"), ("taught", "language.taught")):
        if key in made:
            took = made[key]["seconds"]
            spent = sum(took.values()) if isinstance(took, dict) else took
            counts = {name: number(made[key][name]) for name in ("read", "made", "kept") if name in made[key]}
            yield told, {**counts, "time": seconds(spent)}


def _locked(records: Records) -> dict[str, str] | None:
    """What was tested on, and the scores on what the state was chosen by."""
    if records.manifest["split"] != "test":
        return None
    file, scores = records.manifest["data"][-1], (records.scores.get("validation") or {}).get("scores", {})
    told = [
        f"{word('page', f'name.{name}', 'en')} {number(score['value'])}" for name, score in scores.items()
    ]
    return {"name": shown(file["name"]), "pairs": number(file["rows"]), "scores": ", ".join(told)}


def _answers(manifest: dict[str, Any]) -> bool:
    """Whether the model was taught to answer."""
    return bool(manifest["schema"].get("objective") == "instruct")


def _looked(record: dict[str, Any]) -> LookMap:
    """Where it looked: rows are the tokens that were told."""
    return look_map(record["told"], record["weights"], record["read"])


_PARTS = (("value", "value"), ("low", "low"), ("high", "high"))


def _ends(score: dict[str, Any]) -> dict[str, str]:
    """A dash where a score of a few rows has no interval."""
    return {key: "–" if score[part] is None else f"{score[part]:.3f}" for key, part in _PARTS}


def _loss(curve: Curve) -> Chart | None:
    return line_chart([("loss", curve.loss, [])], x="curves.epoch", y="language.nats", is_thin=True)


def _checks(curve: Curve) -> Chart | None:
    """The score that decides, at each check; the one that was kept is marked."""
    metric, points = next(iter(curve.checks.items()), ("", []))
    kept = [point for point in points if point[0] == curve.best]
    return line_chart([(metric, points, kept)], x="curves.epoch", y=f"name.{metric}") if points else None
