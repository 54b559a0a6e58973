"""Textwright: small language models that a person can trust, made from that person's own text.

>>> import textwright  # doctest: +SKIP
>>> textwright.train("reviews.csv", "my-model")  # doctest: +SKIP
>>> textwright.load("my-model").predict(["what a wonderful day"])  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textwright.api import (
        Evaluated,
        Trained,
        card,
        chat,
        compare,
        compare_settings,
        curve,
        evaluate,
        fill,
        generate,
        inspect,
        label,
        load,
        plan,
        pretrain,
        summarize,
        train,
        translate,
    )
    from textwright.core.errors import TextwrightError
    from textwright.estimator import TextClassifier, TextRegressor
    from textwright.tasks.pretraining.recipe import PretrainRecipe
    from textwright.tasks.recipe import Recipe, load_recipe

__all__ = [
    "Evaluated",
    "PretrainRecipe",
    "Recipe",
    "TextClassifier",
    "TextRegressor",
    "TextwrightError",
    "Trained",
    "card",
    "chat",
    "compare",
    "compare_settings",
    "curve",
    "evaluate",
    "fill",
    "generate",
    "inspect",
    "label",
    "load",
    "load_recipe",
    "plan",
    "pretrain",
    "summarize",
    "train",
    "translate",
]

_HOME = {
    "TextwrightError": "textwright.core.errors",
    "PretrainRecipe": "textwright.tasks.pretraining.recipe",
    "Recipe": "textwright.tasks.recipe",
    "load_recipe": "textwright.tasks.recipe",
    "TextClassifier": "textwright.estimator",
    "TextRegressor": "textwright.estimator",
}


def __getattr__(name: str) -> Any:
    """Import on first use, so that `import textwright` is quick."""
    if name not in __all__:
        raise AttributeError(f"module 'textwright' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME.get(name, "textwright.api")), name)
