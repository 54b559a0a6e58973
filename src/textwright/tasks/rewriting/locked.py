"""Pairs that a model is tested on when it is done: read, kept apart from what is learned, and found again.

They are taken as they stand, as the texts are that a person will give: nothing but rows without a side is
left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from textwright.core.errors import ConfigError, DataError
from textwright.core.files import read_json, readable_name, to_json, write_atomic
from textwright.core.seeds import derive
from textwright.tasks.pretraining.recipe import TextSettings
from textwright.text.pairs.aligned import read_given
from textwright.text.pairs.alike import find_leaks, held_out
from textwright.text.pairs.checking import Told
from textwright.text.pairs.reading import NAMES, Asked, Pair
from textwright.text.rowlog import RowLog

LEAK = "leak into the test file"
_FILE = "locked.json"


@dataclass(frozen=True)
class Locked:
    """The pairs, and the file they are of; `is_given` unless they were drawn from the rows to learn from.

    `cleaning` counts what was left out of that file or changed, `rows` lists it.
    """

    name: str
    is_given: bool
    fingerprint: str
    pairs: list[Pair]
    cleaning: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def refuse_contradiction(asked: TextSettings) -> None:
    """Raises ConfigError for two ways to get a test, and for half of one."""
    if asked.test is not None and asked.test_share:
        raise ConfigError("data.test and data.test_share contradict each other", hint="Give one of them.")
    if asked.test_target_file is not None and asked.test is None:
        raise ConfigError(
            "data.test_target_file has the targets of data.test, which is not given",
            hint="Give the file of the sources: --test FILE.",
        )


def lock(
    pairs: list[Pair], source: str, asked: TextSettings, task: str, seed: int, told: Told
) -> tuple[list[Pair], Locked | None]:
    """What is left to learn from, and what is locked: a file, a share of the pairs, or nothing.

    `source` names the file that the pairs are of. Pairs that share a side with a locked one are not drawn
    apart. Raises DataError, ConfigError.
    """
    refuse_contradiction(asked)
    if asked.test is not None:
        return pairs, _read(asked, task, told)
    if not asked.test_share:
        return pairs, None
    is_locked = held_out(pairs, asked.test_share, derive(seed, "test"), told)
    parts: tuple[list[Pair], list[Pair]] = [], []
    for pair, held in zip(pairs, is_locked.tolist(), strict=True):
        parts[held].append(pair)
    return parts[0], Locked(source, False, fingerprint_of(parts[1]), parts[1])


def _read(asked: TextSettings, task: str, told: Told) -> Locked:
    """The file to test on, in the columns and the direction of what is learned from."""
    path, log, said = Path(str(asked.test)), RowLog(), Told()
    aligned = None if asked.test_target_file is None else Path(asked.test_target_file)
    languages = tuple("" if code == "und" else code for code in told.languages)
    columns = Asked(usual=told.columns, learned=(languages[0], languages[1]))
    pairs = read_given([path], aligned, columns, log, names=NAMES[task], told=said)
    for warning in said.warnings:
        told.warn(warning)
    name = readable_name(path)
    rows = [{"file": name, **record} for record in log.records()]
    return Locked(name, True, fingerprint_of(pairs), pairs, log.summary(), rows)


def without_leaks(pairs: list[Pair], locked: Locked, log: RowLog, told: Told) -> list[Pair]:
    """The pairs of which no side is locked, to the letter or nearly; the others are dropped into `log`.

    Raises DataError where none is left.
    """
    found = find_leaks(pairs, locked.pairs)
    leaking = {*found.rows.tolist()}
    for place in found.rows.tolist():
        log.dropped(LEAK, pairs[place].row, f"{pairs[place].source[:38]} | {pairs[place].target[:39]}")
    if len(leaking) == len(pairs):
        raise DataError(
            f"every pair to learn from shares a side with one of {locked.name}",
            hint="Give another --test file, or --test-share in its place.",
        )
    if leaking:
        told.note(
            f"{len(leaking):,} pairs share a side with {found.num_held_out:,} of the {len(locked.pairs):,} "
            f"to test on and are not learned from: {found.num_source:,} the source, {found.num_target:,} the "
            f"target, {found.num_pairs:,} both; {found.num_near:,} of them only nearly"
        )
    return [pair for place, pair in enumerate(pairs) if place not in leaking]


def fingerprint_of(pairs: Sequence[Pair]) -> str:
    """The SHA-256 of all their texts."""
    digest = hashlib.sha256()
    for pair in pairs:
        for text in (pair.source, pair.target):
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def write_locked(folder: Path, locked: Locked | None) -> None:
    """Keep them beside the tokens of a run, as long as it lasts."""
    if locked is None:
        (folder / _FILE).unlink(missing_ok=True)
    else:
        write_atomic(folder / _FILE, to_json(asdict(locked)))


def read_locked(folder: Path) -> Locked | None:
    """What `write_locked` kept; None where nothing is locked."""
    if not (folder / _FILE).is_file():
        return None
    record = read_json(folder / _FILE)
    return Locked(**{**record, "pairs": [Pair(**pair) for pair in record["pairs"]]})
