"""Tokens in the place of personal data; phrases that give labels away taken out."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module

from textwright.audit.patches.fixing import Fixing

_BLANKS = re.compile(" {2,}")
_MASKING = "textwright.audit.personal.masking"


def lines(fixing: Fixing) -> None:
    """Of the kinds in `params["kinds"]`, all without any; or the phrases in `params["terms"]` taken out."""
    if terms := fixing.params.get("terms"):
        pattern = re.compile("|".join(map(re.escape, terms)), re.IGNORECASE)
        replace_texts(fixing, lambda text: _BLANKS.sub(" ", pattern.sub(" ", text)).strip())
        return
    masked = import_module(_MASKING).masked
    replace_texts(fixing, lambda text: str(masked(text, fixing.params.get("kinds"))))


def replace_texts(fixing: Fixing, made: Callable[[str], str]) -> None:
    """Both sides of the rows of the finding, where something is to be replaced."""
    for i in fixing.positions.tolist():
        fixing.change(i, "text", made(fixing.rows[i].text))
        if fixing.data.others:
            fixing.change(i, "target", made(fixing.rows[i].target))
