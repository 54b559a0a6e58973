"""Samples a second of fine-tuning, ours beside transformers.Trainer at its defaults, row for row in turn.

MINILM=... python bench/finetune.py [--sets trec,sst2,ag_news] [--rows 1500] [--rounds 3]

Accuracy on whole sets: python bench/classify.py --sets trec --systems ours:finetune,minilm-hf
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from _record import append, data_file, data_folder, head, new_run, read_column, run_child
from classify import Cell, CellError, last_json

PEER, OURS = "minilm-hf", ("ours:finetune", "ours:finetune-fp32")
EPOCHS = 2


def sample(train: Path, rows: int, out: Path) -> Path:
    """`rows` random rows of a set, without the duplicates that we would leave out and the peer would not."""
    pairs = zip(read_column(train, "text"), read_column(train, "label"), strict=True)
    unique = list({text.strip().lower(): (text, label) for text, label in pairs}.values())
    chosen = random.Random(0).sample(unique, min(rows, len(unique)))
    with out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *chosen])
    return out


def samples_per_second(cell: Cell, out: Path) -> float:
    """Rows times epochs over the seconds from texts in memory to the trained model."""
    times = last_json(run_child(cell.child_command(out)))
    num_rows = times.get("rows_seen") or EPOCHS * len(read_column(cell.train, "text"))
    return float(num_rows) / float(times["train_s"])


def measure_set(name: str, train: Path, dev: Path, rounds: int, seed: int) -> dict[str, dict[str, float]]:
    """For each system its speed and, for ours, the ratio to the peer's of the same round."""
    found: dict[str, list[float]] = {system: [] for system in (*OURS, PEER)}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            for system in found:
                cell = Cell(name, system, "classify", seed + turn, train, dev)
                found[system].append(samples_per_second(cell, Path(folder) / "predictions.csv"))
                print(f"{name:10} {system:20} {found[system][-1]:8.1f} samples/s", flush=True)
    speeds = {system: {"samples_per_s": statistics.fmean(values)} for system, values in found.items()}
    for system in OURS:
        ratios = [ours / peer for ours, peer in zip(found[system], found[PEER], strict=True)]
        speeds[system] |= {
            "times_trainer": math.exp(statistics.fmean(math.log(ratio) for ratio in ratios)),
            "times_trainer_low": min(ratios),
            "times_trainer_high": max(ratios),
            "rounds": rounds,
        }
    return speeds


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", default="trec,sst2,ag_news", help="names of folders in TEXTWRIGHT_DATA")
    parser.add_argument("--rows", type=int, default=1500, help="random rows of each set to train on")
    parser.add_argument("--rounds", type=int, default=3, help="each system runs so many times, in turn")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    data = data_folder()
    if data is None:
        return 0
    if not os.environ.get("MINILM"):
        print("skipped: MINILM names no folder of a small BERT (bench/README.md)", file=sys.stderr)
        return 0
    run, code = new_run(), 0
    for name in args.sets.split(","):
        train, dev = data_file(data, name, "train"), data_file(data, name, "dev")
        if train is None or dev is None:
            continue
        command = f"python bench/finetune.py --sets {name} --rows {args.rows} --rounds {args.rounds}"
        beginning = head("finetune", f"{command} --seed {args.seed}", run)
        with tempfile.TemporaryDirectory() as folder:
            try:
                part = sample(train, args.rows, Path(folder) / "train.csv")
                speeds = measure_set(name, part, dev, args.rounds, args.seed)
            except CellError as error:
                print(f"{name}: {error}", file=sys.stderr)
                code = code if str(error).startswith("skipped") else 1
                continue
        for system, result in speeds.items():
            rounded = {key: round(value, 3) for key, value in result.items()}
            where = {"seed": args.seed, "set": name, "task": "classify", "system": system}
            append({**beginning, **where, "result": rounded})
    return code


if __name__ == "__main__":
    sys.exit(main())
