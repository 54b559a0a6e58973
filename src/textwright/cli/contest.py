"""What `textwright compare` does with pairs to translate or to summarize."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.cells import cell_len, set_cell_size

from textwright.api import PairsComparison, compare_pairs
from textwright.choose.pairs.contest import MODEL, Entry
from textwright.choose.pick.difference import LEVEL
from textwright.cli.main import started
from textwright.cli.progress import Progress
from textwright.cli.run import Guard, finish
from textwright.core.clock import Clock
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.pretraining.recipe import PretrainRecipe


def contest(
    data: str,
    out: Path,
    recipe: PretrainRecipe,
    names: Sequence[str],
    test: Path | None,
    json: bool,
    guard: Guard,
) -> None:
    """Let models and methods translate or summarize the same pairs, and say which is better."""
    choose_waiting()  # before torch is imported
    sink, clock = Progress(), Clock(started())
    found = compare_pairs(data, out, recipe, models=names, test=test, sink=sink, clock=clock)
    finish(json, found.to_json(), _page(found))
    if found.interrupted:
        raise typer.Exit(guard.stopped)


def _page(found: PairsComparison) -> str:
    """A line a method or model."""
    head = ["model or method", found.headline, f"{found.headline} - best", "p", "s", "parameters", "ms", ""]
    records = [entry.record for entry in found.entries]
    done = sum(entry.is_measured for entry in found.entries)
    account = f"{done} of {len(records)} on {found.n:,} held-out pairs in {found.seconds:.1f} s"
    if found.split == "given":
        account = f"{done} of {len(records)} on {found.n:,} pairs of the test file in {found.seconds:.1f} s"
    caution = alike([record.p_value for record in records if record.p_value is not None])
    lines = [
        f"{account} (95 % interval in brackets):",
        "",
        *table([head, *(_line(entry, found.headline) for entry in found.entries)]),
        "",
        "p: paired test against the best on the same pairs, corrected by Holm; ms: for one text alone.",
        f"Best: {found.best}{caution}. All in {found.out}",
        f"report: {found.out / 'report.html'}",
    ]
    if found.kept is not None:
        lines.append(f"Next: textwright {found.task} {found.out / 'model'} FILE --out answers.jsonl")
    return "\n".join(lines)


def _line(entry: Entry, headline: str) -> list[str]:
    record, gap = entry.record, entry.record.difference
    if not entry.is_measured:
        return [entry.name, *[""] * 6, f"{record.status}: {record.why}"]
    outcome = "" if entry.kind == MODEL else "learns nothing"
    if gap is not None and record.p_value is not None and record.p_value >= LEVEL:
        outcome = "no difference shown"
    return [
        entry.name,
        str(record.scores[headline]),
        "" if gap is None else f"{gap.value:+.2f}",
        "" if record.p_value is None else f"{record.p_value:.3g}",
        f"{record.seconds:.1f}" if entry.kind == MODEL else "",
        f"{record.parameters:,}",
        "" if record.latency_ms_p50 is None else f"{record.latency_ms_p50:.2f}",
        "best" if record.chosen else outcome,
    ]


def alike(p_values: Sequence[float]) -> str:
    """What tests against the best did not show, as the rest of a sentence; nothing where they all did."""
    count = sum(p_value >= LEVEL for p_value in p_values)
    return f", not shown to be better than {count} of the {len(p_values)} others" if count else ""


def table(rows: list[list[str]]) -> list[str]:
    """Columns of equal width on a terminal, where a Chinese character is two cells wide."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
