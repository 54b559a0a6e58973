"""The model card: one record of values, card.json, and its renderings README.md and README.zh.md.

Every field is measured (from the records of the folder), stated by a person (`STATED`), or None, which
reads "not assessed". Headings follow Mitchell et al. 2019 (arXiv:1810.03993) and the template
of the Hugging Face Hub.
"""

from __future__ import annotations

from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from markupsafe import Markup

from textwright.report.markdown import STATED, languages, plain, rendered
from textwright.report.records import Records
from textwright.report.shown import shown
from textwright.report.verdict import FEW_ROWS, reference, verdict
from textwright.report.view import confusions
from textwright.report.words import Language

_MOST_LABELS = 40
# Findings of the report that a person must know who thinks of using the model.
_LIMITS = tuple(
    f"verdict.{name}" for name in ("weakest", "too_sure", "too_shy", "uneven", "labels_not_as_sure")
)
_HUGGING_FACE = ("transformer", "pretrained")
_WITHOUT_CLASS = ("nanochat",)


def make_card(records: Records, stated: dict[str, str] | None = None) -> dict[str, Any]:
    """All values of the card, once, ready for JSON."""
    manifest, data, plan = records.manifest, records.data, records.plan
    details = records.scores.get("details") or {}
    chosen: dict[str, Any] = next((c for c in plan.get("candidates") or [] if c["chosen"]), {})
    return {
        "name": records.name,
        "task": manifest["task"],
        "architecture": manifest["architecture"],
        "model_type": records.config.get("model_type"),
        "textwright_version": manifest["textwright_version"],
        "labels": manifest["schema"]["labels"],
        "range": [manifest["schema"]["low"], manifest["schema"]["high"]],
        "scripts": {k: v for k, v in manifest["schema"]["scripts"].items() if v >= 0.01},
        "masks": [
            {"token": one["token"], "terms": len(one["terms"])} for one in manifest["schema"].get("masks", [])
        ],
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
    measured = ["rows", "characters", "text", "cost"]
    empty = [key for key in measured if key in card and card[key] is None]
    empty += [] if card["scores"] else ["scores"]
    return empty + [key for key, value in card["stated"].items() if value is None]


def render_card(card: dict[str, Any], language: Language) -> str:
    """The card as Markdown, with the metadata that the Hugging Face Hub reads."""
    return rendered(
        "card.md",
        card,
        language,
        _metadata(card),
        labels=_labels(card["labels"]),
        few=FEW_ROWS,
        is_hugging_face=_is_hugging_face(card),
    )


def _labels(labels: list[str]) -> Markup:
    more = Markup(" …") if len(labels) > _MOST_LABELS else Markup("")
    return Markup(", ").join(map(plain, labels[:_MOST_LABELS])) + more


def _is_hugging_face(card: dict[str, Any]) -> bool:
    """Whether the library has a class that gives the same outputs; of NanoChat it has none."""
    return bool(card["architecture"] in _HUGGING_FACE and card["model_type"] not in _WITHOUT_CLASS)


def _metadata(card: dict[str, Any]) -> ModelCardData:
    measured = next((file for file in card["files"] if file["use"] == "test"), card["files"][0])
    file, split = shown(measured["name"]), card["split"]
    results = [
        EvalResult("text-classification", file, file, name, score["value"], dataset_split=split)
        for name, score in card["scores"].items()
        if score["value"] is not None
    ]
    return ModelCardData(
        language=languages(card["scripts"]),
        license=card["stated"]["license"],
        library_name="transformers" if _is_hugging_face(card) else "textwright",
        pipeline_tag="text-classification",
        tags=["textwright", card["architecture"], card["task"]],
        model_name=shown(card["name"]),
        eval_results=results or None,
    )
