"""Which architectures are tried when none is named, the cheap ones first."""

from __future__ import annotations

from textwright.core.errors import ConfigError
from textwright.models.registry import ARCHITECTURES

CANDIDATES = ("bag", "cnn", "lstm")


def candidates_for(model: str) -> tuple[str, ...]:
    """`auto` is all candidates, otherwise the one named. Raises ConfigError for an unknown name."""
    if model == "auto":
        return CANDIDATES
    if model not in ARCHITECTURES:
        ARCHITECTURES.get(model)  # raises with the nearest name
        raise ConfigError(f"unknown architecture {model!r}")
    return (model,)
