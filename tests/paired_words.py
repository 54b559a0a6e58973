"""Rows whose words come in pairs, which labelled rows part and texts without labels show together."""

from __future__ import annotations

from pathlib import Path

from textwright.core.seeds import generator

NUM_PAIRS = 150


def rows(name: str, num_rows: int, both: bool) -> list[tuple[str, str]]:
    """Texts of words that tell the label, and of one that does not: three pairs, or one word of each."""
    rng, found = generator(0, name), []
    for i in range(num_rows):
        label = "good" if i % 2 else "bad"
        pairs = rng.integers(NUM_PAIRS, size=3)
        kinds = "xy" if both else "xy"[int(rng.random() < 0.5)]
        words = [word(label, kind, int(pair)) for pair in pairs for kind in kinds]
        found.append((" ".join([*rng.permutation(words), f"row{rng.integers(10**6)}"]), label))
    return found


def word(label: str, kind: str, pair: int) -> str:
    """Letters that say nothing of any other word."""
    return "".join(chr(97 + letter) for letter in generator(1, label, kind, pair).integers(26, size=6))


def write(path: Path, found: list[tuple[str, str]], *, labelled: bool = True) -> Path:
    lines = [f"{text},{label}" if labelled else text for text, label in found]
    path.write_text("\n".join(["text,label" if labelled else "text", *lines]) + "\n", encoding="utf-8")
    return path
