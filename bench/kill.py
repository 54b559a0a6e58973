"""kill -9 at random moments of `textwright train`: the resumed runs against the undisturbed one.

python bench/kill.py [--kills 200] [--models cnn,lstm] [--from FOLDER] [--seed 0] [--threads 1]

Every run is killed a few times, resumed each time, and brought to its end; then its weights (SHA-256) and all
it told of every step (but for seconds) must be those of the run that nothing disturbed. Before some of the
resumes the newest checkpoint is cut off, which must be said, and must change nothing. Ends with 1 when a run
differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _record import BENCH, append, head, new_run, sha256

SAMPLE = BENCH.parent / "src" / "textwright" / "sample" / "reviews.en.csv"
# Small enough for hundreds of starts, with enough steps to be killed in; a good part of the time is saving.
SECONDS_BETWEEN_SAVES = "0.02"
SETTINGS = {
    "cnn": ["model.embedding=64", "model.filters=32", "learn.epochs=6"],
    "lstm": ["model.embedding=32", "model.hidden=32", "learn.epochs=4", "learn.average.name=ema"],
    "transformer": ["learn.epochs=2"],
    "pretrained": ["learn.epochs=1"],
}
ALWAYS = ["learn.batch=8", "learn.patience=0"]
# Threads that spin while they wait take ten times as long on a busy machine.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}
KILLS_A_RUN, CUT_EVERY = 5, 4
# What a step took is another matter than what it did.
_OF_TIME = ("seconds", "tokens_per_second", "remaining")


@dataclass(frozen=True)
class Training:
    """The command that is killed, for one model."""

    model: str
    work: Path
    checkpoint: str | None
    seed: int
    threads: int

    def popen(self, out: str, *more: str) -> subprocess.Popen[str]:
        flags = ["--model", self.model, "--seed", str(self.seed), "--minutes", "30", "--out", self.work / out]
        settings = [*SETTINGS.get(self.model, []), *ALWAYS, f"compute.threads={self.threads}"]
        settings += [f"model.checkpoint={self.checkpoint}"] if self.model == "pretrained" else []
        sets = [part for setting in settings for part in ("--set", setting)]
        command = [
            sys.executable,
            BENCH / "_often.py",
            SECONDS_BETWEEN_SAVES,
            "train",
            SAMPLE,
            *flags,
            *sets,
            *more,
        ]
        with (self.work / f"{out}.txt").open("a") as said:
            return subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=said, text=True, env=os.environ | ENVIRONMENT
            )

    def said(self, out: str) -> str:
        return (self.work / f"{out}.txt").read_text()

    def hidden(self, out: str) -> Path:
        """Where a run keeps what it has until it is done."""
        return self.work / f".{out}.work"

    def set_aside(self, out: str) -> set[str]:
        """The bad checkpoints that its story names: what any of its processes has found, the last tells.

        A run that is killed when its model is done, and resumed, is another one with a story of its own; what
        was told before that counts, too.
        """
        story = (self.work / out / "events.jsonl").read_text(encoding="utf-8")
        before = self.said(out).rpartition("training starts anew")[0]
        return set(re.findall(r"bad-step-[\w-]+", story + before))

    def outcome(self, out: str) -> tuple[str, list[dict[str, Any]]]:
        """The hash of the weights, and every step."""
        lines = (self.work / out / "events.jsonl").read_text(encoding="utf-8").splitlines()
        steps = [record for line in lines if "step" in (record := json.loads(line))]
        told = [{key: value for key, value in step.items() if key not in _OF_TIME} for step in steps]
        return sha256(self.work / out / "model.safetensors"), told


def undisturbed(training: Training) -> tuple[float, float]:
    """Seconds until the first step, and from there to the end. Raises RuntimeError when it fails."""
    began, first = time.monotonic(), None
    process = training.popen("whole")
    while process.poll() is None:
        if first is None and any(training.hidden("whole").glob("*-1/events.jsonl")):
            first = time.monotonic()
        time.sleep(0.02)
    if process.returncode or first is None:
        raise RuntimeError(f"{training.model}: {training.said('whole').strip().splitlines()[-2:]}")
    return first - began, time.monotonic() - first


def killed_run(
    training: Training, out: str, start: float, steps: float, draw: random.Random, cut: bool
) -> Counter[str]:
    """Kill a run a few times, resume it, let it end; what happened."""
    count = Counter[str]()
    for number in range(KILLS_A_RUN):
        process = training.popen(out, *(["--resume"] if number else []))
        with suppress(subprocess.TimeoutExpired):
            process.wait(start * 0.9 + draw.random() * steps * 0.5)
        process.kill()
        if process.wait() == 0:
            break
        count["kills"] += 1
        count["kills_in_a_save"] += any(training.hidden(out).glob("*/.step-*"))
        if cut and number == KILLS_A_RUN // 2:
            count["cut"] += cut_newest(training.hidden(out))
    else:
        process = training.popen(out, "--resume")
        if process.wait():
            raise RuntimeError(f"{training.model}: {training.said(out).strip().splitlines()[-2:]}")
    count["cuts_noticed"] = len(training.set_aside(out))
    count["runs"] = 1
    count["equal"] = training.outcome(out) == training.outcome("whole")
    return count


def cut_newest(work: Path) -> bool:
    """Take the end off the newest checkpoint of the fit at hand; false where there are no two of it."""
    fits = sorted(work.glob("*-*/events.jsonl"), key=lambda path: path.stat().st_mtime)
    found = sorted(fits[-1].parent.glob("step-*")) if fits else []
    if len(found) < 2:
        return False
    tensors = found[-1] / "state.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-64])
    return True


def measure(model: str, kills: int, args: argparse.Namespace) -> Counter[str]:
    """All runs of a model until it was killed so often."""
    total, draw = Counter[str](), random.Random(f"{args.seed}/{model}")
    with tempfile.TemporaryDirectory() as folder:
        training = Training(model, Path(folder), args.checkpoint, args.seed, args.threads)
        start, steps = undisturbed(training)
        print(f"{model}: first step after {start:.1f} s, the end {steps:.1f} s later", flush=True)
        while total["kills"] < kills:
            number = total["runs"]
            total += killed_run(training, f"m{number}", start, steps, draw, number % CUT_EVERY == 0)
            print(f"{model}: {dict(total)}", flush=True)
    return total


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="over all models (200)")
    parser.add_argument("--models", default="cnn,lstm", help="by commas (cnn,lstm)")
    parser.add_argument("--from", dest="checkpoint", help="folder of a pre-trained encoder, for `pretrained`")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    models = args.models.split(",")
    if "pretrained" in models and not args.checkpoint:
        parser.error("pretrained needs --from FOLDER")
    command = f"python bench/kill.py --kills {args.kills} --models {args.models}"
    command += f" --seed {args.seed} --threads {args.threads}"
    beginning = head("kill", command, new_run())
    share = -(-args.kills // len(models))
    found = {model: measure(model, share, args) for model in models}
    result = sum(found.values(), Counter[str]())
    result |= {f"{model}_kills": count["kills"] for model, count in found.items()}
    append({**beginning, "seed": args.seed, "result": dict(result)})
    is_exact = result["equal"] == result["runs"] and result["cuts_noticed"] == result["cut"]
    print(f"{dict(result)}: {'all equal' if is_exact else 'NOT EQUAL'}")
    return 0 if is_exact else 1


if __name__ == "__main__":
    sys.exit(main())
