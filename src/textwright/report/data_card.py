"""The data card of an audit: what the data are and what was found in them, in two languages.

Headings follow "Datasheets for Datasets" (Gebru et al. 2018, arXiv:1803.09010); the metadata are those that
the Hugging Face Hub reads. What nobody measured or stated says that it was not assessed.
"""

from __future__ import annotations

from typing import Any

from huggingface_hub import DatasetCardData
from markupsafe import Markup

from textwright.report.markdown import plain, rendered
from textwright.report.words import Language

_MOST_LABELS = 40
_CATEGORIES = {
    "classify": "text-classification",
    "multilabel": "text-classification",
    "score": "text-classification",
    "translate": "translation",
    "summarize": "summarization",
}
_KNOWN = ("en", "zh", "ja")


def render_data_card(record: dict[str, Any], summary: dict[str, Any], language: Language) -> str:
    """The card as Markdown; `record` is audit.json, `summary` what the audit came to."""
    names = ", ".join(file["name"] for file in record["files"])
    card = {**record, "name": names, "audits": [summary], "scripts": {}}
    return rendered(
        "data_card.md", card, language, _metadata(record, names), labels=_labels(record["labels"])
    )


def _labels(labels: list[str]) -> Markup:
    more = Markup(" …") if len(labels) > _MOST_LABELS else Markup("")
    return Markup(", ").join(map(plain, labels[:_MOST_LABELS])) + more


def _metadata(record: dict[str, Any], names: str) -> DatasetCardData:
    category = _CATEGORIES.get(record["task"])
    return DatasetCardData(
        language=[record["language"]] if record["language"] in _KNOWN else None,
        pretty_name=names,
        task_categories=None if category is None else [category],
        tags=["textwright"],
    )
