"""Which architectures are tried when none is named, the cheap ones first."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from textwright.core.errors import ConfigError
from textwright.models.registry import ARCHITECTURES

CANDIDATES = ("bag", "cnn", "lstm")


def candidates_for(model: str, settings: Mapping[str, Any] = MappingProxyType({})) -> tuple[str, ...]:
    """`auto` is all candidates, otherwise the one named. Raises ConfigError for an unknown name.

    Settings belong to one architecture, so with `auto` they are refused too.
    """
    if model == "auto" and settings:
        first = next(iter(settings))
        raise ConfigError(
            f"model.{first} is a setting of one architecture, but none is named",
            hint=f"Name it with --model: {', '.join(ARCHITECTURES)}.",
        )
    if model == "auto":
        return CANDIDATES
    ARCHITECTURES.check(model)
    return (model,)
