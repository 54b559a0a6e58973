"""Training states on disk: safetensors and JSON in a folder that is whole or not there."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from textwright.core.errors import CheckpointError
from textwright.core.files import publish_folder, read_json, sha256
from textwright.learn.loop import Fit, FitState

_WEIGHTS, _RECORD, _SEAL = "state.safetensors", "state.json", "state.sha256"
_ANEW = "Train again without --resume."


def save_checkpoint(folder: Path, fit: Fit, **identity: Any) -> None:
    """Write everything that `fit` needs to go on; `identity` says what it belongs to (recipe and data).

    Call it between two events of `fit.run()`: after its end the model holds the best weights, not the last.
    Raises TextwrightError when nothing can be written; the former checkpoint is then still there.
    """
    tensors: dict[str, Tensor] = {f"model.{k}": v for k, v in fit.model.state_dict().items()}
    tensors |= {f"best.{k}": v for k, v in fit.state.best_weights.items()}
    for index, slots in fit.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in slots.items()}
    scalars = {f.name: getattr(fit.state, f.name) for f in fields(FitState) if f.name != "best_weights"}

    def fill(fresh: Path) -> None:
        # A copy of each: embeddings that are shared would otherwise be refused by safetensors.
        save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, fresh / _WEIGHTS)
        record = json.dumps({"state": scalars, "identity": identity}, indent=2)
        (fresh / _RECORD).write_text(record, encoding="utf-8")
        (fresh / _SEAL).write_text(_seal(fresh), encoding="utf-8")

    publish_folder(folder, fill)


def load_checkpoint(folder: Path, fit: Fit, **identity: Any) -> None:
    """Bring `fit` to where the checkpoint stands.

    Raises CheckpointError when it is missing, damaged or of another run.
    """
    try:
        is_whole = (folder / _SEAL).read_text(encoding="utf-8") == _seal(folder)
    except (OSError, ValueError) as error:
        message = f"{folder}: cannot be read as a checkpoint ({error})"
        raise CheckpointError(message, hint=_ANEW) from None
    if not is_whole:
        raise CheckpointError(f"{folder}: the checkpoint is not what was written", hint=_ANEW)
    record = read_json(folder / _RECORD)
    for key, value in json.loads(json.dumps(identity)).items():
        if record["identity"].get(key) != value:
            raise CheckpointError(
                f"{folder}: the checkpoint belongs to another {key}",
                hint="Train again without --resume, or give the same files and settings.",
            )
    # Clones, because what load_file returns is still the file, and the next checkpoint takes its place.
    tensors = {k: v.clone() for k, v in load_file(folder / _WEIGHTS).items()}
    try:
        _restore(fit, record["state"], tensors)
    except (KeyError, RuntimeError, TypeError) as error:
        message = f"{folder}: the checkpoint does not fit this model ({error})"
        raise CheckpointError(message, hint=_ANEW) from None


def _seal(folder: Path) -> str:
    """As sha256sum writes and checks it."""
    return "".join(f"{sha256(folder / name)}  {name}\n" for name in (_WEIGHTS, _RECORD))


def _restore(fit: Fit, scalars: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    fit.model.load_state_dict(_under("model.", tensors))
    optimizer = fit.optimizer.state_dict()
    for name, value in _under("optimizer.", tensors).items():
        index, slot = name.split(".", 1)
        optimizer["state"].setdefault(int(index), {})[slot] = value
    fit.optimizer.load_state_dict(optimizer)
    fit.state = FitState(**scalars, best_weights=_under("best.", tensors))


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
