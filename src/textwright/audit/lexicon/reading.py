"""Lexicons of groups of people: read, and found in texts.

Shapes: N texts, G groups.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from textwright.core.errors import DataError
from textwright.core.names import did_you_mean
from textwright.core.plainyaml import load_yaml
from textwright.core.seeds import generator
from textwright.text.terms import Masks, lowered, term_pattern

Polarity = Literal["neutral", "slur", "self-used"]
POLARITIES: tuple[Polarity, ...] = ("neutral", "slur", "self-used")
FORMS = ("one", "many", "adj")
LANGUAGES = ("en", "zh")
_KEYS = frozenset({"id", "polarity", "asymmetric", "of", *FORMS})
_HEAD = frozenset({"version", "language", "categories", "not_in"})


@dataclass(frozen=True)
class Group:
    """People who are named together.

    forms: terms by how they stand in a sentence: `one`, `many`, `adj`. Chinese has `one` alone.
    polarity: a slur is counted and never written. `self-used` is said of oneself mostly.
    asymmetric: a sentence about them has no sense about another group of the category.
    of: whom a slur means.
    """

    id: str
    category: str
    forms: Mapping[str, tuple[str, ...]]
    polarity: Polarity = "neutral"
    asymmetric: bool = False
    of: str = ""

    @property
    def terms(self) -> tuple[str, ...]:
        return tuple(term for form in FORMS for term in self.forms.get(form, ()))


class Mention(NamedTuple):
    """`text[start:end]`, in lower case `term`, names the groups at these places of the lexicon."""

    start: int
    end: int
    term: str
    groups: tuple[int, ...]


@dataclass(frozen=True)
class Lexicon:
    """Groups with their terms, and the longer words in which a term does not count."""

    name: str
    language: str
    version: int
    groups: tuple[Group, ...]
    not_in: tuple[str, ...] = ()
    owners: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found: dict[str, tuple[int, ...]] = {term: () for term in self.not_in}
        for place, group in enumerate(self.groups):
            for term in dict.fromkeys(group.terms):
                found[term] = (*found.get(term, ()), place)
        object.__setattr__(self, "owners", found)

    @property
    def terms(self) -> list[str]:
        """All terms that count."""
        return [term for term, groups in self.owners.items() if groups]

    @property
    def has_borders(self) -> bool:
        """A Han character has no border; a word in Latin letters has one."""
        return self.language != "zh"

    @cached_property
    def masks(self) -> Masks:
        """What takes all of them out of a text."""
        return Masks(terms=self.terms, not_in=[*self.not_in], has_borders=self.has_borders)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return term_pattern(self.owners, has_borders=self.has_borders)

    def mentions(self, text: str) -> Iterator[Mention]:
        """The terms of a text from left to right, of several at one place the longest.

        >>> [m.term for m in lexicon("zh").mentions("子女都说上海人和黑人牙膏")]
        ['上海人']
        >>> [m.term for m in lexicon("en").mentions("Old men in the white house, womanly")]
        ['old men']
        """
        for match in self._pattern.finditer(lowered(text)):
            groups = self.owners[match[0]]
            if groups:
                yield Mention(match.start(), match.end(), match[0], groups)

    def counts(self, texts: Iterable[str]) -> dict[str, int]:
        """Texts by term."""
        found = dict.fromkeys(self.terms, 0)
        for text in texts:
            for term in {mention.term for mention in self.mentions(text)}:
                found[term] += 1
        return found

    def only(self, terms: Collection[str]) -> Lexicon:
        """With these terms alone; the groups stay at their places."""
        groups = tuple(
            replace(
                group,
                forms={form: tuple(t for t in own if t in terms) for form, own in group.forms.items()},
            )
            for group in self.groups
        )
        rest = tuple(term for term in self.terms if term not in terms)
        return replace(self, groups=groups, not_in=(*self.not_in, *rest), owners={})

    def halves(self, texts: Iterable[str], seed: int = 0) -> tuple[Lexicon, Lexicon]:
        """Two lexicons with half of the terms each, such that both are about as frequent in the texts.

        What mends a model may see the first; the second says what it does with terms that it never saw.
        One base with its forms (woman, women) is never parted.
        """
        counts, rng = self.counts(texts), generator(seed, "lexicon", "halves")
        bases = sorted(self._bases(), key=lambda base: -sum(counts[term] for term in base))
        sides: tuple[set[str], set[str]] = (set(), set())
        for pair in (bases[i : i + 2] for i in range(0, len(bases), 2)):
            first = int(rng.integers(2))
            for place, base in enumerate(pair):
                sides[(first + place) % 2].update(base)
        return self.only(sides[0] - sides[1]), self.only(sides[1])

    def _bases(self) -> Iterator[tuple[str, ...]]:
        """Terms that belong together: `one` and `many` at the same place of their lists; each once."""
        seen: set[str] = set()
        for group in self.groups:
            one, many = group.forms.get("one", ()), group.forms.get("many", ())
            pairs = [
                tuple(own[i] for own in (one, many) if i < len(own)) for i in range(max(len(one), len(many)))
            ]
            for base in [*pairs, *((term,) for term in group.forms.get("adj", ()))]:
                new = tuple(term for term in base if term not in seen)
                seen.update(new)
                if new:
                    yield new


@cache
def lexicon(language: str) -> Lexicon:
    """That of this project, `en` or `zh`."""
    path = resources.files("textwright").joinpath("audit", "lexicon", f"{language}.yaml")
    return _made(path.read_text(encoding="utf-8"), f"lexicon:{language}", f"lexicon:{language}")


def read_lexicon(path: str | Path) -> Lexicon:
    """A person's own, of the same form. Raises DataError with the file and the key that is wrong."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(
            "no column of the data, lexicon or readable file goes by this name",
            path=path,
            hint="Give a YAML file, a column, lexicon:en or lexicon:zh.",
        ) from error
    return _made(text, Path(path).name, str(path))


def _made(text: str, name: str, path: str) -> Lexicon:
    try:
        found = load_yaml(text)
    except yaml.YAMLError as error:
        raise DataError(
            "this is not valid YAML", path=path, hint="See docs/how-to/audit.md for its form."
        ) from error
    if not isinstance(found, dict) or not isinstance(found.get("categories"), dict):
        raise DataError(
            "there are no categories of groups", path=path, hint="Write categories: {NAME: [groups]}."
        )
    _refuse_unknown(found, _HEAD, path, "")
    groups = [
        _group(entry, str(category), path, f"categories.{category}[{i}]")
        for category, entries in found["categories"].items()
        for i, entry in enumerate(_as_list(entries, path, f"categories.{category}"))
    ]
    names = [group.id for group in groups]
    for twice in {name for name in names if names.count(name) > 1}:
        raise DataError(f"two groups have the id {twice!r}", path=path, hint="Give each its own id.")
    not_in = tuple(str(term).lower() for term in _as_list(found.get("not_in", []), path, "not_in"))
    clash = [term for group in groups for term in group.terms if term in set(not_in)]
    if clash:
        raise DataError(f"{clash[0]!r} is a term and stands in not_in", path=path, hint="Keep one of them.")
    return Lexicon(
        name, str(found.get("language", "en")), int(found.get("version", 1)), tuple(groups), not_in
    )


def _group(entry: Any, category: str, path: str, key: str) -> Group:
    if not isinstance(entry, dict) or not entry.get("id"):
        raise DataError(f"{key}: a group without an id", path=path, hint="Write {id: NAME, one: [terms]}.")
    _refuse_unknown(entry, _KEYS, path, f"{key}.")
    forms = {
        form: tuple(str(term).lower() for term in _as_list(entry[form], path, f"{key}.{form}"))
        for form in FORMS
        if form in entry
    }
    if not any(forms.values()) or not all(term.strip() for own in forms.values() for term in own):
        raise DataError(
            f"{key}: a group without terms, or with an empty one", path=path, hint="Write one: [terms]."
        )
    polarity = entry.get("polarity", "neutral")
    if polarity not in POLARITIES:
        raise DataError(
            f"{key}.polarity: {polarity!r} is no polarity", path=path, hint="Known: neutral, slur, self-used."
        )
    return Group(
        str(entry["id"]),
        category,
        forms,
        polarity,
        bool(entry.get("asymmetric", False)),
        str(entry.get("of", "")),
    )


def _as_list(value: Any, path: str, key: str) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{key}: a list is needed", path=path, hint="Write [a, b].")
    return value


def _refuse_unknown(found: dict[str, Any], known: frozenset[str], path: str, before: str) -> None:
    for key in found:
        if key not in known:
            raise DataError(
                f"{before}{key}: there is no such key", path=path, hint=did_you_mean(str(key), sorted(known))
            )
