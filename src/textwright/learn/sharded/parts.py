"""Tensors in parts as files: each process writes its own, and any number of processes reads them.

`torch.distributed.checkpoint` by its storage of safetensors, in whose headers it stands where a part belongs.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from textwright.core.errors import CheckpointError, first_line
from textwright.learn.sharded.tensors import own_part

NAME = re.compile(r"shard-\d+-model-\d+-of-\d+\.safetensors")


def write_parts(folder: Path, tensors: dict[str, Tensor]) -> None:
    """All processes at once, into a folder that is there. Raises CheckpointError, with all of them."""
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
    from torch.distributed.checkpoint.state_dict_saver import save

    storage = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    try:
        save(_apart(tensors), storage_writer=storage)
    except CheckpointException as error:
        found = next(iter(error.failures.values()), None)
        why = first_line(error if found is None else found[0])
        raise CheckpointError(f"{folder}: cannot be written by all processes ({why})") from None


def read_parts(folder: Path) -> dict[str, Tensor]:
    """The tensors, whole. Raises OSError, ValueError or SafetensorError for files that were badly written."""
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import load

    storage: Any = HuggingFaceStorageReader(str(folder))
    known = storage.read_metadata().state_dict_metadata
    found = {name: torch.empty(about.size, dtype=about.properties.dtype) for name, about in known.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that one process alone reads is meant so
        load(found, storage_reader=storage, no_dist=True)
    return found


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """None in the memory of another (tied weights), as safetensors wants it."""
    seen, out = set[int](), {}
    for name, value in tensors.items():
        place = own_part(value).untyped_storage().data_ptr()
        out[name] = value.detach().clone() if place in seen else value.detach()
        seen.add(place)
    return out
