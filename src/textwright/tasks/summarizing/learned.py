"""An extractor learned from texts with their summaries, and its folder (safetensors and JSON)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from textwright.core.errors import BundleError, DataError
from textwright.core.files import publish_folder, read_json, sha256, to_json
from textwright.models.extract.features import Sentences
from textwright.models.extract.model import Extractor, fit_extractor
from textwright.text.sentences import sentences

CONFIG, WEIGHTS = "extractor.json", "extractor.safetensors"
FORMAT = 1
_AGAIN = "Copy the folder again from where it was made."


def learn_extractor(texts: Sequence[str], summaries: Sequence[str], seed: int = 0) -> Extractor:
    """Learn which sentences a summary has from texts with their summaries; the same bits for the same seed.

    A tenth is held out to choose the length on. Raises ModelError where there is too little to learn from,
    DataError for as many summaries as texts.
    """
    if len(texts) != len(summaries):
        raise DataError(f"{len(texts):,} texts came with {len(summaries):,} summaries")
    cut = [[text[span.start : span.end] for span in sentences(text)] for text in texts]
    references = Sentences.of_texts([[summary] for summary in summaries])
    return fit_extractor(Sentences.of_texts(cut), references.codes, seed)


def save_extractor(extractor: Extractor, folder: str | Path) -> None:
    """Write the folder in one step; what was there stays until then."""

    def fill(fresh: Path) -> None:
        arrays = {name: np.ascontiguousarray(value) for name, value in extractor.arrays().items()}
        save_file(arrays, fresh / WEIGHTS)
        config = {"format": FORMAT, "weights": sha256(fresh / WEIGHTS), **extractor.config()}
        (fresh / CONFIG).write_text(to_json(config), encoding="utf-8")

    publish_folder(Path(folder), fill)


def is_extractor(folder: str | Path) -> bool:
    return (Path(folder) / CONFIG).is_file()


def load_extractor(folder: str | Path) -> Extractor:
    """The extractor that was saved. Raises BundleError where it is missing, damaged or too new."""
    path = Path(folder)
    if not is_extractor(path):
        raise BundleError(
            f"{path}: holds no extractor of summaries ({CONFIG} is missing)",
            hint="Leave the folder out to summarize without a model.",
        )
    config = _config(path / CONFIG)
    if config.get("format") != FORMAT:
        raise BundleError(
            f"{path}: was written by a newer version of Textwright", hint="Update Textwright to use it."
        )
    try:
        if sha256(path / WEIGHTS) != config["weights"]:
            raise BundleError(f"{path / WEIGHTS}: is not the file that was written", hint=_AGAIN)
        return Extractor.restore(config, load_file(path / WEIGHTS))
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: damaged ({error})", hint=_AGAIN) from None


def _config(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: damaged ({error})", hint=_AGAIN) from None
    return found if isinstance(found, dict) else {}
