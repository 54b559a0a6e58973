"""Training states on disk: folders that are whole or not there, and that are checked before they are used.

The folder of a fit holds `step-00000120/` and the like. A new one is written under another name and synced,
and then gets its own; only then the older ones go: all but one, and at the end of the fit all. A killed
process, a loss of power or a full disk leaves what was there before. One that is damaged is set aside when it
is read, and the one before it is used. The note that says why is written first and stays, so that every
process that resumes tells of it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from textwright.core.errors import CheckpointError
from textwright.core.files import explained
from textwright.learn.disk import Disk
from textwright.learn.folder import Groups, Unusable, read, read_extra, write
from textwright.learn.loop import Fit
from textwright.learn.slots import by_name, by_number, changed, owners
from textwright.learn.state import FitState, Snapshot, are_finite
from textwright.runtime.settings import Compute

__all__ = ["Resumed", "checkpoints_in", "load_checkpoint", "read_extra", "save_checkpoint"]

KEPT = 2
_NAME = re.compile(r"step-(\d{8,})(-end)?")
_NOTE = re.compile(r"bad-(.+)-\w+\.txt")
# Of the size of what is written: what file systems need besides.
_SPACE = 1.2
_DISK = Disk()


@dataclass(frozen=True)
class Resumed:
    """Where a fit goes on: what was stored beside its state, and what has to be said."""

    step: int
    extra: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints of a fit, the newest first."""
    named = [(found, path) for path in folder.glob("step-*") if (found := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(named, key=lambda n: (int(n[0][1]), bool(n[0][2])), reverse=True)]


def save_checkpoint(folder: Path, fit: Fit, extra: dict[str, Any], disk: Disk = _DISK) -> None:
    """Store everything that `fit` needs to go on, and `extra`, which is JSON.

    Call it between two events of `fit.run()`, after a step, or when the fit is over: then the weights that
    are kept are all it needs. Raises TextwrightError when it cannot be stored (a full disk, no permission,
    weights that are no numbers); the former checkpoint is then still there.
    """
    is_over = fit.state.is_over
    target = folder / f"step-{fit.state.step:08d}{'-end' if is_over else ''}"
    if not target.exists():
        _store(target, fit, extra, disk)
    # An end has been read, when it was written or loaded: the full states before it would only take room.
    rotate(folder, 1 if is_over else KEPT, disk)


def _store(target: Path, fit: Fit, extra: dict[str, Any], disk: Disk) -> None:
    groups, record = gathered(fit)
    for name, tensors in groups.items():
        if not are_finite(tensors):
            raise CheckpointError(f"step {fit.state.step}: numbers in {name!r} are not finite")
    folder = target.parent
    with explained(folder):
        disk.make_folder(folder)
        sweep(folder, disk)
        check_space(folder, groups, disk)
        fresh = folder / f".{target.name}.{secrets.token_hex(4)}"
        try:
            write(fresh, groups, {**record, "extra": extra}, disk)
            if fit.state.is_over:
                _check_written(fresh)
            disk.rename(fresh, target)
            disk.sync(folder)
        finally:
            if fresh.exists():
                with suppress(OSError):
                    disk.remove(fresh)


def _check_written(fresh: Path) -> None:
    try:
        read(fresh)
    except (Unusable, MemoryError, RuntimeError) as error:
        raise CheckpointError(f"{fresh}: cannot be read back: {error!r}", hint="Check the disk.") from None


def gathered(fit: Fit) -> tuple[Groups, dict[str, Any]]:
    state, good = fit.state, fit.recovery.good
    record: dict[str, Any] = {
        "state": state.to_json(),
        "fit": _signature(fit),
        "compute": fit.compute.to_json(),
        "processor": torch.backends.cpu.get_cpu_capability(),
    }
    groups: Groups = {"model": fit.model.state_dict()}
    if state.is_over:
        return groups, record
    own = record["owners"] = owners(fit.optimizer, fit.model)
    groups["best"] = state.best_weights
    groups["average"] = fit.average.state() if fit.average else {}
    groups["optimizer"], record["optimizer"] = by_name(fit.optimizer.state_dict(), own)
    if good is not None:
        groups["good"], groups["good_average"] = good.weights, good.average
        groups["good_optimizer"], record["good_optimizer"] = by_name(good.optimizer, own)
    return {name: tensors for name, tensors in groups.items() if tensors}, record


def _signature(fit: Fit) -> dict[str, Any]:
    """What two fits of one run differ in."""
    return {"epochs": fit.epochs, "rows": len(fit.rows), "seed": fit.seed}


def check_space(folder: Path, groups: Groups, disk: Disk) -> None:
    needed = int(_SPACE * sum(t.nbytes for tensors in groups.values() for t in tensors.values()))
    if (free := disk.free_bytes(folder)) < needed:
        raise CheckpointError(
            f"{folder}: {needed / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free",
            hint="Free some space.",
        )


def rotate(folder: Path, kept: int, disk: Disk) -> None:
    """Remove all but the newest; never a part of one under its name."""
    with suppress(OSError):
        for path in checkpoints_in(folder)[kept:]:
            disk.rename(path, path.with_name(f".{path.name}.old"))
    sweep(folder, disk)


def sweep(folder: Path, disk: Disk) -> None:
    """Remove what killed processes left, which may be as large as a checkpoint."""
    for path in folder.glob(".step-*"):
        with suppress(OSError):
            disk.remove(path)


def load_checkpoint(folder: Path, fit: Fit, disk: Disk = _DISK) -> Resumed | None:
    """Bring `fit` to where its newest good checkpoint stands; None when there never was one.

    Those that are damaged are set aside, and the warnings name all that ever were. The fit computes from then
    on as the one that was stored, but on its own device. Raises CheckpointError when none is good, when one
    cannot be read, which need not be its own fault, or when a good one does not fit the model.
    """
    sweep(folder, disk)
    for path in checkpoints_in(folder):
        try:
            record, groups = read(path)
            _compare(record["fit"], _signature(fit))
        except Unusable as error:
            _set_aside(path, str(error), disk)
            continue
        except (OSError, MemoryError, RuntimeError) as error:
            raise CheckpointError(
                f"{path}: cannot be read: {getattr(error, 'strerror', None) or repr(error)}",
                hint="It stays as it is: mend that and resume again. Or remove it: the one before is used.",
            ) from None
        try:
            restore(fit, record, groups)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            message = f"{path}: the checkpoint does not fit this model ({error})"
            raise CheckpointError(message, hint="Train again without --resume.") from None
        return Resumed(fit.state.step, record["extra"], [*_notes(folder), *_continued(fit, record)])
    if notes := _notes(folder):
        raise CheckpointError(
            f"{folder}: no checkpoint is good: " + "; ".join(notes),
            hint="Remove that folder to begin this fit anew with --resume, or train without --resume.",
        )
    return None


def _compare(stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    for key, value in wanted.items():
        if stored.get(key) != value:
            raise Unusable(f"it belongs to another fit: {key} was {stored.get(key)}, is {value}")


def _set_aside(path: Path, reason: str, disk: Disk) -> None:
    """Give a bad checkpoint another name. Killed meanwhile, it has its note or is found bad once more."""
    aside = path.with_name(f"bad-{path.name}-{secrets.token_hex(4)}")
    note = path.with_name(f"{aside.name}.txt")
    with explained(path.parent):
        disk.write_text(note, reason + "\n")
        disk.sync(note)
        disk.sync(path.parent)
        disk.rename(path, aside)


def _notes(folder: Path) -> list[str]:
    """What to say about the checkpoints that were set aside, the newest first."""
    said = []
    with explained(folder, "read"):
        for path in sorted(folder.glob("bad-*.txt"), reverse=True):
            if (named := _NOTE.fullmatch(path.name)) and path.with_suffix("").exists():
                reason = path.read_text(encoding="utf-8").strip()
                said.append(f"the checkpoint {named[1]} is set aside as {path.stem}: {reason}")
    return said


def restore(fit: Fit, record: dict[str, Any], groups: Groups) -> None:
    """All that can fail comes before anything is changed."""
    state = FitState.from_json(record["state"], groups.get("best", {}))
    own_compute: dict[str, Any] = {"device": fit.compute.device, "shard": fit.compute.shard}
    if fit.compute.micro_batch is not None:  # asked for anew, where memory did not suffice
        own_compute["micro_batch"] = fit.compute.micro_batch
    compute = Compute(**{**record["compute"], **own_compute})
    own = {name: value.shape for name, value in fit.model.state_dict().items()}
    if own != {name: value.shape for name, value in groups["model"].items()}:
        raise ValueError("its weights have other names or shapes")
    learning = None if state.is_over else _learning(fit, record, groups)
    fit.model.load_state_dict(groups["model"])
    if learning is not None:
        slots, fit.recovery.good = learning
        fit.optimizer.load_state_dict(slots)
        if fit.average:
            fit.average.restore(groups["average"])
    fit.state, fit.compute = state, compute


def _learning(fit: Fit, record: dict[str, Any], groups: Groups) -> tuple[dict[str, Any], Snapshot | None]:
    """The state of the optimizer, and the one to go back to."""
    own, parameters = owners(fit.optimizer, fit.model), fit.optimizer.state_dict()["param_groups"]

    def slots(kind: str) -> dict[str, Any]:
        return by_number({**groups.get(kind, {}), **record[kind]}, record["owners"], own, parameters)

    if "good" not in groups:
        return slots("optimizer"), None
    average = groups.get("good_average", {})
    return slots("optimizer"), Snapshot(groups["good"], slots("good_optimizer"), average)


def _continued(fit: Fit, record: dict[str, Any]) -> Iterable[str]:
    """What keeps the run from going on to the same bits."""
    before, here = record["processor"], torch.backends.cpu.get_cpu_capability()
    if before != here:
        yield f"it was begun with {before} instructions and goes on with {here}: alike, but for rounding"
    if (device := record["compute"]["device"]) != fit.compute.device:
        yield f"it was begun on {device} and goes on on {fit.compute.device}: alike, but for rounding"
    if not fit.state.is_over:
        yield from changed(record["owners"], owners(fit.optimizer, fit.model))
