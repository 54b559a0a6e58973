"""Recurrent networks against packed sequences, and the classic program against Keras's formulas.

Shapes: B batch, T time, D width, H hidden.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from textwright.models.base import Shape
from textwright.models.embedding import locked_dropout
from textwright.models.recurrent import CELLS, CellName, Recurrent, RecurrentSettings, build

CLASSIC = RecurrentSettings(
    embedding=64, hidden=64, layers=1, bidirectional=False, pooling="last", dropout=0, init="keras"
)


@pytest.mark.parametrize("cell", CELLS)
def test_two_directions_match_packed_sequences(cell: CellName) -> None:
    torch.manual_seed(0)
    settings = RecurrentSettings(embedding=6, hidden=5, layers=2, pooling="max", dropout=0, init="torch")
    model = build(cell, settings, Shape(vocabulary=20, num_outputs=3))
    lengths = torch.tensor([4, 9, 1, 7])
    mask_BT = torch.arange(9) < lengths[:, None]
    ids_BT = torch.randint(1, 20, mask_BT.shape) * mask_BT
    packed = pack_padded_sequence(model.embedding(ids_BT), lengths, batch_first=True, enforce_sorted=False)
    states_BTD, _ = pad_packed_sequence(twin(model, cell)(packed)[0], batch_first=True, padding_value=-9.0)
    torch.testing.assert_close(model(ids_BT, mask_BT).logits, model.head(states_BTD.amax(1)))


def twin(model: Recurrent, cell: CellName) -> nn.RNNBase:
    """torch's own two-layer, two-direction network with the weights of `model`."""
    network = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell]
    other = network(6, 5, num_layers=2, bidirectional=True, batch_first=True)
    weights = {}
    for i, layer in enumerate(model.layers):
        for name, value in layer.get_submodule("directions").state_dict().items():
            direction, _, weight = name.partition(".")
            weights[weight.replace("_l0", f"_l{i}" + ("_reverse" if direction == "1" else ""))] = value
    other.load_state_dict(weights)
    return other


def test_the_classic_program_follows_the_formulas_of_keras() -> None:
    torch.manual_seed(0)
    model = build("lstm", CLASSIC, Shape(vocabulary=50, num_outputs=2))
    ids = [7, 3, 44, 12, 3]
    cell = {name.split(".")[-1]: value for name, value in model.layers.named_parameters()}
    h, c = torch.zeros(64), torch.zeros(64)
    for x in model.embedding.weight[ids]:
        gates = x @ cell["weight_ih_l0"].T + h @ cell["weight_hh_l0"].T + cell["bias_ih_l0"]
        i, f, g, o = gates.chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    found = model(torch.tensor([[*ids, 0, 0]]), torch.tensor([[True] * 5 + [False] * 2])).logits[0]
    torch.testing.assert_close(found, h @ model.head.weight.T + model.head.bias)


def test_the_classic_program_has_the_parameters_and_first_weights_of_keras() -> None:
    torch.manual_seed(0)
    model = build("lstm", CLASSIC, Shape(vocabulary=1000, num_outputs=1))
    cell = {name.split(".")[-1]: value.detach() for name, value in model.layers.named_parameters()}
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert learned == 1000 * 64 + 4 * 64 * (64 + 64 + 1) + 65  # what model.summary() of Keras counts
    recurrent = cell["weight_hh_l0"]
    torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(64), atol=1e-5, rtol=0)
    assert cell["bias_ih_l0"].view(4, 64).sum(1).tolist() == [0, 64, 0, 0]
    assert not cell["bias_hh_l0"].any()
    assert 0.049 < model.embedding.weight.abs().max() <= 0.05
    assert model.embedding.weight[1:].std().item() == pytest.approx(0.1 / 12**0.5, rel=0.02)
    assert 0.13 < cell["weight_ih_l0"].abs().max() <= (6 / (64 + 256)) ** 0.5
    assert model.head.weight.abs().max() <= (6 / 65) ** 0.5 and not model.head.bias.any()


def test_a_gru_learns_both_biases() -> None:
    settings = RecurrentSettings(embedding=4, hidden=3)
    assert all(p.requires_grad for p in build("gru", settings, Shape(9, 2)).parameters())


def test_locked_dropout_drops_the_same_features_at_all_steps() -> None:
    torch.manual_seed(0)
    dropped = locked_dropout(torch.ones(7, 50, 40), 0.25, time=0, training=True)
    assert torch.equal(dropped, dropped[:1].expand(7, 50, 40))
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (dropped[0] == 0).float().mean().item() == pytest.approx(0.25, abs=0.04)
    assert dropped[0].unique(dim=0).shape[0] == 50  # each row its own
