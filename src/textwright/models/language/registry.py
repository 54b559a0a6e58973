"""All language models by name. A new one is an entry of a module here, and one line."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from textwright.core.registry import Registry
from textwright.models.language.base import LanguageArchitecture, MadeFor

LANGUAGE_MODELS: Registry[LanguageArchitecture] = Registry(
    "language model",
    {
        "gpt2": "textwright.models.language.causal:GPT2",
        "nanochat": "textwright.models.language.causal:NANOCHAT",
        "qwen3": "textwright.models.language.causal:QWEN3",
        "lstm": "textwright.models.language.lstm:LSTM",
        "bert": "textwright.models.language.masked:BERT",
        "roberta": "textwright.models.language.masked:ROBERTA",
        "modernbert": "textwright.models.language.masked:MODERNBERT",
        "m2m100": "textwright.models.language.seq2seq:M2M100",
        "lstm-pairs": "textwright.models.language.lstm_pairs:LSTM_PAIRS",
    },
)
# Those that nothing is begun with: they learn from pairs, and come from elsewhere.
BORROWED: Registry[LanguageArchitecture] = Registry(
    "checkpoint",
    {
        "marian": "textwright.models.language.borrowed:MARIAN",
        "bart": "textwright.models.language.borrowed:BART",
        "mbart": "textwright.models.language.borrowed:MBART",
        "pegasus": "textwright.models.language.borrowed:PEGASUS",
        "t5": "textwright.models.language.borrowed:T5",
        "mt5": "textwright.models.language.borrowed:MT5",
    },
)


def architecture(name: str) -> LanguageArchitecture:
    """The one of this name, whether it is begun or gone on with.

    >>> architecture("t5").objective, architecture("gpt2").objective
    ('pairs', 'causal')
    """
    return BORROWED.get(name) if name in BORROWED else LANGUAGE_MODELS.get(name)


def of_type(library_type: str) -> LanguageArchitecture:
    """The one whose class a config.json calls so. Raises KeyError.

    >>> of_type("m2m_100").name
    'm2m100'
    """
    return {found.library_type: found for found in _all()}[library_type]


def library_types() -> list[str]:
    """What config.json calls the classes of all of them."""
    return [found.library_type for found in _all()]


def _all() -> list[LanguageArchitecture]:
    return [*map(LANGUAGE_MODELS.get, LANGUAGE_MODELS), *map(BORROWED.get, BORROWED)]


# What is learned where nobody names one.
USUAL: Mapping[MadeFor, str] = MappingProxyType(
    {"causal": "nanochat", "masked": "roberta", "denoise": "m2m100", "pairs": "lstm-pairs"}
)
# What a name means where pairs are learned, of an architecture that has another form for them.
FOR_PAIRS: Mapping[str, str] = MappingProxyType({"lstm": "lstm-pairs"})
# What learns from pairs and is no language model: it picks the sentences of a summary (`models/extract`).
EXTRACTOR = "extractor"
# What a person may name where pairs are learned, from simple to intricate.
OF_PAIRS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"translate": ("m2m100", "lstm"), "summarize": (EXTRACTOR, "m2m100", "lstm")}
)
