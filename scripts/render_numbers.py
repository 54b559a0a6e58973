"""Renders docs/numbers.md from the result lines of the benchmarks.

    python scripts/render_numbers.py [--check] [PROJECT]

A line of bench/results/*.jsonl is one measurement: `bench`, `commit`, `machine`, `date`, `run` and `result`,
a flat record of numbers; where it applies also `set`, `task`, `system` and `seed`. Of the same measurement
the newest line counts. With --check nothing is written: it ends with 1 when the page is out of date.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import Any

Line = dict[str, Any]
Cells = dict[tuple[str, str], list[float]]

PEER = "fasttext"
RATIO = ("times_trainer", "times_trainer_low", "times_trainer_high")
COUNTS = ("kill",)
# Sets whose labels are so uneven that accuracy says little, and what a person would use instead of us.
BY_MACRO_F1 = frozenset({"davidson_hate", "csl_category"})
PEERS_OF_CHOICE = ("fasttext", "fasttext-autotune", "tfidf-lr", "tfidf-svm-wc", "keras-classic")
SHOWN = ("accuracy", "pearson", "n_train", "n_test")
PAGE = Path("docs") / "numbers.md"
HEAD = """# Numbers

Rendered from `bench/results/*.jsonl` by `scripts/render_numbers.py`; edit neither by hand. Each of those
lines names the command that measured it, the commit, the machine and the hash of the predictions.
"""
ACCURACY = """
Per cent of the rows of `dev` that a model answers rightly that saw only `train`: the mean over seeds,
in brackets how many there are. Systems that give the same result for every seed have one.
"""
PEARSON = """
Pearson correlation of scores and answers on `dev`, learned from `train` alone: the mean over seeds,
in brackets how many there are.
"""
TIMES = """
Seconds of training, imports and reading left out, divided by those of fastText on the same set in the
same run on the same machine, so that a busy machine slows both: the geometric mean over seeds, below 1
is faster. The column of fastText holds its seconds.
"""
FINETUNE = """
Samples a second, from texts in memory to the trained model, divided by those of `transformers.Trainer` at its
defaults on the same rows, batch and epochs in the same round: the geometric mean of the rounds, in brackets
the lowest and the highest. `fp32` is ours with bf16 switched off; the column of the peer holds its speed.
"""
CHOOSE = """
`textwright train FILE --minutes 3 --test DEV`, the columns named and no model, scored on the answers of
`textwright predict`: `accuracy` and `balanced` are what `--prefer` says. Per cent of right answers, or macro
F1 (mF1) where the labels are very uneven: the mean over seeds, in brackets how many. The best peer is the one
with the highest mean on the set; `python bench/choose.py --compare` has the paired tests. The clock is the
longest of the runs, the whole process by its promise.
"""
BUDGETS = """
The same with other budgets, or with a pre-trained encoder among the candidates (`encoder`): seconds of the
whole process by those of the promise, the least and the greatest; scores as above, set by set.
"""
OTHER = """
All else that was measured, as means over seeds: seconds (`_s`), MiB (`_mb`), rates from 0 to 1; what was
counted (`kill`) is added up.
"""


def read_lines(folder: Path) -> list[Line]:
    """All result lines, the oldest first. Raises ValueError for a line that is not JSON."""
    lines = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                lines.append(json.loads(text))
            except ValueError as error:
                raise ValueError(f"{path}:{number}: {error}") from None
    return sorted(lines, key=lambda line: str(line["date"]))


def newest(lines: Iterable[Line]) -> list[Line]:
    """The last line of each measurement."""
    keys = ("bench", "set", "task", "system", "seed")
    last = {(*(line.get(k) for k in keys), _system(line)): line for line in lines}
    return list(last.values())


def render(lines: Sequence[Line]) -> str:
    """The whole page."""
    current = newest(lines)
    parts = [HEAD, _origin(current)]
    parts += _section("Accuracy", ACCURACY, _values(current, "accuracy"), _percent)
    parts += _section("Graded scores", PEARSON, _values(current, "pearson"), _plain)
    parts += _section("Time to train, as a multiple of fastText's", TIMES, _ratios(current, lines), _ratio)
    parts += _section("Fine-tuning beside Trainer", FINETUNE, _finetuning(current), _range)
    parts += _choice(current)
    parts += _other(current)
    return "\n".join(parts)


def _origin(lines: Sequence[Line]) -> str:
    if not lines:
        return "Nothing has been measured yet.\n"
    machines = sorted({_machine(line["machine"]) for line in lines})
    commits = sorted({str(line["commit"]) for line in lines})
    days = sorted(str(line["date"])[:10] for line in lines)
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return f"Measured {when} on {'; '.join(machines)}; commits {', '.join(commits)}.\n"


def _machine(machine: dict[str, Any]) -> str:
    vectors = f" ({machine['vectors']})" if "vectors" in machine else ""
    return f"{machine['cpu']}{vectors}, {machine['cores']} cores, torch {machine['torch']}"


def _values(lines: Iterable[Line], name: str) -> Cells:
    """(set, system) to one value a seed."""
    cells: Cells = defaultdict(list)
    for line in lines:
        if line["bench"] == "classify" and line["result"].get(name) is not None:
            cells[line["set"], line["system"]].append(line["result"][name])
    return cells


def _ratios(lines: Iterable[Line], history: Iterable[Line]) -> Cells:
    """Training seconds over those of fastText on the same set in the same run; its own stay seconds."""
    peer = {
        (line["run"], line["set"]): line["result"]["train_s"]
        for line in history
        if line.get("system") == PEER and line["result"].get("train_s")
    }
    cells: Cells = defaultdict(list)
    for line in lines:
        seconds, beside = line["result"].get("train_s"), peer.get((line.get("run"), line.get("set")))
        if seconds and beside:
            cells[line["set"], line["system"]].append(seconds if line["system"] == PEER else seconds / beside)
    return cells


def _finetuning(lines: Iterable[Line]) -> Cells:
    """The ratio to Trainer with its range; for Trainer itself its speed."""
    cells: Cells = {}
    for line in lines:
        if line["bench"] == "finetune":
            found = line["result"]
            ratio = [found[name] for name in RATIO if name in found]
            cells[line["set"], line["system"]] = ratio or [found["samples_per_s"]]
    return cells


def _range(values: list[float]) -> str:
    return f"{values[0]:.3g} ({values[1]:.3g} to {values[2]:.3g})" if len(values) == 3 else f"{values[0]:.3g}"


def _percent(values: list[float]) -> str:
    return f"{100 * fmean(values):.2f} ({len(values)})"


def _plain(values: list[float]) -> str:
    return f"{fmean(values):.4f} ({len(values)})"


def _ratio(values: list[float]) -> str:
    return f"{geometric_mean(values):.3g}"


def _section(title: str, how: str, cells: Cells, show: Callable[[list[float]], str]) -> list[str]:
    """A table with a row a set and a column a system, ours first; nothing where nothing was measured."""
    if not cells:
        return []
    systems = sorted({system for _, system in cells}, key=lambda name: (not name.startswith("ours:"), name))
    rows = []
    for name in sorted({name for name, _ in cells}):
        found = [cells.get((name, system)) for system in systems]
        rows.append([name, *(show(values) if values else "" for values in found)])
    return [f"## {title}", how, _table(["set", *systems], rows)]


def _choice(lines: Sequence[Line]) -> list[str]:
    """A row a set: what a person gets, beside the best peer."""
    peers: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    ours: dict[str, dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        name = str(line.get("set"))
        metric = _metric(name)
        if line["bench"] == "choose":
            ours[name][str(line["system"])].append(line)
        elif line["bench"] == "classify" and line["system"] in PEERS_OF_CHOICE:
            peers[name][str(line["system"])].append(line["result"].get(metric, 0.0))
    if not ours:
        return []
    every = sorted({system for found in ours.values() for system in found})
    systems = [system for system in every if system.endswith("-3m")]
    rows = []
    for name in sorted(name for name, found in ours.items() if any(system in systems for system in found)):
        metric = _metric(name)
        best = max(peers[name], key=lambda peer: fmean(peers[name][peer]), default="")
        cells = [[line["result"][metric] for line in ours[name].get(system, [])] for system in systems]
        clock = max(line["result"]["of_promise"] for s in systems for line in ours[name].get(s, []))
        beside = f"{best} {_percent(peers[name][best])}" if best else ""
        shown = f"{name} (mF1)" if name in BY_MACRO_F1 else name
        rows.append([shown, *(_percent(c) if c else "" for c in cells), beside, f"{clock:.3f}"])
    head = ["set", *systems, "best peer", "clock"]
    table = ["## Choice by measurement", CHOOSE, _table(head, rows)]
    others = [system for system in every if system not in systems]
    return table + (["## Choice with other budgets", BUDGETS, _budgets(others, ours)] if others else [])


def _budgets(systems: Iterable[str], ours: Mapping[str, Mapping[str, list[Line]]]) -> str:
    """A row a system: how many runs, their clocks, their scores."""
    rows = []
    for system in systems:
        found = {name: lines[system] for name, lines in sorted(ours.items()) if lines.get(system)}
        clocks = [line["result"]["of_promise"] for lines in found.values() for line in lines]
        scores = [
            f"{name} {_percent([line['result'][_metric(name)] for line in lines])}"
            for name, lines in found.items()
        ]
        rows.append([system, str(len(clocks)), f"{min(clocks):.3f} to {max(clocks):.3f}", ", ".join(scores)])
    return _table(["system", "runs", "clock", "scores"], rows)


def _metric(name: str) -> str:
    return "macro_f1" if name in BY_MACRO_F1 else "accuracy"


def _system(line: Line) -> str:
    """With the vectors of the processor where it has no products in bf16: minutes buy less there."""
    vectors, system = line["machine"].get("vectors", ""), str(line.get("system", ""))
    return f"{system} ({vectors})" if vectors and "bf16" not in vectors else system


def _other(lines: Iterable[Line]) -> list[str]:
    """A row a set and system, with all numbers that have no table of their own."""
    cells: dict[tuple[str, ...], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        key = (*(str(line.get(k, "")) for k in ("bench", "set", "task")), _system(line))
        for name, value in line["result"].items():
            shown = name in RATIO or (line["bench"] == "classify" and name in SHOWN)
            if isinstance(value, int | float) and not shown:
                cells[key][name].append(value)
    if not cells:
        return []

    def total(key: tuple[str, ...], values: list[float]) -> float:
        return sum(values) if key[0] in COUNTS else fmean(values)

    rows = [
        [*key, ", ".join(f"{name} {total(key, values):.4g}" for name, values in found.items())]
        for key, found in sorted(cells.items())
    ]
    head = ["bench", "set", "task", "system", "measured"]
    return ["## Other measurements", OTHER, _table(head, rows)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("project", nargs="?", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when the page is out of date")
    asked = parser.parse_args(arguments)
    page, text = asked.project / PAGE, render(read_lines(asked.project / "bench" / "results"))
    if not asked.check:
        page.write_text(text, encoding="utf-8")
    elif not page.exists() or page.read_text(encoding="utf-8") != text:
        print(f"{page} is out of date: run python scripts/render_numbers.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
