"""textwright audit: one module for each of its commands."""

from __future__ import annotations

from textwright.cli.audit import data, gate, listing, selftest
from textwright.cli.audit.app import app

__all__ = ["app", "data", "gate", "listing", "selftest"]
