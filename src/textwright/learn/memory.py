"""What to do when a step does not fit into memory: the same step in smaller parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from textwright.core.errors import ModelError

# As the allocators of torch say it on processors, on accelerators and in libraries below it.
_SAID = ("can't allocate memory", "out of memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of a forward or backward pass is a lack of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _SAID)


def halved(rows: int, step: int) -> int:
    """How many rows to try after `rows` at once were too many. Raises ModelError when it was a single one."""
    if rows <= 1:
        raise ModelError(
            f"step {step}: a single row does not fit into memory",
            hint="Cut texts shorter (--set tokenizer.max_length=128), take a smaller model, "
            "or try --set compute.checkpoint_gradients=true.",
        )
    return rows // 2


@contextmanager
def explained(step: int) -> Iterator[None]:
    """Around an update, which cannot be repeated once it has begun. Raises ModelError."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise ModelError(
            f"step {step}: there is no memory for the state of the optimizer",
            hint="Take a smaller model, or an optimizer with less state: --set learn.optimizer.name=sgd.",
        ) from None


def free(device: str) -> None:
    """Give back what torch keeps for later."""
    if device == "cuda":
        torch.cuda.empty_cache()
