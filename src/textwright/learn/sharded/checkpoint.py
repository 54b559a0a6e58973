"""Checkpoints of a fit in shards: each process writes its part, and the first makes a checkpoint of them.

They have the names, the record and the manifest of others, and are read and set aside as they are, by any
number of processes.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from textwright.core.errors import CheckpointError
from textwright.core.files import explained
from textwright.learn import checkpoint
from textwright.learn.disk import Disk
from textwright.learn.folder import Groups, seal
from textwright.learn.loop import Fit
from textwright.learn.sharded.parts import write_parts
from textwright.learn.state import are_finite
from textwright.runtime.ranks import answering

_DISK = Disk()


def save_shards(folder: Path, fit: Fit, extra: dict[str, Any], disk: Disk = _DISK) -> None:
    """As `save_checkpoint` does it, by all processes of the fit at once, after the same step.

    A process that is killed meanwhile leaves what was there before. Raises CheckpointError, with those that
    could not go on.
    """
    groups, record = checkpoint.gathered(fit)
    bad = [name for name, tensors in groups.items() if not are_finite(tensors)]
    if bad:
        raise CheckpointError(f"step {fit.state.step}: numbers in {bad[0]!r} are not finite")
    target = folder / f"step-{fit.state.step:08d}"
    fresh = _begun(target, fit, groups, disk)
    try:
        with answering():
            write_parts(
                fresh, {f"{group}.{n}": t for group, named in groups.items() for n, t in named.items()}
            )
        if fit.ranks.is_first:
            with explained(folder):
                seal(fresh, {**record, "extra": extra}, disk)
                disk.rename(fresh, target)
                disk.sync(folder)
                checkpoint.rotate(folder, checkpoint.KEPT, disk)
    finally:
        if fit.ranks.is_first and fresh.exists():
            with suppress(OSError):
                disk.remove(fresh)


def _begun(target: Path, fit: Fit, groups: Groups, disk: Disk) -> Path:
    """The new folder, by the word of the first process. Raises CheckpointError everywhere without one."""
    folder, name = target.parent, ""
    try:
        if fit.ranks.is_first:
            with explained(folder):
                disk.make_folder(folder)
                checkpoint.sweep(folder, disk)
                checkpoint.check_space(folder, groups, disk)
                disk.make_folder(folder / f".{target.name}.{(mark := secrets.token_hex(4))}")
                name = f".{target.name}.{mark}"
    finally:
        name = fit.ranks.said(name)
    if not name:
        raise CheckpointError(f"{folder}: the first process has no place for it")
    return folder / name
