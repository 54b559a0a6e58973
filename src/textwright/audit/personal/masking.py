"""Personal data taken out of a text: by a token that says what stood there, or by a made-up value.

What is around it stays as it is, byte for byte.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Iterator

from textwright.audit.personal.checksums import iban_check, id_check, luhn_check, uscc_check
from textwright.audit.personal.finding import find_spans
from textwright.audit.personal.kinds import token

_DIGITS, _SMALL, _LARGE = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NARROW = {0xFF10 + digit: str(digit) for digit in range(10)}
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
# First characters that say which issuer, country or network: kept, or the value would be none of its kind.
_KEPT = {"card": 6, "iban": 4, "uscc": 2, "plate": 2, "passport": 1, "qq": 0}


def masked(text: str, kinds: Collection[str] | None = None) -> str:
    """With `<EMAIL>`, `<PHONE>`, ... where these kinds stood, of all kinds when not given.

    >>> masked("打13800138000，或写 a@example.com")
    '打<PHONE>，或写 <EMAIL>'
    """
    return _replaced(text, kinds, lambda kind, value: token(kind))


def pseudonymised(text: str, key: bytes, kinds: Collection[str] | None = None) -> str:
    """With made-up values of the same form: the same value becomes the same one everywhere under one key.

    Digits stay digits and letters letters; check digits are right. Who has the key can tell which value a
    made-up one stands for, so keep it apart or throw it away. A token takes the place of secrets.

    >>> a = pseudonymised("我是13800138000", b"k")
    >>> a == pseudonymised("我是138-0013-8000", b"k").replace("-", ""), len(a), a[2]
    (True, 13, '1')
    """
    return _replaced(text, kinds, lambda kind, value: _FAKES.get(kind, _token)(kind, value, key))


def _replaced(text: str, kinds: Collection[str] | None, instead: Callable[[str, str], str]) -> str:
    parts, end = [], 0
    for span in find_spans(text):
        if kinds is None or span.kind in kinds:
            parts += [text[end : span.start], instead(span.kind, text[span.start : span.end])]
            end = span.end
    return "".join([*parts, text[end:]])


def _token(kind: str, value: str, key: bytes) -> str:
    return token(kind)


def _numbers(kind: str, value: str, key: bytes) -> Iterator[int]:
    """Numbers without end that hang on the key and the value alone, not on how it is written."""
    plain = re.sub(r"[\W_]", "", value).lower()
    block = 0
    while True:
        message = f"{kind}/{block}/{plain}".encode("utf-8", "surrogatepass")
        yield from hmac.new(key, message, hashlib.sha256).digest()
        block += 1


def _same_form(kind: str, value: str, key: bytes) -> str:
    """Every digit another digit, every letter another letter, all signs kept."""
    numbers = _numbers(kind, value, key)
    kept, seen, made = _KEPT.get(kind, 0), 0, []
    for character in value:
        is_sign = not (character.isascii() and character.isalnum()) and not "０" <= character <= "ｚ"
        seen += not is_sign and not ("\u4e00" <= character <= "\u9fff")
        made.append(character if is_sign or seen <= kept else _other(character, next(numbers)))
    return "".join(made)


def _other(character: str, number: int) -> str:
    for alphabet in (_DIGITS, _SMALL, _LARGE):
        if character in alphabet:
            return alphabet[number % len(alphabet)]
    return _DIGITS[number % 10]


def _phone(kind: str, value: str, key: bytes) -> str:
    """The country and the first digits stay; the last four to eight become others."""
    plain = re.sub("[^0-9]", "", value.translate(_NARROW))
    is_american = re.match(r"\+1[^0-9]?[2-9]|0?0?1[-. ][(2-9]", value) or len(plain) == 10
    national = plain[-10:] if is_american else plain[-11:]
    changed = 7 if is_american else 8 if len(plain) > 9 else 4
    made = _drawn(kind, national, key, changed)
    first = plain[-changed]
    made = (str(2 + int(made[0]) % 8) if first in "23456789" else first) + made[1:]
    return _put_back(value, plain[:-changed] + made)


def _email(kind: str, value: str, key: bytes) -> str:
    return f"user{_drawn(kind, value, key, 8)}@example.com"


def _id(kind: str, value: str, key: bytes) -> str:
    """Another day of birth in the same decade; the region is 99, which there is not; the check is right."""
    plain = re.sub("[^0-9Xx]", "", value)
    numbers = _numbers(kind, value, key)
    if len(plain) == 15:
        return (
            plain[:6]
            + plain[6:8]
            + f"{next(numbers) % 12 + 1:02d}{next(numbers) % 28 + 1:02d}"
            + _drawn(kind, value, key, 3)
        )
    day = f"{plain[6:9]}{next(numbers) % 10}{next(numbers) % 12 + 1:02d}{next(numbers) % 28 + 1:02d}"
    body = f"99{next(numbers) % 10}{next(numbers) % 10}{next(numbers) % 10}{next(numbers) % 10}{day}"
    body += "".join(str(next(numbers) % 10) for _ in range(3))
    return _put_back(value, body + id_check(body))


def _card(kind: str, value: str, key: bytes) -> str:
    plain = re.sub("[^0-9]", "", value)
    body = plain[:6] + _drawn(kind, value, key, len(plain) - 7)
    return _put_back(value, body + luhn_check(body))


def _iban(kind: str, value: str, key: bytes) -> str:
    plain = re.sub("[^0-9A-Za-z]", "", value).upper()
    account = _same_form("account", plain[4:], key)
    return _put_back(value, plain[:2] + iban_check(plain[:2], account) + account)


def _uscc(kind: str, value: str, key: bytes) -> str:
    numbers = _numbers(kind, value, key)
    body = value[:2] + _drawn(kind, value, key, 6) + "".join(_USCC[next(numbers) % 31] for _ in range(9))
    return body + uscc_check(body)


def _ssn(kind: str, value: str, key: bytes) -> str:
    numbers = _numbers(kind, value, key)
    area, group = 100 + (next(numbers) * 256 + next(numbers)) % 560, 1 + next(numbers) % 99
    return _put_back(value, f"{area}{group:02d}{1 + (next(numbers) * 256 + next(numbers)) % 9999:04d}")


def _ip(kind: str, value: str, key: bytes) -> str:
    """One of the networks that are kept for documents."""
    numbers = _numbers(kind, value, key)
    if ":" in value:
        return "2001:db8::" + ":".join(f"{next(numbers) * 256 + next(numbers):x}" for _ in range(3))
    return f"203.0.113.{next(numbers) % 254 + 1}"


def _address(kind: str, value: str, key: bytes) -> str:
    """Places have no form that could be made up: a token, with a number that tells them apart."""
    return f"<ADDRESS-{_drawn(kind, value, key, 4)}>"


def _drawn(kind: str, value: str, key: bytes, digits: int) -> str:
    numbers = _numbers(kind, value, key)
    return "".join(str(next(numbers) % 10) for _ in range(digits))


def _put_back(value: str, made: str) -> str:
    """The characters of `made` where letters and digits of `value` stand, signs kept."""
    left = iter(made)
    return "".join(next(left, "") if c.isalnum() else c for c in value) + "".join(left)


_FAKES: dict[str, Callable[[str, str, bytes], str]] = {
    "email": _email, "phone": _phone, "id": _id, "card": _card, "iban": _iban, "uscc": _uscc, "ip": _ip,
    "address": _address, "ssn": _ssn, "passport": _same_form, "plate": _same_form, "qq": _same_form,
    "wechat": _same_form,
}  # fmt: skip
