"""One model that writes and fills gaps: learned, kept, measured both ways, gone on with, and resumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from textwright import api
from textwright.bundle.folder import load_manifest
from textwright.core.errors import ConfigError
from textwright.core.events import Event
from textwright.core.records import StepEvent
from textwright.tasks import checkpoints
from textwright.tasks.explaining.occlusion import mask_id
from textwright.tasks.pretraining.evaluating import Row
from textwright.tasks.pretraining.keeping import Pretrained
from textwright.tasks.pretraining.objectives import OBJECTIVES
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.recipe import Recipe
from textwright.tasks.writing.model import LanguageModel

NAMES = ["a", "b", "c", "d", "猫", "狗", "马", "牛"]
TINY = {"width": 48, "layers": 2, "heads": 2, "inner": 96, "positions": 16}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Who is named first is told by who is named last, and by nothing that stands before."""
    rng = np.random.default_rng(0)
    names = [NAMES[int(k)] for k in rng.integers(0, len(NAMES), 2500)]
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text("".join(f"{name}={name}\n" for name in names), encoding="utf-8")
    return path


def recipe(**more: Any) -> PretrainRecipe:
    asked: dict[str, Any] = {
        "objective": "hybrid",
        "model": {"name": "qwen3", **TINY},
        "tokenizer": {"kind": "characters"},
        "mask": {"causal": 0.25},
        "budget": {"tokens": 60_000},
        "learn": {"batch": 16},
    }
    return PretrainRecipe.parse({**asked, **more})


Learned = tuple[Path, Pretrained, list[StepEvent]]


@pytest.fixture(scope="module")
def hybrid(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Learned:
    events: list[Event] = []
    out = tmp_path_factory.mktemp("models") / "hybrid"
    made = api.pretrain([corpus], out, recipe(), sink=events.append)
    return out, made, [event for event in events if isinstance(event, StepEvent)]


def test_both_losses_fall(hybrid: Learned) -> None:
    out, made, steps = hybrid
    assert made.objective == "hybrid" and load_manifest(out).data_schema["objective"] == "hybrid"
    checks = [step.scores for step in steps if step.scores]
    assert checks[-1]["bits_per_byte"] < 0.5 * checks[0]["bits_per_byte"]
    assert checks[-1]["gap_perplexity"] < 0.5 * checks[0]["gap_perplexity"]
    assert [*made.scores] == ["bits_per_byte", "perplexity", "gap_perplexity", "gap_accuracy"]


def test_gaps_are_filled_from_both_sides(hybrid: Learned) -> None:
    out, *_ = hybrid
    found = api.fill(out, [f"d=d\n[MASK]={name}\n马=马\n" for name in NAMES])
    assert [filled.gaps[0][0][0] for filled in found] == NAMES
    assert all(filled.gaps[0][0][1] > 0.5 for filled in found)
    assert found[4].text == "d=d\n猫=猫\n马=马\n"


def test_it_writes_as_the_library_does(hybrid: Learned) -> None:
    out, *_ = hybrid
    written = api.generate(out, ["b=", "猫="], {"temperature": 0, "max_tokens": 2})
    assert [text.text for text in written] == ["b\n", "猫\n"]
    model, tokenizer = (x.from_pretrained(out) for x in (AutoModelForCausalLM, AutoTokenizer))
    ours = LanguageModel.load(out)
    ids = torch.tensor([tokenizer.encode("a=b\n猫=马")])
    with torch.no_grad():
        theirs = model.eval()(input_ids=ids).logits
        found = ours.network(ids, torch.ones_like(ids, dtype=torch.bool)).logits
    assert type(model).__name__ == "Qwen3ForCausalLM" and tokenizer.mask_token == "[MASK]"
    assert torch.allclose(found, theirs, atol=1e-4)
    drawn = api.generate(out, [""] * 20, {"temperature": 30.0, "max_tokens": 9})
    assert not any("[MASK]" in text.text for text in drawn), "a gap is never written"


def test_it_is_scored_by_both_protocols(hybrid: Learned, corpus: Path, tmp_path: Path) -> None:
    out, made, _ = hybrid
    (tmp_path / "dev.txt").write_text(corpus.read_text(encoding="utf-8")[:4000], encoding="utf-8")
    found = api.evaluate(out, tmp_path / "dev.txt")
    model = LanguageModel.load(out)
    ids = model.tokenizer.whole([(tmp_path / "dev.txt").read_text(encoding="utf-8")])[0]
    row = Row(np.array([model.vocabulary.end_id, *ids]))
    plain = replace(model, is_hybrid=False)
    told, details = OBJECTIVES.get("causal").scores(plain, row, PretrainRecipe(), len(row))
    filled, more = OBJECTIVES.get("masked").scores(plain, row, PretrainRecipe(), len(row))
    assert found.scores == {**told, **{f"gap_{name}": score for name, score in filled.items()}}
    assert found.details == {**details, **more}
    assert abs(found.scores["gap_accuracy"].value - made.scores["gap_accuracy"].value) < 0.15


def test_it_is_inspected_and_sorted_with_as_other_models_that_write(hybrid: Learned, tmp_path: Path) -> None:
    out, *_ = hybrid
    read = api.inspect(out, "c=c", tmp_path / "reading.html").record
    assert read["objective"] == "causal" and read["bits_per_byte"] > 0
    cards = [(out / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")]
    for card, said in zip(cards, ("that writes on and fills gaps", "既会续写又会填空"), strict=True):
        assert said in card and "AutoModelForCausalLM" in card
        assert "textwright generate" in card and "textwright fill" in card
    rows = "".join(f"{'abcd'[i % 4]}=猫 {i},{'no' if i % 2 else '是'}\n" for i in range(80))
    (tmp_path / "rows.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    model = {"name": "pretrained", "checkpoint": str(out)}
    more = {"learn": {"epochs": 9, "batch": 8}, "budget": {"minutes": 1}}
    asked = Recipe.parse({"model": model, **more})
    assert api.train(tmp_path / "rows.csv", tmp_path / "sorter", asked).scores["accuracy"].value > 0.9
    engine = api.load(tmp_path / "sorter").engine
    assert mask_id(engine) is None, "it reads from left to right here, as it has never seen the mask"


def test_killed_and_resumed_it_ends_with_the_same_bits(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    asked = recipe(budget={"tokens": 3000})

    def die(event: Event) -> None:
        if isinstance(event, StepEvent) and event.step == 7:
            raise MemoryError

    api.pretrain([corpus], tmp_path / "whole", asked)
    with pytest.raises(MemoryError):
        api.pretrain([corpus], tmp_path / "model", asked, sink=die)
    api.pretrain([corpus], tmp_path / "model", asked, resume=True)
    for name in ("model.safetensors", "tokenizer.json", "scores.json"):
        assert (tmp_path / "model" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_it_is_gone_on_with_and_so_is_one_that_only_writes(
    hybrid: Learned, corpus: Path, tmp_path: Path
) -> None:
    """A folder of hybrid stays one; one that writes gets the mask, which is no token of any text."""
    out, *_ = hybrid
    short = {"tokenizer": "auto", "budget": {"tokens": 2000}}
    again = recipe(objective="auto", model={"checkpoint": str(out)}, **short)
    assert api.pretrain([corpus], tmp_path / "again", again).objective == "hybrid"
    plain = recipe(objective="causal", mask={}, budget={"tokens": 2000})
    api.pretrain([corpus], tmp_path / "plain", plain)
    with pytest.raises(ConfigError, match="a qwen3 writes on; it does not fill gaps"):
        api.fill(tmp_path / "plain", ["a [MASK]"])
    both = recipe(model={"checkpoint": str(tmp_path / "plain")}, **short)
    made = api.pretrain([corpus], tmp_path / "both", both)
    before, after = (LanguageModel.load(tmp_path / name) for name in ("plain", "both"))
    assert made.objective == "hybrid" and after.tokenizer.size == before.tokenizer.size + 1
    assert len(api.fill(tmp_path / "both", ["[MASK]=a"])[0].gaps) == 1
    text = "a [MASK] b"
    assert after.vocabulary.mask_id not in after.tokenizer.whole([text])[0]
