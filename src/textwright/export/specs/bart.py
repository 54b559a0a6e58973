"""The family of BART: Marian, M2M100 and NLLB, mBART, Pegasus. Layers are named alike; norms, positions and
what stands behind the logits differ.
"""

from __future__ import annotations

from typing import Any

from textwright.export.specs.parts import activation, embedded, fused, linear, norm
from textwright.tasks.rewriting.engines.ctranslate2 import library

# Those whose layers norm what comes in, and those that norm the vectors of tokens.
_NORM_FIRST, _NORM_VECTORS = ("m2m_100", "mbart", "pegasus"), ("bart", "mbart")


def spec_of(network: Any) -> Any:
    config, specs = network.config, library().specs
    spec = specs.TransformerSpec.from_config(
        (config.encoder_layers, config.decoder_layers),
        config.encoder_attention_heads,
        pre_norm=config.model_type in _NORM_FIRST,
        activation=activation(config.activation_function),
        layernorm_embedding=config.model_type in _NORM_VECTORS,
    )
    spec.decoder.num_heads = spec.encoder.num_heads.dtype.type(config.decoder_attention_heads)
    for part, stack in ((spec.encoder, network.model.encoder), (spec.decoder, network.model.decoder)):
        _stack(part, stack, config)
    linear(spec.decoder.projection, network.lm_head)
    bias = getattr(network, "final_logits_bias", None)
    if bias is not None and bool(bias.any()):
        spec.decoder.projection.bias = bias[0].detach().clone()
    return spec


def _stack(part: Any, stack: Any, config: Any) -> None:
    part.scale_embeddings = config.d_model**0.5 if config.scale_embedding else 1.0
    positions = stack.embed_positions
    table = positions.weights if hasattr(positions, "weights") else positions.weight
    part.position_encodings.encodings = table[getattr(positions, "offset", 0) :].detach().clone()
    embedded(part, stack.embed_tokens)
    if hasattr(stack, "layernorm_embedding"):
        norm(part.layernorm_embedding, stack.layernorm_embedding)
    if hasattr(stack, "layer_norm"):
        norm(part.layer_norm, stack.layer_norm)
    for made, layer in zip(part.layer, stack.layers, strict=True):
        _attention(made.self_attention, layer.self_attn, is_self=True)
        norm(made.self_attention.layer_norm, layer.self_attn_layer_norm)
        if hasattr(layer, "encoder_attn"):
            _attention(made.attention, layer.encoder_attn, is_self=False)
            norm(made.attention.layer_norm, layer.encoder_attn_layer_norm)
        linear(made.ffn.linear_0, layer.fc1)
        linear(made.ffn.linear_1, layer.fc2)
        norm(made.ffn.layer_norm, layer.final_layer_norm)


def _attention(part: Any, attention: Any, *, is_self: bool) -> None:
    fused(part, [attention.q_proj, attention.k_proj, attention.v_proj], is_self=is_self)
    linear(part.linear[-1], attention.out_proj)
