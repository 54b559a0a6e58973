"""Check digits and dates: what tells a number of some kind from any other of its length."""

from __future__ import annotations

import datetime

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"
_USCC_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_YEARS = range(1900, 2036)


def id_check(body: str) -> str:
    """The last character of a Chinese ID with these 17 digits (ISO 7064 MOD 11-2, GB 11643-1999).

    >>> id_check("11010519491231002")
    'X'
    """
    return _ID_CHECKS[sum(int(d) * w for d, w in zip(body, _ID_WEIGHTS, strict=True)) % 11]


def is_id(number: str) -> bool:
    """Whether 18 characters are a Chinese ID: a real date of birth and the right last character.

    The code of the region is not asked: codes were changed and withdrawn over the years.

    >>> is_id("11010519491231002X"), is_id("110105194913310021")
    (True, False)
    """
    return is_date(number[6:14]) and id_check(number[:17]) == number[17].upper()


def is_date(digits: str) -> bool:
    """Whether eight digits are a day of our times, YYYYMMDD."""
    if int(digits[:4]) not in _YEARS:
        return False
    try:
        datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def luhn_check(body: str) -> str:
    """The digit that makes a card number of these digits valid (ISO/IEC 7812).

    >>> luhn_check("411111111111111")
    '1'
    """
    return str(-_luhn_sum(body + "0") % 10)


def is_luhn(number: str) -> bool:
    """
    >>> is_luhn("4111111111111111"), is_luhn("4111111111111112")
    (True, False)
    """
    return _luhn_sum(number) % 10 == 0


def _luhn_sum(number: str) -> int:
    doubled = (sum(divmod(2 * int(d), 10)) for d in number[-2::-2])
    return sum(doubled) + sum(int(d) for d in number[-1::-2])


def iban_check(country: str, account: str) -> str:
    """The two digits behind the country (ISO 13616, mod 97).

    >>> iban_check("GB", "WEST12345698765432")
    '82'
    """
    return f"{98 - _iban_rest(account + country + '00'):02d}"


def is_iban(number: str) -> bool:
    return _iban_rest(number[4:] + number[:4]) == 1


def _iban_rest(characters: str) -> int:
    return int("".join(str(int(c, 36)) for c in characters)) % 97


def uscc_check(body: str) -> str:
    """The last character of a unified social credit code with these 17 (GB 32100-2015, mod 31).

    >>> uscc_check("91350100M000100Y4")
    '3'
    """
    total = sum(_USCC_LETTERS.index(c) * w for c, w in zip(body, _USCC_WEIGHTS, strict=True))
    return _USCC_LETTERS[-total % 31]


def is_uscc(code: str) -> bool:
    return uscc_check(code[:17]) == code[17]
