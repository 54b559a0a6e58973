"""Initial embeddings from vector files: what is found, what is drawn, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from textwright.core.errors import DataError
from textwright.text.vectors import read_vectors

LINES = ["the 1 2 3", "NASA -1 0.5 1e-2", "nasa 9 9 9", "好 4 5 6", ". . . 7 8 9", "Paris 3 3 3"]
VOCABULARY = {"[PAD]": 0, "[UNK]": 1, "the": 2, "nasa": 3, "好": 4, "paris": 5, ". . .": 6, "wombat": 7}


def written(path: Path, lines: list[str], end: str = "\n") -> Path:
    data = end.join([*lines, ""]).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["v.vec", "v.txt", "v.vec.gz"])
@pytest.mark.parametrize("header", [[], ["6 3"]])
@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])
def test_words_take_their_vectors(tmp_path: Path, name: str, header: list[str], end: str) -> None:
    matrix, share = read_vectors(written(tmp_path / name, header + LINES, end), VOCABULARY, size=3)
    assert matrix.shape == (8, 3) and matrix.dtype == np.float32
    assert matrix[0].tolist() == [0, 0, 0]
    assert matrix[2].tolist() == [1, 2, 3]
    assert matrix[3].tolist() == [9, 9, 9], "the word itself wins over the one with capitals before it"
    assert matrix[4].tolist() == [4, 5, 6]
    assert matrix[5].tolist() == [3, 3, 3], "without the word itself, the one that is equal but for case"
    assert matrix[6].tolist() == [7, 8, 9]
    assert share == pytest.approx(5 / 7)


def test_capitals_of_the_vocabulary_fall_back_to_lower_case(tmp_path: Path) -> None:
    path = written(tmp_path / "v.vec", ["apple 1 1", "APPLE 2 2", "apple 5 5"])
    matrix, share = read_vectors(path, {"[PAD]": 0, "Apple": 1, "APPLE": 2, "apple": 3}, size=2)
    assert matrix.tolist() == [[0, 0], [1, 1], [2, 2], [1, 1]]
    assert share == 1.0


def test_missing_words_are_drawn_as_wide_as_the_found_ones(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [" ".join(["w" + str(i), *map(str, rng.normal(0, 0.25, 50).round(5))]) for i in range(200)]
    words = ["[PAD]", *(f"w{i}" for i in range(100)), *(f"m{i}" for i in range(300))]
    vocabulary = {word: i for i, word in enumerate(words)}
    path = written(tmp_path / "v.vec", lines)
    matrix, share = read_vectors(path, vocabulary, size=50)
    again, _ = read_vectors(path, vocabulary, size=50)
    assert share == 0.25
    assert np.array_equal(matrix, again)
    assert matrix[101:].std() == pytest.approx(matrix[1:101].std(), rel=0.03)
    assert abs(matrix[101:].mean()) < 0.01
    assert len(np.unique(matrix[101:, 0])) == 300


FAULTS = [
    (["the 1 2 3", "dog 1 2"], r"row 2: 2 numbers, expected 3"),
    (["2 3", "the 1 2 3", "dog 1 2 3 4"], r"row 3: 4 numbers, expected 3"),
    (["the 1 2 3", "dog"], r"row 2: 0 numbers, expected 3"),
    (["the 1 x 3"], r"row 1: expected a number, found 'x'"),
    (["dog 1 2 3", "the 1 nan 3"], r"row 2: expected a number, found 'nan'"),
    (["2 300", "the 1 2 3"], r"row 1: vectors of 300 numbers, 3 are wanted"),
    (["the 1 2"], r"row 1: vectors of 2 numbers, 3 are wanted"),
    (["2 3", "dog 1 2 3"], r"none of the 7 words"),
    ([], r"none of the 7 words"),
]


@pytest.mark.parametrize(("lines", "message"), FAULTS)
def test_faults_are_named_with_their_row(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_vectors(written(tmp_path / "v.vec", lines), VOCABULARY, size=3)
    assert "v.vec" in str(caught.value) and caught.value.hint


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.vec: cannot be read"):
        read_vectors(tmp_path / "missing.vec", VOCABULARY, size=3)
    whole = written(tmp_path / "v.vec.gz", LINES * 100).read_bytes()
    for name, data in (("cut.gz", whole[: len(whole) // 2]), ("plain.gz", b"the 1 2 3\n")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match="cannot be read"):
            read_vectors(tmp_path / name, VOCABULARY, size=3)


def test_bytes_that_are_no_utf8_and_odd_words_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "v.vec"
    path.write_bytes(b"caf\xe9 1 2\n\xc2\xa0 1 2\n\xe2\x80\xa8 3 4\n 5 6\n\nthe 7 8\n")
    matrix, share = read_vectors(path, {"[PAD]": 0, "the": 1, "\u2028": 2}, size=2)
    assert matrix.tolist() == [[0, 0], [7, 8], [3, 4]] and share == 1.0
