"""A model from sequence to sequence for CTranslate2, written only where it answers alike."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textwright.bundle.folder import load_verified, refuse_foreign, save_bundle
from textwright.bundle.learned import LEARNED
from textwright.bundle.manifest import ENGINE, PAIRS, ROOM
from textwright.core.errors import BundleError, ConfigError, ParityError
from textwright.core.names import did_you_mean
from textwright.export.gate import Parity, parity
from textwright.export.specs import spec_of
from textwright.models.language.registry import EXTRACTOR
from textwright.tasks.rewriting.confidence import CONFIDENCE
from textwright.tasks.rewriting.engines.ctranslate2 import CTranslate2Engine
from textwright.tasks.rewriting.engines.library import LibraryEngine
from textwright.tasks.rewriting.model import ended, pieces_of
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.model import LanguageModel

QUANTISED = ("int8", "int8_float32", "int8_float16", "int8_bfloat16")
_QUANTIZATIONS = ("float32", "float16", "bfloat16", "int16", *QUANTISED)
_COPIED = (
    "tokenizer.json",
    "target_tokenizer.json",
    "tokenizer_config.json",
    "tokenizer_settings.json",
    "special_tokens_map.json",
    CONFIDENCE,
    LEARNED,
)
_SAMPLES = "samples.jsonl"


@dataclass(frozen=True)
class Exported:
    out: Path
    format: str
    parity: Parity
    bytes: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "out": str(self.out),
            "max_difference": self.parity.max_difference,
            "mean_difference": self.parity.mean_difference,
            "changed_answers": self.parity.changed_greedy,
            "rows": self.parity.rows,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "passed": self.parity.passed,
        }


def export_ctranslate2(path: str | Path, out: str | Path, *, quantization: str = "int8") -> Exported:
    """Write the folder `out`, which answers as that of `path` does, several times as fast on a processor.

    It is written only where it does: on the held-out pairs of the folder, token by token and answer by
    answer. Raises BundleError for another kind of model, ParityError where the answers differ, ConfigError
    for a quantization that there is not; MissingExtra.
    """
    started, folder, place = time.monotonic(), Path(path), Path(out)
    manifest = load_verified(folder)
    if ENGINE in manifest.decode:
        raise BundleError(f"{folder}: was exported already", hint="Give the folder that it was made from.")
    if manifest.task not in PAIRS:
        raise BundleError(
            f"{folder}: ctranslate2 runs models from sequence to sequence, and this is none to convert",
            hint="Give a folder of textwright train --task translate or summarize.",
        )
    if manifest.architecture == EXTRACTOR:
        raise BundleError(
            f"{folder}: holds an extractor, which is no network: ctranslate2 has nothing to run",
            hint=f"It needs no export: textwright summarize {folder} FILE",
        )
    if quantization not in _QUANTIZATIONS:
        raise ConfigError(
            f"ctranslate2 has no quantization {quantization!r}",
            hint=did_you_mean(quantization, _QUANTIZATIONS),
        )
    refuse_foreign(place)
    model = LanguageModel.load(folder, PAIRS)
    settings = DecodeSettings.parse(manifest.decode)
    pairs = [json.loads(line) for line in (folder / _SAMPLES).read_text(encoding="utf-8").splitlines()]
    found: list[Parity] = []

    def fill(target: Path) -> None:
        write_model(model, target, quantization)
        for name in _COPIED:
            if (folder / name).is_file():
                shutil.copy(folder / name, target / name)
        made = CTranslate2Engine.open(target, model.frame, model.never, model.length)
        true = LibraryEngine.of(model)
        sources, targets = (
            ended(tokenizer, [pair[side] for pair in pairs], model.frame, model.length)
            for side, tokenizer in (("prompt", model.tokenizer), ("wanted", model.tokenizer.of_targets))
        )
        found.append(parity(true, made, sources, targets, settings, quantised=quantization in QUANTISED))
        if not found[-1].passed:
            raise ParityError(
                f"{folder}: what was made for ctranslate2 answers otherwise "
                f"({found[-1].max_difference:.2g} nats at most, {found[-1].changed_greedy} of "
                f"{found[-1].rows} answers), and is not written",
                hint="Export with --set quantization=float32, or report this as a bug.",
            )

    decode = {**manifest.decode, ENGINE: "ctranslate2", ROOM: model.length}
    save_bundle(place, manifest.model_copy(update={"decode": decode}), fill)
    size = (place / "model.bin").stat().st_size
    return Exported(place, f"ctranslate2-{quantization}", found[0], size, time.monotonic() - started)


def write_model(model: LanguageModel, folder: Path, quantization: str) -> None:
    """model.bin, config.json and the vocabulary. Raises ConfigError for a class that is not converted."""
    spec = spec_of(model.model)
    pieces = pieces_of(model.tokenizer)
    pieces += [f"<unused-{i}>" for i in range(model.model.config.vocab_size - len(pieces))]
    spec.register_source_vocabulary(pieces)
    spec.register_target_vocabulary(pieces)
    words = model.vocabulary
    spec.config.bos_token = pieces[words.start_id]
    spec.config.eos_token = pieces[words.end_id]
    spec.config.unk_token = pieces[model.tokenizer.unknown_id or 3]
    spec.config.decoder_start_token = pieces[model.frame.start_id]
    spec.config.add_source_eos = False
    spec.validate()
    spec.optimize(quantization=None if quantization == "float32" else quantization)
    spec.save(str(folder))
