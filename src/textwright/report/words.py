"""The fixed words of pages and cards in English and Chinese, from words/*.yaml."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from textwright.core.plainyaml import load_yaml
from textwright.report.messages import LANGUAGES, Language

__all__ = ["LANGUAGES", "Language", "record_key", "record_word", "word", "words"]

# What the record of an audit says in one word, and where the same stands for people. Names of labels may be
# such words too, so that these are put in Chinese only where they are known to be words of a record.
_OF_RECORDS = {
    "found": "audit.is.found",
    "clean": "audit.is.clean",
    "not applicable": "audit.is.not_applicable",
    "too few rows": "audit.is.too_few_rows",
    "block": "audit.grade.block",
    "high": "audit.grade.high",
    "warn": "audit.grade.warn",
    "info": "audit.grade.info",
    "safe": "audit.safe",
    "needs a person": "audit.person",
    "gone": "audit.diff.gone",
    "unchecked": "audit.diff.unchecked",
    "new": "audit.diff.new",
    "same": "audit.diff.same",
    "graver": "audit.diff.graver",
    "milder": "audit.diff.milder",
}


@cache
def words(file: str) -> dict[str, dict[str, str]]:
    """The words of one file: `{key: {"en": ..., "zh": ...}}`."""
    path = resources.files("textwright").joinpath("report", "words", f"{file}.yaml")
    found: dict[str, dict[str, str]] = load_yaml(path.read_text(encoding="utf-8"))
    return found


def word(file: str, key: str, language: Language, **values: Any) -> str:
    """One text with its values filled in. Raises KeyError for a key that the file lacks.

    >>> word("page", "confusion.title", "zh")
    '哪些标签被混淆'
    """
    return words(file)[key][language].format(**values)


def record_key(name: str) -> str:
    """The key in words/page.yaml of a word of the record of an audit. Raises KeyError for others."""
    return _OF_RECORDS[name]


def record_word(name: str, language: Language) -> str:
    """A word of the record of an audit as it is, in Chinese the one for people. Raises KeyError for others.

    >>> record_word("warn", "en"), record_word("warn", "zh")
    ('warn', '警告')
    """
    return name if language == "en" else word("page", record_key(name), language)
