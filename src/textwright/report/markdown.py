"""What all model cards share: a template filled in one language, and texts that Markdown leaves alone."""

from __future__ import annotations

import re
from typing import Any

from huggingface_hub import CardData
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from textwright.report.messages import translate
from textwright.report.shown import number, shown
from textwright.report.words import Language, word

# What only a person can say.
STATED = ("intended_use", "not_meant_for", "bias", "personal_data", "data_source", "author", "license")
README: dict[Language, str] = {"en": "README.md", "zh": "README.zh.md"}
_LONGEST = 20_000  # characters of what a person states
# What a script says of the language; Latin, Cyrillic and Arabic letters are those of many.
_LANGUAGES = {"kana": "ja", "hangul": "ko", "han": "zh"}
# Values of texts that are ours and are put in Chinese; all others are a person's.
_TERMS = frozenset({"action", "how", "reason", "title", "warning", "what"})


def rendered(template: str, card: dict[str, Any], language: Language, data: CardData, **more: Any) -> str:
    """A card as Markdown, with the metadata that the Hugging Face Hub reads."""
    environment = Environment(
        loader=PackageLoader("textwright", "report/templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def say(key: str, **values: Any) -> Markup:
        filled = {k: v if isinstance(v, Markup) else _said(k, str(v), language) for k, v in values.items()}
        return Markup(word("card", key, language, **filled))

    def found(key: str, values: dict[str, Any]) -> Markup:
        return Markup(word("page", key, language, **{k: plain(v) for k, v in values.items()}))

    scripts = ", ".join(word("page", f"script.{name}", language) for name in card["scripts"])
    body = environment.get_template(template).render(
        card=card, t=say, number=number, plain=plain, code=code, found=found, scripts=scripts, **more
    )
    return f"---\n{data.to_yaml().strip()}\n---\n\n{body}"


def languages(scripts: dict[str, float]) -> list[str] | None:
    """The languages that scripts tell, as the Hub names them; None where they tell none.

    >>> languages({"han": 0.9, "latin": 0.1}), languages({"latin": 1.0})
    (['zh'], None)
    """
    found = [code for script, code in _LANGUAGES.items() if script in scripts]
    # Japanese is written with both.
    return [code for code in found if code != "zh" or "ja" not in found] or None


def _said(key: str, value: str, language: Language) -> Markup:
    return plain(translate(value, language) if key in _TERMS else value)


def plain(text: object) -> Markup:
    """A person's text inside Markdown: one line, with nothing that Markdown or HTML would act on.

    >>> str(plain("a_b <i> & ~~c~~"))
    'a\\\\_b &lt;i&gt; &amp; \\\\~\\\\~c\\\\~\\\\~'
    """
    line = " ".join(shown(text, longest=_LONGEST).split()).replace("&", "&amp;")
    return Markup(re.sub(r"([\\`*_{}\[\]|#~$])", r"\\\1", line).replace("<", "&lt;").replace(">", "&gt;"))


def code(text: object) -> Markup:
    """A name as code, in which Markdown acts on nothing but the mark that ends it.

    >>> str(code("a_b.csv")), str(code("a`b"))
    ('`a_b.csv`', '`` a`b ``')
    """
    line = " ".join(shown(text).split())
    longest = max(map(len, re.findall("`+", line)), default=0)
    return Markup(f"{'`' * (longest + 1)} {line} {'`' * (longest + 1)}" if longest else f"`{line}`")
