"""What texts without labels are worth: few labelled rows of train, the others as texts, and dev to judge on.

    python bench/unlabelled.py --sets imdb,chnsenticorp,online_shopping --rows 200 --seed 0
    python bench/unlabelled.py --compare

Two trainings with the same labelled rows and the same minutes, as a person calls them: `textwright train
LABELLED --prefer accuracy`, which picks the best candidate from scratch, and the same with `--unlabelled`.
Which rows are labelled is drawn by the seed.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from _compare import scores_of
from _record import (
    append,
    data_file,
    data_folder,
    head,
    keep_predictions,
    new_run,
    predictions_path,
    read_column,
)
from choose import kept, mean_score, paired, textwright
from textwright.core.seeds import generator
from textwright.measure.paired import holm

SETS = ("imdb", "chnsenticorp", "online_shopping")
NUMBERS = (200, 1000)


def system_of(kind: str, rows: int, args: argparse.Namespace) -> str:
    tag = "".join(f"+{text}" for text in args.set or []) if kind == "with" else ""
    return f"ours:{kind}-texts-{rows}-{args.minutes:g}m{tag}"


def drawn(train: Path, rows: int, seed: int, folder: Path) -> tuple[Path, Path]:
    """The labelled rows and the texts of the others, each in a file of its own."""
    texts, labels = (read_column(train, name) for name in ("text", "label"))
    order = generator(seed, "bench", "unlabelled").permutation(len(texts)).tolist()
    labelled, others = folder / "labelled.csv", folder / "others.csv"
    _write(labelled, ["text", "label"], ([texts[i], labels[i]] for i in order[:rows]))
    _write(others, ["text"], ([texts[i]] for i in order[rows:]))
    return labelled, others


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def measure(name: str, data: Path, kind: str, args: argparse.Namespace, run: str) -> dict[str, Any]:
    train, dev = data_file(data, name, "train"), data_file(data, name, "dev")
    assert train and dev
    flags = f"--sets {name} --kinds {kind} --rows {args.rows} --minutes {args.minutes:g} --seed {args.seed}"
    flags += "".join(f" --set {text}" for text in args.set or [])
    beginning = head("unlabelled", f"python bench/unlabelled.py {flags}", run)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        labelled, others = drawn(train, args.rows, args.seed, folder)
        model, answers = folder / "model", folder / "answers.jsonl"
        asked: list[Any] = ["train", labelled, "--minutes", args.minutes, "--prefer", "accuracy"]
        asked += ["--text", "text", "--label", "label", "--task", "classify", "--test", dev]
        asked += ["--seed", args.seed, "--out", model, "--json"]
        if kind == "with":
            asked += ["--unlabelled", others]
            asked += [part for text in args.set or [] for part in ("--set", text)]
        trained = textwright(asked)
        found = json.loads(trained.stdout.strip().splitlines()[-1])
        textwright(["predict", model, dev, "--out", answers, "--text", "text"])
        predictions = [json.loads(line)["label"] for line in answers.read_text().splitlines()]
    truth = read_column(dev, "label")
    scores = {key: round(value, 5) for key, value in scores_of("classify", truth, predictions).items()}
    picked = [c for c in found["candidates"] if c["chosen"]]
    about = {
        "picked": picked[0]["name"] if picked else "",
        "members": picked[0]["settings"].get("members") if picked else None,
    }
    system = system_of(kind, args.rows, args)
    sha256 = keep_predictions(predictions_path(name, "classify", system, args.seed), predictions)
    result = {**scores, "total_s": round(trained.seconds, 1), "n_test": len(truth)}
    where = {"seed": args.seed, "set": name, "task": "classify", "system": system}
    append({**beginning, **where, "result": result, **about, "predictions_sha256": sha256})
    return {**result, **about}


def table(data: Path, args: argparse.Namespace) -> None:
    """With and without the texts, means over seeds, the paired difference with its interval, Holm's p."""
    rows = []
    for name in args.sets.split(","):
        dev = data_file(data, name, "dev")
        assert dev
        truth = read_column(dev, "label")
        for number in NUMBERS:
            sides = [kept("unlabelled", name, system_of(kind, number, args)) for kind in ("with", "without")]
            if not all(sides):
                print(f"{name} {number}: no result yet")
                continue
            means = [mean_score(truth, side, "accuracy") for side in sides]
            rows.append((name, number, *means, len(sides[0]), *paired(truth, *sides, "accuracy")))
    for (name, number, own, other, seeds, gap, low, high, p), q in zip(
        rows, holm([row[-1] for row in rows]), strict=True
    ):
        print(
            f"{name:16} {number:5} with {100 * own:6.2f}  without {100 * other:6.2f} ({seeds})  "
            f"{100 * gap:+6.2f} [{100 * low:+.2f}, {100 * high:+.2f}]  p {p:.4f}  Holm {q:.4f}"
        )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", default=",".join(SETS), help="by commas")
    parser.add_argument("--kinds", default="without,with", help="of training, by commas")
    parser.add_argument("--rows", type=int, default=200, help="labelled ones")
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", help="a setting of the training with texts")
    parser.add_argument("--compare", action="store_true", help="the table of what was measured")
    args = parser.parse_args(argv)
    data = data_folder()
    if data is None:
        return 0
    if args.compare:
        table(data, args)
        return 0
    run = new_run()
    for name in args.sets.split(","):
        for kind in args.kinds.split(","):
            found = measure(name, data, kind, args, run)
            print(name, args.rows, kind, json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
