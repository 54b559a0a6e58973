"""Folders of encoders open in the Hugging Face library with the same tokens and the same logits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from checkpoints import KINDS, RENAMED, TEXTS, tiny_checkpoint
from textwright.core.clock import Clock
from textwright.tasks.examples import Examples, Job
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import load_engine, trainer_for
from textwright.text.schema import Schema

SIZES = {"width": 32, "layers": 1, "heads": 2, "inner": 48}
SCRATCH = [{"name": "transformer", "type": kind, **SIZES} for kind in ("bert", "roberta", "modernbert")]
LABELS = {"two": ["no", "yes"], "three": ["a", "b", "c"]}


def examples(labels: list[str]) -> Examples:
    schema = Schema(task="classify", text="text", label="label", labels=labels, scripts={"latin": 1.0})
    targets = np.arange(20) % len(labels)
    return Examples([TEXTS[i % 5] + f" {TEXTS[t]}" for i, t in enumerate(targets)], targets, schema, 0)


def trained(model: dict[str, object], labels: list[str], tokenizer: object = "auto", **more: object):
    recipe = Recipe(model=model, tokenizer=tokenizer, learn={"epochs": 1, "batch": 8, **more})
    job = Job(str(model["name"]), examples(labels), Clock.starting(), 1)
    trainer = trainer_for(job, recipe)
    for _ in trainer.refit(np.arange(20)):
        pass
    assert trainer.engine is not None
    return trainer.engine, job.examples.schema


def check(engine, schema: Schema, folder: Path) -> None:
    engine.save(folder)
    ours = engine.outputs(TEXTS)
    again = load_engine(folder, engine.architecture, schema).outputs(TEXTS)
    np.testing.assert_allclose(again, ours, atol=1e-6)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    batch = tokenizer(TEXTS, padding=True, truncation=True, return_tensors="pt")
    for row, text in enumerate(TEXTS):
        kept = batch["input_ids"][row][batch["attention_mask"][row].bool()]
        assert kept.tolist() == engine.tokenizer.encode([text]).rows[0].tolist()
    with torch.no_grad():
        logits = model(**batch).logits.numpy()
    assert logits.shape == (len(TEXTS), len(schema.labels))
    theirs = logits[:, 1:] - logits[:, :1] if ours.shape[1] == 1 else logits
    np.testing.assert_allclose(theirs, ours, atol=2e-6)
    assert [model.config.id2label[i] for i in range(len(schema.labels))] == schema.labels


@pytest.mark.parametrize("labels", LABELS.values(), ids=list(LABELS))
@pytest.mark.parametrize("model", SCRATCH, ids=lambda m: m["type"])
def test_an_encoder_from_nothing(model: dict[str, object], labels: list[str], tmp_path: Path) -> None:
    check(*trained(model, labels), tmp_path / "out")


@pytest.mark.parametrize("kind", [*KINDS, *RENAMED, "eurobert"])
def test_an_encoder_from_a_checkpoint(kind: str, tmp_path: Path) -> None:
    checkpoint = str(tiny_checkpoint(tmp_path / "start", kind))
    engine, schema = trained({"name": "pretrained", "checkpoint": checkpoint}, LABELS["three"])
    check(engine, schema, tmp_path / "out")


@pytest.mark.parametrize("tune", ["head", "lora"])
def test_part_of_the_weights(tune: str, tmp_path: Path) -> None:
    checkpoint = str(tiny_checkpoint(tmp_path / "start"))
    engine, schema = trained(
        {"name": "pretrained", "checkpoint": checkpoint, "tune": tune},
        LABELS["two"],
        optimizer={"rate": 0.05},
    )
    check(engine, schema, tmp_path / "out")
    start = AutoModelForSequenceClassification.from_pretrained(checkpoint)
    body = dict(start.base_model.named_parameters())
    changed = {
        name
        for name, value in engine.network.model.base_model.named_parameters()
        if not name.startswith("pooler") and not torch.equal(value, body[name])
    }
    assert bool(changed) == (tune == "lora")


def test_texts_are_cut_at_the_same_end(tmp_path: Path) -> None:
    checkpoint = str(tiny_checkpoint(tmp_path / "start"))
    model: dict[str, object] = {"name": "pretrained", "checkpoint": checkpoint}
    cut = {"max_length": 5, "truncate": "tail"}
    engine, schema = trained(model, LABELS["three"], tokenizer=cut)
    assert engine.tokenizer.tokens(TEXTS[0])[-1] == "mat"
    check(engine, schema, tmp_path / "out")


def test_several_labels_are_sigmoids_of_their_own(tmp_path: Path) -> None:
    schema = Schema(task="multilabel", text="text", label="label", labels=["a", "b", "c"])
    data = Examples(TEXTS * 4, (np.arange(60).reshape(20, 3) % 2).astype(np.float32), schema, 0)
    trainer = trainer_for(Job("transformer", data, Clock.starting(), 1), Recipe(model=SCRATCH[0]))
    for _ in trainer.refit(np.arange(20)):
        pass
    trainer.engine.save(tmp_path / "out")
    classify = pipeline("text-classification", str(tmp_path / "out"), device="cpu", top_k=None)
    theirs = [
        [next(x["score"] for x in found if x["label"] == name) for name in "abc"] for found in classify(TEXTS)
    ]
    np.testing.assert_allclose(theirs, 1 / (1 + np.exp(-trainer.engine.outputs(TEXTS))), atol=1e-5)


def test_the_config_holds_nothing_of_the_fast_path(tmp_path: Path) -> None:
    engine, _ = trained(SCRATCH[0], LABELS["three"])
    engine.save(tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert "textwright" not in json.dumps(config)


def test_a_pipeline_answers_with_the_labels(tmp_path: Path) -> None:
    engine, schema = trained(SCRATCH[0], LABELS["two"])
    engine.save(tmp_path / "out")
    classify = pipeline("text-classification", str(tmp_path / "out"), device="cpu")
    found = classify(TEXTS)
    ours = engine.outputs(TEXTS)[:, 0]
    assert [answer["label"] for answer in found] == [schema.labels[int(x > 0)] for x in ours]
