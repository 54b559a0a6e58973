"""What is a lack of memory and what is not; an attempt holds on to nothing; halves and errors."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from textwright.core.errors import ModelError
from textwright.learn.memory import Attempt, explained, halved, is_out_of_memory

LACKS: list[BaseException] = [
    MemoryError(),
    torch.OutOfMemoryError("Allocation on device"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 40 bytes."),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("HIP error: HIPBLAS_STATUS_ALLOC_FAILED when calling `hipblasCreate(handle)`"),
    RuntimeError("could not create a memory object"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB, other allocations: 1.2 GB)"),
]
OTHERS: list[BaseException] = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)"),
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`"),
    RuntimeError("could not create a memory descriptor"),
    RuntimeError("could not create a primitive descriptor for a matmul primitive"),
    RuntimeError("Pin memory thread exited unexpectedly"),
    ValueError("out of memory"),
    OSError(28, "No space left on device"),
    ModelError("step 3: out of memory"),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("error", LACKS, ids=str)
def test_a_lack_of_memory_is_known(error: BaseException) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", OTHERS, ids=str)
def test_other_errors_are_none(error: BaseException) -> None:
    assert not is_out_of_memory(error)
    with pytest.raises(type(error)), Attempt() as attempt:
        raise error
    assert not attempt.failure


def test_an_attempt_keeps_what_was_said_and_nothing_else() -> None:
    """Not the tensors of the frames that the error went through, even without a collection."""
    held: list[weakref.ref[torch.Tensor]] = []

    def work() -> None:
        tensor = torch.zeros(3)
        held.append(weakref.ref(tensor))
        raise RuntimeError("std::bad_alloc\nException raised from: 5")

    gc.disable()
    try:
        with Attempt() as attempt:
            work()
        assert attempt.failure == "std::bad_alloc" and held[0]() is None
    finally:
        gc.enable()
    with Attempt() as attempt:
        pass
    assert attempt.failure == ""
    with Attempt() as attempt:
        raise MemoryError
    assert attempt.failure == "MemoryError"


@pytest.mark.parametrize(("rows", "longest", "tokens"), [(4, 300, 600), (3, 7, 10), (2, 1, 1), (5, 0, 2)])
def test_half_the_tokens(rows: int, longest: int, tokens: int) -> None:
    assert halved(rows, longest, "full") == tokens


def test_a_single_row_is_an_error_with_a_way_out() -> None:
    with pytest.raises(ModelError) as caught:
        halved(1, 4000, "CUDA out of memory", 7)
    wanted = "step 7: a single row of 4,000 tokens does not fit into memory (CUDA out of memory)"
    assert caught.value.message == wanted and "checkpoint_gradients" in caught.value.hint
    with pytest.raises(ModelError, match=r"^a single row") as caught:
        halved(1, 9, "full")
    assert caught.value.hint == "Cut texts shorter (--set tokenizer.max_length=128), take a smaller model."


def test_what_cannot_be_halved_is_explained() -> None:
    said = r"^there is no memory for a copy \(std::bad_alloc\)\nTake a smaller"
    with pytest.raises(ModelError, match=said), explained("a copy"):
        raise RuntimeError("std::bad_alloc")
    with pytest.raises(ZeroDivisionError), explained("a copy"):
        raise ZeroDivisionError
