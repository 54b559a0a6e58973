"""T5 and mT5: norms without a mean, and how far tokens are apart as a bias of attention.

Whether the vectors before the last layer are scaled is said by `scale_decoder_outputs`: transformers 5 ties
the tables of all of them, by which older converters tell, and which makes mT5 and flan-T5 wrong by nats.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from textwright.export.specs.parts import activation, embedded, fused, linear, norm
from textwright.tasks.rewriting.engines.ctranslate2 import library


def spec_of(network: Any) -> Any:
    config, specs = network.config, library().specs
    spec = specs.TransformerSpec.from_config(
        (config.num_layers, config.num_decoder_layers),
        config.num_heads,
        pre_norm=True,
        activation=activation(config.dense_act_fn),
        ffn_glu=config.is_gated_act,
        relative_attention_bias=True,
        rms_norm=True,
    )
    for part, stack in ((spec.encoder, network.encoder), (spec.decoder, network.decoder)):
        _stack(part, stack)
    linear(spec.decoder.projection, network.lm_head)
    if getattr(config, "scale_decoder_outputs", False):
        spec.decoder.scale_outputs = config.d_model**-0.5
    return spec


def _stack(part: Any, stack: Any) -> None:
    part.scale_embeddings = False
    embedded(part, stack.embed_tokens)
    norm(part.layer_norm, stack.final_layer_norm)
    first = part.layer[0].self_attention
    for made, block in zip(part.layer, stack.block, strict=True):
        _attention(made.self_attention, block.layer[0], block.layer[0].SelfAttention, is_self=True)
        made.self_attention.relative_attention_bias = first.relative_attention_bias
        made.self_attention.relative_attention_max_distance = first.relative_attention_max_distance
        if len(block.layer) == 3:
            _attention(made.attention, block.layer[1], block.layer[1].EncDecAttention, is_self=False)
        inner = block.layer[-1].DenseReluDense
        if hasattr(made.ffn, "linear_0_noact"):
            linear(made.ffn.linear_0, inner.wi_0)
            linear(made.ffn.linear_0_noact, inner.wi_1)
        else:
            linear(made.ffn.linear_0, inner.wi)
        linear(made.ffn.linear_1, inner.wo)
        norm(made.ffn.layer_norm, block.layer[-1].layer_norm)


def _attention(part: Any, layer: Any, attention: Any, *, is_self: bool) -> None:
    part.queries_scale = 1.0
    fused(part, [attention.q, attention.k, attention.v], is_self=is_self)
    linear(part.linear[-1], attention.o)
    norm(part.layer_norm, layer.layer_norm)
    if attention.has_relative_attention_bias:
        part.relative_attention_bias = attention.relative_attention_bias.weight.detach().clone()
        part.relative_attention_max_distance = np.int32(attention.relative_attention_max_distance)
