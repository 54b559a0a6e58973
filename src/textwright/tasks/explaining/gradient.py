"""Gradient times input: how much of the answer each token's vector carries, to first order.

Follows Simonyan et al. (arXiv:1312.6034); that the vector belongs in the product, Ancona et al.
(arXiv:1711.06104). One pass forward and one back for a text, whatever its length.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from textwright.tasks.explaining.base import Focus, Method, Read, TokenEngine, Weighed, reads_tokens
from textwright.tasks.explaining.vectors import Entrance, TokenBatch, slope_at, weigh_batches
from textwright.tasks.trainers.base import Engine


def weigh(engine: TokenEngine, texts: Sequence[str], focus: Focus) -> list[Weighed]:
    """The gradient of the answer at each token's vector, times the vector; added up over chunks."""
    read = Read.by(engine, texts)
    slopes = read.slopes(engine, focus)

    def products(network: nn.Module, batch: TokenBatch) -> Tensor:
        with Entrance(network) as entrance:
            gradient_BTD = slope_at(entrance, network, batch, slopes)
            return (gradient_BTD * entrance.vectors_BTD.detach()).sum(2)

    return weigh_batches(engine, read, products)


def refusal(engine: Engine) -> str:
    """Decoders are refused: their layers look at vectors behind a norm, which hides most of their length.

    In tiny networks the word that decided came first in 1 of 16 texts (gpt2), 9 of 13 (qwen3) and 11 of 18
    (nanochat), and spoke most against the answer in a quarter; in BERT and ModernBERT it was always first.
    """
    if hasattr(getattr(engine, "network", None), "first_block"):
        name = engine.architecture
        return f"{name} norms vectors before its layers look at them, and has no gradient to go by"
    return reads_tokens(engine)


METHOD = Method(refusal=refusal, weigh=weigh)
