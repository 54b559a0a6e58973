"""The written reason with which a person answers for a fix that is not safe, or accepts a finding."""

from __future__ import annotations

import re

from textwright.text.script import CJK_PATTERN

# "ok" is no reason. A Chinese character says as much as two letters or more.
_LEAST = 10
_CJK = re.compile(f"[{CJK_PATTERN}]")


def is_reason(because: str) -> bool:
    """Whether it has 10 characters at least, of which each Chinese one counts twice.

    >>> is_reason("it is a copy"), is_reason("是同一则通知"), is_reason("ok")
    (True, True, False)
    """
    reason = because.strip()
    return len(reason) + len(_CJK.findall(reason)) >= _LEAST
