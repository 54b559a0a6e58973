"""Poolings against values worked out by hand, row by row, without any padding.

Shapes: B batch, T time, D width.
"""

from __future__ import annotations

import pytest
import torch

from textwright.models.pooling import POOLINGS, AttentionPooling, Pooling, PoolingName, masked_max

LENGTHS = [3, 1, 0, 5]


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors (4, 5, 6) and their mask; what stands on padding is large, so that it shows when it counts."""
    mask_BT = torch.arange(5) < torch.tensor(LENGTHS)[:, None]
    x_BTD = torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(0))
    return x_BTD.where(mask_BT.unsqueeze(-1), 1e4), mask_BT


@pytest.mark.parametrize("name", POOLINGS)
@pytest.mark.parametrize("num_directions", [1, 2])
def test_matches_the_definition_row_by_row(
    batch: tuple[torch.Tensor, torch.Tensor], name: PoolingName, num_directions: int
) -> None:
    pooling = POOLINGS[name](6, num_directions)
    pooled_BD, _ = pooling(*batch)
    for x_TD, length, found_D in zip(batch[0], LENGTHS, pooled_BD, strict=True):
        wanted_D = by_hand(pooling, name, x_TD[:length], num_directions) if length else torch.zeros(6)
        torch.testing.assert_close(found_D, wanted_D)


def by_hand(pooling: Pooling, name: PoolingName, x_TD: torch.Tensor, num_directions: int) -> torch.Tensor:
    if name == "last":
        return x_TD[-1] if num_directions == 1 else torch.cat([x_TD[-1, :3], x_TD[0, 3:]])
    if name == "attention":
        assert isinstance(pooling, AttentionPooling)
        hidden_TD = torch.tanh(x_TD @ pooling.key.weight.T + pooling.key.bias)
        scores_T = (hidden_TD * pooling.query.weight[0]).sum(1).exp()
        return (x_TD * scores_T[:, None]).sum(0) / scores_T.sum()
    return x_TD.mean(0) if name == "mean" else x_TD.max(0).values


@pytest.mark.parametrize("name", POOLINGS)
def test_padding_and_empty_rows_get_no_gradient(
    batch: tuple[torch.Tensor, torch.Tensor], name: PoolingName
) -> None:
    x_BTD, mask_BT = batch
    x_BTD.requires_grad_()
    pooled_BD, weights_BT = POOLINGS[name](6, 1)(x_BTD, mask_BT)
    pooled_BD.sum().backward()
    assert x_BTD.grad is not None and x_BTD.grad.isfinite().all()
    assert (x_BTD.grad[~mask_BT] == 0).all()
    assert (weights_BT is not None) == (name == "attention")


def test_attention_stands_very_large_scores(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    pooling = AttentionPooling(6)
    torch.nn.init.constant_(pooling.query.weight, -1e30)
    _, weights_BT = pooling(*batch)
    assert weights_BT is not None and (weights_BT[~batch[1]] == 0).all()
    torch.testing.assert_close(weights_BT.sum(1), torch.tensor([1.0, 1.0, 0.0, 1.0]))


def test_masked_max_keeps_values_below_zero() -> None:
    x_BTD = torch.tensor([[[-3.0], [-2.0], [5.0]], [[7.0], [8.0], [9.0]]])
    mask_BT = torch.tensor([[True, True, False], [False, False, False]])
    assert masked_max(x_BTD, mask_BT).tolist() == [[-2.0], [0.0]]
