"""Our language models beside the peers': bits per byte of dev after some minutes, and tokens a second.

    python bench/lm.py --sets tiny_shakespeare --systems ours:nanochat,gpt2-plain --minutes 3 --seed 0
    python bench/lm.py --sets brown --systems ours:nanochat --tokens 1500000 --set optimizer.name=adamw

Ours is `textwright pretrain TRAIN --minutes M` and `textwright evaluate DEV` as a person calls them: its
minutes are those of the whole process. The peer's budget is for its steps alone: tokenizer, trial, evaluation
come on top. With `--tokens` ours learns from so many in the place of minutes: parts of the recipe are told
apart so on any machine, and `total_s` says what they take on this one.
"""

from __future__ import annotations

import argparse
import gzip
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _record import append, data_folder, head, new_run, run_child
from classify import CellError, last_json

CHARS = frozenset({"tiny_shakespeare"})
PEERS = {"gpt2-plain": "plain", "gpt2-trainer": "trainer"}
# The same shape for both: layers, width, heads, context.
SHAPES = {"tiny": (4, 128, 2, 256), "small": (6, 256, 4, 256)}


def text_file(folder: Path, name: str, part: str) -> Path:
    for path in (folder / name / f"{part}.txt", folder / name / f"{part}.txt.gz"):
        if path.exists():
            return path
    raise CellError(f"skipped: {name}: there is no {part}.txt or {part}.txt.gz")


def ours(train: Path, dev: Path, args: argparse.Namespace, system: str, folder: Path) -> dict[str, Any]:
    """Both verbs in processes of their own."""
    model = system.removeprefix("ours:")
    chars = ["--chars"] if train.parent.name in CHARS else []
    settings = [part for text in args.set or [] for part in ("--set", text)]
    verb = [Path(sys.executable).parent / "textwright"]
    length = ["--tokens", str(args.tokens)] if args.tokens else ["--minutes", str(args.minutes)]
    begun = [*verb, "pretrain", train, "--model", model, *chars, *length, *settings]
    learned = run_child([*begun, "--seed", str(args.seed), "--out", folder / "model", "--json"])
    made = last_json(learned)
    found = last_json(run_child([*verb, "evaluate", folder / "model", dev, "--json"]))
    bits = found["scores"]["bits_per_byte"]
    if args.keep:
        shutil.copytree(folder / "model", args.keep, dirs_exist_ok=True)
    return {
        "bits_per_byte": round(bits["value"], 4),
        "low": round(bits["low"], 4),
        "high": round(bits["high"], 4),
        "of_validation": round(made["scores"]["bits_per_byte"]["value"], 4),
        "total_s": round(learned.seconds, 1),
        "tokens_per_second": made["tokens_per_second"],
        "tokens": made["tokens"],
        "parameters": made["parameters"],
        "peak_mb": round(learned.peak_mb, 1),
    }


def peer(train: Path, dev: Path, args: argparse.Namespace, system: str, folder: Path) -> dict[str, Any]:
    """The same minutes, at the rate that --rate says: bench with three, the best on dev counts."""
    python, scripts = os.environ.get("TEXTWRIGHT_PEERS_PYTHON"), os.environ.get("TEXTWRIGHT_PEERS")
    if not python or not scripts or not Path(scripts, "lm.py").exists():
        raise CellError("skipped: TEXTWRIGHT_PEERS, TEXTWRIGHT_PEERS_PYTHON name no peers (bench/README.md)")
    layers, width, heads, context = SHAPES[args.shape]
    flags: list[Any] = ["--loop", PEERS[system.partition("@")[0]], "--minutes", args.minutes]
    flags += ["--layers", layers, "--width", width, "--heads", heads, "--context", context]
    flags += ["--seed", args.seed, "--lr", args.rate, "--dropout", args.dropout, "--batch", args.batch]
    flags += ["--chars"] if train.parent.name in CHARS else []
    os.environ["OMP_WAIT_POLICY"] = ""  # its best setting on a quiet machine
    try:
        child = run_child([python, Path(scripts).resolve() / "lm.py", train, dev, *map(str, flags)])
    finally:
        del os.environ["OMP_WAIT_POLICY"]
    found = last_json(child)
    kept = ("bits_per_byte", "tokens_per_second", "parameters", "seconds", "steps", "lr", "dropout")
    return {**{key: found[key] for key in kept}, "peak_mb": round(child.peak_mb, 1)}


def run_cell(name: str, system: str, args: argparse.Namespace, data: Path, run: str) -> dict[str, Any]:
    train, dev = (text_file(data, name, part) for part in ("train", "dev"))
    if args.tokens and system in PEERS:
        raise CellError("--tokens is for ours: the scripts of the peers count minutes")
    length = f"--tokens {args.tokens}" if args.tokens else f"--minutes {args.minutes:g}"
    flags = f"--sets {name} --systems {system} {length} --seed {args.seed}"
    flags += "".join(f" --set {text}" for text in args.set or [])
    if system in PEERS:
        flags += f" --shape {args.shape} --rate {args.rate:g} --dropout {args.dropout:g} --batch {args.batch}"
    beginning = head("lm", f"python bench/lm.py {flags}", run)
    with tempfile.TemporaryDirectory() as folder:
        made = (ours if system.startswith("ours:") else peer)(train, dev, args, system, Path(folder))
    tag = "".join(f"+{text}" for text in args.set or [])
    label = f"{system}@{args.rate:g}" if system in PEERS else f"{system}{tag}"
    task = f"{args.tokens:,} tokens" if args.tokens else f"{args.minutes:g}min"
    where = {"seed": args.seed, "set": name, "task": task, "system": label}
    append({**beginning, **where, "result": made})
    return made


def nats_per_character(data: Path, name: str, bits: float) -> float:
    path = text_file(data, name, "dev")
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        text = file.read()
    return bits * math.log(2) * len(text.encode("utf-8")) / len(text)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", required=True, help="names of folders in TEXTWRIGHT_DATA, by commas")
    parser.add_argument("--systems", required=True, help=f"by commas: ours:MODEL, {', '.join(PEERS)}")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--tokens", type=int, help="of ours, in the place of minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", help="a setting of ours, as of textwright pretrain")
    parser.add_argument("--shape", choices=SHAPES, default="tiny", help="of the peer")
    parser.add_argument("--rate", type=float, default=1e-3, help="of the peer")
    parser.add_argument("--dropout", type=float, default=0.0, help="of the peer")
    parser.add_argument("--batch", type=int, default=16, help="rows of a step of the peer")
    parser.add_argument("--keep", type=Path, help="folder to keep our model in")
    args = parser.parse_args(argv)
    data = data_folder()
    if data is None:
        return 0
    run, code = new_run(), 0
    for name in args.sets.split(","):
        for system in args.systems.split(","):
            try:
                made = run_cell(name, system, args, data, run)
            except CellError as error:
                print(f"{name:20} {system:16} {error}", file=sys.stderr, flush=True)
                code = code if str(error).startswith("skipped") else 1
                continue
            nats = nats_per_character(data, name, made["bits_per_byte"])
            shown = "  ".join(f"{key} {value}" for key, value in made.items())
            print(f"{name:20} {system:16} seed {args.seed}  {shown}  nats/char {nats:.4f}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
