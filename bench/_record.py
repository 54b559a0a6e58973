"""What every benchmark shares: the head of a result line, files of results and predictions, running a child.

Only the standard library: on Linux a child's peak memory is never below what its parent held.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from textwright.runtime.cpu import cpu_features

BENCH = Path(__file__).resolve().parent
RESULTS = BENCH / "results"
PREDICTIONS = BENCH / "predictions"
# Of instruction sets the one that speed goes by, the quickest first.
_VECTORS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")
# The column of the truth, and the key of our answers, by task.
COLUMNS = {"classify": "label", "score": "score"}
# What a benchmark writes itself does not make the code under test another one.
_OWN_OUTPUT = (":!bench/results", ":!bench/predictions", ":!docs/numbers.md")


@dataclass(frozen=True)
class Child:
    """A process that has ended: seconds from start to end, peak resident memory in MiB."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    peak_mb: float

    def complaint(self) -> str:
        """The last two lines of what it said: mostly what is wrong, and what to do."""
        lines = (self.stderr.strip() or self.stdout.strip()).splitlines()
        return f"exit code {self.code}: {' | '.join(lines[-2:]) or 'no output'}"


def run_child(command: Sequence[str | Path], *, cpus: int | None = None) -> Child:
    """Run a command to its end, on `cpus` processors when given (Linux)."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with _only(cpus):
            started = time.perf_counter()
            process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=err)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        per_mb = 1024 if sys.platform == "linux" else 1024**2
        return Child(process.returncode, _text(out), _text(err), seconds, usage.ru_maxrss / per_mb)


@contextmanager
def _only(cpus: int | None) -> Iterator[None]:
    """What is started inside may use the first `cpus` processors only."""
    if cpus is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cpus])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def head(bench: str, command: str, run: str) -> dict[str, Any]:
    """How a result line begins; `command` names no path of this machine, `run` is one call of a script."""
    date = datetime.now(UTC).isoformat(timespec="seconds")
    here = {"commit": commit(BENCH.parent), "machine": machine(), "date": date}
    return {"bench": bench, **here, "command": command, "run": run}


def new_run() -> str:
    return uuid.uuid4().hex[:8]


def machine() -> dict[str, Any]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    known = {"cpu": _cpu(), "cores": usable, "torch": version("torch"), "python": platform.python_version()}
    widest = next((name for name in _VECTORS if name in cpu_features()), "")
    return {**known, **({"vectors": widest} if widest else {})}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def commit(repository: Path) -> str:
    """Short hash of HEAD, with -dirty when the tree holds changes other than results of benchmarks."""
    found = _git(repository, "rev-parse", "--short", "HEAD")
    if not found:
        return "unknown"
    return found + ("-dirty" if _git(repository, "status", "--porcelain", "--", ".", *_OWN_OUTPUT) else "")


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def results_of(bench: str, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """The lines of a benchmark, the newest alone of those of one set, system and seed."""
    lines = (folder / f"{bench}.jsonl").read_text(encoding="utf-8").splitlines()
    found = map(json.loads, lines)
    return [*{(line["set"], line["system"], line["seed"]): line for line in found}.values()]


def append(record: dict[str, Any], folder: Path = RESULTS) -> None:
    """Add a line to the file of `record["bench"]`, in one write."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{record['bench']}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


def read_results(bench: str, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """All lines of a benchmark, the oldest first."""
    path = folder / f"{bench}.jsonl"
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def predictions_path(name: str, task: str, system: str, seed: int) -> Path:
    return PREDICTIONS / f"{name}.{task}.{system.replace(':', '-')}.{seed}.txt.gz"


def keep_predictions(path: Path, predictions: Sequence[str]) -> str:
    """One prediction a line, gzip; the SHA-256 of the file, which depends on nothing but the predictions."""
    if any("\n" in prediction for prediction in predictions):
        raise ValueError("a label with a line break cannot be kept, one line a row")
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(p + "\n" for p in predictions).encode("utf-8")
    path.write_bytes(gzip.compress(content, mtime=0))
    return sha256(path)


def read_predictions(path: Path, expected: str) -> list[str]:
    """What `keep_predictions` kept. Raises ValueError when the file has not the hash `expected`."""
    if not path.exists() or sha256(path) != expected:
        raise ValueError(f"{path.name} is missing or not that of its result line: run the cell again")
    return gzip.decompress(path.read_bytes()).decode("utf-8").removesuffix("\n").split("\n")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def data_folder() -> Path | None:
    """The folder that TEXTWRIGHT_DATA names; None, said aloud, where there is none."""
    found = os.environ.get("TEXTWRIGHT_DATA")
    if found and Path(found).is_dir():
        return Path(found).resolve()
    print("skipped: TEXTWRIGHT_DATA names no folder of data sets (bench/README.md)", file=sys.stderr)
    return None


def data_file(folder: Path, name: str, part: str) -> Path | None:
    """`part` (train, dev) of a set, plain or gzip; None, said aloud, where it is missing."""
    for path in (folder / name / f"{part}.csv", folder / name / f"{part}.csv.gz"):
        if path.exists():
            return path
    print(f"skipped: {name}: there is no {part}.csv or {part}.csv.gz", file=sys.stderr)
    return None


def read_column(path: Path, column: str) -> list[str]:
    """One column of a CSV file, plain or gzip. Raises ValueError when there is no such column."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        names = rows.fieldnames or ()
        if column not in names:
            where = f"{path.parent.name}/{path.name}"
            raise ValueError(f"{where} has no column {column!r}, only {', '.join(names)}")
        return [row[column] for row in rows]
