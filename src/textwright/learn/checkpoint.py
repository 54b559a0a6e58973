"""Training states on disk: folders that are whole or not there, and that are checked before they are used.

The folder of a fit holds `step-00000120/` and the like: tensors as safetensors, all else as JSON, no pickle.
A manifest with the size and SHA-256 of every file is written last, everything is synced, and then the folder
gets its name; only then the older ones go, but for one. A killed process, a loss of power or a full disk
leaves what was there before. One that is damaged is set aside when it is read, and the one before it is used.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from textwright.core.errors import CheckpointError
from textwright.core.files import explained, sha256
from textwright.learn.disk import Disk
from textwright.learn.loop import Fit
from textwright.learn.state import FitState, Snapshot, are_finite
from textwright.runtime.settings import Compute

_MANIFEST, _RECORD, _TENSORS = "manifest.json", "state.json", "state.safetensors"
Groups = dict[str, dict[str, Tensor]]
_KEPT = 2
_NAME = re.compile(r"step-(\d{8,})(-end)?")
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
    target = folder / f"step-{fit.state.step:08d}{'-end' if fit.state.is_over else ''}"
    if target.exists():
        return
    groups, record = _gathered(fit)
    for name, tensors in groups.items():
        if not are_finite(tensors):
            raise CheckpointError(f"step {fit.state.step}: numbers in {name!r} are not finite")
    with explained(folder):
        disk.make_folder(folder)
        _check_space(folder, groups, disk)
        fresh = folder / f".{target.name}.{secrets.token_hex(4)}"
        try:
            _fill(fresh, groups, json.dumps({**record, "extra": extra}), disk)
            disk.rename(fresh, target)
            disk.sync(folder)
        finally:
            if fresh.exists():
                with suppress(OSError):
                    disk.remove(fresh)
    _rotate(folder, disk)


def _gathered(fit: Fit) -> tuple[Groups, dict[str, Any]]:
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
    groups["best"] = state.best_weights
    groups["average"] = fit.average.state() if fit.average else {}
    groups["optimizer"], record["optimizer"] = _flattened(fit.optimizer.state_dict())
    if good is not None:
        groups["good"], groups["good_average"] = good.weights, good.average
        groups["good_optimizer"], record["good_optimizer"] = _flattened(good.optimizer)
    return {name: tensors for name, tensors in groups.items() if tensors}, record


def _signature(fit: Fit) -> dict[str, Any]:
    """What two fits of one run differ in."""
    return {"epochs": fit.epochs, "rows": len(fit.rows), "seed": fit.seed}


def _flattened(optimizer: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The slots of an optimizer by the number of the parameter: tensors, and what is not."""
    slots = {f"{i}.{name}": v for i, named in optimizer["state"].items() for name, v in named.items()}
    tensors = {key: value for key, value in slots.items() if isinstance(value, Tensor)}
    return tensors, {key: value for key, value in slots.items() if key not in tensors}


def _raised(slots: dict[str, Any], groups: list[Any]) -> dict[str, Any]:
    """The reverse of `_flattened`, for an optimizer of the same parameters."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in slots.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    return {"state": state, "param_groups": groups}


def _check_space(folder: Path, groups: Groups, disk: Disk) -> None:
    needed = int(_SPACE * sum(t.nbytes for tensors in groups.values() for t in tensors.values()))
    if (free := disk.free_bytes(folder)) < needed:
        raise CheckpointError(
            f"{folder}: {needed / 1e6:,.0f} MB are needed and {free / 1e6:,.0f} MB are free",
            hint="Free some space.",
        )


def _fill(fresh: Path, groups: Groups, record: str, disk: Disk) -> None:
    disk.make_folder(fresh)
    disk.write_tensors(fresh / _TENSORS, _apart(groups))
    disk.write_text(fresh / _RECORD, record)
    files = [fresh / _TENSORS, fresh / _RECORD]
    for path in files:
        disk.sync(path)
    listed = {path.name: {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in files}
    disk.write_text(fresh / _MANIFEST, json.dumps({"files": listed}))
    disk.sync(fresh / _MANIFEST)
    disk.sync(fresh)


def _apart(groups: Groups) -> dict[str, Tensor]:
    """As safetensors takes them: in one piece, and none in the memory of another (tied weights)."""
    seen, out = set[int](), {}
    for group, tensors in groups.items():
        for name, value in tensors.items():
            place = value.untyped_storage().data_ptr()
            apart = value.detach().clone() if place in seen else value.detach()
            out[f"{group}.{name}"] = apart.contiguous()
            seen.add(place)
    return out


def _grouped(tensors: dict[str, Tensor]) -> Groups:
    groups: Groups = {}
    for key, value in tensors.items():
        group, name = key.split(".", 1)
        # A clone, because what load_file returns is still the file, which later checkpoints remove.
        groups.setdefault(group, {})[name] = value.clone()
    return groups


def _rotate(folder: Path, disk: Disk) -> None:
    """Remove all but the newest, and what killed processes left; never a part of one under its name."""
    with suppress(OSError):
        for path in checkpoints_in(folder)[_KEPT:]:
            disk.rename(path, path.with_name(f".{path.name}.old"))
        for path in folder.glob(".step-*"):
            disk.remove(path)


def load_checkpoint(folder: Path, fit: Fit) -> Resumed | None:
    """Bring `fit` to where its newest good checkpoint stands; None when there is none at all.

    Those that are damaged are set aside, with the reason, and named in the warnings. The fit computes from
    then on as the one that was stored, but on its own device. Raises CheckpointError when none is good, or
    when a good one does not fit the model.
    """
    warnings: list[str] = []
    found = checkpoints_in(folder)
    for path in found:
        try:
            record, groups = _read(path)
            _compare(record["fit"], _signature(fit))
        except PermissionError as error:
            raise CheckpointError(
                f"{path}: no permission to read it", hint="Change its permissions."
            ) from error
        except (CheckpointError, OSError) as error:
            warnings.append(_set_aside(path, getattr(error, "message", str(error))))
            continue
        try:
            _restore(fit, record, groups)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            message = f"{path}: the checkpoint does not fit this model ({error})"
            raise CheckpointError(message, hint="Train again without --resume.") from None
        return Resumed(fit.state.step, record["extra"], [*warnings, *_continued(fit, record)])
    if found:
        raise CheckpointError(
            f"{folder}: no checkpoint is good: " + "; ".join(warnings), hint="Train again without --resume."
        )
    return None


def read_extra(path: Path) -> dict[str, Any] | None:
    """What was stored beside a state, without reading the weights; None when it is damaged."""
    try:
        wanted = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))["files"][_RECORD]["sha256"]
        record: dict[str, Any] = json.loads((path / _RECORD).read_text(encoding="utf-8"))
        return record["extra"] if sha256(path / _RECORD) == wanted else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read(path: Path) -> tuple[dict[str, Any], Groups]:
    """Raises CheckpointError when a file is not the one that was written."""
    try:
        listed = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))["files"]
        wanted = {name: (entry["bytes"], entry["sha256"]) for name, entry in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"its manifest cannot be read ({error})") from None
    names = {file.name for file in path.iterdir()} - {_MANIFEST}
    for name in sorted(names ^ wanted.keys() | {_RECORD, _TENSORS} ^ names):
        raise CheckpointError(f"the file {name!r} is {'not one of its own' if name in names else 'missing'}")
    for name, (size, digest) in wanted.items():
        if (path / name).stat().st_size != size or sha256(path / name) != digest:
            raise CheckpointError(f"the file {name!r} is not what was written")
    try:
        record = json.loads((path / _RECORD).read_text(encoding="utf-8"))
        return record, _grouped(load_file(path / _TENSORS))
    except (ValueError, SafetensorError) as error:
        raise CheckpointError(f"a file was badly written ({error})") from None


def _compare(stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    for key, value in wanted.items():
        if stored.get(key) != value:
            raise CheckpointError(f"it belongs to another fit: {key} was {stored.get(key)}, is {value}")


def _set_aside(path: Path, reason: str) -> str:
    """Give a bad checkpoint another name, with the reason in it; what to say about it."""
    aside = path.with_name(f"bad-{path.name}-{secrets.token_hex(4)}")
    try:
        path.rename(aside)
        (aside / "reason.txt").write_text(reason + "\n", encoding="utf-8")
    except OSError:
        return f"the checkpoint {path.name} is passed over: {reason}"
    return f"the checkpoint {path.name} is set aside as {aside.name}: {reason}"


def _restore(fit: Fit, record: dict[str, Any], groups: Groups) -> None:
    """All that can fail comes before anything is changed."""
    state = FitState.from_json(record["state"], groups.get("best", {}))
    compute = Compute(**{**record["compute"], "device": fit.compute.device})
    own = {name: value.shape for name, value in fit.model.state_dict().items()}
    if own != {name: value.shape for name, value in groups["model"].items()}:
        raise ValueError("its weights have other names or shapes")
    fit.model.load_state_dict(groups["model"])
    if not state.is_over:
        _restore_learning(fit, record, groups)
    fit.state, fit.compute = state, compute


def _restore_learning(fit: Fit, record: dict[str, Any], groups: Groups) -> None:
    parameters = fit.optimizer.state_dict()["param_groups"]
    slots = {**groups.get("optimizer", {}), **record["optimizer"]}
    fit.optimizer.load_state_dict(_raised(slots, parameters))
    if fit.average:
        fit.average.restore(groups["average"])
    if "good" in groups:
        slots = {**groups.get("good_optimizer", {}), **record["good_optimizer"]}
        average = groups.get("good_average", {})
        fit.recovery.good = Snapshot(groups["good"], _raised(slots, parameters), average)


def _continued(fit: Fit, record: dict[str, Any]) -> Iterable[str]:
    """What keeps the run from going on to the same bits."""
    before, here = record["processor"], torch.backends.cpu.get_cpu_capability()
    if before != here:
        yield f"it was begun with {before} instructions and goes on with {here}: alike, but for rounding"
    if (device := record["compute"]["device"]) != fit.compute.device:
        yield f"it was begun on {device} and goes on on {fit.compute.device}: alike, but for rounding"
