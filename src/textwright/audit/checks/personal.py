"""Personal data in texts: how to reach a person, numbers of papers and of accounts, where somebody lives."""

from __future__ import annotations

from functools import partial

import numpy as np

from textwright.audit.base import Check, Planted, Targets, drawn
from textwright.audit.findings import Finding, Fix, Result
from textwright.audit.personal import inventing
from textwright.audit.personal.finding import PERSONAL, SECRETS, find_all
from textwright.audit.personal.kinds import KINDS, preview
from textwright.audit.personal.masking import masked
from textwright.audit.personal.spans import Rule, Span
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.measure.bootstrap import rows_score

_SHOWN = 20
LIMITS = "found by form and check digits alone: names of persons are not checked, and not every form is known"


def run(data: AuditData) -> Result:
    found = spans_of(data, PERSONAL)
    return Result.of(
        [
            Finding(
                "personal",
                KINDS[kind].severity,
                f"{len(rows):,} of {len(data):,} rows hold personal data: {KINDS[kind].says}",
                subject=kind,
                rows=rows,
                previews=previews(data, found, kind, rows),
                why="a model may repeat what it has read, and what is personal needs a reason to be kept",
                limits=LIMITS,
                fixes=(
                    Fix("mask", "put a token in its place", safe=True, params={"kinds": [kind]}),
                    Fix(
                        "pseudonym",
                        "put a made-up value of the same form in its place",
                        params={"kinds": [kind]},
                    ),
                ),
                details=details(found, kind),
            )
            for kind, rows in rows_by_kind(found).items()
        ],
        *numbers(data, found),
    )  # fmt: skip


Found = list[list[tuple[Span, str]]]


def spans_of(data: AuditData, rules: tuple[Rule, ...]) -> Found:
    """What of these rules stands in each row, of pairs on both sides, with the value itself."""
    kinds = {rule.kind for rule in rules}
    ordered = (*SECRETS, *PERSONAL) if rules is PERSONAL else rules  # a secret is no telephone number

    def of(texts: list[str]) -> Found:
        found = zip(texts, find_all(texts, ordered), strict=True)
        return [[(s, text[s.start : s.end]) for s in spans if s.kind in kinds] for text, spans in found]

    own = of(data.texts)
    if not data.others:
        return own
    return [[*a, *b] for a, b in zip(own, of(data.others), strict=True)]


def rows_by_kind(found: Found) -> dict[str, IntArray]:
    """The rows of each kind, those with the most places first; grave kinds first, then the frequent ones."""
    counts: dict[str, dict[int, int]] = {}
    for row, spans in enumerate(found):
        for span, _ in spans:
            own = counts.setdefault(span.kind, {})
            own[row] = own.get(row, 0) + 1
    order = sorted(counts, key=lambda kind: (KINDS[kind].severity != "high", -len(counts[kind]), kind))
    return {
        kind: np.array(sorted(counts[kind], key=lambda row: (-counts[kind][row], row)), np.int64)
        for kind in order
    }


def previews(data: AuditData, found: Found, kind: str, rows: IntArray) -> tuple[str, ...]:
    """Two characters of the first one of each row."""
    return tuple(
        preview(kind, next(value for span, value in found[row] if span.kind == kind))
        for row in rows[:_SHOWN].tolist()
    )


def details(found: Found, kind: str) -> dict[str, object]:
    values = ["".join(value.split()) for spans in found for span, value in spans if span.kind == kind]
    return {"kind": kind, "places": len(values), "different": len(set(values))}


def numbers(data: AuditData, found: Found) -> tuple[dict[str, object], dict[str, list[dict[str, object]]]]:
    """For the record: rows with something, and a table by kind."""
    held = sum(map(bool, found))
    table = [
        {**details(found, kind), "rows": len(rows), "share": len(rows) / len(data)}
        for kind, rows in rows_by_kind(found).items()
    ]
    share = rows_score(held, len(data)).to_json() if len(data) else None
    return {"rows": len(data), "held": held, "share": share, "names": "not checked"}, {"kinds": table}


def plant(data: AuditData, rate: float, seed: int, *, check: str = "personal") -> Planted:
    """A made-up value in a share of the rows, each kind in turn; in others a number of nobody."""
    rng = generator(seed, check)
    language = "zh" if data.language == "zh" else "en"
    kinds = inventing.PERSONAL[language] if check == "personal" else inventing.SECRETS
    rows = drawn(data, rate, seed, check)
    texts: dict[int, str] = {}
    for number, row in enumerate(rows.tolist()):
        words = "".join(inventing.entity(kinds[number % len(kinds)], language, rng))
        texts[row] = inventing.put_into(data.texts[row], words, language, rng)
    return Planted(with_decoys(data.with_texts(texts), rate, seed, spared=rows), rows=rows)


def with_decoys(data: AuditData, rate: float, seed: int, spared: IntArray) -> AuditData:
    rng = generator(seed, "decoys")
    language = "zh" if data.language == "zh" else "en"
    rows = np.setdiff1d(drawn(data, rate, seed, "decoys"), spared).tolist()
    return data.with_texts(
        {
            row: inventing.put_into(data.texts[row], inventing.decoy(language, rng), language, rng)
            for row in rows
        }
    )


def null(data: AuditData, seed: int) -> AuditData:
    """The rows with everything masked, and numbers that are nobody's in a fifth of them."""
    clean = data.with_texts({i: masked(text) for i, text in enumerate(data.texts)})
    if data.others:
        clean = clean.with_others({i: masked(text) for i, text in enumerate(data.others)})
    return with_decoys(clean, 0.2, seed, np.zeros(0, np.int64))


CHECK = Check(
    id="personal",
    family="personal",
    says="e-mail, telephone and identity numbers, cards, addresses and other personal data",
    run=run,
    plant=partial(plant, check="personal"),
    null=null,
    rates=(0.05, 0.2),
    targets=Targets(recall=0.98, precision=0.98),
)
