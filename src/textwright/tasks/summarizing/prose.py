"""What of a document is prose, in whole sentences: markup blanked out, and lines joined.

All of this changes single characters into blanks: a place in what comes back is that place in the document.
"""

from __future__ import annotations

import re

import numpy as np

MARKDOWN = (".md", ".markdown")

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
# Headings, rules, tables, pictures alone, definitions of links, comments, HTML, and the line under a heading.
_MARKUP = re.compile(
    r" {0,3}(?:#{1,6}(?:\s|$)|\||(?:[-*_=]\s*){3,}$|=+\s*$|!\[[^\]]*\]\([^)]*\)\s*$|\[[^\]]+\]:|:::"
    r"|<[!/a-zA-Z])|.*\|\s*$"
)
_CODE = re.compile(r"(?: {4}|\t)(?!\s*(?:[-*+]|\d+[.)])\s)")
_MARK = re.compile(r"\s*(?:>\s?|[-*+]\s+|\d{1,9}[.)]\s+|\[[ xX]\]\s+)+")
_LINES = re.compile(r"[^\r\n]*(?:\r\n?|\n|$)")
_HARD_BREAK = re.compile(r"(?: {2,}|\\)[\r\n]+$")
_ENDED = re.compile(r"[.!?:;。！？：；…][\"'”’»)）」』]*\s*$")
# Texts are wrapped at so many columns; a Chinese character takes two.
_NARROW, _WIDE = 36, 132
_WIDE_CHARACTER = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60]"
)


def plain(text: str) -> str:
    r"""Plain text with a blank in the place of a line break where a line was wrapped because it was full.

    A line is wrapped where it does not end a sentence and the next word would have gone beyond the width
    that most lines keep.

    >>> plain("It was a day on which nobody wanted to\nleave the house.\nSo they stayed.\n")
    'It was a day on which nobody wanted to leave the house.\nSo they stayed.\n'
    """
    lines = _lines(text)
    columns = np.array([_columns(line) for line in lines if line.strip()] or [0])
    width = int(np.quantile(columns, 0.95, method="higher"))
    if not _NARROW <= width <= _WIDE:
        return text
    return _joined(lines, {n for n in range(len(lines) - 1) if _is_full(lines[n], lines[n + 1], width)})


def markdown(text: str) -> str:
    r"""The text with blanks in the place of headings, code, tables, rules, marks of lists and line breaks.

    >>> markdown("# Title\n- one\n  *word*\n```\ncode\n```\n") == "       \n  one   *word*\n   \n    \n   \n"
    True
    """
    lines: list[str] = []
    fence, before = "", ""
    begins: set[int] = set()
    for line in _lines(text):
        found = _FENCE.match(line)
        is_code = not before.strip() and bool(_CODE.match(line))
        before, was_fenced = line, bool(fence)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        if fence or was_fenced or is_code or _MARKUP.match(line):
            line = "".join(character if character.isspace() else " " for character in line)
        elif marks := _MARK.match(line):
            begins.add(len(lines))
            line = " " * marks.end() + line[marks.end() :]
        lines.append(line)
    return _joined(
        lines, {n for n, line in enumerate(lines) if n + 1 not in begins and not _HARD_BREAK.search(line)}
    )


def _lines(text: str) -> list[str]:
    """With their ends; unlike `str.splitlines`, at line feeds and carriage returns alone."""
    return _LINES.findall(text)[:-1]


def _joined(lines: list[str], wrapped: set[int]) -> str:
    """The text, with blanks in the place of the ends of wrapped lines that have a line behind them."""
    out = []
    for number, line in enumerate(lines):
        rest = line.rstrip("\r\n")
        has_more = line.strip() and number + 1 < len(lines) and lines[number + 1].strip()
        out.append(rest + " " * (len(line) - len(rest)) if has_more and number in wrapped else line)
    return "".join(out)


def _is_full(line: str, after: str, width: int) -> bool:
    """Whether the first word of the next line would not have had room, in the middle of a sentence."""
    if not after.strip() or after[0].isspace() or _ENDED.search(line):
        return False
    first = 2 if _WIDE_CHARACTER.match(after) else _columns(after.split(maxsplit=1)[0]) + 1
    return _columns(line) + first > width


def _columns(line: str) -> int:
    shown = line.rstrip()
    return len(shown) + len(_WIDE_CHARACTER.findall(shown))
