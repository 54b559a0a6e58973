"""The convolutional network against the paper's formula, written as loops over one text at a time."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from textwright.models.base import Shape
from textwright.models.cnn import ACTIVATIONS, Cnn, CnnSettings, build

WIDTHS = (1, 2, 5)


def by_hand(model: Cnn, ids_T: list[int]) -> torch.Tensor:
    """Logits of one text: zeros around it, every window that meets it, the maximum, then the last layer."""
    best = []
    for layer, width in zip(model.windows, WIDTHS, strict=True):
        assert isinstance(layer, torch.nn.Conv1d) and layer.bias is not None
        x_TD = F.pad(model.embedding.weight[ids_T], (0, 0, width - 1, width - 1))
        windows = [x_TD[i : i + width] for i in range(len(ids_T) + width - 1)]
        answers = [(layer.weight * w.T).sum((1, 2)) + layer.bias for w in windows]
        best.append(torch.stack(answers).max(0).values if answers and ids_T else torch.zeros(4))
    return model.head(ACTIVATIONS[model.settings.activation](torch.cat(best)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_matches_the_formula(activation: str) -> None:
    settings = CnnSettings.parse({"embedding": 6, "filters": 4, "widths": WIDTHS, "activation": activation})
    torch.manual_seed(0)
    model = build(settings, Shape(vocabulary=20, num_outputs=3)).eval()
    texts = [[3, 4, 5, 6, 7, 8, 9], [2], [], [11, 12, 13]]
    ids_BT = torch.tensor([text + [0] * (9 - len(text)) for text in texts])
    wanted_BC = torch.stack([by_hand(model, text) for text in texts])
    torch.testing.assert_close(model(ids_BT, ids_BT > 0).logits, wanted_BC)
