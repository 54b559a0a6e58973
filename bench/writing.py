"""How fast texts are written: ours beside `generate` of transformers at its defaults, the same model.

    python bench/writing.py --model nanochat --size base --batch 16 --rounds 5

Rounds in turn in one process, after one that warms up: tokens a second of each, and how many times as fast
ours is, the geometric mean with the lowest and the highest. Both take the likeliest token; theirs in float32,
ours as --precision says.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence

import torch

from _record import append, head, new_run
from textwright.models.language.registry import LANGUAGE_MODELS
from textwright.models.language.settings import LanguageSettings
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.writing.model import LanguageModel, vocabulary_of
from textwright.tasks.writing.sampling import WritingSettings
from textwright.tasks.writing.writer import begun, write
from textwright.text.tokenizers import TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.framed import ended

TEXT = "the quick brown fox jumps over the lazy dog and runs away into the deep dark wood"


def built(name: str, size: str) -> LanguageModel:
    """A model of random weights with a vocabulary of 8,192: what it writes does not matter."""
    pieces = [f"w{i}" for i in range(9000)]
    tokenizer = ended(train_tokenizer([" ".join(pieces), TEXT], TokenizerSettings(kind="bpe")))
    vocabulary = vocabulary_of(tokenizer)
    wide = vocabulary.__class__(8192, vocabulary.pad_id, vocabulary.start_id, vocabulary.end_id)
    settings = LanguageSettings.parse({"size": size}).sized()
    torch.manual_seed(0)
    architecture = LANGUAGE_MODELS.get(name)
    network = architecture.build(settings, wide).eval()
    return LanguageModel(architecture, network, tokenizer, vocabulary, int(settings.positions))


def seconds(work: Callable[[], int]) -> tuple[float, int]:
    started = time.perf_counter()
    tokens = work()
    return time.perf_counter() - started, tokens


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="nanochat")
    parser.add_argument("--size", default="base")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args(argv)
    torch.set_num_threads(usable_cpus())
    model = built(args.model, args.size)
    # No token ends a text, so that both write as many.
    model.vocabulary = model.vocabulary.__class__(
        8192, model.vocabulary.pad_id, model.vocabulary.start_id, -1
    )
    model.model.generation_config.eos_token_id = None
    ids = torch.tensor([begun(model, TEXT)] * args.batch)
    mask = torch.ones_like(ids)
    asked = {"temperature": 0, "max_tokens": args.tokens, "precision": args.precision}
    settings = WritingSettings.parse(asked)
    model.tokenizer.size = 8192
    model.tokenizer.decode = lambda ids: ""  # type: ignore[method-assign]  # ids beyond its vocabulary

    def ours() -> int:
        return sum(found.num_tokens for found in write(model, [TEXT] * args.batch, settings))

    def theirs() -> int:
        found = model.model.generate(ids, attention_mask=mask, max_new_tokens=args.tokens, do_sample=False)
        return int(found[:, ids.shape[1] :].numel())

    rounds: list[tuple[float, float]] = []
    for number in range(args.rounds + 1):
        (own, n), (other, m) = seconds(ours), seconds(theirs)
        assert n == m == args.batch * args.tokens
        if number:
            rounds.append((n / own, m / other))
            print(f"round {number}: ours {n / own:,.0f} tokens/s, transformers {m / other:,.0f}", flush=True)
    ratios = sorted(own / other for own, other in rounds)
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    result = {
        "times_generate": round(mean, 3),
        "low": round(ratios[0], 3),
        "high": round(ratios[-1], 3),
        "ours_tokens_per_second": round(sum(own for own, _ in rounds) / len(rounds), 1),
        "theirs_tokens_per_second": round(sum(other for _, other in rounds) / len(rounds), 1),
        "parameters": sum(p.numel() for p in model.network.parameters()),
    }
    command = f"python bench/writing.py --model {args.model} --size {args.size} --batch {args.batch}"
    command += f" --precision {args.precision}" if args.precision != "auto" else ""
    system = args.model + (f" {args.precision}" if args.precision != "auto" else "")
    where = {"seed": 0, "set": f"{args.size} x{args.batch}", "task": "generate", "system": system}
    append({**head("writing", command, new_run()), **where, "result": result})
    print(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
