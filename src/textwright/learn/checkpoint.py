"""Training states on disk: safetensors and JSON in a folder that is whole or not there."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from textwright.core.errors import CheckpointError
from textwright.core.files import publish_folder, read_json, sha256
from textwright.learn.loop import Fit, FitState

_WEIGHTS, _RECORD = "state.safetensors", "state.json"


def save_checkpoint(folder: Path, fit: Fit, **identity: Any) -> None:
    """Write everything that `fit` needs to go on; `identity` says what it belongs to (recipe and data)."""
    tensors: dict[str, Tensor] = {f"model.{k}": v for k, v in fit.model.state_dict().items()}
    tensors |= {f"best.{k}": v for k, v in fit.state.best_weights.items()}
    optimizer = fit.optimizer.state_dict()
    for index, slots in optimizer["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in slots.items()}
    scalars = {f.name: getattr(fit.state, f.name) for f in fields(FitState) if f.name != "best_weights"}

    def fill(fresh: Path) -> None:
        # A copy of each: embeddings that are shared would otherwise be refused by safetensors.
        save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, fresh / _WEIGHTS)
        record = {"state": scalars, "identity": identity, "sha256": sha256(fresh / _WEIGHTS)}
        (fresh / _RECORD).write_text(json.dumps(record, indent=2), encoding="utf-8")

    publish_folder(folder, fill)


def load_checkpoint(folder: Path, fit: Fit, **identity: Any) -> None:
    """Bring `fit` to where the checkpoint stands. Raises CheckpointError when it is damaged or of another run."""
    try:
        record = read_json(folder / _RECORD)
        damaged = sha256(folder / _WEIGHTS) != record["sha256"]
        tensors = {} if damaged else load_file(folder / _WEIGHTS)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(f"{folder}: cannot be read as a checkpoint ({error})", hint="Train again without --resume.") from None
    if damaged:
        raise CheckpointError(f"{folder}: {_WEIGHTS} is not what was written", hint="Train again without --resume.")
    wanted = json.loads(json.dumps(identity))
    for key, value in wanted.items():
        if record["identity"].get(key) != value:
            raise CheckpointError(f"{folder}: the checkpoint belongs to another {key}", hint="Train again without --resume, or give the same files and settings.")
    _restore(fit, record["state"], tensors)


def _restore(fit: Fit, scalars: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    fit.model.load_state_dict(_under("model.", tensors))
    optimizer = fit.optimizer.state_dict()
    for name, value in _under("optimizer.", tensors).items():
        index, slot = name.split(".", 1)
        optimizer["state"].setdefault(int(index), {})[slot] = value
    fit.optimizer.load_state_dict(optimizer)
    known = {f.name for f in fields(FitState)}
    fit.state = FitState(**{k: v for k, v in scalars.items() if k in known}, best_weights=_under("best.", tensors))
    fit.restart_clock()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

