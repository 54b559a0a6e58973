"""textwright compare"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.cells import cell_len, set_cell_size

from textwright.api import Comparison
from textwright.api import compare as compare_two
from textwright.cli import options
from textwright.cli.run import Debug, Json, finish, guarded, say
from textwright.core.errors import ConfigError
from textwright.text.corpus import Asked
from textwright.text.schema import TaskName

app = typer.Typer(add_completion=False)

_SHOWN_ROWS, _SHOWN_TEXT = 10, 60


@app.command()
def compare(
    a: Annotated[
        Path, typer.Argument(help="A model folder or a prediction file (CSV or JSONL).", show_default=False)
    ],
    b: Annotated[Path | None, typer.Argument(help="The other one.", show_default=False)] = None,
    data: Annotated[
        str | None, typer.Option(help="The rows to compare on: a file with texts and right answers.")
    ] = None,
    task: options.Task = None,
    text: options.Text = None,
    label: options.Label = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say which of two is better on the same rows, and whether that is more than chance.

    A prediction file has one row for each row of the data, in the same order, with a column `prediction`,
    `label`, `labels` or `score`, as `textwright predict` writes it. --task, --text and --label tell what is
    what in the data when there are prediction files only.

    Example: textwright compare old-model new-model --data dev.csv
    """
    with guarded(debug):
        if b is None:
            raise ConfigError(
                f"compare needs two to compare, and was given {a} only",
                hint="textwright compare A B --data FILE, with model folders or prediction files for A and B",
            )
        found = compare_two(a, b, data, asked=Asked(_task(task), text, label))
        for note in found.notes:
            say(f"warning: {note}")
        if found.num_locked:
            say(f"{found.num_locked:,} of these rows were locked for the test; this look at them is recorded")
        finish(json, found.to_json(), _page(found))


def _task(name: str | None) -> TaskName | None:
    match name:
        case None | "classify" | "multilabel" | "score":
            return name
    raise ConfigError(f"--task {name}: unknown task", hint="Known: classify, multilabel, score.")


def _page(found: Comparison) -> str:
    lines = [
        f"{found.n:,} rows (95 % interval in brackets)",
        "",
        *_scores(found),
        "",
        _difference(found),
        found.verdict,
    ]
    if found.differ:
        shown = found.differ[:_SHOWN_ROWS]
        head = f"They answer {found.num_differ:,} rows differently" + (
            f"; {len(shown)} of them:" if found.num_differ > len(shown) else ":"
        )
        lines += [
            "",
            head,
            *_table(
                [
                    ["row", "truth", "a", "b", "text"],
                    *([_cell(row[k]) for k in ("row", "truth", "a", "b", "text")] for row in shown),
                ]
            ),
        ]
    return "\n".join(lines)


def _scores(found: Comparison) -> list[str]:
    names = [name for name in found.a.scores if name in found.b.scores]
    rows = [[name, str(found.a.scores[name]), str(found.b.scores[name])] for name in names]
    return _table([["", f"a: {found.a.name}", f"b: {found.b.name}"], *rows])


def _difference(found: Comparison) -> str:
    score = found.difference
    interval = f"{score.value:+.4f} [{score.low:+.4f}, {score.high:+.4f}]"
    test = "paired randomisation test"
    if found.mcnemar:
        only_a, only_b = found.mcnemar["only_a"], found.mcnemar["only_b"]
        test = f"McNemar's exact test: {only_a:,} rows only a has right, {only_b:,} only b"
    return f"b - a in {found.metric}: {interval}, p = {found.p_value:.3g} ({test})"


def _cell(value: Any) -> str:
    text = (
        ", ".join(value)
        if isinstance(value, list)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
    line = " ".join(text.split())
    return line if cell_len(line) <= _SHOWN_TEXT else set_cell_size(line, _SHOWN_TEXT - 1).rstrip() + "…"


def _table(rows: list[list[str]]) -> list[str]:
    """Columns of equal width on a terminal, where a Chinese character is two cells wide."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
