"""What `auto` stands for when pairs are learned, and the reason in one line each.

Pairs are few and gone over many times: what keeps a network from knowing them by heart decides (Araabi and
Monz, arXiv:2011.02266).
"""

from __future__ import annotations

from typing import Any

from textwright.learn.settings import LearnSettings
from textwright.models.language.base import LanguageArchitecture
from textwright.models.language.settings import LanguageSettings, SizeName
from textwright.tasks.pretraining.corpus import Learned
from textwright.tasks.pretraining.recipe import PretrainRecipe

# Up to so many pairs: the dropout.
_DROPOUT = ((50_000, 0.3), (300_000, 0.2), (1_000_000, 0.1))
# Of a tiny one: lighter than of a language, which has to know more (arXiv:2011.02266 and docs/log.md).
_TINY = {"inner": 256, "heads": 4}
_SMOOTHING, _EMA = 0.1, 0.999
# Below so many told tokens a larger network knows them by heart.
_LEAST_TOLD: dict[SizeName, int] = {"tiny": 0, "small": 3_000_000}
# Tokens of the longer side of a step, and the highest rate, of a network by its size (docs/log.md).
_TOKENS_PER_STEP: dict[SizeName, int] = {"tiny": 2_048, "small": 4_096, "base": 8_192}
_RATE: dict[SizeName, float] = {"tiny": 4e-3, "small": 3e-3, "base": 2e-3}
# Of layers that are recurrent the rate of muon is so many times as high (docs/log.md).
_TIMES_RECURRENT = 2.0


def of_pairs(
    recipe: PretrainRecipe,
    architecture: LanguageArchitecture,
    asked: LanguageSettings,
    learned: Learned,
    reasons: dict[str, str],
) -> tuple[LanguageSettings, LearnSettings]:
    """Sizes and settings of the fit; what was asked for stays."""
    about = learned.corpus.train.about
    pairs, told = int(about["documents"]), int(about["told"])
    size = _size(told) if asked.size == "auto" else asked.size
    if asked.size == "auto":
        reasons["model.size"] = f"{size}: for {told:,} tokens to tell"
    settings = asked.replaced({"size": size})
    if size == "tiny" and asked.width == "auto" and not architecture.is_recurrent:
        settings = settings.replaced({k: v for k, v in _TINY.items() if getattr(asked, k) == "auto"})
    settings = settings.sized()
    if "dropout" not in asked.said():
        dropout = next((value for limit, value in _DROPOUT if pairs <= limit), 0.0)
        settings = settings.replaced({"dropout": dropout})
        reasons["model.dropout"] = f"{dropout:g}: for {pairs:,} pairs"
    batch = _batch(size, told / max(pairs, 1), recipe, reasons)
    return settings, _learning(recipe.learn.replaced(batch), architecture, size, reasons)


def going_on_with_pairs(recipe: PretrainRecipe, learned: Learned, reasons: dict[str, str]) -> dict[str, Any]:
    """What is other than for raw text, of a model that is gone on with: steps by their tokens, and softer
    targets.
    """
    about = learned.corpus.train.about
    length = int(about["told"]) / max(int(about["documents"]), 1)
    found: dict[str, Any] = _batch("tiny", length, recipe, reasons)
    if "loss.label_smoothing" not in recipe.learn.said():
        found["loss.label_smoothing"] = _SMOOTHING
    return found


def _size(told: int) -> SizeName:
    """The largest that there is enough to tell for."""
    return next(name for name, least in reversed(_LEAST_TOLD.items()) if told >= least)


def _batch(size: SizeName, length: float, recipe: PretrainRecipe, reasons: dict[str, str]) -> dict[str, int]:
    """Pairs of a step, of so many told tokens each."""
    if "batch" in recipe.learn.said():
        return {}
    batch = max(round(_TOKENS_PER_STEP[size] / max(length, 1)), 1)
    reasons["learn.batch"] = f"{batch} pairs of mean length, about {_TOKENS_PER_STEP[size]:,} tokens"
    return {"batch": batch}


def _learning(
    learn: LearnSettings, architecture: LanguageArchitecture, size: SizeName, reasons: dict[str, str]
) -> LearnSettings:
    said = learn.said()
    found: dict[str, Any] = {}
    if "optimizer.name" not in said:
        found["optimizer.name"] = "muon"
        reasons["learn.optimizer.name"] = "muon: fewer steps than adamw for the same loss"
    if learn.optimizer.rate == "auto":
        is_higher = architecture.is_recurrent and found.get("optimizer.name", learn.optimizer.name) == "muon"
        rate = _RATE[size] * (_TIMES_RECURRENT if is_higher else 1)
        found["optimizer.rate"] = rate
        reasons["learn.optimizer.rate"] = f"{rate:g}: for a model of this size"
    if "schedule.name" not in said:
        found |= {"schedule.name": "hold", "schedule.warmup": 0.02, "schedule.decay": 0.7}
    if "patience" not in said:
        found["patience"] = 0
    if "loss.label_smoothing" not in said:
        found["loss.label_smoothing"] = _SMOOTHING
    if "average.name" not in said:
        found |= {"average.name": "ema", "average.decay": _EMA}
    return learn.replaced(found, where="learn.")
