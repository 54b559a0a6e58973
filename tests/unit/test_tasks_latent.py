"""`latent` from files to a folder: what texts without labels add, for every task, stopped and refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from paired_words import rows, write
from textwright import api
from textwright.cli.main import app
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.files import read_json
from textwright.tasks.examples import Job
from textwright.tasks.prepare import prepare_data
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.latent import LatentTrainer


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Labelled rows, many without labels that tie the second words to the first, and a test of both."""
    folder = tmp_path_factory.mktemp("data")
    return {
        "data": write(folder / "few.csv", rows("few", 120, both=False)),
        "others": write(folder / "others.csv", rows("others", 1500, both=True), labelled=False),
        "test": write(folder / "test.csv", rows("test", 600, both=False)),
    }


def recipe(files: dict[str, Path], model: str = "latent", **asked: Any) -> Recipe:
    texts = {} if model == "bag" else {"unlabelled": str(files["others"])}
    return Recipe.parse({"model": {"name": model}, "data": texts, "budget": {"minutes": 2}, **asked})


def test_texts_without_labels_say_which_words_mean_the_same(files: dict[str, Path], tmp_path: Path) -> None:
    found = {
        name: api.train(files["data"], tmp_path / name, recipe(files, name), test=files["test"])
        for name in ("bag", "latent")
    }
    alone, taught = (found[name].scores["accuracy"].value for name in ("bag", "latent"))
    assert taught > alone + 0.1
    told = read_json(tmp_path / "latent" / "plan.json")["reasons"]["teacher"]
    assert "learned with 1,500 texts without labels" in told


def test_a_folder_answers_wherever_it_lies_and_two_runs_are_the_same(
    files: dict[str, Path], tmp_path: Path
) -> None:
    outs = [api.train(files["data"], tmp_path / name, recipe(files)).out for name in "ab"]
    weights = [(out / "model.safetensors").read_bytes() for out in outs]
    assert weights[0] == weights[1]
    assert read_json(outs[0] / "config.json")["architecture"] == "latent"
    texts = [text for text, _ in rows("other", 20, both=True)]
    answers = api.load(outs[0]).predict(texts)
    assert api.load(outs[0].rename(tmp_path / "elsewhere")).predict(texts) == answers


def test_it_is_one_of_the_candidates_where_there_are_texts(files: dict[str, Path], tmp_path: Path) -> None:
    asked = recipe(files, "auto", candidates=["bag", "latent"], prefer="accuracy")
    found = api.train(files["data"], tmp_path / "m", asked, test=files["test"])
    assert {c.name for c in found.candidates} >= {"bag", "latent"}
    picked = next(c for c in found.candidates if c.chosen)
    assert picked.name in ("latent", "ensemble")


@pytest.mark.parametrize("task", ["multilabel", "score"])
def test_sets_of_labels_and_scores_too(files: dict[str, Path], tmp_path: Path, task: str) -> None:
    shown = {"multilabel": {"good": "good|kind", "bad": "bad"}, "score": {"good": "4.5", "bad": "1.5"}}[task]
    found = [(text, shown[label]) for text, label in rows("few", 200, both=True)]
    data = write(tmp_path / "a.csv", found)
    trained = api.train(data, tmp_path / "m", recipe(files, task=task))
    name, least = ("micro_f1", 0.8) if task == "multilabel" else ("pearson", 0.6)
    assert trained.scores[name].value > least


def test_no_row_to_judge_on_teaches(files: dict[str, Path]) -> None:
    """Other labels on the rows that are held out change nothing in what a search fits."""
    found = []
    for flip in (False, True):
        prepared = prepare_data(files["data"], recipe(files))
        examples, held_out = prepared.examples, prepared.validation
        if flip:
            examples.targets[held_out] = 1 - examples.targets[held_out]
        trainer = LatentTrainer(Job("latent", examples, Clock.starting(), 1), recipe(files))
        fit, taken = trainer._fit(prepared.train)
        found.append(fit.data.targets[taken])
        assert not np.isin(held_out, taken).any()
    assert np.array_equal(*found)


def test_what_a_search_found_serves_for_a_refit_elsewhere(files: dict[str, Path]) -> None:
    prepared = prepare_data(files["data"], recipe(files))
    job = Job("latent", prepared.examples, Clock.starting(), 1)
    first, second = LatentTrainer(job, recipe(files)), LatentTrainer(job, recipe(files))
    for _ in first.search(prepared.train, prepared.validation):
        pass
    second.recall(json.loads(json.dumps(first.found())))
    everything = np.arange(len(prepared.examples))
    for trainer in (first, second):
        for _ in trainer.refit(everything):
            pass
    assert first.engine is not None and second.engine is not None
    texts = prepared.examples.texts[:20]
    assert np.array_equal(first.engine.outputs(texts), second.engine.outputs(texts))


def test_stopped_early_there_is_a_model(files: dict[str, Path]) -> None:
    prepared = prepare_data(files["data"], recipe(files))
    trainer = LatentTrainer(Job("latent", prepared.examples, Clock.starting(), 1), recipe(files))
    next(iter(trainer.search(prepared.train, prepared.validation)))
    assert trainer.engine is not None


def test_without_texts_it_is_refused_with_what_to_do(files: dict[str, Path], tmp_path: Path) -> None:
    asked = ["train", str(files["data"]), "--model", "latent", "--out", str(tmp_path / "m")]
    found = CliRunner().invoke(app, asked)
    assert found.exit_code == 2 and "--unlabelled FILE" in found.stderr
    with pytest.raises(ConfigError, match="there are none"):
        api.train(files["data"], tmp_path / "m", Recipe.parse({"candidates": ["bag", "latent"]}))


def test_it_is_compared_and_planned_with_others(files: dict[str, Path], tmp_path: Path) -> None:
    texts = ["--unlabelled", str(files["others"])]
    asked = ["compare", str(files["data"]), "--models", "bag,latent", "--out", str(tmp_path / "c"), *texts]
    found = CliRunner().invoke(app, [*asked, "--minutes", "1", "--json"])
    assert found.exit_code == 0, found.stderr
    assert {cell["model"] for cell in json.loads(found.stdout.splitlines()[-1])["candidates"]} == {
        "bag",
        "latent",
    }
    planned = CliRunner().invoke(app, ["plan", str(files["data"]), *texts, "--model", "latent", "--json"])
    assert planned.exit_code == 0, planned.stderr
