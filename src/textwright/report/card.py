"""The model card: one record of values, card.json, and its renderings README.md and README.zh.md.

Every field is measured (from the records of the folder), stated by a person (`STATED`), or None, which
reads "not assessed". Headings follow Mitchell et al. 2019 (arXiv:1810.03993) and the template
of the Hugging Face Hub.
"""

from __future__ import annotations

import re
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, PackageLoader, StrictUndefined

from textwright.report.messages import translate
from textwright.report.records import Records
from textwright.report.shown import number, shown
from textwright.report.view import confusions
from textwright.report.words import Language, word

# What only a person can say.
STATED = ("intended_use", "not_meant_for", "bias", "personal_data", "data_source", "author", "license")
README: dict[Language, str] = {"en": "README.md", "zh": "README.zh.md"}
_FEW_ROWS = 200
_LANGUAGES = {"latin": "en", "han": "zh", "kana": "ja", "hangul": "ko", "cyrillic": "ru", "arabic": "ar"}
_HUGGING_FACE = ("transformer", "pretrained")


def make_card(records: Records, stated: dict[str, str] | None = None) -> dict[str, Any]:
    """All values of the card, once, ready for JSON."""
    manifest, data, plan = records.manifest, records.data, records.plan
    details = records.scores.get("details") or {}
    chosen: dict[str, Any] = next((c for c in plan.get("candidates") or [] if c["chosen"]), {})
    return {
        "name": records.name,
        "task": manifest["task"],
        "architecture": manifest["architecture"],
        "textwright_version": manifest["textwright_version"],
        "labels": manifest["schema"]["labels"],
        "range": [manifest["schema"]["low"], manifest["schema"]["high"]],
        "scripts": {k: v for k, v in manifest["schema"]["scripts"].items() if v >= 0.01},
        "characters": data.get("characters", {}).get("quantiles"),
        "files": manifest["data"],
        "rows": data.get("rows"),
        "twins": data.get("twins"),
        "scores": manifest["scores"],
        "split": manifest["split"],
        "baseline": details.get("baseline"),
        "confused": next(confusions(details), None),
        "parameters": manifest["parameters"],
        "latency_ms_p50": chosen.get("latency_ms_p50"),
        "cost": plan.get("cost"),
        "stated": {key: (stated or {}).get(key) for key in STATED},
    }


def not_assessed(card: dict[str, Any]) -> list[str]:
    """The fields that nobody measured or stated."""
    empty = [key for key in ("rows", "characters", "cost") if card[key] is None]
    empty += [] if card["scores"] else ["scores"]
    return empty + [key for key, value in card["stated"].items() if value is None]


def render_card(card: dict[str, Any], language: Language) -> str:
    """The card as Markdown, with the metadata that the Hugging Face Hub reads."""
    environment = Environment(
        loader=PackageLoader("textwright", "report/templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def say(key: str, **values: Any) -> str:
        filled = {k: _plain(translate(str(v), language)) for k, v in values.items()}
        return word("card", key, language, **filled)

    template = environment.get_template("card.md")
    body = template.render(
        card=card, t=say, number=number, plain=_plain, few=_FEW_ROWS, is_hugging_face=_is_hugging_face(card)
    )
    return f"---\n{_metadata(card)}\n---\n\n{body}"


def _plain(text: object) -> str:
    """A person's text inside Markdown: one line, with nothing that Markdown or HTML would act on."""
    line = " ".join(shown(text).split())
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", line).replace("\\<", "&lt;").replace("\\>", "&gt;")


def _is_hugging_face(card: dict[str, Any]) -> bool:
    return card["architecture"] in _HUGGING_FACE and card["task"] in ("classify", "multilabel", "score")


def _metadata(card: dict[str, Any]) -> str:
    languages = [_LANGUAGES[name] for name in card["scripts"] if name in _LANGUAGES]
    files = ", ".join(shown(file["name"]) for file in card["files"])
    results = [
        EvalResult("text-classification", files, files, name, score["value"])
        for name, score in card["scores"].items()
        if score["value"] is not None
    ]
    data = ModelCardData(
        language=languages or None,
        license=card["stated"]["license"],
        library_name="transformers" if _is_hugging_face(card) else "textwright",
        pipeline_tag="text-classification",
        tags=["textwright", card["architecture"], card["task"]],
        model_name=shown(card["name"]),
        eval_results=results or None,
    )
    return data.to_yaml().strip()
