"""Decide where and how numbers are computed, by what this machine is and by a short probe of it."""

from __future__ import annotations

import os
import shutil
import time
from functools import cache
from importlib.util import find_spec

import torch
from torch.nn import functional as F

from textwright.core.errors import DeviceError
from textwright.runtime.cpu import cpu_features, usable_cpus
from textwright.runtime.settings import Compute, ComputeSettings, Device, Precision

_PROBE_SECONDS, _LEAST_PRODUCTS = 0.025, 8
# bf16 rounds away two thirds of the digits: a small gain is not worth it.
LEAST_GAIN = 1.5
# Compiling takes half a minute or more and gains 5 to 10 % on a CPU (docs/log.md): it has to be a long fit.
LEAST_SECONDS_TO_COMPILE = 1800.0
_SECONDS_OF_COMPILING = 120.0
# Operations a second of a fit, roughly: two cores with bf16; a GPU of the present.
_SPEED = {"cpu": 1.5e11, "cuda": 5e13, "mps": 1e12}


def decide(
    asked: ComputeSettings,
    *,
    threads: int,
    casts: bool,
    work: float = 0.0,
    seconds: float = float("inf"),
    least_to_compile: float = LEAST_SECONDS_TO_COMPILE,
    compiles: bool = True,
) -> Compute:
    """The recipe's `compute` with every `auto` resolved, and the reasons.

    `threads` is what suits the work of a step; `casts` says whether the network is mostly large products,
    which bf16 makes quicker; `work` is the operations of the whole fit, 0 when nobody knows, and `seconds`
    its time at most; a fit of `least_to_compile` seconds wins back the time of compiling (inf: none does),
    where the network `compiles` at all. Raises DeviceError when a device that was named is not there.
    """
    device, why_device = _device(asked)
    precision, why_precision = _precision(asked, device, casts)
    threads, why_threads = _threads(asked, threads)
    is_compiled, why_compile = False, "torch leaves recurrent layers as they are"
    if compiles:
        is_compiled, why_compile = _compile(asked, device, work / _SPEED[device], seconds, least_to_compile)
    reasons = {
        "compute.device": f"{device}: {why_device}",
        "compute.precision": f"{precision}: {why_precision}",
        "compute.threads": f"{threads}: {why_threads}",
        "compute.compile": f"{'yes' if is_compiled else 'no'}: {why_compile}",
    }
    return Compute(
        device=device,
        precision=precision,
        threads=threads,
        compile=is_compiled,
        micro_batch=None if asked.micro_batch == "auto" else asked.micro_batch,
        checkpoint_gradients=asked.checkpoint_gradients,
        shard=asked.shard,
        reasons=reasons,
    )


def best_device() -> Device:
    """Where answers are computed: on a GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _device(asked: ComputeSettings) -> tuple[Device, str]:
    if asked.device == "auto":
        return ("cuda", "there is a GPU") if torch.cuda.is_available() else ("cpu", "there is no GPU")
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present[asked.device]:
        raise DeviceError(
            f"compute.device={asked.device}: this machine or this build of PyTorch has none",
            hint="Leave compute.device out, or install a PyTorch build for it: https://pytorch.org",
        )
    return asked.device, "as asked"


def _precision(asked: ComputeSettings, device: Device, casts: bool) -> tuple[Precision, str]:
    if asked.precision != "auto":
        return asked.precision, "as asked"
    if device == "cuda":
        ok = torch.cuda.is_bf16_supported(including_emulation=False)
        return ("bf16", "the GPU computes with it") if ok else ("fp32", "the GPU is older than bf16")
    if device == "mps":
        return "fp32", "bf16 was not measured there"
    if not casts:
        return "fp32", "this network has few large products to gain from"
    gain = bf16_gain()
    if gain >= LEAST_GAIN:
        return "bf16", f"a product takes 1/{gain:.1f} of the time of fp32 here; the weights stay fp32"
    return "fp32", f"bf16 is {gain:.1f} times as fast here, which is too little"


@cache
def multiplies_bf16(device: str) -> bool:
    """Whether the hardware has products in bfloat16: on a processor without they take a hundred times as long
    as in fp32. What the processor says, not a probe, so that all processes of a fit agree.
    """
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return True
    return any("bf16" in name for name in cpu_features())


@cache
def bf16_gain() -> float:
    """How many times as fast a middling product is in bf16 on this processor, by a probe of 50 ms."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _product_seconds(torch.float32) / _product_seconds(torch.bfloat16)
    finally:
        torch.set_num_threads(before)


def _product_seconds(dtype: torch.dtype) -> float:
    """The quickest of the products that fit into the probe, and of eight at least.

    The first one builds its kernel, and on a busy machine any of them may wait for a processor.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 384, generator=generator).to(dtype)
    weight = torch.randn(384, 384, generator=generator).to(dtype)
    F.linear(x, weight)
    seconds: list[float] = []
    end = time.perf_counter() + _PROBE_SECONDS
    while time.perf_counter() < end or len(seconds) < _LEAST_PRODUCTS:
        started = time.perf_counter()
        F.linear(x, weight)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _compile(
    asked: ComputeSettings, device: Device, needed: float, left: float, least: float
) -> tuple[bool, str]:
    if asked.compile is True and left < _SECONDS_OF_COMPILING:
        return False, f"it may take {_SECONDS_OF_COMPILING:.0f} s, and {left:.0f} s are left"
    if asked.compile != "auto":
        return asked.compile, "as asked"
    if device == "mps":
        return False, "it was not measured there"
    seconds = min(needed, left)
    if least == float("inf"):
        return False, "steps have all shapes, and compiling for them was not won back"
    if seconds < least:
        return False, "a short fit does not win back the time of compiling"
    if device == "cpu" and not shutil.which(os.environ.get("CXX", "g++")):
        return False, "there is no C++ compiler"
    if device == "cuda" and not find_spec("triton"):
        return False, "there is no Triton"
    return True, f"a fit of about {seconds / 60:,.0f} minutes wins back the time of compiling"


def _threads(asked: ComputeSettings, wanted: int) -> tuple[int, str]:
    usable = usable_cpus()
    if asked.threads == "auto":
        return min(wanted, usable), f"by the work of a step; this process may use {usable}"
    if asked.threads > usable:
        return usable, f"{asked.threads} were asked for; this process may use {usable}"
    return asked.threads, "as asked"
