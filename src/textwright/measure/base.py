"""What every meter answers and refuses: rows of truth and output in, scores with intervals out.

Shapes: N rows of a batch, C classes or labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from textwright.core.errors import DataError
from textwright.core.records import Score

Array = NDArray[Any]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Meter(Protocol):
    """Measures a stream of batches in little memory: the (N, C) outputs of a whole set are never kept.

    (Keeping them is how evaluation runs out of memory elsewhere: transformers issue 12878.)
    """

    def update(self, truth: Array, outputs: Array, answers: Array | None = None) -> None:
        """Take in one batch; `answers` are in the form of `truth`, None picks what the outputs say."""
        ...

    def scores(self, *, seed: int = 0, replicates: int = 1000) -> dict[str, Score]:
        """All scores with 95 % intervals. Raises DataError when no row was seen."""
        ...

    def details(self, *, seed: int = 0) -> dict[str, Any]:
        """What a report shows beside the scores; ready for JSON."""
        ...


def class_ids(truth: ArrayLike, num_classes: int, rows_before: int) -> IntArray:
    """Truth (N,) as class ids; raises DataError where one is not in 0 ... num_classes - 1."""
    given = np.asarray(truth)
    if given.ndim != 1:
        raise ValueError(f"truth has the shape {given.shape}, expected one class id a row")
    with np.errstate(invalid="ignore"):  # NaN becomes some number, and differs from what was given
        ids = given.astype(np.int64)
    wrong = (ids < 0) | (ids >= num_classes) | (ids != given)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise DataError(
            f"measured row {rows_before + place:,} (counted from 0): the class id is {given[place]}, "
            f"expected a whole number from 0 to {num_classes - 1}"
        )
    return ids


def label_bits(truth: ArrayLike, shape: tuple[int, int], rows_before: int) -> FloatArray:
    """Truth (N, C) as 0.0 and 1.0; raises DataError where one is neither."""
    given = np.asarray(truth, dtype=np.float64)
    if given.shape != shape:
        raise ValueError(f"truth has the shape {given.shape}, expected (rows, labels) = {shape}")
    wrong = (given != 0) & (given != 1)
    if wrong.any():
        row, column = divmod(int(np.argmax(wrong)), shape[1])
        raise DataError(
            f"measured row {rows_before + row:,} (counted from 0), label {column}: the truth is "
            f"{given[row, column]}, expected 0 or 1"
        )
    return given


def probabilities(outputs: ArrayLike, shape: tuple[int, int], rows_before: int) -> FloatArray:
    """Outputs (N, C) as float64; raises DataError where one is not a number from 0 to 1."""
    given = np.asarray(outputs, dtype=np.float64)
    if given.shape != shape:
        raise ValueError(f"probabilities have the shape {given.shape}, expected (rows, labels) = {shape}")
    # Softmax in float32 may end a rounding step above 1; logits handed over by mistake end far from it.
    wrong = ~((given >= -1e-5) & (given <= 1 + 1e-5))
    if wrong.any():
        row, column = divmod(int(np.argmax(wrong)), shape[1])
        raise DataError(
            f"measured row {rows_before + row:,} (counted from 0), output {column}: the probability is "
            f"{given[row, column]}, expected a number from 0 to 1",
            hint="Training may have diverged: train again with a lower learning rate.",
        )
    return np.clip(given, 0.0, 1.0)


def finite(values: ArrayLike, name: str, rows_before: int = 0) -> FloatArray:
    """Values (N,) as float64; raises DataError where one is NaN or infinite."""
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1:
        raise ValueError(f"{name} has the shape {given.shape}, expected one number a row")
    wrong = ~np.isfinite(given)
    if wrong.any():
        place = int(np.argmax(wrong))
        row = rows_before + place
        raise DataError(f"measured row {row:,} (counted from 0): the {name} is {given[place]}")
    return given


def require_rows(num_rows: int) -> None:
    """Raise DataError when there is nothing to measure."""
    if num_rows == 0:
        raise DataError("there is no row to measure", hint="Give a file with at least one labelled row.")


def check_rows(
    outputs: Sequence[str],
    references: Sequence[Sequence[str]],
    sources: Sequence[str] | None,
    rows_before: int,
) -> None:
    """Raise where numbers of rows differ (ValueError) or a row has no reference (DataError)."""
    if isinstance(references, str) or any(isinstance(own, str) for own in references):
        raise ValueError("references are lists of texts, one list a row")
    if len(outputs) != len(references) or (sources is not None and len(sources) != len(outputs)):
        rows = f"{len(outputs)} outputs, {len(references)} rows of references"
        raise ValueError(rows if sources is None else f"{rows} and {len(sources)} sources")
    for row, own in enumerate(references, rows_before):
        if not own:
            raise DataError(
                f"measured row {row:,} (counted from 0) has no reference",
                hint="Give each row a translation or summary to compare with.",
            )
