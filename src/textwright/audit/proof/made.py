"""Data without faults, put together from words: faults are planted in them, and null controls made of them.

Every text is another one: no two share most of what they say, so that near twins are only those planted. A
text is of one topic, which its nouns give away; a small share of them come from other topics, so that a
classifier is right in most rows and not in all.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any, Literal

import numpy as np

from textwright.audit.base import LABELLED, PAIRED, Check
from textwright.audit.subject import AuditData, Labels
from textwright.core.plainyaml import load_yaml
from textwright.core.seeds import generator

Language = Literal["en", "zh"]
ROWS = 2_000
_OTHER_TOPIC = 0.15  # share of nouns that come from any topic


@cache
def words(language: Language) -> dict[str, Any]:
    path = resources.files("textwright").joinpath("audit", "proof", f"words.{language}.yaml")
    found: dict[str, Any] = load_yaml(path.read_text(encoding="utf-8"))
    return found


def languages_of(check: Check) -> list[Language]:
    """The made sets that a check can be tried on; pairs are English and Chinese at once."""
    if not check.tasks & LABELLED:
        return ["en"]
    every: tuple[Language, ...] = ("en", "zh")
    return [name for name in every if not check.languages or name in check.languages]


def clean_for(check: Check, language: Language, *, rows: int = ROWS, seed: int = 0) -> AuditData:
    """Rows without faults that the check is for: texts with labels, or pairs."""
    if not check.tasks & LABELLED and check.tasks & PAIRED:
        return made_pairs(rows=rows, seed=seed)
    return made(language, rows=rows, seed=seed)


def made(language: Language = "en", *, rows: int = ROWS, seed: int = 0) -> AuditData:
    """Texts of four topics, evenly.

    >>> data = made("zh", rows=8)
    >>> len(data), data.task, sorted(set(data.label_names)) == sorted(words("zh")["topics"])
    (8, 'classify', True)
    """
    rng = generator(seed, "audit", "made", language)
    topics = list(words(language)["topics"])
    labels: list[Labels] = [(topics[i % len(topics)],) for i in range(rows)]
    order = rng.permutation(rows)
    labels = [labels[i] for i in order]
    texts = [_text(language, own[0], rng) for own in labels]
    return AuditData("classify", texts, np.arange(2, rows + 2), labels=labels, seed=seed)


def made_pairs(*, rows: int = ROWS, seed: int = 0) -> AuditData:
    """English sentences with Chinese ones that say the same, word by word; a third of them have a number."""
    rng = generator(seed, "audit", "made", "pairs")
    pairs = [_pair(rng) for _ in range(rows)]
    return AuditData(
        "translate",
        [source for source, _ in pairs],
        np.arange(2, rows + 2),
        others=[target for _, target in pairs],
        seed=seed,
    )


def _text(language: Language, topic: str, rng: np.random.Generator) -> str:
    """Two to four clauses with nouns of the topic."""
    lists = words(language)
    topics = list(lists["topics"])
    parts = []
    for _ in range(rng.integers(2, 5)):
        own = [topic if rng.random() > _OTHER_TOPIC else topics[rng.integers(len(topics))] for _ in range(2)]
        nouns = [_one(lists["topics"][name], rng) for name in own]
        parts.append(_clause(language, nouns, rng))
    link = [_one(lists["links"], rng) for _ in parts]
    if language == "zh":
        return (
            "，".join(f"{a}{b}" if i else b for i, (a, b) in enumerate(zip(link, parts, strict=True))) + "。"
        )
    text = " ".join(f"{a} {b}" if i else b for i, (a, b) in enumerate(zip(link, parts, strict=True)))
    return text[0].upper() + text[1:] + "."


def _clause(language: Language, nouns: list[str], rng: np.random.Generator) -> str:
    lists = words(language)
    who, what, where, when, end = (
        _one(lists[k], rng) for k in ("people", "verbs", "places", "times", "ends")
    )
    a, b = (_one(lists["adjectives"], rng) for _ in range(2))
    kind = rng.integers(4)
    if language == "zh":
        return (
            f"{when}{who}{where}{what}{a}{nouns[0]}",
            f"{who}{when}{what}{nouns[0]}和{b}{nouns[1]}",
            f"{where}有{a}{nouns[0]}，{end}",
            f"{who}把{nouns[0]}放{where}，旁边是{b}{nouns[1]}",
        )[kind]
    return (
        f"{when} {who} {what} the {a} {nouns[0]} {where}",
        f"{who} {what} a {nouns[0]} and the {b} {nouns[1]} {when}",
        f"the {a} {nouns[0]} was {where}, {end}",
        f"{who} left the {nouns[0]} {where} with a {b} {nouns[1]}",
    )[kind]


def _pair(rng: np.random.Generator) -> tuple[str, str]:
    """The same places of both word lists, which were written in the same order."""
    en, zh = words("en"), words("zh")
    topic = int(rng.integers(4))
    english, chinese = [], []
    for _ in range(rng.integers(1, 4)):
        spots = {
            key: int(rng.integers(len(en[key])))
            for key in ("people", "verbs", "adjectives", "places", "times")
        }
        noun = int(rng.integers(30))
        nouns = [list(lists["topics"].values())[topic][noun] for lists in (en, zh)]
        count = int(rng.integers(3, 900)) if rng.random() < 0.4 else 0
        amount = (f" for {count} coins", f"，花了{count}个铜板") if count else ("", "")
        e, z = ({key: lists[key][spot] for key, spot in spots.items()} for lists in (en, zh))
        english.append(
            f"{e['times']} {e['people']} {e['verbs']} the {e['adjectives']} {nouns[0]} {e['places']}"
            f"{amount[0]}"
        )
        chinese.append(
            f"{z['times']}{z['people']}{z['places']}{z['verbs']}{z['adjectives']}{nouns[1]}{amount[1]}"
        )
    source = ", and ".join(english)
    return source[0].upper() + source[1:] + ".", "，".join(chinese) + "。"


def _one(values: list[str], rng: np.random.Generator) -> str:
    return values[int(rng.integers(len(values)))]
