"""A whole model read from the folder of a Hugging Face class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from textwright.core.errors import CheckpointError, first_line
from textwright.models.transformer.quiet import quiet


def read_whole(kind: Any, folder: Path) -> tuple[PreTrainedModel, str]:
    """The model that `save_pretrained` wrote, in float32, by the Hugging Face class `kind`, as some classes
    rename their weights; and which weight is not there, not the model's or of another size, if any.

    Nothing but safetensors is read. Raises whatever the parsers of the library do.
    """
    with quiet():
        model, found = kind.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if found[what]:
            return model, f"{what.replace('_', ' ')}: {sorted(map(str, found[what]))[0]}"
    return model, ""


def read_checkpoint(kind: Any, folder: Path) -> PreTrainedModel:
    """The same of a folder that somebody gave.

    Raises CheckpointError when it cannot be loaded, or when a weight is missing or not the model's.
    """
    try:
        model, fault = read_whole(kind, folder)
    except Exception as error:  # the library raises whatever its parsers do
        raise CheckpointError(
            f"{folder}: the model cannot be loaded ({first_line(error)})",
            hint="Copy the folder again, or take another checkpoint.",
        ) from None
    if fault:
        raise CheckpointError(
            f"{folder}: {fault}",
            hint="The weights belong to another model or are incomplete: copy the folder again.",
        )
    return model
