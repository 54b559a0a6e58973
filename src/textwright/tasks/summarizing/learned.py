"""An extractor learned from texts with their summaries, and its folder (safetensors and JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from textwright.bundle.folder import is_bundle, load_verified
from textwright.core.errors import BundleError, DataError
from textwright.core.files import publish_folder, read_json, sha256, to_json
from textwright.models.extract.features import Sentences
from textwright.models.extract.model import Extractor, fit_extractor
from textwright.models.language.registry import EXTRACTOR
from textwright.tasks.summarizing.baselines import cut

FORMAT = 1
_AGAIN = "Copy the folder again from where it was made."


@dataclass(frozen=True)
class Names:
    """What the files of an extractor are called."""

    config: str
    weights: str


ALONE = Names("extractor.json", "extractor.safetensors")
# In a model folder, where they are called as those of any other model.
OF_BUNDLE = Names("config.json", "model.safetensors")


def learn_extractor(texts: Sequence[str], summaries: Sequence[str], seed: int = 0) -> Extractor:
    """Learn which sentences a summary has from texts with their summaries; the same bits for the same seed.

    A tenth is held out to choose the length on. Raises ModelError where there is too little to learn from,
    DataError for as many summaries as texts.
    """
    if len(texts) != len(summaries):
        raise DataError(f"{len(texts):,} texts came with {len(summaries):,} summaries")
    references = Sentences.of_texts([[summary] for summary in summaries])
    return fit_extractor(cut(texts), references.codes, seed)


def save_extractor(extractor: Extractor, folder: str | Path) -> None:
    """Write the folder in one step; what was there stays until then."""
    publish_folder(Path(folder), lambda fresh: write_extractor(extractor, fresh))


def write_extractor(
    extractor: Extractor, folder: Path, names: Names = ALONE, more: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Write its two files into a folder; `more` stands in the config as well."""
    arrays = {name: np.ascontiguousarray(value) for name, value in extractor.arrays().items()}
    save_file(arrays, folder / names.weights)
    config = {"format": FORMAT, "weights": sha256(folder / names.weights), **more, **extractor.config()}
    (folder / names.config).write_text(to_json(config), encoding="utf-8")


def is_extractor(folder: str | Path) -> bool:
    return (Path(folder) / ALONE.config).is_file()


def load_extractor(folder: str | Path) -> Extractor:
    """The extractor that `train` or `save_extractor` wrote.

    Raises BundleError where it is missing, damaged, changed or too new.
    """
    return read_extractor(folder)[0]


def read_extractor(folder: str | Path) -> tuple[Extractor, dict[str, Any]]:
    """The same, with everything that its config says."""
    path = Path(folder)
    names = ALONE
    if is_bundle(path) and load_verified(path).architecture == EXTRACTOR:
        names = OF_BUNDLE
    elif not is_extractor(path):
        raise BundleError(
            f"{path}: holds no extractor of summaries ({ALONE.config} is missing)",
            hint="Leave the folder out to summarize without a model.",
        )
    config = _config(path / names.config)
    if config.get("format") != FORMAT:
        raise BundleError(
            f"{path}: was written by a newer version of Textwright", hint="Update Textwright to use it."
        )
    try:
        if sha256(path / names.weights) != config["weights"]:
            raise BundleError(f"{path / names.weights}: is not the file that was written", hint=_AGAIN)
        return Extractor.restore(config, load_file(path / names.weights)), config
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: damaged ({error})", hint=_AGAIN) from None


def _config(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: damaged ({error})", hint=_AGAIN) from None
    return found if isinstance(found, dict) else {}
