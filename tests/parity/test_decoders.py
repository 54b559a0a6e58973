"""Classifiers made of causal language models open in the Hugging Face library with the same logits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from checkpoints import DECODERS, TEXTS, tiny_decoder
from textwright.core.clock import Clock
from textwright.tasks.base import TASKS
from textwright.tasks.examples import Examples, Job
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import load_engine, trainer_for
from textwright.tasks.trainers.encoder import EncoderEngine
from textwright.text.schema import Schema

SCHEMAS = {
    "two": Schema(task="classify", text="text", label="label", labels=["no", "yes"], scripts={"latin": 1.0}),
    "three": Schema(
        task="classify", text="text", label="label", labels=["a", "b", "c"], scripts={"latin": 1.0}
    ),
    "several": Schema(
        task="multilabel", text="text", label="label", labels=["a", "b", "c"], scripts={"latin": 1.0}
    ),
    "score": Schema(task="score", text="text", label="label", low=0.0, high=2.0, scripts={"latin": 1.0}),
}
# With no text in it, a row is the token that begins one.
ASKED = [*TEXTS, "", "the", "很好 " * 30]


def targets_of(schema: Schema, of_text: np.ndarray) -> np.ndarray:
    if schema.task == "score":
        return of_text.astype(np.float32)
    if schema.task == "multilabel":
        return np.stack([of_text == 0, of_text < 2, of_text == 2], 1).astype(np.float32)
    return of_text % len(schema.labels)


def trained(folder: Path, schema: Schema, **model: Any) -> EncoderEngine:
    """Taught which word of three a text has, in one of two languages."""
    of_text = np.arange(36) % 3
    words = [["cat", "dog", "film"], ["好", "不", "我"]]
    texts = [f"the {words[i % 2][t]} and a {'man ' * (i % 5)}" for i, t in enumerate(of_text)]
    recipe = Recipe(
        model={"name": "pretrained", "checkpoint": str(folder), **model},
        learn={"epochs": 2, "batch": 8},
        compute={"precision": "fp32"},
    )
    job = Job("pretrained", Examples(texts, targets_of(schema, of_text), schema, 0), Clock.starting(), 1)
    trainer = trainer_for(job, recipe)
    for _ in trainer.refit(np.arange(36)):
        pass
    assert isinstance(trainer.engine, EncoderEngine)
    return trainer.engine


def theirs(folder: Path, kind: str) -> Callable[..., Any]:
    """The logits of the library; of NanoChat, for which it has no classifier, its body and our last layer."""
    if kind != "nanochat":
        return AutoModelForSequenceClassification.from_pretrained(folder).eval()
    body = AutoModel.from_pretrained(folder).eval()
    from safetensors.torch import load_file

    score = load_file(folder / "model.safetensors")["score.weight"]

    def answer(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        vectors = body(input_ids=input_ids, attention_mask=attention_mask)[0]
        last = vectors[torch.arange(len(vectors)), attention_mask.sum(1) - 1]
        return type("Answer", (), {"logits": last @ score.T})

    return answer


@pytest.mark.parametrize(("labels", "pads"), [*((labels, False) for labels in SCHEMAS), ("two", True)])
@pytest.mark.parametrize("kind", DECODERS)
def test_the_folder_opens_there_and_here_with_the_same_logits(
    kind: str, labels: str, pads: bool, tmp_path: Path
) -> None:
    schema = SCHEMAS[labels]
    engine = trained(tiny_decoder(tmp_path / "start", kind, pads=pads), schema)
    out = tmp_path / "out"
    out.mkdir()
    engine.save(out)
    ours = engine.outputs(ASKED)
    assert np.array_equal(load_engine(out, "pretrained", schema).outputs(ASKED), ours)
    tokenizer = AutoTokenizer.from_pretrained(out)
    batch = tokenizer(ASKED, padding=True, truncation=True, return_tensors="pt")
    for row, text in enumerate(ASKED):
        kept = batch["input_ids"][row][batch["attention_mask"][row].bool()]
        assert kept.tolist() == engine.tokenizer.encode([text]).rows[0].tolist()
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        logits = theirs(out, kind)(**inputs).logits.numpy()
    assert logits.shape[1] == TASKS.get(schema.task).num_outputs(schema) + (labels == "two")
    made = logits[:, 1:] - logits[:, :1] if labels == "two" else logits
    np.testing.assert_allclose(made, ours, atol=1e-4)
    assert np.ptp(ours, axis=0).min() > 1e-3, "texts differ"


@pytest.mark.parametrize("kind", DECODERS)
@pytest.mark.parametrize("tune", ["head", "lora"])
def test_part_of_the_weights(kind: str, tune: str, tmp_path: Path) -> None:
    start = tiny_decoder(tmp_path / "start", kind)
    engine = trained(start, SCHEMAS["three"], tune=tune)
    engine.save(tmp_path)
    np.testing.assert_array_equal(
        load_engine(tmp_path, "pretrained", SCHEMAS["three"]).outputs(ASKED), engine.outputs(ASKED)
    )
    before = dict(AutoModel.from_pretrained(start).named_parameters())
    body: Any = engine.network.model.base_model
    after = dict(body.named_parameters())
    assert after.keys() == before.keys()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert bool(changed) == (tune == "lora")
    assert not any("embed" in name or name.startswith("wte") for name in changed)
