"""`pretrained`: an encoder or a decoder of the library, fine-tuned whole, by its head, or by LoRA.

Shapes: V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from textwright.core.errors import CheckpointError, ConfigError, first_line
from textwright.models.base import Architecture, Shape
from textwright.models.transformer.checkpoint import TAKE_ANOTHER, Checkpoint, find_checkpoint
from textwright.models.transformer.decoder import classifier_class
from textwright.models.transformer.head import fit_head, is_head, last_layer
from textwright.models.transformer.lora import add_lora
from textwright.models.transformer.network import Encoder, head_of, wrapped
from textwright.models.transformer.quiet import quiet
from textwright.models.transformer.settings import PretrainedSettings

# How much of what another text changes may be changed by padding. It is nothing in most classes, some percent
# where a convolution reaches over the end (ConvBERT), 12 % and more where the mask is not read (FNet).
_MOST_BY_PADDING = 0.1
_DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "dropout",
    "attention_dropout",
    "classifier_dropout",
    "seq_classif_dropout",
    "embedding_dropout",
    "mlp_dropout",
    "resid_pdrop",
    "embd_pdrop",
    "attn_pdrop",
)


def build(settings: PretrainedSettings, shape: Shape) -> Encoder:
    """The checkpoint with a head for `shape`; what may not learn is frozen.

    Raises CheckpointError when it does not fit, ConfigError when peft is missing.
    """
    if shape.embeddings is not None:
        raise ConfigError("vectors.path does not go with --from: the checkpoint has vectors of its own")
    checkpoint = find_checkpoint(settings.checkpoint)
    model, head = _load(checkpoint, shape, _dropout(checkpoint, settings))
    embeddings: Any = model.get_input_embeddings()
    vocabulary = len(embeddings.weight)
    if shape.vocabulary > vocabulary:
        raise CheckpointError(
            f"{checkpoint.path}: the tokenizer has {shape.vocabulary:,} tokens, the model {vocabulary:,}",
            hint="The tokenizer belongs to another model: copy the right one into the folder.",
        )
    _try(model, shape, checkpoint)
    network = wrapped(model, shape, head)
    TUNES[settings.tune](network, settings)
    return network


def _load(checkpoint: Checkpoint, shape: Shape, dropout: dict[str, float]) -> tuple[PreTrainedModel, str]:
    try:
        with quiet():
            model, found = classifier_class(checkpoint.type).from_pretrained(
                checkpoint.path,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype="float32",
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **head_of(shape),
                **({"pad_token_id": shape.pad_id} if checkpoint.decodes else {}),
                **dropout,
            )
    except Exception as error:  # the library raises whatever its parsers do
        why = first_line(error)
        message = f"{checkpoint.path}: the model cannot be loaded ({why})"
        raise CheckpointError(message, hint="Copy the folder again, or take another checkpoint.") from None
    mismatched = [key[0] if isinstance(key, tuple) else key for key in found["mismatched_keys"]]
    absent = {*found["missing_keys"], *mismatched}
    lost = sorted(key for key in absent if not is_head(key, model))
    if lost:
        raise CheckpointError(
            f"{checkpoint.path}: {len(lost)} weights of a {checkpoint.type} are missing or of another size, "
            f"the first is {lost[0]}",
            hint="The weights belong to another model or are incomplete: copy the folder again.",
        )
    last = last_layer(model)
    is_new = last is None or f"{last[0]}.weight" in absent
    return model, fit_head(model, checkpoint.config, shape.labels, is_new)


@torch.no_grad()
def _try(model: PreTrainedModel, shape: Shape, checkpoint: Checkpoint) -> None:
    """Raise CheckpointError for a class that takes more than ids and a mask, or does not read the mask."""
    # Texts of tokens drawn apart from torch's global generator, which draws the weights.
    ids_BT = torch.randint(shape.vocabulary, (8, 12), generator=torch.Generator().manual_seed(0))
    ids_BT[ids_BT == shape.pad_id] = (shape.pad_id + 1) % shape.vocabulary
    padded_BT = nn.functional.pad(ids_BT, (0, 8), value=shape.pad_id)

    def outputs(ids: Tensor) -> Tensor:
        return model(input_ids=ids, attention_mask=(ids != shape.pad_id).long()).logits.float()

    try:
        alone_BC, among_BC = outputs(ids_BT), outputs(padded_BT)
    except Exception as error:  # the library raises whatever its classes do
        why = first_line(error)
        raise CheckpointError(
            f"{checkpoint.path}: a {checkpoint.type} cannot be called with tokens and a mask alone ({why})",
            hint=TAKE_ANOTHER,
        ) from None
    by_padding = (among_BC - alone_BC).norm()
    if by_padding > _MOST_BY_PADDING * (alone_BC - alone_BC.roll(1, 0)).norm() + 1e-6:
        raise CheckpointError(
            f"{checkpoint.path}: padding changes the answers of this {checkpoint.type}, "
            "so they would depend on the other texts of a batch",
            hint=TAKE_ANOTHER,
        )


def _dropout(checkpoint: Checkpoint, settings: PretrainedSettings) -> dict[str, float]:
    if settings.dropout == "auto":
        return {}
    return {key: settings.dropout for key in _DROPOUTS if key in checkpoint.config}


def _tune_full(network: Encoder, settings: PretrainedSettings) -> None:
    pass


def _tune_head(network: Encoder, settings: PretrainedSettings) -> None:
    """The body stays as it is; a pooler, which stands between it and the last layer, belongs to the head."""
    for name, parameter in network.model.named_parameters():
        parameter.requires_grad_(is_head(name, network.model))
    network.freezes = True


def _tune_lora(network: Encoder, settings: PretrainedSettings) -> None:
    """Low-rank additions to every linear layer of the body.

    The head learns whole, and so does a pooler: that of a checkpoint that filled masks starts anew.
    """
    add_lora(network.model, settings.rank)
    for name, parameter in network.model.named_parameters():
        if is_head(name, network.model):
            parameter.requires_grad_(True)


TUNES = {"full": _tune_full, "head": _tune_head, "lora": _tune_lora}


ARCHITECTURE = Architecture(
    name="pretrained",
    summary="an encoder or a causal language model that has read much text already, fine-tuned (--from)",
    kind="encoder",
    settings=PretrainedSettings,
    build=build,
    rate=5e-5,
    seen_rows=20_000,
    passes=(2, 6),
)
