"""Nearest known name for a mistyped one; used by the registry, the recipe and the command line."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name, or lists all when none is near.

    >>> did_you_mean("lstn", ["bag", "cnn", "lstm"])
    "Did you mean 'lstm'?"
    """
    options = sorted(known)
    near = get_close_matches(name, options, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Known: {', '.join(options)}." if options else "Nothing is registered."
