"""What the page of a model of pairs says of its answers beside their scores: rates, lengths, confidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from textwright.report.charts import Chart, Series, line_chart, reliability, whiskers
from textwright.report.shown import number, percent


@dataclass(frozen=True)
class Rate:
    """A line of the table: `key` names what is counted, `low` and `high` are there where it has an interval,
    `people` is the same of what the file has.
    """

    key: str
    value: str
    interval: str
    people: str


@dataclass(frozen=True)
class LengthBucket:
    """Answers to sources of so many words; `score` is nothing where they are too few to say."""

    words: str
    n: int
    score: str
    interval: str


@dataclass(frozen=True)
class Rewriting:
    """What the details of a measurement say; `sure` are values of fixed texts, None without a confidence."""

    metric: str
    rates: list[Rate]
    buckets: list[LengthBucket]
    by_length: Chart | None
    why: str
    sure: dict[str, str] | None
    reliability: Chart | None
    risk: Chart | None


def rewriting_of(details: Mapping[str, Any], metric: str) -> Rewriting:
    """What there is to show of answers whose `metric` says most; parts that older folders lack are empty."""
    buckets = details.get("by_length") or []
    buckets = buckets if len(buckets) > 1 else []
    sure = details.get("confidence") or {}
    bins = [each for each in sure.get("reliability", []) if each["n"]]
    told = bool(bins) and "why" not in sure
    return Rewriting(
        metric,
        [*_rates(details)],
        [_bucket(each, metric) for each in buckets],
        _by_length(buckets, metric),
        sure.get("why", ""),
        _sure(sure) if told else None,
        replace(reliability([_bin(each) for each in bins]), x="sure.x", y="sure.y") if told else None,
        _risk(sure) if told else None,
    )


def _rates(details: Mapping[str, Any]) -> Iterator[Rate]:
    ratio, copied = details.get("length_ratio"), details.get("copied")
    if ratio:
        yield Rate("rate.length", number(ratio["characters"]), "", number(1.0))
    for name in ("empty", "loops"):
        if name in details:
            yield _share(f"rate.{name}", details[name])
    if copied:
        yield _share("rate.same", copied["rows"])
        yield Rate("rate.copied", percent(copied["tokens"]), "", percent(copied["tokens_of_reference"]))
    ours, people = details.get("extraction"), details.get("extraction_of_references") or {}
    if ours:
        yield _share("rate.verbatim", ours["verbatim"], people.get("verbatim"))
        yield Rate("rate.coverage", percent(ours["coverage"]), "", percent(people.get("coverage")))
        for name in ("new_1grams", "new_2grams", "new_3grams"):
            yield Rate(f"rate.{name}", percent(ours[name]), "", percent(people.get(name)))
        yield Rate("rate.compression", number(ours["compression"]), "", number(people.get("compression")))
    support, true = details.get("support") or {}, details.get("support_of_references") or {}
    for name, value in support.get("per_100", {}).items():
        people_have = number(true.get("per_100", {}).get(name), 1)
        yield Rate(f"rate.unsupported_{name}", number(value, 1), "", people_have)


def _share(key: str, score: Mapping[str, Any], people: Mapping[str, Any] | None = None) -> Rate:
    interval = f"{percent(score['low'])} – {percent(score['high'])}"
    return Rate(key, percent(score["value"]), interval, percent(people["value"]) if people else "")


def _bucket(record: Mapping[str, Any], metric: str) -> LengthBucket:
    score = record[metric]
    is_few = record.get("few", False)
    interval = f"{number(score['low'])} – {number(score['high'])}"
    return LengthBucket(
        _words(record), record["n"], "" if is_few else number(score["value"]), "" if is_few else interval
    )


def _words(record: Mapping[str, Any]) -> str:
    low, high = record["from"], record["to"]
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _by_length(buckets: list[dict[str, Any]], metric: str) -> Chart | None:
    known = [(_words(each), each[metric]) for each in buckets if not each.get("few", False)]
    rows = [(words, score["value"], score["low"], score["high"]) for words, score in known]
    return whiskers(rows, x=f"name.{metric}", share=False) if len(rows) > 1 else None


def _sure(record: Mapping[str, Any]) -> dict[str, str]:
    auc, ece = record["scores"]["auc"], record["scores"]["ece"]
    return {
        **{f"auc_{end}": number(auc[end]) for end in _ENDS},
        **{f"ece_{end}": number(ece[end]) for end in _ENDS},
        "metric": record["metric"],
        "least": number(record["least"]),
        "rows": number(record["rows"]),
        "floor": number(record["noise_floor"]),
    }


_ENDS = ("value", "low", "high")


def _bin(record: Mapping[str, Any]) -> tuple[float, float, float, float, int]:
    return record["confidence"], record["accuracy"], record["low"], record["high"], record["n"]


def _risk(record: Mapping[str, Any]) -> Chart | None:
    """The share that is not good of each share of the surest; in any order it would be the same for all."""
    points = [(each["coverage"], each["risk"]) for each in record["risk_coverage"]]
    base = 1 - record["good"]["value"]
    flat = [(points[0][0], base), (1.0, base)]
    series: list[Series] = [("sure.first", points, []), ("sure.any", flat, [])]
    chart = line_chart(series, x="sure.coverage", y="sure.risk", share=True)
    return chart and replace(chart, has_words=True)
