"""Encoders from nothing and from checkpoints: sizes, frozen parts, additions, what they looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from checkpoints import tiny_checkpoint
from textwright.core.errors import ConfigError, ModelError
from textwright.models.base import Shape
from textwright.models.registry import ARCHITECTURES
from textwright.models.transformer.network import Encoder
from textwright.models.transformer.pretrained import merged
from textwright.models.transformer.scratch import sized
from textwright.models.transformer.settings import TransformerSettings

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


def pretrained(folder: Path, **settings: Any) -> Encoder:
    architecture = ARCHITECTURES.get("pretrained")
    torch.manual_seed(0)
    network: Encoder = architecture.build(
        architecture.settings.parse({"checkpoint": str(folder), **settings}),
        Shape(9, 3, 0, labels=("a", "b", "c")),
    )
    return network


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
    assert all("lora_" in name or "classifier" in name for name in learns)
    for name, parameter in network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    network.eval()
    wanted = network(IDS, MASK).logits
    whole = merged(network).eval()
    assert not any("lora" in name for name in whole.state_dict())
    torch.testing.assert_close(whole(IDS, MASK).logits, wanted, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(wanted, start)


def test_dropout_of_a_checkpoint_can_be_set(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "start")
    assert pretrained(folder).model.config.hidden_dropout_prob == 0.1
    assert pretrained(folder, dropout=0.3).model.config.hidden_dropout_prob == 0.3


def test_vectors_do_not_go_with_a_checkpoint(tmp_path: Path) -> None:
    architecture = ARCHITECTURES.get("pretrained")
    settings = architecture.settings.parse({"checkpoint": str(tiny_checkpoint(tmp_path / "start"))})
    with pytest.raises(ConfigError, match="vectors of its own"):
        architecture.build(settings, Shape(30, 3, 0, np.zeros((30, 32)), ("a", "b", "c")))
