"""The page of an audit, from its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def render_audit(
    record: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
) -> str:
    """The whole page, in both languages."""
    return ""
