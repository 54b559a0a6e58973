"""How long the report of a large run takes, and how large it is: 100,000 rows, 150 labels, 100,000 steps.

python bench/report.py [--rows N]

The rows are words of the packaged sample in a new order; each label has words of its own. The run is a real
training of `bag`; the events of a long fit of a network, which `bag` does not have, are added to its own.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from _record import append, head, new_run
from textwright.core.files import read_json
from textwright.report.folder import make_pages

TEXTWRIGHT = Path(sys.executable).with_name("textwright")
NUM_LABELS, NUM_STEPS, NUM_TIMES = 150, 100_000, 5


def words() -> list[str]:
    """The words of the packaged reviews, each once, in order."""
    sample = resources.files("textwright").joinpath("sample", "reviews.en.csv").read_text(encoding="utf-8")
    return sorted({word for row in csv.DictReader(sample.splitlines()) for word in row["text"].split()})


def rows(count: int) -> Iterator[tuple[str, str]]:
    """Texts of 12 to 40 words; a tenth of the words comes from the ten that belong to the label."""
    rng, known = random.Random(0), words()
    own = [rng.sample(known, 10) for _ in range(NUM_LABELS)]
    for i in range(count):
        label = i % NUM_LABELS
        text = [rng.choice(own[label] if rng.random() < 0.1 else known) for _ in range(rng.randint(12, 40))]
        yield " ".join(text), f"label {label:03d}"


def train(folder: Path, count: int) -> Path:
    """A model folder of a real run. Raises RuntimeError with what the command said when it fails."""
    data, out = folder / "rows.csv", folder / "model"
    with data.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(rows(count))
    call = [TEXTWRIGHT, "train", data, "--out", out, "--model", "bag", "--minutes", "10"]
    done = subprocess.run([str(part) for part in call], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return out


def add_steps(folder: Path) -> None:
    """The events of a fit of many steps, as a network leaves them."""
    with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"note": "cnn: fitting", "kind": "said", "fit": "cnn"}) + "\n")
        for step in range(1, NUM_STEPS + 1):
            event: dict[str, Any] = {
                "step": step,
                "epoch": step / 3125,
                "rows": 32 * step,
                "tokens": 900 * step,
            }
            event |= {"seconds": 0.01 * step, "loss": 1 + 1 / step, "rate": 1e-3, "tokens_per_second": 9e4}
            if step % 3125 == 0:
                event["scores"] = {"accuracy": 0.5, "validation loss": 1.0}
            file.write(json.dumps(event) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="rows of the run (100,000)")
    count = parser.parse_args(argv).rows
    beginning = head("report", f"python bench/report.py --rows {count}", new_run())
    with tempfile.TemporaryDirectory() as work:
        folder = train(Path(work), count)
        add_steps(folder)
        manifest, seconds = read_json(folder / "textwright.json"), []
        for _ in range(NUM_TIMES):
            started = time.perf_counter()
            pages = make_pages(folder, manifest, name="model")
            seconds.append(time.perf_counter() - started)
    result = {
        "rows": count,
        "labels": NUM_LABELS,
        "steps": NUM_STEPS,
        "pages_s": round(sorted(seconds)[NUM_TIMES // 2], 3),
        "pages_slowest_s": round(max(seconds), 3),
        "report_bytes": len(pages["report.html"]),
    }
    print("  ".join(f"{name} {value:g}" for name, value in result.items()), flush=True)
    append({**beginning, "seed": 0, "result": result})
    return 0


if __name__ == "__main__":
    sys.exit(main())
