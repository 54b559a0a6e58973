"""Encoders from nothing and from checkpoints: sizes, frozen parts, additions, what they looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from checkpoints import tiny_checkpoint, tiny_classifier
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError, ModelError
from textwright.models.base import Shape
from textwright.models.registry import ARCHITECTURES
from textwright.models.transformer.head import last_layer
from textwright.models.transformer.lora import merged
from textwright.models.transformer.network import Encoder, head_of
from textwright.models.transformer.scratch import sized
from textwright.models.transformer.settings import TransformerSettings
from textwright.tasks.examples import Examples, Job
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers import trainer_for
from textwright.tasks.trainers.network import NetworkTrainer
from textwright.text.schema import Schema

SHAPE = Shape(vocabulary=30, num_outputs=3, labels=("a", "b", "c"))
SMALL = {"width": 32, "layers": 2, "heads": 2, "inner": 48, "positions": 32}
IDS = torch.tensor([[3, 4, 7, 8], [5, 6, 0, 0]])
MASK = IDS > 0


def scratch(shape: Shape = SHAPE, **settings: Any) -> Encoder:
    torch.manual_seed(0)
    network: Encoder = ARCHITECTURES.get("transformer").build(
        TransformerSettings.parse({**SMALL, **settings}), shape
    )
    return network


def pretrained(folder: Path, labels: str = "abc", **settings: Any) -> Encoder:
    architecture = ARCHITECTURES.get("pretrained")
    torch.manual_seed(0)
    network: Encoder = architecture.build(
        architecture.settings.parse({"checkpoint": str(folder), **settings}),
        Shape(9, 1 if len(labels) == 2 else len(labels), 0, labels=tuple(labels)),
    )
    return network.eval()


# Sizes


@pytest.mark.parametrize(("tokens", "layers", "width"), [(10, 2, 128), (2_000_000, 4, 192), (10**8, 6, 256)])
def test_more_text_gives_a_larger_network(tokens: int, layers: int, width: int) -> None:
    found, reasons = sized(TransformerSettings(), 100, tokens, 50)
    assert (found.layers, found.width, found.positions) == (layers, width, 50)
    assert found.inner == 4 * width
    assert f"{tokens:,} tokens" in reasons["model.size"]
    assert scratch(**found.model_dump()).model.config.num_hidden_layers == layers


def test_what_was_asked_stays() -> None:
    found, _ = sized(TransformerSettings(width=60, layers=1), 100, 10**8, 500)
    assert (found.width, found.layers, found.inner, found.positions) == (60, 1, 240, 500)
    assert 60 % int(found.heads) == 0
    asked = TransformerSettings.parse(SMALL)
    assert sized(asked, 100, 10**8, 30) == (asked, {})


def test_heads_that_do_not_divide_the_width() -> None:
    with pytest.raises(ConfigError, match="cannot be shared among 5 heads"):
        TransformerSettings.parse({"width": 32, "heads": 5})


@pytest.mark.parametrize("sizes", [{"width": 33}, {"width": 36, "heads": 12}])
def test_heads_of_an_odd_size_are_not_for_modernbert(sizes: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="gives a head an odd size; modernbert needs an even one"):
        TransformerSettings.parse({"type": "modernbert", **sizes})
    assert TransformerSettings.parse({"type": "bert", **sizes})


def test_heads_of_a_width_asked_for_are_even_for_modernbert() -> None:
    found, _ = sized(TransformerSettings(type="modernbert", width=70, layers=1), 10, 10, 10)
    assert (found.width, found.heads) == (70, 1)
    assert sized(TransformerSettings(type="bert", width=70, layers=1), 10, 10, 10)[0].heads == 2
    scratch(**found.model_dump())


def planned(**recipe: object) -> NetworkTrainer:
    schema = Schema(task="classify", text="text", label="label", labels=["a", "b"], scripts={"latin": 1.0})
    texts = ["one two three four five six seven eight nine ten"] * 4
    job = Job("transformer", Examples(texts, np.arange(4) % 2, schema, 0), Clock.starting(), 1)
    trainer = trainer_for(job, Recipe(model={"name": "transformer"}).replaced(recipe))
    assert isinstance(trainer, NetworkTrainer)
    return trainer


@pytest.mark.parametrize("recipe", [{"model.positions": 8}, {"tokenizer": {"max_length": 8}}])
def test_texts_are_cut_to_the_length_asked_for_with_their_frame(recipe: dict[str, object]) -> None:
    trainer = planned(**recipe)
    trainer.encode()
    assert set(trainer._rows.tokens.lengths) == {8}
    assert "texts are cut to 8 tokens, 2 of them around the text" in trainer.reasons()["tokenizer"]


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"model.positions": 2}, "model.positions=2 leaves no room for a text"),
        ({"tokenizer": {"max_length": 1}}, "tokenizer.max_length=1 leaves no room"),
        ({"model.positions": 8, "tokenizer": {"max_length": 9}}, "beyond the 8 positions"),
    ],
)
def test_a_length_without_room_is_refused(recipe: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        planned(**recipe).encode()


# Outputs


def test_two_classes_are_the_difference_of_two_outputs() -> None:
    network = scratch(Shape(30, 1, labels=("no", "yes"))).eval()
    both = network.model(input_ids=IDS, attention_mask=MASK.long()).logits
    assert both.shape == (2, 2)
    torch.testing.assert_close(network(IDS, MASK).logits[:, 0], both[:, 1] - both[:, 0])
    assert network.model.config.id2label == {0: "no", 1: "yes"}


def test_a_score_is_one_output() -> None:
    network = scratch(Shape(30, 1)).eval()
    assert network(IDS, MASK).logits.shape == (2, 1)
    assert network.model.config.problem_type == "regression"


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (Shape(30, 1, link="identity"), "regression"),
        (Shape(30, 1, labels=("no", "yes"), link="sigmoid"), "single_label_classification"),
        (Shape(30, 3, labels=("a", "b", "c")), "single_label_classification"),
        (Shape(30, 3, labels=("a", "b", "c"), link="sigmoid"), "multi_label_classification"),
        (Shape(30, 2, labels=("a", "b"), link="sigmoid"), "multi_label_classification"),
    ],
)
def test_the_config_says_what_the_outputs_are(shape: Shape, kind: str) -> None:
    assert head_of(shape)["problem_type"] == kind


@pytest.mark.parametrize("kind", ["bert", "roberta", "modernbert"])
def test_padding_changes_nothing(kind: str) -> None:
    network = scratch(type=kind).eval()
    wide = torch.cat([IDS, torch.zeros(2, 5, dtype=torch.int64)], dim=1)
    torch.testing.assert_close(
        network(IDS, MASK).logits, network(wide, wide > 0).logits, atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("kind", ["bert", "roberta", "modernbert"])
def test_attention_weights(kind: str) -> None:
    network = scratch(type=kind).eval()
    before = network.model.config._attn_implementation
    weights = network.attention(IDS, MASK)
    assert weights.shape == (2, 2, 2, 4, 4)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, 2, 4))
    assert float(weights[:, 1, :, :, 2:].abs().max()) < 1e-6, "no weight on padding"
    assert network.model.config._attn_implementation == before


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "gelu", "silu"])
def test_every_activation_is_used(activation: str) -> None:
    network = scratch(activation=activation, type="bert").eval()
    assert network.model.config.hidden_act == activation
    reference = scratch(activation="gelu", type="bert").eval()
    same = torch.equal(network(IDS, MASK).logits, reference(IDS, MASK).logits)
    assert same == (activation == "gelu")


def test_initial_vectors() -> None:
    vectors = np.arange(27 * 32, dtype=np.float32).reshape(27, 32)
    network = scratch(Shape(30, 3, 0, vectors, ("a", "b", "c")))
    table = network.model.get_input_embeddings().weight.detach().numpy()
    np.testing.assert_array_equal(table[:27], vectors)
    with pytest.raises(ModelError, match="width is 32") as caught:
        scratch(Shape(30, 3, 0, vectors[:, :5], ("a", "b", "c")))
    assert "model.width=5" in caught.value.hint


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_checkpointed_gradients_are_the_same(kind: str) -> None:
    gradients = []
    for checkpointing in (False, True):
        network = scratch(type=kind, dropout=0.3)
        if checkpointing:
            network.checkpoint_gradients()
        network.train()
        torch.manual_seed(5)
        network(IDS, MASK).logits.square().sum().backward()
        gradients.append({name: p.grad for name, p in network.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient)


@pytest.mark.parametrize("kind", ["albert", "mpnet", "squeezebert"])
def test_layers_that_cannot_be_computed_twice(kind: str, tmp_path: Path) -> None:
    network = pretrained(tiny_checkpoint(tmp_path / "start", kind))
    with pytest.raises(ConfigError, match="cannot compute its layers twice") as caught:
        network.checkpoint_gradients()
    assert "micro_batch" in caught.value.hint


# The head of a checkpoint


@pytest.mark.parametrize("kind", ["bert", "roberta", "modernbert", "distilbert"])
def test_a_head_of_the_same_labels_keeps_what_each_label_meant(kind: str, tmp_path: Path) -> None:
    folder = tiny_classifier(tmp_path / "start", ["c", "a", "b"], kind)
    theirs = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    network = pretrained(folder)
    logits_BC = theirs(input_ids=IDS, attention_mask=MASK.long()).logits
    torch.testing.assert_close(network(IDS, MASK).logits, logits_BC[:, [1, 2, 0]])
    assert network.model.config.id2label == {0: "a", 1: "b", 2: "c"}
    assert "its labels in our order" in network.head
    torch.testing.assert_close(pretrained(folder, "cab")(IDS, MASK).logits, logits_BC)
    assert pretrained(folder, "cab").head == "that of the checkpoint"


@pytest.mark.parametrize("kind", ["bert", "roberta", "modernbert"])
def test_a_head_of_other_labels_is_drawn_anew(kind: str, tmp_path: Path) -> None:
    folder = tiny_classifier(tmp_path / "start", ["x", "y", "z"], kind)
    theirs = last_layer(AutoModelForSequenceClassification.from_pretrained(folder))
    network = pretrained(folder)
    ours = last_layer(network.model)
    assert ours and theirs and ours[0] == theirs[0]
    assert not torch.isclose(ours[1].weight, theirs[1].weight).any()
    assert 0 < ours[1].weight.std() < 0.1
    assert network.head == "drawn anew: that of the checkpoint is for x, y, z"
    assert pretrained(folder, "abcd").head == "drawn anew"


# What learns


def test_a_frozen_body_learns_by_its_head_alone(tmp_path: Path) -> None:
    network = pretrained(tiny_checkpoint(tmp_path / "start"), tune="head")
    learns = {name.split(".")[1] for name, p in network.named_parameters() if p.requires_grad}
    assert "classifier" in learns
    assert {name for name, p in network.named_parameters() if p.requires_grad and ".layer." in name} == set()
    network.train()
    assert not network.model.base_model.training, "what does not learn drops nothing"
    assert network.model.training


def test_lora_changes_little_and_becomes_part_of_the_weights(tmp_path: Path) -> None:
    network = pretrained(tiny_checkpoint(tmp_path / "start"), tune="lora", rank=2)
    start = network(IDS, MASK).logits.detach()
    learns = [name for name, p in network.named_parameters() if p.requires_grad]
    assert all("lora_" in name or "classifier" in name or "pooler" in name for name in learns)
    assert "model.bert.pooler.dense.weight" in learns, "a checkpoint that filled masks has none"
    for name, parameter in network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    network.eval()
    wanted = network(IDS, MASK).logits
    whole = merged(network).eval()
    assert not any("lora" in name for name in whole.state_dict())
    torch.testing.assert_close(whole(IDS, MASK).logits, wanted, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(wanted, start)


def test_a_body_with_nothing_for_lora_to_add_to(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no linear layers in its body") as caught:
        pretrained(tiny_checkpoint(tmp_path / "start", "squeezebert"), tune="lora")
    assert "model.tune=full" in caught.value.hint


def test_dropout_of_a_checkpoint_can_be_set(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "start")
    assert pretrained(folder).model.config.hidden_dropout_prob == 0.1
    assert pretrained(folder, dropout=0.3).model.config.hidden_dropout_prob == 0.3


def test_vectors_do_not_go_with_a_checkpoint(tmp_path: Path) -> None:
    architecture = ARCHITECTURES.get("pretrained")
    settings = architecture.settings.parse({"checkpoint": str(tiny_checkpoint(tmp_path / "start"))})
    with pytest.raises(ConfigError, match="vectors of its own"):
        architecture.build(settings, Shape(30, 3, 0, np.zeros((30, 32)), ("a", "b", "c")))
