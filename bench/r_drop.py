"""What a step of pairs costs with R-Drop, as a multiple of a step without: random tokens, by length.

    python bench/r_drop.py --size tiny --vocabulary 8192 --batch 64

Forward and backward of M2M100's layers with bf16 products, dropout .3 and targets that are smoothed, as a
training of translations makes them. The two kinds of steps take turns; the ratio of their medians has a 95 %
interval over the turns (bootstrap). No peer is timed here.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from _record import append, head, new_run
from textwright.core.pairframe import PairFrame
from textwright.core.ragged import Ragged
from textwright.learn.consistency import told_divergence
from textwright.learn.objectives import told_token
from textwright.learn.pairs import Pairs
from textwright.models.fast.apply import accelerated
from textwright.models.language.base import Vocabulary
from textwright.models.language.seq2seq import M2M100, Seq2SeqSettings
from textwright.runtime.cpu import usable_cpus

_TURNS, _SHORTEST, _LONGEST = 25, 6, 30


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--vocabulary", type=int, default=8_192)
    parser.add_argument("--batch", type=int, default=64)
    args = parser.parse_args(argv)
    torch.set_num_threads(usable_cpus())
    torch.manual_seed(0)
    settings = Seq2SeqSettings(size=args.size, dropout=0.3).sized()
    network = M2M100.build(settings, Vocabulary(args.vocabulary, 1, 0, 2)).train()
    rng = np.random.default_rng(0)
    sides = [
        Ragged.from_lists([[*rng.integers(4, args.vocabulary, n).tolist(), 2] for n in lengths])
        for lengths in rng.integers(_SHORTEST, _LONGEST, (2, args.batch))
    ]
    batch = Pairs(*sides, PairFrame.usual(2), 1).batch(np.arange(args.batch))
    loss = partial(told_token, smoothing=0.1)

    def plain() -> None:
        loss(network(*batch.inputs).logits, batch.targets).total.backward()

    def twice() -> None:
        first, second = network(*batch.inputs).logits, network(*batch.inputs).logits
        both = (loss(first, batch.targets).total + loss(second, batch.targets).total) / 2
        (both + 2.5 * told_divergence(first, second, batch.targets).total).backward()

    def seconds(step: object) -> float:
        network.zero_grad(set_to_none=True)
        started = time.perf_counter()
        step()  # type: ignore[operator]
        return time.perf_counter() - started

    with accelerated(network, "bf16", batch.inputs, compiles=False, is_fixed=False):
        for step in (plain, twice) * 3:
            seconds(step)
        turns = np.array([[seconds(plain), seconds(twice)] for _ in range(_TURNS)])
    drawn = turns[rng.integers(0, _TURNS, (2000, _TURNS))]
    low, high = np.quantile(np.median(drawn[..., 1], 1) / np.median(drawn[..., 0], 1), (0.025, 0.975))
    medians = np.median(turns, 0)
    result = {
        "plain_ms": round(1000 * float(medians[0]), 1),
        "r_drop_ms": round(1000 * float(medians[1]), 1),
        "ratio": round(float(medians[1] / medians[0]), 2),
        "ratio_low": round(float(low), 2),
        "ratio_high": round(float(high), 2),
    }
    flags = f"--size {args.size} --vocabulary {args.vocabulary} --batch {args.batch}"
    where = {"seed": 0, "set": f"{args.size} x{args.batch}", "task": "a step with R-Drop", "system": "m2m100"}
    append({**head("r_drop", f"python bench/r_drop.py {flags}", new_run()), **where, "result": result})
    print(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
