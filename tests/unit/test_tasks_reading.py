"""How long texts are read is measured: planted data, data of nothing, clocks, folders, resuming, refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkpoints import tiny_checkpoint
from textwright import api
from textwright.core.clock import Clock, Steps
from textwright.core.errors import BundleError, ConfigError
from textwright.core.events import Event
from textwright.core.records import StepEvent
from textwright.tasks.examples import Examples, Job
from textwright.tasks.judging import judged, row_losses
from textwright.tasks.needs import check_recipes, check_target
from textwright.tasks.paths import with_settings
from textwright.tasks.predictor import Predictor
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import reading, trainer_for
from textwright.tasks.trainers.engine import NetworkEngine
from textwright.tasks.trainers.long import CUT, Long
from textwright.tasks.trainers.network import NetworkTrainer
from textwright.tasks.trainers.reading import LongReading
from textwright.text.chunks import LongSettings
from textwright.text.schema import Schema

WINDOW, LABELS = 12, ("bad", "good")
CNN = {"model.name": "cnn", "model.embedding": 8, "model.filters": 8, "model.widths": [1]}
TOKENS = {"tokenizer.kind": "word", "tokenizer.max_length": WINDOW, "tokenizer.truncate": "head"}
LEARN = {"learn.epochs": 8, "learn.batch": 16, "learn.optimizer.rate": 0.03}
LEARN |= {"learn.patience": 0, "model.dropout": 0.0}
FILLER = {
    "en": ["the", "room", "was", "old", "and", "we", "went", "there", "by", "bus", "for", "a", "day"],
    "zh": list("我们在这里住了两天房间"),
}
MARKS = {"en": ("dreadful", "excellent"), "zh": ("差", "棒")}


def texts_of(kind: str, num_rows: int = 320, language: str = "en") -> tuple[list[str], np.ndarray]:
    """Half of the rows are short. Of the long ones the mark that tells the label stands at the `end`, at the
    `start`, or they are `short` as well.
    """
    rng, found, filler = np.random.default_rng(4), [], FILLER[language]
    labels = np.arange(num_rows) // 2 % 2
    for row, label in enumerate(labels):
        is_long = row % 2 == 1 and kind != "short"
        words = list(rng.choice(filler, 3 * WINDOW if is_long else WINDOW - 3))
        if is_long:
            place = rng.integers(0, 4) if kind == "start" else len(words) - rng.integers(0, 4)
        else:
            place = rng.integers(0, len(words))
        words.insert(place, MARKS[language][label])
        found.append((" " if language == "en" else "").join(words))
    return found, labels


def schema(**more: Any) -> Schema:
    given = {"task": "classify", "text": "text", "label": "label", "labels": list(LABELS), "scripts": {}}
    return Schema.parse({**given, **more})


def recipe(**more: Any) -> Recipe:
    given = {key.replace("__", "."): value for key, value in more.items()}
    return with_settings(Recipe(), {**CNN, **TOKENS, **LEARN, **given}, ["cnn"])


def searched(kind: str, clock: Clock | None = None, language: str = "en", **more: Any) -> NetworkTrainer:
    texts, labels = texts_of(kind, language=language)
    examples = Examples(texts, labels, schema(), 0)
    made = recipe(**more)
    trainer = trainer_for(Job(made.model_name, examples, clock or Clock.starting(), 1), made)
    assert isinstance(trainer, NetworkTrainer)
    for _ in trainer.search(np.arange(240), np.arange(240, 320)):
        pass
    return trainer


def right(trainer: NetworkTrainer, long: Long | None = None) -> float:
    """Accuracy on the rows of validation."""
    examples, engine = trainer.job.examples, trainer.engine
    assert isinstance(engine, NetworkEngine)
    engine = engine if long is None else replace(engine, long=long)
    rows = np.arange(240, 320)
    return judged(examples, engine.outputs([examples.texts[i] for i in rows]), examples.targets[rows])[1][
        "accuracy"
    ]


# What is measured.


@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_only_the_end_tells_the_label_chunks_are_chosen(language: str) -> None:
    trainer = searched("end", language=language)
    assert right(trainer, CUT) < 0.85
    for name in ("mean", "max"):
        assert right(trainer, Long(name=name, competes=True)) > 0.95
    assert isinstance(trainer.engine, NetworkEngine) and trainer.engine.long.is_chunked
    assert right(trainer) > 0.95
    why = trainer.reasons()["long"]
    assert why.startswith(f"{trainer.engine.long.name}: validation loss ") and "better by more than" in why
    assert trainer.choices()["long"] == {"name": trainer.engine.long.name, "overlap": 0.125}


def test_the_refit_reads_as_the_search_found() -> None:
    trainer = searched("end")
    found = trainer.reading.long
    for _ in trainer.refit(np.arange(320)):
        pass
    assert isinstance(trainer.engine, NetworkEngine) and trainer.engine.long == found != CUT


def test_where_the_start_tells_the_label_texts_are_cut() -> None:
    trainer = searched("start")
    assert isinstance(trainer.engine, NetworkEngine) and trainer.engine.long.name == "cut"
    assert "not better by more than one standard error" in trainer.reasons()["long"]


def test_where_nothing_is_cut_nothing_is_measured_and_nothing_changes(monkeypatch: Any) -> None:
    def no(*given: object) -> None:
        raise AssertionError("it was measured")

    monkeypatch.setattr(reading, "_measured", no)
    auto, cut = searched("short"), searched("short", long__name="cut")
    assert (
        auto.reasons()["short texts"].startswith("cut: 0.0% of the tokens") and "long" not in auto.reasons()
    )
    assert cut.reasons()["long"] == "cut: as asked"
    assert isinstance(auto.engine, NetworkEngine) and isinstance(cut.engine, NetworkEngine)
    texts = auto.job.examples.texts
    assert np.array_equal(auto.engine.outputs(texts), cut.engine.outputs(texts))
    for weight, other in zip(auto.engine.network.parameters(), cut.engine.network.parameters(), strict=True):
        assert weight.equal(other)


def test_measuring_does_not_change_the_network() -> None:
    auto, cut = searched("end"), searched("end", long__name="cut")
    assert isinstance(auto.engine, NetworkEngine) and isinstance(cut.engine, NetworkEngine)
    texts = auto.job.examples.texts
    assert np.array_equal(replace(auto.engine, long=CUT).outputs(texts), cut.engine.outputs(texts))


@pytest.mark.parametrize("name", ["mean", "max", "first_last"])
def test_what_is_asked_for_is_done_and_judged_by(name: Any) -> None:
    trainer = searched("end", long__name=name, long__overlap=0.5)
    wanted = Long(name=name, overlap=0.5, competes=True)
    assert isinstance(trainer.engine, NetworkEngine) and trainer.engine.long == wanted
    assert trainer.reasons()["long"] == f"{name}: as asked" and right(trainer) > 0.95


def test_validation_while_fitting_reads_as_answers_will() -> None:
    texts, labels = texts_of("end")
    made = recipe(long__name="mean")
    trainer = trainer_for(Job("cnn", Examples(texts, labels, schema(), 0), Clock.starting(), 1), made)
    events = [e for e in trainer.search(np.arange(240), np.arange(240, 320)) if isinstance(e, StepEvent)]
    assert max(e.scores["accuracy"] for e in events if e.scores) > 0.95


def test_an_encoder_is_measured_too(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(tmp_path / "bert", max_position_embeddings=40)
    texts, labels = texts_of("end")
    texts = [t.replace("dreadful", "bad").replace("excellent", "good") for t in texts]
    made = with_settings(
        Recipe(),
        {"model.name": "pretrained", "model.checkpoint": str(checkpoint), "learn.epochs": 12}
        | {
            "learn.optimizer.rate": 0.003,
            "learn.batch": 16,
            "learn.patience": 0,
            "tokenizer.max_length": WINDOW + 2,
        },
        ["pretrained"],
    )
    trainer = trainer_for(Job("pretrained", Examples(texts, labels, schema(), 0), Clock.starting(), 1), made)
    assert isinstance(trainer, NetworkTrainer)
    for _ in trainer.search(np.arange(240), np.arange(240, 320)):
        pass
    assert isinstance(trainer.engine, NetworkEngine) and trainer.engine.long.is_chunked, trainer.reasons()
    assert right(trainer) > right(trainer, CUT) + 0.1


# One standard error.


def graded(truth: np.ndarray) -> Examples:
    return Examples(["x"] * len(truth), truth, schema(task="score", labels=[]), 0)


@pytest.mark.parametrize(("gain", "is_taken"), [(0.06, True), (0.02, False), (-0.06, False)])
def test_another_way_must_be_better_by_more_than_one_standard_error(gain: float, is_taken: bool) -> None:
    """Squared errors of 1 where texts are cut; the other way is better by `gain` in the mean, the error of
    which is 0.5 over the root of 200: 0.035."""
    truth = np.zeros(200)
    truth[:2] = -9, 9  # how wide scores are
    examples, side = graded(truth), np.where(truth > 0, -1, 1)
    scale = examples.decode
    losses = 1 - gain - 0.5 * np.where(np.arange(200) % 2, 1, -1)
    errors = side * np.ones(200), side * np.sqrt(losses)
    cut, other = ((truth + error - scale.offset) / scale.spread for error in errors)
    found = reading._best(cut[:, None], [other[:, None]], [Long(name="mean")], examples, truth)
    gains = row_losses(examples, cut[:, None], truth) - row_losses(examples, other[:, None], truth)
    assert gains.mean() == pytest.approx(gain)
    assert gains.std(ddof=1) / np.sqrt(200) == pytest.approx(0.035, rel=0.02)
    assert isinstance(found, tuple) == is_taken


def test_losses_of_rows_are_those_of_all_together() -> None:
    rng = np.random.default_rng(1)
    labels: dict[str, Any] = {
        "classify": rng.integers(0, 2, 40),
        "multilabel": rng.integers(0, 2, (40, 2)).astype(np.uint8),
    }
    for task, truth in labels.items():
        examples = Examples(["x"] * 40, truth, schema(task=task), 0)
        outputs = rng.normal(size=(40, 1 if task == "classify" else 2)).astype(np.float32)
        found = row_losses(examples, outputs, truth)
        assert found.mean() == pytest.approx(judged(examples, outputs, truth)[0])


# Time.


def test_without_the_time_for_it_texts_are_cut(monkeypatch: Any) -> None:
    trainer = searched("end", Clock.starting(600))
    assert trainer.reading.long.is_chunked
    monkeypatch.setattr(Clock, "remaining", lambda self: 1e-9)
    engine = trainer.reading.decided(trainer.engine, np.arange(240, 320), trainer.job)  # type: ignore[arg-type]
    assert engine.long.name == trainer.reading.long.name == "cut"
    assert "s were left" in trainer.reading.why and trainer.reading.why.startswith(
        "cut: chunks of validation"
    )


def test_a_search_leaves_time_to_measure_but_only_where_there_is_something_to() -> None:
    clock = Clock.starting(100)
    auto = LongReading(LongSettings(), 0.2, competes=True)
    assert auto.before(clock).limit == pytest.approx(95, abs=0.5)
    assert LongReading(LongSettings(), 0.005, competes=True).before(clock) is clock
    assert LongReading(LongSettings(name="mean"), 0.2, competes=True).before(clock) is clock
    assert auto.before(Clock.starting()).limit is None
    counted = Clock.counting(Steps(), 10)
    assert auto.before(counted) is counted


def test_a_clock_that_counts_steps_has_the_time() -> None:
    steps = Steps()
    trainer = searched("end", Clock.counting(steps, 1000))
    steps.done = 1000
    engine = trainer.reading.decided(trainer.engine, np.arange(240, 320), trainer.job)  # type: ignore[arg-type]
    assert engine.long.is_chunked


# From end to end.


def written(path: Path) -> Path:
    """Rows that are all different, with marks at their ends."""
    rows = enumerate(zip(*texts_of("end"), strict=True))
    lines = [f"{number} {text},{LABELS[label]}" for number, (text, label) in rows]
    path.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")
    return path


def asked(**more: Any) -> Recipe:
    return recipe(split__test=0, split__validation=0.25, budget__steps=400, **more)


def test_a_folder_answers_as_it_was_measured(tmp_path: Path) -> None:
    data, out = written(tmp_path / "a.csv"), tmp_path / "m"
    api.train(data, out, asked())
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert config["long"]["name"] == plan["model"]["long"]["name"] in ("mean", "max")
    assert plan["reasons"]["long"].startswith(config["long"]["name"])
    predictor = Predictor.load(out)
    texts, labels = texts_of("end")
    answers = [answer["label"] for answer in predictor.predict(texts)]
    assert np.mean([a == LABELS[b] for a, b in zip(answers, labels, strict=True)]) > 0.95
    config["long"]["name"] = "mean" if config["long"]["name"] == "max" else "max"
    (out / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(BundleError, match=r"config\.json"):
        Predictor.load(out)


def test_the_file_of_an_encoder_is_hashed(tmp_path: Path) -> None:
    data, out = written(tmp_path / "a.csv"), tmp_path / "m"
    made = with_settings(
        Recipe(),
        {"model.name": "transformer", "model.width": 16, "model.layers": 1, "model.heads": 2, **TOKENS}
        | {"long.name": "mean", "budget.steps": 4, "learn.epochs": 1},
        ["transformer"],
    )
    api.train(data, out, made)
    assert "long.json" in json.loads((out / "textwright.json").read_text(encoding="utf-8"))["files"]
    long = Predictor.load(out).engine.long  # type: ignore[attr-defined]
    assert long == Long(name="mean", competes=True)
    (out / "long.json").unlink()
    with pytest.raises(BundleError, match=r"long\.json"):
        Predictor.load(out)


class Crash(BaseException):
    """The process ends here."""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("textwright.tasks.checkpoints.SECONDS_BETWEEN", 0.0)
    yield


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("step", [5, 30, 50])
def test_a_resumed_training_decides_alike(tmp_path: Path, step: int) -> None:
    data, made = written(tmp_path / "a.csv"), asked(learn__epochs=3)
    api.train(data, tmp_path / "whole", made)
    seen = 0

    def killed(event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, StepEvent)
        if seen == step:
            raise Crash

    with pytest.raises(Crash):
        api.train(data, tmp_path / "m", made, sink=killed)
    api.train(data, tmp_path / "m", made, resume=True)
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "m" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


# Refusals.


def refused(model: str, settings: dict[str, Any]) -> str:
    try:
        made = with_settings(Recipe(), {"model.name": model, **settings}, [model])
        check_recipes([(made, model)])
    except ConfigError as error:
        return error.message
    return ""


def test_what_changes_nothing_is_refused() -> None:
    for path, value in (("long.name", "mean"), ("long.overlap", 0.2)):
        assert refused("bag", {path: value}) == f"bag brings a fit of its own, which {path} does not change"
    assert refused("cnn", {"long.name": "mean", "long.overlap": 0.2}) == ""
    assert refused("cnn", {"long.overlap": 0.2}) == ""
    for name in ("cut", "first_last"):
        said = refused("cnn", {"long.name": name, "long.overlap": 0.2})
        assert said.startswith("long.overlap=0.2 has no effect: it is of long.name=auto or mean or max")
    for own in ({"long.name": "max"}, {"long.name": "mean", "long.overlap": 0.2}):
        said = refused("cnn", {"tokenizer.kind": "char", **own})
        assert said.endswith("has no effect: no text is cut without tokenizer.max_length")
        assert refused("cnn", {"tokenizer.kind": "char", "tokenizer.max_length": 9, **own}) == ""
        assert refused("transformer", {"tokenizer.kind": "char", "positions": 64, **own}) == ""
    with pytest.raises(ConfigError, match="less than or equal to"):
        with_settings(Recipe(), {"long.overlap": 0.9})


def test_the_greatest_of_scores_is_refused() -> None:
    made = with_settings(Recipe(), {"long.name": "max"})
    with pytest.raises(ConfigError, match=r"long\.name=max is for labels; the target holds scores"):
        check_target(made, schema(task="score", labels=[]))
    check_target(made, schema())
