"""Terms that a model reads as one token, wherever they stand: in training and in use alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from pydantic import Field

from textwright.core.settings import Settings

TOKEN = "<GROUP>"


class Masks(Settings):
    """Terms, in lower case, and the token in their place; of several at one place the longest counts.

    >>> Masks(terms=["old men", "men"], not_in=["men at work"]).on("Old men, women, and men at work")
    '<GROUP>, women, and men at work'
    """

    terms: list[str] = Field(description="what is masked, in lower case")
    not_in: list[str] = Field(default_factory=list, description="longer words in which a term does not count")
    has_borders: bool = Field(True, description="a term is a whole word; Han characters have no borders")
    token: str = Field(TOKEN, description="what stands in the place of a term")

    def on(self, text: str) -> str:
        """The text as the model reads it."""
        pattern, counted = _compiled(tuple(self.terms), tuple(self.not_in), self.has_borders)
        parts, end = [], 0
        for match in pattern.finditer(lowered(text)):
            if match[0] in counted:
                parts += [text[end : match.start()], self.token]
                end = match.end()
        return "".join([*parts, text[end:]])


@lru_cache(maxsize=8)
def _compiled(
    terms: tuple[str, ...], not_in: tuple[str, ...], has_borders: bool
) -> tuple[re.Pattern[str], frozenset[str]]:
    return term_pattern([*terms, *not_in], has_borders=has_borders), frozenset(terms)


def masked(text: str, masks: Sequence[Masks]) -> str:
    """The text with all masks put on, one after the other."""
    for one in masks:
        text = one.on(text)
    return text


def lowered(text: str) -> str:
    """In lower case and as long as before: a few letters are longer in lower case, and stay."""
    found = text.lower()
    if len(found) == len(text):
        return found
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def term_pattern(terms: Iterable[str], *, has_borders: bool) -> re.Pattern[str]:
    """Finds terms in a text in lower case, the longest of several at one place.

    >>> term_pattern(["man", "men"], has_borders=True).findall("men, woman and man")
    ['men', 'man']
    """
    body = trie_pattern(terms)
    return re.compile(f"(?<![0-9a-z]){body}(?![0-9a-z])" if has_borders else body)


def trie_pattern(words: Iterable[str]) -> str:
    """A pattern of many words that looks at each character of a text about once; longer words first.

    >>> trie_pattern(["ab", "abc", "b"])
    '(?:ab(?:c)?|b)'
    """
    root: dict[str, Any] = {}
    for word in words:
        node = root
        for character in word:
            node = node.setdefault(character, {})
        node[""] = {}
    return _branch(root)


def _branch(node: dict[str, Any]) -> str:
    parts = []
    for character, below in sorted(node.items()):
        if not character:
            continue
        text = re.escape(character)
        while len(below) == 1 and "" not in below:
            ((character, below),) = below.items()
            text += re.escape(character)
        parts.append(text + ("" if set(below) == {""} else _branch(below)))
    return f"(?:{'|'.join(parts)}){'?' if '' in node else ''}"
