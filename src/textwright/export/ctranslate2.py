"""A model of M2M100's class for CTranslate2, by its public specification."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textwright.bundle.folder import load_verified, refuse_foreign, save_bundle
from textwright.bundle.manifest import ENGINE, PAIRS, ROOM
from textwright.core.errors import BundleError, ConfigError, ParityError
from textwright.core.names import did_you_mean
from textwright.export.gate import Parity, parity
from textwright.tasks.rewriting.engines.ctranslate2 import CTranslate2Engine, library
from textwright.tasks.rewriting.engines.library import LibraryEngine
from textwright.tasks.rewriting.model import ended, pieces_of
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.model import LanguageModel

QUANTISED = ("int8", "int8_float32", "int8_float16", "int8_bfloat16")
_QUANTIZATIONS = ("float32", "float16", "bfloat16", "int16", *QUANTISED)
_COPIED = ("tokenizer.json", "tokenizer_config.json", "tokenizer_settings.json", "special_tokens_map.json")
_SAMPLES = "samples.jsonl"


@dataclass(frozen=True)
class Exported:
    out: Path
    format: str
    parity: Parity
    bytes: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "out": str(self.out),
            "max_difference": self.parity.max_difference,
            "mean_difference": self.parity.mean_difference,
            "changed_answers": self.parity.changed_greedy,
            "rows": self.parity.rows,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "passed": self.parity.passed,
        }


def export_ctranslate2(path: str | Path, out: str | Path, *, quantization: str = "int8") -> Exported:
    """Write the folder `out`, which answers as that of `path` does, several times as fast on a processor.

    It is written only where it does: on the held-out pairs of the folder, token by token and answer by
    answer. Raises BundleError for another kind of model, ParityError where the answers differ, ConfigError
    for a quantization that there is not; MissingExtra.
    """
    started, folder, place = time.monotonic(), Path(path), Path(out)
    manifest = load_verified(folder)
    if manifest.task not in PAIRS or ENGINE in manifest.decode:
        raise BundleError(
            f"{folder}: ctranslate2 runs models from sequence to sequence, and this is none to convert",
            hint="Give a folder of textwright train --task translate or summarize.",
        )
    if quantization not in _QUANTIZATIONS:
        raise ConfigError(
            f"ctranslate2 has no quantization {quantization!r}",
            hint=did_you_mean(quantization, _QUANTIZATIONS),
        )
    refuse_foreign(place)
    model = LanguageModel.load(folder, PAIRS)
    if model.model.config.model_type != "m2m_100":
        raise ConfigError(
            f"{folder}: the class of {model.architecture.name} is not converted", hint="It needs m2m100."
        )
    settings = DecodeSettings.parse(manifest.decode)
    pairs = [json.loads(line) for line in (folder / _SAMPLES).read_text(encoding="utf-8").splitlines()]
    found: list[Parity] = []

    def fill(target: Path) -> None:
        write_model(model, target, quantization)
        for name in _COPIED:
            if (folder / name).is_file():
                shutil.copy(folder / name, target / name)
        pieces = pieces_of(model.tokenizer)
        made = CTranslate2Engine.open(target, pieces, model.frame, model.never, model.length)
        true = LibraryEngine.of(model)
        sources, targets = (
            ended(model.tokenizer, [pair[side] for pair in pairs], model.frame, model.length)
            for side in ("prompt", "wanted")
        )
        found.append(parity(true, made, sources, targets, settings, quantised=quantization in QUANTISED))
        if not found[-1].passed:
            raise ParityError(
                f"{folder}: what was made for ctranslate2 answers otherwise "
                f"({found[-1].max_difference:.2g} nats at most, {found[-1].changed_greedy} of "
                f"{found[-1].rows} answers), and is not written",
                hint="Export with --set quantization=float32, or report this as a bug.",
            )

    decode = {**manifest.decode, ENGINE: "ctranslate2", ROOM: model.length}
    save_bundle(place, manifest.model_copy(update={"decode": decode}), fill)
    size = (place / "model.bin").stat().st_size
    return Exported(place, f"ctranslate2-{quantization}", found[0], size, time.monotonic() - started)


def write_model(model: LanguageModel, folder: Path, quantization: str) -> None:
    """model.bin, config.json and the vocabulary. Weights are copied: the library changes them in place."""
    ctranslate2 = library()
    specs = ctranslate2.specs
    network, config = model.model, model.model.config
    activation = {
        "relu": specs.Activation.RELU,
        "gelu": specs.Activation.GELU,
        "silu": specs.Activation.SWISH,
        "swish": specs.Activation.SWISH,
    }[config.activation_function]
    spec = specs.TransformerSpec.from_config(
        (config.encoder_layers, config.decoder_layers),
        config.encoder_attention_heads,
        pre_norm=True,
        activation=activation,
    )
    body = network.model
    for part, stack in ((spec.encoder, body.encoder), (spec.decoder, body.decoder)):
        _stack(part, stack, config)
    spec.decoder.projection.weight = network.lm_head.weight.detach().clone()
    pieces = pieces_of(model.tokenizer)
    pieces += [f"<unused-{i}>" for i in range(config.vocab_size - len(pieces))]
    spec.register_source_vocabulary(pieces)
    spec.register_target_vocabulary(pieces)
    words = model.vocabulary
    spec.config.bos_token = pieces[words.start_id]
    spec.config.eos_token = pieces[words.end_id]
    spec.config.unk_token = pieces[model.tokenizer.unknown_id or 3]
    spec.config.decoder_start_token = pieces[words.end_id]
    spec.config.add_source_eos = False
    spec.validate()
    spec.optimize(quantization=None if quantization == "float32" else quantization)
    spec.save(str(folder))


def _stack(part: Any, stack: Any, config: Any) -> None:
    part.scale_embeddings = config.d_model**0.5 if config.scale_embedding else 1.0
    part.position_encodings.encodings = (
        stack.embed_positions.weights[stack.embed_positions.offset :].detach().clone()
    )
    embeddings = part.embeddings[0] if isinstance(part.embeddings, list) else part.embeddings
    embeddings.weight = stack.embed_tokens.weight.detach().clone()
    _norm(part.layer_norm, stack.layer_norm)
    for made, layer in zip(part.layer, stack.layers, strict=True):
        _attention(made.self_attention, layer.self_attn, is_self=True)
        _norm(made.self_attention.layer_norm, layer.self_attn_layer_norm)
        if hasattr(layer, "encoder_attn"):
            _attention(made.attention, layer.encoder_attn, is_self=False)
            _norm(made.attention.layer_norm, layer.encoder_attn_layer_norm)
        _linear(made.ffn.linear_0, layer.fc1)
        _linear(made.ffn.linear_1, layer.fc2)
        _norm(made.ffn.layer_norm, layer.final_layer_norm)


def _attention(part: Any, attention: Any, *, is_self: bool) -> None:
    import torch

    made = [attention.q_proj, attention.k_proj, attention.v_proj]
    groups = [made] if is_self else [made[:1], made[1:]]
    for linear, layers in zip(part.linear, groups, strict=False):
        linear.weight = torch.cat([layer.weight for layer in layers]).detach()
        linear.bias = torch.cat([layer.bias for layer in layers]).detach()
    _linear(part.linear[-1], attention.out_proj)


def _linear(part: Any, layer: Any) -> None:
    part.weight, part.bias = layer.weight.detach().clone(), layer.bias.detach().clone()


def _norm(part: Any, layer: Any) -> None:
    part.gamma, part.beta = layer.weight.detach().clone(), layer.bias.detach().clone()
