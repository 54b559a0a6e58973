"""Long passages that stand in many texts that are otherwise different: signatures, disclaimers, menus.

Every run of a few tokens is counted over different texts; the commonest is grown to the left and to the
right for as long as nearly all of its rows go on alike, and then the next one. It counts where what stands
beside it differs: a text that was copied with a word changed is a near twin, and another check's affair.

Shapes: T tokens of a passage.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from textwright.audit.base import Check, Planted, Targets, drawn, units
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity
from textwright.audit.personal.finding import find_spans
from textwright.audit.personal.masking import masked
from textwright.audit.phrases import MIN_ROWS, Phrases, Tokens, phrases, split, surface, tokens
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.measure.bootstrap import rows_score
from textwright.text.clean import fold

WARN, LEAST_SHARE = 0.01, 0.001
MAX_PASSAGES, MAX_TRIED = 20, 1_000
# Tokens of the shortest passage: a word says more than a Han character.
SIZES = {"zh": 12, "ja": 12}
SIZE = 8
# A passage goes on where so many of its rows go on alike; so many of them are asked.
_ALIKE, _ASKED = 0.9, 200
# A passage that stands nearly only where another one with some of its words does is told with it.
_SAME_ROWS = 0.8
# What stands beside it is as long as this share of it, or it is (nearly) the whole text.
_BESIDE = 0.25
# Signs that end what stands before a passage.
_ENDS = " \t\r\n\u3000.,;:!?)。，；：！？）…"
# Tokens that are words: addresses of the web are mostly signs.
_WORDS = 0.6
_DIGIT = re.compile(r"\d")

Run = tuple[int, ...]


@dataclass(frozen=True)
class Passage:
    """What is said and how it stands in one of its texts; `rows` hold the part that all have."""

    run: Run
    text: str
    rows: IntArray


def run(data: AuditData) -> Result:
    found = passages(data)
    findings = [_finding(data, passage) for passage in found]
    held = np.unique(np.concatenate([[], *(passage.rows for passage in found)])).astype(np.int64)
    return Result.of(findings, {"rows": len(data), "passages": len(found), "rows_with": len(held)})


def passages(data: AuditData) -> list[Passage]:
    """The commonest first, at most `MAX_PASSAGES`."""
    size = SIZES.get(data.language, SIZE)
    copies: dict[str, list[int]] = {}
    for row, text in enumerate(data.folded):
        if text:
            copies.setdefault(text, []).append(row)
    same = [*copies.values()]
    texts = [data.texts[rows[0]] for rows in same]
    cut = tokens(texts)
    table = next(phrases(cut, np.zeros(len(texts), np.int64), 1, (size,), ()))
    least = max(MIN_ROWS, LEAST_SHARE * len(data))
    told: list[Passage] = []
    seen: list[Seen] = []
    for one in islice(_grown(cut, table, texts, least), MAX_TRIED):
        parts = _parts(one.run, size // 2)
        if any(parts & other.parts and _share(one.rows, other.rows) >= _SAME_ROWS for other in seen):
            continue  # the edge of another one, with what often stands beside that
        seen.append(Seen(parts, one.rows))
        whole, beside = _everywhere(one, [row for text in one.rows.tolist() for row in same[text]], data)
        told += [whole] if beside >= least else []
        if len(told) == MAX_PASSAGES:
            break
    return told


class Seen(NamedTuple):
    """A passage that was tried: its runs of half a window, and the texts that hold it."""

    parts: frozenset[Run]
    rows: IntArray


def _parts(run: Run, size: int) -> frozenset[Run]:
    return frozenset(run[i : i + size] for i in range(len(run) - size + 1))


def _share(rows: IntArray, others: IntArray) -> float:
    return float(np.isin(rows, others).mean())


def _grown(cut: Tokens, table: Phrases, texts: list[str], least: float) -> Iterator[Passage]:
    """Each frequent run with what stands around it, the commonest first."""
    starts = cut.starts[table.sample[:, 0]] + table.sample[:, 1]
    runs: list[Run] = [tuple(cut.ids[place : place + table.size].tolist()) for place in starts.tolist()]
    known, used = {run: g for g, run in enumerate(runs)}, np.zeros(len(runs), np.bool_)
    for g in np.argsort(-table.rows, kind="stable").tolist():
        if table.rows[g] < least:
            return
        if used[g] or len(set(runs[g])) < table.size // 2:
            continue
        rows = table.of(g)
        asked = rows[:: -(-len(rows) // _ASKED)]
        own = [cut.ids[cut.starts[row] : cut.starts[row + 1]].tolist() for row in asked.tolist()]
        places = [_place(ids, runs[g]) for ids in own]
        before = _same(list(zip(own, places, strict=True)), -1)
        behind = _same([(ids, at + table.size - 1) for ids, at in zip(own, places, strict=True)], 1)
        whole = (*reversed(before), *runs[g], *behind)
        for i in range(len(whole) - table.size + 1):
            used[known.get(whole[i : i + table.size], g)] = True
        text = next(
            surface(texts[row], at - len(before), len(whole))
            for row, ids, at in zip(asked.tolist(), own, places, strict=True)
            if tuple(ids[at - len(before) : at - len(before) + len(whole)]) == whole
        )
        if sum(token.isalnum() for token in split(text)) >= _WORDS * table.size:
            yield Passage(whole, text.lstrip(_ENDS), rows)


def _place(ids: list[int], run: Run) -> int:
    return next(i for i in range(len(ids)) if tuple(ids[i : i + len(run)]) == run)


def _same(own: list[tuple[list[int], int]], step: int) -> list[int]:
    """The tokens that follow, in this direction, in nearly all of the rows that went along so far."""
    made: list[int] = []
    going, least = own, _ALIKE * len(own)
    while True:
        ahead = [(ids, at + step) for ids, at in going if 0 <= at + step < len(ids)]
        counts = Counter(ids[at] for ids, at in ahead)
        token, count = counts.most_common(1)[0] if counts else (0, 0)
        if count < least:
            return made
        made.append(token)
        going = [(ids, at) for ids, at in ahead if ids[at] == token]


def _everywhere(one: Passage, rows: list[int], data: AuditData) -> tuple[Passage, int]:
    """With all of these rows that hold it whole, and how many different texts stand beside it."""
    pattern = _pattern(one.text)
    held = [row for row in rows if pattern.search(data.texts[row])]
    beside = {fold(pattern.sub(" ", data.texts[row])) for row in held}
    enough = _BESIDE * len(fold(one.text))
    passage = Passage(one.run, one.text, np.sort(np.array(held, np.int64)))
    return passage, sum(len(text) >= enough for text in beside)


def _pattern(text: str) -> re.Pattern[str]:
    """The passage with any blanks and capitals."""
    return re.compile(r"\s*".join(re.escape(part) for part in re.split(r"\s+", text)), re.IGNORECASE)


def _is_personal(passage: Passage, texts: list[str]) -> bool:
    """Whether personal data or a secret stands in it, or reaches into it from what stands around."""
    pattern = _pattern(passage.text)
    around = (
        span.start < place.end() and place.start() < span.end
        for text in texts
        for span in find_spans(text)
        for place in pattern.finditer(text)
    )
    return bool(find_spans(passage.text)) or any(around)


def _finding(data: AuditData, passage: Passage) -> Finding:
    share = rows_score(len(passage.rows), len(data))
    severity: Severity = "warn" if share.value > WARN else "info"
    is_personal = _is_personal(passage, [data.texts[row] for row in passage.rows[:_ASKED].tolist()])
    shown = _DIGIT.sub("•", masked(passage.text)) if is_personal else passage.text
    cut = Fix("mask", "take this passage out of the texts", params={"terms": [passage.text]})
    first = Fix("mask", "mask the personal data in it first")
    return Finding(
        "boilerplate",
        severity,
        f"{_short(shown)} stands in {len(passage.rows):,} of {len(data):,} rows",
        subject=shown,
        evidence=Evidence("share", share.value, len(data), share.low, share.high),
        rows=passage.rows,
        why="a model learns it by heart, and takes it for a sign of the labels that its rows happen to have",
        limits="a saying or a title that many texts quote looks like this too",
        fixes=(first if is_personal else cut,),
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line}”" if len(line) <= 80 else f"“{line[:79]}…”"


_NOTES = {
    "en": (
        "This message was sent from a device on the move, please excuse its brevity.",
        "All rights reserved by the publisher; no part may be copied without a written permission.",
        "Click here to subscribe to our weekly letter and never miss an offer again",
    ),
    "zh": (
        "本内容由作者授权发布，未经许可不得以任何方式转载或使用",
        "点击下方链接关注我们的公众号，第一时间获取更多精彩内容",
        "以上观点仅代表个人立场，与所在单位无关，请读者自行判断",
    ),
}  # fmt: skip


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """One of three passages at the start, at the end or between two words of a share of the rows."""
    rng = generator(seed, "boilerplate")
    rows = drawn(data, rate, seed, "boilerplate")
    note = _NOTES["zh" if data.language == "zh" else "en"][int(rng.integers(3))]
    made = {}
    for row in rows.tolist():
        parts, gap = units(data.texts[row], data.language)
        place = (0, len(parts), int(rng.integers(len(parts) + 1)))[int(rng.integers(3))]
        made[row] = gap.join([*parts[:place], note, *parts[place:]])
    return Planted(data.with_texts(made), rows=rows)


def null(data: AuditData, seed: int) -> AuditData:
    """The words of every text in another order: as common as they were, and no passage is left."""
    rng = generator(seed, "boilerplate", "null")
    made = {}
    for row, text in enumerate(data.texts):
        parts, gap = units(text, data.language)
        made[row] = gap.join(parts[i] for i in rng.permutation(len(parts)).tolist())
    return data.with_texts(made)


CHECK = Check(
    id="boilerplate",
    family="text",
    says="passages that stand in many texts: signatures, disclaimers, menus",
    run=run,
    plant=plant,
    null=null,
    rates=(0.05, 0.2),
    targets=Targets(recall=0.97, precision=0.97),
)
