"""The space of what is tried."""

from __future__ import annotations

from typing import Any

import pytest

from textwright.choose.candidates import SPACE, families, proposals_for, suited
from textwright.core.errors import ConfigError
from textwright.models.registry import ARCHITECTURES
from textwright.tasks.recipe import Recipe
from textwright.text.schema import Schema


def schema(task: Any = "classify", scripts: dict[str, float] | None = None) -> Schema:
    return Schema(task=task, text="t", label="l", labels=["a", "b"], scripts=scripts or {"latin": 1.0})


@pytest.mark.parametrize("proposal", SPACE, ids=lambda proposal: proposal.name)
def test_every_setting_of_the_space_is_one_of_its_architecture(proposal: Any) -> None:
    recipe = proposal.recipe(Recipe())
    settings = ARCHITECTURES.get(proposal.model).settings.parse(recipe.model_settings)
    assert settings.said().keys() == proposal.settings.keys() and proposal.why


def test_names_are_told_apart_and_the_simple_come_first() -> None:
    found = proposals_for(Recipe())
    assert [p.rank for p in found] == list(range(len(found)))
    assert families() == ("bag", "cnn", "lstm", "transformer")
    assert families(has_texts=True) == ("bag", "latent", "cnn", "lstm", "transformer")
    for texts in ({"latin": 1.0}, {"han": 1.0}):
        some = suited(found, schema(scripts=texts), is_long=True, prefer="accuracy")
        assert len({p.name for p in some}) == len(some)


def test_fits_that_differ_by_chance_are_for_ensembles_and_have_other_seeds() -> None:
    found = proposals_for(Recipe())
    assert not [p for p in suited(found, schema(), is_long=False, prefer="balanced") if p.seed]
    again = next(p for p in suited(found, schema(), is_long=False, prefer="accuracy") if p.seed)
    assert again.recipe(Recipe()).seed != Recipe().seed


def test_graded_scores_have_no_margin_to_ask_for() -> None:
    names = [p.name for p in suited(proposals_for(Recipe()), schema("score"), is_long=True, prefer="fast")]
    assert names == ["bag", "bag rich", "cnn slim", "cnn", "lstm", "transformer"]


def test_a_checkpoint_that_is_named_is_one_more() -> None:
    asked = Recipe.parse({"model": {"name": "auto", "checkpoint": "some/folder"}, "candidates": ["bag"]})
    found = proposals_for(asked)
    assert found[-1].name == "pretrained"
    assert found[-1].recipe(asked).model == {"name": "pretrained", "checkpoint": "some/folder"}
    assert found[0].recipe(asked).model == {"name": "bag"}
    everything = proposals_for(Recipe.parse({"model": asked.model}))
    names = [p.name for p in everything]
    assert names.index("pretrained") == names.index("cnn slim") - 1  # tried before networks from nothing
    assert everything[names.index("pretrained")].rank > everything[names.index("lstm")].rank


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"candidates": ["bga"]}, "there is no family 'bga'"),
        ({"candidates": []}, "there are none"),
        ({"candidates": ["pretrained"]}, "starts from a checkpoint, and none is named"),
        ({"model": {"name": "auto", "hidden": 3}}, "is a setting of one architecture"),
        ({"model": {"name": "cmn"}}, "unknown architecture 'cmn'"),
    ],
)
def test_what_is_unknown_is_refused(recipe: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        proposals_for(Recipe.parse(recipe))
    assert said in caught.value.message
