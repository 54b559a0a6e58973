"""How wide texts are in a figure, so that nothing is cut off and names that are too long keep both ends.

Widths are those of DejaVu Sans, the widest font that a page may get, in parts of the letters' size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

SIZE = 12.0
_NARROW, _WIDE = frozenset(" ijl|.,:;'!If()[]-/tr"), frozenset("mwMW@%")
_ORDINARY, _CAPITAL = 0.64, 0.76
_IDEOGRAPH, _PICTURE = 0x2E80, 0x1F000


def width(text: str, size: float = SIZE) -> float:
    """The room that a text takes in letters of `size`.

    >>> width("ill") < width("mmm"), width("中文")
    (True, 24.0)
    """
    return size * sum(map(_part, text))


def _part(mark: str) -> float:
    if mark in _NARROW:
        return 0.41
    if mark in _WIDE:
        return 0.99
    if ord(mark) >= _IDEOGRAPH:
        return 1.4 if ord(mark) >= _PICTURE else 1.0
    return _CAPITAL if mark.isupper() else _ORDINARY


def told_apart(names: Sequence[str], room: float, size: float = SIZE) -> list[str]:
    """Names that fit; where the middle left out is what they differ in, they keep that part.

    >>> told_apart([f"a category number {i} with a long name" for i in (7, 8)], 90)
    ['…7…', '…8…']
    """
    short = [shortened(name, room, size) for name in names]
    alike = {text for text, count in Counter(short).items() if count > 1}
    groups = {text: [name for name, cut in zip(names, short, strict=True) if cut == text] for text in alike}
    # Nothing tells names apart that are the same.
    alike = {text for text in alike if len(set(groups[text])) > 1}
    return [
        shortened(_own_part(name, groups[cut]), room, size) if cut in alike else cut
        for name, cut in zip(names, short, strict=True)
    ]


def _own_part(name: str, group: Sequence[str]) -> str:
    """What is left of a name without what all of the group begin and end with."""
    start = _num_alike(group)
    end = _num_alike([other[start:][::-1] for other in group])
    return f"{'…' if start else ''}{name[start : len(name) - end]}{'…' if end else ''}"


def _num_alike(texts: Sequence[str]) -> int:
    """How many characters all texts begin with."""
    return sum(1 for _ in takewhile(lambda marks: len(set(marks)) == 1, zip(*texts, strict=False)))


def shortened(text: str, room: float, size: float = SIZE) -> str:
    """A text that fits, the middle left out: what tells long names apart often stands at their end.

    >>> shortened("card_payment_fee_charged", 120), shortened("查询账户余额与明细", 60)
    ('card_pa…_charged', '查询…明细')
    """
    if width(text, size) <= room:
        return text
    half = (room - width("…", size)) / 2
    first = _beginning(text, half, size)
    last = _beginning(text[::-1], 2 * half - width(first, size), size)[::-1]
    return f"{first}…{last}"


def _beginning(text: str, room: float, size: float) -> str:
    """As much of the beginning of a text as fits; a text far too long costs no more than what is kept."""
    used = 0.0
    for i, mark in enumerate(text):
        used += _part(mark)
        if size * used > room:
            return text[:i]
    return text
