"""Answers of a model to many texts, kept on disk a part at a time: a run that is resumed makes none again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textwright.core.clock import Clock
from textwright.core.events import Sink
from textwright.core.files import read_json, to_json, write_atomic
from textwright.core.ragged import IntArray
from textwright.core.records import Note
from textwright.core.seeds import derive, generator
from textwright.tasks.rewriting.model import Rewriter
from textwright.tasks.rewriting.settings import DecodeSettings

# Few, as the clock is asked after each part; of like length, as all of a part take as long as the longest.
_TEXTS_PER_PART, _PARTS_PER_POOL = 64, 64
_DONE = "done.json"
_SECONDS_BETWEEN_NOTES = 20.0


@dataclass(frozen=True)
class Answered:
    """What was made of the texts at these places; `seconds` is what it took."""

    places: list[int]
    answers: list[str]
    num_asked: int
    num_cut: int
    seconds: float


def answered(
    model: Rewriter, texts: Sequence[str], folder: Path, settings: DecodeSettings, clock: Clock, say: Sink
) -> Answered:
    """Answers to the texts in an order that is drawn, until all are answered or the clock is over: what there
    was no time for is a sample like the rest. Those that have no end are left out, and counted.

    What `folder` has already is taken from there, and the rest is what an undisturbed run would make.
    """
    parts = _parts([len(text) for text in texts], settings.seed)
    number, seconds = _done(folder, len(parts))
    if number is None:
        number, seconds = _made(model, texts, parts, (folder, settings, clock, say))
        write_atomic(folder / _DONE, to_json({"parts": number, "seconds": seconds}))
    every = [record for i in range(number) for record in _records(folder / _name(i))]
    whole = [record for record in every if record["whole"] and record["text"].strip()]
    places = [int(record["place"]) for record in whole]
    return Answered(places, [r["text"] for r in whole], len(every), len(every) - len(whole), seconds)


def _parts(lengths: Sequence[int], seed: int) -> list[IntArray]:
    """Places of texts of like length, in an order that is drawn.

    >>> [part.tolist() for part in _parts([9, 3, 5], seed=0)]
    [[1, 2, 0]]
    """
    order = generator(seed, "texts to answer").permutation(len(lengths))
    sizes, size = np.asarray(lengths), _TEXTS_PER_PART * _PARTS_PER_POOL
    parts: list[IntArray] = []
    for start in range(0, len(order), size):
        pool = order[start : start + size]
        pool = pool[np.argsort(sizes[pool], kind="stable")]
        parts += [pool[first : first + _TEXTS_PER_PART] for first in range(0, len(pool), _TEXTS_PER_PART)]
    return [parts[i] for i in generator(seed, "parts to answer").permutation(len(parts))]


def _made(
    model: Rewriter,
    texts: Sequence[str],
    parts: list[IntArray],
    how: tuple[Path, DecodeSettings, Clock, Sink],
) -> tuple[int, float]:
    """Make the parts that are not there yet; how many there are, and the seconds of this process."""
    folder, settings, clock, say = how
    started = told = time.monotonic()
    num_answered = 0
    for i, places in enumerate(parts):
        path = folder / _name(i)
        if not path.exists():
            own = settings.replaced({"seed": derive(settings.seed, "answers", i) % (1 << 32)})
            found = model.rewrite([texts[place] for place in places], own)
            records = [
                {"place": int(place), "text": one.text, "whole": one.is_whole}
                for place, one in zip(places, found, strict=True)
            ]
            write_atomic(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))
        num_answered += len(places)
        if time.monotonic() - told > _SECONDS_BETWEEN_NOTES:
            told = time.monotonic()
            say(Note(f"{num_answered:,} of {len(texts):,} texts answered"))
        if clock.is_over() and i + 1 < len(parts):
            return i + 1, time.monotonic() - started
    return len(parts), time.monotonic() - started


def _name(part: int) -> str:
    return f"part-{part:05d}.jsonl"


def _done(folder: Path, most: int) -> tuple[int | None, float]:
    """How many parts there are where all is made, and what they took."""
    try:
        record = read_json(folder / _DONE)
    except (OSError, ValueError):
        return None, 0.0
    return min(int(record["parts"]), most), float(record["seconds"])


def _records(path: Path) -> Iterator[dict[str, Any]]:
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())
