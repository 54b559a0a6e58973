"""Audits of data and of models: what is wrong, the proof that it was found, mending with undo, and a gate.

>>> import textwright.audit
>>> sorted(textwright.audit.__all__)
['AuditSettings', 'accept', 'checks', 'data', 'diff', 'fix', 'gate', 'model', 'selftest', 'undo']
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "AuditSettings": "settings:AuditSettings",
    "accept": "release.accepted:accept",
    "checks": "registry:CHECKS",
    "data": "of_data:data",
    "diff": "patches.comparing:diff",
    "fix": "patches.making:fix",
    "gate": "release.gate:gate",
    "model": "of_model:model",
    "selftest": "proof.selftest:selftest",
    "undo": "patches.writing:undo",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    """What is asked for, imported then: a gate should not wait for what trains."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOME[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), attribute)
