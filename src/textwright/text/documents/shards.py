"""Tokens on disk, one long row in several files: written once, then read in any place without being loaded.

Each file is a plain array of unsigned numbers of two bytes, of four where the vocabulary needs them; the
index says how many there are, and of what they were made. They are memory-mapped, so that a corpus may be
larger than memory and several processes share one copy.

Shapes: B rows, T tokens of a row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.core.errors import DataError
from textwright.core.files import explained, read_json, to_json, write_atomic
from textwright.core.ragged import IntArray

INDEX = "index.json"
TOKENS_PER_FILE = 64_000_000
_AGAIN = "Remove the folder and build the tokens again."


@dataclass
class ShardWriter:
    """Writes tokens to `folder`; nothing counts before `close` has written the index.

    >>> import tempfile
    >>> writer = ShardWriter(Path(tempfile.mkdtemp()), vocabulary_size=300, per_file=4)
    >>> for ids in ([1, 2, 3], [4, 5, 6]):
    ...     writer.add(np.array(ids))
    >>> writer.close({}).take(np.array([2]), 3)
    array([[3, 4, 5]])
    """

    folder: Path
    vocabulary_size: int
    per_file: int = TOKENS_PER_FILE
    num_tokens: int = 0
    _counts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=16)
        self._dtype = np.dtype(np.uint16 if self.vocabulary_size <= 1 << 16 else np.uint32).newbyteorder("<")
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def add(self, ids: IntArray) -> None:
        """Append tokens. Raises DataError for one outside the vocabulary, and where the disk is full."""
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < self.vocabulary_size:
            raise DataError(
                f"a token is outside the vocabulary of {self.vocabulary_size:,}", path=self.folder
            )
        while len(ids):
            if not self._counts or self._counts[-1] == self.per_file:
                self._counts.append(0)
            part = ids[: self.per_file - self._counts[-1]]
            path = self.folder / _name(len(self._counts) - 1)
            with explained(path), path.open("ab" if self._counts[-1] else "wb") as file:
                file.write(content := part.astype(self._dtype).tobytes())
            self._digest.update(content)
            self._counts[-1] += len(part)
            self.num_tokens += len(part)
            ids = ids[len(part) :]

    def close(self, about: dict[str, Any]) -> Shards:
        """Write the index, with what a person or a resumed run wants to know of the tokens."""
        about = {**about, "fingerprint": self._digest.hexdigest()}
        record = {"tokens": self._counts, "dtype": self._dtype.name, "about": about}
        write_atomic(self.folder / INDEX, to_json({**record, "vocabulary_size": self.vocabulary_size}))
        return Shards.open(self.folder)


@dataclass(frozen=True)
class Shards:
    """Tokens that were written, as one long row."""

    folder: Path
    counts: tuple[int, ...]
    dtype: np.dtype[Any]
    vocabulary_size: int
    about: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Shards:
        """Raises DataError where files are missing, cut off or not those of the index."""
        try:
            record = read_json(folder / INDEX)
            dtype = np.dtype(record["dtype"]).newbyteorder("<")
            counts = tuple(int(count) for count in record["tokens"])
            found = cls(folder, counts, dtype, int(record["vocabulary_size"]), dict(record["about"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"no tokens: {error}", path=folder / INDEX, hint=_AGAIN) from None
        for number, count in enumerate(counts):
            path = folder / _name(number)
            size = path.stat().st_size if path.exists() else 0
            if size != count * dtype.itemsize:
                raise DataError(f"{count:,} tokens expected, {size:,} bytes found", path=path, hint=_AGAIN)
        return found

    def __len__(self) -> int:
        return sum(self.counts)

    def take(self, starts: Sequence[int] | IntArray, length: int) -> NDArray[np.int64]:
        """Rows (B, T) of `length` tokens from each of the places (B,). Raises IndexError past the end."""
        out = np.empty((len(starts), length), np.int64)
        for row, start in enumerate(starts):
            self._read(int(start), out[row])
        return out

    def _read(self, start: int, out: NDArray[np.int64]) -> None:
        if not 0 <= start <= len(self) - len(out):
            raise IndexError(f"tokens {start:,} to {start + len(out):,} of {len(self):,}")
        number = int(np.searchsorted(self._ends, start, side="right"))
        done = 0
        while done < len(out):
            first = start + done - (int(self._ends[number - 1]) if number else 0)
            part = self._maps[number][first : first + len(out) - done]
            out[done : done + len(part)] = part
            done, number = done + len(part), number + 1

    @cached_property
    def _ends(self) -> IntArray:
        return np.cumsum(self.counts)

    @cached_property
    def _maps(self) -> list[NDArray[Any]]:
        return [
            np.memmap(self.folder / _name(number), self.dtype, "r", shape=(count,))
            for number, count in enumerate(self.counts)
        ]

    def __getstate__(self) -> dict[str, Any]:
        """Another process maps the files by itself."""
        return {name: value for name, value in self.__dict__.items() if name not in ("_ends", "_maps")}


def _name(number: int) -> str:
    return f"tokens-{number:05d}.bin"
