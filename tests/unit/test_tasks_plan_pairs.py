"""The size and the dropout of a model of pairs, by what there is to tell and the time there is."""

from __future__ import annotations

from typing import Any

import pytest

from textwright.models.language.registry import LANGUAGE_MODELS
from textwright.tasks.pretraining.plan_pairs import of_pairs
from textwright.tasks.pretraining.recipe import PretrainRecipe

INF = float("inf")


class Part:
    """Tokens of which only the counts are looked at."""

    def __init__(self, pairs: int, told: int) -> None:
        self.about = {"documents": pairs, "told": told}

    def __len__(self) -> int:
        return 2 * int(self.about["told"])


class Learned:
    def __init__(self, pairs: int, told: int) -> None:
        self.corpus: Any = type(
            "Corpus", (), {"train": Part(pairs, told), "tokenizer": type("T", (), {"size": 16_384})}
        )


@pytest.mark.parametrize(
    ("pairs", "told", "seconds", "size", "dropout"),
    [
        (29_000, 400_000, INF, "tiny", 0.3),
        (200_000, 4_000_000, INF, "small", 0.2),
        (200_000, 4_000_000, 5_400, "tiny", 0.2),
        (200_000, 4_000_000, 1_200, "tiny", 0.1),
        (2_000_000, 40_000_000, 1_200, "tiny", 0.0),
    ],
)
def test_what_there_is_no_time_for_is_not_chosen(
    pairs: int, told: int, seconds: float, size: str, dropout: float
) -> None:
    recipe = PretrainRecipe.parse({"objective": "translate"})
    architecture, reasons = LANGUAGE_MODELS.get("m2m100"), {}
    asked = architecture.settings.parse({"positions": 256})
    settings, _ = of_pairs(recipe, architecture, asked, Learned(pairs, told), reasons, (seconds, INF))  # type: ignore[arg-type]
    assert (settings.size, settings.dropout) == (size, dropout)
    assert reasons["model.size"].startswith(size) and reasons["model.dropout"].startswith(f"{dropout:g}")


@pytest.mark.parametrize(("seconds", "per_step"), [(600, 1_024), (12_000, 3_050), (INF, 4_096)])
def test_there_are_enough_steps(seconds: float, per_step: int) -> None:
    recipe = PretrainRecipe.parse({"objective": "translate"})
    architecture = LANGUAGE_MODELS.get("m2m100")
    asked = architecture.settings.parse({"size": "small", "positions": 256})
    _, learn = of_pairs(recipe, architecture, asked, Learned(200_000, 4_000_000), {}, (seconds, INF))  # type: ignore[arg-type]
    assert 20 * learn.batch == pytest.approx(per_step, rel=0.1)


def test_what_was_asked_for_stays() -> None:
    recipe = PretrainRecipe.parse({"objective": "translate"})
    architecture = LANGUAGE_MODELS.get("m2m100")
    asked = architecture.settings.parse({"size": "small", "dropout": 0.25, "positions": 256})
    settings, _ = of_pairs(recipe, architecture, asked, Learned(99, 999), {}, (1.0, INF))  # type: ignore[arg-type]
    assert (settings.size, settings.dropout, settings.width) == ("small", 0.25, 256)
