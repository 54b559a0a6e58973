"""The numbers of a text, however they are written: 1,000, 1000, 三百二十, twenty-five, 3.2万, 98.9%, 3月5日.

Two ways to read, as they serve two ends. `numerals` is strict: what it finds was surely meant as a number.
`Values` is generous: it takes every number that a text can be understood to hold, spelled ones and times
included, so that what is not among them was not said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, log10
from typing import Literal

from textwright.measure.spelled import MONTHS, spelled_values
from textwright.measure.words import HALF_WIDTH

Bound = Literal["over", "under", "about"]

# A full-width comma parts clauses; it is no separator of thousands.
_NARROW = {wide: half for wide, half in HALF_WIDTH.items() if wide != 0xFF0C}
_FORMAL = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟〇○", "一二三四五六七八九十百千零零")
_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_TIMES = {
    "成": 10.0, "百": 1e2, "千": 1e3, "万": 1e4, "十万": 1e5, "百万": 1e6, "千万": 1e7, "亿": 1e8,
    "百亿": 1e10, "千亿": 1e11, "万亿": 1e12, "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9,
    "trillion": 1e12, "k": 1e3,
}  # fmt: skip

_ONE = "[一二两三四五六七八九]"
_BELOW_10000 = f"(?:{_ONE}千)?(?:零?{_ONE}百)?(?:零?{_ONE}?十)?(?:零?{_ONE})?"
_CHINESE = re.compile(
    f"(?:{_BELOW_10000}万?亿)?零?(?:{_BELOW_10000}万)?零?{_BELOW_10000}(?:点[零一二三四五六七八九]+)?"
)
_CHINESE_RUN = re.compile("[零一二两三四五六七八九十百千万亿点]+")
_SHORT_END = re.compile(f"([百千万])({_ONE})$")  # 三百二 is 320
_AFTER_ONE = re.compile("年|月|日|号|%|世纪|年代")

_TIME = re.compile(r"(?<![\d:.])(\d{1,2}):(\d{2})(?![\d:])")
_CLOCK = re.compile(r"([01]?\d|2[0-3])\.([0-5]\d)")  # 1.30 may be half past one
_DATE = re.compile(r"(?<!\d)(\d{1,2})月(\d{1,2})(?:日|号)?")
_WRITTEN_DATE = re.compile(r"(?<!\d)(\d{1,2})[-/.](\d{1,2})(?![\d%])")
_LATIN = "A-Za-zÀ-ɏ"
_ARABIC = re.compile(
    rf"(?<![\d{_LATIN}_])(\d{{1,3}}(?:,\d{{3}})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:\s*(万亿|千亿|百亿|千万|百万|十万|亿|万|千|百|成)"
    r"|[ -]?(hundred|thousand|million|billion|trillion|k)\b)?",
    re.IGNORECASE,
)
_MIXED = re.compile(r"(?<!\d)(?:\d+(?:\.\d+)?(?:万亿|亿|万|千|百))+\d*(?=\d*)")
# What stands before or after a number that is not told to the last digit, and where the true one then lies.
_BEFORE: dict[Bound, re.Pattern[str]] = {
    "over": re.compile(r"(?:超过?|逾|突破|破|高于|over|more than|above|at least)\s*[$€£¥]?$", re.I),
    "under": re.compile(r"(?:接近|将近|近|不到|低于|nearly|almost|less than|under|below)\s*[$€£¥]?$", re.I),
    "about": re.compile(r"(?:大约|约|达到?|about|around|approximately|roughly|some|up to)\s*[$€£¥]?$", re.I),
}
_AFTER: dict[Bound, re.Pattern[str]] = {
    "over": re.compile(r"\s*(?:多|余|以上|\+|or more)"),
    "under": re.compile(r"\s*以下"),
    "about": re.compile(r"\s*(?:左右|上下|来|or so)"),
}
_PRICE = re.compile(r"(?<![\d.])(\d+) ?(?:dollars?|pounds?|euros?|yuan|元|块|\.|,)(?: and)? ?(\d{1,2})(?!\d)")
_MIN_ROUNDED_DIGITS, _MIN_DIALLED = 2, 5


@dataclass(frozen=True)
class Numeral:
    """A number in a text: its place, its value; for a date or a time both of its parts in place of it."""

    start: int
    end: int
    value: float
    digits: str = ""
    date: tuple[int, int] | None = None
    time: tuple[int, int] | None = None
    bound: Bound | None = None


def numerals(text: str) -> list[Numeral]:
    """The numbers that a text surely states, in order, each as long as it can be.

    Arabic digits in a word with letters before them (G20) are none. Chinese numerals count with two
    characters or more (三百二十, 十五; not the 一 of 一起), or before 年, 月, 日; English ones do not.

    >>> [round(found.value, 2) for found in numerals("约3.2万人，１,000元，三百二十公里，增长98.9%，一起")]
    [32000.0, 1000.0, 320.0, 98.9]
    >>> numerals("从3月5日起")[0].date, numerals("at 3:30")[0].time
    ((3, 5), (3, 30))
    """
    plain = text.translate(_NARROW)
    taken = [False] * len(plain)
    found = []
    for numeral in _candidates(plain):
        if not any(taken[numeral.start : numeral.end]):
            taken[numeral.start : numeral.end] = [True] * (numeral.end - numeral.start)
            found.append(numeral)
    return sorted(found, key=lambda numeral: numeral.start)


def _candidates(plain: str) -> Iterator[Numeral]:
    """Those that leave less open come first: dates and times, then sums like 3万5千, then single numbers."""
    for match in _DATE.finditer(plain):
        yield Numeral(*match.span(), 0.0, date=(int(match[1]), int(match[2])))
    for match in _TIME.finditer(plain):
        yield Numeral(*match.span(), 0.0, time=(int(match[1]), int(match[2])))
    for match in _MIXED.finditer(plain):
        if len(re.findall(r"[\d.]+", match[0])) > 1:
            yield _numeral(plain, match.start(), match.end(), _mixed_value(match[0]))
    for match in _ARABIC.finditer(plain):
        digits = match[1].replace(",", "")
        times = _TIMES[(match[2] or match[3]).lower()] if match[2] or match[3] else 1.0
        yield _numeral(plain, match.start(), match.end(), float(digits) * times, digits)
    for match in _CHINESE_RUN.finditer(plain.translate(_FORMAL)):
        if _is_meant(match[0], plain, match.end()):
            yield _numeral(plain, match.start(), match.end(), chinese_value(match[0]))


def _numeral(plain: str, start: int, end: int, value: float, digits: str = "") -> Numeral:
    before = plain[max(start - 16, 0) : start]
    found = [bound for bound in _BEFORE if _BEFORE[bound].search(before) or _AFTER[bound].match(plain, end)]
    return Numeral(start, end, value, digits, bound=found[0] if found else None)


def _is_meant(run: str, plain: str, end: int) -> bool:
    if not _CHINESE.fullmatch(run) or not set(run) & set("一二两三四五六七八九十"):
        # 二〇二五 is a row of digits.
        return len(run) >= 4 and set(run) <= set("零一二三四五六七八九") and plain.startswith("年", end)
    if len(run) == 1:
        return bool(_AFTER_ONE.match(plain, end)) and run not in "一两十"
    return run[0] not in "百千万亿零点" and run[-1] != "点"


def chinese_value(run: str) -> float:
    """The value of a well-formed Chinese numeral, or of a row of Chinese digits.

    >>> [chinese_value(run) for run in ("三百二十", "三百二", "十五", "两万零五", "一点五亿", "二零二五")]
    [320.0, 320.0, 15.0, 20005.0, 150000000.0, 2025.0]
    """
    if not set(run) & set(_UNITS) and "点" not in run:
        return float("".join(str(_DIGITS[c]) for c in run))
    whole, _, part = run.partition("点")
    times = 1.0
    while part and part[-1] in _UNITS:
        times, part = times * _UNITS[part[-1]], part[:-1]
    decimals = float("0." + "".join(str(_DIGITS[c]) for c in part)) if part else 0.0
    if ends := _SHORT_END.search(whole):
        whole, decimals = whole[:-1], decimals + _DIGITS[ends[2]] * _UNITS[ends[1]] / 10
    return (_whole_value(whole) + decimals) * times


def _whole_value(run: str) -> int:
    total = section = digit = 0
    for c in run:
        if c in _DIGITS:
            digit = _DIGITS[c]
        elif _UNITS[c] < 10**4:
            section, digit = section + (digit or 1) * _UNITS[c], 0
        else:  # 三万亿: the unit takes all before it
            total, section, digit = (total + section + digit) * _UNITS[c], 0, 0
    return total + section + digit


def _mixed_value(run: str) -> float:
    """3万5千, 1亿2000万, 2万亿3000亿."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(万亿|亿|万|千|百)?", run)
    return sum(float(digits) * _TIMES.get(unit, 1.0) for digits, unit in parts)


class Values:
    """Every number that a text can be understood to hold.

    >>> source = Values("Twenty-five of them left at half past three; 3.2万 stayed on March 5th.")
    >>> [source.hold(found) for found in numerals("25, 3:30, 32,000, 3月5日, 26, 4:30, 3月6日")]
    [True, True, True, True, False, False, False]
    """

    def __init__(self, text: str) -> None:
        plain = text.translate(_NARROW)
        formal = plain.translate(_FORMAL)
        spelled, dialled = spelled_values(plain)
        self._values, self._spelled = set(spelled), spelled
        self._dates, self._months, self._days = set[tuple[int, int]](), set[int](), set[int]()
        self._dialled = [*re.findall(r"\d+", re.sub(r"(?<=\d)[ ,.()\-]+(?=\d)", "", plain)), *dialled]
        self._add_arabic(plain)
        self._add_chinese(formal)
        self._add_dates(_arabic_dates(formal))
        if "半" in plain or "half" in plain.lower():  # one and a half, 一个半小时
            self._values |= {0.5, 50.0, 30.0, 1.5} | {n + 0.5 for n in self._values if 0 < n <= 10}

    def _add_arabic(self, plain: str) -> None:
        for numeral in _candidates(plain):
            if numeral.time is not None:
                hour, minute = numeral.time
                self._values |= {hour, minute, hour % 12, hour % 12 + 12}
            elif numeral.date is None:
                self._values.add(numeral.value)
        # Digits in words (G20), parts of ranges (3至5万) and of what is dialled.
        self._values.update(float(digits) for digits in re.findall(r"\d+(?:\.\d+)?", plain))
        self._values.update(float(digits) for digits in re.findall(r"\d+", plain))
        self._values.update(
            float(re.sub(", ", "", row)) for row in re.findall(r"\d{1,3}(?:, \d{3})+(?!\d)", plain)
        )
        self._values.update(float(f"{match[1]}.{match[2]}") for match in _PRICE.finditer(plain))

    def _add_chinese(self, formal: str) -> None:
        for run in _CHINESE_RUN.findall(formal):
            known = [match[0].strip("零点") for match in _CHINESE.finditer(run)]
            parts = [part for one in known for part in (one, *one.split("点")) if part]
            rows = re.findall("[零一二三四五六七八九]{2,}", run)
            self._values.update(chinese_value(part) for part in (*parts, *rows))
        self._values.update(10.0 * _DIGITS[c] for c in re.findall(f"({_ONE})成", formal))

    def _add_dates(self, plain: str) -> None:
        written = [*_DATE.finditer(plain), *_WRITTEN_DATE.finditer(plain)]
        self._dates.update((int(match[1]), int(match[2])) for match in written)
        self._months.update(int(m) for m in re.findall(r"(?<!\d)(\d{1,2})月", plain))
        self._days.update(int(d) for d in re.findall(r"(?<!\d)(\d{1,2})(?:日|号|st\b|nd\b|rd\b|th\b)", plain))
        self._days.update(int(d) for d in re.findall(r"(?<!\d)(\d{1,2})[-—~至到、]\d{1,2}(?:日|号)", plain))
        for match in re.finditer(r"[A-Za-z]{3,}", plain):
            self._months |= {MONTHS[match[0].lower()]} if match[0].lower() in MONTHS else set()

    def hold(self, numeral: Numeral) -> bool:
        """Whether a number is among them, or is one of them rounded; near one, where it says "about"."""
        if numeral.date is not None:
            month, day = numeral.date
            known = day in self._days or float(day) in self._spelled
            return numeral.date in self._dates or (month in self._months and known)
        if numeral.time is not None:
            return self._hold_time(*numeral.time)
        if numeral.value in self._values or self._is_dialled(numeral.digits):
            return True
        if (clock := _CLOCK.fullmatch(numeral.digits)) and self._hold_time(int(clock[1]), int(clock[2])):
            return True
        return any(_is_rounded(known, numeral) for known in self._values)

    def _hold_time(self, hour: int, minute: int) -> bool:
        if float(100 * hour + minute) in self._values:
            return True
        hours = {float(hour), float(hour % 12), float(hour % 12 + 12)}
        if minute > 30:  # a quarter to four
            hours |= {float(hour + 1), float(hour % 12 + 1)}
        return bool(hours & self._values) and (not minute or float(minute) in self._values)

    def _is_dialled(self, digits: str) -> bool:
        if len(digits) < _MIN_DIALLED:
            return len(digits) >= 3 and digits in self._dialled
        return any(digits in known for known in self._dialled)


def _is_rounded(known: float, numeral: Numeral) -> bool:
    """31,987亿 may be told as 3.2万亿, and 12,480 as "over 12,000"; a year is never a rounded number."""
    value, digits = numeral.value, f"{numeral.value:.12g}".replace(".", "").split("e")[0].strip("0")
    is_year = 1900 <= value < 2100 and len(digits) > 2
    if value <= 0 or known <= 0 or is_year or (len(digits) < _MIN_ROUNDED_DIGITS and not numeral.bound):
        return False
    step = 10.0 ** (floor(log10(value)) - len(digits) + 1)  # of the last digit that is told
    gap = known - value
    if numeral.bound in ("over", "under") and value >= 10:
        return 0 <= (gap if numeral.bound == "over" else -gap) < step
    return abs(gap) <= step / 2


def _arabic_dates(formal: str) -> str:
    """三月五日 as 3月5日, so that both are found alike."""
    pattern = re.compile("([一二三四五六七八九十]{1,3})(?=[月日号])")
    return pattern.sub(lambda m: f"{chinese_value(m[1]):.0f}" if _CHINESE.fullmatch(m[1]) else m[1], formal)
