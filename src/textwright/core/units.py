"""Sizes and times as people write them: 5MB, 2 ms."""

from __future__ import annotations

import re
from collections.abc import Mapping

from textwright.core.errors import ConfigError

_BYTES = {"b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30}
_MILLISECONDS = {"us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([a-zµ]+)\s*", re.IGNORECASE)


def in_bytes(text: str, where: str) -> float:
    """A size in bytes. Raises ConfigError, which names `where` it stood.

    >>> in_bytes("5MB", "--max-size"), in_bytes("1.5 GiB", "--max-size")
    (5000000.0, 1610612736.0)
    """
    return _quantity(text, _BYTES, where, "5MB")


def in_milliseconds(text: str, where: str) -> float:
    """A time in milliseconds. Raises ConfigError, which names `where` it stood.

    >>> in_milliseconds("2ms", "--max-latency"), in_milliseconds("0.5 s", "--max-latency")
    (2.0, 500.0)
    """
    return _quantity(text, _MILLISECONDS, where, "2ms")


def shown_bytes(size: float) -> str:
    """A size with the unit that suits it.

    >>> shown_bytes(5e6), shown_bytes(12_340), shown_bytes(900)
    ('5 MB', '12.3 kB', '900 B')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} B"


def _quantity(text: str, units: Mapping[str, float], where: str, example: str) -> float:
    found = _QUANTITY.fullmatch(text)
    value = float(found[1]) * units.get(found[2].lower(), 0.0) if found else 0.0
    if value <= 0:
        raise ConfigError(
            f"{where}: expected a number with one of the units {', '.join(units)}, found {text!r}",
            hint=f"Example: {where} {example}" if where.startswith("--") else f"Example: {example}",
        )
    return value
