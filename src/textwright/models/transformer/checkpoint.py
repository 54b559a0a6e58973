"""Checkpoints of Hugging Face encoders: found, looked at before anything is loaded, and refused if unsafe.

Only safetensors and JSON are read: a pickle may run code when it is opened, and so may a checkpoint's own
Python files, which `auto_map` in its config asks for (CVE-2026-1839, CVE-2026-4372).
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textwright.core.errors import CheckpointError
from textwright.core.files import explained

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model", "*.spm", "bpe.codes")
_FETCHED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.spm", "bpe.codes"]
_EXAMPLE = "Give a folder with config.json, model.safetensors and tokenizer.json, or a name on the Hub."


@dataclass(frozen=True)
class Checkpoint:
    """A folder that holds an encoder, its weights in safetensors, and a tokenizer."""

    path: Path
    config: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.config["model_type"])


def find_checkpoint(name: str) -> Checkpoint:
    """The checkpoint in a folder, or the one of this name on the Hugging Face Hub (fetched once, then kept).

    Raises CheckpointError that says what is missing or why it is refused.
    """
    path = Path(name).expanduser()
    looks_local = path.exists() or path.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1
    folder = path if looks_local else _fetch(name)
    if not folder.is_dir():
        what = "is a file, expected a folder" if folder.exists() else "there is no such folder"
        raise CheckpointError(f"{name}: {what}", hint=_EXAMPLE)
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"{name}: {CONFIG} is missing: not a Hugging Face checkpoint", hint=_EXAMPLE)
    checkpoint = Checkpoint(folder, _read_config(folder / CONFIG))
    _refuse_remote_code(checkpoint)
    _refuse_other_kinds(checkpoint)
    _refuse_pickle(folder)
    if not any(next(folder.glob(pattern), None) for pattern in _TOKENIZERS):
        hint = "Copy tokenizer.json (or vocab.txt) of the same model beside its weights."
        raise CheckpointError(f"{name}: the folder holds no tokenizer", hint=hint)
    return checkpoint


def _read_config(path: Path) -> dict[str, Any]:
    try:
        with explained(path, "read"):
            config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path}: is not JSON ({error})", hint="Copy the folder again.") from None
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: holds no settings of a model", hint=_EXAMPLE)
    return config


def _fetch(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        return Path(snapshot_download(name, allow_patterns=_FETCHED))
    except HFValidationError:
        raise CheckpointError(f"{name}: there is no such folder", hint=_EXAMPLE) from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, RuntimeError) as error:
        # RuntimeError: what a client that is told to stay offline, or whose sockets are closed, raises.
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{name}: there is no such folder, and nothing came from the Hugging Face Hub ({why})",
            hint="Check the name and the connection, or give a folder that holds the checkpoint.",
        ) from None


def _refuse_remote_code(checkpoint: Checkpoint) -> None:
    # Keys with "internal" in their name reached code in some versions: none is written by transformers.
    unsafe = [key for key in checkpoint.config if key == "auto_map" or key.endswith("_internal")]
    if unsafe:
        raise CheckpointError(
            f"{checkpoint.path / CONFIG}: asks to run code of its own ({unsafe[0]}), which is refused",
            hint="Use a checkpoint whose class is part of the transformers library.",
        )


def _refuse_pickle(folder: Path) -> None:
    if (folder / WEIGHTS).is_file() or (folder / _INDEX).is_file():
        return
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        raise CheckpointError(
            f"{folder}: the weights are in {pickles[0]}, a pickle, which could run code when opened: refused",
            hint="Get the same model as model.safetensors, or convert it where you trust it.",
        )
    raise CheckpointError(f"{folder}: {WEIGHTS} is missing", hint=_EXAMPLE)


def _refuse_other_kinds(checkpoint: Checkpoint) -> None:
    """Only encoders that fill masks and classify are taken: no decoders, no vision, no seq2seq."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    )

    config, path = checkpoint.config, checkpoint.path
    kind = config.get("model_type")
    if not kind and "architecture" in config:
        what = f"holds a {config['architecture']} of Textwright, which is no Hugging Face encoder"
        raise CheckpointError(f"{path}: {what}", hint="Only encoders can be started from.")
    if not kind:
        raise CheckpointError(f"{path / CONFIG}: does not say its model_type", hint=_EXAMPLE)
    decodes = config.get("is_decoder") or config.get("is_encoder_decoder")
    both = (MODEL_FOR_MASKED_LM_MAPPING_NAMES, MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
    if decodes or any(kind not in names for names in both):
        raise CheckpointError(
            f"{path}: a model of type {kind!r} is not an encoder of texts that can be fine-tuned here",
            hint="Take one such as bert, roberta, distilbert, electra, deberta-v2 or modernbert.",
        )
