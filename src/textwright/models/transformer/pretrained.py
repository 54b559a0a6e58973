"""`pretrained`: any encoder of the Hugging Face library, fine-tuned whole, by its head, or by LoRA.

Shapes: V vocabulary.
"""

from __future__ import annotations

import copy
from typing import Any

from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel
from transformers.utils import logging as hf_logging

from textwright.core.errors import CheckpointError, ConfigError
from textwright.models.base import Architecture, Shape
from textwright.models.transformer.checkpoint import Checkpoint, find_checkpoint
from textwright.models.transformer.network import Encoder, head_of
from textwright.models.transformer.settings import PretrainedSettings

# What a head is called in the library's classes; only such weights may be missing from a checkpoint.
_HEADS = ("classifier", "score", "head", "pooler", "pre_classifier", "sequence_summary", "qa_outputs")
_SPECIAL = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token", "bos_token", "eos_token")
_DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "dropout",
    "attention_dropout",
    "classifier_dropout",
    "seq_classif_dropout",
    "embedding_dropout",
    "mlp_dropout",
)


def load_tokenizer(checkpoint: Checkpoint) -> tuple[str, dict[str, str]]:
    """The content of its `tokenizer.json`, and its special tokens by role. Raises CheckpointError."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            checkpoint.path, local_files_only=True, trust_remote_code=False, use_fast=True
        )
        content = tokenizer.backend_tokenizer.to_str()
    except Exception as error:  # the library raises whatever its parsers do
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            f"{checkpoint.path}: the tokenizer cannot be read ({why})",
            hint="Copy tokenizer.json of the same model into the folder.",
        ) from None
    named = {role: getattr(tokenizer, role, None) for role in _SPECIAL}
    return content, {role: str(token) for role, token in named.items() if token}


def longest_text(checkpoint: Checkpoint, pad_id: int) -> int | None:
    """How many tokens its positions allow, None if any number."""
    positions = checkpoint.config.get("max_position_embeddings")
    if not positions or int(positions) <= 0:
        return None
    # RoBERTa and its kin count positions from the padding id on.
    offset = pad_id + 1 if "roberta" in checkpoint.type or checkpoint.type == "camembert" else 0
    return int(positions) - offset


def build(settings: PretrainedSettings, shape: Shape) -> Encoder:
    """The checkpoint with a head for `shape`; what may not learn is frozen.

    Raises CheckpointError when it does not fit, ConfigError when peft is missing.
    """
    if shape.embeddings is not None:
        raise ConfigError("vectors.path does not go with --from: the checkpoint has vectors of its own")
    checkpoint = find_checkpoint(settings.checkpoint)
    model = _load(checkpoint, shape, _dropout(checkpoint, settings))
    vocabulary: Any = model.get_input_embeddings().num_embeddings
    if shape.vocabulary > vocabulary:
        raise CheckpointError(
            f"{checkpoint.path}: the tokenizer has {shape.vocabulary:,} tokens, the model {vocabulary:,}",
            hint="The tokenizer belongs to another model: copy the right one into the folder.",
        )
    network = Encoder(model, shape)
    TUNES[settings.tune](network, settings)
    return network


def _load(checkpoint: Checkpoint, shape: Shape, dropout: dict[str, float]) -> PreTrainedModel:
    before = hf_logging.get_verbosity()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        model, found = AutoModelForSequenceClassification.from_pretrained(
            checkpoint.path,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype="float32",
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **head_of(shape),
            **dropout,
        )
    except Exception as error:  # the library raises whatever its parsers do
        why = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = f"{checkpoint.path}: the model cannot be loaded ({why})"
        raise CheckpointError(message, hint="Copy the folder again, or take another checkpoint.") from None
    finally:
        hf_logging.set_verbosity(before)
    mismatched = [key[0] if isinstance(key, tuple) else key for key in found["mismatched_keys"]]
    lost = sorted(key for key in (*found["missing_keys"], *mismatched) if not _is_head(key, model))
    if lost:
        raise CheckpointError(
            f"{checkpoint.path}: {len(lost)} weights of a {checkpoint.type} are missing or of another size, "
            f"the first is {lost[0]}",
            hint="The weights belong to another model or are incomplete: copy the folder again.",
        )
    return model


def _is_head(key: str, model: PreTrainedModel) -> bool:
    is_in_body = key.startswith(model.base_model_prefix + ".")
    parts = key.split(".")
    return parts[0] in _HEADS or (is_in_body and parts[1] in _HEADS)


def _dropout(checkpoint: Checkpoint, settings: PretrainedSettings) -> dict[str, float]:
    if settings.dropout == "auto":
        return {}
    return {key: settings.dropout for key in _DROPOUTS if key in checkpoint.config}


def _tune_full(network: Encoder, settings: PretrainedSettings) -> None:
    pass


def _tune_head(network: Encoder, settings: PretrainedSettings) -> None:
    """The body stays as it is; a pooler, which stands between it and the last layer, belongs to the head."""
    for name, parameter in network.model.named_parameters():
        parameter.requires_grad_(_is_head(name, network.model))
    network.freezes = True


def _tune_lora(network: Encoder, settings: PretrainedSettings) -> None:
    """Low-rank additions to every linear layer of the body (arXiv:2106.09685); the head learns whole."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise ConfigError(
            "model.tune=lora needs the package peft", hint='pip install "textwright[lora]"'
        ) from None
    body = network.model.base_model
    body.requires_grad_(False)
    targets = [name for name, part in body.named_modules() if isinstance(part, nn.Linear)]
    config = LoraConfig(r=settings.rank, lora_alpha=2 * settings.rank, target_modules=targets)
    inject_adapter_in_model(config, body)


TUNES = {"full": _tune_full, "head": _tune_head, "lora": _tune_lora}


def merged(network: Encoder) -> Encoder:
    """The network as one Hugging Face model: LoRA's additions become part of the weights they belong to."""
    added = [name for name, part in network.named_modules() if hasattr(part, "lora_A")]
    if not added:
        return network
    whole = copy.deepcopy(network)
    for name in added:
        layer: Any = whole.get_submodule(name)
        layer.merge()
        whole.set_submodule(name, layer.get_base_layer())
    return whole


ARCHITECTURE = Architecture(
    name="pretrained",
    summary="an encoder that has read much text already, fine-tuned (--from)",
    kind="encoder",
    settings=PretrainedSettings,
    build=build,
    rate=5e-5,
    seen_rows=20_000,
    passes=(2, 6),
)
