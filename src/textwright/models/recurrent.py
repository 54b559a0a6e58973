"""Recurrent networks for texts: RNN, LSTM and GRU, one or two directions, any number of layers, any pooling.

Each direction is a torch layer of its own over the padded batch; the backward one reads every row reversed
within its length. So padding is never read before a token, and the kernels for rectangles are used. With
packed sequences, the usual answer, an LSTM trains 2 to 4 times slower on a CPU (pytorch/pytorch#149194).

Shapes: B batch, T time, D width, H hidden, C outputs. Layers work time-major (T, B, D).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from textwright.core.settings import Settings
from textwright.models.activations import ACTIVATIONS
from textwright.models.base import Architecture, Shape
from textwright.models.embedding import build_embedding, locked_dropout
from textwright.models.output import Output
from textwright.models.pooling import POOLINGS, PoolingName

CellName = Literal["rnn", "lstm", "gru"]
InitName = Literal["keras", "torch"]
Cell = Callable[[int, int], nn.RNNBase]

CELLS: Mapping[CellName, Cell] = MappingProxyType({"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU})


class RecurrentSettings(Settings):
    """The settings of `lstm` and `gru`.

    The classic program Embedding(64), LSTM(64), Dense is:

    >>> classic = RecurrentSettings(
    ...     embedding=64, hidden=64, layers=1, bidirectional=False, pooling="last", dropout=0, init="keras"
    ... )
    """

    embedding: int = Field(default=128, ge=1, description="numbers in the vector of a token")
    freeze_embeddings: bool = Field(default=False, description="keep the token vectors as they start")
    hidden: int = Field(default=128, ge=1, description="numbers in the state of one direction")
    layers: int = Field(default=1, ge=1, description="recurrent layers, one on top of the other")
    bidirectional: bool = Field(default=True, description="read each text from both ends")
    pooling: PoolingName = Field(default="attention", description="how states become one vector a text")
    dropout: float = Field(default=0.3, ge=0, lt=1, description="on what enters each layer and the last one")
    init: InitName = Field(default="keras", description="how the first weights are drawn")

    absent: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "activation": "the gates of lstm and gru are sigmoids and their state goes through tanh by "
            "definition"
        }
    )


class RnnSettings(RecurrentSettings):
    """The settings of `rnn`, the one recurrent cell that leaves its activation open."""

    absent: ClassVar[Mapping[str, str]] = MappingProxyType({})
    activation: Literal["tanh", "relu"] = Field(default="tanh", description="applied to each new state")

    @field_validator("activation", mode="before")
    @classmethod
    def _has_a_kernel(cls, name: Any) -> Any:
        if name in tuple(ACTIVATIONS) and name not in ("tanh", "relu"):
            raise ValueError(
                "Input should be 'tanh' or 'relu', the two that torch's recurrent layer computes"
            )
        return name


class RecurrentLayer(nn.Module):
    """One or two directions of a cell: (T, B, D) to (T, B, H) or (T, B, 2 H), forward first."""

    def __init__(self, cell: Cell, width: int, hidden: int, num_directions: int) -> None:
        super().__init__()
        self.directions = nn.ModuleList(cell(width, hidden) for _ in range(num_directions))

    def forward(self, x_TBD: Tensor, mirror: Tensor) -> Tensor:
        forward, *backward = self.directions
        states = [forward(x_TBD)[0]]
        states += [_mirrored(layer(_mirrored(x_TBD, mirror))[0], mirror) for layer in backward]
        return torch.cat(states, dim=2)


class Recurrent(nn.Module):
    """Called with `input_ids` (B, T) and `attention_mask` (B, T); answers an Output."""

    def __init__(self, cell: CellName, settings: RecurrentSettings, shape: Shape) -> None:
        super().__init__()
        self.settings = settings
        num_directions = 2 if settings.bidirectional else 1
        width = settings.hidden * num_directions
        widths = [settings.embedding] + [width] * (settings.layers - 1)
        limit = 0.05 if settings.init == "keras" else None
        self.embedding = build_embedding(shape, widths[0], limit=limit, freeze=settings.freeze_embeddings)
        self.layers = nn.ModuleList(
            RecurrentLayer(_cell(cell, settings), w, settings.hidden, num_directions) for w in widths
        )
        self.pooling = POOLINGS[settings.pooling](width, num_directions)
        self.head = nn.Linear(width, shape.num_outputs)
        if settings.init == "keras":
            _draw_like_keras(self)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Output:
        dropout = self.settings.dropout
        mirror = mirror_of(attention_mask)
        x_TBD = self.embedding(input_ids.T)
        for layer in self.layers:
            x_TBD = layer(locked_dropout(x_TBD, dropout, time=0, training=self.training), mirror)
        vector_BD, weights_BT = self.pooling(x_TBD.transpose(0, 1), attention_mask)
        return Output(self.head(F.dropout(vector_BD, dropout, self.training)).float(), weights_BT)


def _cell(name: CellName, settings: RecurrentSettings) -> Cell:
    if isinstance(settings, RnnSettings):
        return partial(nn.RNN, nonlinearity=settings.activation)
    return CELLS[name]


def mirror_of(mask_BT: Tensor) -> Tensor:
    """Where each step of the flattened (T, B) comes from when every row is reversed within its length."""
    num_rows, num_steps = mask_BT.shape
    lengths_B = mask_BT.sum(1)
    step_T1 = torch.arange(num_steps, device=mask_BT.device).unsqueeze(1)
    source_TB = torch.where(step_T1 < lengths_B, lengths_B - 1 - step_T1, step_T1)
    return (source_TB * num_rows + torch.arange(num_rows, device=mask_BT.device)).flatten()


def _mirrored(x_TBD: Tensor, mirror: Tensor) -> Tensor:
    # index_select takes a sixth of the time of gather here, forward and backward.
    return x_TBD.flatten(0, 1).index_select(0, mirror).view_as(x_TBD)


@torch.no_grad()
def _draw_like_keras(model: Recurrent) -> None:
    """Glorot kernels, orthogonal recurrence, zero biases with a forget bias of one, as Keras starts."""
    nn.init.xavier_uniform_(model.head.weight)
    nn.init.zeros_(model.head.bias)
    for cell in model.layers.modules():
        if isinstance(cell, nn.RNNBase):
            _draw_cell_like_keras(cell)


def _draw_cell_like_keras(cell: nn.RNNBase) -> None:
    weights = dict(cell.named_parameters())
    nn.init.xavier_uniform_(weights["weight_ih_l0"])
    nn.init.orthogonal_(weights["weight_hh_l0"])
    nn.init.zeros_(weights["bias_ih_l0"])
    nn.init.zeros_(weights["bias_hh_l0"])
    if isinstance(cell, nn.LSTM):
        weights["bias_ih_l0"][cell.hidden_size : 2 * cell.hidden_size] = 1.0
    if not isinstance(cell, nn.GRU):
        # torch adds up two biases where Keras has one. Their gradients are equal, so learning both would
        # double the step of the sum. A GRU needs both, in Keras too: its reset gate acts on the second alone.
        weights["bias_hh_l0"].requires_grad_(False)


def build(cell: CellName, settings: RecurrentSettings, shape: Shape) -> Recurrent:
    """The network, with first weights from torch's global generator; ModelError for unfit initial embeddings.

    >>> model = build("lstm", RecurrentSettings(embedding=8, hidden=4), Shape(vocabulary=10, num_outputs=2))
    >>> ids = torch.tensor([[3, 4, 7], [5, 0, 0]])
    >>> output = model(ids, ids > 0)
    >>> output.logits.shape, output.token_weights[1].tolist()
    (torch.Size([2, 2]), [1.0, 0.0, 0.0])
    """
    return Recurrent(cell, settings, shape)


def _architecture(cell: CellName, summary: str, settings: type[RecurrentSettings]) -> Architecture:
    return Architecture(cell, summary, "network", settings, partial(build, cell))


RNN = _architecture("rnn", "a plain recurrent network (Elman 1990)", RnnSettings)
LSTM = _architecture(
    "lstm",
    "a recurrent network with long short-term memory (Hochreiter, Schmidhuber 1997)",
    RecurrentSettings,
)
GRU = _architecture("gru", "a recurrent network with gated units (arXiv:1406.1078)", RecurrentSettings)
