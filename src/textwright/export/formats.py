"""The formats that models are exported to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.core.registry import Registry

FORMATS: Registry[Callable[..., Any]] = Registry(
    "format", {"ctranslate2": "textwright.export.ctranslate2:export_ctranslate2"}
)
_SETTINGS = ("quantization",)


def export(path: str | Path, out: str | Path, to: str, settings: Mapping[str, Any] | None = None) -> Any:
    """Write the model of a folder in another format to `out`; it is written only where it answers alike.

    Raises ConfigError for a format or a setting that there is not, BundleError, ParityError where the answers
    differ.

    >>> export("en-zh", "en-zh-quick", "ctranslate2").parity.changed_greedy  # doctest: +SKIP
    0
    """
    asked = dict(settings or {})
    for name in asked:
        if name not in _SETTINGS:
            raise ConfigError(f"export has no setting {name!r}", hint=did_you_mean(name, _SETTINGS))
    return FORMATS.get(to)(path, out, **asked)
