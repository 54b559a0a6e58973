"""Settings that would change nothing are refused before data are read, by train, plan and compare alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from textwright import api
from textwright.choose.candidates import families
from textwright.cli.main import app
from textwright.core.errors import CheckpointError, ConfigError, DataError
from textwright.core.settings import Settings
from textwright.models.registry import ARCHITECTURES
from textwright.tasks.needs import NEEDS, check_recipes, check_target
from textwright.tasks.paths import full_path, with_settings
from textwright.tasks.recipe import Recipe
from textwright.text.schema import Schema

SCHEMA = {"text": "text", "label": "label", "labels": ["a", "b", "c"]}


def asked(model: str, settings: dict[str, Any]) -> Recipe:
    return with_settings(Recipe(), {"model.name": model, **settings}, [] if model == "auto" else [model])


def refused(model: str, settings: dict[str, Any]) -> str:
    """What the check says; nothing when it takes the recipe."""
    names = families() if model == "auto" else (model,)
    try:
        check_recipes([(asked(model, settings), name) for name in names])
    except ConfigError as error:
        return error.message
    return ""


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    """What can be looked at of a checkpoint that drops nothing."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    config = {"model_type": "bert", "hidden_dropout_prob": 0, "attention_probs_dropout_prob": 0.0}
    for name, content in (("config.json", config), ("tokenizer.json", {}), ("model.safetensors", {})):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(
    ("model", "settings", "reason"),
    [
        (
            "lstm",
            {"optimizer.name": "adam", "optimizer.weight_decay": 0.5},
            "it is of learn.optimizer.name=adamw or",
        ),
        (
            "lstm",
            {"optimizer.momentum": 0.5},
            "it is of learn.optimizer.name=sgd or muon, which is adamw here",
        ),
        ("lstm", {"optimizer.name": "gd", "batch": 8}, "it is of learn.optimizer.name=adamw or"),
        ("lstm", {"schedule.decay": 0.5}, "it is of learn.schedule.name=hold, which is linear here"),
        ("lstm", {"average.decay": 0.5}, "it is of learn.average.name=ema, which is none here"),
        (
            "lstm",
            {"average.name": "ema", "average.start": 0.2},
            "it is of learn.average.name=mean, which is ema here",
        ),
        ("lstm", {"loss.gamma": 3.0}, "it is of learn.loss.name=focal, which is auto here"),
        ("lstm", {"loss.delta": 2.0}, "it is of learn.loss.name=huber, which is auto here"),
        ("cnn", {"dropout": 0, "loss.r_drop": 1.0}, "without dropout the two passes"),
        ("cnn", {"optimizer.layer_decay": 0.9}, "cnn has no layers one above the other"),
        ("lstm", {"checkpoint_gradients": True}, "lstm has no stack of layers to compute twice"),
    ],
)
def test_what_has_no_effect_is_refused_with_the_reason(
    model: str, settings: dict[str, Any], reason: str
) -> None:
    key, value = list(settings.items())[-1]
    assert refused(model, settings).startswith(f"{full_path(key, [model])}={value} has no effect: {reason}")


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("lstm", {"optimizer.name": "sgd", "optimizer.momentum": 0.5, "optimizer.weight_decay": 0.5}),
        ("lstm", {"optimizer.name": "adam", "optimizer.weight_decay": 0}),
        ("lstm", {"optimizer.name": "adam", "optimizer.weight_decay": "auto"}),
        ("lstm", {"schedule.name": "hold", "schedule.decay": 0.5}),
        ("lstm", {"average.name": "ema", "average.decay": 0.5}),
        ("lstm", {"loss.name": "focal", "loss.gamma": 3}),
        ("lstm", {"loss.r_drop": 1, "optimizer.layer_decay": 0.9, "patience": 0}),
        ("cnn", {"loss.r_drop": 1, "dropout": 0, "embedding_dropout": 0.1}),
        ("cnn", {"loss.r_drop": 0, "dropout": 0, "optimizer.layer_decay": 1}),
        ("transformer", {"checkpoint_gradients": True, "tokenizer.kind": "bpe"}),
        ("bag", {"min_rows": 1, "seed": 3, "split.test": 0.2, "budget.minutes": 1, "precision": "auto"}),
        ("auto", {"optimizer.name": "sgd", "threads": 1, "optimizer.layer_decay": 0.9}),
    ],
)
def test_what_has_an_effect_is_taken(model: str, settings: dict[str, Any]) -> None:
    assert refused(model, settings) == ""


@pytest.mark.parametrize(
    "settings",
    [
        {"learn.optimizer.name": "sgd"},
        {"learn.optimizer.name": "adamw"},
        {"learn.loss.name": "mse"},
        {"compute.device": "cuda"},
        {"learn.optimizer.layer_decay": 0.5},
        {"tokenizer.kind": "bpe"},
        {"vectors.path": "x.vec"},
    ],
)
def test_a_solver_refuses_what_only_networks_read(settings: dict[str, Any]) -> None:
    (path,) = settings
    assert refused("bag", settings) == f"bag brings a fit of its own, which {path} does not change"
    assert refused("auto", settings) == "", "another candidate reads it"


def test_a_setting_of_its_own_is_named() -> None:
    for path, hint in (
        ("learn.epochs", "Use model.epochs, which it has."),
        ("learn.batch", "Leave it out, or name a network: cnn, rnn"),
    ):
        with pytest.raises(ConfigError) as caught:
            check_recipes([(asked("bag", {path: 3}), "bag")])
        assert caught.value.hint.startswith(hint)


def test_what_no_candidate_reads_is_refused() -> None:
    both = (
        "bag brings a fit of its own, which learn.loss.gamma does not change; "
        "learn.loss.gamma=3.0 has no effect: it is of learn.loss.name=focal, which is auto here"
    )
    assert refused("auto", {"loss.gamma": 3}) == both
    assert refused("auto", {"checkpoint_gradients": True}) == ""  # the transformer among them has one


def test_a_checkpoint_has_needs_of_its_own(encoder: str) -> None:
    def of(**settings: Any) -> str:
        given = {key.replace("__", "."): value for key, value in settings.items()}
        return refused("pretrained", {"checkpoint": encoder, **given})

    assert of() == of(tune="lora", rank=4) == of(loss__r_drop=1, dropout=0.1) == ""
    assert of(rank=4) == "model.rank=4 has no effect: it is of model.tune=lora, which is full here"
    assert "only the head learns" in of(tune="head", optimizer__layer_decay=0.9)
    assert of(optimizer__layer_decay=0.9) == ""
    assert "without dropout" in of(loss__r_drop=1) and "without dropout" in of(loss__r_drop=1, dropout=0)
    assert "brings its own tokenizer" in of(tokenizer__kind="bpe") and of(tokenizer__max_length=9) == ""
    assert "has vectors of its own" in of(vectors__path="x.vec")
    config = Path(encoder) / "config.json"
    config.write_text('{"model_type": "bert"}', encoding="utf-8")
    assert of(loss__r_drop=1) == "", "what is usual for the class is not known here"
    assert of(type="roberta").startswith("model.type: is a setting of transformer, which starts from nothing")
    assert "the checkpoint brings its own (found 'relu')" in of(activation="relu")


def test_the_table_names_settings_that_there_are() -> None:
    kinds = [ARCHITECTURES.get(name).settings for name in ARCHITECTURES]
    for path in NEEDS:
        group, _, key = path.partition(".")
        if group == "model":
            assert any(key in kind.model_fields for kind in kinds), path
        else:
            value: Any = {"tokenizer": {"kind": "word"}}
            found: Any = Recipe.parse(value)
            for part in path.split("."):
                assert part in type(found).model_fields, path
                found = getattr(found, part)
            assert not isinstance(found, Settings), path


def test_all_three_verbs_refuse_before_anything_is_read(tmp_path: Path) -> None:
    missing, out = tmp_path / "missing.csv", tmp_path / "out"
    for model, settings, said in (
        ("bag", {"optimizer.name": "sgd"}, "bag brings a fit of its own"),
        ("cnn", {"schedule.decay": 0.1}, "has no effect"),
        ("cnn", {"model.hiden": 1}, "unknown setting 'model.hiden'"),
        ("cnn", {"activation": "geul"}, "'geul'"),
        ("lstm", {"activation": "relu"}, "the gates of"),
        ("cnn", {"tokenizer.kind": "bqe"}, "unknown kind of tokenizer 'bqe'"),
        ("pretrained", {}, "none is named"),
        ("pretrained", {"checkpoint": str(tmp_path / "no")}, "there is no such folder"),
    ):
        recipe = asked(model, settings)
        for verb in (
            lambda recipe=recipe: api.train(missing, out, recipe),
            lambda recipe=recipe: api.plan(missing, recipe),
            lambda recipe=recipe: api.compare_settings(missing, out, recipe, vary={"seed": [0, 1]}),
        ):
            with pytest.raises((ConfigError, CheckpointError)) as caught:
                verb()
            assert said in caught.value.message
    with pytest.raises(DataError):
        api.train(missing, out, asked("bag", {}))


def test_a_loss_is_checked_when_the_columns_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "a.csv"
    data.write_text(
        "text,label\n" + "".join(f"word {i},{'ab'[i % 2]}\n" for i in range(20)), encoding="utf-8"
    )

    def no(*given: object, **named: object) -> None:
        raise AssertionError("twins were looked for before")

    monkeypatch.setattr("textwright.tasks.prepare.find_twins", no)
    for run in (lambda r: api.train(data, tmp_path / "m", r), lambda r: api.plan(data, r)):
        with pytest.raises(
            ConfigError, match=r"learn\.loss\.name=mse is for scores; the target holds labels"
        ):
            run(asked("cnn", {"loss.name": "mse"}))
    for task, loss in (("score", {"label_smoothing": 0.1}), ("score", {"class_weights": "balanced"})):
        with pytest.raises(ConfigError, match="is for labels; the target holds scores"):
            check_target(Recipe.parse({"learn": {"loss": loss}}), Schema.parse({**SCHEMA, "task": task}))
    check_target(
        Recipe.parse({"learn": {"loss": {"name": "focal"}}}), Schema.parse({**SCHEMA, "task": "classify"})
    )


def test_the_command_line_says_it(tmp_path: Path) -> None:
    data = tmp_path / "a.csv"
    data.write_text("text,label\na,b\n", encoding="utf-8")
    given = [str(data), "--model", "bag", "--set", "device=cuda"]
    for verb in (["plan", *given], ["train", *given, "--out", str(tmp_path / "m")]):
        result = CliRunner().invoke(app, verb)
        assert result.exit_code == 2
        assert "error: bag brings a fit of its own, which compute.device does not change" in result.output
