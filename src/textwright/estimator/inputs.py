"""What comes into the estimators: texts, classes and scores, checked and put in plain lists and arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import assert_all_finite

from textwright.core.errors import DataError
from textwright.text.clean import clean_text

Array = NDArray[Any]
# What only looks like a list of texts: its order, or its meaning, is another.
_NO_LISTS = (str, bytes, Mapping, Set)
# Correlations multiply squares of scores with each other: what comes of it must be a number as well.
_LARGEST_SCORE = 1e75


class FitError(DataError, ValueError):
    """Texts or answers that cannot be learned from: a DataError here, a ValueError to scikit-learn."""


def texts_of(X: Any) -> list[str]:
    """The texts of a list, a series, or an array or frame of one column. Raises TypeError and FitError."""
    if hasattr(X, "tocsr"):
        raise TypeError("sparse input is not supported: expected texts, found numbers")
    if isinstance(X, _NO_LISTS) or not (isinstance(X, Iterable) or hasattr(X, "__array__")):
        raise TypeError(f"expected a list of texts, found {type(X).__name__}; for one text give [text]")
    cells = _column(X)
    for row, cell in enumerate(cells):
        if not isinstance(cell, str):
            raise _no_text(cell, row)
    if not cells:
        raise FitError("0 sample(s) found: there are no texts (shape=(0,)) while a minimum of 1 is required.")
    return [str(cell) for cell in cells]


def _column(X: Any) -> list[Any]:
    cells = X if hasattr(X, "__array__") else list(X)
    if not hasattr(X, "__array__") and not any(isinstance(cell, list | tuple) for cell in cells):
        return list(cells)
    array = np.asarray(cells, dtype=object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        if array.size and not isinstance(array.flat[0], str):
            raise _no_text(array.flat[0], 0)
        raise FitError(
            f"expected one column of texts, found an array of shape {array.shape}",
            hint="Choose a column, as with ColumnTransformer([(..., ..., 'text')]) or X['text'].",
        )
    return list(array)


def _no_text(cell: Any, row: int) -> Exception:
    if _is_missing(cell):
        return FitError(
            f"row {row:,} (counted from 0): the text is missing ({cell!r})",
            hint="Leave the row out, or give the empty text ''.",
        )
    if isinstance(cell, bytes):
        return TypeError(f"row {row:,}: expected a text, found bytes; decode them first")
    what = f"{cell!r} ({type(cell).__name__})"
    return TypeError(f"row {row:,}: expected a text, found {what}; the argument must be a string in each row")


def answers_of(y: Any, texts: list[str]) -> Array:
    """What `y` holds (N,). Raises FitError."""
    if y is None:
        raise FitError("this estimator requires y to be passed, but the target y is None")
    values: Array = column_or_1d(_one_dimensional(y), warn=True)
    check_consistent_length(texts, values)
    return values


def _is_missing(value: Any) -> bool:
    """None, NaN and what pandas has for them; its NA cannot be compared, so the name of its type tells."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _one_dimensional(y: Any) -> Any:
    if getattr(y, "ndim", 1) == 2 or (isinstance(y, list) and any(isinstance(v, list | tuple) for v in y)):
        array = np.asarray(y)
        if array.ndim == 2 and array.shape[1] != 1:
            raise FitError(
                f"y has the shape {array.shape}: there is one answer a text here, no several labels",
                hint="For several labels a text: textwright.train with the task multilabel.",
            )
    return y


def classes_of(values: Array) -> tuple[Array, NDArray[np.int64]]:
    """The classes in order, and the number of each row's class. Raises FitError and ValueError."""
    if values.dtype.kind == "T":
        values = values.astype(object)
    _check_classes(values)
    classes, ids = np.unique(values, return_inverse=True)
    counts = np.bincount(ids)
    if len(classes) < 2:
        raise FitError(
            f"all {len(values):,} rows have the one class {classes[0]!r}, so there is nothing to tell apart"
        )
    if (counts < 2).any():
        raise FitError(f"the class {classes[counts.argmin()]!r} has one row only, at least 2 are needed")
    return classes, ids


def _check_classes(values: Array) -> None:
    kind = values.dtype.kind
    if kind == "O":
        _refuse_missing(values, "class")
        _refuse_mixed(values)
    if kind == "f":
        assert_all_finite(values, input_name="y")
    # A float of more than 8 bytes has no place in JSON.
    is_long = kind == "f" and values.dtype.itemsize > 8
    if kind not in "biufUO" or is_long or not all(_is_plain(v) for v in values[:1]):
        raise FitError(f"classes are texts, numbers or bools; y holds {values.dtype}")
    check_classification_targets(values)
    if type_of_target(values) == "unknown":
        raise FitError(f"Unknown label type: y holds {values.dtype}")


def _refuse_missing(values: Array, what: str) -> None:
    for row, value in enumerate(values):
        if _is_missing(value):
            raise FitError(f"Input y contains NaN: row {row:,} (counted from 0) has no {what} ({value!r})")


def _refuse_mixed(values: Array) -> None:
    """Texts have no order among other things."""
    is_text = [isinstance(value, str) for value in values]
    if any(is_text) and not all(is_text):
        text, other = is_text.index(True), is_text.index(False)
        raise FitError(
            f"y mixes texts with other things: row {text:,} holds {values[text]!r}, "
            f"row {other:,} {values[other]!r} ({type(values[other]).__name__})",
            hint="Make texts of all: [str(value) for value in y].",
        )


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bool | int | float | np.generic)


def names_of(classes: Array) -> list[str]:
    """What the model calls the classes: by their values, or by number where those would not survive."""
    names = [str(value) for value in classes.tolist()]
    if all(name and name == clean_text(name) for name in names) and len({*names}) == len(names):
        return names
    return [f"class {place}" for place in range(len(names))]


def scores_of(values: Array) -> Array:
    """Finite numbers (N,). Raises FitError and ValueError."""
    kind = values.dtype.kind
    if kind == "O":
        _refuse_missing(values, "score")
    # They would turn into numbers, of days or of nanoseconds, that nobody has chosen.
    if kind in "mM" or (kind == "O" and any(isinstance(v, np.datetime64 | np.timedelta64) for v in values)):
        raise FitError(
            f"scores are numbers, and y holds times ({values.dtype})",
            hint="Count from a time of your choice: (y - y.min()) / np.timedelta64(1, 'D').",
        )
    scores = values if kind in "biuf" else _as_numbers(values)
    # Before the other check, in which they overflow.
    if (too_large := np.flatnonzero(np.isfinite(scores) & (np.abs(scores) > _LARGEST_SCORE))).size:
        row = too_large[0]
        raise FitError(
            f"row {row:,} (counted from 0): the score {scores[row]!s} is too large to compute with; "
            f"from -{_LARGEST_SCORE:g} to {_LARGEST_SCORE:g} is possible",
            hint="Divide the scores by one number, or take their logarithms.",
        )
    assert_all_finite(scores, input_name="y")
    return scores


def _as_numbers(values: Array) -> NDArray[np.float64]:
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise FitError(f"scores are numbers, and y holds {values.dtype}: {error}") from None
