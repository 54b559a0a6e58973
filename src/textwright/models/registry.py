"""All architectures by name. A new one is one file and one line here."""

from __future__ import annotations

from textwright.core.registry import Registry
from textwright.models.base import Architecture

# The one that brings what it has learned elsewhere.
PRETRAINED = "pretrained"
# The one that learns from texts without labels as well.
LATENT = "latent"
ARCHITECTURES: Registry[Architecture] = Registry(
    "architecture",
    {
        "bag": "textwright.models.bag.model:ARCHITECTURE",
        LATENT: "textwright.models.latent.model:ARCHITECTURE",
        "cnn": "textwright.models.cnn:ARCHITECTURE",
        "rnn": "textwright.models.recurrent:RNN",
        "lstm": "textwright.models.recurrent:LSTM",
        "gru": "textwright.models.recurrent:GRU",
        "transformer": "textwright.models.transformer.scratch:ARCHITECTURE",
        PRETRAINED: "textwright.models.transformer.pretrained:ARCHITECTURE",
    },
)
