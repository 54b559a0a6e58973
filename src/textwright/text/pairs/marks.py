"""What a translation must not change: numbers, web addresses and e-mail addresses.

Numbers are written in many ways (`10,000`, `1万`, `ten thousand`, `3 pm`), so only what no way of writing
explains counts: zeros at the ends of a number say nothing, it may be a part of a longer one, and each number
in words on the other side makes up for one that is missing there.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from textwright.text.duplicates import BoolArray

_NUMBER = re.compile(r"\d+(?:[.,'\u2019]\d+|[ \u00a0\u202f]\d{3}(?!\d))*")
_CENTURY = re.compile(r"(\d{1,2}) ?世纪 ?(?=\d0 ?年代)")
_PARTS = re.compile(r"(?<=\d)[亿億万萬](?=\d+[万萬千])")  # 4万5千 is 45 千
# Words for numbers; those behind digits, as in 3 million and 3万, stand for none of their own.
_HAN_NUMBER = re.compile("(?<![0-9])[〇零一二两兩三四五六七八九十百千万萬亿億半双雙几幾廿卅首]+")
_NUMBER_WORD = re.compile(
    r"\b(?<!\d )(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen"
    r"|hundreds?|thousands?"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)t(?:y|ies)|[mb]illions?|trillions?|dozens?|hal(?:f|ves)"
    r"|quarters?|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\w+t[ei]e(?:n|e)th|once"
    r"|twice|thrice|double|triple|single|couple|pair|both|noon|midnight|century|centuries|decade|january"
    r"|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun"
    r"|jul|aug|sept?|oct|nov|dec)\b",
    re.IGNORECASE,
)
_MIN_LONE = 100  # every language may write smaller numbers in words
_MAX_LONE = 2  # larger numbers of one side, where the other side has none that is left over
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_ADDRESS = re.compile(r"(?:https?://|ftp://|www\.)([\w.-]+(?::\d+)?)", re.ASCII | re.IGNORECASE)


def numbers_differ(sources: Sequence[str], targets: Sequence[str]) -> BoolArray:
    """(N,) pairs whose numbers contradict each other, or of which one side lost several.

    >>> numbers_differ(["In 1997, 3 of 10,000", "at 9:30 pm"], ["1997年，1万个中的三个", "21:30"]).tolist()
    [False, False]
    >>> numbers_differ(["In 1997, 3 of 10,000", "at 9:30 pm"], ["1895年，1万个中的三个", "10:15"]).tolist()
    [True, True]
    """
    pairs = zip(sources, targets, strict=True)
    return np.fromiter((_contradict(source, target) for source, target in pairs), np.bool_, len(sources))


def _contradict(source: str, target: str) -> bool:
    left, right = _numbers(source), _numbers(target)
    if left == right:
        return False
    lost, made_up = _left_over(left, right, target), _left_over(right, left, source)
    if lost and made_up:
        return True
    return sum(len(number) > 15 or int(number) >= _MIN_LONE for number in lost or made_up) > _MAX_LONE


def _numbers(text: str) -> Counter[str]:
    """Its numbers: digits alone, as 10 000 and 10,000 are the same, and 1.5 million is 150 times 10,000."""
    if not any(map(str.isdigit, text)):
        return Counter()
    plain = unicodedata.normalize("NFKC", text)
    plain = _CENTURY.sub(lambda found: str(int(found[1]) - 1), plain)
    plain = _PARTS.sub("", plain)
    return Counter(re.sub(r"\D", "", found) for found in _NUMBER.findall(plain))


def _left_over(some: Counter[str], others: Counter[str], text: str) -> list[str]:
    """Numbers of `some` that neither `others`, those of `text`, nor its words for numbers explain."""
    rest = some - others
    if not rest:
        return []
    free = [number for number in others if others[number] > some[number]] or list(others)
    found = [
        number for number, n in rest.items() if not _is_explained(number, free, others) for _ in range(n)
    ]
    num_words = len(_HAN_NUMBER.findall(text)) + len(_NUMBER_WORD.findall(text)) if found else 0
    return sorted(found, key=len)[num_words:]  # the shortest are written in words most often


def _is_explained(number: str, free: Sequence[str], others: Counter[str]) -> bool:
    if number in others or (len(number) > 1 and number in "".join(others)):
        return True
    if any(number.strip("0") == other.strip("0") for other in free):
        return True
    if any(len(other) > 1 and other in number for other in free):
        return True
    # Hours of a day that is counted by twelve.
    return (
        len(number) < 3
        and int(number) <= 24
        and {str(int(number) + 12), str(int(number) - 12)} & {*free} != set()
    )


def addresses_differ(sources: Sequence[str], targets: Sequence[str]) -> BoolArray:
    """(N,) pairs with web or e-mail addresses, none of which stands on both sides; of web addresses the host.

    >>> addresses_differ(["See https://a.org/en.", "Ask a@b.org"], ["见 https://a.org/zh。", "询问"]).tolist()
    [False, True]
    """
    pairs = zip(map(_addresses, sources), map(_addresses, targets), strict=True)
    return np.fromiter((bool(a or b) and not a & b for a, b in pairs), np.bool_, len(sources))


def _addresses(text: str) -> set[str]:
    if "@" not in text and "www." not in text and "://" not in text:
        return set()
    hosts = (host.lower().removeprefix("www.").rstrip(".") for host in _ADDRESS.findall(text))
    return {*hosts, *(mail.lower() for mail in _MAIL.findall(text))}
