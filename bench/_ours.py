"""Train one of our systems on a file and answer another: the counterpart of the peers' `classify.py`.

python bench/_ours.py NAME TRAIN DEV --task classify --seed 0 --minutes 20 --out PREDICTIONS.csv

The last line on standard output is one JSON object with the seconds.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import textwright
from _record import COLUMNS, read_column
from textwright.core.events import Event
from textwright.core.records import Note, StepEvent
from textwright.models.registry import ARCHITECTURES
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.recipe import Recipe, load_recipe, packaged_recipes

# The fine-tuning of the peer `minilm-hf`: the same checkpoint, rows, batch, epochs and longest text.
FINETUNE = {
    "split.validation": 0,
    "learn.batch": 32,
    "learn.epochs": 2,
    "tokenizer": {"max_length": 128},
    "model.name": "pretrained",
}
SYSTEMS = {
    "finetune": FINETUNE,
    "finetune-fp32": {**FINETUNE, "compute.precision": "fp32"},
    "finetune-compiled": {**FINETUNE, "compute.compile": True},
    "pretrained": {"model.name": "pretrained"},
}

# Imported where they are used; before the watch starts, as the peers' times leave imports out, too.
_LATE = ("scipy.optimize", "scipy.sparse.csgraph", "scipy.special", "textwright.measure.calibrate")


@dataclass
class Stopwatch:
    """A sink that reads the time between the texts in memory and the final model.

    It starts when the account of the data is given (read, cleaned, de-duplicated, split) and ends with the
    last event of the last fit: encoding, search, scoring on validation and refit are inside.
    """

    started: float | None = None
    ended: float = 0.0
    rows: int = 0

    def __call__(self, event: Event) -> None:
        now = time.perf_counter()
        if self.started is None and isinstance(event, Note) and ": fitting on " in event.text:
            self.started = self.ended or now
        self.ended = now
        if isinstance(event, StepEvent):
            self.rows = event.rows

    @property
    def seconds(self) -> float:
        if self.started is None:
            raise RuntimeError("no note said that a fit began: has its wording in choose/select.py changed?")
        return self.ended - self.started


def recipe_of(name: str, task: str, seed: int, minutes: float) -> Recipe:
    """The system or packaged recipe of this name, or else the defaults of the architecture of this name.

    What starts from a checkpoint takes the folder that MINILM names, as the peer does.
    """
    if name in SYSTEMS:
        base = Recipe().replaced({**SYSTEMS[name], "model.checkpoint": os.environ["MINILM"]})
    else:
        base = load_recipe(name) if name in packaged_recipes() else Recipe(model={"name": name})
    columns = {"data.text": "text", "data.label": COLUMNS[task]}
    return base.replaced({"task": task, **columns, "seed": seed, "budget.minutes": minutes})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("name", "train", "dev"):
        parser.add_argument(name)
    parser.add_argument("--task", choices=COLUMNS, default="classify")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    recipe = recipe_of(args.name, args.task, args.seed, args.minutes)
    kind = {"solver": "bag"}.get(found := ARCHITECTURES.get(recipe.model_name).kind, found)
    choose_waiting()
    for module in (*_LATE, f"textwright.tasks.trainers.{kind}"):
        importlib.import_module(module)
    texts = read_column(Path(args.dev), "text")
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        textwright.train(args.train, f"{folder}/model", recipe, test=args.dev, sink=watch)
        total = time.perf_counter() - began
        predictor = textwright.load(f"{folder}/model")
        began = time.perf_counter()
        answers = predictor.predict(texts)
        predict_s = time.perf_counter() - began
    with args.out.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["prediction"])
        rows.writerows([answer[COLUMNS[args.task]]] for answer in answers)
    times = {"train_s": watch.seconds, "total_s": total, "predict_s": predict_s}
    print(json.dumps({"rows_seen": watch.rows, **{name: round(value, 3) for name, value in times.items()}}))


if __name__ == "__main__":
    main()
