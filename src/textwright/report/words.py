"""The fixed words of pages and cards in English and Chinese, from words/*.yaml."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from textwright.core.plainyaml import load_yaml
from textwright.report.messages import LANGUAGES, Language

__all__ = ["LANGUAGES", "Language", "word", "words"]


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
