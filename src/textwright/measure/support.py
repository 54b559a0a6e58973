"""Does a summary say only what stands in its source: its names and its numbers, without a model.

Made so that what it reports is right, not so that nothing is missed: a name at the start of a sentence, a
number that English spells, and a true name in a false place are passed over. Of the human summaries of two
public sets, DialogSum and Chinese television news, 1 in 100 is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from textwright.measure.base import require_rows
from textwright.measure.bootstrap import rows_score
from textwright.measure.numerals import Values, numerals
from textwright.measure.words import HALF_WIDTH, UNSPACED_CLASS, SpaceTally

Kind = Literal["name", "number"]

_LETTER = rf"(?![{UNSPACED_CLASS}])[^\W_]"
# A word with what belongs into it: O'Neill, U.S., AT&T, Jean-Luc, C919.
_WORD = re.compile(rf"(?:{_LETTER})(?:{_LETTER}|[’'&.-](?={_LETTER}))*")
_SENTENCE_ENDS = frozenset(".!?。！？…:：;；\n")
_PASSED_OVER = frozenset(" \t\"'“”‘’「」『』《》()（）[]*#-—_")
_OPENS_QUOTE = frozenset('"“‘「『《(（')
# Capital letters that are no name, and what stands before a name.
_NO_NAMES = frozenset((
    "i", "i'm", "i'd", "i'll", "i've", "ok", "o.k", "a", "an", "the", "mr", "mrs", "ms", "dr",
    "miss", "sir", "madam", "mister", "prof", "professor", "no", "yes", "pm", "am", "p.m", "a.m",
    "god", "tv", "vs", "mom", "mum", "dad", "mommy", "daddy", "grandma", "grandpa", "uncle", "aunt",
))  # fmt: skip
_ABBREVIATIONS = frozenset((
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "no", "vs", "mt", "rev", "gen", "col", "lt",
    "sen", "gov",
))  # fmt: skip
_DAYS_AND_MONTHS = frozenset((
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january",
    "february", "march", "april", "june", "july", "august", "september", "october", "november",
    "december",
))  # fmt: skip
# What a word may end in and still be of the same name: America, American; China, Chinese; Italy, Italian.
_ENDINGS = (
    "",
    "'s",
    "’s",
    "s",
    "es",
    "n",
    "an",
    "ian",
    "ese",
    "ish",
    "y",
    "e",
    "a",
    "ic",
    "er",
    "ers",
    "ns",
    "ans",
)
_CONTRACTION = re.compile(r"[’'](?:s|ll|d|ve|re)$")
# Countries that go by several names, none of which is a form of the other.
_ALIASES = (
    frozenset(("america", "american", "us", "usa", "u.s", "u.s.a", "states")),
    frozenset(("uk", "u.k", "britain", "british", "england", "english")),
)
_MIN_STEM, _MIN_SQUEEZED, _MAX_CAPITALISED, _MIN_UNSPACED = 3, 5, 0.6, 0.2


@dataclass(frozen=True)
class Found:
    """A piece of a summary that its source does not have: `text` is summary[start:end]."""

    text: str
    start: int
    end: int
    kind: Kind


def unsupported(source: str, summary: str) -> list[Found]:
    """Names and numbers of a summary that do not stand in its source, in order.

    Names are capitalised words that do not begin a sentence, and runs of them; in Chinese and other texts
    without spaces, Latin words with a capital. Another form of the same name is the same (America, American;
    U.S., US; United Nations, UN), and so is another way to write a number (`numerals`): rounded ones, spelled
    ones and times of the source are understood. A summary in capitals throughout, or with most words
    capitalised (so most of German), has no names to be told by them.

    >>> source = "Tom Baker said that 1,200 people had left Kyiv on the fifth of March."
    >>> unsupported(source, "On 5 March 1200 people left Kyiv, says Baker.")
    []
    >>> [(found.text, found.kind) for found in unsupported(source, "Now 1300 left Lviv, says Tom Cook.")]
    [('1300', 'number'), ('Lviv', 'name'), ('Cook', 'name')]
    >>> source = "公司三月五日宣布，GDP增长三百二十亿元"
    >>> [found.text for found in unsupported(source, "3月5日：GDP增长320亿，CPI涨2%")]
    ['CPI', '2']
    """
    return [found for found, holds in _claims(source, summary) if not holds]


def _claims(source: str, summary: str) -> Iterator[tuple[Found, bool]]:
    """What a summary claims, in order, and whether the source has it."""
    values, known = Values(source), _Names(source)
    claims = []
    for numeral in numerals(summary):
        text = summary[numeral.start : numeral.end]
        holds = values.hold(numeral) or _stands_in(text, source)
        claims.append((Found(text, numeral.start, numeral.end, "number"), holds))
    for start, end in _names(summary):
        text = summary[start:end]
        claims.append((Found(text, start, end, "name"), known.have(text)))
    return iter(sorted(claims, key=lambda claim: claim[0].start))


def _stands_in(text: str, source: str) -> bool:
    """Letter by letter, not as a part of a longer number."""
    return re.search(rf"(?<![\d.]){re.escape(text)}(?!\d)", source) is not None


def _names(summary: str) -> list[tuple[int, int]]:
    """The words of a text that are names."""
    tally = SpaceTally()
    tally.add(summary)
    plain = summary.translate(HALF_WIDTH)
    matches = [
        match for match in _WORD.finditer(plain) if not match[0][0].isdigit() or _has_letters(match[0])
    ]
    if tally.share > _MIN_UNSPACED:
        return [match.span() for match in matches if len(match[0]) > 1 and match[0] != match[0].lower()]
    capitals = [match for match in matches if match[0][0].isupper() and not _is_no_name(match[0].lower())]
    inside = [match for match in capitals if not _begins_sentence(plain, match.start())]
    if len(matches) > 3 and len(inside) > _MAX_CAPITALISED * len(matches):
        return []
    return [match.span() for match in inside]


def _is_no_name(word: str) -> bool:
    """Mr, I'm; No.58."""
    return word in _NO_NAMES or (word.rpartition(".")[0] in _NO_NAMES and word[-1].isdigit())


def _has_letters(word: str) -> bool:
    """5G, but no 3rd, 30s, 5pm or 20km."""
    return word.isalnum() and any(c.isupper() for c in word)


def _begins_sentence(text: str, start: int) -> bool:
    place = start - 1
    while place >= 0 and text[place] in _PASSED_OVER:
        if text[place] in _OPENS_QUOTE:
            return True
        place -= 1
    if place < 0:
        return True
    if text[place] == ".":
        before = re.search(r"([^\W\d_]+)\.$", text[: place + 1])
        if before and (before[1].lower() in _ABBREVIATIONS or (len(before[1]) == 1 and before[1].isupper())):
            return False
    return text[place] in _SENTENCE_ENDS


class _Names:
    """The words of a source, and all forms in which a name may stand in it."""

    def __init__(self, source: str) -> None:
        plain = source.translate(HALF_WIDTH)
        found = [match[0].lower() for match in _WORD.finditer(plain)]
        parts = [part for word in found for part in re.split(r"[’'&.-]", word) if part]
        self._words = {*found, *parts}
        self._stems = {stem for word in self._words for stem in _stems(word)}
        self._initials = "".join(word[0] for word in parts)
        self._squeezed = re.sub(r"[\W_]", "", plain.lower())

    def have(self, name: str) -> bool:
        word = _CONTRACTION.sub("", name.translate(HALF_WIDTH).lower())
        if word in self._words or _stems(word) & self._stems:
            return True
        if any(word in alias and alias & self._words for alias in _ALIASES):
            return True
        parts = [part for part in re.split(r"[’'&.-]", word) if part]
        if len(parts) > 1 and all(part in self._words or part == "s" for part in parts):
            return True
        letters = re.sub(r"[\W_]", "", word)
        if len(letters) >= _MIN_SQUEEZED and letters in self._squeezed:
            return True
        if letters in self._words or (name.isupper() and len(letters) > 1 and letters in self._initials):
            return True
        return word in _DAYS_AND_MONTHS and any(w[:3] == word[:3] and word.startswith(w) for w in self._words)


def _stems(word: str) -> set[str]:
    return {
        word[: len(word) - len(ending)]
        for ending in _ENDINGS
        if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM
    }


def support(sources: Sequence[str], summaries: Sequence[str]) -> dict[str, Any]:
    """How well a set of summaries (N,) stands on its sources (N,); ready for JSON.

    `flagged` is the share of summaries with anything unsupported (a score with Wilson's interval), `names`
    and `numbers` the share of these that the sources have, with their number `n`; `per_100` has how many of
    each that they do not have there are in 100 summaries. Raises DataError for no rows.

    >>> found = support(["Tom has 3 cats.", "It rains."], ["There Tom has 4 cats.", "It rains."])
    >>> found["flagged"]["value"], found["names"], found["numbers"]
    (0.5, {'n': 1, 'supported': 1.0}, {'n': 1, 'supported': 0.0})
    """
    if len(sources) != len(summaries):
        raise ValueError(f"{len(sources)} sources but {len(summaries)} summaries")
    require_rows(len(summaries))
    num_flagged = 0
    held: dict[Kind, list[bool]] = {"name": [], "number": []}
    for source, summary in zip(sources, summaries, strict=True):
        claims = list(_claims(source, summary))
        num_flagged += not all(holds for _, holds in claims)
        for found, holds in claims:
            held[found.kind].append(holds)
    shares = {
        f"{kind}s": {"n": len(all_), "supported": sum(all_) / len(all_) if all_ else None}
        for kind, all_ in held.items()
    }
    per_100 = {f"{kind}s": 100 * (len(all_) - sum(all_)) / len(summaries) for kind, all_ in held.items()}
    return {"flagged": rows_score(num_flagged, len(summaries)).to_json(), **shares, "per_100": per_100}
