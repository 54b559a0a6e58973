"""What a recurrent model remembers of the tokens it has read: one state, however many they were.

Shapes: B texts, T time, H numbers of a state, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from textwright.models.language.lstm import State


class StateReader:
    """Feeds tokens to a model of LSTM layers, each of them once; see `Reader`."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.length = 0
        self._state: State | None = None

    @torch.no_grad()
    def read(self, ids_BT: Tensor, mask_BS: Tensor | None = None) -> Tensor:
        """The logits (B, V) of what follows the last of these tokens."""
        if self._state is None and mask_BS is not None:
            last_BD, self._state = self._begun(ids_BT, mask_BS.sum(1))
        else:
            vectors_BTD, self._state = self.model.model.read(ids_BT, self._state)
            last_BD = vectors_BTD[:, -1]
        self.length += ids_BT.shape[1]
        logits: Tensor = self.model.lm_head(last_BD)
        return logits.float()

    def _begun(self, ids_BT: Tensor, lengths_B: Tensor) -> tuple[Tensor, State]:
        """The last vectors (B, D) and the state of texts with padding before them, which is not read: those
        of one length at once.
        """
        order, lasts, states = [], [], []
        for length in sorted(set(lengths_B.tolist())):
            rows = (lengths_B == length).nonzero().flatten()
            vectors_BTD, state = self.model.model.read(ids_BT[rows, ids_BT.shape[1] - length :])
            order.append(rows)
            lasts.append(vectors_BTD[:, -1])
            states.append(state)
        back_B = torch.cat(order).argsort()
        whole = [
            (
                torch.cat([said for said, _ in parts], 1)[:, back_B],
                torch.cat([c for _, c in parts], 1)[:, back_B],
            )
            for parts in zip(*states, strict=True)
        ]
        return torch.cat(lasts)[back_B], whole

    def follow(self, rows_B: Tensor) -> None:
        """Each text goes on from the state of the one that is named for it."""
        assert self._state is not None
        self._state = [(said[:, rows_B], cell[:, rows_B]) for said, cell in self._state]
