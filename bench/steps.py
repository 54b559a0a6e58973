"""Tokens a second of the steps of language models alone, on random tokens: what the fast path gives.

    python bench/steps.py --model nanochat --size tiny --vocabulary 258 --batch 8

Forward and backward in fp32, with products in bf16, and with blocks compiled for the one shape besides (the
seconds of compiling are those of an empty cache); milliseconds of a step of Muon as torch has it, one matrix
after the other, and of ours. Each is the median of twelve steps after three. Nothing of a peer is timed here.

`share_of_peak` is the operations of products, 6 a weight of a linear layer and token and 12 T W for the
attention of a layer (T positions, W width), by the most that a product of the same type reaches in a second:
the best of fifteen times of the widest one of a layer, and of a square one of 2,048.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from _record import append, head, new_run
from textwright.learn.objectives import next_token
from textwright.learn.optimizers import build_optimizer
from textwright.learn.optimizers.muon import Muon
from textwright.learn.settings import OptimizerSettings
from textwright.models.fast.apply import accelerated
from textwright.models.language.base import Vocabulary
from textwright.models.language.registry import LANGUAGE_MODELS
from textwright.models.language.settings import LanguageSettings
from textwright.runtime.cpu import usable_cpus

WAYS = {"fp32": ("fp32", False), "bf16": ("bf16", False), "compiled": ("bf16", True)}


def median(step: Callable[[], Any]) -> float:
    """Seconds."""
    seconds = []
    for number in range(15):
        started = time.perf_counter()
        step()
        if number >= 3:
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def peak(dtype: torch.dtype, tokens: int, width: int) -> float:
    """The most operations a second of a product alone."""
    found = 0.0
    for rows, inner, outer in ((tokens, width, 4 * width), (2048, 2048, 2048)):
        left, right = torch.randn(rows, inner, dtype=dtype), torch.randn(outer, inner, dtype=dtype)
        for _ in range(15):
            started = time.perf_counter()
            torch.nn.functional.linear(left, right)
            found = max(found, 2 * rows * inner * outer / (time.perf_counter() - started))
    return found


def operations(network: torch.nn.Module, settings: LanguageSettings) -> int:
    """Of products, forward and backward, for a token."""
    linear = (torch.nn.Linear, Conv1D)
    weights = sum(part.weight.numel() for part in network.modules() if isinstance(part, linear))
    return 6 * weights + 12 * int(settings.layers) * int(settings.positions) * int(settings.width)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="nanochat")
    parser.add_argument("--size", default="tiny")
    parser.add_argument("--vocabulary", type=int, default=258)
    parser.add_argument("--batch", type=int, default=8)
    args = parser.parse_args(argv)
    torch.set_num_threads(usable_cpus())
    torch.manual_seed(0)
    settings = LanguageSettings.parse({"size": args.size}).sized()
    last = args.vocabulary - 1
    network = LANGUAGE_MODELS.get(args.model).build(settings, Vocabulary(args.vocabulary, 0, last, last))
    network.train()
    ids = torch.randint(1, args.vocabulary, (args.batch, int(settings.positions)))
    mask = torch.ones_like(ids, dtype=torch.bool)

    def both_ways() -> None:
        network.zero_grad(set_to_none=True)
        next_token(network(ids, mask).logits, ids).total.backward()

    result: dict[str, float] = {}
    each = operations(network, settings)
    peaks = {
        "fp32": peak(torch.float32, ids.numel(), int(settings.width)),
        "bf16": peak(torch.bfloat16, ids.numel(), int(settings.width)),
    }
    result |= {f"{name}_peak_gflops": round(value / 1e9) for name, value in peaks.items()}
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        for name, (precision, compiles) in WAYS.items():
            started = time.perf_counter()
            with accelerated(network, precision, (ids, mask), compiles=compiles, is_fixed=True):
                if compiles:
                    result["compile_s"] = round(time.perf_counter() - started, 1)
                speed = ids.numel() / median(both_ways)
                result[f"{name}_tokens_per_second"] = round(speed)
                result[f"{name}_share_of_peak"] = round(speed * each / peaks[precision], 3)
    for name, step in (("muon_ms", Muon.step), ("torch_muon_ms", torch.optim.Muon.step)):
        hidden = build_optimizer(network, OptimizerSettings(name="muon", rate=1e-4))
        muon = next(part for part in hidden.parts if isinstance(part, Muon))  # type: ignore[attr-defined]
        result[name] = round(1000 * median(lambda step=step, muon=muon: step(muon)), 1)  # type: ignore[misc]
    flags = f"--model {args.model} --size {args.size} --vocabulary {args.vocabulary} --batch {args.batch}"
    where = {"seed": 0, "set": f"{args.size} x{args.batch}", "task": "steps", "system": args.model}
    append({**head("steps", f"python bench/steps.py {flags}", new_run()), **where, "result": result})
    print(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
