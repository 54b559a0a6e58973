"""Which score of a classifier tells texts that belong to no label of its own: some labels are left out.

python bench/scope.py --models bag,cnn [--sets trec,...] [--seeds 2] [--minutes 2] [--keep FOLDER]

A third of the labels is left out of the training (a draw a seed). In scope are the rows of dev of the labels
that stay; `near` are rows of the labels left out, `far` rows of another set in the same language. For each
score: the area under the curve (in scope above out of scope), the share of rows out of scope below the
value that 5 % of the rows in scope are below, and for rows in scope the area under the curve of right
answers above wrong ones. What is printed is JSON lines.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import textwright
from _record import data_file, data_folder, read_column
from textwright.measure.ranking import TwoClassAuc
from textwright.tasks.base import Decode
from textwright.text.clean import clean_text

Array = NDArray[Any]
Rows = list[tuple[str, str]]

SETS = {
    "newsgroups20": "ag_news",
    "trec": "sst2",
    "thucnews_titles": "csl_category",
    "csl_category": "thucnews_titles",
}
MAX_TRAIN, MAX_OUT, LOST = {"bag": 60_000, "cnn": 8_000}, 2_000, 0.05


def read(data: Path, name: str, part: str) -> Rows:
    """Texts and labels of one part of a set. Raises FileNotFoundError."""
    path = data_file(data, name, part)
    if path is None:
        raise FileNotFoundError(f"{name}/{part}")
    return list(zip(read_column(path, "text"), read_column(path, "label"), strict=True))


def scores(outputs: Array, decode: Decode) -> dict[str, Array]:
    """Scores (N,) that may tell a row in scope, of outputs (N, K); higher is more in scope."""
    raw = outputs.astype(np.float64)
    cold = raw / decode.temperature
    top = np.sort(cold, axis=1)
    shares = np.exp(cold - np.logaddexp.reduce(cold, axis=1, keepdims=True))
    return {
        "probability": shares.max(axis=1),
        "margin": top[:, -1] - top[:, -2],
        **{f"entropy, T x {by}": -_entropy(cold / by) for by in (1, 2, 4)},
        "highest": cold.max(axis=1),
        "energy": np.logaddexp.reduce(cold, axis=1),
        "energy, T=1": np.logaddexp.reduce(raw, axis=1),
        "joint energy": np.logaddexp(0, raw).sum(axis=1),
        "highest less mean": cold.max(axis=1) - cold.mean(axis=1),
    }


def _entropy(cold: Array) -> Array:
    """Of the probabilities (N, K) of log-odds."""
    logs = cold - np.logaddexp.reduce(cold, axis=1, keepdims=True)
    out: Array = -(np.exp(logs) * logs).sum(axis=1)
    return out


def auc(above: Array, below: Array) -> float:
    """How often a value of `above` is higher than one of `below`."""
    order = np.concatenate([above, below])
    ranks = np.unique(order, return_inverse=True)[1].astype(np.float64)
    meter = TwoClassAuc()
    shares = (ranks + 1) / (ranks.max() + 2)
    meter.add(np.repeat([1, 0], [len(above), len(below)]), np.column_stack([1 - shares, shares]))
    return float(meter.score(1, np.random.default_rng(0)).value)


def measured(inside: Array, is_right: Array, outside: dict[str, Array], decode: Decode) -> dict[str, Any]:
    """The numbers of each score."""
    found: dict[str, Any] = {}
    of_inside = scores(inside, decode)
    for name, values in of_inside.items():
        record = {"right": auc(values[is_right], values[~is_right])}
        least = np.quantile(values, LOST)
        for kind, outputs in outside.items():
            other = scores(outputs, decode)[name]
            record |= {f"{kind} auc": auc(values, other), f"{kind} caught": float((other < least).mean())}
        found[name] = {key: round(value, 4) for key, value in record.items()}
    return found


def run(name: str, model: str, seed: int, minutes: float, data: Path, keep: Path | None) -> dict[str, Any]:
    """Train without some labels, and measure."""
    rng = np.random.default_rng(seed)
    train, dev = read(data, name, "train"), read(data, name, "dev")
    labels = sorted({label for _, label in train})
    left_out = set(rng.choice(labels, len(labels) // 3, replace=False).tolist())
    known = [row for row in train if row[1] not in left_out]
    known = [known[i] for i in rng.permutation(len(known))[: MAX_TRAIN[model]]]
    near = [row for row in [*dev, *train] if row[1] in left_out][:MAX_OUT]
    far = read(data, SETS[name], "dev")[:MAX_OUT]
    inside = [row for row in dev if row[1] not in left_out]
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "rows.csv", Path(folder) / "model"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *known])
        recipe = {"task": "classify", "split": {"test": 0.0}, "model": {"name": model}, "seed": seed,
                  "budget": {"minutes": minutes}}  # fmt: skip
        textwright.train(path, out, textwright.Recipe.parse(recipe))
        predictor = textwright.load(out)
    outputs = {
        key: predictor.engine.outputs([clean_text(text) for text, _ in rows])
        for key, rows in (("inside", inside), ("near", near), ("far", far))
    }
    known_labels = predictor.schema.labels
    truth = np.array([known_labels.index(label) for _, label in inside])
    of_inside = outputs.pop("inside")
    is_right = of_inside.argmax(axis=1) == truth
    if keep:
        named = {"inside": of_inside, "truth": truth, "t": np.array(predictor.decode.temperature), **outputs}
        np.savez(keep / f"{name}-{model}-{seed}.npz", allow_pickle=False, **named)
    sizes = {"inside": len(inside), **{key: len(rows) for key, rows in outputs.items()}}
    return {"set": name, "model": model, "seed": seed, "rows": sizes, "labels": len(known_labels),
            "accuracy": round(float(is_right.mean()), 4),
            "scores": measured(of_inside, is_right, outputs, predictor.decode)}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all that is asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default="bag,cnn")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args(arguments)
    data = data_folder()
    if data is None:
        return 0
    for model in asked.models.split(","):
        for name in asked.sets.split(","):
            for seed in range(asked.seeds):
                found = run(name, model, seed, asked.minutes, data, asked.keep)
                print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
