"""textwright audit: one module for each of its commands."""

from __future__ import annotations

from textwright.cli.audit import data, diff, fix, gate, listing, model, review, selftest, undo
from textwright.cli.audit.app import app

__all__ = ["app", "data", "diff", "fix", "gate", "listing", "model", "review", "selftest", "undo"]
