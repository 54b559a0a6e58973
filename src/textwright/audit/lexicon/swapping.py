"""Terms of groups changed to another group of the same category.

Swaps are those of counterfactual token fairness (Garg et al. 2019, arXiv 1809.10610): inside a category,
never from or to a slur, and not where a sentence would lose its sense.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from textwright.audit.lexicon.reading import FORMS, Group, Lexicon, Mention

_ARTICLE = re.compile(r"\b([Aa])(n?) $")


class Swap(NamedTuple):
    """A text with one group changed, and which: names of groups before and after."""

    text: str
    before: str
    after: str


def swapped(text: str, words: Lexicon, rng: np.random.Generator) -> Swap | None:
    """One group of a text, drawn at random, changed to another of its category in all places.

    None where no group can be changed: none is named, it is asymmetric or a slur, its category has no other
    with a term of the same form, or the term names two groups at once.

    >>> from textwright.audit.lexicon.reading import lexicon
    >>> swapped("the child sleeps", lexicon("en"), np.random.default_rng(0)).before
    'children'
    """
    mentions = [m for m in words.mentions(text) if len(m.groups) == 1]
    places = sorted({m.groups[0] for m in mentions if _may_change(words.groups[m.groups[0]])})
    for place in rng.permutation(places).tolist():
        own = words.groups[place]
        here = [mention for mention in mentions if mention.groups == (place,)]
        others = [g for g in words.groups if _is_other(g, own, {_form(own, m.term) for m in here})]
        if others:
            other = others[int(rng.integers(len(others)))]
            return Swap(_changed(text, here, own, other, rng), own.id, other.id)
    return None


def _may_change(group: Group) -> bool:
    return group.polarity != "slur" and not group.asymmetric


def _is_other(group: Group, own: Group, forms: set[str]) -> bool:
    """Of the same category, with a term for each of these forms."""
    is_able = _may_change(group) and group.category == own.category and group.id != own.id
    return is_able and all(group.forms.get(form) for form in forms)


def _form(group: Group, term: str) -> str:
    return next(form for form in FORMS if term in group.forms.get(form, ()))


def _changed(text: str, here: list[Mention], own: Group, other: Group, rng: np.random.Generator) -> str:
    drawn = int(rng.integers(1_000_000))  # the same place of its list for all forms: woman, women
    parts, end = [], 0
    for mention in here:
        terms = other.forms[_form(own, mention.term)]
        term = terms[drawn % len(terms)]
        before = _with_article(text[end : mention.start], term)
        parts += [before, _cased(term, text[mention.start : mention.end])]
        end = mention.end
    return "".join([*parts, text[end:]])


def _with_article(before: str, term: str) -> str:
    """`a` or `an` in front of the new term."""
    return _ARTICLE.sub(lambda found: f"{found[1]}{'n' if term[0] in 'aeiou' else ''} ", before)


def _cased(term: str, as_in: str) -> str:
    if as_in.isupper() and len(as_in) > 1:
        return term.upper()
    return term[0].upper() + term[1:] if as_in[:1].isupper() else term
