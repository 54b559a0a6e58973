"""How texts and numbers are shown: nothing in a person's text may break a page or change how it reads."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

# Marks that turn the direction of what follows them, and half characters, are shown by their number.
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
_BYTE = re.compile("<0x([0-9A-F]{2})>")
_BYTES = re.compile(f"(?:{_BYTE.pattern})+")


def shown(text: object, longest: int = 600) -> str:
    """A text as it can stand anywhere: control characters, direction marks and half characters by number.

    >>> shown("a\\x00b\\u202ec\\ud83d")
    'a‹U+0000›b‹U+202E›c‹U+D83D›'
    """
    raw = str(text)
    cut = raw if len(raw) <= longest else raw[: longest - 1] + "…"
    return "".join(_visible(mark) for mark in cut)


def _visible(mark: str) -> str:
    number = ord(mark)
    if mark in "\n\t":
        return mark
    if number in _TURNING or unicodedata.category(mark) in ("Cc", "Cs"):
        return f"‹U+{number:04X}›"
    return mark


def number(value: Any, digits: int = 3) -> str:
    """A number for reading: thousands apart, as many digits as say something; a dash where there is none.

    >>> number(12345), number(0.12345), number(None), number(1234.5), number(-0.000021)
    ('12,345', '0.123', '–', '1,234', '-2.1e-05')
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if 0 < abs(value) < 10.0**-digits:
        return f"{value:.{digits}g}"
    return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:.1f}"


def percent(value: float | None) -> str:
    """A share of 0 to 1: `85.0 %`.

    >>> percent(0.85), percent(0.00012)
    ('85.0 %', '0.01 %')
    """
    if value is None or not math.isfinite(value):
        return "–"
    return f"{100 * value:.1f} %" if value == 0 or abs(value) >= 0.0005 else f"{100 * value:.2f} %"


def share_shown(value: float) -> str:
    """A share that may be very small: two digits that say something, where `percent` would show nothing.

    >>> share_shown(0.85), share_shown(0.0000123), share_shown(0.0)
    ('85.0 %', '0.0012 %', '0.0 %')
    """
    return f"{100 * value:.2g} %" if 0 < value < 0.0005 else percent(value)


def signed(value: float | None) -> str:
    """A difference, always with its sign; a dash where there is none.

    >>> signed(0.0123), signed(-0.5), signed(None)
    ('+0.012', '−0.500', '–')
    """
    if value is None:
        return "–"
    return f"{'−' if value < 0 else '+'}{number(abs(value))}"


def megabytes(value: float) -> str:
    """Bytes for reading: `1.9 MB`."""
    return f"{value / 1e6:.1f} MB" if value >= 1e5 else f"{value / 1e3:.1f} kB"


def seconds(value: float) -> str:
    """A time for reading: `12.1 s`, `3.4 min`."""
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"


def visible(token: str, *, gaps: bool = True) -> str:
    """A token as it can be seen: line ends and tabs by a sign, and spaces too where `gaps` are asked for; a
    part of a character by its bytes.

    >>> visible(" the"), visible("a\\n"), visible("<0xE6><0x88>"), visible(""), visible("a b", gaps=False)
    ('␣the', 'a⏎', '‹E6 88›', '␣', 'a b')
    """
    if part := bytes_shown(token):
        return f"‹{part}›"
    for mark, sign in (("\r\n", "⏎"), ("\n", "⏎"), ("\r", "⏎"), ("\t", "⇥")):
        token = token.replace(mark, sign)
    return (token.replace(" ", "␣") or "␣") if gaps else token


def bytes_shown(token: str) -> str:
    """The bytes of a token that is a part of a character; nothing for any other.

    >>> bytes_shown("<0xE6><0x88>"), bytes_shown("the")
    ('E6 88', '')
    """
    return " ".join(_BYTE.findall(token)) if _BYTES.fullmatch(token) else ""
