"""What the command line says, in the language of the person: English sentences turned at the edge.

All rooms make English sentences. The catalogue, words/messages*.yaml, maps patterns of them to Chinese ones:

    there is no column {asked}; found {found}: 没有 {asked} 列；找到的有 {found}

A pattern is held against the whole sentence. Of several that fit, the one with the most text of its own
counts. What stood in a placeholder is translated when a pattern fits it, and is kept otherwise. A sentence
that no pattern fits comes back as it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Literal, get_args

import yaml

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
# The language of the person, as the command line was asked for it; pages open in it.
SPOKEN: ContextVar[Language] = ContextVar("spoken", default="en")

# Of the command line and of what it runs; of reading and preparing data; of pairs of texts.
FILES = (
    "messages.yaml",
    "messages-data.yaml",
    "messages-choose.yaml",
    "messages-pretrain.yaml",
    "messages-pairs.yaml",
    "messages-summaries.yaml",
    "messages-contest.yaml",
    "messages-audit.yaml",
    "messages-audit-text.yaml",
    "messages-audit-labels.yaml",
    "messages-audit-people.yaml",
    "messages-audit-model.yaml",
    "messages-audit-fix.yaml",
)

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z_0-9]*)\}")
# Placeholders that stand for a number alone.
_NUMBERS = frozenset(
    {"n", "step", "epoch", "loss", "score", "low", "high", "free", "usable", "total"}
    | {"units", "scale", "bad", "num_lines", "needed", "left", "more", "max_words", "min_chars", "max_chars"}
)
_NUMBER = r"[-\d][-\d.,]*|nan|inf"
# Of tables and progress lines: what stands between two columns.
_GAP = re.compile(r"( {2,})")
_SENTENCES = re.compile("[;.] ")
_PREFIXES = {"warning": "警告：", "error": "错误："}
_PLACE = re.compile(r"(?P<path>.*?, )?row (?P<row>[\d,]+)(?:, column (?P<column>'.*?'|\".*?\"))?")
_COLUMN = re.compile(r"(?P<path>.*?, )?column (?P<column>'.*?'|\".*?\")")


@dataclass(frozen=True)
class Pattern:
    """An English sentence with {placeholders}, and the same in Chinese."""

    english: str
    chinese: str

    @property
    def literals(self) -> list[str]:
        """The text between the placeholders."""
        return [part for part in _PLACEHOLDER.split(self.english)[::2] if part]

    def match(self, message: str) -> dict[str, str] | None:
        """What stands in the placeholders, when the whole message is of this pattern."""
        found = _compiled(self.english).fullmatch(message)
        return None if found is None else found.groupdict()

    def filled(self, values: dict[str, str]) -> str:
        return _PLACEHOLDER.sub(lambda place: values[place[1]], self.chinese)


@lru_cache(maxsize=4096)
def _compiled(english: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(english)
    groups = (_group(part) if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile("".join(groups), re.DOTALL)


def _group(name: str) -> str:
    return f"(?P<{name}>{_NUMBER if name in _NUMBERS else '.*?'})"


@cache
def catalogue() -> tuple[tuple[list[str], Pattern], ...]:
    """All patterns with their literal texts, those with the most text first."""
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    folder = resources.files("textwright.report") / "words"
    entries: dict[str, str] = {}
    for name in FILES:
        entries |= yaml.load((folder / name).read_text(encoding="utf-8"), loader) or {}
    patterns = [Pattern(english, chinese) for english, chinese in entries.items()]
    weighed = [(pattern.literals, pattern) for pattern in patterns]
    return tuple(sorted(weighed, key=lambda pair: -sum(map(len, pair[0]))))


def translate(message: str, language: Language) -> str:
    """The message in this language, line by line; a line that is not known is kept.

    >>> translate("there is no such file", "zh")
    '没有这个文件'
    >>> translate("warning: there is no such file", "zh")
    '警告：没有这个文件'
    >>> translate("there is no such file", "en"), translate("as the poet says", "zh")
    ('there is no such file', 'as the poet says')
    """
    if language == "en":
        return message
    return "\n".join(map(_line, message.split("\n")))


def _line(line: str) -> str:
    bare = line.strip()
    start = line[: len(line) - len(line.lstrip())]
    return start + "".join(_placed(_GAP.split(bare)))


@lru_cache(maxsize=4096)
def _known(message: str) -> str | None:
    """The translation of a whole sentence; None where there is none."""
    first, found, rest = message.partition(": ")
    if found and first in _PREFIXES:
        return _PREFIXES[first] + (_known(rest) or rest)
    whole = _by_pattern(message) or _after_prefix(message, is_one=True)
    return whole or _in_parts(message) or _after_prefix(message)


def _by_pattern(message: str) -> str | None:
    for literals, pattern in catalogue():
        if all(literal in message for literal in literals):
            values = pattern.match(message)
            if values is not None:
                return pattern.filled({name: _value(value) for name, value in values.items()})
    return None


def _value(value: str) -> str:
    bare = value.strip()
    return value.replace(bare, _known(bare) or bare) if bare else value


def _after_prefix(message: str, is_one: bool = False) -> str | None:
    """After a file, a row, a setting or an architecture, when what follows is known; `is_one` wants no
    sentence of its own before it.
    """
    for found in re.finditer(": ", message):
        if is_one and _SENTENCES.search(message[: found.start()]):
            return None
        known = _by_pattern(message[found.end() :])
        if known is not None:
            return _prefix(message[: found.start()]) + known
    return None


def _prefix(before: str) -> str:
    """A place as core/errors.py writes it is put in Chinese; names and paths stay."""
    place = _PLACE.fullmatch(before) or _COLUMN.fullmatch(before)
    if place is None:
        return f"{_by_pattern(before) or before}："
    parts = place.groupdict()
    words = [(parts["path"] or "").removesuffix(", ")]
    words += [f"第 {parts['row']} 行"] if parts.get("row") else []
    words += [f"{parts['column']} 列"] if parts["column"] else []
    return "，".join(filter(None, words)) + "："


def _in_parts(message: str) -> str | None:
    """Sentences joined by "; " or ". ": two that are known both, or else all, when one of them is known."""
    for mark, chinese in (("; ", "；"), (". ", "。")):
        for found in re.finditer(re.escape(mark), message):
            known = _part(message[: found.start()]), _known(message[found.end() :])
            if known[0] and known[1]:
                return f"{known[0].removesuffix('。')}{chinese}{known[1]}"
        parts = message.split(mark)
        if len(parts) > 1 and all(map(_part, parts)):
            said = [_part(part) or part for part in parts]
            return chinese.join([*(part.removesuffix("。") for part in said[:-1]), said[-1]])
    return None


def _part(part: str) -> str | None:
    return _by_pattern(part) or _by_pattern(f"{part}.") or _after_prefix(part)


def _placed(parts: list[str]) -> Iterator[str]:
    """Cells of a table that are known are put in Chinese, and columns stay where they are."""
    for cell, gap in zip(parts[::2], [*parts[1::2], ""], strict=True):
        said = _known(cell) or cell
        yield said + (" " * max(2, len(gap) + width(cell) - width(said)) if gap else "")


def width(text: str) -> int:
    """Cells on a terminal, where a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text)
