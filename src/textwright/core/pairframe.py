"""What stands around a text that a model reads, and before the one that it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from textwright.core.ragged import Ragged


@dataclass(frozen=True)
class PairFrame:
    """Ids of tokens. `end_id` ends every text, `start_id` is what telling begins from. `before` and `behind`
    stand around a source and its end; `forced` is before an answer, and nobody has to tell it: the language
    of it, of a model that knows many.

    >>> frame = PairFrame(2, 2, before=(9,), forced=(8,))
    >>> frame.around(Ragged.from_lists([[5, 2], [2]])).values.tolist()
    [9, 5, 2, 9, 2]
    >>> PairFrame.parse(frame.to_json()) == frame, frame.known
    (True, (2, 8))
    """

    end_id: int
    start_id: int
    before: tuple[int, ...] = ()
    behind: tuple[int, ...] = ()
    forced: tuple[int, ...] = ()

    @classmethod
    def usual(cls, end_id: int) -> Self:
        """Of a model that is learned here: what ends a text begins it."""
        return cls(end_id, end_id)

    @classmethod
    def parse(cls, record: Mapping[str, Any]) -> Self:
        """What `to_json` made."""
        before, behind, forced = (tuple(record[key]) for key in ("before", "behind", "forced"))
        return cls(int(record["end_id"]), int(record["start_id"]), before, behind, forced)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def known(self) -> tuple[int, ...]:
        """What the first token of an answer is told from."""
        return (self.start_id, *self.forced)

    @property
    def size(self) -> int:
        """Tokens around a source."""
        return len(self.before) + len(self.behind)

    def around(self, sources: Ragged) -> Ragged:
        """Sources with what stands around them."""
        if not self.size:
            return sources
        lengths = sources.lengths + self.size
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        values = np.empty(offsets[-1], sources.values.dtype)
        places = np.arange(len(sources.values)) + np.repeat(
            offsets[:-1] + len(self.before) - sources.offsets[:-1], sources.lengths
        )
        values[places] = sources.values
        for i, token in enumerate(self.before):
            values[offsets[:-1] + i] = token
        for i, token in enumerate(self.behind):
            values[offsets[1:] - len(self.behind) + i] = token
        return Ragged(values, offsets)
