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
from textwright.tasks.pretraining.usual import filled, usual_schedule

# Up to so many pairs: the dropout; and at most, of pairs that are seen so few times that none is known by
# heart (arXiv:2505.24788).
_DROPOUT = ((50_000, 0.3), (300_000, 0.2), (1_000_000, 0.1))
_FEW_PASSES, _DROPOUT_OF_FEW = 4.0, 0.1
# Of a tiny one: lighter than of a language, which has to know more (arXiv:2011.02266 and docs/log.md).
_TINY = {"inner": 256, "heads": 4}
_SMOOTHING, _EMA = 0.1, 0.999
# Below so many told tokens a larger network knows them by heart, and it is worth its size where it sees so
# many tokens for each weight. Operations a second of two cores, by which it is told what there is time for
# (docs/log.md).
_LEAST_TOLD: dict[SizeName, int] = {"tiny": 0, "small": 3_000_000}
_TOKENS_PER_WEIGHT, _SPEED = 4.0, 1e11
# Tokens of the longer side of a step at most, and the highest rate, of a network by its size; fewer where
# there would be too few steps (docs/log.md).
_TOKENS_PER_STEP: dict[SizeName, int] = {"tiny": 2_048, "small": 4_096, "base": 8_192}
_LEAST_PER_STEP, _LEAST_STEPS = 1_024, 5_000
_RATE: dict[SizeName, float] = {"tiny": 4e-3, "small": 3e-3, "base": 2e-3}
# Of layers that are recurrent the rate of muon is so many times as high (docs/log.md).
_TIMES_RECURRENT = 2.0


def of_pairs(
    recipe: PretrainRecipe,
    architecture: LanguageArchitecture,
    asked: LanguageSettings,
    learned: Learned,
    reasons: dict[str, str],
    budget: tuple[float, float],
) -> tuple[LanguageSettings, LearnSettings]:
    """Sizes and settings of the fit; what was asked for stays. `budget` is the seconds there are, and the
    tokens to learn from.
    """
    train = learned.corpus.train
    pairs, told = int(train.about["documents"]), int(train.about["told"])
    size: SizeName = "tiny"
    if asked.size == "auto":
        size, reasons["model.size"] = _size(architecture, asked, learned, budget)
    else:
        size = asked.size
    settings = _sized(architecture, asked, size)
    if "dropout" not in asked.said():
        dropout = _dropout(pairs, _seen(settings, learned, budget)[0] / max(len(train), 1), reasons)
        settings = settings.replaced({"dropout": dropout})
    # Half of what is seen is the longer side, or a little more.
    per_step = _seen(settings, learned, budget)[0] / 2 / _LEAST_STEPS
    per_step = min(max(per_step, _LEAST_PER_STEP), _TOKENS_PER_STEP[size])
    batch = _batch(int(per_step), told / max(pairs, 1), recipe, reasons)
    return settings, _learning(recipe.learn.replaced(batch), architecture, size, reasons)


def going_on_with_pairs(recipe: PretrainRecipe, learned: Learned, reasons: dict[str, str]) -> dict[str, Any]:
    """What is other than for raw text, of a model that is gone on with: steps by their tokens, and softer
    targets.
    """
    about = learned.corpus.train.about
    length = int(about["told"]) / max(int(about["documents"]), 1)
    found: dict[str, Any] = _batch(_LEAST_PER_STEP, length, recipe, reasons)
    if "loss.label_smoothing" not in recipe.learn.said():
        found["loss.label_smoothing"] = _SMOOTHING
    return found


def _sized(architecture: LanguageArchitecture, asked: LanguageSettings, size: SizeName) -> LanguageSettings:
    """Every `auto` of the sizes as a number."""
    settings = asked.replaced({"size": size})
    if size == "tiny" and asked.width == "auto" and not architecture.is_recurrent:
        settings = settings.replaced({k: v for k, v in _TINY.items() if getattr(asked, k) == "auto"})
    return settings.sized()


def _size(
    architecture: LanguageArchitecture, asked: LanguageSettings, learned: Learned, budget: tuple[float, float]
) -> tuple[SizeName, str]:
    """The largest that there is enough to tell for, and enough time."""
    told = int(learned.corpus.train.about["told"])
    best: SizeName = "tiny"
    for name, least in _LEAST_TOLD.items():
        seen, weights = _seen(_sized(architecture, asked, name), learned, budget)
        if told < least:
            break
        if name != "tiny" and seen < _TOKENS_PER_WEIGHT * weights:
            return best, f"{best}: for {told:,} tokens to tell, of which {name} would see too few in the time"
        best = name
    return best, f"{best}: for {told:,} tokens to tell"


def _seen(settings: LanguageSettings, learned: Learned, budget: tuple[float, float]) -> tuple[float, int]:
    """Tokens of both sides that there is time for, and the weights of its products. A token goes through the
    layers that read or through those that tell, and half of them are told.
    """
    weights = settings.num_products() + learned.corpus.tokenizer.size * int(settings.width)
    seconds, tokens = budget
    return min(tokens, seconds * _SPEED / (3 * weights)), weights


def _dropout(pairs: int, passes: float, reasons: dict[str, str]) -> float:
    """For so many pairs that are gone over so often."""
    dropout = next((value for limit, value in _DROPOUT if pairs <= limit), 0.0)
    if passes < _FEW_PASSES and dropout > _DROPOUT_OF_FEW:
        reasons["model.dropout"] = f"{_DROPOUT_OF_FEW:g}: {pairs:,} pairs are seen about {passes:.1f} times"
        return _DROPOUT_OF_FEW
    reasons["model.dropout"] = f"{dropout:g}: for {pairs:,} pairs"
    return dropout


def _batch(per_step: int, length: float, recipe: PretrainRecipe, reasons: dict[str, str]) -> dict[str, int]:
    """Pairs of a step, of so many told tokens each."""
    if "batch" in recipe.learn.said():
        return {}
    batch = max(round(per_step / max(length, 1)), 1)
    reasons["learn.batch"] = f"{batch} pairs of mean length, about {per_step:,} tokens"
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
    found |= usual_schedule(said)
    if "patience" not in said:
        found["patience"] = 0
    if "loss.label_smoothing" not in said:
        found["loss.label_smoothing"] = _SMOOTHING
    found |= filled({"average.name": "ema", "average.decay": _EMA}, said)
    return learn.replaced(found, where="learn.")
