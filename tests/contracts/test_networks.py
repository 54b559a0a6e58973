"""What every registered network keeps to, with each pooling, direction, depth and activation it has.

Shapes: B batch, T time, C outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.nn import functional as F

from textwright.core.errors import ConfigError, ModelError
from textwright.models.activations import ACTIVATIONS, ActivationName
from textwright.models.base import Architecture, Shape
from textwright.models.pooling import POOLINGS, PoolingName
from textwright.models.registry import ARCHITECTURES

VOCABULARY = 40
SMALL = {"embedding": 12, "hidden": 10, "filters": 6}
VARIANTS: list[dict[str, Any]] = [
    {},
    *({"pooling": pooling, "bidirectional": both} for pooling in POOLINGS for both in (True, False)),
    *({"layers": 2, "bidirectional": both} for both in (True, False)),
    {"init": "torch"},
    *({"activation": activation} for activation in ACTIVATIONS),
    {"widths": [1, 2, 7]},
    {"embedding_dropout": 0.5, "dropout": 0.0},
]

Case = tuple[str, dict[str, Any]]


@cache
def architecture(name: str) -> Architecture:
    return ARCHITECTURES.get(name)


def known(name: str, values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key in architecture(name).settings.model_fields}


def offered(name: str, values: dict[str, Any]) -> bool:
    """Whether an architecture has these settings; of the activations, `rnn` has two."""
    field = architecture(name).settings.model_fields.get("activation")
    return known(name, values) == values and (
        field is None or values.get("activation", field.default) in get_args(field.annotation)
    )


NETWORKS = [name for name in ARCHITECTURES if architecture(name).kind == "network"]
CASES: list[Case] = [(name, v) for name in NETWORKS for v in VARIANTS if offered(name, v)]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join([c[0], *map(str, c[1].values())]))
each_network = pytest.mark.parametrize("name", NETWORKS)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small only lose by a second thread, and lose much when the cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(case: Case, *, seed: int = 0, num_outputs: int = 3, embeddings: Any = None) -> torch.nn.Module:
    name, variant = case
    settings = architecture(name).settings.parse({**known(name, SMALL), **variant})
    torch.manual_seed(seed)
    model: torch.nn.Module = architecture(name).build(settings, Shape(VOCABULARY, num_outputs, 0, embeddings))
    return model


def without_dropout(case: Case) -> Case:
    return case[0], {**case[1], **known(case[0], {"dropout": 0.0, "embedding_dropout": 0.0})}


def texts(lengths: list[int], *, extra: int = 0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (B, T), none of them the padding id, and their mask; `extra` more columns of padding."""
    rng = np.random.default_rng(seed)
    mask = np.arange(max(max(lengths), 1) + extra) < np.array(lengths)[:, None]
    return torch.from_numpy(rng.integers(1, VOCABULARY, mask.shape) * mask), torch.from_numpy(mask)


def train_step(model: torch.nn.Module, ids: torch.Tensor, mask: torch.Tensor) -> None:
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.01)
    F.cross_entropy(model.train()(ids, mask).logits, torch.arange(len(ids)) % 3).backward()
    optimizer.step()


def same_bits(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def test_the_suite_sees_the_networks_and_all_table_entries() -> None:
    assert {"cnn", "rnn", "lstm", "gru"} <= set(NETWORKS)
    assert set(POOLINGS) == set(get_args(PoolingName))
    assert set(ACTIVATIONS) == set(get_args(ActivationName))


@each_case
@pytest.mark.parametrize("num_outputs", [1, 2, 7])
def test_answers_one_float_row_of_logits_a_text(case: Case, num_outputs: int) -> None:
    ids, mask = texts([5, 0, 9, 1])
    output = build(case, num_outputs=num_outputs)(ids, mask)
    assert output.logits.shape == (4, num_outputs)
    assert output.logits.dtype == torch.float32
    assert output.logits.isfinite().all()


@each_case
def test_token_weights_add_up_to_one_and_spare_the_padding(case: Case) -> None:
    ids, mask = texts([5, 0, 9, 1], extra=2)
    weights = build(case).eval()(ids, mask).token_weights
    settings = architecture(case[0]).settings.parse(case[1])
    assert (weights is not None) == (getattr(settings, "pooling", None) == "attention")
    if weights is not None:
        assert weights.shape == mask.shape
        assert (weights[mask] > 0).all() and (weights[~mask] == 0).all()
        torch.testing.assert_close(weights.sum(1), torch.tensor([1.0, 0.0, 1.0, 1.0]))


@each_case
@pytest.mark.parametrize("seed", [1, 2])
def test_a_text_alone_and_in_any_padded_batch_get_the_same_answer(case: Case, seed: int) -> None:
    model = build(case).eval()
    lengths = np.random.default_rng(seed).permutation(13).tolist()
    ids, mask = texts(lengths, extra=seed * 3, seed=seed)
    with torch.no_grad():
        rows = [(slice(i, i + 1), slice(0, max(length, 1))) for i, length in enumerate(lengths)]
        alone = torch.cat([model(ids[row], mask[row]).logits for row in rows])
        together = model(ids, mask).logits
        # What stands under the mask must not count either.
        dirty = model(torch.where(mask, ids, VOCABULARY - 1), mask).logits
    assert (alone - together).abs().max() < 1e-5
    assert torch.equal(together, dirty)
    assert (together[lengths.index(5)] - together[lengths.index(12)]).abs().max() > 1e-4  # texts do count


@each_case
def test_every_learned_parameter_gets_a_gradient_and_the_padding_row_none(case: Case) -> None:
    model = build(case)
    ids, mask = texts([12, 7, 0, 3, 9, 1, 5, 4])
    ids[0, 2] = 0  # even where a text holds the padding id
    F.cross_entropy(model(ids, mask).logits, torch.arange(8) % 3).backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().max() > 0, name
    table = model.get_submodule("embedding").weight
    assert isinstance(table, torch.nn.Parameter) and table.grad is not None
    assert (table[0] == 0).all() and (table.grad[0] == 0).all()


@each_case
def test_a_batch_of_empty_texts_gives_finite_logits_and_gradients(case: Case) -> None:
    model = build(case)
    logits = model(*texts([0, 0, 0])).logits
    logits.square().sum().backward()
    assert logits.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@each_case
def test_learns_sixteen_texts_by_heart(case: Case) -> None:
    model = build(without_dropout(case))
    ids, mask = texts([3 + i % 6 for i in range(16)])
    labels = torch.arange(16) % 3
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.02)
    for _ in range(120):
        loss = F.cross_entropy(model(ids, mask).logits, labels)
        if loss < 0.05:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05
    assert (model(ids, mask).logits.argmax(1) == labels).all()


@each_case
def test_a_saved_and_loaded_model_answers_with_the_same_bits(case: Case) -> None:
    model, other = build(case).eval(), build(case, seed=1).eval()
    batch = texts([5, 0, 9])
    assert not torch.equal(model(*batch).logits, other(*batch).logits)
    other.load_state_dict(safetensors.torch.load(safetensors.torch.save(model.state_dict())))
    assert torch.equal(model(*batch).logits, other(*batch).logits)


@each_case
def test_one_seed_gives_the_same_bits_before_and_after_a_training_step(case: Case) -> None:
    first, second, other = build(case, seed=5), build(case, seed=5), build(case, seed=6)
    assert same_bits(first.state_dict(), second.state_dict())
    assert not same_bits(first.state_dict(), other.state_dict())
    before = {key: value.clone() for key, value in first.state_dict().items()}
    for model in (first, second):
        torch.manual_seed(7)
        train_step(model, *texts([5, 2, 9]))
    assert same_bits(first.state_dict(), second.state_dict())
    assert not same_bits(first.state_dict(), before)


@each_case
def test_dropout_works_in_training_alone(case: Case) -> None:
    batch = texts([5, 2, 9])
    model, still = build(case), build(without_dropout(case))
    assert not torch.equal(model.train()(*batch).logits, model(*batch).logits)
    assert torch.equal(model.eval()(*batch).logits, model(*batch).logits)
    assert torch.equal(model(*batch).logits, still.train()(*batch).logits)


@each_network
@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
def test_starts_from_the_given_embeddings(name: str, kind: Any) -> None:
    vectors = np.random.default_rng(0).normal(size=(VOCABULARY, SMALL["embedding"])).astype(np.float32)
    table = build((name, {}), embeddings=kind(vectors)).get_submodule("embedding").weight
    assert isinstance(table, torch.nn.Parameter)
    assert np.array_equal(table.detach().numpy()[1:], vectors[1:])
    assert (table[0] == 0).all()
    with torch.no_grad():
        table.zero_()
    assert vectors.any(), "the model must own its copy"


@each_network
def test_frozen_embeddings_stay_as_they_start(name: str) -> None:
    model = build((name, {"freeze_embeddings": True}))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    train_step(model, *texts([5, 2, 9]))
    after = model.state_dict()
    assert torch.equal(before.pop("embedding.weight"), after.pop("embedding.weight"))
    assert not same_bits(before, after)


@each_network
def test_embeddings_of_another_size_are_refused_with_the_numbers(name: str) -> None:
    with pytest.raises(ModelError, match=r"300 numbers.*says 12\n.*model\.embedding=300"):
        build((name, {}), embeddings=np.zeros((VOCABULARY, 300), np.float32))
    with pytest.raises(ModelError, match=r"\(39, 12\) for a vocabulary of 40"):
        build((name, {}), embeddings=np.zeros((VOCABULARY - 1, 12), np.float32))


@each_network
def test_unknown_settings_are_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(ConfigError, match=r"'embeding'\nDid you mean 'embedding'"):
        architecture(name).settings.parse({"embeding": 3})
    with pytest.raises(ConfigError, match=r"dropout: .*less than 1 \(found 1.5\)"):
        architecture(name).settings.parse({"dropout": 1.5})
    for key, wrong, near in (("pooling", "atention", "attention"), ("activation", "rellu", "relu")):
        if known(name, {key: wrong}):
            with pytest.raises(ConfigError, match=f"{key}: .*'{near}'.*found '{wrong}'"):
                architecture(name).settings.parse({key: wrong})


def test_an_activation_that_a_cell_cannot_have_is_refused_with_the_reason() -> None:
    with pytest.raises(ConfigError, match=r"^model\.activation: .*the two that torch's.*\(found 'gelu'\)"):
        architecture("rnn").settings.parse({"activation": "gelu"}, where="model.")
    for wrong in ("ReLU", ["relu"]):
        with pytest.raises(
            ConfigError, match=r"^model\.activation: Input should be 'tanh' or 'relu' \(found"
        ):
            architecture("rnn").settings.parse({"activation": wrong}, where="model.")
    for name in ("lstm", "gru"):
        with pytest.raises(
            ConfigError, match=r"^model\.activation: the gates of .*by definition \(found 'relu'\)"
        ):
            architecture(name).settings.parse({"activation": "relu"}, where="model.")


def test_the_activation_of_rnn_counts() -> None:
    batch = texts([5, 2, 9])
    tanh, relu = (build(("rnn", {"activation": name})).eval()(*batch).logits for name in ("tanh", "relu"))
    assert not torch.equal(tanh, relu)
    assert torch.equal(tanh, build(("rnn", {})).eval()(*batch).logits)
