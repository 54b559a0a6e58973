"""What every objective keeps to: a sum and a count, one row one term, and no answer seen by the model.

Every loss that goes with a link is tried, plain and with all its settings; the others are refused.

Shapes: B batch, C outputs.
"""

from __future__ import annotations

import math
from itertools import product
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.ragged import Ragged
from textwright.learn.batches import Rows
from textwright.learn.loop import Fit
from textwright.learn.objectives import LOSSES, Objective, balanced_weights, objective_for
from textwright.learn.optimizers import OPTIMIZERS, build_optimizer
from textwright.learn.schedules import SCHEDULES, rate_factor
from textwright.learn.settings import (
    LearnSettings,
    LossName,
    LossSettings,
    OptimizerSettings,
    ScheduleSettings,
)
from textwright.tasks.base import Link

LINKS: list[str] = list(get_args(Link))
B, C = 12, 5
WEIGHTS = {"softmax": [0.5, 1.5, 1.0, 3.0, 0.2], "sigmoid": [0.5, 1.5, 1.0, 3.0, 0.2]}
FULL: dict[str, Any] = {"label_smoothing": 0.2, "gamma": 1.5, "delta": 0.7}
PAIRS = [(link, name) for name, links in LOSSES.items() for link in links]
CASES = [(link, {"name": name}, False) for link, name in PAIRS]
CASES += [(link, {"name": name, **FULL}, True) for link, name in PAIRS if link != "identity"]
CASES += [("identity", {"name": "huber", "delta": 0.7}, False)]
Case = tuple[str, dict[str, Any], bool]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{c[1]['name']}-{len(c[1])}")
each_link = pytest.mark.parametrize("link", LINKS)


def objective(case: Case) -> Objective:
    link, values, is_weighed = case
    return objective_for(link, LossSettings.parse(values), WEIGHTS[link] if is_weighed else None)


def example(link: str, seed: int = 0, num_outputs: int = C) -> tuple[Tensor, Tensor]:
    """Outputs and answers, as a task gives them."""
    rng = torch.Generator().manual_seed(seed)
    if link == "identity":
        return torch.randn(B, 1, generator=rng), torch.randn(B, generator=rng)
    outputs = torch.randn(B, num_outputs, generator=rng) * 2
    if link == "softmax":
        return outputs, torch.randint(0, num_outputs, (B,), generator=rng)
    return outputs, torch.randint(0, 2, (B, num_outputs), generator=rng).to(torch.int8)


def by_hand(case: Case, outputs: Tensor, answers: Tensor) -> float:
    """Every loss as a sum over single numbers in Python."""
    link, values, is_weighed = case
    weights = WEIGHTS[link] if is_weighed else [1.0] * C
    gamma = values.get("gamma", 2.0) if values["name"] == "focal" else 0.0
    smoothing, delta = values.get("label_smoothing", 0.0), values.get("delta", 1.0)
    total = 0.0
    for row, answer in zip(outputs.double().tolist(), answers.tolist(), strict=True):
        if link == "identity":
            gap = abs(row[0] - answer)
            small, large = gap * gap / 2, delta * (gap - delta / 2)
            total += gap * gap if values["name"] == "mse" else small if gap <= delta else large
            continue
        goals = [float(c == answer) for c in range(C)] if link == "softmax" else answer
        for c in range(C):
            if link == "softmax":
                p = math.exp(row[c]) / sum(map(math.exp, row))
                goal = goals[c] * (1 - smoothing) + smoothing / C
                total -= weights[c] * goal * (1 - p) ** gamma * math.log(p)
            else:
                p = 1 / (1 + math.exp(-row[c]))
                yes = goals[c] * (1 - smoothing) + smoothing / 2
                total -= weights[c] * yes * (1 - p) ** gamma * math.log(p)
                total -= (1 - yes) * p**gamma * math.log(1 - p)
    return total


@each_case
def test_the_total_is_what_a_hand_adds_up(case: Case) -> None:
    loss = objective(case)(*example(case[0]))
    assert loss.count == B
    assert loss.total.item() == pytest.approx(by_hand(case, *example(case[0])), rel=1e-5)
    assert loss.mean.item() == pytest.approx(loss.total.item() / B, rel=1e-6)


@each_case
def test_parts_of_any_size_add_up_to_one_batch(case: Case) -> None:
    outputs, answers = example(case[0])
    outputs.requires_grad_()
    whole = objective(case)(outputs, answers)
    (wanted,) = torch.autograd.grad(whole.mean, outputs)
    parts = [objective(case)(outputs[a:b], answers[a:b]) for a, b in ((0, 1), (1, 4), (4, B))]
    assert sum(part.count for part in parts) == whole.count
    together = torch.stack([part.total for part in parts]).sum() / sum(part.count for part in parts)
    torch.testing.assert_close(together, whole.mean)
    torch.testing.assert_close(torch.autograd.grad(together, outputs)[0], wanted)
    means = torch.stack([part.mean for part in parts]).mean()
    assert abs(float(means.detach() - whole.mean.detach())) > 1e-3, "a mean of means is another number"


@each_case
def test_an_answer_counts_for_its_own_row_alone(case: Case) -> None:
    outputs, answers = example(case[0])
    outputs.requires_grad_()
    changed = answers.clone()
    changed[3] = 1 - changed[3] if case[0] != "softmax" else (changed[3] + 1) % C
    before, after = (
        torch.autograd.grad(objective(case)(outputs, a).total, outputs)[0] for a in (answers, changed)
    )
    others = torch.arange(B) != 3
    assert torch.equal(before[others], after[others])
    assert not torch.equal(before[3], after[3])


@pytest.mark.parametrize("num_classes", [2, 3, 100])
def test_outputs_that_know_nothing_cost_ln_2_a_label_and_ln_c_a_row(num_classes: int) -> None:
    outputs = torch.full((B, num_classes), 0.7)
    classes = torch.arange(B) % num_classes
    assert objective_for("softmax")(outputs, classes).mean.item() == pytest.approx(
        math.log(num_classes), rel=1e-5
    )
    labels = torch.ones(B, num_classes)
    loss = objective_for("sigmoid")(torch.zeros(B, num_classes), labels)
    assert loss.mean.item() == pytest.approx(num_classes * math.log(2), rel=1e-5)
    assert objective_for("identity")(torch.full((B, 1), 2.0), torch.zeros(B)).mean.item() == 4.0


@pytest.mark.parametrize(("link", "name"), [pair for pair in PAIRS if pair[0] != "softmax"])
def test_answers_of_another_shape_are_never_spread_over_the_outputs(link: str, name: LossName) -> None:
    loss = objective_for(link, LossSettings(name=name))
    with pytest.raises(RuntimeError, match="shape"):
        loss(torch.zeros(B, 2), torch.zeros(B))
    flat = loss(torch.zeros(B, 1), torch.ones(B)).total
    assert torch.equal(flat, loss(torch.zeros(B, 1), torch.ones(B, 1)).total)


@each_case
def test_huge_outputs_stay_finite(case: Case) -> None:
    outputs, answers = example(case[0])
    outputs = (outputs * 1e4).requires_grad_()
    loss = objective(case)(outputs, answers)
    assert loss.total.isfinite()
    assert torch.autograd.grad(loss.total, outputs)[0].isfinite().all()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 5.0])
@pytest.mark.parametrize("link", ["softmax", "sigmoid"])
def test_sure_and_right_rows_have_finite_gradients_under_any_gamma(link: str, gamma: float) -> None:
    outputs = torch.tensor([[60.0, -60.0], [-60.0, 60.0]], requires_grad=True)
    answers = torch.tensor([0, 1]) if link == "softmax" else torch.tensor([[1, 0], [0, 1]])
    loss = objective_for(link, LossSettings(name="focal", gamma=gamma))(outputs, answers)
    assert loss.total.item() == pytest.approx(0, abs=1e-6)
    assert torch.autograd.grad(loss.total, outputs)[0].isfinite().all()


@pytest.mark.parametrize("case", [case for case in CASES if case[1]["name"] == "focal"], ids=str)
def test_focal_without_gamma_is_cross_entropy(case: Case) -> None:
    link, values, is_weighed = case
    outputs, answers = example(link)
    found = objective((link, {**values, "gamma": 0.0}, is_weighed))(outputs, answers)
    wanted = objective((link, {**values, "name": "cross_entropy"}, is_weighed))(outputs, answers)
    torch.testing.assert_close(found.total, wanted.total)


def test_the_terms_of_torch() -> None:
    """Equal with torch's own reductions where they mean the same."""
    for smoothing, weights in product((0.0, 0.3), (None, WEIGHTS["softmax"])):
        settings = LossSettings(label_smoothing=smoothing)
        tensor = None if weights is None else torch.tensor(weights)
        outputs, ids = example("softmax")
        wanted = F.cross_entropy(outputs, ids, tensor, reduction="sum", label_smoothing=smoothing)
        assert torch.equal(objective_for("softmax", settings, weights)(outputs, ids).total, wanted)
        outputs, labels = example("sigmoid")
        soft = labels.float() * (1 - smoothing) + smoothing / 2
        wanted = F.binary_cross_entropy_with_logits(outputs, soft, pos_weight=tensor, reduction="sum")
        torch.testing.assert_close(objective_for("sigmoid", settings, weights)(outputs, labels).total, wanted)
    outputs, scores = example("identity")
    wanted = F.mse_loss(outputs[:, 0], scores, reduction="sum")
    torch.testing.assert_close(objective_for("identity")(outputs, scores).total, wanted)
    wanted = F.huber_loss(outputs[:, 0], scores, reduction="sum", delta=0.4)
    huber = objective_for("identity", LossSettings(name="huber", delta=0.4))
    torch.testing.assert_close(huber(outputs, scores).total, wanted)


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_two_classes_cost_the_same_as_one_output_and_as_two(name: LossName) -> None:
    """A sigmoid of x is a softmax of (0, x): with weights, smoothing and gamma alike."""
    outputs, answers = example("sigmoid", num_outputs=1)
    settings = LossSettings.parse({"name": name, **FULL})
    one = objective_for("sigmoid", settings, [0.4, 2.5])(outputs, answers)
    both = torch.cat([torch.zeros_like(outputs), outputs], dim=1)
    two = objective_for("softmax", settings, [0.4, 2.5])(both, answers[:, 0])
    torch.testing.assert_close(one.total, two.total)


def test_balanced_classes_weigh_the_same_and_the_rows_one_on_average() -> None:
    ids = np.array([0] * 12 + [1] * 3 + [3] * 5)
    weights = np.array(balanced_weights(ids, 4, "softmax"))
    assert weights[ids].mean() == pytest.approx(1.0) and weights[2] == 1.0
    assert [weights[ids[ids == c]].sum() for c in (0, 1, 3)] == pytest.approx([20 / 3] * 3)
    answers = (ids == 1).astype(np.float32)[:, None]
    no, yes = balanced_weights(answers, 2, "sigmoid")
    assert (17 * no, 3 * yes) == pytest.approx((10, 10))
    labels = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0]], np.float32)
    weights = np.array(balanced_weights(labels, 3, "sigmoid"))
    assert weights.tolist() == pytest.approx([3.5 / 5, 3.5 / 2, 1.0])
    assert (weights * labels).sum() == pytest.approx(labels.sum())


@pytest.mark.parametrize("link", ["softmax", "sigmoid"])
def test_balanced_weights_move_the_outputs_to_the_middle(link: str) -> None:
    """The best constant answer to rows of which one in four is yes: a quarter, or a half when balanced."""
    answers = torch.tensor([0, 0, 0, 1] * 3)
    targets = answers if link == "softmax" else answers[:, None].float()

    def best(weights: list[float] | None) -> float:
        outputs = torch.zeros(2 if link == "softmax" else 1, requires_grad=True)
        loss = objective_for(link, LossSettings(), weights)
        for _ in range(300):
            (slope,) = torch.autograd.grad(loss(outputs.expand(12, -1), targets).mean, outputs)
            with torch.no_grad():
                outputs -= slope
        shares = outputs.detach().softmax(0) if link == "softmax" else outputs.detach().sigmoid()
        return float(shares[-1])

    assert best(None) == pytest.approx(0.25, abs=1e-3)
    assert best(balanced_weights(targets.numpy(), 2, link)) == pytest.approx(0.5, abs=1e-3)


class Blind(nn.Module):
    """Keeps what it was called with."""

    def __init__(self, num_outputs: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(num_outputs))
        self.seen: list[tuple[Tensor, ...]] = []

    def forward(self, *args: Tensor) -> SimpleNamespace:
        self.seen.append(args)
        return SimpleNamespace(logits=self.bias.expand(len(args[0]), -1))


@each_link
def test_the_model_sees_tokens_and_mask_but_no_answer(link: str) -> None:
    outputs, answers = example(link)
    tokens = Ragged.from_lists([[90 + i] * (1 + i % 5) for i in range(B)])

    def seen(targets: Tensor) -> list[tuple[Tensor, ...]]:
        model = Blind(outputs.shape[1])
        fit = Fit(
            model,
            Rows(tokens, targets.numpy()),
            objective_for(link),
            LearnSettings.parse({"batch": 4, "optimizer": {"rate": 0.01}}),
            1,
            0,
            Clock.starting(),
        )
        assert sum(1 for _ in fit.run()) == 3
        return model.seen

    first, second = seen(answers), seen(answers * 0)
    for batch, other in zip(first, second, strict=True):
        ids, mask = batch
        assert np.array_equal(mask.numpy(), ids.numpy() >= 90)
        assert all(torch.equal(a, b) for a, b in zip(batch, other, strict=True))
    assert sorted({int(i) for ids, _ in first for i in ids.flatten()}) == [0, *range(90, 90 + B)]


def test_names_are_those_of_the_table_and_auto_suits_the_target() -> None:
    assert set(get_args(LossName)) == set(LOSSES)
    assert {link for link, _ in PAIRS} == set(LINKS)
    for link, name in (("softmax", "cross_entropy"), ("sigmoid", "cross_entropy"), ("identity", "mse")):
        named = objective_for(link, LossSettings.parse({"name": name}))(*example(link))
        assert torch.equal(objective_for(link)(*example(link)).total, named.total)
    with pytest.raises(ConfigError, match=r"'softmx'\nDid you mean 'softmax'"):
        objective_for("softmx")


@pytest.mark.parametrize(("link", "name"), sorted(set(product(LINKS, LOSSES)) - set(PAIRS)))
def test_a_loss_for_another_target_is_refused_with_the_reason(link: str, name: LossName) -> None:
    reason = (
        r"labels; the target holds scores\nUse mse or huber\."
        if link == "identity"
        else r"scores; the target holds labels\nUse cross_entropy or focal\."
    )
    with pytest.raises(ConfigError, match=rf"learn\.loss\.name={name} is for {reason}"):
        objective_for(link, LossSettings(name=name))


@pytest.mark.parametrize("values", [{"label_smoothing": 0.1}, {"class_weights": "balanced"}])
def test_what_is_for_labels_is_refused_for_scores(values: dict[str, Any]) -> None:
    (key, value), *_ = values.items()
    with pytest.raises(
        ConfigError, match=rf"learn\.loss\.{key}={value} is for labels; .* scores\nLeave it out"
    ):
        objective_for("identity", LossSettings.parse(values))
    with pytest.raises(ConfigError, match=r"class_weights=balanced is for labels"):
        balanced_weights(np.zeros((3, 1)), 1, "identity")
    for link in ("softmax", "sigmoid"):
        assert objective_for(link, LossSettings.parse(values))(*example(link)).total.isfinite()


class Tiny(nn.Module):
    """Eight rows to be learned by heart, with a hidden matrix for Muon."""

    def __init__(self, num_outputs: int) -> None:
        super().__init__()
        self.table, self.hidden = nn.Embedding(8, 6), nn.Linear(6, 6)
        self.head = nn.Linear(6, num_outputs)

    def forward(self, ids: Tensor) -> Tensor:
        out: Tensor = self.head(self.hidden(self.table(ids)).tanh())
        return out


RATES = {"adamw": 0.03, "adam": 0.03, "muon": 0.03, "sgd": 0.05, "gd": 0.5}


@pytest.mark.parametrize("name", list(OPTIMIZERS))
@pytest.mark.parametrize("schedule", list(SCHEDULES))
@pytest.mark.parametrize("case", [(link, {"name": name}, False) for link, name in PAIRS], ids=str)
def test_every_optimizer_learns_under_every_schedule_and_loss(case: Case, schedule: Any, name: Any) -> None:
    torch.manual_seed(0)
    outputs, answers = example(case[0])
    model, loss = Tiny(outputs.shape[1]), objective(case)
    optimizer = build_optimizer(model, OptimizerSettings(name=name, rate=RATES[name]))
    losses = []
    for step in range(60):
        rate = RATES[name] * rate_factor(ScheduleSettings(name=schedule), (step + 0.5) / 60)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        found = loss(model(torch.arange(8)), answers[:8])
        losses.append(found.mean.item())
        optimizer.zero_grad(set_to_none=True)
        found.mean.backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]
