"""One figure as an SVG file of its own, for guides and slides: the same shapes and colours as in reports."""

from __future__ import annotations

from pathlib import Path

from textwright.core.files import write_atomic
from textwright.report.charts import Chart, Heatmap
from textwright.report.lettering import width
from textwright.report.page import environment

_LEGEND_ROW, _LEGEND_LEFT, _SHORT_NAME = 18, 48, 148


class Picture(str):
    """An SVG, which a notebook shows as a picture where a cell ends with it."""

    def _repr_svg_(self) -> str:
        return str(self)


def figure(chart: Chart | Heatmap, title: str) -> Picture:
    """The SVG of a chart, with a legend above it where it has curves; texts of axes stand as they were given.

    >>> from textwright.report.charts import whiskers
    >>> chart = whiskers([("bag", 0.85, 0.8, 0.9)], x="accuracy")
    >>> figure(chart, "Accuracy").startswith("<svg")
    True
    """
    lines = [] if isinstance(chart, Heatmap) else [line for line in chart.lines if line.name]
    columns = 2 if all(width(line.name) <= _SHORT_NAME for line in lines) else 1
    legend = [
        (line.name, _LEGEND_LEFT + 180 * (i % columns), 12 + _LEGEND_ROW * (i // columns), line.color)
        for i, line in enumerate(lines)
    ]
    offset = _LEGEND_ROW * -(-len(lines) // columns) + chart.above
    template = environment().get_template("figure.svg")
    drawn = template.render(
        chart=chart,
        title=title,
        legend=legend,
        offset=offset,
        height=chart.height + offset,
        languages=("en",),
        w=lambda text, language: text,
    )
    return Picture(drawn.strip())


def save_figure(chart: Chart | Heatmap | None, path: str | Path, title: str) -> None:
    """Write a figure to an .svg file. Raises ValueError where there is nothing to draw."""
    if chart is None:
        raise ValueError(f"{title}: there is nothing to draw")
    write_atomic(Path(path), figure(chart, title) + "\n")
