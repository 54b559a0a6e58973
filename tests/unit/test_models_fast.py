"""The fast path computes what the slow one does, and leaves a network as it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification
from transformers.models.bert.modeling_bert import eager_attention_forward

from textwright.models.base import Shape
from textwright.models.fast import attention
from textwright.models.fast.apply import accelerated
from textwright.models.fast.attention import attend
from textwright.models.fast.dropout import FastDropout, fast_dropout
from textwright.models.fast.linear import CastLinear, ClosedCastLinear, ExactLinear, cast_linears
from textwright.models.output import Output
from textwright.models.registry import ARCHITECTURES


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(3)


# Dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.999])
@pytest.mark.parametrize("size", [(1000, 333), (399_999,)])
def test_dropout_drops_its_share_and_keeps_the_mean(p: float, size: tuple[int, ...]) -> None:
    out = fast_dropout(torch.ones(size), p)
    dropped = float((out == 0).float().mean())
    assert dropped == pytest.approx(p, abs=0.004)
    assert float(out.mean()) == pytest.approx(1, abs=0.1 if p > 0.9 else 0.01)
    assert out.max() == pytest.approx(1 / (1 - p), rel=0.02)


def test_dropout_is_a_function_of_the_generator() -> None:
    x = torch.randn(50, 7)
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append((fast_dropout(x, 0.5), fast_dropout(x, 0.5)))
    assert torch.equal(draws[0][0], draws[1][0])
    assert torch.equal(draws[0][1], draws[1][1])
    assert not torch.equal(draws[0][0], draws[2][0])
    assert not torch.equal(draws[0][0], draws[0][1]), "the next call draws anew"


def test_dropout_gives_no_gradient_where_it_dropped() -> None:
    x = torch.randn(20, 20, requires_grad=True)
    out = fast_dropout(x, 0.3)
    out.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad == 0, out == 0)


def test_dropout_does_nothing_when_it_does_not_learn() -> None:
    x = torch.randn(4, 4)
    assert torch.equal(FastDropout(0.5).eval()(x), x)
    assert fast_dropout(x, 0.0) is x


# Attention


def masks(batch: int, time: int) -> dict[str, Tensor | None]:
    kept = torch.arange(time) < torch.randint(1, time + 1, (batch, 1))
    whole = kept[:, None, None, :].expand(batch, 1, time, time)
    added = torch.zeros(batch, 1, time, time).masked_fill(~whole, torch.finfo(torch.float32).min)
    return {"none": None, "added": added, "true": whole}


@pytest.mark.parametrize("time", [5, 64, 600])
@pytest.mark.parametrize("kind", ["none", "added", "true"])
def test_attention_is_that_of_the_library(kind: str, time: int) -> None:
    query, key, value = torch.randn(3, 2, 4, time, 8)
    mask = masks(2, time)[kind]
    added = masks_as_added(mask)
    module = nn.Module().eval()
    out, weights = attend(module, query, key, value, mask, scaling=0.3)
    wanted, wanted_weights = eager_attention_forward(module, query, key, value, added, scaling=0.3)
    torch.testing.assert_close(out, wanted, atol=1e-5, rtol=1e-4)
    if time <= 512:
        assert weights is not None
        torch.testing.assert_close(weights, wanted_weights, atol=1e-6, rtol=1e-4)


def masks_as_added(mask: Tensor | None) -> Tensor | None:
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape).masked_fill(~mask, torch.finfo(torch.float32).min)


def test_attention_in_bf16_survives_rows_of_padding() -> None:
    query, key, value = torch.randn(3, 1, 1, 4, 8).bfloat16()
    nothing = torch.full((1, 1, 4, 4), torch.finfo(torch.float32).min)
    out, _ = attend(nn.Module().eval(), query, key, value, nothing)
    assert out.isfinite().all()


# Linear layers


def test_a_cast_linear_learns_in_float32() -> None:
    exact, quick = nn.Linear(128, 96), nn.Linear(128, 96)
    quick.load_state_dict(exact.state_dict())
    quick.__class__ = CastLinear
    x = torch.randn(64, 128)
    wanted, found = exact(x), quick(x)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), wanted, atol=0.03, rtol=0.03)
    wanted.square().sum().backward()
    found.float().square().sum().backward()
    for a, b in zip(exact.parameters(), quick.parameters(), strict=True):
        assert b.grad is not None and a.grad is not None
        assert b.grad.dtype == torch.float32
        assert float((a.grad - b.grad).norm() / a.grad.norm()) < 0.02


# All together


def network(name: str, **settings: Any) -> nn.Module:
    architecture = ARCHITECTURES.get(name)
    made: nn.Module = architecture.build(
        architecture.settings.parse(settings), Shape(30, 3, 0, labels=("a", "b", "c"))
    )
    return made


SMALL = {"width": 64, "layers": 2, "heads": 2, "inner": 128, "positions": 32}
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    **{kind: ("transformer", {"type": kind, **SMALL}) for kind in ("bert", "roberta", "modernbert")},
    "cnn": ("cnn", {"embedding": 64}),
    "lstm": ("lstm", {"embedding": 64, "hidden": 64}),
}
IDS = torch.tensor([[3, 4, 7, 8, 5], [5, 6, 0, 0, 0]])
EXAMPLE = (IDS, IDS > 0)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_computes_the_same_and_leaves_no_trace(name: str, precision: str) -> None:
    kind, settings = NETWORKS[name]
    model = network(kind, **settings)
    model.eval()
    before, classes = model(*EXAMPLE).logits, [type(m) for m in model.modules()]
    state = torch.random.get_rng_state()
    with accelerated(model, precision, EXAMPLE) as done:
        assert torch.equal(torch.random.get_rng_state(), state), "trying it out draws nothing"
        assert not model.training
        inside = model(*EXAMPLE).logits
        assert bool(done) or (precision == "fp32" and kind != "transformer")
    tolerance = 1e-5 if precision == "fp32" else 0.03
    torch.testing.assert_close(inside, before, atol=tolerance * float(before.detach().abs().max()), rtol=0)
    assert torch.equal(model(*EXAMPLE).logits, before)
    assert [type(m) for m in model.modules()] == classes
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_bf16_learns_as_fp32_does(name: str) -> None:
    kind, settings = NETWORKS[name]
    losses = {}
    for precision in ("fp32", "bf16"):
        torch.manual_seed(0)
        model = network(kind, **settings, dropout=0.0)
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        with accelerated(model, precision, EXAMPLE):
            model.train()
            for _ in range(8):
                loss = F.cross_entropy(model(*EXAMPLE).logits.float(), torch.tensor([0, 2]))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        losses[precision] = float(loss.detach())
        assert all(p.dtype == torch.float32 for p in model.parameters())
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.1, abs=0.02)
    assert losses["fp32"] < 1.0


class Mixing(nn.Module):
    """Adds up in a product of its own, which takes no bfloat16 from a layer before it."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.layer = nn.Embedding(30, 64), nn.Linear(64, 64)
        self.matrix, self.head = nn.Parameter(torch.randn(64, 8)), nn.Linear(8, 3)

    def forward(self, ids: Tensor, mask: Tensor) -> Output:
        return Output(self.head(torch.mm(self.layer(self.embedding(ids)).mean(1), self.matrix)))


def test_a_network_that_cannot_take_bf16_gets_it_behind_closed_doors() -> None:
    model = Mixing()
    with accelerated(model, "bf16", EXAMPLE) as done:
        assert type(model.layer) is ClosedCastLinear
        assert done == ["bf16 in 1 linear layers"]
    assert type(model.layer) is nn.Linear


def test_the_head_and_small_layers_stay_exact_between_bf16_ones() -> None:
    model = network("transformer", type="bert", **SMALL)
    with accelerated(model, "bf16", EXAMPLE) as done:
        linears = [m for m in model.modules() if isinstance(m, nn.Linear)]
        assert type(linears[-1]) is ExactLinear
        assert {type(m) for m in linears[:-1]} == {CastLinear}, "none behind closed doors"
        assert f"bf16 in {len(linears) - 1} linear layers" in done
    wide = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 100))
    assert cast_linears(wide) and type(wide[1]) is ExactLinear, "a head with many labels"


def test_a_class_with_its_own_attention_keeps_it() -> None:
    config = DebertaV2Config(
        vocab_size=30, hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    model = DebertaV2ForSequenceClassification(config)
    before = model.config._attn_implementation
    assert not attention.use(model)
    assert model.config._attn_implementation == before


class Stubborn(nn.Module):
    """Nothing to cast, and a product that autocast leaves with two types."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.layer = nn.Embedding(30, 8), nn.Linear(8, 8)

    def forward(self, ids: Tensor, mask: Tensor) -> Output:
        vectors = self.embedding(ids).mean(1)
        return Output(torch.dot(self.layer(vectors)[0], vectors[0])[None, None])


def test_a_network_that_takes_no_bf16_at_all_goes_without() -> None:
    model = Stubborn()
    with accelerated(model, "bf16", EXAMPLE) as done:
        assert done == ["not in bf16, which fails here"]
        assert model.train()(*EXAMPLE).logits.dtype == torch.float32
    assert "forward" not in model.__dict__


@pytest.mark.filterwarnings("ignore")  # those of the compiler's own code
@pytest.mark.parametrize("time", [6, 9])
def test_compiled_blocks_learn_as_plain_ones_do(time: int) -> None:
    """Dropout included: the same seed drops the same numbers."""
    model = network("transformer", type="bert", **SMALL, dropout=0.2)
    ids = torch.randint(1, 30, (3, time))
    gradients = []
    for compiles in (False, True):
        with accelerated(model, "fp32", EXAMPLE, compiles=compiles) as done:
            assert ("2 blocks compiled" in done) is compiles
            model.train().zero_grad(set_to_none=True)
            torch.manual_seed(1)
            model(ids, ids > 0).logits.square().sum().backward()
            gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    torch.testing.assert_close(gradients[1], gradients[0], atol=1e-4, rtol=1e-3)
    assert all("forward" not in m.__dict__ for m in model.modules())
