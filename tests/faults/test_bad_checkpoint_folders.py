"""Checkpoints that cannot be started from, or must not be: refused in words, before anything is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from checkpoints import TEXTS, tiny_checkpoint, tiny_tokenizer
from textwright.core.clock import Clock
from textwright.core.errors import TextwrightError
from textwright.tasks.examples import Examples, Job
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import trainer_for
from textwright.text.schema import Schema

Spoil = Callable[[Path], object]


def start(folder: str, **recipe: object) -> None:
    schema = Schema(task="classify", text="text", label="label", labels=["a", "b"], scripts={"latin": 1.0})
    job = Job("pretrained", Examples(TEXTS * 4, np.arange(20) % 2, schema, 0), Clock.starting(), 1)
    made = Recipe(model={"name": "pretrained", "checkpoint": folder}).replaced({"learn.epochs": 1, **recipe})
    for _ in trainer_for(job, made).refit(np.arange(20)):
        pass


def edit(name: str, **values: object) -> Spoil:
    def spoil(folder: Path) -> None:
        record = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**record, **values}))

    return spoil


def remove(*names: str) -> Spoil:
    return lambda folder: [(folder / name).unlink() for name in names]


def as_pickle(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def without_layers(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layer.1" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def as_decoder(folder: Path) -> None:
    config = transformers.GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2, n_positions=20)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)


def with_larger_tokenizer(folder: Path) -> None:
    record = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = record["model"]["vocab"]
    start = tiny_tokenizer().size
    vocabulary.update({f"word{i}": start + i for i in range(9)})
    (folder / "tokenizer.json").write_text(json.dumps(record))


def cut(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


CASES: dict[str, tuple[Spoil, str]] = {
    "not a checkpoint": (remove("config.json"), "config.json is missing"),
    "broken config": (lambda f: (f / "config.json").write_text("{"), "not JSON"),
    "no type": (lambda f: (f / "config.json").write_text("{}"), "model_type"),
    "a decoder": (as_decoder, "'gpt2' is not an encoder"),
    "seq2seq": (edit("config.json", model_type="bart", is_encoder_decoder=True), "'bart' is not an encoder"),
    "unknown class": (edit("config.json", model_type="mystery"), "'mystery' is not an encoder"),
    "no tokenizer": (remove("tokenizer.json", "tokenizer_config.json"), "holds no tokenizer"),
    "broken tokenizer": (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer cannot be read"),
    "pickle": (as_pickle, "pytorch_model.bin, a pickle"),
    "no weights": (remove("model.safetensors"), "model.safetensors is missing"),
    "remote code": (edit("config.json", auto_map={"AutoModel": "evil.Evil"}), "auto_map"),
    "code behind attention": (
        edit("config.json", _attn_implementation_internal="a/b"),
        "_attn_implementation",
    ),
    "other vocabulary": (with_larger_tokenizer, "the tokenizer has"),
    "weights of another model": (without_layers, "weights of a bert are missing"),
    "half a file": (cut, "cannot be loaded"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_in_words(name: str, tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "start")
    spoil, wanted = CASES[name]
    spoil(folder)
    with pytest.raises(TextwrightError) as caught:
        start(str(folder))
    assert wanted in caught.value.message
    assert str(folder) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["nowhere", "./nowhere", "/nowhere/at/all", "a/b/c"])
def test_a_folder_that_is_not_there(name: str) -> None:
    with pytest.raises(TextwrightError, match="there is no such folder"):
        start(name)


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_the_hub_cannot_be_reached() -> None:
    with pytest.raises(TextwrightError, match="Hugging Face Hub") as caught:
        start("somebody/some-model")
    assert "connection" in caught.value.hint


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    with pytest.raises(TextwrightError, match="is a file"):
        start(str(file))


def test_longer_than_the_positions(tmp_path: Path) -> None:
    folder = str(tiny_checkpoint(tmp_path / "start"))
    with pytest.raises(TextwrightError, match="beyond the 40 positions") as caught:
        start(folder, tokenizer={"max_length": 41})
    assert "tokenizer.max_length=40" in caught.value.hint
    start(folder, tokenizer={"max_length": 40})


def test_roberta_counts_positions_from_its_padding_on(tmp_path: Path) -> None:
    folder = str(tiny_checkpoint(tmp_path / "start", "roberta"))
    with pytest.raises(TextwrightError, match="beyond the 39 positions"):
        start(folder, tokenizer={"max_length": 40})


@pytest.mark.parametrize("setting", ["kind=char", "vocabulary_size=99", "lowercase=true"])
def test_a_tokenizer_of_its_own(setting: str, tmp_path: Path) -> None:
    key, value = setting.split("=")
    given = {"char": "char", "99": 99, "true": True}[value]
    with pytest.raises(TextwrightError, match=f"tokenizer.{key} does not go with --from"):
        start(str(tiny_checkpoint(tmp_path / "start")), tokenizer={key: given})


def test_no_checkpoint_is_named() -> None:
    schema = Schema(task="classify", text="text", label="label", labels=["a", "b"])
    job = Job("pretrained", Examples(TEXTS, np.arange(5) % 2, schema, 0), Clock.starting(), 1)
    with pytest.raises(TextwrightError, match="none is named") as caught:
        trainer_for(job, Recipe(model={"name": "pretrained"}))
    assert "--from" in caught.value.hint


def test_a_model_of_another_kind_of_ours(tmp_path: Path) -> None:
    kept = Path(__file__).parent.parent / "data" / "format-1" / "lstm"
    folder = tmp_path / "lstm"
    shutil.copytree(kept, folder)
    with pytest.raises(TextwrightError, match="no Hugging Face encoder"):
        start(str(folder))
