"""Figures of tokens, as data: how likely each was held, and where the heads of a model look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textwright.report.charts import WIDTH
from textwright.report.lettering import shortened, told_apart, width
from textwright.report.shown import share_shown, shown, visible

_BAR, _TOP = 20.0, 4.0
_RANK, _NAME, _VALUE = 34.0, 128.0, 78.0  # the room beside a bar: of its rank, of its name, of what it says
_CELL, _CELL_NAME, _LETTERS = 12.0, 76.0, 10.0


@dataclass(frozen=True)
class Bar:
    """One token: its rank, its name, the length of its bar and what stands behind that."""

    rank: str
    name: str
    y: float
    length: float
    value: str
    is_true: bool = False


@dataclass(frozen=True)
class Bars:
    """The likeliest tokens of one place; the last bar is what all but these have, and `others` is its key."""

    bars: list[Bar]
    left: float
    rank: float = _RANK
    others: str = "inspect.others"
    kind: str = "shares"
    width: float = WIDTH
    above: int = 0

    @property
    def height(self) -> float:
        return _TOP + _BAR * len(self.bars)


@dataclass(frozen=True)
class LookMap:
    """Where one head looks: squares of one shade, 1 to 9, are one path; rows are the tokens that look."""

    labels: list[str]
    columns: list[str]
    left: float
    top: float
    shades: list[tuple[int, str]]
    size: float = _CELL
    kind: str = "looks"
    above: int = 0

    @property
    def across(self) -> float:
        return self.size * len(self.columns)

    @property
    def down(self) -> float:
        return self.size * len(self.labels)

    @property
    def width(self) -> float:
        return self.left + self.across + 2

    @property
    def height(self) -> float:
        return self.top + self.down + 2


def token_bars(
    likeliest: Sequence[tuple[str, float]], others: float, true: tuple[str, float, int] | None
) -> Bars:
    """Bars of (token, probability), the likeliest first; `true` is (token, probability, rank) of what stands
    there, which gets a bar of its own where it is not among them.
    """
    rows = [(str(rank), token, share) for rank, (token, share) in enumerate(likeliest, 1)]
    if true and all(token != true[0] for _, token, _ in rows):
        rows.append((f"{true[2]:,}", true[0], true[1]))
    names = told_apart([shown(visible(token)) for _, token, _ in rows], _NAME)
    left = _RANK + _NAME + 14
    room = WIDTH - left - _VALUE
    bars = [
        Bar(
            f"{rank}.",
            name,
            _TOP + _BAR * i,
            round(room * share, 1),
            share_shown(share),
            true is not None and token == true[0],
        )
        for i, (name, (rank, token, share)) in enumerate(zip(names, rows, strict=True))
    ]
    last = Bar("", "", _TOP + _BAR * len(rows), round(room * others, 1), share_shown(others))
    return Bars([*bars, last], left)


def look_map(
    tokens: Sequence[str], weights: Sequence[Sequence[float]], seen: Sequence[str] | None = None
) -> LookMap:
    """The map of one head, of `tokens` that look at those `seen`, or at each other; its shades follow the
    root of a weight, so that small ones can be seen as well.
    """
    rows = _cell_names(tokens)
    columns = rows if seen is None else _cell_names(seen)
    left, top = (round(max(width(name, _LETTERS) for name in names) + 8, 1) for names in (rows, columns))
    paths: dict[int, list[str]] = {}
    for i, row in enumerate(weights):
        for j, weight in enumerate(row):
            if shade := min(9, round(9 * weight**0.5)):
                paths.setdefault(shade, []).append(f"M{left + _CELL * j:g} {top + _CELL * i:g}h12v12h-12z")
    shades = [(shade, "".join(parts)) for shade, parts in sorted(paths.items())]
    return LookMap(rows, columns, left, top, shades)


def _cell_names(tokens: Sequence[str]) -> list[str]:
    return [shortened(shown(visible(token)), _CELL_NAME, _LETTERS) for token in tokens]
