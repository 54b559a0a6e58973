"""The pages of a folder (model, comparison, learning curve): what people look at, made from its records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textwright.core.errors import BundleError, first_line
from textwright.core.events import Sink
from textwright.core.files import read_json
from textwright.core.records import Note
from textwright.report.card import make_card, render_card
from textwright.report.comparison import read_comparison, render_comparison
from textwright.report.contest import render_contest
from textwright.report.extractor import make_extractor_card, render_extractor, render_extractor_card
from textwright.report.growth import render_growth
from textwright.report.language import render_language
from textwright.report.language_card import make_language_card, render_language_card
from textwright.report.markdown import README
from textwright.report.page import render_report, sentence
from textwright.report.records import read_records
from textwright.report.verdict import verdict
from textwright.report.words import LANGUAGES, Language

_IN_WORDS = frozenset(
    f"verdict.{name}"
    for name in ("right", "right_validation", "sets", "graded", "validation", "warning", "no_rows")
)
REPORT, CARD = "report.html", "card.json"
_AGAIN = "Delete it, and run card again with --overwrite."


def make_pages(
    folder: Path,
    manifest: dict[str, Any],
    *,
    name: str,
    language: Language | None = None,
    stated: dict[str, str] | None = None,
) -> dict[str, bytes]:
    """The report, card.json and the cards in both languages, by the names of their files."""
    records = read_records(folder, manifest, name)
    card, report = make_card(records, stated), _bytes(render_report(records, language))
    return _with_cards(folder, report, card, render_card)


def _with_cards(
    folder: Path, report: bytes, card: dict[str, Any], render: Callable[[dict[str, Any], Language], str]
) -> dict[str, bytes]:
    """The pages by the names of their files; card.json tells how each was written, and has the audits."""
    card["audits"] = [read_json(file) for file in sorted((folder / "audit").glob("*.json"))]
    cards = {README[each]: _bytes(render(card, each)) for each in LANGUAGES}
    card["pages"] = {file: _hash(page) for file, page in {REPORT: report, **cards}.items()}
    return {REPORT: report, CARD: _bytes(json.dumps(card, ensure_ascii=False, indent=2) + "\n"), **cards}


def in_words(folder: Path, manifest: dict[str, Any], language: Language) -> list[str]:
    """The first sentences of the report: how good the model is, and what was warned of."""
    records = read_records(folder, manifest, folder.name)
    found = [(key, values) for key, values in verdict(records, []) if key in _IN_WORDS]
    return [sentence(key, language, **values) for key, values in found]


def write_pages(folder: Path, make: Callable[[], dict[str, bytes]], say: Sink) -> None:
    """Write what `make` makes. A fault of a page must not cost what it tells of."""
    try:
        pages = make()
    except Exception as error:
        what = f"{type(error).__name__}: {first_line(error)}"
        say(Note(f"the pages could not be written, which is a bug of ours ({what})", "warning"))
        return
    for file, content in pages.items():
        (folder / file).write_bytes(content)


def make_comparison(folder: Path, record: dict[str, Any], *, name: str, recipe: str) -> dict[str, bytes]:
    """The report of a comparison of settings; `recipe` is that of the best."""
    return {REPORT: _bytes(render_comparison(read_comparison(folder, record, name, recipe)))}


def make_contest(folder: Path, record: dict[str, Any], *, name: str) -> dict[str, bytes]:
    """The report of a comparison of models of pairs."""
    return {REPORT: _bytes(render_contest(folder, record, name))}


def make_curve(record: dict[str, Any], *, name: str, recipe: str) -> dict[str, bytes]:
    """The report of a learning curve; `record` is curve.json."""
    return {REPORT: _bytes(render_growth(record, name, recipe))}


def make_language(
    folder: Path,
    manifest: dict[str, Any],
    *,
    name: str,
    language: Language | None = None,
    stated: dict[str, str] | None = None,
) -> dict[str, bytes]:
    """The same as `make_pages` of a language model."""
    card = make_language_card(read_records(folder, manifest, name), stated)
    report = _bytes(render_language(folder, manifest, name, language))
    return _with_cards(folder, report, card, render_language_card)


def make_extractor(
    folder: Path,
    manifest: dict[str, Any],
    *,
    name: str,
    language: Language | None = None,
    stated: dict[str, str] | None = None,
) -> dict[str, bytes]:
    """The same as `make_pages` of an extractor of summaries."""
    card = make_extractor_card(read_records(folder, manifest, name), stated)
    report = _bytes(render_extractor(folder, manifest, name, language))
    return _with_cards(folder, report, card, render_extractor_card)


def stated_before(folder: Path) -> dict[str, str]:
    """What a person said for the card of a folder. Raises BundleError for a card.json that is damaged."""
    return {key: value for key, value in _part(folder, "stated").items() if value is not None}


def edited_pages(folder: Path) -> list[str]:
    """The pages of a folder that are not as they were written, or of which nothing tells how that was."""
    written = _part(folder, "pages")
    pages = [REPORT] if REPORT in written else []  # older cards have no record of it
    found = [file for file in (*pages, *README.values()) if (folder / file).is_file()]
    return [file for file in found if written.get(file) != _hash((folder / file).read_bytes())]


def _hash(page: bytes) -> str:
    """Of what a page says, whatever ends its lines."""
    return hashlib.sha256(page.replace(b"\r\n", b"\n")).hexdigest()


def _part(folder: Path, name: str) -> dict[str, Any]:
    """One object of card.json, empty where there is none."""
    if not (folder / CARD).is_file():
        return {}
    try:
        card = read_json(folder / CARD)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{folder / CARD}: damaged ({error})", hint=_AGAIN) from None
    part = card.get(name) or {} if isinstance(card, dict) else None
    if not isinstance(part, dict):
        raise BundleError(f"{folder / CARD}: is not a card", hint=_AGAIN)
    return part


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
