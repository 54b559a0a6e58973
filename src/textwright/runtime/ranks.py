"""Several processes that fit one model: each makes a part of every step, and all make the same update.

The first process decides what is not the same everywhere: what the clock says, and when it is over.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor

from textwright.core.errors import ModelError, first_line

# A process that has not answered for so long has died; a validation of the first one is shorter.
_SECONDS_TO_ANSWER = 600.0
_AGAIN = "See what it said above; the same command with --resume goes on from the last checkpoint."


@dataclass(frozen=True)
class Ranks:
    """This process is number `number` of `count`. Alone it asks nobody.

    >>> ALONE.is_first, ALONE.told(0.5)
    (True, 0.5)
    """

    number: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        return self.number == 0

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Put the sum over all processes into each tensor. Raises ModelError when one has ended."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        try:
            torch.distributed.all_reduce(flat)
        except RuntimeError as error:
            raise _ended(error) from None
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def told(self, value: float) -> float:
        """What the first process says, to all of them. Raises ModelError when it has ended."""
        if self.count == 1:
            return value
        said = torch.tensor([value], dtype=torch.float64)
        try:
            torch.distributed.broadcast(said, 0)
        except RuntimeError as error:
            raise _ended(error) from None
        return float(said)

    def leave(self) -> None:
        """Part from the others."""
        if self.count > 1:
            torch.distributed.destroy_process_group()


ALONE = Ranks()


def join(meeting: Path, number: int, count: int) -> Ranks:
    """Meet the others at a file that all of them see. Raises ModelError where that fails."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    try:
        torch.distributed.init_process_group(
            "gloo",
            init_method=f"file://{meeting.resolve()}",
            rank=number,
            world_size=count,
            timeout=timedelta(seconds=_SECONDS_TO_ANSWER),
        )
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"the processes do not find each other ({first_line(error)})", hint="Leave --processes out."
        ) from None
    return Ranks(number, count)


def _ended(error: RuntimeError) -> ModelError:
    return ModelError(f"another process of this training has ended ({first_line(error)})", hint=_AGAIN)
