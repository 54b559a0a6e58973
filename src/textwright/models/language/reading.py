"""A language model read from the folder of a Hugging Face class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from textwright.core.errors import CheckpointError, first_line
from textwright.models.transformer.quiet import quiet


def read_back(kind: Any, folder: Path) -> PreTrainedModel:
    """The model of a folder, in float32, by the Hugging Face class `kind`; nothing but safetensors is read.

    Raises CheckpointError when it cannot be loaded, or when a weight is missing or not the model's.
    """
    try:
        with quiet():
            model, found = kind.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except Exception as error:  # the library raises whatever its parsers do
        raise CheckpointError(
            f"{folder}: the model cannot be loaded ({first_line(error)})",
            hint="Copy the folder again, or take another checkpoint.",
        ) from None
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if found[what]:
            raise CheckpointError(
                f"{folder}: {what.replace('_', ' ')}: {sorted(map(str, found[what]))[0]}",
                hint="The weights belong to another model or are incomplete: copy the folder again.",
            )
    read: PreTrainedModel = model
    return read
