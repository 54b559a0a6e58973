"""The page of how a language model reads one text, from the records of `textwright inspect`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from textwright.report.messages import SPOKEN
from textwright.report.page import both, environment
from textwright.report.shown import bytes_shown, number, share_shown, visible
from textwright.report.tokencharts import Bars, LookMap, look_map, token_bars
from textwright.report.words import Language

Finding = tuple[str, dict[str, Any]]
# What tells a page of this kind from other files.
MARK = b'<meta name="generator" content="textwright inspect">'
_DARKEST = 12.0  # bits: a token that is one in four thousand
_SHADES = 9
_TITLES = {"pairs": "inspect.page_pairs", "gaps": "inspect.page_gaps"}
_CONTEXT = 32  # characters before or after a place


@dataclass(frozen=True)
class Cell:
    """A token in the strip: what it says, the bytes of a part of a character, its bits and its shade."""

    text: str
    part: str
    bits: str
    shade: int


@dataclass(frozen=True)
class Place:
    """What was expected at one place: its caption, and its bars."""

    caption: Markup
    bars: Bars


@dataclass(frozen=True)
class Layer:
    """The maps of the heads of one layer."""

    number: int
    heads: list[LookMap]


def is_inspection(content: bytes) -> bool:
    """Whether a file is a page of this kind."""
    return MARK in content


def render_inspected(record: dict[str, Any], language: Language | None = None) -> str:
    """The whole page; `language` is the one that it opens in, if not that of the command line."""
    attention = record["attention"]
    return (
        environment()
        .get_template("inspect.html")
        .render(
            r=record,
            title=_TITLES.get(record["objective"], "inspect.page"),
            mark=Markup(MARK.decode()),
            language=language or SPOKEN.get(),
            sections=[f"inspect.{key}" for key in ("told", "places", "attention", "nearest", "words")],
            verdict=[both(key, **values) for key, values in _findings(record)],
            cells=[_cell(token, record["text"]) for token in record["tokens"]],
            scale=[(f"{bits:g}", _shade(bits)) for bits in (0, 2, 4, 6, 8, 10, 12)],
            places=[_place(place, record) for place in record["places"]],
            layers=[
                _layer(layer, attention["tokens"], attention.get("seen")) for layer in attention["layers"]
            ],
            visible=visible,
        )
    )


def _findings(record: dict[str, Any]) -> Iterator[Finding]:
    values = {
        "n": number(len(record["tokens"])),
        "right": number(record["num_likeliest"]),
        "bits": number(record["bits"]),
        "each": number(record["bits_per_token"]),
        "per_byte": number(record["bits_per_byte"]),
        "text": visible(record["text"], gaps=False),
    }
    yield f"inspect.{record['objective']}", values
    place = record["least_expected"]
    least = record["tokens"][place - 1]
    yield (
        "inspect.least",
        {
            "label": visible(least["token"]),
            "place": number(place),
            "probability": share_shown(least["probability"]),
            "bits": number(least["bits"]),
        },
    )
    for note in record["notes"]:
        yield "verdict.warning", {"warning": note}


def _cell(token: dict[str, Any], text: str) -> Cell:
    part = bytes_shown(token["token"])
    name = text[token["start"] : token["end"]] if part else token["token"]
    return Cell(visible(name), part, f"{token['bits']:.1f}", _shade(token["bits"]))


def _shade(bits: float) -> int:
    return min(_SHADES, round(_SHADES * bits / _DARKEST))


def _place(place: dict[str, Any], record: dict[str, Any]) -> Place:
    true = place["true"]
    likeliest = [(token["token"], token["probability"]) for token in place["likeliest"]]
    known = (true["token"], true["probability"], true["rank"]) if true else None
    return Place(_caption(place, record), token_bars(likeliest, place["others"], known))


def _caption(place: dict[str, Any], record: dict[str, Any]) -> Markup:
    """Where a place is, by the text before it, and after it where the model sees that."""
    text, true, at = record["text"], place["true"], number(place["place"])
    start, end = (true["start"], true["end"]) if true else (len(text), len(text))
    before = _flat(text[max(start - _CONTEXT, 0) : start], "…" if start > _CONTEXT else "", "")
    if record["objective"] == "masked":
        after = _flat(text[end : end + _CONTEXT], "", "…" if len(text) > end + _CONTEXT else "")
        return both("inspect.gap", place=at, label=f"{before}▢{after}")
    if true is None:
        return both("inspect.after", label=before)
    return both("inspect.before" if start else "inspect.begins", place=at, label=before)


def _flat(text: str, before: str, after: str) -> str:
    return f"{before}{visible(text, gaps=False)}{after}"


def _layer(layer: dict[str, Any], tokens: Sequence[str], seen: Sequence[str] | None) -> Layer:
    return Layer(layer["layer"], [look_map(tokens, weights, seen) for weights in layer["heads"]])
