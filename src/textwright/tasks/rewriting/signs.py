"""What can be seen of an answer without knowing the right one: how sure the model was, and what looks wrong.

All of it is cheap, and the same whatever engine answers.

Shapes: N answers, K signs, T tokens of an answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.measure.base import FloatArray
from textwright.measure.support import unsupported
from textwright.measure.words import loops, words
from textwright.text.clean import fold
from textwright.text.script import script_shares


@dataclass(frozen=True)
class Sign:
    """`prior` is the weight that is expected before anything is measured: an alarm that no held-out answer
    raised counts as much. One that `is_scaled` is measured in its own spread among the held-out answers.
    """

    prior: float = 0.0
    is_scaled: bool = False


SIGNS: Mapping[str, Sign] = MappingProxyType(
    {
        "mean": Sign(is_scaled=True),  # log-probability of its tokens, their mean
        "lowest": Sign(is_scaled=True),  # and that of the least likely one
        "size": Sign(is_scaled=True),  # of the source: the logarithm of its words
        "copied": Sign(is_scaled=True),  # share of its words that stand in the source
        "long": Sign(-0.25),  # longer than people write of such a source, in their spread
        "short": Sign(-0.25),  # and shorter
        "unsupported": Sign(-0.5),  # the logarithm of names and numbers that the source does not have
        "foreign": Sign(-2.0),  # share of its letters in a script that people do not use there
        "same": Sign(-2.0),  # it is its source
        "loops": Sign(-2.0),  # words come again and again, but not in the source
        "cut": Sign(-2.0),  # it did not come to an end
        "empty": Sign(-4.0),
    }
)
# A script is one that people use where so much of their letters is of it.
_LEAST_OF_SCRIPT = 0.02
_LEAST_SPREAD, _FARTHEST, _OF_NORMAL = 0.1, 4.0, 1.4826
_TEXTS_OF_SCRIPTS = 2_000


@dataclass(frozen=True)
class Answer:
    """An answer with the log-probabilities of its tokens; `is_asked` says that its length was asked for, so
    that it is no sign.
    """

    source: str
    text: str
    mean: float
    lowest: float
    is_whole: bool = True
    is_asked: bool = False


@dataclass(frozen=True)
class Usual:
    """What answers of people are like: the logarithm of their words is `slope` times that of their source's
    and `offset`, give or take `spread`; `scripts` are those of their letters.
    """

    slope: float
    offset: float
    spread: float
    scripts: tuple[str, ...]

    @classmethod
    def of(cls, sources: Sequence[str], targets: Sequence[str]) -> Usual:
        """What is usual among pairs (N,) of people."""
        read, told = _sizes(sources), _sizes(targets)
        slope, offset = np.polyfit(read, told, 1) if np.ptp(read) > 0 else (0.0, float(np.median(told)))
        apart = told - slope * read - offset
        offset += float(np.median(apart))
        spread = _OF_NORMAL * float(np.median(np.abs(apart - np.median(apart))))
        shares = script_shares(targets[:_TEXTS_OF_SCRIPTS])
        scripts = tuple(name for name, share in shares.items() if share >= _LEAST_OF_SCRIPT)
        return cls(float(slope), float(offset), max(spread, _LEAST_SPREAD), scripts)

    def deviation(self, source: str, text: str) -> float:
        """How many spreads an answer is longer than usual; shorter ones are below 0."""
        read, told = _sizes([source, text])
        apart = (told - self.slope * read - self.offset) / self.spread
        return float(np.clip(apart, -_FARTHEST, _FARTHEST))

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "scripts": [*self.scripts]}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Usual:
        slope, offset, spread = (float(record[name]) for name in ("slope", "offset", "spread"))
        return cls(slope, offset, spread, tuple(map(str, record["scripts"])))


def signs_of(answers: Sequence[Answer], usual: Usual, task: str) -> FloatArray:
    """(N, K) signs in the order of `SIGNS`."""
    rows = [[found[name] for name in SIGNS] for found in (_seen(one, usual, task) for one in answers)]
    return np.array(rows, np.float64).reshape(len(answers), len(SIGNS))


def _seen(answer: Answer, usual: Usual, task: str) -> dict[str, float]:
    source, ours = words(answer.source), words(answer.text)
    known = set(source)
    apart = 0.0 if answer.is_asked else usual.deviation(answer.source, answer.text)
    return {
        "mean": answer.mean,
        "lowest": answer.lowest,
        "size": float(np.log1p(len(source))),
        "copied": sum(word in known for word in ours) / max(len(ours), 1),
        "long": max(apart, 0.0),
        "short": max(-apart, 0.0),
        "unsupported": float(np.log1p(_unsupported(answer, task))),
        "foreign": _foreign(answer.text, usual.scripts),
        "same": float(bool(ours) and fold(answer.text) == fold(answer.source)),
        "loops": float(loops(ours) and not loops(source)),
        "cut": float(not answer.is_whole),
        "empty": float(not answer.text.strip()),
    }


def _unsupported(answer: Answer, task: str) -> int:
    """Names and numbers that the source does not have; of a translation numbers alone, lost ones too."""
    found = unsupported(answer.source, answer.text)
    if task != "translate":
        return len(found)
    both = (*found, *unsupported(answer.text, answer.source))
    return sum(one.kind == "number" for one in both)


def _foreign(text: str, scripts: Sequence[str]) -> float:
    shares = script_shares([text])
    return 1.0 - sum(shares[name] for name in scripts) if shares and scripts else 0.0


def _sizes(texts: Sequence[str]) -> NDArray[np.float64]:
    return np.log1p([len(words(text)) for text in texts])
