"""The kinds of personal data and secrets: what a person calls them, and how grave they are."""

from __future__ import annotations

from dataclasses import dataclass

from textwright.audit.findings import Severity


@dataclass(frozen=True)
class Kind:
    """`says` names it in the plural; `severity` is that of the first one found."""

    says: str
    severity: Severity = "warn"


KINDS: dict[str, Kind] = {
    "email": Kind("e-mail addresses"),
    "phone": Kind("telephone numbers"),
    "wechat": Kind("WeChat names"),
    "qq": Kind("QQ numbers"),
    "id": Kind("Chinese identity numbers", "high"),
    "ssn": Kind("US social security numbers", "high"),
    "passport": Kind("passport numbers", "high"),
    "card": Kind("bank card numbers", "high"),
    "iban": Kind("bank accounts (IBAN)", "high"),
    "uscc": Kind("Chinese social credit codes"),
    "plate": Kind("Chinese number plates"),
    "ip": Kind("IP addresses"),
    "address": Kind("street addresses"),
    "private_key": Kind("private keys", "high"),
    "secret_link": Kind("links with a secret", "high"),
    "jwt": Kind("JSON web tokens", "high"),
    "aws_key": Kind("keys of AWS", "high"),
    "github_token": Kind("tokens of GitHub", "high"),
    "slack_token": Kind("tokens of Slack", "high"),
    "api_key": Kind("keys of an interface", "high"),
    "password": Kind("passwords and keys by assignment", "high"),
}


def token(kind: str) -> str:
    """What stands in a text instead: `<PHONE>`."""
    return f"<{kind.upper()}>"


def preview(kind: str, value: str) -> str:
    """What may be shown of a value: its kind and at most two of its characters.

    >>> preview("phone", "13800138000")
    '<PHONE> 13•••'
    """
    shown = "" if kind == "private_key" else " ".join(value[:2].split())
    return f"{token(kind)} {shown}•••"
