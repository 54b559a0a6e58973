"""Numbers that English spells: twenty-five, three hundred and two, half past, March, the third, a dozen."""

from __future__ import annotations

import re
from itertools import pairwise

_BELOW_20 = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = (
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
)  # fmt: skip
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12,
}  # fmt: skip
_BIG = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "grand": 1000}
_SMALL: dict[str, int] = {
    **{word: n for n, word in enumerate(_BELOW_20)},
    **{word: 10 * n for n, word in enumerate(_TENS, 2)},
    **{f"{word}th": n for n, word in enumerate(_BELOW_20) if n > 3},
    **{f"{word[:-1]}ieth": 10 * n for n, word in enumerate(_TENS, 2)},
    **_ORDINALS,
    "oh": 0,
    "o": 0,
}
# What else says a number, and all that it may say.
_OTHERS: dict[str, tuple[float, ...]] = {
    "a": (1,), "an": (1,), "single": (1,), "once": (1,), "twice": (2,), "double": (2,), "both": (2,),
    "pair": (2,), "couple": (2,), "twins": (2,), "triple": (3,), "dozen": (12,), "decade": (10,),
    "century": (100,), "half": (0.5, 50, 30), "quarter": (0.25, 25, 15, 45), "noon": (12,),
    "midnight": (12, 0), "fortnight": (14, 2), "week": (7,), "all": (100,),
}  # fmt: skip
_NAMES_OF_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
MONTHS: dict[str, int] = {
    **{name: n for n, name in enumerate(_NAMES_OF_MONTHS, 1)},
    **{name[:3]: n for n, name in enumerate(_NAMES_OF_MONTHS, 1)},
    "sept": 9,
}
_CURRENCIES = ("dollar", "dollars", "pound", "pounds", "euro", "euros", "yuan")
_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)?|[^\sa-z\d-]")


def spelled_values(text: str) -> tuple[set[float], list[str]]:
    """All values that words of a text may stand for, and rows of digits that are spelled one by one.

    >>> values, rows = spelled_values("Nineteen ninety-five, five oh five two one, a hundred and two")
    >>> {1995.0, 95.0, 102.0} <= values, "50521" in rows
    (True, True)
    >>> 43.2 in spelled_values("forty-three dollars and twenty cents")[0]
    True
    """
    values, rows, run = set[float](), list[str](), list[str]()
    whole: set[float] = set()  # of a price whose cents may follow
    for word in [*_WORD.findall(text.lower()), "."]:
        values.update(_OTHERS.get(word, ()))
        values.update({float(MONTHS[word])} if word in MONTHS else ())
        singular = word.rstrip("s") if word.rstrip("s") in _BIG or word.rstrip("s") in _SMALL else word
        if singular in _SMALL or singular in _BIG or (run and re.fullmatch(r"\d+(?:\.\d+)?", word)):
            run.append(singular)
        elif run and word in ("and", "point"):
            run.append(word)
        elif run:
            found = _run_values(run)
            values |= found | {a + b / 100 for a in whole for b in found if 0 < b < 100}
            whole = found if word in _CURRENCIES else set()
            rows.append(
                "".join(str(_SMALL[w]) if w in _SMALL else w for w in run if w not in ("and", "point"))
            )
            run = []
    return values, rows


def _run_values(run: list[str]) -> set[float]:
    """Each word, words that follow each other, and all that they make together."""
    found: set[float] = set()
    for start in range(len(run)):
        for end in range(start + 1, min(len(run), start + 9) + 1):
            part = [w for w in run[start:end] if w != "and"]
            found |= set() if "point" in part else _composed(part)
    if "point" in run:
        place = run.index("point")
        before, after = _composed(run[:place]), "".join(str(_SMALL.get(w, "")) for w in run[place + 1 :])
        found |= {whole + float(f"0.{after}") for whole in before if after}
    return found


def _composed(part: list[str]) -> set[float]:
    if any(w not in _SMALL and w not in _BIG for w in part) or not part:
        return set()
    total = section = 0
    for w in part:
        if w in _SMALL:
            section += _SMALL[w]
        elif _BIG[w] == 100:
            section = (section or 1) * 100
        else:
            total, section = total + (section or 1) * _BIG[w], 0
    values = {float(total + section)} if _adds_up(part) else set[float]()
    numbers = [_SMALL[w] for w in part if w in _SMALL]
    if len(numbers) == len(part) and len(part) in (2, 3) and numbers[0] >= 10:  # nineteen ninety five
        values.add(float(100 * numbers[0] + sum(numbers[1:])))
    return values


def _adds_up(part: list[str]) -> bool:
    """Twenty five is 25, but five twenty is no 25."""
    return all(b in _BIG or a in _BIG or (_SMALL[a] >= 20 and _SMALL[b] < 10) for a, b in pairwise(part))
