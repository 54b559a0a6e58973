"""Keys, tokens and passwords: by the form that their makers gave them, or by what they are assigned to."""

from __future__ import annotations

import math
import re
from collections import Counter

from textwright.audit.personal.spans import Rule, by_pattern

_AWS = r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"
_GITHUB = r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})(?![A-Za-z0-9_])"
_SLACK = r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,250}(?![A-Za-z0-9-])"
_API = (
    r"(?<![A-Za-z0-9_-])(?:AIza[0-9A-Za-z_-]{35}|[sr]k_(?:live|test)_[0-9A-Za-z]{16,99}"
    r"|sk-(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{20,200}|hf_[A-Za-z]{34}|glpat-[0-9A-Za-z_-]{20}|LTAI[0-9A-Za-z]{12,20})(?![A-Za-z0-9_-])"
)
_JWT = r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"
_PRIVATE = r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)"
_URL = (
    r"(?i:https?|ftp)://[^\s/@:\u4e00-\u9fff]{1,99}:(?P<pass>[^\s/@\u4e00-\u9fff]{1,99})@[A-Za-z0-9.-]+"
    r"|(?i:https?)://[^\s<>\"'?#\u3000-\u9fff]{1,500}[?#]"
    r"(?:[^\s<>\"'&\u3000-\u9fff]{1,300}&){0,20}?(?i:access_token|auth_token|token|api_?key|key|sig|signature"
    r"|secret|password|passwd|pwd|session(?:id)?|auth|jwt)=[A-Za-z0-9%._~+/=-]{8,}(?:&[^\s<>\"'\u3000-\u9fff]*)?"
)
_NAMES = (
    r"api[_ -]?key|secret[_ -]?key|access[_ -]?key(?:[_ -]?id)?|secret[_ -]?access[_ -]?key"
    r"|client[_ -]?secret|auth[_ -]?token|access[_ -]?token|secret|token|passwd|password|pwd|passcode"
)
_ASSIGNED = (
    rf"(?:(?i:(?<![A-Za-z])(?:[A-Za-z]+[_-])?(?:{_NAMES}))[\"']?\s?(?:[:=]|:=|=>|(?i:is))\s?"
    r"|(?:密码|密钥|口令|秘钥)\s?(?:[:：=是为])\s?)"
    r"[\"']?(?P<value>[A-Za-z0-9!#$%&*+./=?@^_~-]{6,200}?)(?=[\"']?(?:[\s,;，。；！？、)）<]|\.?(?:\s|\Z)|[\u4e00-\u9fff]|\Z))"
)
_BITS = 2.5  # a character of a value that was not made of few letters


def entropy(text: str) -> float:
    """Bits a character (Shannon).

    >>> entropy("aaaa"), entropy("abcd")
    (0.0, 2.0)
    """
    counts = Counter(text).values()
    return sum(-n / len(text) * math.log2(n / len(text)) for n in counts) + 0.0


def _is_random(match: re.Match[str]) -> bool:
    """No word of a sentence: letters with digits or signs between them, and not the same few characters."""
    value = match["value"]
    is_mixed = re.search("[A-Za-z]", value) and re.search(r"[0-9!#$%^&*+~]", value)
    return bool(is_mixed) and entropy(value) >= _BITS


PRIVATE_KEY = Rule("private_key", by_pattern(_PRIVATE, flags=re.DOTALL), marks=("private key",))
JWT = Rule("jwt", by_pattern(_JWT), marks=("eyj",))
AWS = Rule("aws_key", by_pattern(_AWS), marks=("akia", "asia"))
GITHUB = Rule("github_token", by_pattern(_GITHUB), marks=("gh", "github_pat_"))
SLACK = Rule("slack_token", by_pattern(_SLACK), marks=("xox",))
API = Rule(
    "api_key",
    by_pattern(_API),
    marks=("aiza", "k_live_", "k_test_", "sk-", "hf_", "glpat-", "ltai"),
)
URL = Rule("secret_link", by_pattern(_URL), marks=("://",))
ASSIGNED = Rule(
    "password",
    by_pattern(_ASSIGNED, _is_random),
    marks=("key", "secret", "token", "pass", "pwd", "密码", "密钥", "口令", "秘钥"),
)
