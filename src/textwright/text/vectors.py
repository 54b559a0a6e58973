"""Initial embeddings from word vectors that others trained: word2vec and fastText text files."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from textwright.core.errors import DataError
from textwright.core.seeds import generator

_TEXT_ONLY = "Only the text format is read: one word a line, then its numbers, with blanks between."


def read_vectors(
    path: Path, vocabulary: Mapping[str, int], *, size: int
) -> tuple[NDArray[np.float32], float]:
    """Fill an embedding matrix (V, D = `size`) from a `.vec` or `.txt` file (or `.gz` of one), line by line.

    A word that the file lacks takes the vector of the first word there that is equal but for case; without
    one it is drawn from a normal distribution as wide as the vectors found. Row 0, padding, is zero. Returns
    the matrix and the share of the vocabulary (padding left out) that was found, by case or without.

    Raises DataError for a file of another dimension, a line of the wrong width or with something that is no
    number (both with the row), and for a file that holds no word of the vocabulary.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "tiny.vec")
    ...     _ = path.write_text("1 2\\ngood 0.5 -0.5\\n", encoding="utf-8")
    ...     matrix, share = read_vectors(path, {"[PAD]": 0, "good": 1, "bad": 2}, size=2)
    >>> matrix[:2].tolist(), share
    ([[0.0, 0.0], [0.5, -0.5]], 0.5)
    """
    exact: dict[int, NDArray[np.float32]] = {}
    folded: dict[str, NDArray[np.float32]] = {}
    wanted = {word.lower() for word, row in vocabulary.items() if row}
    for row, word, fields in _lines(path, size):
        place, fold = vocabulary.get(word, 0), word.lower()
        if (place and place not in exact) or (fold in wanted and fold not in folded):
            vector = _numbers(fields, path, row)
            folded.setdefault(fold, vector)
            if place:
                exact[place] = vector
    by_fold = {row: word.lower() for word, row in vocabulary.items() if row}
    found = {row: folded[fold] for row, fold in by_fold.items() if fold in folded} | exact
    if not found:
        hint = "Check the language of the file, and whether it was made for words or for other pieces."
        raise DataError(f"it holds none of the {len(by_fold):,} words wanted", path=path, hint=hint)
    return _filled(found, max(vocabulary.values()) + 1, size), len(found) / len(by_fold)


def _filled(found: dict[int, NDArray[np.float32]], num_rows: int, size: int) -> NDArray[np.float32]:
    known = np.array(list(found.values()))
    drawn = generator(0, "text", "vectors").normal(0.0, known.std(dtype=np.float64), (num_rows, size))
    matrix = drawn.astype(np.float32)
    matrix[list(found)] = known
    matrix[0] = 0.0
    return matrix


def _lines(path: Path, size: int) -> Iterator[tuple[int, str, list[str]]]:
    """Row, word and its numbers, still text. The first line may be a header: number of words, dimension."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        # Words may hold any character but a line feed, and some files bytes that are not UTF-8.
        with opened(path, "rt", encoding="utf-8", errors="replace", newline="\n") as file:
            for row, line in enumerate(file, 1):
                fields = line.rstrip(" \r\n").split(" ")
                if row == 1 and _is_header(fields, path, size):
                    continue
                if line.strip():
                    yield row, *_parted(fields, path, row, size)
    except (OSError, EOFError, zlib.error) as error:
        hint = "Check the path, or fetch the file again."
        raise DataError(f"cannot be read: {error}", path=path, hint=hint) from None


def _is_header(fields: list[str], path: Path, size: int) -> bool:
    is_header = len(fields) == 2 and all(field.isdecimal() for field in fields)
    dimension = int(fields[1]) if is_header else len(fields) - 1
    if dimension != size:
        hint = f"Set the size of the embeddings to {dimension:,}, or take another file. {_TEXT_ONLY}"
        raise DataError(f"vectors of {dimension:,} numbers, {size:,} are wanted", path=path, row=1, hint=hint)
    return is_header


def _parted(fields: list[str], path: Path, row: int, size: int) -> tuple[str, list[str]]:
    # A word may hold blanks (". . ." in GloVe 840B); a number before the last `size` ones is one too many.
    surplus = len(fields) - 1 - size
    if surplus < 0 or (surplus > 0 and _is_number(fields[surplus])):
        message = f"{len(fields) - 1:,} numbers, expected {size:,}"
        raise DataError(message, path=path, row=row, hint=_TEXT_ONLY)
    return " ".join(fields[: surplus + 1]), fields[surplus + 1 :]


def _numbers(fields: list[str], path: Path, row: int) -> NDArray[np.float32]:
    wrong = [field for field in fields if not _is_number(field)]
    if wrong:
        raise DataError(f"expected a number, found {wrong[0]!r}", path=path, row=row, hint=_TEXT_ONLY)
    return np.array(fields, dtype=np.float32)


def _is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field))
    except ValueError:
        return False
