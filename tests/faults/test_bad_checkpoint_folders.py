"""Checkpoints that cannot be started from, or must not be: refused in words, before anything is lost."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from logging.handlers import BufferingHandler
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from checkpoints import TEXTS, only_vocabulary, tiny_checkpoint, tiny_tokenizer
from textwright.core.clock import Clock
from textwright.core.errors import BundleError, CheckpointError, TextwrightError
from textwright.models.transformer import tokenizer
from textwright.tasks.examples import Examples, Job
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import load_engine, trainer_for
from textwright.tasks.trainers.base import Trainer
from textwright.text.schema import Schema

Spoil = Callable[[Path], object]


def start(folder: str, texts: list[str] = TEXTS, **recipe: object) -> Trainer:
    schema = Schema(task="classify", text="text", label="label", labels=["a", "b"], scripts={"latin": 1.0})
    job = Job("pretrained", Examples(texts * 4, np.arange(20) % 2, schema, 0), Clock.starting(), 1)
    made = Recipe(model={"name": "pretrained", "checkpoint": folder}).replaced({"learn.epochs": 1, **recipe})
    trainer = trainer_for(job, made)
    for _ in trainer.refit(np.arange(20)):
        pass
    return trainer


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
    config = transformers.GPTNeoXConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=20
    )
    transformers.GPTNeoXForCausalLM(config).save_pretrained(folder)


def with_larger_tokenizer(folder: Path) -> None:
    record = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = record["model"]["vocab"]
    start = tiny_tokenizer().size
    vocabulary.update({f"word{i}": start + i for i in range(9)})
    (folder / "tokenizer.json").write_text(json.dumps(record))


def as_slow(folder: Path) -> None:
    """The tokenizer of PhoBERT, which the library has in Python only."""
    only_vocabulary(folder)
    (folder / "vocab.txt").write_text("the 1\ncat 2\n")
    (folder / "bpe.codes").write_text("t h 1\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PhobertTokenizer"}')


def with_tokenizer_file(name: str, content: str) -> Spoil:
    def spoil(folder: Path) -> None:
        remove("tokenizer.json", "tokenizer_config.json")(folder)
        (folder / name).write_text(content)

    return spoil


def as_pieces(folder: Path) -> None:
    with_tokenizer_file("sentencepiece.bpe.model", "x")(folder)
    edit("config.json", model_type="xlm-roberta")(folder)


def cut(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


CASES: dict[str, tuple[Spoil, str]] = {
    "not a checkpoint": (remove("config.json"), "config.json is missing"),
    "broken config": (lambda f: (f / "config.json").write_text("{"), "not JSON"),
    "no type": (lambda f: (f / "config.json").write_text("{}"), "model_type"),
    "another decoder": (as_decoder, "'gpt_neox' is not an encoder"),
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
    "code of an attention": (
        edit("config.json", attn_implementation="kernels-community/x"),
        "kernels-community",
    ),
    "code of a part's attention": (edit("config.json", _attn_implementation={"": "some/body"}), "some/body"),
    "a package of attention": (
        edit("config.json", attn_implementation="flash_attention_2"),
        "flash_attention_2",
    ),
    "quantized": (edit("config.json", quantization_config={"quant_method": "x"}), "quantization_config"),
    "weights elsewhere": (
        edit("config.json", transformers_weights="adapter_model.bin"),
        "transformers_weights",
    ),
    "an adapter": (
        lambda f: (f / "adapter_config.json").write_text("{}"),
        "holds an adapter beside the model",
    ),
    "types": (edit("config.json", model_type=["bert"]), "model_type"),
    "no mask": (edit("config.json", model_type="fnet"), "'fnet' reads padding as if it were text"),
    "whole numbers": (edit("config.json", model_type="ibert"), "'ibert' computes with layers of its own"),
    "sizes of another kind": (edit("config.json", hidden_size="wide"), "is not one of a bert"),
    "slow tokenizer": (as_slow, "a PhobertTokenizer is a slow tokenizer"),
    "sentencepiece": (as_pieces, "is there as sentencepiece.bpe.model only"),
    "vocabulary of another class": (with_tokenizer_file("vocab.json", '{"a": 0}'), "they do not suit a bert"),
    "other vocabulary": (with_larger_tokenizer, "the tokenizer has"),
    "weights of another model": (without_layers, "weights of a bert are missing"),
    "half a file": (cut, "cannot be loaded"),
}


@pytest.fixture(autouse=True)
def _without_sentencepiece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "find_spec", lambda name: None)


@pytest.fixture
def said() -> Iterator[list[logging.LogRecord]]:
    """What the Hugging Face library writes on the screen."""
    handler = BufferingHandler(1000)
    transformers.logging.add_handler(handler)
    yield handler.buffer
    transformers.logging.remove_handler(handler)


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_in_words(name: str, tmp_path: Path, said: list[logging.LogRecord]) -> None:
    folder = tiny_checkpoint(tmp_path / "start")
    spoil, wanted = CASES[name]
    spoil(folder)
    said.clear()
    with pytest.raises(TextwrightError) as caught:
        start(str(folder))
    assert wanted in caught.value.message
    assert str(folder) in caught.value.message
    assert caught.value.hint
    assert said == [], "the library says nothing beside it"


@pytest.mark.parametrize("name", ["nowhere", "./nowhere", "/nowhere/at/all", "a/b/c"])
def test_a_folder_that_is_not_there(name: str) -> None:
    with pytest.raises(TextwrightError, match="there is no such folder") as caught:
        start(name)
    assert ("google-bert/bert-base-uncased" in caught.value.hint) == ("/" not in name)


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


@pytest.mark.parametrize(
    ("kind", "longest"),
    [("roberta", 39), ("data2vec-text", 39), ("esm", 39), ("xmod", 39), ("mpnet", 38), ("bert", 40)],
)
def test_some_classes_count_positions_from_their_padding_on(kind: str, longest: int, tmp_path: Path) -> None:
    more = {"languages": ["en_XX"], "default_language": "en_XX"} if kind == "xmod" else {}
    folder = str(tiny_checkpoint(tmp_path / "start", kind, **more))
    with pytest.raises(TextwrightError, match=f"beyond the {longest} positions"):
        start(folder, tokenizer={"max_length": longest + 1})
    start(folder, [" ".join(TEXTS * 5)] * 5, tokenizer={"max_length": longest})


def test_padding_that_changes_answers(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "start", "nystromformer", initializer_range=0.2)
    with pytest.raises(CheckpointError, match="padding changes the answers of this nystromformer"):
        start(str(folder))


def test_texts_of_another_language(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "start")
    greek = ["η γάτα", "ο σκύλος", "το σπίτι", "η θάλασσα", "ο ήλιος"]
    with pytest.raises(CheckpointError, match="100% of the tokens are unknown") as caught:
        start(str(folder), greek)
    assert "this language" in caught.value.hint


@pytest.mark.parametrize("kind", ["albert", "xlm-roberta", "deberta-v2", "bert"])
def test_a_vocabulary_of_bert_beside_another_class(kind: str, tmp_path: Path) -> None:
    """Chinese ALBERTs have one; the library makes a tokenizer of five tokens of it, and all is unknown."""
    folder = tiny_checkpoint(tmp_path / "start", kind)
    only_vocabulary(folder)
    trainer = start(str(folder))
    reason = trainer.reasons()["tokenizer"]
    assert " 0.0% are unknown" in reason
    assert ("read as one of BERT" in reason) == (kind != "bert")
    assert trainer.engine.tokenizer.tokens(TEXTS[2])[:2] == ["很", "好"]


# The folder that is left


def test_a_class_that_cannot_be_read_back_is_refused_before_it_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, events = str(tiny_checkpoint(tmp_path / "start")), []

    def renamed(model: transformers.PreTrainedModel, folder: Path) -> None:
        model.config.save_pretrained(folder)
        weights = {f"other.{name}": value for name, value in model.state_dict().items()}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    monkeypatch.setattr(transformers.PreTrainedModel, "save_pretrained", renamed)
    with pytest.raises(CheckpointError, match="a bert is not what it was after saving it") as caught:
        events.append(start(folder))
    assert not events and folder in caught.value.message


def test_a_folder_without_one_of_its_weights(tmp_path: Path) -> None:
    trainer = start(str(tiny_checkpoint(tmp_path / "start")))
    trainer.engine.save(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    schema = Schema(task="classify", text="text", label="label", labels=["a", "b"])
    for kept, why in (
        ({**weights, "more": torch.ones(1)}, "unexpected"),
        (dict([*weights.items()][1:]), "missing"),
    ):
        save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(BundleError, match=f"{why} keys: "):
            load_engine(tmp_path, "pretrained", schema)


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
