"""What the rooms hand each other: frozen records that turn into JSON as docs/design.md, section 6, says."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Split = Literal["validation", "test", "given"]
Status = Literal["done", "stopped", "failed", "skipped"]


@dataclass(frozen=True)
class Score:
    """A number with its 95 % interval, the rows it comes from, and which way is better."""

    value: float
    low: float
    high: float
    n: int
    better: Literal["higher", "lower"] = "higher"

    def to_json(self) -> dict[str, Any]:
        numbers = {k: _finite(v) for k, v in (("value", self.value), ("low", self.low), ("high", self.high))}
        return {**numbers, "n": self.n, "better": self.better}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Score:
        value, low, high = (
            math.nan if record[k] is None else float(record[k]) for k in ("value", "low", "high")
        )
        return cls(value, low, high, record["n"], record["better"])

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True)
class StepEvent:
    """What a fit yields after every update, and what progress bars, event files and pages read."""

    step: int
    epoch: float
    rows: int
    tokens: int
    seconds: float
    loss: float
    rate: float
    tokens_per_second: float
    remaining: float | None = None
    scores: dict[str, float] | None = None
    is_best: bool = False

    def to_json(self) -> dict[str, Any]:
        return {k: _finite(v) for k, v in asdict(self).items() if v is not None}


@dataclass(frozen=True)
class Note:
    """One line for the person that is not a step: a guess, a decision with its reason, a warning.

    A `detail` is a decision about settings and the machine, for the record rather than for the terminal.
    `fit` is the name of the fit that the steps from here on belong to, where one begins.
    """

    text: str
    kind: Literal["said", "plan", "detail", "warning"] = "said"
    fit: str | None = None

    def to_json(self) -> dict[str, Any]:
        begins = {} if self.fit is None else {"fit": self.fit}
        return {"note": self.text, "kind": self.kind, **begins}


@dataclass(frozen=True)
class Candidate:
    """One tried setting: what it scored, what it cost, and why it was chosen or not.

    `name` tells settings of one model apart. `difference` is its distance to the best candidate in `metric`
    (None for the best itself), with the p-value of a paired test. Latencies are of one text alone,
    `texts_per_second` of many at once, on this machine; `kwh` follows from an assumption.
    """

    model: str
    scores: dict[str, Score] = field(default_factory=dict)
    seconds: float = 0.0
    parameters: int = 0
    bytes: int = 0
    latency_ms_p50: float | None = None
    status: Status = "done"
    chosen: bool = False
    why: str = ""
    name: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    latency_ms_p99: float | None = None
    texts_per_second: float | None = None
    kwh: float | None = None
    metric: str | None = None
    difference: Score | None = None
    p_value: float | None = None
    test: str | None = None

    def to_json(self) -> dict[str, Any]:
        record = {k: _finite(v) for k, v in self.__dict__.items() if k not in ("scores", "metric")}
        gap = {str(self.metric): self.difference.to_json()} if self.difference else None
        scores = {k: s.to_json() for k, s in self.scores.items()}
        return {
            **record,
            "name": self.name or self.model,
            "difference": gap,
            "scores": scores,
            "split": "validation",
        }


def _finite(value: Any) -> Any:
    """JSON has no NaN: a number that does not exist is null."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
