"""What CTranslate2 has to know of a network, by its class. Weights are copied: the library changes them."""

from __future__ import annotations

from typing import Any

from textwright.core.errors import ConfigError
from textwright.core.registry import Registry

# By what a config.json calls the class.
SPECS: Registry[Any] = Registry(
    "class for ctranslate2",
    {
        **dict.fromkeys(
            ("m2m_100", "mbart", "bart", "marian", "pegasus"), "textwright.export.specs.bart:spec_of"
        ),
        **dict.fromkeys(("t5", "mt5"), "textwright.export.specs.t5:spec_of"),
    },
)


def spec_of(network: Any) -> Any:
    """The specification of a network of the Hugging Face library, with its weights.

    Raises ConfigError for a class that is not converted, or an activation that there is not; MissingExtra.
    """
    kind = network.config.model_type
    if kind not in SPECS:
        raise ConfigError(
            f"ctranslate2 has no layers as those of {kind}", hint=f"It has those of {', '.join(SPECS)}."
        )
    return SPECS.get(kind)(network)
