"""Short names of settings and lists of their values, as they are typed after --set and --vary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from textwright import api
from textwright.cli.main import app
from textwright.cli.options import make_recipe, parse_models, parse_vary
from textwright.core.errors import ConfigError
from textwright.learn.settings import LearnSettings
from textwright.models.registry import ARCHITECTURES
from textwright.runtime.settings import ComputeSettings
from textwright.tasks.paths import full_path
from textwright.tasks.recipe import Recipe, load_recipe

SAMPLE = Path(api.__file__).parent / "sample" / "reviews.en.csv"


@pytest.mark.parametrize(
    ("key", "models", "path"),
    [
        ("seed", [], "seed"),
        ("learn.optimizer.rate", [], "learn.optimizer.rate"),
        ("model.hidden", [], "model.hidden"),
        ("tokenizer.kind", [], "tokenizer.kind"),
        ("optimizer.name", [], "learn.optimizer.name"),
        ("loss.label_smoothing", ["bag"], "learn.loss.label_smoothing"),
        ("batch", ["lstm"], "learn.batch"),
        ("precision", ["lstm"], "compute.precision"),
        ("hidden", ["lstm"], "model.hidden"),
        ("hidden", ["bag", "lstm"], "model.hidden"),
        ("min_rows", ["bag"], "model.min_rows"),
        # There is none, and the architecture says why.
        ("activation", ["lstm"], "model.activation"),
        # `bag` has epochs of its own, but those of learning come first.
        ("epochs", ["bag"], "learn.epochs"),
    ],
)
def test_a_short_name_has_one_place(key: str, models: list[str], path: str) -> None:
    assert full_path(key, models) == path


def test_the_first_group_that_has_a_name_wins() -> None:
    """The groups are asked in the order that the names are documented in, whatever they hold."""
    recipe, learn, compute = (set(kind.model_fields) for kind in (Recipe, LearnSettings, ComputeSettings))
    for name in ARCHITECTURES:
        for key in set(ARCHITECTURES.get(name).settings.model_fields):
            group = (
                ""
                if key in recipe
                else "learn."
                if key in learn
                else "compute."
                if key in compute
                else "model."
            )
            assert full_path(key, [name]) == group + key


@pytest.mark.parametrize(
    ("key", "models", "near"),
    [
        ("lern.epochs", [], "learn"),
        ("optimiser.name", [], "optimizer"),
        ("precison", [], "precision"),
        ("hiden", ["lstm"], "hidden"),
        ("hiden", ["bag", "lstm"], "hidden"),
        ("min_row", ["bag"], "min_rows"),
        ("lr", ["lstm"], "optimizer.rate"),
        ("label_smoothing", ["lstm"], "loss.label_smoothing"),
    ],
)
def test_an_unknown_name_has_the_nearest_of_all_groups(key: str, models: list[str], near: str) -> None:
    with pytest.raises(ConfigError, match=rf"unknown setting '{key}'\nDid you mean '{near}'\?"):
        full_path(key, models)


def test_a_name_inside_of_groups_has_all_its_places() -> None:
    with pytest.raises(ConfigError, match=r"\nDid you mean 'schedule\.decay' or 'average\.decay'\?$"):
        full_path("decay")


def test_settings_of_an_architecture_need_its_name() -> None:
    with pytest.raises(ConfigError, match="unknown setting 'hidden'"):
        full_path("hidden")
    with pytest.raises(ConfigError, match="unknown architecture 'lstn'\nDid you mean 'lstm'"):
        full_path("hidden", ["lstn"])


def test_set_takes_full_and_short_names() -> None:
    short = ["optimizer.name=sgd", "optimizer.rate=0.5", "threads=1", "hidden=8", "tokenizer.kind=char"]
    full = ["learn.optimizer.name=sgd", "learn.optimizer.rate=0.5", "compute.threads=1", "model.hidden=8"]
    made = make_recipe(None, short, model="lstm")
    assert made == make_recipe(None, [*full, "tokenizer.kind=char"], model="lstm") != Recipe()
    assert made == make_recipe(None, [*short, "model.name=lstm"])
    assert make_recipe("classic-lstm", ["hidden=8"]).model["hidden"] == 8
    assert make_recipe(None, ["hidden=8"], models=["bag", "lstm"]).model == {"name": "auto", "hidden": 8}


def test_set_names_what_is_wrong() -> None:
    with pytest.raises(
        ConfigError, match=r"^--set unknown setting 'learn\.optimizer\.rat'\nDid you mean 'rate'"
    ):
        make_recipe(None, ["optimizer.rat=1"])
    with pytest.raises(
        ConfigError, match=r"^--set unknown setting 'optimiser\.rate'\nDid you mean 'optimizer'"
    ):
        make_recipe(None, ["optimiser.rate=1"])
    with pytest.raises(ConfigError, match=r"^--set learn\.optimizer\.name: .*'adam'.*\(found 'adm'\)"):
        make_recipe(None, ["optimizer.name=adm"])
    for group, value, use in (
        ("optimizer", "sgd", "learn.optimizer.name=sgd"),
        ("loss", "focal", "learn.loss.name=focal"),
        ("tokenizer", "bpe", "tokenizer.kind=bpe"),
        ("model", "lstm", "model.name=lstm"),
    ):
        with pytest.raises(ConfigError, match=rf"group of settings.*\(found '{value}'\)\nUse {use}\."):
            make_recipe(None, [f"{group}={value}"])
    with pytest.raises(ConfigError, match=r"rate: .*finite number or 'auto' \(found inf\)"):
        make_recipe(None, ["optimizer.rate=.inf"])


def test_a_recipe_for_another_architecture_is_named() -> None:
    assert make_recipe("classic-lstm", [], model="gru").model_name == "gru"
    for named in ({"from_": "some/where"}, {"model": "cnn"}):
        with pytest.raises(ConfigError, match=r"the recipe is for lstm and sets model\.\w+, which"):
            make_recipe("classic-lstm", [], **named)


def test_a_recipe_that_spells_out_its_defaults_asks_for_what_differs(tmp_path: Path) -> None:
    """A model's recipe.yaml can be used again, that of bag too, which reads nothing of what it would set."""
    path = tmp_path / "recipe.yaml"
    asked = Recipe.parse({"model": {"name": "bag", "rate": 0.5}, "seed": 3, "learn": {"batch": 32}})
    path.write_text(asked.to_yaml(), encoding="utf-8")
    made = load_recipe(str(path))
    assert made.said() == {"model": {"name": "bag", "rate": 0.5}, "model.rate": 0.5, "seed": 3}
    assert made.model_dump() == asked.model_dump() and made.to_yaml() == asked.to_yaml()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=relu,tanh", ["relu", "tanh"]),
        ("a=relu", ["relu"]),
        ("a= 1e-3 , 2", [0.001, 2]),
        ("a=true,null,auto", [True, None, "auto"]),
        ("a=[3,4],[5],6", [[3, 4], [5], 6]),
        ("a={b: 1, c: [2,3]},4", [{"b": 1, "c": [2, 3]}, 4]),
        ("a='x,y',z", ["x,y", "z"]),
        ("a=['x,y',z],1", [["x,y", "z"], 1]),
        ("a=don't,stop", ["don't", "stop"]),
        ("a=x=1,y=2", ["x=1", "y=2"]),
        ("a=x],y", ["x]", "y"]),
    ],
)
def test_values_are_split_outside_of_brackets_and_quotes(text: str, values: list[Any]) -> None:
    assert parse_vary([text]) == {"a": values}


def test_several_settings_keep_their_order() -> None:
    assert list(parse_vary(["b=1,2", "a=3"])) == ["b", "a"]
    assert parse_vary(None) == {}


@pytest.mark.parametrize("text", ["a", "a=", "=1,2", "a=1,,2", "a=1,", ""])
def test_a_list_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected path\.to\.field=value,value"):
        parse_vary([text])


def test_a_setting_has_one_list() -> None:
    with pytest.raises(ConfigError, match="--vary a: given twice"):
        parse_vary(["a=1", "a=2"])


def test_models_are_a_list() -> None:
    assert parse_models(" lstm, gru,") == ["lstm", "gru"] and parse_models(None) == []


def test_plan_and_train_take_short_names(tmp_path: Path) -> None:
    data = tmp_path / "a.csv"
    data.write_text("\n".join(SAMPLE.read_text(encoding="utf-8").splitlines()[:61]), encoding="utf-8")
    given = [str(data), "--model", "bag", "--set", "min_rows=1", "--set", "rate=0.5"]
    planned = CliRunner().invoke(app, ["plan", *given])
    assert planned.exit_code == 0 and "min_rows = 1" in planned.stdout
    trained = CliRunner().invoke(app, ["train", *given, "--out", str(tmp_path / "m"), "--minutes", "1"])
    assert trained.exit_code == 0, trained.output
    recipe = (tmp_path / "m" / "recipe.yaml").read_text(encoding="utf-8")
    assert "min_rows: 1" in recipe and "rate: 0.5" in recipe
