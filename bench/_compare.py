"""How good kept predictions are, and paired tests between the systems that made them.

Shapes: S seeds, N rows.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from _record import COLUMNS, predictions_path, read_column, read_predictions, read_results
from textwright.measure.graded import GradedMeter
from textwright.measure.paired import mcnemar, paired_bootstrap
from textwright.measure.tally import Confusion

Outcomes = dict[int, NDArray[np.float64]]
# One run of these counts for every seed.
DETERMINISTIC = frozenset({"tfidf-lr", "tfidf-svm-wc", "tfidf-ridge"})


def scores_of(task: str, truth: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """Accuracy and macro F1, or mean squared error and correlations, of cells as they stand in the files."""
    if task == "score":
        meter = GradedMeter()
        meter.update(np.array(truth, dtype=float), np.array(predictions, dtype=float))
        scores = meter.scores(replicates=200)
        return {name: scores[name].value for name in ("mse", "pearson", "spearman")}
    labels, ids = np.unique([*truth, *predictions], return_inverse=True)
    confusion = Confusion(len(labels))
    confusion.add(ids[: len(truth)], ids[len(truth) :])
    tally = confusion.tally()
    return {"accuracy": float(tally.accuracy()), "macro_f1": float(tally.macro(tally.f1()))}


def outcomes(name: str, task: str, system: str, truth: Sequence[str]) -> Outcomes:
    """By seed, (N,): 1 where a row is right and 0 where not, or squared errors.

    Raises ValueError where there is no line, or where a kept file is not the one its line tells of.
    """
    kept = kept_predictions("classify", name, task, system)
    if not kept:
        raise ValueError(f"{name}: no result of {system} yet")
    return {seed: _outcome(task, truth, predictions) for seed, predictions in kept.items()}


def kept_predictions(bench: str, name: str, task: str, system: str) -> dict[int, list[str]]:
    """By seed, what was predicted for each row; newest lines only.

    Raises ValueError where a kept file is not the one its line tells of.
    """
    lines = {
        line["seed"]: line["predictions_sha256"]
        for line in read_results(bench)
        if (line["set"], line["task"], line["system"]) == (name, task, system)
    }
    paths = {seed: predictions_path(name, task, system, seed) for seed in sorted(lines)}
    return {seed: read_predictions(path, lines[seed]) for seed, path in paths.items()}


def _outcome(task: str, truth: Sequence[str], predictions: Sequence[str]) -> NDArray[np.float64]:
    if len(truth) != len(predictions):
        raise ValueError(f"{len(predictions)} kept predictions for {len(truth)} rows: the set has changed")
    if task == "score":
        pairs = zip(predictions, truth, strict=True)
        return np.array([(float(p) - float(t)) ** 2 for p, t in pairs])
    return np.array([float(p == t) for p, t in zip(predictions, truth, strict=True)])


def paired_line(task: str, a: tuple[str, Outcomes], b: tuple[str, Outcomes]) -> str:
    """A minus B: the mean over seeds row by row, bootstrap over rows; McNemar seed by seed."""
    of_a, of_b = (np.mean(list(by_seed.values()), axis=0) for _, by_seed in (a, b))
    found = paired_bootstrap(of_b, of_a)
    gap, what = found["difference"], {"classify": "accuracy", "score": "mse"}[task]
    sides = f"{a[0]} {of_a.mean():.4f} (runs: {len(a[1])}) - {b[0]} {of_b.mean():.4f} (runs: {len(b[1])})"
    interval = f"{gap['value']:+.4f} [{gap['low']:+.4f}, {gap['high']:+.4f}]"
    line = f"{what} {sides} = {interval} p {found['p_value']:.4f}"
    return line if task == "score" else f"{line}  McNemar {_mcnemar(a, b)}"


def _mcnemar(a: tuple[str, Outcomes], b: tuple[str, Outcomes]) -> str:
    """p by seed, and how many rows only A and only B got right."""
    tests: dict[int, dict[str, Any]] = {}
    for seed in sorted({*a[1], *b[1]}):
        sides = [found.get(0 if system in DETERMINISTIC else seed) for system, found in (a, b)]
        if sides[0] is not None and sides[1] is not None:
            tests[seed] = mcnemar(sides[0] == 1, sides[1] == 1)
    shown = (f"{seed}: p {t['p_value']:.4f} (+{t['only_a']} -{t['only_b']})" for seed, t in tests.items())
    return ", ".join(shown) or "no seed in common"


def compare(systems: Sequence[str], devs: dict[str, Path], task: str) -> int:
    """Print the first system against each other one on every set; 1 when a result was missing."""
    code = 0
    for name, dev in devs.items():
        truth = read_column(dev, COLUMNS[task])
        for other in systems[1:]:
            try:
                sides = [(system, outcomes(name, task, system, truth)) for system in (systems[0], other)]
            except ValueError as error:
                print(error, file=sys.stderr)
                code = 1
                continue
            print(f"{name:18} {paired_line(task, sides[0], sides[1])}", flush=True)
    return code
