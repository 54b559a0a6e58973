"""Texts with characters that a wrong decoding leaves behind, or that nobody can see.

What one wrong decoding did can often be undone without loss: the text is written back in the wrong encoding
and read in the right one. Only what comes out without any loss is offered as a repair.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from types import MappingProxyType

import numpy as np

from textwright.audit.base import Check, Planted, Targets, drawn
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.measure.bootstrap import rows_score
from textwright.text.clean import mended

WARN = 0.001
# The first character of UTF-8 of two and three bytes, read as cp1252 or Latin-1, with a second one.
_MOJIBAKE = re.compile(
    "[\u00c2-\u00c5\u00d0\u00d1][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
    "|[\u00e2-\u00ef][\u0080-\u00bf\u0152-\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]{2}"
)
# What replacement characters, fresh memory and freed memory of C programs look like when read as GBK.
_DEBRIS = re.compile("锟斤拷|锟斤|斤拷|烫烫烫|屯屯屯|葺葺葺|锘\u007f?")
# UTF-8 read as GBK: the commonest characters and marks of Chinese, each with the next one's beginning.
_GBK = re.compile("[鐨涓浜鍦鏄鎴杩閲銆锛鈥滃][\u4e00-\u9fff\ue000-\uf8ff€]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_UNSEEN = re.compile("[\u200b\u2060-\u2064\ufeff\u00ad]")
_FULL_WIDTH = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")
_SURROGATE = re.compile("[\ud800-\udfff]")

KINDS: MappingProxyType[str, str] = MappingProxyType(
    {
        "replacement": "with characters that could not be read (U+FFFD)",
        "mojibake": "read in a wrong encoding, as é becomes Ã©",
        "debris": "with what is left of broken Chinese, as 锟斤拷",
        "gbk": "of UTF-8 read as GBK, as 的 becomes 鐨",
        "controls": "with control characters",
        "unseen": "with characters that nobody sees, as the zero-width space",
        "surrogates": "with half a character",
    }
)
_REPAIRED = frozenset({"mojibake", "gbk", "unseen", "controls"})


def run(data: AuditData) -> Result:
    """Findings by kind; the first kind that a row has counts."""
    found = kinds(data)
    findings, numbers = [], {}
    for kind in KINDS:
        rows = np.array([row for row, own in found.items() if own == kind], np.int64)
        if len(rows):
            findings.append(_finding(data, kind, rows))
        numbers[kind] = len(rows)
    full = sum(bool(_FULL_WIDTH.search(text)) for text in data.texts)
    return Result.of(findings, {"rows": len(data), **numbers, "full_width": full})


def kinds(data: AuditData) -> dict[int, str]:
    """What is wrong with each row that has a fault, in its text or its target."""
    found: dict[int, str] = {}
    for cells in (data.texts, data.others):
        for row, text in enumerate(cells):
            if not text.isascii() or not text.isprintable():
                kind = fault(text)
                if kind:
                    found.setdefault(row, kind)
    return found


def fault(text: str) -> str:
    """The kind of fault of a text, empty where it has none.

    >>> fault("cafÃ©"), fault("锟斤拷"), fault("café"), fault("café\\u200b")
    ('mojibake', 'debris', '', 'unseen')
    """
    if "\ufffd" in text:
        return "replacement"
    if _SURROGATE.search(text):
        return "surrogates"
    if _DEBRIS.search(text):
        return "debris"
    if _MOJIBAKE.search(text) and repaired(text, "mojibake"):
        return "mojibake"
    if _GBK.search(text) and repaired(text, "gbk"):
        return "gbk"
    if _CONTROLS.search(text):
        return "controls"
    return "unseen" if _UNSEEN.search(text) and mended(text) != text else ""


def repaired(text: str, kind: str) -> str:
    """The text as it was, empty where it cannot be had without loss.

    >>> repaired("cafÃ© â€œyesâ€\\x9d", "mojibake"), repaired("a\\u200bb", "unseen")
    ('café “yes”', 'ab')
    >>> repaired("浣犲ソ", "gbk"), repaired("浣犲", "gbk")
    ('你好', '')
    """
    if kind in ("unseen", "controls"):
        return mended(text)
    try:
        lost = _written_back(text) if kind == "mojibake" else text.encode("gb18030")
        fresh = lost.decode("utf-8")
    except UnicodeError:
        return ""
    return fresh if len(fresh) < len(text) else ""


def _written_back(text: str) -> bytes:
    """Its bytes in cp1252, where that has no character of a byte in Latin-1."""
    table = _bytes_of_cp1252()
    return bytes(table[character] if character in table else _latin(character) for character in text)


def _latin(character: str) -> int:
    if ord(character) > 0xFF:
        raise UnicodeError(character)
    return ord(character)


@cache
def _bytes_of_cp1252() -> dict[str, int]:
    found = {}
    for byte in range(0x80, 0xA0):
        character = bytes([byte]).decode("cp1252", "ignore")
        if character:
            found[character] = byte
    return found


def _finding(data: AuditData, kind: str, rows: IntArray) -> Finding:
    share = rows_score(len(rows), len(data))
    severity: Severity = "warn" if share.value > WARN else "info"
    return Finding(
        "encoding",
        severity,
        f"{len(rows):,} of {len(data):,} rows are {KINDS[kind]}",
        subject=kind,
        evidence=Evidence("share", share.value, len(data), share.low, share.high),
        rows=rows,
        why="a model learns these characters as words of their own, and a person cannot read them",
        fixes=_fixes(kind),
    )


def _fixes(kind: str) -> tuple[Fix, ...]:
    if kind not in _REPAIRED:
        return (Fix("drop", "read the file again in its own encoding, or drop these rows"),)
    return (Fix("repair", "write these texts as they were meant", safe=True, params={"encoding": kind}),)


_PLANTED: tuple[Callable[[str], str], ...] = (
    lambda text: f"{text[:4]}\ufffd{text[4:]}",
    lambda text: f"{text} “café”".encode().decode("cp1252", "replace").replace("\ufffd", "\x9d"),
    lambda text: f"{text[:5]}锟斤拷{text[5:]}",
    lambda text: f"{text[:3]}\u200b{text[3:]}",
    lambda text: f"{text[:3]}\x85\x07{text[3:]}",
)


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """A share of the rows broken in five ways by turns."""
    rows = drawn(data, rate, seed, "encoding")
    rng = generator(seed, "encoding")
    broken = {row: _PLANTED[int(rng.integers(len(_PLANTED)))](data.texts[row]) for row in rows.tolist()}
    return Planted(data.with_texts(broken), rows=rows)


def null(data: AuditData, seed: int) -> AuditData:
    """Rows in letters, digits, blanks and the commonest marks alone."""
    plain = re.compile(r"[^\w\s.,;:!?'\"()，。；：！？“”‘’（）、-]|[\ue000-\uf8ff]")
    kept = [i for i, text in enumerate(data.texts) if not plain.search(text) and not _MOJIBAKE.search(text)]
    return data.taken(kept)


CHECK = Check(
    id="encoding",
    family="text",
    says="broken characters: wrong encodings, control and unseen characters",
    run=run,
    plant=plant,
    null=null,
    targets=Targets(recall=0.97, precision=0.97),
)
