"""report.html: what a training found, in one file for people, in both languages, without scripts."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from textwright.report.messages import SPOKEN, translate
from textwright.report.records import Records
from textwright.report.shown import megabytes, number, percent, seconds, shown, signed
from textwright.report.view import View, make_view
from textwright.report.words import LANGUAGES, Language, word, words

# Between a number and its unit no line may break.
NARROW = "\N{NO-BREAK SPACE}"
_LABELS = frozenset({"truth", "answer", "label"})
# Values of texts that are ours and have names in both languages; all others are a person's.
_TERMS = frozenset({"metric", "headline", "method", "what", "warning", "why"})


def render_report(records: Records, language: Language | None = None) -> str:
    """The whole page; `language` is the one that it opens in, if not that of the command line."""
    view = make_view(records)
    template = environment().get_template("report.html")
    return template.render(
        r=records,
        title="title",
        language=language or SPOKEN.get(),
        verdict=_verdict(view),
        scripts=_scripts(view),
        **vars(view),
    )


@cache
def environment() -> Environment:
    """The templates, with what they call."""
    found = Environment(
        loader=PackageLoader("textwright", "report/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(
        t=both,
        w=lambda key, language, **values: word("page", key, language, **values),
        said=said,
        empty=lambda why: both("none", _nested=why),
        languages=LANGUAGES,
        gap=Markup('<span class="en"> </span>'),  # between two sentences; Chinese has none
        shown=shown,
        number=number,
        signed=signed,
        percent=lambda value: percent(value).replace(" ", NARROW),
        metric=lambda name: both(f"name.{name}"),
        megabytes=megabytes,
        seconds=seconds,
    )
    return found


def both(key: str, _nested: str = "", **values: Any) -> Markup:
    """A fixed text in both languages, of which the style sheet shows one; values are escaped."""
    parts = []
    for language in LANGUAGES:
        inside = {**values, "why": word("page", _nested, language)} if _nested else values
        filled = {k: _filled(k, str(v), language) for k, v in inside.items()}
        text = word("page", key, language, **filled).replace(" %", f"{NARROW}%")
        parts.append(f'<span class="{language}" lang="{language}">{text}</span>')
    return Markup("").join(map(Markup, parts))


def sentence(key: str, language: Language, **values: Any) -> str:
    """A fixed text in one language, for a terminal."""
    return word("page", key, language, **{k: shown(_value(k, str(v), language)) for k, v in values.items()})


def _filled(key: str, value: str, language: Language) -> Markup:
    """A value, escaped; a label is kept apart, so that one written from right to left turns nothing else."""
    text = escape(shown(_value(key, value, language)))
    return Markup("<bdi>{}</bdi>").format(text) if key in _LABELS else text


def _value(key: str, value: str, language: Language) -> str:
    """What stands in a text: a term of the field by its name in this language; a person's word as it is."""
    if key not in _TERMS:
        return value
    name = f"name.{value}"
    return word("page", name, language) if name in words("page") else translate(value, language)


def said(sentence: str) -> Markup:
    """A sentence of the records, as it was said and in Chinese."""
    english, chinese = (shown(translate(sentence, language)) for language in LANGUAGES)
    if english == chinese:
        return escape(english)
    return Markup('<span class="en" lang="en">{}</span><span class="zh" lang="zh">{}</span>').format(
        english, chinese
    )


def _verdict(view: View) -> list[Markup]:
    return [both(key, **values) for key, values in view.findings]


def _scripts(view: View) -> Markup:
    if not view.scripts_found:
        return Markup("")
    parts = []
    for language in LANGUAGES:
        names = [
            f"{word('page', f'script.{name}', language)} {percent(share).replace(' ', NARROW)}"
            for name, share in view.scripts_found
        ]
        text = word(
            "page", "data.scripts", language, scripts=(", " if language == "en" else "、").join(names)
        )
        parts.append(Markup('<span class="{0}" lang="{0}">{1}</span>').format(language, text))
    return Markup("").join(parts)
