"""Where token vectors enter a network: reading them, replacing them, and slopes of the answer at them.

Shapes: B batch, T time, D width, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from textwright.core.ragged import IntArray
from textwright.learn.batches import Rows, batches, in_order
from textwright.models.recurrent import Recurrent
from textwright.tasks.base import Array
from textwright.tasks.explaining.base import Focus, Read, Slopes, TokenEngine, Weighed

# What is kept of a batch for its gradient is many times what an answer needs.
_ROWS, _TOKENS = 64, 1_024


@dataclass(frozen=True)
class TokenBatch:
    """Padded ids (B, T), their mask, which of them are text and no frame, and the numbers of the rows (B,):
    of texts, or of the chunks of texts.
    """

    ids_BT: Tensor
    mask_BT: Tensor
    is_text_BT: Tensor
    texts: IntArray

    def take(self, rows_B: Tensor) -> TokenBatch:
        """The rows for which `rows_B` is true."""
        chosen = self.texts[rows_B.cpu().numpy()]
        return TokenBatch(self.ids_BT[rows_B], self.mask_BT[rows_B], self.is_text_BT[rows_B], chosen)


Weigh = Callable[[Any, TokenBatch], Tensor]


def weigh_batches(engine: TokenEngine, read: Read, weigh: Weigh) -> list[Weighed]:
    """Tokens of each text with the weights that `weigh(network, batch)` gives those of its chunks, (B, T)."""
    frame = engine.tokenizer.frame
    tokens = frame.around(read.chunks.rows)
    rows = Rows(tokens, np.zeros(len(tokens), np.int8), engine.tokenizer.pad_id)
    order = in_order(tokens.lengths, _ROWS, _TOKENS)
    device = next(engine.network.parameters()).device
    found: list[Array] = [np.zeros(0)] * len(tokens)
    with torch.inference_mode(False), at_rest(engine.network):
        for chosen, batch in zip(order, batches(rows, order), strict=True):
            ids_BT, mask_BT = batch.ids_BT.to(device), batch.mask_BT.to(device)
            is_text_BT = _inside(mask_BT, len(frame.prefix), len(frame.suffix))
            weights_BT = weigh(engine.network, TokenBatch(ids_BT, mask_BT, is_text_BT, chosen))
            for number, weights_T, is_text_T in zip(chosen, weights_BT, is_text_BT, strict=True):
                found[number] = weights_T[is_text_T].cpu().double().numpy()  # MPS has no float64
    return read.weighed(found)


def _inside(mask_BT: Tensor, before: int, after: int) -> Tensor:
    place_T = torch.arange(mask_BT.shape[1], device=mask_BT.device)
    return (place_T >= before) & (place_T < mask_BT.sum(1, keepdim=True) - after)


@contextmanager
def at_rest(network: nn.Module) -> Iterator[None]:
    """No dropout inside; every part is put back as it was."""
    trained = [part for part in network.modules() if part.training]
    network.eval()
    try:
        yield
    finally:
        for part in trained:
            part.training = True


class Entrance:
    """The vectors (B, T, D) with which tokens enter the layers of a network, of its last pass.

    Whatever is put in `given` enters instead. For an encoder they are taken behind the norm of its
    embeddings: a norm makes ModernBERT blind to the length of a vector, and so the gradient times the
    vector zero in front of it. For a decoder they are what enters its first layer.
    """

    def __init__(self, network: nn.Module) -> None:
        self.given: Tensor | None = None
        self.vectors_BTD = torch.zeros(0)
        self._is_time_first = isinstance(network, Recurrent)
        block: nn.Module | None = getattr(network, "first_block", None)
        self._hook = (
            _first_layer(network).register_forward_hook(self._pass)
            if block is None
            else block.register_forward_pre_hook(self._before)
        )

    def _before(self, module: nn.Module, arguments: Any) -> Any:
        return (self._pass(module, arguments, arguments[0]), *arguments[1:])

    def _pass(self, module: nn.Module, arguments: Any, output: Tensor) -> Tensor:
        found = output.transpose(0, 1) if self._is_time_first else output
        self.vectors_BTD = (found if self.given is None else self.given).detach()
        self.vectors_BTD.requires_grad_(torch.is_grad_enabled())
        return self.vectors_BTD.transpose(0, 1) if self._is_time_first else self.vectors_BTD

    def __enter__(self) -> Entrance:
        return self

    def __exit__(self, *error: object) -> None:
        self._hook.remove()


def _first_layer(network: nn.Module) -> nn.Module:
    if not hasattr(network, "model"):
        return network.get_submodule("embedding")
    model: Any = network.model
    layer: nn.Module = getattr(model.base_model, "embeddings", None) or model.get_input_embeddings()
    return layer


def value_of(network: nn.Module, batch: TokenBatch, focus: Focus) -> Tensor:
    """(B,) the answers as numbers."""
    logits_BK = network(batch.ids_BT, batch.mask_BT).logits
    return torch.from_numpy(focus.value(_array(logits_BK), batch.texts)).to(logits_BK)


def slope_at(entrance: Entrance, network: nn.Module, batch: TokenBatch, focus: Slopes) -> Tensor:
    """(B, T, D) how the answer changes with each number of the vectors that enter; nothing else is kept."""
    with torch.enable_grad(), _own_kernels(batch.ids_BT.device):
        logits_BK = network(batch.ids_BT, batch.mask_BT).logits
        slope_BK = torch.from_numpy(focus.slope(_array(logits_BK), batch.texts)).to(logits_BK)
        (gradient_BTD,) = torch.autograd.grad(logits_BK, entrance.vectors_BTD, slope_BK)
    return gradient_BTD


def _array(logits_BK: Tensor) -> Array:
    return logits_BK.detach().float().cpu().numpy()


def _own_kernels(device: torch.device) -> AbstractContextManager[Any]:
    """The recurrent kernels of cuDNN have no gradient outside training; torch's own have."""
    return torch.backends.cudnn.flags(enabled=False) if device.type == "cuda" else nullcontext()
