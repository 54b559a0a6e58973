"""What makes a run the one that it is: its inputs and settings, and the libraries that compute it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from textwright.core.errors import CheckpointError
from textwright.core.files import explained, sha256
from textwright.tasks.prepare import Prepared
from textwright.tasks.recipe import Recipe

# Any of them may change what is drawn, which tokens there are, or how a network computes.
_LIBRARIES = ("textwright", "torch", "numpy", "transformers", "tokenizers")
# What is loaded of a folder to start from: weights, settings, tokenizer. A model folder of ours holds more.
_LOADED = (
    "*config.json",
    "*.safetensors",
    "*.index.json",
    "*token*.json",
    "*vocab*",
    "*merges*",
    "*.model",
    "*.spm",
    "bpe.codes",
)
# Of a hash: enough to tell files apart, and few enough to be read.
_DIGITS = 12
_MOST_SHOWN = 5


def identity_of(recipe: Recipe, prepared: Prepared) -> dict[str, Any]:
    """What must be the same for a run to be resumed; the budget may be another one.

    Raises CheckpointError when there is no checkpoint where the recipe wants to start from.
    """
    return {
        "data": prepared.corpus.fingerprint,
        "test file": prepared.test.fingerprint if prepared.test else None,
        "unlabelled file": prepared.unlabelled.fingerprint if prepared.unlabelled else None,
        "recipe": recipe.model_dump(mode="json", exclude={"budget", "tracking", "ray"}),
        "model.checkpoint": _start(recipe),
        "vectors.path": _fingerprint(recipe.vectors.path),
        "version": library_versions("peft" if recipe.model_settings.get("tune") == "lora" else None),
    }


def _start(recipe: Recipe) -> dict[str, str]:
    """The hash of every file of what the model starts from; nothing for one that starts from nothing."""
    name = recipe.model_settings.get("checkpoint")
    if recipe.model_name != "pretrained" or not isinstance(name, str):
        return {}
    from textwright.models.transformer.checkpoint import find_checkpoint

    folder = find_checkpoint(name).path
    with explained(folder, "read"):
        found = {path for pattern in _LOADED for path in folder.glob(pattern) if path.is_file()}
        return {path.name: sha256(path)[:_DIGITS] for path in sorted(found)}


def _fingerprint(path: str | None) -> str | None:
    """Of a file; when there is none, whoever reads it says so."""
    if path is None or not Path(path).is_file():
        return None
    with explained(Path(path), "read"):
        return sha256(Path(path))[:_DIGITS]


def library_versions(other: str | None = None) -> dict[str, str]:
    """Of all libraries that a fit depends on, and of one other."""
    return {name: _version(name) for name in (*_LIBRARIES, *([other] if other else []))}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def refuse_another(folder: Path, stored: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raises CheckpointError, which says what differs, unless both are of the same run."""
    differences = [
        line for kind, value in own.items() for line in _differences(kind, stored.get(kind), value)
    ]
    if differences:
        raise CheckpointError(
            f"{folder}: the run to resume belongs to another {'; another '.join(differences)}",
            hint="Give the same files and settings to resume it, or train without --resume.",
        )


def _differences(kind: str, stored: Any, own: Any) -> Iterator[str]:
    if not isinstance(own, dict):
        if stored != own:
            was, now = (str(value)[:_DIGITS] if value else "none" for value in (stored, own))
            yield f"{kind}: its fingerprint was {was}, is {now}"
        return
    before, here = (_flat(value if isinstance(value, dict) else {}) for value in (stored, own))
    changed = [key for key in {**before, **here} if before.get(key) != here.get(key)]
    if changed:
        shown = [f"{key} was {before.get(key, 'not set')}, is {here.get(key, 'not set')}" for key in changed]
        more = f", and {len(shown) - _MOST_SHOWN} more" if len(shown) > _MOST_SHOWN else ""
        yield f"{kind}: {', '.join(shown[:_MOST_SHOWN])}{more}"


def _flat(values: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Nested settings by their dotted names."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
    return flat
