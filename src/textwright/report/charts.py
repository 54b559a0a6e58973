"""Figures as data: everything has its place here, and templates/charts.html draws it as SVG.

Sizes are in units of a viewBox 420 wide, so that letters keep a readable size on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from textwright.report.axes import Scale, scale
from textwright.report.lettering import told_apart, width

WIDTH = 420.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 12.0, 10.0, 38.0
_ROW = 24.0
_BOLD = 1.1  # heavy letters are so much wider
NAME, _CELL_NAME = 160.0, 112.0  # the room of a name beside a line, and of one beside a heat map
# Where a name may stand, in points below the dot's own line, the nearest first.
_DOWNS = (4, -6, 14, -18, 26, -30, 38)

Box = tuple[float, float, float, float]

Ticks = list[tuple[float, str]]


@dataclass(frozen=True)
class Line:
    """One curve: `color` numbers the palette, `points` is as SVG has it, `marks` are single points on it."""

    name: str
    color: int
    points: str
    marks: list[tuple[float, float]] = field(default_factory=list)
    is_thin: bool = False


@dataclass(frozen=True)
class Chart:
    """An area with axes; `kind` names the macro that draws it, `x` and `y` are keys or texts of the axes."""

    kind: str
    height: float
    x_ticks: Ticks
    y_ticks: Ticks
    x: str = ""
    y: str = ""
    lines: list[Line] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    left: float = _LEFT
    top: float = _TOP
    width: float = WIDTH
    has_words: bool = False  # names of dots and lines are keys of words/page.yaml

    @property
    def right(self) -> float:
        return self.width - _RIGHT

    @property
    def bottom(self) -> float:
        return self.height - _foot(self.x)

    @property
    def above(self) -> int:
        """Room above the chart for what its upright axis says."""
        return 18 if self.y else 0


@dataclass(frozen=True)
class Dot:
    """A value with its interval: `low` and `high` lie along the axis of the value, its name at `label`.

    `reference` is where on that axis stands what the value is compared with. A faint one lies behind others.
    """

    name: str
    x: float
    y: float
    low: float
    high: float
    color: int = 0
    label: tuple[float, float] = (0.0, 0.0)
    size: float = 0.0
    reference: float | None = None
    is_faint: bool = False


@dataclass(frozen=True)
class Cell:
    """One field of a heat map: its place, its shade from 0 to 9, its count."""

    x: float
    y: float
    shade: int
    text: str


@dataclass(frozen=True)
class Heatmap:
    """A field for each of `labels`, a row each, and of `columns`, whose names stand upright."""

    labels: list[str]
    columns: list[str]
    size: float
    left: float
    top: float
    cells: list[Cell]
    kind: str = "heatmap"
    above: int = 0

    @property
    def width(self) -> float:
        return self.left + self.size * len(self.columns) + 4

    @property
    def height(self) -> float:
        return self.top + self.size * len(self.labels) + 4


Series = tuple[str, Sequence[tuple[float, float]], Sequence[tuple[float, float]]]
Whisker = tuple[str, float, float, float]
Beside = tuple[int | None, float | None]


def _foot(x: str) -> float:
    """The room below a chart, for numbers and for what its axis says."""
    return _BOTTOM if x else _BOTTOM - 16


def line_chart(
    series: Sequence[Series], *, x: str, y: str, is_thin: bool = False, share: bool = False
) -> Chart | None:
    """Curves of (name, points, marked points) over shared axes; None where no curve has two points.

    Beside others, a curve of one point is a dot. The axis of a `share` ends at 0 and 1.
    """
    height = 240.0
    drawn = [(name, points, marks if len(points) > 1 else points) for name, points, marks in series if points]
    if all(len(points) < 2 for _, points, _ in drawn):
        return None
    every = [point for _, points, marks in drawn for point in (*points, *marks)]
    across = scale([p[0] for p in every], _LEFT, WIDTH - _RIGHT, zero=True)
    up = scale([p[1] for p in every], height - _foot(x), _TOP)
    if share:
        up = replace(up, low=max(up.low, 0.0), high=min(up.high, 1.0))
    lines = [
        Line(name, i % 8, _path(points, across, up), [(across(a), up(b)) for a, b in marks], is_thin)
        for i, (name, points, marks) in enumerate(drawn)
    ]
    return Chart("lines", height, across.ticks, up.ticks, x, y, lines)


def _path(points: Sequence[tuple[float, float]], across: Scale, up: Scale) -> str:
    return " ".join(f"{across(a):g},{up(b):g}" for a, b in points)


def histogram(edges: Sequence[float], counts: Sequence[float], *, x: str, y: str, log: bool = False) -> Chart:
    """Bars between edges."""
    height = 180.0
    log = log and edges[0] > 0 and edges[-1] / edges[0] > 3
    across = Scale(edges[0], edges[-1], _LEFT, WIDTH - _RIGHT, log)
    up = Scale(0, max(*counts, 1) * 1.05, height - _foot(x), _TOP)
    boxes = [
        (across(low), up(count), round(across(high) - across(low), 1), round(up(0) - up(count), 1))
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]
    return Chart("bars", height, across.ticks, up.ticks, x, y, boxes=boxes)


def reliability(points: Sequence[tuple[float, float, float, float, int]], largest: float = 12.0) -> Chart:
    """How often answers of a stated sureness were right: (sureness, share right, low, high, rows)."""
    height = 300.0
    # The largest dot may stand in a corner.
    across, up = Scale(0, 1, _LEFT, WIDTH - _RIGHT - 8), Scale(0, 1, height - _BOTTOM, _TOP + 8)
    most, room = max((n for *_, n in points), default=1), largest - 3
    dots = [
        Dot(f"{n:,}", across(sure), up(right), up(low), up(high), size=round(3 + room * (n / most) ** 0.5, 1))
        for sure, right, low, high, n in points
    ]
    diagonal = Line("", 7, f"{across(0):g},{up(0):g} {across(1):g},{up(1):g}", is_thin=True)
    return Chart(
        "reliability", height, across.ticks, up.ticks, "calibration.x", "calibration.y", [diagonal], dots=dots
    )


def whiskers(
    rows: Sequence[Whisker],
    *,
    x: str,
    share: bool = True,
    whole: bool = False,
    word_room: float = 0.0,
    beside: Sequence[Beside] = (),
) -> Chart | None:
    """A dot with its interval on a line of its own for each of (name, value, low, high).

    The axis of a `share` ends at 0 and 1, and reaches from end to end where the `whole` is asked for. With
    `word_room` names are keys of words/page.yaml, whose texts need so much room. `beside` says of each how
    many rows it counts, which stands after its name, and what it is compared with.
    """
    if not rows:
        return None
    height = _TOP + _ROW * len(rows) + _foot(x)
    names = [name for name, *_ in rows]
    shown = names if word_room else told_apart(names, NAME)
    counts = [n for n, _ in beside] or [None] * len(rows)
    shown = [name if n is None else f"{name} ({n:,})" for name, n in zip(shown, counts, strict=True)]
    left = (word_room or max(map(width, shown))) + 16
    compared = [value for _, value in beside if value is not None]
    values = [v for _, *own in rows for v in own]
    across = scale([*values, *compared], left, WIDTH - _RIGHT, zero=whole)
    if share:
        ends = (0.0, 1.0) if whole else (max(across.low, 0.0), min(across.high, 1.0))
        across = Scale(*ends, left, WIDTH - _RIGHT)
    references = [None if value is None else across(value) for _, value in beside] or [None] * len(rows)
    dots = [
        Dot(
            name,
            across(value),
            _TOP + _ROW * (i + 0.5),
            across(low),
            across(high),
            reference=reference,
        )
        for i, (name, reference, (_, value, low, high)) in enumerate(
            zip(shown, references, rows, strict=True)
        )
    ]
    return Chart("whiskers", height, across.ticks, [], x, dots=dots, left=left, has_words=bool(word_room))


def scatter(rows: Sequence[tuple[str, float, float, float, float]], *, x: str, y: str) -> Chart | None:
    """A dot with an upright interval for each of (name, x, value, low, high); x is logarithmic."""
    known = [row for row in rows if row[1] > 0]
    if len(known) < 2:
        return None
    height = 240.0
    across = scale([row[1] for row in known], _LEFT, WIDTH - _RIGHT, log=True)
    up = scale([v for row in known for v in row[2:]], height - _foot(x), _TOP)
    shown = told_apart([name for name, *_ in known], NAME)
    dots = [
        Dot(name, across(at), up(value), up(low), up(high), i % 8)
        for i, (name, (_, at, value, low, high)) in enumerate(zip(shown, known, strict=True))
    ]
    return Chart("scatter", height, across.ticks, up.ticks, x, y, dots=labelled(dots))


def growth_chart(
    points: Sequence[tuple[float, float, float, float]],
    expected: tuple[float, float, float, float] | None,
    line: Sequence[tuple[float, float]],
    *,
    x: str,
    y: str,
    share: bool = True,
) -> Chart | None:
    """A learning curve: a dot with an upright interval for each measured (rows, value, low, high).

    `expected` is such a point that was not measured, drawn in another colour; `line` is the law that leads
    there, of (rows, value). Rows are logarithmic; the axis of a `share` ends at 0 and 1.
    """
    every = [*points, *([expected] if expected else [])]
    if len(points) < 2:
        return None
    height = 260.0
    across = scale([at for at, *_ in every], _LEFT, WIDTH - _RIGHT, log=True)
    up = scale([v for _, *values in every for v in values], height - _foot(x), _TOP)
    if share:
        up = replace(up, low=max(up.low, 0.0), high=min(up.high, 1.0))
    inside = [(at, min(max(value, up.low), up.high)) for at, value in line]
    lines = [Line("", 7, _path(inside, across, up), is_thin=True)] if inside else []
    dots = [
        Dot("", across(at), up(value), up(low), up(high), int(place >= len(points)))
        for place, (at, value, low, high) in enumerate(every)
    ]
    return Chart("growth", height, across.ticks, up.ticks, x, y, lines, dots=dots)


def labelled(dots: Sequence[Dot]) -> list[Dot]:
    """Names stand where they cover the least: beside their dots, or else a little higher or lower."""
    taken = [(dot.x - 5, dot.y - 5, dot.x + 5, dot.y + 5) for dot in dots]
    placed: list[Dot] = []
    for dot in dots:
        long = _BOLD * width(dot.name)
        lefts = [left for left in (dot.x + 9, dot.x - 9 - long) if 0 <= left <= WIDTH - long] or [0.0]
        boxes = [
            (left, dot.y - 11 + down, left + long, dot.y + 3 + down) for down in _DOWNS for left in lefts
        ]
        best = min(boxes, key=lambda box: sum(_overlap(box, other) for other in taken))
        taken.append(best)
        placed.append(replace(dot, label=(round(best[0], 1), round(best[1] + 11, 1))))
    return placed


def _overlap(a: Box, b: Box) -> float:
    """The area that two boxes (left, top, right, bottom) share."""
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(across, 0.0) * max(down, 0.0)


def heatmap(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Heatmap:
    """Truth (rows) and answers (columns): shades follow the share of a row, so that rare labels show too."""
    fields = [
        [((count / max(sum(row), 1)) ** 0.5, f"{count:,}" if count else "") for count in row]
        for row in counts
    ]
    return field_map(labels, labels, fields)


def field_map(
    rows: Sequence[str], columns: Sequence[str], fields: Sequence[Sequence[tuple[float, str]]]
) -> Heatmap:
    """A field of (strength from 0 to 1, text) for each of `rows` and `columns`; empty without a text."""
    longest = max((width(text) for row in fields for _, text in row), default=0.0)
    size = round(max(26.0, longest + 8, min(52.0, 260.0 / max(len(rows), len(columns)))), 1)
    names, above = told_apart(rows, _CELL_NAME), told_apart(columns, _CELL_NAME)
    left, top = round(max(map(width, names)) + 12, 1), round(max(map(width, above)) + 26, 1)
    cells = [
        Cell(left + size * j, top + size * i, min(9, round(9 * strength)) if text else 0, text)
        for i, row in enumerate(fields)
        for j, (strength, text) in enumerate(row)
    ]
    return Heatmap(names, above, size, left, top, cells)
