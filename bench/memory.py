"""Peak memory of `textwright pretrain`: by how often the text is gone over, and by how much text there is.

    python bench/memory.py --set modern_chinese_text

The first bytes of the set, in processes of their own: the same text for one, two and four epochs; and more
and more text for the same number of tokens.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _record import append, data_folder, head, new_run, run_child
from classify import last_json
from lm import text_file


def cut(whole: Path, size: int, path: Path) -> Path:
    opener: Any = gzip.open if whole.suffix == ".gz" else open
    with opener(whole, "rb") as file:
        text = file.read(size)
    path.write_bytes(text[: text.rfind(b"\n") + 1])
    return path


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--set", default="modern_chinese_text", help="a folder in TEXTWRIGHT_DATA")
    parser.add_argument("--megabytes", default="1,4,16,32", help="of text, by commas")
    parser.add_argument("--epochs", default="1,2,4", help="over the smallest text, by commas")
    parser.add_argument("--tokens", type=int, default=200_000, help="learned from of each text")
    args = parser.parse_args(argv)
    data = data_folder()
    if data is None:
        return 0
    run, whole = new_run(), text_file(data, args.set, "train")
    sizes = [float(size) for size in args.megabytes.split(",")]
    cases = [(sizes[0], ["--epochs", epochs]) for epochs in args.epochs.split(",")]
    cases += [(size, ["--tokens", str(args.tokens)]) for size in sizes]
    verb = [Path(sys.executable).parent / "textwright", "pretrain"]
    for size, length in cases:
        beginning = head("memory", f"python bench/memory.py --set {args.set}", run)
        with tempfile.TemporaryDirectory() as folder:
            text = cut(whole, int(size * 1e6), Path(folder, "text.txt"))
            sized = ["--set", "model.size=tiny", "--set", "tokenizer.vocabulary_size=2048"]
            child = run_child([*verb, text, *length, *sized, "--out", Path(folder, "m"), "--json"])
            made = last_json(child)
        result = {
            "megabytes": size,
            "peak_mb": round(child.peak_mb, 1),
            "tokens": made["tokens"],
            "total_s": round(child.seconds, 1),
        }
        where = {"seed": 0, "set": args.set, "task": " ".join(length).lstrip("-"), "system": "ours"}
        append({**beginning, **where, "result": result})
        print(where["task"], result, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
