"""Several processes that fit one model: each makes a part of every step, and all make the same update.

The first process decides what is not the same everywhere: what the clock says, and when it is over.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor

from textwright.core.errors import ModelError, first_line

# A process that has not answered for so long has died; a validation of the first one is shorter.
_SECONDS_TO_ANSWER = 600.0
# Those that torchrun has started wait for the first one to read all texts; it ends them when one dies.
_SECONDS_TO_BEGIN = 7 * 86_400.0
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

    def said(self, text: str) -> str:
        """The text of the first process, to all of them. Raises ModelError when it has ended."""
        if self.count == 1:
            return text
        content = bytearray(text.encode("utf-8"))
        parcel = torch.zeros(int(self.told(len(content))), dtype=torch.uint8)
        if self.is_first and content:
            parcel = torch.frombuffer(content, dtype=torch.uint8)
        try:
            torch.distributed.broadcast(parcel, 0)
        except RuntimeError as error:
            raise _ended(error) from None
        return bytes(parcel.tolist()).decode("utf-8")

    def leave(self) -> None:
        """Part from the others."""
        if self.count > 1:
            torch.distributed.destroy_process_group()


ALONE = Ranks()


@dataclass(frozen=True)
class Launch:
    """What torchrun says of this process: its number of all, and its number of those of this machine."""

    number: int
    count: int
    local: int
    local_count: int


def launched() -> Launch | None:
    """By the variables that torchrun sets; nothing where one process was started, as usual."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    values = [os.environ.get(name, "") for name in names]
    if not all(value.isdigit() for value in values) or "MASTER_ADDR" not in os.environ:
        return None
    found = Launch(*map(int, values))
    return found if found.count > 1 else None


def join_launched(launch: Launch) -> Ranks:
    """Meet the other processes of torchrun: by gloo, and by NCCL for what is on a GPU, one for each process.

    Raises ModelError where that fails.
    """
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(launch.local % torch.cuda.device_count())
        backend = "cpu:gloo,cuda:nccl"
    try:
        torch.distributed.init_process_group(backend, timeout=timedelta(seconds=_SECONDS_TO_BEGIN))
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"the processes do not find each other ({first_line(error)})",
            hint="See the addresses that torchrun was given.",
        ) from None
    return Ranks(launch.number, launch.count)


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


@contextmanager
def answering() -> Iterator[None]:
    """Within it a process that does not answer raises ModelError, whoever asked it (FSDP2, checkpoints)."""
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, torch.distributed.DistError) or "gloo" in str(error).lower()):
            raise
        raise _ended(error) from None


def _ended(error: RuntimeError) -> ModelError:
    return ModelError(f"another process of this training has ended ({first_line(error)})", hint=_AGAIN)
