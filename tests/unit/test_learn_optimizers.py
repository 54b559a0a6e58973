"""How weights are told apart, rates by layer, lazy tables, gradients of both kinds, and states that go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from textwright.core.errors import ConfigError
from textwright.learn.optimizers import OPTIMIZERS, Stepper, build_optimizer, gradient_length, scale_gradients
from textwright.learn.optimizers.chain import Chain
from textwright.learn.optimizers.lazy import LazyAdam
from textwright.learn.optimizers.weights import trained_weights
from textwright.learn.settings import OptimizerSettings
from textwright.models.base import Shape
from textwright.models.registry import ARCHITECTURES

ROWS, WIDTH = 50_000, 10  # as many numbers as make a table lazy


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)


class Encoder(nn.Module):
    """Named as the encoders of Hugging Face: embeddings, encoder.layer.N, pooler, classifier."""

    def __init__(self, rows: int = ROWS, width: int = WIDTH) -> None:
        super().__init__()
        self.embeddings = nn.ModuleDict({"word": nn.Embedding(rows, width), "norm": nn.LayerNorm(width)})
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Block(width) for _ in range(3))})
        self.pooler = nn.Linear(width, width)
        self.classifier = nn.Sequential(nn.Linear(width, 4), nn.Linear(4, 2))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embeddings["norm"](self.embeddings["word"](ids))
        for block in self.encoder["layer"]:
            x = x + block.norm(block.mix(x)).tanh()
        out: torch.Tensor = self.classifier(self.pooler(x).tanh())
        return out


def table(model: Encoder) -> nn.Embedding:
    found = model.embeddings["word"]
    assert isinstance(found, nn.Embedding)
    return found


def settings(name: str = "adamw", **others: Any) -> OptimizerSettings:
    return OptimizerSettings.parse({"name": name, "rate": 0.01, **others})


def names_where(model: nn.Module, says: Callable[[Any], bool]) -> set[str]:
    chosen = {id(weight.parameter) for weight in trained_weights(model) if says(weight)}
    return {name for name, p in model.named_parameters() if id(p) in chosen}


def factors(model: nn.Module, decay: float) -> dict[str, float]:
    named = {id(p): name for name, p in model.named_parameters()}
    optimizer = build_optimizer(model, settings(layer_decay=decay))
    return {named[id(p)]: group["factor"] for group in optimizer.param_groups for p in group["params"]}


def test_muon_takes_the_matrices_between_embeddings_and_head() -> None:
    hidden = {f"encoder.layer.{i}.mix.weight" for i in range(3)} | {"pooler.weight"}
    assert names_where(Encoder(), lambda weight: weight.is_hidden) == hidden
    model = Encoder()
    first, *_ = build_optimizer(model, settings("muon")).param_groups
    assert {id(p) for p in first["params"]} == {id(model.get_parameter(name)) for name in hidden}


@pytest.mark.parametrize("wrap", [lambda model: model, lambda model: nn.ModuleDict({"model": model})])
def test_the_head_is_found_by_its_name_at_the_top_and_one_level_below(wrap: Any) -> None:
    heads = names_where(wrap(Encoder()), lambda weight: weight.is_head)
    assert {name.removeprefix("model.") for name in heads} == {
        f"classifier.{i}.{kind}" for i in (0, 1) for kind in ("weight", "bias")
    }


def test_without_a_name_the_last_linear_layer_is_the_head() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3), nn.LayerNorm(3))
    assert names_where(model, lambda weight: weight.is_head) == {"2.weight", "2.bias"}


def test_muon_without_hidden_matrices_is_refused_and_not_replaced() -> None:
    cnn = ARCHITECTURES.get("cnn")
    network = cnn.build(cnn.settings.parse({"embedding": 4, "filters": 2}), Shape(9, 2))
    with pytest.raises(ConfigError, match=r"learn\.optimizer\.name=muon .* none: .*\nUse adamw"):
        build_optimizer(network, settings("muon"))


def test_rates_fall_from_layer_to_layer_down_to_the_embeddings() -> None:
    found = factors(Encoder(), 0.5)
    for name, factor in found.items():
        if name.startswith("encoder.layer."):
            assert factor == 0.5 ** (3 - int(name.split(".")[2])), name
        else:
            assert factor == (0.5**4 if name.startswith("embeddings.") else 1.0), name
    assert set(found) == {name for name, _ in Encoder().named_parameters()}
    assert set(factors(Encoder(), 1.0).values()) == {1.0}


def test_layers_of_own_networks_are_counted_and_their_directions_are_not() -> None:
    lstm = ARCHITECTURES.get("lstm")
    network = lstm.build(lstm.settings.parse({"embedding": 4, "hidden": 3, "layers": 2}), Shape(9, 2))
    found = factors(network, 0.1)
    wanted = {"embedding": 0.1**3, "layers.0": 0.1**2, "layers.1": 0.1, "pooling": 1.0, "head": 1.0}
    for name, factor in found.items():
        assert factor == pytest.approx(next(v for start, v in wanted.items() if name.startswith(start))), name


def test_the_rate_of_a_group_is_what_its_weights_move_by() -> None:
    """The first step of Adam is as long as the rate, whatever the gradient."""
    model = Encoder(rows=20)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = build_optimizer(model, settings("adam", layer_decay=0.5))
    model(torch.arange(20)).square().sum().backward()
    optimizer.step()
    for name, factor in (("encoder.layer.2.mix.bias", 0.5), ("encoder.layer.0.norm.weight", 0.125)):
        moved = (model.get_parameter(name) - before[name]).abs()
        assert moved.max().item() == pytest.approx(0.01 * factor, rel=1e-3)


def test_rates_by_layer_need_layers() -> None:
    cnn = ARCHITECTURES.get("cnn")
    network = cnn.build(cnn.settings.parse({"embedding": 4, "filters": 2}), Shape(9, 2))
    with pytest.raises(ConfigError, match=r"learn\.optimizer\.layer_decay=0\.9: .* no numbered layers"):
        build_optimizer(network, settings(layer_decay=0.9))
    lstm = ARCHITECTURES.get("lstm")
    network = lstm.build(lstm.settings.parse({"embedding": 4, "hidden": 3}), Shape(9, 2)).requires_grad_(
        False
    )
    network.head.requires_grad_(True)
    with pytest.raises(
        ConfigError, match=r"learn\.optimizer\.layer_decay=0\.9: all that learns here is one layer"
    ):
        build_optimizer(network, settings(layer_decay=0.9))
    network.embedding.requires_grad_(True)
    assert build_optimizer(network, settings(layer_decay=0.9)).param_groups


def test_a_rate_that_is_still_auto_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"learn\.optimizer\.rate is still auto"):
        build_optimizer(Encoder(), OptimizerSettings())


def test_matrices_shrink_by_as_much_a_step_whatever_the_scale_of_the_rates() -> None:
    for name, entry in OPTIMIZERS.items():
        rate = 0.001 * entry.scale
        optimizer = build_optimizer(Encoder(), OptimizerSettings.parse({"name": name, "rate": rate}))
        lost = {group["lr"] * group["weight_decay"] for group in optimizer.param_groups}
        assert max(lost) == pytest.approx(0.0 if name == "adam" else 1e-5), name
        assert min(lost) == 0.0


def is_lazy(model: Encoder, name: str = "adamw") -> bool:
    optimizer = build_optimizer(model, settings(name))
    parts = optimizer.parts if isinstance(optimizer, Chain) else (optimizer,)
    lazy = [part for part in parts if isinstance(part, LazyAdam)]
    assert bool(lazy) == table(model).sparse
    if lazy:
        (group,) = lazy[0].param_groups
        assert group["params"] == [table(model).weight] and group["weight_decay"] == 0.0
    return bool(lazy)


def test_only_large_tables_that_learn_alone_are_lazy() -> None:
    assert all(is_lazy(Encoder(), name) for name in ("adamw", "adam", "muon"))
    assert not any(is_lazy(Encoder(), name) for name in ("sgd", "gd"))
    assert not is_lazy(Encoder(ROWS - 1))
    frozen, counted, tied = Encoder(), Encoder(), Encoder()
    table(frozen).requires_grad_(False)
    table(counted).scale_grad_by_freq = True
    tied.decoder = nn.Linear(WIDTH, ROWS, bias=False)
    tied.decoder.weight = table(tied).weight
    assert not is_lazy(frozen) and not is_lazy(counted) and not is_lazy(tied)


def test_a_table_is_dense_again_for_an_optimizer_that_needs_all_of_it() -> None:
    model = Encoder()
    assert is_lazy(model, "adamw") and not is_lazy(model, "sgd")
    train(model, build_optimizer(model, settings("sgd")), 2)


def train(model: Encoder, optimizer: Stepper, count: int, start: int = 0) -> None:
    for step in range(start, start + count):
        ids = torch.randint(0, ROWS, (6,), generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad(set_to_none=True)
        (model(ids) - 1).square().sum().backward()
        optimizer.step()


def test_rows_that_do_not_occur_stay_as_they_are() -> None:
    model = Encoder()
    before = table(model).weight.detach().clone()
    train(model, build_optimizer(model, settings()), 3)
    moved = (table(model).weight != before).any(1)
    seen = [torch.randint(0, ROWS, (6,), generator=torch.Generator().manual_seed(i)) for i in range(3)]
    assert set(moved.nonzero().flatten().tolist()) == set(torch.cat(seen).tolist())


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "gd", "muon"])
def test_a_state_in_tensors_goes_on_with_the_same_bits(name: str) -> None:
    """As a checkpoint does it: every slot becomes a tensor, and a fresh optimizer takes them."""
    torch.manual_seed(0)
    model, other = Encoder(), Encoder()
    optimizer = build_optimizer(model, settings(name, layer_decay=0.9))
    train(model, optimizer, 3)
    other.load_state_dict(model.state_dict())
    saved = optimizer.state_dict()["state"]
    slots = {i: {k: torch.as_tensor(v).clone() for k, v in s.items()} for i, s in saved.items()}
    resumed = build_optimizer(other, settings(name, layer_decay=0.9))
    resumed.load_state_dict({**resumed.state_dict(), "state": slots})
    train(model, optimizer, 3, start=3)
    train(other, resumed, 3, start=3)
    for key, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key
    assert [g["factor"] for g in resumed.param_groups] == [g["factor"] for g in optimizer.param_groups]


def test_the_state_of_another_network_is_refused() -> None:
    whole, part = Encoder(), Encoder()
    part.encoder.requires_grad_(False)
    saved = build_optimizer(part, settings("muon")).state_dict()
    with pytest.raises(ValueError, match="doesn't match the size"):
        build_optimizer(whole, settings("muon")).load_state_dict(saved)
    plain = build_optimizer(whole, settings("muon", layer_decay=0.9)).state_dict()
    with pytest.raises(ValueError, match="parameter groups for"):
        build_optimizer(whole, settings("muon")).load_state_dict(plain)


def with_gradients(*, sparse: bool) -> Encoder:
    torch.manual_seed(3)
    model = Encoder(rows=40)
    table(model).sparse = sparse
    (model(torch.tensor([1, 7, 7, 39])) * 9).square().sum().backward()
    return model


def test_gradients_are_as_long_and_clipped_as_torch_has_it() -> None:
    ours, theirs = with_gradients(sparse=False), with_gradients(sparse=False)
    length = gradient_length(ours.parameters())
    assert torch.equal(length, nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)) and length > 1
    scale_gradients(ours.parameters(), 1.0 / (length + 1e-6))
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.grad is not None and other.grad is not None and torch.equal(mine.grad, other.grad)


def test_sparse_gradients_count_each_row_once() -> None:
    dense, sparse = with_gradients(sparse=False), with_gradients(sparse=True)
    gradient = table(sparse).weight.grad
    assert gradient is not None and gradient.is_sparse and not gradient.is_coalesced()
    torch.testing.assert_close(gradient_length(sparse.parameters()), gradient_length(dense.parameters()))
    for model in (dense, sparse):
        scale_gradients(model.parameters(), 0.125)
    torch.testing.assert_close(gradient_length(sparse.parameters()), gradient_length(dense.parameters()))
    found, wanted = table(sparse).weight.grad, table(dense).weight.grad
    assert found is not None and wanted is not None
    torch.testing.assert_close(found.to_dense(), wanted)


def test_no_gradient_has_no_length() -> None:
    assert gradient_length(Encoder(rows=3).parameters()) == 0
    scale_gradients(Encoder(rows=3).parameters(), 2.0)
