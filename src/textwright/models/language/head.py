"""The last layer of a language model and its loss, made together and a few tokens at a time.

Logits are by far the most numbers of a step: as many as there are tokens, times the vocabulary. Made at once
they go through memory a dozen times, forward and backward. Here those of some tokens are made, turned into
their loss and their gradient while they are near the processor, and forgotten (as in arXiv:2410.10989).

Shapes: N tokens, D width, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

# Logits that are made at once, in numbers: four megabytes.
_NUMBERS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Deferred:
    """Logits (B, T, V) that are not made yet: vectors (B, T, D), the weights (V, D) that make them, and where
    they are bent (`cap` tanh(logits / `cap`)); None where they are not.
    """

    vectors_BTD: Tensor
    weight_VD: Tensor
    cap: float | None
    dtype: torch.dtype

    def cross_entropy(
        self, targets_BT: Tensor, counts_BT: Tensor | None = None, smoothing: float = 0.0
    ) -> Tensor:
        """The sum of the losses of all tokens whose target is not below zero: no others need logits. With
        `counts_BT` each of them counts so much; `smoothing` is the share that is given to all tokens.
        """
        vectors_ND, targets_N = self.vectors_BTD.flatten(0, 1), targets_BT.flatten()
        counts_N = None if counts_BT is None else counts_BT.flatten()
        is_told = targets_N >= 0
        if not bool(is_told.all()):
            vectors_ND, targets_N = vectors_ND[is_told], targets_N[is_told]
            counts_N = None if counts_N is None else counts_N[is_told]
        total: Tensor = _HeadLoss.apply(
            vectors_ND, self.weight_VD, targets_N, self.cap, self.dtype, counts_N, smoothing
        )
        return total

    def divergence(self, other: Deferred, is_told_BT: Tensor) -> Tensor:
        """How far the answers of two passes through the same head are apart: half the sum of both
        Kullback-Leibler divergences of each token that is told (arXiv:2106.14448).
        """
        first_ND, second_ND = self.vectors_BTD[is_told_BT], other.vectors_BTD[is_told_BT]
        total: Tensor = _HeadDistance.apply(first_ND, second_ND, self.weight_VD, self.cap, self.dtype)
        return total

    def float(self) -> Tensor:
        """The logits."""
        raw = F.linear(self.vectors_BTD.to(self.dtype), self.weight_VD.to(self.dtype)).float()
        return raw if self.cap is None else self.cap * torch.tanh(raw / self.cap)


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        vectors_ND: Tensor,
        weight_VD: Tensor,
        targets_N: Tensor,
        cap: float | None,
        dtype: torch.dtype,
        counts_N: Tensor | None,
        smoothing: float,
    ) -> Tensor:
        weight = weight_VD.to(dtype)
        total = vectors_ND.new_zeros((), dtype=torch.float32)
        by_vectors = torch.empty_like(vectors_ND)
        by_weight = torch.zeros_like(weight_VD) if ctx.needs_input_grad[1] else None
        size = max(_NUMBERS_AT_ONCE // len(weight), 1)
        for start in range(0, len(vectors_ND), size):
            part = slice(start, start + size)
            given, wanted = vectors_ND[part].to(dtype), targets_N[part, None]
            logits = F.linear(given, weight).float()
            if cap is not None:
                logits = logits.div_(cap).tanh_()
                slope = torch.addcmul(logits.new_ones(()), logits, logits, value=-1)
                logits = logits.mul_(cap)
            log_sum = logits.logsumexp(-1, keepdim=True)
            losses = log_sum - (1 - smoothing) * logits.gather(-1, wanted)
            if smoothing:
                losses -= smoothing * logits.mean(-1, keepdim=True)
            total += (losses if counts_N is None else losses * counts_N[part, None]).sum()
            shares = logits.sub_(log_sum).exp_()
            shares.scatter_add_(-1, wanted, shares.new_full(wanted.shape, smoothing - 1.0))
            if smoothing:
                shares.sub_(smoothing / shares.shape[-1])
            if counts_N is not None:
                shares.mul_(counts_N[part, None])
            if cap is not None:
                shares.mul_(slope)
            shares = shares.to(dtype)
            by_vectors[part] = shares @ weight
            if by_weight is not None:  # a frozen head saves a third of the work
                by_weight += shares.t() @ given
        ctx.save_for_backward(by_vectors, by_weight)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        by_vectors, by_weight = ctx.saved_tensors
        of_weight = None if by_weight is None else by_weight * gradients[0]
        return by_vectors * gradients[0], of_weight, None, None, None, None, None


class _HeadDistance(torch.autograd.Function):
    """With p and q the shares, and a and b the logits, of two passes: the sum of (p - q) (a - b) / 2, as the
    normalising terms of both directions cancel out.
    """

    @staticmethod
    def forward(
        ctx: Any,
        first_ND: Tensor,
        second_ND: Tensor,
        weight_VD: Tensor,
        cap: float | None,
        dtype: torch.dtype,
    ) -> Tensor:
        weight = weight_VD.to(dtype)
        total = first_ND.new_zeros((), dtype=torch.float32)
        passes = (first_ND, second_ND)
        by_vectors = [torch.empty_like(vectors) for vectors in passes]
        by_weight = torch.zeros_like(weight_VD) if ctx.needs_input_grad[2] else None
        size = max(_NUMBERS_AT_ONCE // len(weight), 1)
        for start in range(0, len(first_ND), size):
            part = slice(start, start + size)
            given = [vectors[part].to(dtype) for vectors in passes]
            logits = [F.linear(vectors, weight).float() for vectors in given]
            if cap is not None:
                logits = [cap * torch.tanh(raw / cap) for raw in logits]
            gap, shares = logits[0] - logits[1], [raw.softmax(-1) for raw in logits]
            between = shares[0] - shares[1]
            total += (between * gap).sum() / 2
            for own, sign, made, vectors in zip(range(2), (1, -1), by_vectors, given, strict=True):
                pull = shares[own] * (gap - (shares[own] * gap).sum(-1, keepdim=True))
                slope = pull.add_(between).mul_(sign / 2)
                if cap is not None:
                    slope.mul_(1 - (logits[own] / cap) ** 2)
                slope = slope.to(dtype)
                made[part] = slope @ weight
                if by_weight is not None:
                    by_weight += slope.t() @ vectors
        ctx.save_for_backward(*by_vectors, by_weight)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_first, of_second, by_weight = ctx.saved_tensors
        of_weight = None if by_weight is None else by_weight * gradients[0]
        return of_first * gradients[0], of_second * gradients[0], of_weight, None, None
