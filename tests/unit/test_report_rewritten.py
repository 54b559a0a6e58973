"""The sections of a model of pairs: what was measured stands there, what says nothing does not."""

from __future__ import annotations

import numpy as np

from textwright.core.seeds import generator
from textwright.measure.trust import TrustMeter
from textwright.report.page import both
from textwright.report.rewritten import rewriting_of
from textwright.tasks.rewriting.scoring import HEADLINE, scored

SOURCES = [
    f"Tom has {n} cats and the dog of Ann runs home now." + " It is late, and it rains." * (n % 5)
    for n in range(60)
]


def details(task: str, made: list[str], wanted: list[str]) -> dict[str, object]:
    return scored(task, "en", SOURCES, made, [[text] for text in wanted]).details


def confidence() -> dict[str, object]:
    rng, meter = generator(0, "page"), TrustMeter()
    chances = rng.random(200)
    meter.update(chances, rng.random(200) < chances)
    scores = {name: score.to_json() for name, score in meter.scores().items()}
    return {"metric": "chrf", "least": 40.0, "rows": 200, "scores": scores, **meter.details()}


def test_rates_of_summaries_stand_beside_those_of_people() -> None:
    wanted = [source.partition(".")[0] + "." for source in SOURCES]
    made = [text.replace("Tom", "Tim").replace("cats", "cats with Joe") for text in wanted]
    found = rewriting_of(details("summarize", made, wanted), HEADLINE["summarize"])
    rates = {rate.key: rate for rate in found.rates}
    assert (
        rates["rate.unsupported_names"].value == "100.0" and rates["rate.unsupported_names"].people == "0.0"
    )
    assert rates["rate.verbatim"].value == "0.0 %" and rates["rate.verbatim"].people == "100.0 %"
    assert rates["rate.new_1grams"].people == "0.0 %" < rates["rate.new_1grams"].value
    assert all(str(both(rate.key)) for rate in found.rates), "each has its words in both languages"
    assert [*rates][:2] == ["rate.empty", "rate.loops"]


def test_scores_by_length_leave_out_what_is_too_little_to_say() -> None:
    made = [source if n < 30 else "No." for n, source in enumerate(SOURCES)]
    record = details("translate", made, SOURCES)
    found = rewriting_of(record, "chrf")
    assert sum(bucket.n for bucket in found.buckets) == 60 and found.by_length is None
    assert [bool(bucket.score) for bucket in found.buckets] == [bucket.n >= 20 for bucket in found.buckets]
    assert not all(bucket.score for bucket in found.buckets), "there are twelve rows of a length"
    more = rewriting_of({"by_length": [{**bucket, "few": False} for bucket in record["by_length"]]}, "chrf")  # type: ignore[attr-defined]
    assert more.by_length is not None and len(more.by_length.dots) == len(more.buckets) > 2
    assert all(bucket.score for bucket in more.buckets) and not more.rates


def test_confidence_has_its_figures_or_a_reason() -> None:
    found = rewriting_of({"confidence": confidence()}, "chrf")
    assert found.sure is not None and found.reliability is not None and found.risk is not None
    assert both("sure.how", **found.sure).count("0.") >= 8 and not found.why
    first, flat = found.risk.lines
    assert first.points.endswith(flat.points.split()[-1]), "of all answers the order does not matter"
    assert len(found.reliability.dots) == sum(each["n"] > 0 for each in confidence()["reliability"])  # type: ignore[attr-defined]
    none = rewriting_of({"confidence": {**confidence(), "why": "it says nothing"}}, "chrf")
    assert none.sure is none.reliability is none.risk is None and none.why
    old = rewriting_of({}, "chrf")
    assert not (old.rates or old.buckets or old.sure or old.why)


def test_summaries_have_scores_by_the_length_of_their_texts_too() -> None:
    record = details("summarize", SOURCES, SOURCES)
    buckets = record["by_length"]
    assert len(buckets) >= 2  # type: ignore[arg-type]
    assert all(bucket["rougeL"]["value"] == 100 for bucket in buckets)  # type: ignore[attr-defined]
    spoilt = [text if len(text.split()) < 20 else "rain" for text in SOURCES]
    values = [b["rougeL"]["value"] for b in details("summarize", spoilt, SOURCES)["by_length"]]  # type: ignore[attr-defined]
    assert values[0] == 100 and np.mean(values[1:]) < 20
