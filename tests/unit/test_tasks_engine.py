"""Outputs of a network: the same in whatever batches memory holds."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textwright.core.errors import ModelError
from textwright.core.ragged import Ragged
from textwright.tasks.trainers.engine import run


class Limited(nn.Module):
    """The sums of token vectors. With more padded tokens than `most` it says what torch says."""

    def __init__(self, most: int = 10**9) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(50, 3)
        self.most, self.seen, self.num_failures = most, list[torch.Size](), 0

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> SimpleNamespace:
        if ids_BT.numel() > self.most:
            self.num_failures += 1
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"
            )
        self.seen.append(ids_BT.shape)
        return SimpleNamespace(logits=(self.table(ids_BT) * mask_BT.unsqueeze(-1)).sum(1))


def texts(count: int = 600) -> Ragged:
    rng = np.random.default_rng(0)
    lengths = [*rng.integers(0, 12, count - 4), 90, 80, 70, 60]
    rng.shuffle(lengths)
    return Ragged.from_lists([rng.integers(1, 50, n).tolist() for n in lengths])


@pytest.mark.parametrize("most", [10**9, 3000, 700, 90])
def test_batches_that_do_not_fit_are_halved_and_answers_keep_their_rows(most: int) -> None:
    tokens, network = texts(), Limited(most)
    wanted = np.stack([network.table.weight.detach().numpy()[row].sum(0) for row in tokens])
    np.testing.assert_allclose(run(network, tokens), wanted, rtol=1e-4, atol=1e-5)
    assert sum(shape[0] for shape in network.seen) == len(tokens), "each row once"
    assert max(shape.numel() for shape in network.seen) <= most
    largest = 256 * 90
    assert network.num_failures == max(math.ceil(math.log2(largest / most)), 0), "what was halved once fits"


def test_a_row_that_never_fits_is_an_error_with_a_hint() -> None:
    network = Limited(89).train()
    with pytest.raises(ModelError, match="a single row of 90 tokens does not fit into memory") as caught:
        run(network, texts())
    assert "max_length" in caught.value.hint and network.training


def test_other_errors_pass_and_the_mode_comes_back() -> None:
    network = Limited().train()
    with pytest.raises(IndexError):
        run(network, Ragged.from_lists([[70]]))
    assert network.training


def test_no_rows_have_no_outputs() -> None:
    assert run(Limited(), Ragged.from_lists([])).shape == (0, 1)
