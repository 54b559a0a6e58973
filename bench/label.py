"""Does `textwright label` pay: as many rows again, picked by it or at random, and what that gives on dev.

python bench/label.py [--sets trec,...] [--seed 0] [--rows 200]
python bench/label.py --compare

A model learns from a few random rows of train (two of each label are among them), `label` picks as many from
the others, their labels are looked up, and a new model learns from both. All by the verbs of the package.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

import textwright
from _record import append, data_file, data_folder, head, new_run, read_column, results_of
from textwright.core.seeds import generator
from textwright.text.clean import clean_text

SETS = ("trec", "csl_category", "chnsenticorp", "sst2", "graded_tweets")
MAX_OTHERS = 20_000


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def measure(train: Path, dev: Path, label: str, num_rows: int, seed: int) -> dict[str, dict[str, float]]:
    """Scores on dev from the first rows, with as many more at random, and with those that `label` picks."""
    texts, labels = ([clean_text(cell) for cell in read_column(train, name)] for name in ("text", label))
    once = {text: place for place, text in reversed([*enumerate(texts)]) if text}
    rng = generator(seed, "bench", "label")
    order = rng.permutation(np.sort(np.array(list(once.values()))))
    first = _start(order, labels, num_rows) if label == "label" else order[:num_rows].tolist()
    taken = set(first)
    others = [place for place in order.tolist() if place not in taken][:MAX_OTHERS]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def scored(places: Sequence[int], out: str) -> dict[str, float]:
            rows = write(folder / f"{out}.csv", ["text", label], ([texts[i], labels[i]] for i in places))
            recipe = {"model": {"name": "bag"}, "seed": seed, "data": {"text": "text", "label": label}}
            found = textwright.train(rows, folder / out, textwright.Recipe.parse(recipe), test=dev)
            names = ("accuracy", "macro_f1") if label == "label" else ("mse",)
            return {name: round(found.scores[name].value, 5) for name in names}

        start = scored(first, "first")
        pool = write(folder / "pool.csv", ["text"], ([texts[i]] for i in others))
        textwright.label(folder / "first", pool, folder / "picked.csv", rows=num_rows, seed=seed)
        # Rows are numbered with the header, and a text that looks like a formula has a space before it.
        picked = [others[int(row) - 2] for row in read_column(folder / "picked.csv", "row")]
        shown = read_column(folder / "picked.csv", "text")
        assert [texts[i].strip() for i in picked] == [text.strip() for text in shown]
        return {
            "start": start,
            "random": scored([*first, *others[:num_rows]], "random"),
            "label": scored([*first, *picked], "label"),
        }


def _start(order: np.ndarray, labels: Sequence[str], num_rows: int) -> list[int]:
    """The first rows of the order, but for two of each label, which come before."""
    seen: dict[str, int] = {}
    both: tuple[list[int], list[int]] = ([], [])
    for place in order.tolist():
        seen[labels[place]] = seen.get(labels[place], 0) + 1
        both[seen[labels[place]] > 2].append(place)
    return (both[0] + both[1])[:num_rows]


def compare() -> None:
    """Means over seeds, and that of the differences by `label` to random with its standard error."""
    found: dict[tuple[str, str], dict[str, dict[int, float]]] = {}
    for line in results_of("label"):
        for metric in {"accuracy", "macro_f1", "mse"} & line["result"].keys():
            systems = found.setdefault((line["set"], metric), {})
            systems.setdefault(line["system"], {})[line["seed"]] = line["result"][metric]
    for (name, metric), systems in sorted(found.items()):
        means = ", ".join(f"{system} {np.mean([*runs.values()]):.4f}" for system, runs in systems.items())
        gaps = [value - systems["random"][seed] for seed, value in systems["label"].items()]
        error = np.std(gaps, ddof=1) / len(gaps) ** 0.5
        print(f"{name} {metric}: {means}; label - random {np.mean(gaps):+.4f} +- {error:.4f}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--compare", action="store_true", help="means over the seeds that were measured")
    args = parser.parse_args(argv)
    if args.compare:
        compare()
        return 0
    data = data_folder()
    if data is None:
        return 0
    run = new_run()
    for name in args.sets.split(","):
        train, dev = (data_file(data, name, part) for part in ("train", "dev"))
        if train is None or dev is None:
            continue
        label = "score" if name == "graded_tweets" else "label"
        flags = f"--sets {name} --seed {args.seed} --rows {args.rows}"
        beginning = head("label", f"python bench/label.py {flags}", run)
        found = measure(train, dev, label, args.rows, args.seed)
        for system, result in found.items():
            where = {"seed": args.seed, "set": name, "task": "score" if label == "score" else "classify"}
            append({**beginning, **where, "system": system, "result": {**result, "rows": args.rows}})
        print(name, found, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
