"""What a person waits for at the shell: help, a first score, 10,000 answers; and the bits of `bag`.

python bench/speed.py [--parts help,first,predict,bits]
"""

from __future__ import annotations

import argparse
import csv
import itertools
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from _record import (
    Child,
    append,
    data_file,
    data_folder,
    head,
    machine,
    new_run,
    read_column,
    run_child,
    sha256,
)

TEXTWRIGHT = Path(sys.executable).with_name("textwright")
NUM_HELP, NUM_PREDICT, NUM_ROWS = 5, 3, 10_000
# Of `bits`: large enough for several chunks of rows, which threads share.
FIRST_SET, PREDICT_SET, BITS_SET = "ag_news", "thucnews_titles", "ag_news"
_BAG_SCORE = re.compile(r"bag: validation accuracy ([01]\.\d+)|\baccuracy ([01]\.\d+)")


class NoDataError(Exception):
    """A set that is not there, which was said."""


def textwright(*arguments: str | Path, cpus: int | None = None) -> Child:
    """The command as a person calls it. Raises RuntimeError with its complaint when it fails."""
    child = run_child([TEXTWRIGHT, *arguments], cpus=cpus)
    if child.code:
        raise RuntimeError(f"textwright {arguments[0]}: {child.complaint()}")
    return child


def measure_help(work: Path, data: Path) -> dict[str, float]:
    """The quickest of five calls, as every other one was held up by something else."""
    return {"help_s": min(textwright("--help").seconds for _ in range(NUM_HELP))}


def measure_first(work: Path, data: Path) -> dict[str, float]:
    """Seconds from the start of `train --model auto` until an accuracy stands on standard error."""
    train = existing(data, FIRST_SET, "train")
    flags = ["--model", "auto", "--minutes", "1", "--out", str(work / "first")]
    started = time.perf_counter()
    process = subprocess.Popen(
        [TEXTWRIGHT, "train", train, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := _BAG_SCORE.search(line):
                seconds = time.perf_counter() - started
                return {"first_accuracy_s": seconds, "first_accuracy": float(found[1] or found[2])}
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    raise RuntimeError("textwright train ended and no accuracy was shown")


def measure_predict(work: Path, data: Path) -> dict[str, float]:
    """The quickest of three calls on 10,000 titles, and the highest peak of memory."""
    titles = itertools.cycle(read_column(existing(data, PREDICT_SET, "dev"), "text"))
    asked = work / "asked.csv"
    with asked.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text"], *([title] for title in itertools.islice(titles, NUM_ROWS))])
    model = train_bag(existing(data, PREDICT_SET, "train"), work / "titles")
    answers = work / "answers.csv"
    children = [textwright("predict", model, asked, "--out", answers) for _ in range(NUM_PREDICT)]
    num_answers = len(read_column(answers, "label"))
    if num_answers != NUM_ROWS:
        raise RuntimeError(f"{num_answers} answers to {NUM_ROWS} rows")
    return {
        "predict_10k_s": min(child.seconds for child in children),
        "predict_10k_peak_mb": max(child.peak_mb for child in children),
    }


def measure_bits(work: Path, data: Path) -> dict[str, float]:
    """1 where the weights are the same file: trained twice, and on one and on two processors."""
    train = existing(data, BITS_SET, "train")
    cpus = {"a": 2, "b": 2, "one": 1}
    if machine()["cores"] < 2:
        raise RuntimeError("two processors are needed to compare one thread with two")
    models = {name: train_bag(train, work / name, cpus=count) for name, count in cpus.items()}
    hashes = {name: sha256(model / "model.safetensors") for name, model in models.items()}
    return {
        "bag_same_bits_twice": float(hashes["a"] == hashes["b"]),
        "bag_same_bits_1_and_2_threads": float(hashes["a"] == hashes["one"]),
    }


def train_bag(train: Path, out: Path, *, cpus: int | None = None) -> Path:
    textwright("train", train, "--model", "bag", "--minutes", "20", "--out", out, cpus=cpus)
    return out


def existing(data: Path, name: str, part: str) -> Path:
    """Raises NoDataError, which leaves a part out."""
    path = data_file(data, name, part)
    if path is None:
        raise NoDataError(f"{name}/{part}")
    return path


PARTS: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    "help": measure_help,
    "first": measure_first,
    "predict": measure_predict,
    "bits": measure_bits,
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="by commas (all)")
    parts = parser.parse_args(argv).parts.split(",")
    if unknown := sorted(set(parts) - set(PARTS)):
        parser.error(f"no such parts: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    data = data_folder()
    if data is None:
        return 0
    flags = "" if parts == list(PARTS) else f" --parts {','.join(parts)}"
    beginning = head("speed", f"python bench/speed.py{flags}", new_run())
    result: dict[str, float] = {}
    code = 0
    for part in parts:
        with tempfile.TemporaryDirectory() as work:
            try:
                measured = PARTS[part](Path(work), data)
            except NoDataError:
                continue
            except RuntimeError as error:
                print(f"{part}: {error}", file=sys.stderr)
                code = 1
                continue
        result |= {name: round(value, 4) for name, value in measured.items()}
        print("  ".join(f"{name} {value:g}" for name, value in measured.items()), flush=True)
    if result:
        append({**beginning, "seed": 0, "result": result})
    return code


if __name__ == "__main__":
    sys.exit(main())
