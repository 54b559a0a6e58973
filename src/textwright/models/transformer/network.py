"""A Hugging Face sequence classifier behind the calling convention of our networks.

Shapes: B batch, T time, H heads, L layers, C outputs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from textwright.core.errors import ConfigError
from textwright.models.base import Shape
from textwright.models.output import Output
from textwright.models.transformer.attention import attention_weights
from textwright.models.transformer.checkpoint import DECODERS
from textwright.models.transformer.head import NEW


class Encoder(nn.Module):
    """Called with `input_ids` (B, T) and `attention_mask` (B, T); answers an Output.

    Two classes are two outputs in the Hugging Face class, as its users expect, and here the difference of
    the two: softmax of both is the sigmoid of it.
    """

    reads_last = False

    def __init__(self, model: PreTrainedModel, shape: Shape, head: str = NEW) -> None:
        """`head` says in words where the last layer comes from."""
        super().__init__()
        self.model = model
        self.head = head
        self.folds = folds(shape)
        self.freezes = False

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Output:
        logits_BC = self._logits(input_ids, attention_mask.long()).float()
        return Output(logits_BC[:, 1:] - logits_BC[:, :1] if self.folds else logits_BC)

    def _logits(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits_BC: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits_BC

    def train(self, mode: bool = True) -> Encoder:
        """A frozen body is never in training mode: what does not learn drops nothing."""
        super().train(mode)
        if mode and self.freezes:
            self.model.base_model.eval()
        return self

    def checkpoint_gradients(self) -> None:
        """Compute each layer again on the way back, and keep only what enters it (arXiv:1604.06174).

        Raises ConfigError for a class that cannot.
        """
        if not self.model.supports_gradient_checkpointing:
            raise ConfigError(
                f"compute.checkpoint_gradients: {type(self.model).__name__} cannot compute its layers twice",
                hint="Leave it out; compute.micro_batch saves memory with every network.",
            )
        # The older name is deprecated, the newer one is not in every version that the project takes.
        newer = getattr(self.model, "activation_checkpointing_enable", None)
        (newer or self.model.gradient_checkpointing_enable)({"use_reentrant": False})

    def attention(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The attention weights of all layers (L, B, H, T, T), from each token (rows) to each (columns).

        Raises ConfigError for a class without: some look only nearby, or mix by other means.
        """
        return attention_weights(self.model, input_ids, attention_mask)


class Decoder(Encoder):
    """An Encoder that reads from left to right, so that only the last token of a text has seen all of it.

    The outputs are made of that token's vector. Padding stands behind it, where nobody looks. The Hugging
    Face classes know padding by its id; here it is what the mask says, as a text may be filled with the token
    of padding to see what the others do (see `tasks.explaining`).
    """

    reads_last = True

    def _logits(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        model: Any = self.model
        vectors_BTD = model.base_model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False)[0]
        rows_B = torch.arange(len(input_ids), device=input_ids.device)
        logits_BC: Tensor = model.score(vectors_BTD[rows_B, attention_mask.sum(1) - 1])
        return logits_BC

    @property
    def first_block(self) -> nn.Module:
        """The first layer, which tokens enter with their vectors, norm and positions where there are any."""
        body: Any = self.model.base_model
        blocks: nn.ModuleList = body.h if hasattr(body, "h") else body.layers
        return blocks[0]


def wrapped(model: PreTrainedModel, shape: Shape, head: str = NEW) -> Encoder:
    """The model behind our calling convention, by the way in which it reads."""
    return (Decoder if model.config.model_type in DECODERS else Encoder)(model, shape, head)


def folds(shape: Shape) -> bool:
    """Whether the one output of two classes is two in the Hugging Face class."""
    return shape.num_outputs == 1 and len(shape.labels) == 2


def head_of(shape: Shape) -> dict[str, object]:
    """How a Hugging Face config says what the outputs are."""
    if not shape.labels:
        return {"num_labels": shape.num_outputs, "problem_type": "regression"}
    names = dict(enumerate(shape.labels))
    one_of_many = folds(shape) or shape.link == "softmax"
    return {
        "num_labels": len(names),
        "id2label": names,
        "label2id": {name: i for i, name in names.items()},
        "problem_type": "single_label_classification" if one_of_many else "multi_label_classification",
    }
