"""What the packaged self-test showed, by check: it goes with every finding."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any


@cache
def figures() -> dict[str, dict[str, Any]]:
    """The worst of both languages and rates: recall, precision, false_alarm_rate, is_noisy.

    Written by `scripts/render_trust.py`; a check that is not in it was never proved.
    """
    path = resources.files("textwright").joinpath("audit", "proof", "figures.json")
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found
