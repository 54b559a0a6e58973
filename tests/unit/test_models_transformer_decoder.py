"""Classifiers made of causal language models: what is read, what pads, how layers learn, what they learn."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import Generator

import textwright
from checkpoints import DECODERS, tiny_decoder, tiny_tokenizer
from textwright.core.errors import ConfigError, TextwrightError
from textwright.learn.optimizers.weights import trained_weights
from textwright.models.base import Shape
from textwright.models.fast.apply import accelerated
from textwright.models.registry import ARCHITECTURES
from textwright.models.transformer.checkpoint import find_checkpoint
from textwright.models.transformer.network import Decoder
from textwright.models.transformer.tokenizer import load_tokenizer, longest_text
from textwright.text.tokenizers import TokenizerSettings
from textwright.text.tokenizers.framed import END_OF_TEXT, begun, borrowed

each_kind = pytest.mark.parametrize("kind", DECODERS)


def network_of(folder: Path, pad_id: int = 0, **settings: Any) -> Decoder:
    architecture = ARCHITECTURES.get("pretrained")
    torch.manual_seed(0)
    network = architecture.build(
        architecture.settings.parse({"checkpoint": str(folder), **settings}),
        Shape(30, 3, pad_id, labels=("a", "b", "c")),
    )
    assert isinstance(network, Decoder)
    return network.eval()


@each_kind
@pytest.mark.parametrize("is_quick", [False, True])
def test_padding_changes_nothing(kind: str, is_quick: bool, tmp_path: Path) -> None:
    """Alone or in a batch with longer ones, with the attention of a fit and without."""
    network = network_of(tiny_decoder(tmp_path / "start", kind))
    rows = [[5, 6, 7], [9], [3, 4, 5, 6, 7, 8, 9], [0, 0, 4, 0]]  # one has the token of padding in it
    ids_BT = torch.zeros(4, 12, dtype=torch.long)
    for row, ids in enumerate(rows):
        ids_BT[row, : len(ids)] = torch.tensor(ids)
    mask_BT = torch.arange(12) < torch.tensor([[len(ids)] for ids in rows])
    with torch.no_grad():
        alone_BC = torch.cat([network(ids, ids > -1).logits for ids in (torch.tensor([r]) for r in rows)])
        with accelerated(network, "fp32", (ids_BT, mask_BT)) if is_quick else torch.no_grad():
            among_BC = network(ids_BT, mask_BT).logits
            others_BC = network(ids_BT.masked_fill(~mask_BT, 11), mask_BT).logits
    torch.testing.assert_close(among_BC, alone_BC, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(others_BC, alone_BC, atol=1e-6, rtol=1e-5)
    assert (alone_BC - alone_BC.roll(1, 0)).abs().min() > 1e-5


@each_kind
def test_layers_near_the_outputs_learn_faster(kind: str, tmp_path: Path) -> None:
    network = network_of(tiny_decoder(tmp_path / "start", kind))
    weights = trained_weights(network, 0.5)
    factors = {id(w.parameter): w.factor for w in weights}
    model: Any = network.model
    first, last = (next(iter(block.parameters())) for block in (network.first_block, blocks(network)[-1]))
    assert [factors[id(p)] for p in (model.score.weight, last, first)] == [1.0, 0.5, 0.25]
    assert factors[id(model.get_input_embeddings().weight)] == 0.125
    assert [w.is_head for w in weights].count(True) == 1


def blocks(network: Decoder) -> Any:
    body: Any = network.model.base_model
    return body.h if hasattr(body, "h") else body.layers


@each_kind
def test_layers_can_be_computed_twice(kind: str, tmp_path: Path) -> None:
    ids, gradients = torch.tensor([[3, 4, 7, 8], [5, 6, 0, 0]]), []
    for checkpointing in (False, True):
        network = network_of(tiny_decoder(tmp_path / "start", kind), dropout=0.1)
        if checkpointing:
            network.checkpoint_gradients()
        network.train()
        torch.manual_seed(5)
        network(ids, ids > 0).logits.square().sum().backward()
        gradients.append({name: p.grad for name, p in network.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)


def test_dropout_reaches_every_part_of_gpt2(tmp_path: Path) -> None:
    config = network_of(tiny_decoder(tmp_path / "start", "gpt2"), dropout=0.3).model.config
    assert (config.resid_pdrop, config.embd_pdrop, config.attn_pdrop) == (0.3, 0.3, 0.3)


@pytest.mark.parametrize(("kind", "positions"), [("gpt2", 40), ("qwen3", 40)])
def test_texts_may_be_as_long_as_its_positions(kind: str, positions: int, tmp_path: Path) -> None:
    assert longest_text(find_checkpoint(str(tiny_decoder(tmp_path / "start", kind)))) == positions


@pytest.mark.parametrize("pads", [True, False])
def test_a_text_begins_with_the_token_between_texts(pads: bool, tmp_path: Path) -> None:
    found = load_tokenizer(find_checkpoint(str(tiny_decoder(tmp_path / "start", "gpt2", pads=pads))))
    made = borrowed(*begun(found.content, found.special), TokenizerSettings(kind="pretrained"))
    assert made.pieces[made.pad_id] == ("[PAD]" if pads else END_OF_TEXT)
    first, empty = (row.tolist() for row in made.encode(["the cat", ""]).rows)
    assert [made.pieces[i] for i in first] == [END_OF_TEXT, "the", "cat"]
    assert [made.pieces[i] for i in empty] == [END_OF_TEXT]
    again = begun(made.content, made.frame.special)
    assert again == (made.content, made.frame.special), "only once"


def test_a_tokenizer_without_such_a_token_is_refused() -> None:
    tokenizer = tiny_tokenizer()
    with pytest.raises(TextwrightError, match="no token that begins or ends a text") as caught:
        begun(tokenizer.content, {"unk_token": "[UNK]"})
    assert "tokenizer_config.json" in caught.value.hint


def test_a_decoder_that_reads_another_text_too_is_refused(tmp_path: Path) -> None:
    folder = tiny_decoder(tmp_path / "start", "gpt2", add_cross_attention=True)
    with pytest.raises(TextwrightError, match="'gpt2' is not an encoder"):
        find_checkpoint(str(folder))


# From the folder of `pretrain` to answers

ENGLISH = ["room", "staff", "food", "was", "is", "very", "so", "service", "and", "but", "we", "old"]
CHINESE = ["房间", "服务", "我们", "早饭", "前台", "朋友", "电梯", "窗户"]
PLANTED = (("good", "bad"), ("好", "坏"))


def written(rng: Generator, number: int) -> tuple[str, str]:
    """A text and its label, which follows from one word; every other pair of texts is Chinese."""
    language = number // 2 % 2
    words = list(rng.choice((ENGLISH, CHINESE)[language], rng.integers(4, 9)))
    words.insert(rng.integers(len(words) + 1), PLANTED[language][number % 2])
    return (" ", "，")[language].join(words), ("positive", "negative")[number % 2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table in both languages, and a language model of each kind that has read its texts."""
    made = tmp_path_factory.mktemp("decoders")
    rng = np.random.default_rng(0)
    rows = [written(rng, number) for number in range(320)]
    with (made / "data.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    (made / "texts.txt").write_text("\n".join(text for text, _ in rows), encoding="utf-8")
    for kind in DECODERS:
        model = {"name": kind, "width": 32, "layers": 2, "positions": 64}
        asked = {"model": model, "budget": {"tokens": 6000}, "learn": {"batch": 8}}
        textwright.pretrain([made / "texts.txt"], made / kind, textwright.PretrainRecipe.parse(asked))
    return made


@pytest.fixture(scope="module", params=DECODERS)
def taught(place: Path, request: pytest.FixtureRequest) -> Path:
    """The folder of a classifier made of one of them."""
    model = {"name": "pretrained", "checkpoint": str(place / request.param)}
    asked = {"model": model, "learn": {"epochs": 10, "batch": 8}, "budget": {"minutes": 1}}
    textwright.train(place / "data.csv", place / f"{request.param}-taught", textwright.Recipe.parse(asked))
    return place / f"{request.param}-taught"


def test_a_language_model_of_ours_learns_to_answer_in_both_languages(taught: Path) -> None:
    rng = np.random.default_rng(1)
    texts, labels = zip(*(written(rng, number) for number in range(80)), strict=True)
    predictor = textwright.load(taught)
    for language in (0, 1):
        asked = [i for i in range(80) if i // 2 % 2 == language]
        answers = predictor.predict([texts[i] for i in asked])
        right = [answer["label"] == labels[i] for i, answer in zip(asked, answers, strict=True)]
        assert np.mean(right) > 0.9
    for method in ("occlusion", "attention"):
        assert all(record["tokens"] for record in predictor.explain(texts[:4], method))
    outputs = predictor.engine.outputs([*texts[:9], ""])
    assert np.array_equal(textwright.load(taught).engine.outputs([*texts[:9], ""]), outputs)


def test_what_was_made_of_one_can_be_started_from(taught: Path) -> None:
    """The head of the same labels stays, and no row that it learned from is tested on."""
    model = {"name": "pretrained", "checkpoint": str(taught), "tune": "head"}
    asked = {"model": model, "learn": {"epochs": 1}, "budget": {"minutes": 1}}
    again = taught.with_name(f"{taught.name}-again")
    made = textwright.train(taught.parent / "data.csv", again, textwright.Recipe.parse(asked))
    assert made.scores["accuracy"].value > 0.9
    plan = json.loads((again / "plan.json").read_text(encoding="utf-8"))
    assert plan["reasons"]["model.head"] == "that of the checkpoint"


def test_the_card_of_a_nanochat_names_no_class_that_there_is_not(taught: Path) -> None:
    card = (taught / "README.md").read_text(encoding="utf-8")
    assert ("AutoModelForSequenceClassification" in card) == ("nanochat" not in taught.name)


def test_lengths_beyond_its_positions_are_refused(place: Path) -> None:
    model = {"name": "pretrained", "checkpoint": str(place / "gpt2")}
    recipe = textwright.Recipe.parse({"model": model, "tokenizer": {"max_length": 65}})
    with pytest.raises(ConfigError, match="beyond the 64 positions"):
        textwright.train(place / "data.csv", place / "long", recipe)
