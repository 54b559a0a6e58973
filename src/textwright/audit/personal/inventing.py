"""Made-up personal data of every kind, valid in form, and numbers that look like it and are none."""

from __future__ import annotations

import numpy as np

from textwright.audit.personal.checksums import (
    iban_check,
    id_check,
    is_date,
    is_luhn,
    luhn_check,
    uscc_check,
)

Rng = np.random.Generator
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PERSONAL = {
    "en": ("email", "phone", "card", "iban", "ip", "ssn", "passport", "address"),
    "zh": ("email", "phone", "id", "card", "uscc", "plate", "wechat", "qq", "passport", "address"),
}
SECRETS = (
    "aws_key",
    "github_token",
    "slack_token",
    "jwt",
    "api_key",
    "password",
    "secret_link",
    "private_key",
)


def digits(rng: Rng, count: int) -> str:
    return "".join(str(d) for d in rng.integers(0, 10, count))


def letters(rng: Rng, count: int, alphabet: str = _LETTERS) -> str:
    return "".join(alphabet[i] for i in rng.integers(0, len(alphabet), count))


def entity(kind: str, language: str, rng: Rng) -> tuple[str, str]:
    """Words that go before it, where it needs some, and a value of a kind.

    >>> entity("email", "en", np.random.default_rng(0))[1].count("@")
    1
    """
    if kind == "phone":
        return "", _phone(language, rng)
    if kind == "id":
        day = f"{rng.integers(1950, 2006)}{rng.integers(1, 13):02d}{rng.integers(1, 29):02d}"
        body = f"{rng.integers(11, 66)}{digits(rng, 4)}{day}{digits(rng, 3)}"
        return "", body + id_check(body)
    if kind == "card":
        body = (_pick(rng, ("622848", "621700", "436742", "520152")) + digits(rng, 12))[:15]
        number = body + luhn_check(body)
        return "", number if rng.random() < 0.5 else " ".join(number[i : i + 4] for i in range(0, 16, 4))
    if kind == "uscc":
        body = f"91{rng.integers(11, 66)}{digits(rng, 4)}" + letters(rng, 9, _USCC)
        return "", body + uscc_check(body)
    return _english(kind, rng) or _chinese(kind, language, rng)


def _english(kind: str, rng: Rng) -> tuple[str, str] | None:
    name = letters(rng, int(rng.integers(4, 9)))
    made = {
        "email": ("", f"{name}.{letters(rng, 5)}{digits(rng, 2)}@example.{_pick(rng, ('com', 'org'))}"),
        "iban": ("", _iban(rng)),
        "ip": ("", ".".join(str(rng.integers(60, 120)) for _ in range(4))),
        "ssn": ("", f"{rng.integers(100, 660)}-{rng.integers(10, 99)}-{rng.integers(1000, 9999)}"),
        "aws_key": ("", "AKIA" + letters(rng, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
        "github_token": ("", "ghp_" + letters(rng, 36, _ALNUM)),
        "slack_token": ("", f"xoxb-{digits(rng, 11)}-{letters(rng, 24, _ALNUM)}"),
        "jwt": ("", f"eyJhbGciOiJIUzI1NiJ9.eyJ{letters(rng, 24, _ALNUM)}.{letters(rng, 43, _ALNUM)}"),
        "api_key": ("", "AIza" + letters(rng, 35, _ALNUM)),
        "password": (
            _pick(rng, ("api_key=", "password: ", "SECRET_KEY = ")),
            letters(rng, 6) + digits(rng, 4) + letters(rng, 8, _ALNUM),
        ),
        "secret_link": ("", f"https://example.com/a?id=7&token={letters(rng, 20, _ALNUM)}"),
        "private_key": (
            "",
            f"-----BEGIN RSA PRIVATE KEY-----\n{letters(rng, 64, _ALNUM)}\n-----END RSA PRIVATE KEY-----",
        ),
    }  # fmt: skip
    return made.get(kind)


def _chinese(kind: str, language: str, rng: Rng) -> tuple[str, str]:
    if kind == "passport":
        return ("护照号" if language == "zh" else "passport no. "), "E" + digits(rng, 8)
    if kind == "plate":
        return "", f"{_pick(rng, '京沪粤苏浙川鲁')}{_pick(rng, 'ABCDE')}{digits(rng, 5)}"
    if kind == "wechat":
        return _pick(rng, ("微信号", "加微信：", "微信")), letters(rng, 6) + "_" + digits(rng, 3)
    if kind == "qq":
        return _pick(rng, ("QQ", "QQ号", "qq：")), "3" + digits(rng, 8)
    if language == "zh":
        road = _pick(rng, ("望月", "青麦", "石桥", "云台"))
        return _pick(
            rng, ("寄到", "地址：", "我家在")
        ), f"云栖市{road}路{rng.integers(1, 300)}号{rng.integers(1, 20)}栋"
    street = letters(rng, 7).capitalize()
    return "", f"{rng.integers(1, 300)} {street} {_pick(rng, ('Street', 'Lane', 'Road', 'Close'))}"


def _phone(language: str, rng: Rng) -> str:
    if language == "zh":
        number = f"1{_pick(rng, '3456789')}{digits(rng, 9)}"
        parts = number[:3], number[3:7], number[7:]
        return _pick(
            rng, (number, "-".join(parts), " ".join(parts), f"+86 {number}", f"+86{number}", number, number)
        )
    area = f"{rng.integers(201, 990)}"
    rest = f"{rng.integers(201, 990)}-{digits(rng, 4)}"
    return _pick(
        rng, (f"({area}) {rest}", f"{area}-{rest}", f"+1 {area}-{rest}", f"020 7946 {digits(rng, 4)}")
    )


def _iban(rng: Rng) -> str:
    account = "WEST" + digits(rng, 14)
    number = "GB" + iban_check("GB", account) + account
    if rng.random() < 0.5:
        return number
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def decoy(language: str, rng: Rng) -> str:
    """A number that is nobody's: of an order, a flight, an amount, or one with a wrong check digit.

    >>> decoy("zh", np.random.default_rng(1)).isspace()
    False
    """
    chinese = language == "zh"
    kind = int(rng.integers(8))
    if kind == 0:
        return ("订单号" if chinese else "order#") + f"1{rng.integers(3, 10)}{digits(rng, 9)}"
    if kind == 1:
        return (
            "航班" if chinese else "flight "
        ) + f"{_pick(rng, ('CA', 'MU', 'BA'))}{rng.integers(100, 9999)}"
    if kind == 2:
        return f"2{digits(rng, 10)}"
    if kind == 3:
        return _wrong_card(rng, 16)
    if kind == 4:
        return _wrong_card(rng, 19)
    if kind == 5:
        return _wrong_id(rng)
    if kind == 6:
        return f"{rng.integers(1990, 2026)}-{rng.integers(10, 13)}-{rng.integers(10, 29)} 12:30"
    return (
        f"{rng.integers(1, 99)}.{digits(rng, 2)}元"
        if chinese
        else f"${rng.integers(1, 99)},{digits(rng, 3)}.00"
    )


def _wrong_card(rng: Rng, length: int) -> str:
    number = "62" + digits(rng, length - 2)
    return number if not is_luhn(number) else number[:-1] + str((int(number[-1]) + 1) % 10)


def _wrong_id(rng: Rng) -> str:
    number = f"{rng.integers(11, 66)}{digits(rng, 16)}"
    if is_luhn(number) or (is_date(number[6:14]) and id_check(number[:17]) == number[17]):
        return number[:-1] + ("1" if number[-1] != "1" else "2")
    return number


def put_into(text: str, words: str, language: str, rng: Rng) -> str:
    """The words between any two words of English or characters of Chinese, away from numbers."""
    if language == "zh":
        spots = [
            i for i in range(len(text) + 1)
            if not any(c.isascii() and (c.isalnum() or c in "@.:/+-") for c in text[max(0, i - 4) : i + 4])
        ]  # fmt: skip
        spot = spots[int(rng.integers(len(spots)))] if spots else len(text)
        return text[:spot] + words + text[spot:]
    parts = text.split(" ")
    spot = int(rng.integers(len(parts) + 1))
    return " ".join([*parts[:spot], words, *parts[spot:]])


def _pick(rng: Rng, values: tuple[str, ...] | str) -> str:
    return values[int(rng.integers(len(values)))]
