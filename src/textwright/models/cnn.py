"""A convolutional network for texts: windows over token vectors, and the best answer of each filter.

Follows Kim 2014 (arXiv:1408.5882), with one thing defined that the paper leaves to the batch: each row stands
between zeros, so that a window may begin before the first token and end after the last ("wide" convolution).
A text shorter than a window has answers then, and padding cannot change any.

Shapes: B batch, T time (in `answers`: window), D width of the vectors, F filters, C outputs.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from textwright.core.settings import Settings
from textwright.models.activations import ACTIVATIONS, ActivationName
from textwright.models.base import Architecture, Shape
from textwright.models.embedding import build_embedding, locked_dropout
from textwright.models.output import Output
from textwright.models.pooling import masked_max

Width = Annotated[int, Field(ge=1)]


class CnnSettings(Settings):
    """The settings of `cnn`; widths, filters, activation and dropout start from the paper's."""

    embedding: int = Field(default=128, ge=1, description="numbers in the vector of a token")
    freeze_embeddings: bool = Field(default=False, description="keep the token vectors as they start")
    widths: tuple[Width, ...] = Field(default=(3, 4, 5), min_length=1, description="tokens in a window")
    filters: int = Field(default=100, ge=1, description="filters for each width")
    activation: ActivationName = Field(default="relu", description="applied to each filter's best answer")
    embedding_dropout: float = Field(default=0.0, ge=0, lt=1, description="vector features dropped, by text")
    dropout: float = Field(default=0.5, ge=0, lt=1, description="filters dropped before the last layer")


class Cnn(nn.Module):
    """Called with `input_ids` (B, T) and `attention_mask` (B, T); answers an Output without token weights."""

    def __init__(self, settings: CnnSettings, shape: Shape) -> None:
        super().__init__()
        self.settings = settings
        width, filters = settings.embedding, settings.filters
        self.embedding = build_embedding(shape, width, limit=0.25, freeze=settings.freeze_embeddings)
        self.windows = nn.ModuleList(nn.Conv1d(width, filters, n, padding=n - 1) for n in settings.widths)
        self.head = nn.Linear(filters * len(settings.widths), shape.num_outputs)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Output:
        x_BTD = self.embedding(input_ids) * attention_mask.unsqueeze(-1)
        x_BTD = locked_dropout(x_BTD, self.settings.embedding_dropout, time=1, training=self.training)
        x_BDT = x_BTD.transpose(1, 2)
        best = [_best_answers(layer(x_BDT), attention_mask) for layer in self.windows]
        # The activation comes after the maximum. For relu, tanh and sigmoid, which never fall, that is the
        # paper's network with less work; for gelu and silu it means that the strongest answer counts.
        x_BF = ACTIVATIONS[self.settings.activation](torch.cat(best, dim=1))
        x_BF = F.dropout(x_BF, self.settings.dropout, self.training)
        return Output(self.head(x_BF).float())


def _best_answers(answers_BFT: Tensor, mask_BT: Tensor) -> Tensor:
    """The greatest answer of each filter (B, F) over the windows that hold a token."""
    num_windows = answers_BFT.shape[2]
    lengths_B1 = mask_BT.sum(1, keepdim=True)
    last_B1 = torch.where(lengths_B1 > 0, lengths_B1 + num_windows - mask_BT.shape[1], 0)
    is_used_BT = torch.arange(num_windows, device=mask_BT.device) < last_B1
    return masked_max(answers_BFT.transpose(1, 2), is_used_BT)


def build(settings: CnnSettings, shape: Shape) -> Cnn:
    """The network, with first weights from torch's global generator; ModelError for unfit initial embeddings.

    >>> model = build(CnnSettings(embedding=8, filters=4), Shape(vocabulary=10, num_outputs=2))
    >>> ids = torch.tensor([[3, 4, 7], [5, 0, 0]])
    >>> model(ids, ids > 0).logits.shape
    torch.Size([2, 2])
    """
    return Cnn(settings, shape)


ARCHITECTURE = Architecture(
    name="cnn",
    summary="convolutions over token vectors, the best answer of each filter (Kim 2014)",
    kind="network",
    settings=CnnSettings,
    build=build,
)
