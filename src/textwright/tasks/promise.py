"""What a model is asked to keep for one label, as text: `precision(fraud)=0.95`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast, get_args

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.text.schema import Schema

Kept = Literal["precision", "recall", "f1"]
KEPT: tuple[Kept, ...] = get_args(Kept)
EXAMPLE = "Example: precision(spam)=0.95"
# Brackets and equals signs are also those of a Chinese keyboard. The label is all up to the last ")=".
_FORM = re.compile(r"\s*([^\s(（]*)\s*[(（]([^\n]*)[)）]\s*[=＝]([^\n]*)")


@dataclass(frozen=True)
class Promise:
    """A metric of one label (`precision`, `recall` or `f1`) that is to be `value` or more, 0 < value <= 1.

    >>> Promise.parse("recall( spam ) = 0.9")
    Promise(metric='recall', label='spam', value=0.9)
    >>> str(Promise.parse("precision(f(x)=1)=0.95"))
    'precision(f(x)=1)=0.95'
    """

    metric: Kept
    label: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Promise:
        """Read `metric(label)=value`; the label may hold anything but a line break. Raises ConfigError."""
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise ConfigError(f"{text!r} is no promise of the form metric(label)=value", hint=EXAMPLE)
        metric, label, value = (part.strip() for part in found.groups())
        if metric.lower() not in KEPT:
            hint = f"{did_you_mean(metric, KEPT)} {EXAMPLE}"
            raise ConfigError(f"{text!r}: {metric!r} cannot be promised of a label", hint=hint)
        if not label:
            raise ConfigError(f"{text!r}: there is no label in the brackets", hint=EXAMPLE)
        return cls(cast(Kept, metric.lower()), label, _share(value, text))

    def check(self, schema: Schema) -> None:
        """Raise ConfigError where the task has no labels, or not this one."""
        if schema.task == "score":
            raise ConfigError(
                f"{str(self)!r} is about a label, and the task score has none",
                hint="Leave the promise out, or use --task classify.",
            )
        if self.label not in schema.labels:
            raise ConfigError(
                f"{str(self)!r}: there is no label {self.label!r}",
                hint=did_you_mean(self.label, schema.labels),
            )

    def __str__(self) -> str:
        return f"{self.metric}({self.label})={self.value:.10g}"


def _share(value: str, text: str) -> float:
    try:
        share = float(value)
    except ValueError:
        raise ConfigError(f"{text!r}: expected a number, found {value!r}", hint=EXAMPLE) from None
    if not 0 < share <= 1:  # nan is neither
        raise ConfigError(f"{text!r}: expected more than 0 and at most 1, found {value}", hint=EXAMPLE)
    return share
