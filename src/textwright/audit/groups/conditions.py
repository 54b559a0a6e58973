"""Conditions that a row meets or not, each with a name by which the same rows are found again.

A slice is one condition or two joined by " & ": `length:40-80 & has:negation`. Conditions are

    length:40-80     so many characters, both ends counted
    label:spam       the label of the row
    script:han       most letters are of this script; `mixed` where Han and Latin both have a tenth
    has:digits       digits, url or negation
    group:women      as `membership` names groups
    token:free       a word, or two Han characters, in any case

In a value "%" is written %25 and "&" %26.

Shapes: N rows, S conditions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from textwright.audit.groups.membership import members
from textwright.audit.subject import AuditData
from textwright.core.errors import ConfigError

BoolArray = NDArray[np.bool_]
_MAX_TOKENS, _MAX_CHARACTERS = 150, 2_000
_URL = re.compile(r"https?://|www\.", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9０-９]")
_NEGATION = re.compile(
    r"\b(?:not?|never|none|nothing|nobody|cannot|without)\b|n['’]t\b|[不没无别未莫勿]", re.I
)
_HAN, _LATIN = re.compile(r"[\u3400-\u9fff]"), re.compile(r"[A-Za-z]")
_WORD, _HAN_RUN = re.compile(r"[a-z][a-z'’]+"), re.compile(r"[\u3400-\u9fff]{2,}")
_HAS = {"digits": _DIGITS, "url": _URL, "negation": _NEGATION}


def conditions(data: AuditData, *, least: int = 60) -> dict[str, BoolArray]:
    """All conditions that at least `least` rows (N,) meet and at least as many do not, by name."""
    found: dict[str, BoolArray] = {}
    for name, rows in _all(data, least):
        if least <= rows.sum() <= len(data) - least:
            found[name] = rows
    return found


def rows_of(data: AuditData, query: str) -> BoolArray:
    """The rows (N,) that a slice is about. Raises ConfigError for what is no condition.

    >>> data = AuditData("text", ["No way!", "see www.x.org", "yes"], np.arange(2, 5))
    >>> rows_of(data, "has:negation").tolist(), rows_of(data, "length:1-8 & token:yes").tolist()
    ([True, False, False], [False, False, True])
    """
    found = np.ones(len(data), np.bool_)
    for part in query.split(" & "):
        found &= _rows_of_one(data, part)
    return found


def quoted(value: str) -> str:
    """A value that no "&" can end."""
    return value.replace("%", "%25").replace("&", "%26")


def _unquoted(value: str) -> str:
    return value.replace("%26", "&").replace("%25", "%")


def _rows_of_one(data: AuditData, part: str) -> BoolArray:
    kind, _, value = part.partition(":")
    value = _unquoted(value)
    if kind == "length" and re.fullmatch(r"\d+-\d+", value):
        low, high = map(int, value.split("-"))
        lengths = np.array([len(text) for text in data.texts])
        return np.asarray((lengths >= low) & (lengths <= high))
    if kind == "label":
        return np.array([own[:1] == (value,) for own in data.labels], np.bool_)
    if kind == "script":
        return np.array([_script(text) == value for text in data.texts], np.bool_)
    if kind == "has" and value in _HAS:
        return np.array([_HAS[value].search(text) is not None for text in data.texts], np.bool_)
    if kind == "group" and value in (groups := members(data)):
        return groups[value]
    if kind == "token":
        return np.array([value in _tokens(text) for text in data.texts], np.bool_)
    raise ConfigError(
        f"{part!r} is no condition of a slice", hint="Copy it from the finding, or ask for its group."
    )


def _all(data: AuditData, least: int) -> Iterator[tuple[str, BoolArray]]:
    yield from _lengths(data)
    names = [own[0] if own else "" for own in data.labels]
    for kind, cells in (("label", names), ("script", [_script(text) for text in data.texts])):
        yield from _values(kind, cells, least)
    for name in _HAS:
        yield f"has:{name}", _rows_of_one(data, f"has:{name}")
    if data.has("groups"):
        for name, rows in members(data).items():
            yield f"group:{quoted(name)}", rows
    yield from _frequent(data, least)


def _lengths(data: AuditData) -> Iterator[tuple[str, BoolArray]]:
    """Fifths of the rows by length."""
    lengths = np.array([len(text) for text in data.texts])
    if not len(lengths):
        return
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, 6)).astype(np.int64))
    for i, (low, high) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        start = low if i == 0 else low + 1
        yield f"length:{start}-{high}", np.asarray((lengths >= start) & (lengths <= high))


def _values(kind: str, cells: list[str], least: int) -> Iterator[tuple[str, BoolArray]]:
    every = np.array(cells, dtype=object)
    for value, count in sorted(Counter(cells).items()):
        if value and count >= least:
            yield f"{kind}:{quoted(value)}", np.asarray(every == value, np.bool_)


def _script(text: str) -> str:
    head = text[:_MAX_CHARACTERS]
    han, latin = len(_HAN.findall(head)), len(_LATIN.findall(head)) / 4  # a word is about four letters
    whole = han + latin
    if not whole:
        return "none"
    if min(han, latin) > 0.1 * whole:
        return "mixed"
    return "han" if han > latin else "latin"


def _tokens(text: str) -> set[str]:
    """Words of Latin letters and pairs of Han characters; never a number, which may be personal."""
    head = text[:_MAX_CHARACTERS].lower()
    found = set(_WORD.findall(head))
    for run in _HAN_RUN.findall(head):
        found.update(run[i : i + 2] for i in range(len(run) - 1))
    return found


def _frequent(data: AuditData, least: int) -> Iterator[tuple[str, BoolArray]]:
    """The commonest tokens that not nearly all rows have."""
    own = [_tokens(text) for text in data.texts]
    counts = Counter(token for tokens in own for token in tokens)
    # By count and then by name: sets have no order.
    common = sorted(
        ((-count, token) for token, count in counts.items() if least <= count <= len(data) - least)
    )[:_MAX_TOKENS]
    place = {token: i for i, (_, token) in enumerate(common)}
    matrix = np.zeros((len(data), len(common)), np.bool_)
    for row, tokens in enumerate(own):
        matrix[row, [place[token] for token in tokens if token in place]] = True
    for token, i in place.items():
        yield f"token:{token}", matrix[:, i]
