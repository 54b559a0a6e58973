"""Checkpoints of Hugging Face models: found, looked at before anything is loaded, and refused if unsafe.

Only safetensors and JSON are read: a pickle may run code when it is opened, and so may a checkpoint's own
Python files, which `auto_map` in its config asks for (CVE-2026-1839, CVE-2026-4372).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import filter as matching
from pathlib import Path
from types import MappingProxyType
from typing import Any

from textwright.core.errors import CheckpointError, TextwrightError, first_line
from textwright.core.files import explained

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_INDEX, _SHARDS = "model.safetensors.index.json", "model-*.safetensors"
_ADAPTER = "adapter_config.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")
_TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model", "*.spm", "bpe.codes")
_SMALL_FILES = ("*.json", "*.txt", "*.model", "*.spm", "bpe.codes")
# All others are packages, or code that is fetched from the Hub when the package `kernels` is there.
_ATTENTIONS = (None, "eager", "sdpa")
_NAMES_OF_LABELS = ("id2label", "label2id")
_UNFIT: Mapping[str, str] = MappingProxyType(
    {
        "fnet": "reads padding as if it were text, so its answers would depend on the other texts of a batch",
        "ibert": "computes with layers of its own in whole numbers, which are not learned here",
    }
)
# Models that tell the next token and can be taught to answer: those that `pretrain` makes.
DECODERS = ("gpt2", "nanochat", "qwen3")
# Models of `pretrain` that nothing but writing is learned with.
_WITHOUT_CLASSIFIER = ("lstm",)
_EXAMPLE = "Give a folder with config.json, model.safetensors and tokenizer.json, or a name on the Hub."
TAKE_ANOTHER = "Take one such as bert, roberta, electra, deberta-v2, modernbert, gpt2 or qwen3."
_SECONDS_TO_ANSWER = 10.0
_HUB_EXAMPLE = "Names on the Hub are OWNER/NAME, such as google-bert/bert-base-uncased; or give a folder."


@dataclass(frozen=True)
class Checkpoint:
    """A folder that holds an encoder or a decoder, its weights in safetensors, and a tokenizer."""

    path: Path
    config: dict[str, Any]
    name: str = ""

    @property
    def type(self) -> str:
        return str(self.config["model_type"])

    @property
    def decodes(self) -> bool:
        """Whether it reads from left to right, each token seeing those before it only."""
        return self.type in DECODERS


def find_checkpoint(name: str, kinds: Collection[str] = ()) -> Checkpoint:
    """The checkpoint in a folder, or the one of this name on the Hugging Face Hub (fetched once, then kept).

    It holds a model that can be taught to answer, or one of the types `kinds`. Raises CheckpointError that
    says what is missing or why it is refused.
    """
    path = Path(name).expanduser()
    looks_local = path.exists() or path.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1
    folder = path if looks_local else _fetch(name, kinds)
    if not folder.is_dir():
        what = "is a file, expected a folder" if folder.exists() else "there is no such folder"
        raise CheckpointError(f"{name}: {what}", hint=_EXAMPLE if "/" in name else _HUB_EXAMPLE)
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"{name}: {CONFIG} is missing: not a Hugging Face checkpoint", hint=_EXAMPLE)
    checkpoint = Checkpoint(
        folder, _read_config(folder / CONFIG), path.name if looks_local else f"{name} at {folder.name:.12}"
    )
    _judge(str(folder), checkpoint.config, [file.name for file in folder.iterdir()], kinds)
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


# The Hub


def _fetch(name: str, kinds: Collection[str]) -> Path:
    """The folder of this name in the Hub's cache, which is filled when it does not hold it.

    Nothing is asked of the Hub for one that was fetched before, so all fits of a run, and a run that is
    resumed, start alike.
    """
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError, RemoteEntryNotFoundError

    # The library reads this at each request, and the environment only when it is first imported.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        config = try_to_load_from_cache(name, CONFIG)
        if isinstance(config, str) and _is_whole(Path(config).parent):
            return Path(config).parent
        return _download(name, kinds)
    except TextwrightError:
        raise
    except HFValidationError:
        raise CheckpointError(f"{name}: there is no such folder", hint=_HUB_EXAMPLE) from None
    except RemoteEntryNotFoundError:
        raise CheckpointError(f"{name}: the Hub has no {CONFIG} for it", hint=_EXAMPLE) from None
    except Exception as error:  # those of the Hub, of its connection, and of a client told to stay offline
        why = first_line(error)
        raise CheckpointError(
            f"{name}: there is no such folder, and nothing came from the Hugging Face Hub ({why})",
            hint=f"Check the name and the connection; if a folder is meant, write ./{name}.",
        ) from None


def _is_whole(folder: Path) -> bool:
    """Whether weights and a tokenizer are there; `_download` fetches the weights last, after all else."""
    names = {file.name for file in folder.iterdir()}
    if not _holds_any(names, _TOKENIZERS) or not names & {WEIGHTS, _INDEX}:
        return False
    return WEIGHTS in names or set(_read_config(folder / _INDEX).get("weight_map", {}).values()) <= names


def _download(name: str, kinds: Collection[str]) -> Path:
    """What is small first, and the weights only of what can be started from; all of one commit."""
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download

    # Without a connection this fails at once, where a download would try again for half a minute.
    HfApi().model_info(name, timeout=_SECONDS_TO_ANSWER)
    config = Path(hf_hub_download(name, CONFIG))
    commit = config.parent.name
    names = [file for file in HfApi().list_repo_files(name, revision=commit) if "/" not in file]
    _judge(name, _read_config(config), names, kinds)
    small = [file for pattern in _SMALL_FILES for file in matching(names, pattern)]
    weights = [WEIGHTS] if WEIGHTS in names else matching(names, _SHARDS)
    for files in (small, weights):
        folder = snapshot_download(name, revision=commit, allow_patterns=files)
    return Path(folder)


def _holds_any(names: Collection[str], patterns: Collection[str]) -> bool:
    return any(matching(names, pattern) for pattern in patterns)


# What is refused


def _judge(where: str, config: Mapping[str, Any], names: Collection[str], kinds: Collection[str]) -> None:
    """Raise CheckpointError unless a checkpoint with this config and files of these names can be used."""
    refuse_foreign_code(where, config, names)
    if kinds:
        _refuse_all_but(kinds, where, config)
    else:
        _refuse_other_kinds(where, config)
    _refuse_misfit(where, config)
    _refuse_pickle(where, names)
    if not _holds_any(names, _TOKENIZERS):
        hint = "Copy tokenizer.json (or vocab.txt) of the same model beside its weights."
        raise CheckpointError(f"{where}: the folder holds no tokenizer", hint=hint)


def refuse_foreign_code(where: str, config: Mapping[str, Any], names: Collection[str]) -> None:
    """Raise CheckpointError where the library would run code or load weights from elsewhere."""
    for key, value in _entries(config):
        # Keys with "internal" in their name reached code in some versions: none is written by transformers.
        if key == "auto_map" or key.endswith("_internal"):
            raise CheckpointError(
                f"{where}: {CONFIG} asks to run code of its own ({key}), which is refused",
                hint="Use a checkpoint whose class is part of the transformers library.",
            )
        asked = value.values() if isinstance(value, dict) else [value]
        if key.endswith("attn_implementation") and any(way not in _ATTENTIONS for way in asked):
            raise CheckpointError(
                f"{where}: {CONFIG} asks for code from elsewhere ({key}: {value}), which is refused",
                hint=f"Delete {key} from {CONFIG}: the same weights compute with torch's own attention.",
            )
        if key in ("quantization_config", "transformers_weights") and value:
            raise CheckpointError(
                f"{where}: {CONFIG} holds {key}: weights that are quantized or elsewhere are not loaded",
                hint=f"Save the whole model in full precision as {WEIGHTS}.",
            )
    if _ADAPTER in names:
        raise CheckpointError(
            f"{where}: holds an adapter beside the model ({_ADAPTER}), and only one of the two is meant",
            hint="Merge it (peft: merge_and_unload, then save_pretrained), or remove the adapter's files.",
        )


def _entries(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """All keys with their values, those of the parts of a model too."""
    for key, value in config.items():
        yield key, value
        if isinstance(value, dict) and key not in _NAMES_OF_LABELS:
            yield from _entries(value)


def _refuse_pickle(where: str, names: Collection[str]) -> None:
    if WEIGHTS in names or _INDEX in names:
        return
    pickles = sorted(file for pattern in _PICKLES for file in matching(names, pattern))
    if pickles:
        raise CheckpointError(
            f"{where}: the weights are in {pickles[0]}, a pickle, which could run code when opened: refused",
            hint="Get the same model as model.safetensors, or convert it where you trust it.",
        )
    raise CheckpointError(f"{where}: {WEIGHTS} is missing", hint=_EXAMPLE)


def _refuse_other_kinds(where: str, config: Mapping[str, Any]) -> None:
    """Only encoders that fill masks and classify, and some decoders, are taken: no vision, no seq2seq."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    )

    kind = config.get("model_type")
    if not kind and "architecture" in config:
        what = f"holds a {config['architecture']} of Textwright, which is no Hugging Face encoder"
        raise CheckpointError(f"{where}: {what}", hint="Only encoders can be started from.")
    if not kind or not isinstance(kind, str):
        raise CheckpointError(f"{where}: {CONFIG} does not say its model_type", hint=_EXAMPLE)
    if kind in DECODERS and not (config.get("is_encoder_decoder") or config.get("add_cross_attention")):
        return
    if kind in _WITHOUT_CLASSIFIER:
        raise CheckpointError(
            f"{where}: is an {kind} that writes, and no classifier is made of one",
            hint=f"Learn the labels alone: textwright train DATA --model {kind}. "
            "Or start from a model of: textwright pretrain FILES --model roberta",
        )
    decodes = config.get("is_decoder") or config.get("is_encoder_decoder")
    both = (MODEL_FOR_MASKED_LM_MAPPING_NAMES, MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
    if decodes or any(kind not in names for names in both):
        what = f"a model of type {kind!r} is not an encoder of texts that can be fine-tuned here"
        raise CheckpointError(f"{where}: {what}", hint=TAKE_ANOTHER)
    if kind in _UNFIT:
        raise CheckpointError(f"{where}: a model of type {kind!r} {_UNFIT[kind]}", hint=TAKE_ANOTHER)


def _refuse_all_but(kinds: Collection[str], where: str, config: Mapping[str, Any]) -> None:
    kind = config.get("model_type")
    if kind not in kinds:
        raise CheckpointError(
            f"{where}: a model of type {kind!r} is no language model that can be gone on with here",
            hint=f"Take one of {', '.join(kinds)}.",
        )


def _refuse_misfit(where: str, config: Mapping[str, Any]) -> None:
    from transformers import AutoConfig

    try:
        AutoConfig.for_model(**config)
    except Exception as error:  # the library raises whatever its checks do
        why = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(
            f"{where}: {CONFIG} is not one of a {config['model_type']} ({why})",
            hint="Copy the folder again, or take another checkpoint.",
        ) from None
