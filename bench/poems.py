"""What a model of poems writes: how many are in lines of 5 or of 7 characters, and what is copied.

    python bench/poems.py --minutes 5 --samples 500 --seed 0

`textwright pretrain TRAIN --minutes M`, then `textwright generate --samples N --temperature 0.8` with no
beginning, a poem up to its new line; as a person calls them. A poem is regular when all of its lines, parted
by punctuation, have 5 characters, or all have 7. A run is what a poem shares with the training text letter by
letter: the longest of each, punctuation included.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from _record import append, data_folder, head, new_run, run_child
from classify import last_json

SET = "tang_poems"
PARTING = re.compile(r"[，。？！；：、\s]+")
FORMS = ({5}, {7})


def is_regular(poem: str) -> bool:
    """
    >>> is_regular("床前明月光，疑是地上霜。"), is_regular("明月，疑是地上霜。")
    (True, False)
    """
    return {len(line) for line in PARTING.split(poem) if line} in FORMS


def longest_shared(poem: str, corpus: str) -> int:
    """Characters of the longest stretch of `poem` that stands in `corpus`."""
    longest, start = 0, 0
    for end in range(1, len(poem) + 1):
        while poem[start:end] not in corpus:
            start += 1
        longest = max(longest, end - start)
    return longest


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", help="a setting of textwright pretrain")
    parser.add_argument("--chars", action="store_true")
    parser.add_argument("--keep", type=Path, help="a file to keep the poems in")
    args = parser.parse_args(argv)
    data = data_folder()
    if data is None:
        return 0
    train, dev = (data / SET / f"{part}.txt.gz" for part in ("train", "dev"))
    flags = [*(["--chars"] if args.chars else []), *(p for text in args.set or [] for p in ("--set", text))]
    verb = [Path(sys.executable).parent / "textwright"]
    told = f"--minutes {args.minutes:g} --samples {args.samples} --seed {args.seed} {' '.join(flags)}".strip()
    beginning = head("poems", f"python bench/poems.py {told}", new_run())
    with tempfile.TemporaryDirectory() as folder:
        model, written = Path(folder, "model"), Path(folder, "written.jsonl")
        begun = [*verb, "pretrain", train, "--minutes", f"{args.minutes:g}", *flags, "--out", model, "--json"]
        made = last_json(run_child([*begun, "--seed", str(args.seed)]))
        bits = last_json(run_child([*verb, "evaluate", model, dev, "--json"]))["scores"]["bits_per_byte"]
        asked = [
            "--samples",
            str(args.samples),
            "--temperature",
            "0.8",
            "--stop",
            "\n",
            "--max-tokens",
            "400",
        ]
        wrote = run_child([*verb, "generate", model, *asked, "--seed", str(args.seed), "--out", written])
        poems = [json.loads(line)["text"].strip() for line in written.read_text("utf-8").splitlines()]
    if args.keep:
        args.keep.write_text("\n".join(poems), encoding="utf-8")
    with gzip.open(train, "rt", encoding="utf-8") as file:
        corpus = file.read()
    lines = [line for line in corpus.splitlines() if line.strip()]
    shared = [longest_shared(poem, corpus) for poem in poems]
    result = {
        "regular": round(sum(map(is_regular, poems)) / len(poems), 4),
        "regular_in_train": round(sum(map(is_regular, lines)) / len(lines), 4),
        "copied": sum(poem in corpus for poem in poems),
        "longest_shared": max(shared),
        "median_shared": statistics.median(shared),
        "characters": round(statistics.mean(map(len, poems)), 1),
        "bits_per_byte": round(bits["value"], 4),
        "writing_s": round(wrote.seconds, 1),
        "tokens": made["tokens"],
        "parameters": made["parameters"],
    }
    append(
        {
            **beginning,
            "seed": args.seed,
            "set": SET,
            "task": f"{args.minutes:g}min",
            "system": "ours",
            "result": result,
        }
    )
    print(json.dumps(result, ensure_ascii=False), flush=True)
    print("\n".join(poems[:12]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
