"""Bank cards and accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from textwright.audit.personal.checksums import is_iban, is_luhn
from textwright.audit.personal.contact import _THING
from textwright.audit.personal.spans import Place, Rule, before, by_pattern

# First digits of issuers (from, to) and the lengths of their numbers.
_ISSUERS = (
    (4, 4, (13, 16, 19)),
    (51, 55, (16,)),
    (2221, 2720, (16,)),
    (34, 34, (15,)),
    (37, 37, (15,)),
    (62, 62, (16, 17, 18, 19)),
    (9558, 9558, (19,)),
    (6011, 6011, (16, 19)),
    (644, 649, (16, 19)),
    (65, 65, (16, 19)),
    (3528, 3589, (16, 17, 18, 19)),
    (2131, 2131, (15,)),
    (1800, 1800, (15,)),
    (300, 305, (14,)),
    (36, 36, (14,)),
    (38, 39, (14,)),
    (50, 50, (12, 13, 14, 15, 16, 17, 18, 19)),
    (56, 58, (12, 13, 14, 15, 16, 17, 18, 19)),
    (60, 61, (16, 19)),
    (63, 63, (12, 13, 14, 15, 16, 17, 18, 19)),
    (67, 68, (12, 13, 14, 15, 16, 17, 18, 19)),
)
_ALWAYS = 15  # digits from which a number may stand for a card without a word that says so
_CARD = (
    r"(?<![0-9A-Za-z_])(?<![0-9][.,-])"
    r"(?:[0-9]{12,19}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}"
    r"|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5}|[0-9]{6} [0-9]{10,13})(?![0-9A-Za-z_]|[.,-][0-9])"
)
_LONG = (  # a card of 17 to 19 digits in groups
    r"(?<![0-9A-Za-z_])(?<![0-9][.,-])[0-9]{4}([ -])(?:[0-9]{4}\1){3}[0-9]{1,3}(?![0-9A-Za-z_]|[.,-][0-9])"
)
_CARD_WORD = re.compile(r"card|\bcc\b|visa|master|amex|卡|账号|帐号|账户|帐户")
# Lengths of an account by country (the IBAN registry of SWIFT).
_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25,
    "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
_IBAN_HEAD = re.compile(r"(?<![0-9A-Za-z])([A-Za-z]{2})[0-9]{2}[ -]?[0-9A-Za-z]{4}")


def is_card(number: str) -> bool:
    """Whether digits are of an issuer of cards, of its length, with a right check digit.

    >>> is_card("6222000000000009"), is_card("6222000000000008"), is_card("0000000000000000")
    (True, False, False)
    """
    return is_luhn(number) and any(
        low <= int(number[: len(str(low))]) <= high and len(number) in lengths
        for low, high, lengths in _ISSUERS
    )


def _is_card(match: re.Match[str]) -> bool:
    number = re.sub("[ -]", "", match[0])
    if not is_card(number) or len(set(number)) < 2:
        return False
    said = before(match)
    return not _THING.search(said) and (len(number) >= _ALWAYS or bool(_CARD_WORD.search(said)))


def _ibans(text: str) -> Iterator[Place]:
    for match in _IBAN_HEAD.finditer(text):
        end = _end_of(text, match.start(), _LENGTHS.get(match[1].upper(), 0))
        if end and is_iban(re.sub("[ -]", "", text[match.start() : end])):
            yield match.start(), end


def _end_of(text: str, start: int, length: int) -> int:
    """Where so many characters end, single blanks between them not counted; 0 where they do not."""
    end = start
    while length and end < len(text):
        if text[end].isascii() and text[end].isalnum():
            length -= 1
        elif text[end] not in " -" or not text[end - 1].isalnum():
            return 0
        end += 1
    ends_there = end >= len(text) or not (text[end].isascii() and text[end].isalnum())
    return end if end > start and not length and ends_there else 0


def _cards(text: str) -> Iterator[Place]:
    for find in _CARDS:
        yield from find(text)


_CARDS = (by_pattern(_LONG, _is_card, is_number=True), by_pattern(_CARD, _is_card, is_number=True))
CARD = Rule("card", _cards, digits=12)
IBAN = Rule("iban", _ibans, digits=4)
