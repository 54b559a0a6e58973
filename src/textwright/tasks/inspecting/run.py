"""One text, read by one language model: the records of it, and the page that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from textwright.bundle.folder import load_manifest
from textwright.bundle.manifest import ENGINE, LANGUAGE, PAIRS, Manifest
from textwright.core.errors import BundleError, ConfigError, DataError
from textwright.core.files import explained, write_atomic
from textwright.core.records import Note
from textwright.report.inspected import is_inspection, render_inspected
from textwright.report.words import Language
from textwright.tasks.inspecting.alike import nearest_record
from textwright.tasks.inspecting.expecting import log_shares, place_records, rounded, token_records
from textwright.tasks.inspecting.looking import attention_record
from textwright.tasks.inspecting.places import chosen_places
from textwright.tasks.inspecting.telling import read_and_fill, read_and_tell
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.model import LanguageModel
from textwright.text.tokenizers.sample import is_text

MOST_TOKENS = 512
_PAGES = (".html", ".htm")


@dataclass(frozen=True)
class Inspected:
    """How a model reads a text, ready for JSON; `out` is the page."""

    out: Path
    record: dict[str, Any]

    @property
    def notes(self) -> list[str]:
        """What of the text is not shown, in words."""
        notes: list[str] = self.record["notes"]
        return notes

    def to_json(self) -> dict[str, Any]:
        return {"out": str(self.out), **self.record}


def inspect_text(
    path: str | Path,
    text: str,
    out: str | Path,
    *,
    at: Sequence[int] = (),
    language: Language | None = None,
) -> Inspected:
    """Write the page `out` that shows how the language model of a folder reads a text, what a model of pairs
    makes of it, or what one from sequence to sequence fills its gaps with.

    `at` names the tokens to show what is expected at, counted from 1; the last ones where it is empty.
    `language` is the one that the page opens in. Raises BundleError for a folder without a language model,
    DataError for a text without tokens, ConfigError for an `out` that is no page of ours and a token in `at`
    that there is not.

    >>> inspect_text("my-language", "Once upon a time", "reading.html").record["bits"]  # doctest: +SKIP
    31.4
    """
    target = Path(out)
    refuse_target(target)
    manifest = _readable(Path(path))
    model = LanguageModel.load(path, (LANGUAGE, *PAIRS))
    if manifest.task in PAIRS:
        told = read_and_tell(model, text, DecodeSettings.parse(manifest.decode), at)
        return _written(target, {"name": Path(path).resolve().name, **told}, language)
    reader = read_and_fill if model.architecture.objective == "denoise" else read
    return _written(target, {"name": Path(path).resolve().name, **reader(model, text, at)}, language)


def _written(target: Path, record: dict[str, Any], language: Language | None) -> Inspected:
    write_atomic(target, render_inspected(record, language).encode("utf-8", "replace"))
    return Inspected(target, record)


def refuse_target(target: Path) -> None:
    """Raise ConfigError unless `target` is a new page, or an older one of this verb."""
    if target.suffix.lower() not in _PAGES:
        raise ConfigError(f"--out {target}: the page is written as .html", hint="Example: --out reading.html")
    if target.is_dir():
        raise ConfigError(
            f"--out {target}: is a folder, expected a file", hint="Give the name of a file in it."
        )
    if not target.exists():
        return
    with explained(target, "read"):
        content = target.read_bytes()
    if not is_inspection(content):
        raise ConfigError(
            f"--out {target}: is there, and is no page of inspect",
            hint="Choose another --out, or move this file away.",
        )


def _readable(folder: Path) -> Manifest:
    """The manifest of a folder whose model can be looked at. Raises BundleError."""
    manifest = load_manifest(folder)
    if manifest.task not in (LANGUAGE, *PAIRS):
        raise BundleError(
            f"{folder}: is a model for {manifest.task}, not a language model",
            hint=f"What its answers come from: textwright predict {folder} FILE --out answers.jsonl "
            "--explain occlusion",
        )
    if ENGINE in manifest.decode:
        raise BundleError(
            f"{folder}: was exported, and has no pages of its own",
            hint="Give the folder that it was made from.",
        )
    return manifest


def read(model: LanguageModel, text: str, at: Sequence[int] = ()) -> dict[str, Any]:
    """All records of how a model reads a text. Raises DataError, ConfigError, as `inspect_text`."""
    ids, spans = _tokens(model, text)
    room = min(_window(model), MOST_TOKENS)
    shown = ids[:room]
    shares_PV = log_shares(model, shown)
    tokens = [
        {**told, "start": start, "end": end}
        for told, (start, end) in zip(token_records(model, shown, shares_PV), spans, strict=False)
    ]
    places = chosen_places(at, len(shares_PV))
    return {
        "model": model.architecture.name,
        "objective": model.architecture.objective,
        "textwright_version": version("textwright"),
        "text": text[: spans[len(shown) - 1][1]],
        "num_tokens": len(ids),
        "notes": [note.text for note in _notes(model, len(ids), len(shown))],
        **_summary(model, shown, tokens),
        "tokens": tokens,
        "places": place_records(model, tokens, shares_PV, places),
        "attention": attention_record(model, shown),
        "nearest": nearest_record(model, shown),
    }


def _tokens(model: LanguageModel, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    """The ids of a text, and where in it each token begins and ends."""
    if not is_text(text):
        raise DataError("the text holds half a character", hint="It was cut inside of one: give it whole.")
    found, spans = next(model.tokenizer.spans([text]))
    kept = [(token, span) for token, span in zip(found, spans, strict=True) if token < model.tokenizer.size]
    if not kept:
        raise DataError(f"no token in the text {text[:60]!r}", hint="Example: --text 'Once upon a time'")
    return [token for token, _ in kept], [span for _, span in kept]


def _window(model: LanguageModel) -> int:
    """How many tokens of a text are read at once, beside what stands around it."""
    return model.length - (1 if model.architecture.objective == "causal" else 2)


def _notes(model: LanguageModel, num_tokens: int, num_shown: int) -> list[Note]:
    if num_shown == num_tokens:
        return []
    if num_shown == MOST_TOKENS:
        return [Note(f"the text has {num_tokens:,} tokens, and a page shows the first {num_shown:,}")]
    name = model.architecture.name
    return [
        Note(
            f"the text has {num_tokens:,} tokens, and this {name} reads {num_shown:,} of a text at once: "
            "the first ones are shown"
        )
    ]


def _summary(model: LanguageModel, ids: Sequence[int], tokens: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the text costs, how many tokens were expected most, and which was expected least.

    A model that fills gaps sees what comes after, so its bits are no cost of the text, byte by byte.
    """
    bits = sum(token["bits"] for token in tokens)
    num_bytes = int(model.tokenizer.piece_sizes[list(ids)].sum())
    is_cost = model.architecture.objective == "causal" and num_bytes > 0
    return {
        "bits": rounded(bits),
        "bits_per_token": rounded(bits / len(tokens)),
        "bits_per_byte": rounded(bits / num_bytes) if is_cost else None,
        "num_likeliest": sum(token["rank"] == 1 for token in tokens),
        "least_expected": max(range(len(tokens)), key=lambda place: tokens[place]["bits"]) + 1,
    }
