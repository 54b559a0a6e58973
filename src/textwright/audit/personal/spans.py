r"""What a rule is: it finds places of one kind in a text.

Digits are `[0-9]` and borders are look-arounds: a Han character is a letter for `\b` and `\w`, so that
patterns with them find nothing inside Chinese text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

_DIGIT = re.compile("[0-9]")
_NUMBER = re.compile("[0-9+(][0-9 ()+./\u2010-\u2015-]{6,}")
_LEAST_DIGITS = 7
_BEHIND = 12  # characters that may follow a row of digits and belong to it: "ext. 123", X
_BEFORE = 24  # characters before a number that may say what it is


class Span(NamedTuple):
    """`text[start:end]` is of this kind."""

    start: int
    end: int
    kind: str


Place = tuple[int, int]
Find = Callable[[str], Iterator[Place]]


@dataclass(frozen=True)
class Rule:
    """Where one kind of personal data stands in a text.

    kind: see `kinds.KINDS`.
    find: places (start, end) in a text whose wide digits and letters were made narrow.
    digits, marks: what a text must have at least, which costs nothing to see: so many digits, and one of
    the marks, in lower case.
    """

    kind: str
    find: Find
    digits: int = 0
    marks: tuple[str, ...] = ()

    def may(self, lowered: str, digits: int) -> bool:
        """Whether it could find something at all."""
        return digits >= self.digits and (not self.marks or any(mark in lowered for mark in self.marks))


def by_pattern(
    pattern: str,
    holds: Callable[[re.Match[str]], bool] = lambda match: True,
    *,
    flags: int = 0,
    is_number: bool = False,
) -> Find:
    """The matches of a pattern for which something holds; its group `value`, where there is one.

    Of a pattern that begins in a row of digits (`is_number`) only those rows are looked at, which is quick:
    one that begins with a look-around is tried at every character.

    >>> list(by_pattern("(?<![0-9])[0-9]{3}(?![0-9])")("打123吧 1234"))
    [(1, 4)]
    """
    compiled = re.compile(pattern, flags)
    group: str | int = "value" if "value" in compiled.groupindex else 0

    def find(text: str) -> Iterator[Place]:
        for start, end in _numbers(text) if is_number else [(0, len(text))]:
            for match in compiled.finditer(text, start, min(len(text), end + _BEHIND)):
                if match.start() < end and holds(match):
                    yield match.span(group)

    return find


def _numbers(text: str) -> Iterator[Place]:
    """Rows of digits with what may stand between them."""
    for match in _NUMBER.finditer(text):
        if num_digits(match[0]) >= _LEAST_DIGITS:
            yield match.span()


def digits_of(text: str) -> str:
    """Its digits alone.

    >>> digits_of("+86 138-0013")
    '861380013'
    """
    return "".join(_DIGIT.findall(text))


def num_digits(text: str) -> int:
    return len(_DIGIT.findall(text))


def before(match: re.Match[str]) -> str:
    """The few characters in front of a match, in lower case."""
    return match.string[max(0, match.start() - _BEFORE) : match.start()].lower()
