"""The model card of a language model; see `report.card`."""

from __future__ import annotations

import shlex
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from textwright.report.markdown import STATED, languages, rendered
from textwright.report.records import Records
from textwright.report.shown import shown
from textwright.report.words import Language

# Of each objective: what the Hub calls it, and the class of the library.
_PIPELINES = {
    "causal": ("text-generation", "AutoModelForCausalLM"),
    "hybrid": ("text-generation", "AutoModelForCausalLM"),
    "instruct": ("text-generation", "AutoModelForCausalLM"),
    "denoise": ("text2text-generation", "AutoModelForSeq2SeqLM"),
    "translate": ("translation", "AutoModelForSeq2SeqLM"),
    "summarize": ("summarization", "AutoModelForSeq2SeqLM"),
    "masked": ("fill-mask", "AutoModelForMaskedLM"),
}
# Architectures whose class the library lacks: the module of their name brings it.
_OWN_CLASSES = ("lstm", "lstm-pairs")
_SIZES = ("layers", "width", "heads", "positions")


def make_language_card(records: Records, stated: dict[str, str] | None = None) -> dict[str, Any]:
    """All values of the card, once, ready for JSON. `text` is None for the folder of an early version."""
    manifest, plan, text = records.manifest, records.plan, records.data
    return {
        "name": records.name,
        "task": manifest["task"],
        "objective": manifest["schema"]["objective"],
        "architecture": manifest["architecture"],
        "textwright_version": manifest["textwright_version"],
        "interrupted": bool(plan.get("interrupted")),
        "started_from": (plan.get("reasons") or {}).get("model.checkpoint"),
        "file": manifest["data"][0],
        "test_file": next(iter(manifest["data"][1:]), None),
        "text": text or None,
        "scripts": {k: v for k, v in (text.get("scripts") or {}).items() if v >= 0.01},
        "mask": text.get("mask"),
        "languages": _known(manifest["schema"]),
        "scores": manifest["scores"],
        "split": manifest["split"],
        "parameters": manifest["parameters"],
        "size": {key: plan["model"][key] for key in _SIZES if plan["model"][key] != "auto"},
        "tokens": plan["tokens"],
        "epochs": plan["epochs"],
        "cost": plan.get("cost"),
        "stated": {key: (stated or {}).get(key) for key in STATED},
    }


def _known(schema: dict[str, Any]) -> list[str] | None:
    """Codes of the languages of both sides of pairs, as far as they were told."""
    found = [code for code in schema.get("languages") or [] if code != "und"]
    return list(dict.fromkeys(found)) or None


def render_language_card(card: dict[str, Any], language: Language) -> str:
    """The card as Markdown, with the metadata that the Hugging Face Hub reads."""
    return rendered(
        "language_card.md",
        card,
        language,
        _metadata(card),
        shell_name=shlex.quote(shown(card["name"])),
        library_class=_PIPELINES[card["objective"]][1],
        has_own_class=card["architecture"] in _OWN_CLASSES,
    )


def _metadata(card: dict[str, Any]) -> ModelCardData:
    task, file = _PIPELINES[card["objective"]][0], shown(card["file"]["name"])
    results = [
        EvalResult(task, file, file, name, score["value"], dataset_split=card["split"])
        for name, score in card["scores"].items()
        if score["value"] is not None
    ]
    return ModelCardData(
        language=card.get("languages") or languages(card["scripts"]),
        license=card["stated"]["license"],
        library_name="textwright" if card["architecture"] in _OWN_CLASSES else "transformers",
        pipeline_tag=task,
        tags=["textwright", card["architecture"], "language-model"],
        model_name=shown(card["name"]),
        eval_results=results or None,
    )
