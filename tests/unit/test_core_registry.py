"""Registries, nearest names, errors, seeds, clocks, records and sinks: the small things of core."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from textwright.core.clock import Clock
from textwright.core.errors import ConfigError, DataError, MissingExtra, TextwrightError
from textwright.core.events import JsonLines, fan_out, silent
from textwright.core.names import did_you_mean
from textwright.core.records import Candidate, Note, Score, StepEvent
from textwright.core.registry import Registry
from textwright.core.seeds import derive, generator

SCORES = {"accuracy": 0.5, "auc": float("nan")}
EVENT = StepEvent(3, 0.5, 96, 900, 2.0, 0.7, 1e-3, 450.0, remaining=float("inf"), scores=SCORES)


def test_registry_imports_an_entry_when_it_is_used() -> None:
    registry = Registry[object](
        "letter", {"lines": "textwright.core.events:JsonLines", "bad": "no_such_module:x"}
    )
    assert registry.get("lines") is JsonLines
    assert registry.names() == list(registry) == ["lines", "bad"]
    assert "bad" in registry and "worse" not in registry
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        registry.get("bad")


def test_registry_does_not_import_what_nobody_asked_for() -> None:
    registry = Registry[object]("x", {"a": "this:s", "b": "string:digits"})
    assert registry.get("b") == "0123456789"
    assert "this" not in sys.modules


def test_registry_names_the_nearest_entry_and_keeps_its_own_table() -> None:
    table = {"lstm": "string:digits"}
    registry = Registry[object]("model", table)
    table["gru"] = "string:digits"
    with pytest.raises(ConfigError, match=r"unknown model 'lstn'\nDid you mean 'lstm'\?"):
        registry.get("lstn")
    assert "gru" not in registry


def test_nearest_names() -> None:
    assert did_you_mean("qqq", ["b", "a"]) == "Known: a, b."
    assert did_you_mean("qqq", []) == "Nothing is registered."


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        ("AdamW", ["adam", "adamw"], "adamw"),
        ("GELU", ["relu", "gelu"], "gelu"),
        ("sgd", ["SGD", "adam"], "SGD"),
        ("Swish", ["sigmoid", "silu"], "silu"),
        ("bce", ["cross_entropy", "mse"], "cross_entropy"),
        ("WSD", ["constant", "hold"], "hold"),
        ("mae", ["mse", "huber"], "huber"),
        ("momentum", ["sgd", "gd"], "sgd"),
        ("momentum", ["optimizer", "loss"], "optimizer.momentum"),
        ("momentum", ["momentun", "momentum"], "momentum"),
        ("learning_rate", ["rate", "momentum"], "rate"),
        ("lr", ["optimizer", "loss"], "optimizer.rate"),
    ],
)
def test_capitals_and_other_names_of_the_field(name: str, known: list[str], near: str) -> None:
    assert did_you_mean(name, known) == f"Did you mean {near!r}?"


def test_errors_show_place_and_hint() -> None:
    error = DataError("bad", path=Path("a.csv"), row=12345, column="标签", hint="Mend it.")
    assert str(error) == "a.csv, row 12,345, column '标签': bad\nMend it."
    assert (error.row, error.column, error.hint) == (12345, "标签", "Mend it.")
    assert str(DataError("bad", row=0)) == "row 0: bad"
    assert isinstance(MissingExtra("x", extra="zh"), TextwrightError)
    assert 'pip install "textwright[zh]"' in str(MissingExtra("x", extra="zh"))


def test_a_stream_is_a_function_of_seed_and_names() -> None:
    # Written down: a change would change every trained model.
    assert derive(1, "rows", 0) == 6532637074538618943
    keys = [
        (seed, name, i) for seed in range(20) for name in ("rows", "batches", "weights") for i in range(50)
    ]
    seeds = [derive(seed, name, i) for seed, name, i in keys]
    assert len(set(seeds)) == len(keys)
    assert all(0 <= seed < 2**63 for seed in seeds)
    bits = np.array(seeds, dtype=np.int64)[:, None] >> np.arange(63) & 1
    assert np.abs(bits.mean(0) - 0.5).max() < 0.05


def test_streams_are_independent_and_private() -> None:
    first, again, other = generator(0, "a"), generator(0, "a"), generator(0, "b")
    other.random(100)
    draws = first.random(5000)
    assert np.array_equal(draws, again.random(5000))
    assert abs(np.corrcoef(draws, generator(0, "b").random(5000))[0, 1]) < 0.05
    state = np.random.get_state()[1].tolist()
    generator(0, "c").random(10)
    assert np.random.get_state()[1].tolist() == state, "the global generator is nobody's business"


@dataclass(frozen=True)
class Still(Clock):
    """A clock that stands where the test puts it."""

    now: list[float] = field(default_factory=lambda: [0.0])

    def elapsed(self) -> float:
        return self.now[0]


def test_clock_counts_down() -> None:
    clock = Still(0.0, 10.0)
    assert (clock.remaining(), clock.progress(), clock.is_over()) == (10.0, 0.0, False)
    clock.now[0] = 4.0
    assert (clock.remaining(), clock.progress(), clock.is_over()) == (6.0, 0.4, False)
    assert clock.part(0.5).limit == 3.0
    clock.now[0] = 12.0
    assert (clock.remaining(), clock.progress(), clock.is_over()) == (-2.0, 1.0, True)
    assert clock.part(0.5).limit == 0.0 and clock.part(0.5).is_over()


def test_clock_without_limit_and_without_time() -> None:
    free = Clock.starting()
    assert (free.remaining(), free.progress(), free.is_over()) == (float("inf"), 0.0, False)
    assert free.part(0.5).limit is None
    for limit in (0.0, -1.0):
        assert Clock.starting(limit).is_over() and Clock.starting(limit).progress() == 1.0
    before = time.monotonic()
    assert before <= Clock.starting(1).started <= time.monotonic()


def test_records_have_no_nan_in_json() -> None:
    score = Score(float("nan"), 0.1, float("inf"), 3, "lower")
    assert score.to_json() == {"value": None, "low": 0.1, "high": None, "n": 3, "better": "lower"}
    back = Score.from_json(score.to_json())
    assert np.isnan(back.value) and (back.low, back.n, back.better) == (0.1, 3, "lower")
    candidate = Candidate("cnn", {"accuracy": Score(0.5, 0.4, 0.6, 9)}, seconds=float("inf")).to_json()
    assert candidate["split"] == "validation" and candidate["scores"]["accuracy"]["n"] == 9
    assert json.loads(json.dumps(candidate, allow_nan=False))["seconds"] is None
    record = json.loads(json.dumps(EVENT.to_json(), allow_nan=False))
    assert record["remaining"] is None and record["step"] == 3 and "is_best" in record
    assert record["scores"] == {"accuracy": 0.5, "auc": None}


def test_sinks(tmp_path: Path) -> None:
    path, seen = tmp_path / "events.jsonl", list[object]()
    lines = JsonLines(path, model="cnn")
    send = fan_out(iter([lines, silent, seen.append]))
    send(EVENT)
    flushed = path.read_text(encoding="utf-8")
    send(Note("好", "warning"))
    lines.close()
    assert [json.loads(line)["step"] for line in flushed.splitlines()] == [3]
    last = path.read_text(encoding="utf-8").splitlines()[1]
    assert json.loads(last) == {"model": "cnn", "note": "好", "kind": "warning"} and "好" in last
    assert seen == [EVENT, Note("好", "warning")]
    again = JsonLines(path)
    again(EVENT)
    again.close()
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3, "a continued run appends"
