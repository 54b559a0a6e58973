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
from markupsafe import Markup

from textwright.report.messages import translate
from textwright.report.records import Records
from textwright.report.shown import number, shown
from textwright.report.verdict import FEW_ROWS, reference, verdict
from textwright.report.view import confusions
from textwright.report.words import Language, word

# What only a person can say.
STATED = ("intended_use", "not_meant_for", "bias", "personal_data", "data_source", "author", "license")
README: dict[Language, str] = {"en": "README.md", "zh": "README.zh.md"}
_LONGEST = 20_000  # characters of what a person states
# What a script says of the language; Latin, Cyrillic and Arabic letters are those of many.
_LANGUAGES = {"kana": "ja", "hangul": "ko", "han": "zh"}
_MOST_LABELS = 40
# Findings of the report that a person must know who thinks of using the model.
_LIMITS = tuple(
    f"verdict.{name}" for name in ("weakest", "too_sure", "too_shy", "uneven", "labels_not_as_sure")
)
# Values of texts that are ours and are put in Chinese; all others are a person's.
_TERMS = frozenset({"action", "how", "reason", "warning", "what"})
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
        "characters": data.get("learned_characters"),
        "answers": plan.get("answers") or [],
        "warnings": data.get("warnings") or [],
        "interrupted": bool(plan.get("interrupted")),
        "files": _files(records),
        "rows": data.get("rows"),
        "twins": data.get("twins"),
        "scores": manifest["scores"],
        "split": manifest["split"],
        "baseline": _baseline(manifest["task"], details),
        "confused": next(confusions(details), None),
        "found": [finding for finding in verdict(records, [*confusions(details)]) if finding[0] in _LIMITS],
        "parameters": manifest["parameters"],
        "latency_ms_p50": chosen.get("latency_ms_p50"),
        "cost": plan.get("cost"),
        "stated": {key: (stated or {}).get(key) for key in STATED},
    }


def _files(records: Records) -> list[dict[str, Any]]:
    """The files of the data, and what each was for: a second one was given to test on."""
    uses = ("learn", "test")
    return [{**file, "use": use} for file, use in zip(records.manifest["data"], uses, strict=False)]


def _baseline(task: str, details: dict[str, Any]) -> dict[str, Any] | None:
    found = reference(task, details)
    return None if found is None else {"what": details["baseline"]["what"], "metric": found[0], **found[1]}


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

    def say(key: str, **values: Any) -> Markup:
        filled = {k: v if isinstance(v, Markup) else _said(k, str(v), language) for k, v in values.items()}
        return Markup(word("card", key, language, **filled))

    def found(key: str, values: dict[str, Any]) -> Markup:
        return Markup(word("page", key, language, **{k: _plain(v) for k, v in values.items()}))

    template = environment.get_template("card.md")
    body = template.render(
        card=card,
        t=say,
        number=number,
        plain=_plain,
        code=_code,
        found=found,
        labels=_labels(card["labels"]),
        scripts=", ".join(word("page", f"script.{name}", language) for name in card["scripts"]),
        few=FEW_ROWS,
        is_hugging_face=_is_hugging_face(card),
    )
    return f"---\n{_metadata(card)}\n---\n\n{body}"


def _said(key: str, value: str, language: Language) -> Markup:
    return _plain(translate(value, language) if key in _TERMS else value)


def _labels(labels: list[str]) -> Markup:
    more = Markup(" …") if len(labels) > _MOST_LABELS else Markup("")
    return Markup(", ").join(map(_plain, labels[:_MOST_LABELS])) + more


def _plain(text: object) -> Markup:
    """A person's text inside Markdown: one line, with nothing that Markdown or HTML would act on.

    >>> str(_plain("a_b <i> & ~~c~~"))
    'a\\\\_b &lt;i&gt; &amp; \\\\~\\\\~c\\\\~\\\\~'
    """
    line = " ".join(shown(text, longest=_LONGEST).split()).replace("&", "&amp;")
    return Markup(re.sub(r"([\\`*_{}\[\]|#~$])", r"\\\1", line).replace("<", "&lt;").replace(">", "&gt;"))


def _code(text: object) -> Markup:
    """A name as code, in which Markdown acts on nothing but the mark that ends it.

    >>> str(_code("a_b.csv")), str(_code("a`b"))
    ('`a_b.csv`', '`` a`b ``')
    """
    line = " ".join(shown(text).split())
    longest = max(map(len, re.findall("`+", line)), default=0)
    return Markup(f"{'`' * (longest + 1)} {line} {'`' * (longest + 1)}" if longest else f"`{line}`")


def _is_hugging_face(card: dict[str, Any]) -> bool:
    return card["architecture"] in _HUGGING_FACE and card["task"] in ("classify", "multilabel", "score")


def _metadata(card: dict[str, Any]) -> str:
    found = [code for script, code in _LANGUAGES.items() if script in card["scripts"]]
    languages = [code for code in found if code != "zh" or "ja" not in found]  # Japanese is written with both
    measured = next((file for file in card["files"] if file["use"] == "test"), card["files"][0])
    file, split = shown(measured["name"]), card["split"]
    results = [
        EvalResult("text-classification", file, file, name, score["value"], dataset_split=split)
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
