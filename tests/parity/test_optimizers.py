"""Our optimizers against the plain ones of torch.optim, with the same groups written down by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Muon, SparseAdam

from textwright.core.errors import ModelError
from textwright.learn.optimizers import OPTIMIZERS, Stepper, build_optimizer, muon
from textwright.learn.optimizers.lazy import LazyAdam
from textwright.learn.settings import OptimizerSettings

DECAY = 0.3


class Small(nn.Module):
    """A parameter of every kind: embedding, convolution, gain, recurrence, matrix, frozen, never used."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 6)
        self.conv = nn.Conv1d(6, 6, 3, padding=1)
        self.norm = nn.LayerNorm(6)
        self.rnn = nn.GRU(6, 5, batch_first=True)
        self.head = nn.Linear(5, 3)
        self.unused = nn.Linear(2, 2)
        self.norm.bias.requires_grad_(False)

    def loss(self, step: int) -> torch.Tensor:
        ids = torch.randint(0, 9, (4, 7), generator=torch.Generator().manual_seed(step))
        x = self.norm(self.conv(self.table(ids).transpose(1, 2)).transpose(1, 2))
        return nn.functional.cross_entropy(self.head(self.rnn(x)[0][:, -1]), ids[:, 0] % 3)


DECAYED = {"conv.weight", "rnn.weight_ih_l0", "rnn.weight_hh_l0", "head.weight", "unused.weight"}
HIDDEN = {"rnn.weight_ih_l0", "rnn.weight_hh_l0", "unused.weight"}
Groups = list[dict[str, object]]


def muon_and_adamw(groups: Groups, hidden: list[nn.Parameter]) -> list[Stepper]:
    chosen = {id(p) for p in hidden}
    rest: Groups = [
        {**group, "params": [p for p in group["params"] if id(p) not in chosen]} for group in groups
    ]
    return [
        Muon(hidden, lr=0.01, momentum=0.8, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw"),
        AdamW(rest, lr=0.01, foreach=False, fused=False),
    ]


REFERENCES: dict[str, Callable[[Groups, list[nn.Parameter]], list[Stepper]]] = {
    "adamw": lambda groups, _: [AdamW(groups, lr=0.01, foreach=False, fused=False)],
    "adam": lambda groups, _: [
        Adam([{**g, "weight_decay": 0.0} for g in groups], lr=0.01, foreach=False, fused=False)
    ],
    "sgd": lambda groups, _: [SGD(groups, lr=0.01, momentum=0.8, foreach=False, fused=False)],
    "gd": lambda groups, _: [SGD(groups, lr=0.01, foreach=False, fused=False)],
    "muon": muon_and_adamw,
}


def start() -> Small:
    torch.manual_seed(0)
    return Small()


def steps(model: Small, optimizers: list[Stepper], count: int = 25) -> None:
    for step in range(count):
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = 0.01 * (1 - step / count)
            optimizer.zero_grad()
        model.loss(step).backward()
        for optimizer in optimizers:
            optimizer.step()


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_makes_the_steps_of_the_plain_optimizer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "multiplies_bf16", lambda device: True)  # torch's own rounds on any processor
    ours, theirs, before = start(), start(), start().state_dict()
    settings = OptimizerSettings.parse({"name": name, "rate": 0.01, "weight_decay": DECAY, "momentum": 0.8})
    steps(ours, [build_optimizer(ours, settings)])
    named = [(key, p) for key, p in theirs.named_parameters() if p.requires_grad]
    groups: Groups = [
        {"params": [p for key, p in named if key in DECAYED], "weight_decay": DECAY},
        {"params": [p for key, p in named if key not in DECAYED], "weight_decay": 0.0},
    ]
    steps(theirs, REFERENCES[name](groups, [p for key, p in named if key in HIDDEN]))
    found, wanted = ours.state_dict(), theirs.state_dict()
    for key, value in wanted.items():
        torch.testing.assert_close(
            found[key], value, rtol=1e-4, atol=1e-6, msg=lambda text, key=key: f"{key}: {text}"
        )
    still = {"norm.bias", "unused.weight", "unused.bias"}
    assert {key for key in before if torch.equal(found[key], before[key])} == still


@pytest.mark.parametrize("is_quick", [True, False])
def test_muon_brings_singular_values_near_one(is_quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "multiplies_bf16", lambda device: is_quick)
    torch.manual_seed(0)
    found = muon.orthogonalised(torch.randn(3, 16, 40))
    assert found.dtype == (torch.bfloat16 if is_quick else torch.float32)
    values = torch.linalg.svdvals(found.float())
    # Five steps of this polynomial leave them between these (Jordan et al. 2024).
    assert float(values.min()) > 0.6 and float(values.max()) < 1.3


class Tables(nn.Module):
    """Two tables, of which a step sees some rows, some of them twice; the first row is padding."""

    def __init__(self, *, sparse: bool) -> None:
        super().__init__()
        self.first = nn.Embedding(50, 7, padding_idx=0, sparse=sparse)
        self.second = nn.Embedding(50, 3, sparse=sparse)

    def loss(self, step: int) -> torch.Tensor:
        ids = torch.randint(0, 50, (2, 6), generator=torch.Generator().manual_seed(step))
        return self.first(ids).square().sum() + (self.second(ids[:, :2]).sum(-1) - 1).abs().sum()


def test_lazy_rows_make_the_steps_of_adam_without_momentum() -> None:
    """However long ago a row was seen last; the reference moves whole tables."""
    ours, theirs = Tables(sparse=True), Tables(sparse=False)
    theirs.load_state_dict(ours.state_dict())
    start = {key: value.clone() for key, value in ours.state_dict().items()}
    groups = [[{"params": [p]} for p in model.parameters()] for model in (ours, theirs)]
    made = (LazyAdam(groups[0], lr=0.01), Adam(groups[1], lr=0.01, betas=(0.0, 0.999)))
    for step in range(60):
        for model, optimizer in zip((ours, theirs), made, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = 0.01 * (1 - step / 60)
            optimizer.zero_grad()
            model.loss(step).backward()
            optimizer.step()
    for key, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[key], value, rtol=1e-4, atol=1e-6)
        assert not torch.equal(value, start[key])


def test_a_row_that_occurs_once_moves_as_far_as_with_all_of_adam() -> None:
    """Adam goes on moving it by momentum, ten times as far as at its step; sparse Adam does not."""
    moved = {}
    for name in ("lazy", "adam", "sparse"):
        table = nn.Embedding(20, 4, sparse=name != "adam")
        before = table.weight.detach().clone()
        optimizer: Stepper = {"lazy": LazyAdam, "adam": Adam, "sparse": SparseAdam}[name](
            [{"params": list(table.parameters())}], lr=0.001
        )
        for step in range(300):
            optimizer.zero_grad()
            with torch.sparse.check_sparse_tensor_invariants():
                table(torch.tensor([3 if step == 100 else 7])).sum().backward()
                optimizer.step()
        moved[name] = float((table.weight.detach() - before)[3].abs().mean())
    assert moved["lazy"] == pytest.approx(moved["adam"], rel=0.05)
    assert moved["sparse"] < 0.2 * moved["adam"]


def test_a_gradient_that_came_dense_is_taken_by_its_rows() -> None:
    tables = [nn.Embedding(20, 4, sparse=sparse) for sparse in (True, False)]
    tables[1].load_state_dict(tables[0].state_dict())
    for table in tables:
        optimizer = LazyAdam([{"params": table.parameters()}], lr=0.1)
        table(torch.tensor([2, 5])).exp().sum().backward()
        optimizer.step()
    assert torch.equal(tables[0].weight, tables[1].weight)


def test_decay_acts_on_matrices_alone() -> None:
    """Gradients of zero: what still changes is what decays."""
    model = start()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optimizer = build_optimizer(model, OptimizerSettings(rate=0.1, weight_decay=DECAY))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    optimizer.step()
    after = model.state_dict()
    assert {key for key in before if not torch.equal(before[key], after[key])} == DECAYED
    torch.testing.assert_close(after["head.weight"], before["head.weight"] * (1 - 0.1 * DECAY))


def test_a_table_that_is_the_output_too_does_not_decay() -> None:
    model = nn.Sequential(nn.Embedding(9, 6), nn.Linear(6, 9, bias=False))
    model[1].weight = model[0].weight
    (group,) = build_optimizer(model, OptimizerSettings(rate=0.1)).param_groups
    assert group["weight_decay"] == 0.0 and len(group["params"]) == 1


def test_a_model_that_is_all_frozen_is_refused() -> None:
    with pytest.raises(ModelError, match="no weights that may change"):
        build_optimizer(nn.Linear(2, 2).requires_grad_(False), OptimizerSettings(rate=0.1))
