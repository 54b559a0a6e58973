"""Rows in another language than most: by script first, and by common words among languages in Latin letters.

Shapes: N rows, S scripts.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from textwright.audit.base import Check, Planted, Targets, drawn_long
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.measure.bootstrap import rows_score
from textwright.text.pairs.languages import language_of, strangers
from textwright.text.pairs.scripts import letters_by_script
from textwright.text.script import SCRIPTS

WARN = 0.01
MIN_LETTERS = 4
MIN_LATIN = 20  # texts that tell which language they are in
HAN, KANA = 0.3, 0.1  # shares of a text's letters that decide
LATIN_CHARS = 20
NAMES = {"han": "zh", "kana": "ja", "hangul": "ko", "latin": "latin"}


def run(data: AuditData) -> Result:
    told = languages(data)
    counts = Counter(code for code in told if code)
    if not counts:
        return Result.of([], {"rows": len(data), "languages": {}})
    main = counts.most_common(1)[0][0]
    numbers = {"rows": len(data), "main": main, "languages": dict(counts.most_common())}
    findings = []
    for code, count in counts.most_common():
        if code != main:
            rows = np.array([i for i, own in enumerate(told) if own == code], np.int64)
            findings.append(_finding(data, code, count, rows, main))
    shares = {code: rows_score(count, len(data)) for code, count in counts.most_common()}
    table = [
        {"name": code, "value": one.value, "low": one.low, "high": one.high, "rows": counts[code]}
        for code, one in shares.items()
    ]
    return Result.of(findings, numbers, {"shares": table})


def languages(data: AuditData) -> list[str]:
    """The language of each row (N,): empty where a text is too short to tell; the script where only it shows.

    Latin letters are taken for the language of most such texts, unless common words of another one show.
    """
    letters = letters_by_script(data.texts)
    total = letters.sum(axis=1)
    shares = letters / np.maximum(total, 1)[:, None]
    column = {name: shares[:, SCRIPTS.index(name)] for name in SCRIPTS}
    told = np.array([NAMES.get(name, name) for name in SCRIPTS], object)[shares.argmax(axis=1)]
    told[column["han"] > HAN] = "zh"
    told[column["kana"] > KANA] = "ja"
    told[total < MIN_LETTERS] = ""
    latin = np.flatnonzero(told == "latin")
    texts = [data.texts[i] for i in latin.tolist()]
    usual = language_of(texts) if len(texts) >= MIN_LATIN else "und"
    if usual != "und":
        own = strangers(texts, usual)
        told[latin] = [
            stranger if stranger and len(text) >= LATIN_CHARS else usual
            for text, stranger in zip(texts, own, strict=True)
        ]
    return [str(code) for code in told]


def _finding(data: AuditData, code: str, count: int, rows: IntArray, main: str) -> Finding:
    share = rows_score(count, len(data))
    severity: Severity = "warn" if share.value > WARN else "info"
    return Finding(
        "languages",
        severity,
        f"{count:,} of {len(data):,} rows are in {code}, where most are in {main}",
        subject=code,
        evidence=Evidence("share", share.value, len(data), share.low, share.high),
        rows=rows,
        why="few rows of a language are learned badly, and a score over all of them hides it",
        limits=(
            "scripts are told by their letters; of languages in Latin letters only texts with several common "
            "words of another one are told"
        ),
        fixes=(
            Fix("drop", "drop these rows, if only the main language is meant"),
            Fix("collect", "or collect as many rows of this language as it needs"),
        ),
    )


_FOREIGN = {
    "en": "昨天下午我们在公园里看到了很多人，他们都很高兴。",
    "other": "We saw a lot of people in the park and all of them were very happy with it.",
}
_GERMAN = (
    "Wir haben gestern im Park viele Leute gesehen, und sie waren alle sehr froh, weil es nicht kalt war."
)


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """A share of the rows in another language: Russian, German, and Chinese or English by turns."""
    rows = drawn_long(data, rate, generator(seed, "languages"))
    other = _FOREIGN["en" if data.language == "en" else "other"]
    ways = (other, _GERMAN, "Вчера мы видели в парке много людей, и все они были рады.")
    return Planted(data.with_texts({row: ways[i % 3] for i, row in enumerate(rows.tolist())}), rows=rows)


def null(data: AuditData, seed: int) -> AuditData:
    """Rows whose letters are nearly all of the main script, and no other language's by its common words."""
    letters = letters_by_script(data.texts)
    shares = letters / np.maximum(letters.sum(axis=1), 1)[:, None]
    main = int(letters.sum(axis=0).argmax())
    kept = shares[:, main] > 0.9
    if SCRIPTS[main] == "latin":
        kept &= np.array([not own for own in strangers(data.texts, language_of(data.texts))])
    return data.taken(np.flatnonzero(kept))


CHECK = Check(
    id="languages",
    family="text",
    says="rows in another language than most",
    run=run,
    plant=plant,
    null=null,
    targets=Targets(recall=0.97, precision=0.97),
)
