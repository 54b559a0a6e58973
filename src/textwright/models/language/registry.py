"""All language models by name. A new one is an entry of a module here, and one line."""

from __future__ import annotations

from textwright.core.registry import Registry
from textwright.models.language.base import LanguageArchitecture

LANGUAGE_MODELS: Registry[LanguageArchitecture] = Registry(
    "language model",
    {
        "gpt2": "textwright.models.language.causal:GPT2",
        "nanochat": "textwright.models.language.causal:NANOCHAT",
        "qwen3": "textwright.models.language.causal:QWEN3",
        "bert": "textwright.models.language.masked:BERT",
        "roberta": "textwright.models.language.masked:ROBERTA",
        "modernbert": "textwright.models.language.masked:MODERNBERT",
    },
)
# What is learned where nobody names one.
USUAL = {"causal": "nanochat", "masked": "roberta"}
