"""What to do when memory does not suffice: the same in smaller parts, or an error that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from textwright.core.errors import ModelError, first_line

# As the allocators of torch say it on processors, on accelerators and in libraries below it (oneDNN, cuBLAS).
_SAID = (
    "can't allocate memory",
    "out of memory",
    "not enough memory",
    "std::bad_alloc",
    "status_alloc_failed",
    "could not create a memory object",
)
_SMALLER = "Take a smaller model, or an optimizer with less state: --set learn.optimizer.name=sgd."


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch is a lack of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _SAID)


@dataclass
class Attempt:
    """A block that a lack of memory ends: it is kept in `failure`, as it was said; other errors pass.

    Behind the block nothing holds on to its tensors any more, as the handler of an exception would.
    """

    failure: str = ""

    def __enter__(self) -> Attempt:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None or not is_out_of_memory(error):
            return False
        self.failure = first_line(error)
        return True


def halved(num_rows: int, longest: int, failure: str, step: int | None = None) -> int:
    """How many padded tokens to try at once when a batch was too much, be it of a step or of rows to answer.

    Raises ModelError when it was a single row.
    """
    if num_rows <= 1:
        where, more = "", ""
        if step is not None:
            where, more = f"step {step:,}: ", ", or try --set compute.checkpoint_gradients=true"
        raise ModelError(
            f"{where}a single row of {longest:,} tokens does not fit into memory ({failure})",
            hint=f"Cut texts shorter (--set tokenizer.max_length=128), take a smaller model{more}.",
        )
    return num_rows * max(longest, 1) // 2


@contextmanager
def explained(what: str, hint: str = _SMALLER) -> Iterator[None]:
    """Around what cannot be made in smaller parts. Raises ModelError."""
    attempt = Attempt()
    with attempt:
        yield
    if attempt.failure:
        raise ModelError(f"there is no memory for {what} ({attempt.failure})", hint=hint)


def free(device: str) -> None:
    """Give back what torch keeps for later."""
    if device == "cuda":
        torch.cuda.empty_cache()
