"""The plan says everything that is chosen, with the reason, and the sizes of what would be trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from checkpoints import tiny_checkpoint
from textwright import api
from textwright.choose import select
from textwright.cli.main import app
from textwright.tasks import planning
from textwright.tasks.recipe import Recipe

SMALL = {"name": "cnn", "embedding": 8, "filters": 4, "widths": [1, 2]}


@pytest.fixture(autouse=True)
def one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "usable_cpus", lambda: 1)
    monkeypatch.setattr(select, "usable_cpus", lambda: 1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [f"the {'good' if i % 2 else 'bad'} cat {i} ran {i * 7919},{i % 2}" for i in range(60)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["text,label", *rows]))
    return path


def planned(data: Path, model: dict[str, Any], task: str = "classify", **learn: Any) -> Any:
    recipe = Recipe.parse({"task": task, "model": model, "learn": learn})
    return api.plan(data, recipe)[0].to_json()["candidates"][0]


def test_what_was_asked_for_is_said(data: Path) -> None:
    found = planned(
        data,
        SMALL,
        optimizer={"name": "gd"},
        loss={"name": "focal", "gamma": 3.0},
        average={"name": "ema"},
        schedule={"name": "hold"},
    )["reasons"]
    asked = {"optimizer.name": "gd", "loss.name": "focal", "average.name": "ema", "schedule.name": "hold"}
    for path, value in {**asked, "loss.gamma": "3.0"}.items():
        assert found[f"learn.{path}"] == f"{value}: as asked"
    assert found["learn.batch"].endswith("gd takes all rows at each step")


@pytest.mark.parametrize(("task", "loss"), [("classify", "cross_entropy"), ("score", "mse")])
def test_nothing_stays_auto(data: Path, task: str, loss: str) -> None:
    found = planned(data, SMALL, task, optimizer={"name": "sgd"})
    assert "auto" not in json.dumps(found["settings"])
    learn = found["settings"]["learn"]
    assert learn["loss"]["name"] == loss and learn["optimizer"]["weight_decay"] == pytest.approx(0.01 / 300)
    assert found["reasons"]["learn.loss.name"].startswith(f"{loss}: it suits")
    for path in ("optimizer.weight_decay", "schedule.name", "average.name"):
        assert ": " in found["reasons"][f"learn.{path}"]


def test_the_folder_says_it_too(data: Path, tmp_path: Path) -> None:
    api.train(data, tmp_path / "m", Recipe.parse({"model": SMALL, "learn": {"epochs": 1}}))
    plan = json.loads((tmp_path / "m" / "plan.json").read_text())
    assert plan["model"]["learn"]["loss"]["name"] == "cross_entropy"
    assert plan["model"]["learn"]["optimizer"]["weight_decay"] == 0.01
    assert "waiting threads" in plan["reasons"] and "attention" not in plan["reasons"]


@pytest.mark.parametrize("tune", ["full", "head", "lora"])
def test_parameters_are_those_of_the_model_and_those_that_learn(
    data: Path, tmp_path: Path, tune: str
) -> None:
    if tune == "lora":
        pytest.importorskip("peft")
    base = tiny_checkpoint(tmp_path / "base")
    model = {"name": "pretrained", "checkpoint": str(base), "tune": tune}
    found = planned(data, model)
    trained = api.train(data, tmp_path / "m", Recipe.parse({"model": model, "learn": {"epochs": 1}}))
    assert found["parameters"] == trained.parameters
    assert found["trainable"] == found["parameters"] if tune == "full" else found["trainable"] < 8_000
    assert "two products and a softmax up to 512 tokens" in found["reasons"]["attention"]


def test_what_a_person_sees(data: Path) -> None:
    model = [f"model.{key}={json.dumps(value)}" for key, value in SMALL.items() if key != "name"]
    options = [part for one in [*model, "loss.name=focal"] for part in ("--set", one)]
    result = CliRunner().invoke(app, ["plan", str(data), "--model", "cnn", *options])
    assert result.exit_code == 0, result.output
    shown = result.stdout
    assert "parameters, " in shown and " learn\n" in shown and "without activations" in shown
    assert "measured by a short trial" not in shown
    assert "learn.loss.name: focal: as asked" in shown and "embedding = 8" in shown
    assert "\nprocessors: 1: " in shown and "\nthreads: " not in shown and "{" not in shown


@pytest.mark.parametrize(
    ("load", "policy", "said"),
    [
        (100.0, None, "passive: this machine is busy"),
        (0.0, None, "spinning: this machine is quiet"),
        (0.0, "ACTIVE", "active: OMP_WAIT_POLICY says so"),
    ],
)
def test_how_threads_wait_is_decided_once(load: float, policy: str | None, said: str) -> None:
    code = (
        f"import os; os.getloadavg = lambda: ({load}, 0, 0)\n"
        "from textwright.runtime import cpu; cpu._others_run_now = lambda: True\n"
        "choose_waiting = cpu.choose_waiting\n"
        "first = choose_waiting(); os.getloadavg = lambda: (50, 0, 0)\n"
        "print(first if choose_waiting() == first else 'changed', os.environ.get('OMP_WAIT_POLICY'))"
    )
    environment = {**os.environ, "OMP_WAIT_POLICY": policy} if policy else dict(os.environ)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout.startswith(said), done.stderr
    assert done.stdout.split()[-1] == (policy or ("PASSIVE" if load else "None"))
