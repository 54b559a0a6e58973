"""Nearest known name for a mistyped one; used by the registry, the recipe and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

# What the field also calls it; the first that is known, or stands in a group that is known, is meant.
_ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "swish": ("silu",),
        "logistic": ("sigmoid",),
        "bce": ("cross_entropy",),
        "ce": ("cross_entropy",),
        "nll": ("cross_entropy",),
        "log_loss": ("cross_entropy",),
        "l2": ("mse", "optimizer.weight_decay"),
        "l1": ("huber",),
        "mae": ("huber",),
        "smooth_l1": ("huber",),
        "momentum": ("sgd", "optimizer.momentum"),
        "nesterov": ("sgd",),
        "full_batch": ("gd",),
        "wsd": ("hold",),
        "trapezoidal": ("hold",),
        "swa": ("mean",),
        "polyak": ("mean",),
        "lr": ("rate", "optimizer.rate"),
        "learning_rate": ("rate", "optimizer.rate"),
        "decay": ("weight_decay",),
        "wd": ("weight_decay", "optimizer.weight_decay"),
        "early_stopping": ("patience",),
        "units": ("hidden",),
        "wordpiece": ("bpe",),
        "sentencepiece": ("unigram",),
    }
)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name, or lists all when none is near.

    Capitals do not count, and neither do other names that the field has for the same thing.

    >>> did_you_mean("lstn", ["bag", "cnn", "lstm"]), did_you_mean("Swish", ["gelu", "silu"])
    ("Did you mean 'lstm'?", "Did you mean 'silu'?")
    """
    options = {option.casefold(): option for option in sorted(known)}
    near = _alias(name.casefold(), options) or get_close_matches(name.casefold(), options, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {options.get(near[0], near[0])!r}?"
    return f"Known: {', '.join(options.values())}." if options else "Nothing is registered."


def _alias(name: str, options: Iterable[str]) -> list[str]:
    found = [] if name in options else _ALIASES.get(name, ())
    return [meant for meant in found if meant.partition(".")[0] in options][:1]
