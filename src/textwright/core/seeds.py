"""Randomness only through names: a stream is a pure function of the seed and of what it is for."""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """A 63-bit seed for what the names say, independent of every other name.

    >>> derive(1, "shuffle", 0) == derive(1, "shuffle", 0) != derive(1, "shuffle", 1)
    True
    """
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A NumPy generator for what the names say."""
    return np.random.Generator(np.random.PCG64(derive(seed, *names)))
