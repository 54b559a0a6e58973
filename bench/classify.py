"""Our classifiers and graded models beside the peers', train -> dev; or paired tests between them.

python bench/classify.py --sets sst2,trec --systems ours:bag,fasttext,tfidf-lr --seed 0
python bench/classify.py --sets sst2,trec --compare ours:bag,fasttext,tfidf-lr
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _compare import DETERMINISTIC, compare, scores_of
from _record import (
    BENCH,
    COLUMNS,
    Child,
    append,
    data_file,
    data_folder,
    head,
    keep_predictions,
    new_run,
    predictions_path,
    read_column,
    run_child,
)

PEERS = {
    "fasttext": "classify",
    "fasttext-autotune": "classify",
    "tfidf-lr": "classify",
    "tfidf-svm-wc": "classify",
    "keras-classic": "classify",
    "minilm-hf": "classify",
    "tfidf-ridge": "score",
}
MINUTES = 20.0


class CellError(Exception):
    """A cell that gave no result, in one line."""


@dataclass(frozen=True)
class Cell:
    """One system on one set."""

    set: str
    system: str
    task: str
    seed: int
    train: Path
    dev: Path
    minutes: float = MINUTES

    @property
    def is_ours(self) -> bool:
        return self.system.startswith("ours:")

    @property
    def command(self) -> str:
        """What repeats it, with no path of this machine."""
        flags = f"--sets {self.set} --systems {self.system} --seed {self.seed}"
        flags += f" --task {self.task}" if self.task != "classify" else ""
        flags += f" --minutes {self.minutes:g}" if self.is_ours and self.minutes != MINUTES else ""
        before = f"AUTOTUNE={_autotune()} " if self.system == "fasttext-autotune" else ""
        return f"{before}python bench/classify.py {flags}"

    def child_command(self, out: Path) -> list[str | Path]:
        """Raises CellError where there is no such system, or no peers here."""
        if self.is_ours:
            name = self.system.removeprefix("ours:")
            flags = ["--task", self.task, "--seed", str(self.seed), "--minutes", str(self.minutes)]
            return [sys.executable, BENCH / "_ours.py", name, self.train, self.dev, *flags, "--out", out]
        if PEERS.get(self.system) != self.task:
            raise CellError(f"no such system for --task {self.task}: ours:MODEL, {', '.join(PEERS)}")
        python, folder = os.environ.get("TEXTWRIGHT_PEERS_PYTHON"), os.environ.get("TEXTWRIGHT_PEERS")
        if not python or not folder or not Path(python).exists() or not Path(folder, "classify.py").exists():
            raise CellError(
                "skipped: TEXTWRIGHT_PEERS, TEXTWRIGHT_PEERS_PYTHON name no peers (bench/README.md)"
            )
        script = Path(folder).resolve() / "classify.py"
        return [python, script, self.system, self.train, self.dev, "--out", out]


def _autotune() -> str:
    """Seconds that fastText searches for, as its peer script reads them; three minutes where nobody says."""
    return os.environ.setdefault("AUTOTUNE", "180")


def measure(cell: Cell, run: str) -> dict[str, Any]:
    """Run a cell, keep its predictions, append its line and return the result. Raises CellError."""
    beginning = head("classify", cell.command, run)  # before, as the code may change while it runs
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "predictions.csv"
        child = run_child(cell.child_command(out))
        times = last_json(child)
        predictions = read_column(out, "prediction")
    truth = read_column(cell.dev, COLUMNS[cell.task])
    if len(predictions) != len(truth):
        raise CellError(f"{len(predictions)} predictions for {len(truth)} rows")
    counts = {"n_train": len(read_column(cell.train, "text")), "n_test": len(truth)}
    seconds = {name: times.get(name) for name in ("train_s", "total_s", "predict_s")}
    scores = {name: round(value, 5) for name, value in scores_of(cell.task, truth, predictions).items()}
    result = {**scores, **seconds, "peak_mb": round(child.peak_mb, 1), **counts}
    sha256 = keep_predictions(predictions_path(cell.set, cell.task, cell.system, cell.seed), predictions)
    where = {"seed": cell.seed, "set": cell.set, "task": cell.task, "system": cell.system}
    append({**beginning, **where, "result": result, "predictions_sha256": sha256})
    return result


def last_json(child: Child) -> dict[str, Any]:
    """The JSON object on the last line that a child printed. Raises CellError when it failed."""
    lines = child.stdout.strip().splitlines()
    if child.code or not lines:
        raise CellError(child.complaint())
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def run_cells(cells: Sequence[Cell]) -> int:
    """All cells one after the other; 1 when one failed, 0 otherwise."""
    run, code = new_run(), 0
    for cell in cells:
        name = f"{cell.set:18} {cell.system:18} seed {cell.seed}"
        if cell.system in DETERMINISTIC and cell.seed:
            print(f"{name}  skipped: it is deterministic, its seed 0 counts for every seed", flush=True)
            continue
        try:
            result = measure(cell, run)
        except (CellError, ValueError) as error:
            print(f"{name}  {error}", file=sys.stderr, flush=True)
            code = code if str(error).startswith("skipped") else 1
            continue
        print(f"{name}  " + "  ".join(f"{k} {v}" for k, v in result.items() if v is not None), flush=True)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", required=True, help="names of folders in TEXTWRIGHT_DATA, by commas")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--systems", help=f"by commas: ours:MODEL or ours:RECIPE, {', '.join(PEERS)}")
    what.add_argument("--compare", help="by commas: the first against each other, on kept predictions")
    parser.add_argument("--task", choices=COLUMNS, default="classify")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="budget of ours, generous on purpose")
    args = parser.parse_args(argv)
    data = data_folder()
    if data is None:
        return 0
    sets = args.sets.split(",")
    devs = {name: dev for name in sets if (dev := data_file(data, name, "dev"))}
    if args.compare:
        return compare(args.compare.split(","), devs, args.task)
    trains = {name: train for name in devs if (train := data_file(data, name, "train"))}
    return run_cells(
        [
            Cell(name, system, args.task, args.seed, train, devs[name], args.minutes)
            for name, train in trains.items()
            for system in args.systems.split(",")
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
