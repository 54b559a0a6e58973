"""All rules, in an order that decides where two of them want the same place, and what they find in texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from textwright.audit.personal import addresses, contact, documents, keys, money, network
from textwright.audit.personal.spans import Rule, Span, num_digits

# Where two overlap the first rule counts; of one rule the place that begins earlier, then the longer one.
# Secrets come first, then what a check digit proves, then what a form shows, then what may be a shop's.
SECRETS: tuple[Rule, ...] = (
    keys.PRIVATE_KEY, keys.URL, keys.JWT, keys.AWS, keys.GITHUB, keys.SLACK, keys.API, keys.ASSIGNED,
)  # fmt: skip
PERSONAL: tuple[Rule, ...] = (
    contact.EMAIL, documents.ID, documents.USCC, money.IBAN, money.CARD, documents.OLD_ID, documents.PASSPORT,
    contact.QQ, documents.SSN, network.IPV4, network.IPV6, contact.PHONE, contact.WECHAT, documents.PLATE,
    addresses.CHINESE, addresses.STREET,
)  # fmt: skip
RULES = (*SECRETS, *PERSONAL)

_WIDE = re.compile("[\uff10-\uff19\uff20-\uff3a\uff41-\uff5a]")  # digits, @, letters
# Wide forms of ASCII but the marks that end a Chinese sentence, one character for one.
_NARROW = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code - 0xFEE0) not in "!,?:;()"}
_ROUNDS = 4


def find_spans(text: str, rules: Sequence[Rule] = RULES) -> list[Span]:
    """What stands in a text, in order, no two places overlapping.

    What an overlap hid is looked for again without it, so that nothing is left once all are masked.

    >>> [(s.kind, s.start, s.end) for s in find_spans("我电话13800138000，邮箱 a.b@example.com")]
    [('phone', 3, 14), ('email', 18, 33)]
    """
    found: list[Span] = []
    left = text.translate(_NARROW) if _WIDE.search(text) else text
    for _ in range(_ROUNDS):
        new = _once(left, rules)
        if not new:
            break
        found += new
        left = _blanked(left, new)
    return sorted(found)


def find_all(texts: Iterable[str], rules: Sequence[Rule] = RULES) -> list[list[Span]]:
    """The same of many texts."""
    return [find_spans(text, rules) for text in texts]


def _once(text: str, rules: Sequence[Rule]) -> list[Span]:
    lowered, digits = text.lower(), num_digits(text)
    able = [rule for rule in rules if rule.may(lowered, digits)]
    kept: list[Span] = []
    for rule in able:
        places = sorted(rule.find(text), key=lambda place: (place[0], -place[1]))
        for start, end in places:
            if all(end <= other.start or start >= other.end for other in kept):
                kept.append(Span(start, end, rule.kind))
    return kept


def _blanked(text: str, spans: Sequence[Span]) -> str:
    """With other characters, which no rule knows, where something was found."""
    characters = list(text)
    for start, end, _ in spans:
        characters[start:end] = "\ue000" * (end - start)
    return "".join(characters)
