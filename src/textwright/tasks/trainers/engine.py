"""Runs torch networks: texts in, outputs out; and keeps them in folders.

Shapes: N rows, K outputs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from textwright.core.ragged import Ragged
from textwright.learn import memory
from textwright.learn.batches import Rows, collate, cut_batches, in_order
from textwright.models.base import Shape
from textwright.models.registry import ARCHITECTURES
from textwright.runtime.compute import best_device
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.base import Array
from textwright.tasks.trainers.long import CUT, Long
from textwright.text.tokenizers import Tokenizer

_PREDICT_ROWS, _PREDICT_TOKENS = 256, 32_768


@dataclass
class NetworkEngine:
    """A network and its tokenizer behind texts."""

    architecture: str
    settings: dict[str, Any]
    shape: Shape
    network: nn.Module
    tokenizer: Tokenizer
    long: Long = CUT

    @property
    def num_parameters(self) -> int:
        return sum(p.numel() for p in self.network.parameters())

    @property
    def num_bytes(self) -> int:
        return sum(p.numel() * p.element_size() for p in self.network.parameters())

    def outputs(self, texts: Sequence[str]) -> Array:
        """(N, K) outputs; those of long texts are pooled over their chunks where `long` says so."""
        if not self.long.is_chunked:
            return run(self.network, self.tokenizer.encode(texts).rows, self.tokenizer.pad_id)
        chunks = self.long.chunks(self.tokenizer.whole(texts), self.tokenizer)
        return self.long.pooled(self.of_rows(chunks.rows), chunks)

    def of_rows(self, rows: Ragged) -> Array:
        """(M, K) outputs of rows of ids, the frame not yet around them."""
        return run(self.network, self.tokenizer.frame.around(rows), self.tokenizer.pad_id)

    def save(self, folder: Path) -> None:
        config = {
            "architecture": self.architecture,
            "settings": self.settings,
            "vocabulary": self.shape.vocabulary,
            "num_outputs": self.shape.num_outputs,
            **({"long": self.long.model_dump(mode="json")} if self.long.is_chunked else {}),
        }
        (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
        weights = {k: v.detach().cpu().clone().contiguous() for k, v in self.network.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        self.tokenizer.save(folder)

    @classmethod
    def load(cls, folder: Path, config: dict[str, Any]) -> NetworkEngine:
        torch.set_num_threads(usable_cpus())
        shape = Shape(config["vocabulary"], config["num_outputs"])
        network = build_network(config["architecture"], config["settings"], shape)
        network.load_state_dict(load_file(folder / "model.safetensors"))
        network.to(best_device()).eval()
        long = Long.parse(config.get("long", {}), where="long.")
        return cls(config["architecture"], config["settings"], shape, network, Tokenizer.load(folder), long)


def build_network(name: str, settings: dict[str, Any], shape: Shape) -> nn.Module:
    architecture = ARCHITECTURES.get(name)
    network: nn.Module = architecture.build(architecture.settings.parse(settings, where="model."), shape)
    return network


def run(network: nn.Module, tokens: Ragged, pad_id: int = 0) -> Array:
    """(N, K) outputs of token rows, in batches of like length; no gradient, no dropout.

    Batches that do not fit into memory are halved. Raises ModelError when a single row is too much.
    """
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            return _outputs(network, Rows(tokens, np.zeros(len(tokens), np.int8), pad_id))
    finally:
        network.train(was_training)


def _outputs(network: nn.Module, rows: Rows) -> Array:
    lengths, device = rows.tokens.lengths, next(network.parameters()).device
    left = in_order(lengths, _PREDICT_ROWS, _PREDICT_TOKENS)[::-1]
    out: Array | None = None
    while left:
        chosen = left[-1]
        with memory.Attempt() as attempt:
            batch = collate(rows, chosen)
            logits = network(batch.ids_BT.to(device), batch.mask_BT.to(device)).logits.float().cpu().numpy()
        if attempt.failure:
            memory.free(device.type)
            max_tokens = memory.halved(len(chosen), int(lengths[chosen[-1]]), attempt.failure)
            left = cut_batches(np.concatenate(left), lengths, _PREDICT_ROWS, max_tokens)[::-1]
            continue
        out = np.empty((len(lengths), logits.shape[1]), np.float32) if out is None else out
        out[left.pop()] = logits
    return np.zeros((0, 1), np.float32) if out is None else out
