"""A language model is gone on with by LoRA: little learns, and what is kept is a whole model."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM
from typer.testing import CliRunner

from textwright import api
from textwright.bundle.folder import load_manifest
from textwright.cli.main import app
from textwright.core.errors import CheckpointError, ConfigError
from textwright.core.events import Event
from textwright.core.records import Note, StepEvent
from textwright.tasks import checkpoints
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel

TINY = {"width": 32, "layers": 2, "heads": 1, "inner": 64, "positions": 32}
CLASSES: dict[str, Any] = {"gpt2": AutoModelForCausalLM, "roberta": AutoModelForMaskedLM}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a model learns first, what it goes on with, and rows to be taught from."""
    folder = tmp_path_factory.mktemp("texts")
    for name, words in (("one", ("cat", "dog", "猫")), ("two", ("hill", "river", "山"))):
        lines = [f"the {words[i % 3]} is {words[i * i % 3]} and {i % 7}.\n" for i in range(400)]
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    rows = [f"what is {i}?,{'odd' if i % 2 else 'even'}\n" for i in range(60)]
    (folder / "rows.csv").write_text("prompt,response\n" + "".join(rows), encoding="utf-8")
    return folder


def recipe(**more: Any) -> PretrainRecipe:
    return PretrainRecipe.parse({"learn": {"batch": 8}, "budget": {"tokens": 6000}, **more})


@pytest.fixture(scope="module")
def starts(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("starts")
    for name in CLASSES:
        api.pretrain([texts / "one.txt"], folder / name, recipe(model={"name": name, **TINY}))
    return folder


def tuned(start: Path, **more: Any) -> dict[str, Any]:
    return {"name": "auto", "checkpoint": str(start), "tune": "lora", **more}


@pytest.mark.parametrize("name", [*CLASSES])
def test_little_learns_and_the_folder_is_a_whole_model(
    name: str, starts: Path, texts: Path, tmp_path: Path
) -> None:
    events: list[Event] = []
    start, out = starts / name, tmp_path / "out"
    made = api.pretrain([texts / "two.txt"], out, recipe(model=tuned(start, rank=2)), sink=events.append)
    known, now = (api.evaluate(f, texts / "two.txt").scores["perplexity"].value for f in (start, out))
    assert now < known, "it has learned something"
    before, after = (CLASSES[made.model].from_pretrained(folder).eval() for folder in (start, out))
    own, former = after.state_dict(), before.state_dict()
    assert own.keys() == former.keys() and made.parameters == load_manifest(start).parameters
    changed = {key for key, value in own.items() if not torch.equal(value, former[key])}
    matrices = [key for key in own if (".h." in key or ".layer" in key) and own[key].ndim == 2]
    assert changed == set(matrices), "every one of the body, and nothing else"
    trainable = sum(2 * sum(own[key].shape) for key in matrices)
    plan = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert plan["trainable"] == trainable and plan["model"]["tune"] == "lora" and plan["model"]["rank"] == 2
    assert plan["learn"]["optimizer"]["name"] == "adamw" and plan["learn"]["optimizer"]["rate"] == 0.002
    said = f"model.tune: lora: {trainable:,} numbers learn in the place of {made.parameters:,}"
    assert said in [event.text for event in events if isinstance(event, Note)]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"Only {trainable:,} numbers learned" in page and f"只有 {trainable:,} 个数参与学习" in page
    ids = torch.tensor([[*map(int, LanguageModel.load(out).tokenizer.whole(["the river is 3"])[0])]])
    with torch.no_grad():
        ours = LanguageModel.load(out).network(ids, torch.ones_like(ids, dtype=torch.bool)).logits
        assert torch.allclose(after(input_ids=ids).logits, ours, atol=1e-5)


def test_taught_killed_and_resumed_it_ends_with_the_same_bits(
    starts: Path, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With tokens that are new: of the table, which both ends share, their rows learn alone."""
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    asked = recipe(
        objective="instruct", model=tuned(starts / "gpt2"), budget={}, learn={"batch": 8, "epochs": 3}
    )

    def die(event: Event) -> None:
        if isinstance(event, StepEvent) and event.step == 15:
            raise MemoryError

    with pytest.raises(MemoryError):
        api.pretrain([texts / "rows.csv"], tmp_path / "killed", asked, sink=die)
    with pytest.raises(CheckpointError, match=r"plan: rank was 8, is 4"):
        other = asked.replaced({"model.rank": 4})
        api.pretrain([texts / "rows.csv"], tmp_path / "killed", other, resume=True)
    steps: list[Event] = []
    api.pretrain([texts / "rows.csv"], tmp_path / "killed", asked, sink=steps.append, resume=True)
    assert 10 < next(event.step for event in steps if isinstance(event, StepEvent)) <= 16
    api.pretrain([texts / "rows.csv"], tmp_path / "whole", asked)
    for name in ("model.safetensors", "scores.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    plan = json.loads((tmp_path / "whole" / "plan.json").read_text(encoding="utf-8"))
    assert plan["reasons"]["model.tune"].endswith(", the vectors of 2 new tokens among them")
    known, now = (
        AutoModelForCausalLM.from_pretrained(folder).get_input_embeddings().weight.detach()
        for folder in (starts / "gpt2", tmp_path / "whole")
    )
    assert len(now) == len(known) + 2 and torch.equal(now[:-2], known)
    assert float((now[-2] - now[-1]).abs().max()) > 1e-3, "both began as the same mean"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"tune": "lora"}, r"model\.tune=lora needs --from: .*\n.*--from FOLDER"),
        ({"rank": 4}, r"model\.rank=4 has no effect: it is of model\.tune=lora, which is full here"),
        ({"checkpoint": "x", "rank": 4}, r"model\.rank=4 has no effect"),
        ({"checkpoint": "x", "tune": "head"}, r"model\.tune: Input should be 'full' or 'lora'"),
        ({"checkpoint": "x", "tune": "lora", "rank": 0}, r"model\.rank: Input should be greater than"),
    ],
)
def test_what_does_not_go_together_is_refused(
    texts: Path, tmp_path: Path, model: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        api.pretrain([texts / "one.txt"], tmp_path / "model", recipe(model={"name": "auto", **model}))
    assert [*tmp_path.iterdir()] == []


def test_without_the_package_it_says_what_to_install(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    flags = ["--from", str(tmp_path), "--set", "tune=lora", "--out", str(tmp_path / "out")]
    found = CliRunner().invoke(app, ["pretrain", str(texts / "one.txt"), *flags])
    assert found.exit_code == 2 and "model.tune=lora needs the package peft" in found.stderr
    assert 'pip install "textwright[lora]"' in found.stderr and [*tmp_path.iterdir()] == []
