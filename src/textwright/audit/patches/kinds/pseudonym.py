"""Made-up values of the same form in the place of personal data."""

from __future__ import annotations

import secrets
from importlib import import_module
from pathlib import Path

from textwright.audit.patches.fixing import Fixing
from textwright.audit.patches.kinds.mask import replace_texts
from textwright.core.files import explained
from textwright.core.records import Note

KEY = "pseudonym.key"
_MASKING = "textwright.audit.personal.masking"


def lines(fixing: Fixing) -> None:
    """Under one key for the whole audit, so that the same value is the same everywhere."""
    made, key = import_module(_MASKING).pseudonymised, _key(fixing.audit / KEY)
    replace_texts(fixing, lambda text: str(made(text, key, fixing.params.get("kinds"))))
    key_file = fixing.audit / KEY
    fixing.notes.append(Note(f"who has {key_file} can trace the pseudonyms: keep it apart or delete it"))


def _key(path: Path) -> bytes:
    """That of the audit, for its owner only; drawn by the system where there is none yet."""
    if path.is_file():
        return path.read_bytes()
    key = secrets.token_bytes(32)
    with explained(path):
        path.touch(mode=0o600)
        path.write_bytes(key)
    return key
