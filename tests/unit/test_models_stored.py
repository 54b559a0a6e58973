"""Copies for writing: what their layers answer, whichever way the weights lie."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from textwright.models.fast.stored import StoredLinear, stored

SHAPES = ((1, 1, 96), (16, 1, 96), (33, 5, 96), (7, 96))


def network() -> nn.Sequential:
    torch.manual_seed(0)
    gpt2: nn.Module = Conv1D(96, 128)  # type: ignore[no-untyped-call]
    return nn.Sequential(nn.Linear(96, 128), gpt2, nn.Linear(96, 64, bias=False), nn.Linear(64, 8))


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_copy_answers_as_the_network_does(
    is_packed: bool, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_packed:
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    plain = network()
    copied = stored(plain)
    turned = [layer for layer in copied if isinstance(layer, StoredLinear)]
    assert len(turned) == 3 and isinstance(copied[3], nn.Linear)
    assert is_packed or all(layer.packed is None for layer in turned)
    x = torch.randn(shape)
    with torch.no_grad():
        wanted, found = plain(x), copied(x)
    assert found.dtype == torch.float32 and found.shape == wanted.shape
    assert (found - wanted).abs().max() < 0.03 * wanted.abs().max()


def test_both_ways_make_the_same_products(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, x = network(), torch.randn(16, 96)
    packed = stored(plain)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with torch.no_grad():
        assert torch.allclose(packed(x), stored(plain)(x), atol=0.02)


def test_the_network_itself_stays_as_it_is() -> None:
    plain = network()
    before = [value.clone() for value in plain.state_dict().values()]
    stored(plain)
    after = plain.state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
