"""How many processors this process may really use, and how threads should wait."""

from __future__ import annotations

import os
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

# How often it is looked at what runs, and how long after each other.
_MOMENTS, _SECONDS_OF_A_MOMENT = 7, 0.005


def usable_cpus() -> int:
    """Processors by affinity and by the container's quota, at least 1."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(count, _quota() or count))


def _quota() -> int | None:
    """Whole processors of a cgroup v2 limit; None when there is none."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, int(quota) // int(period))


def cpu_features() -> set[str]:
    """The instruction sets of the processor, as Linux or else torch names them; empty when neither knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return set(next(line for line in lines if line.lower().startswith(("flags", "features"))).split()[2:])
    except (OSError, StopIteration):
        import torch

        capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        return {name for name, has in capabilities.items() if has is True}


def is_busy() -> bool:
    """More is running on this machine than it has processors to spare.

    The load is a mean of the last minute, and stays high after what made it has ended: so others must be
    running now as well, where the system tells.
    """
    if not hasattr(os, "getloadavg") or os.getloadavg()[0] <= 0.5 * (os.cpu_count() or 1):
        return False
    return _others_run_now()


def _others_run_now() -> bool:
    """Whether other processes run in most of some moments; true where the system does not tell."""
    seen = []
    for _ in range(_MOMENTS):
        try:
            lines = Path("/proc/stat").read_text().splitlines()
        except OSError:
            return True
        running = [int(line.split()[1]) for line in lines if line.startswith("procs_running")]
        seen.append(not running or running[0] > 1)  # one is this process
        time.sleep(_SECONDS_OF_A_MOMENT)
    return sum(seen) > _MOMENTS / 2


@cache
def choose_waiting() -> str:
    """Let OpenMP threads sleep while they wait on a busy machine; call it before torch is imported.

    Spinning beside another busy process costs 1.5 to 10 times the speed, sleeping on a quiet machine
    5 to 25 %. What the first call chose stays, as torch reads it once; it is given in words, with the reason.
    """
    if policy := os.environ.get("OMP_WAIT_POLICY"):
        return f"{policy.lower()}: OMP_WAIT_POLICY says so"
    if "torch" in sys.modules:
        return "as OpenMP has it: torch was imported before this could be chosen"
    if is_busy():
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        return "passive: this machine is busy, and spinning beside others costs more than it gains"
    return "spinning: this machine is quiet"
