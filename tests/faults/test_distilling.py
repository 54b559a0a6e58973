"""A student that is killed goes on from its checkpoint; an interrupt while it learns keeps its teacher."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _disks import Crash

from textwright import api
from textwright.core.events import Event
from textwright.core.files import read_json
from textwright.core.records import Note, StepEvent
from textwright.core.seeds import generator
from textwright.tasks.recipe import Recipe

pytestmark = pytest.mark.usefixtures("quick")

WORDS = {"good": ["lovely", "great", "warm", "kind"], "bad": ["awful", "rude", "cold", "broken"]}


@pytest.fixture
def asked(tmp_path: Path) -> Recipe:
    (tmp_path / "a.csv").write_text("\n".join(["text,label", *lines(60, labelled=True)]), encoding="utf-8")
    (tmp_path / "b.csv").write_text("\n".join(["text", *lines(90, labelled=False)]), encoding="utf-8")
    settings = {"embedding": 8, "filters": 4, "widths": [1, 2]}
    distil, data = {"into": "cnn", "settings": settings}, {"unlabelled": str(tmp_path / "b.csv")}
    return Recipe.parse({"model": {"name": "bag"}, "distil": distil, "data": data})


def lines(num_rows: int, *, labelled: bool) -> list[str]:
    rng, found = generator(num_rows, "rows"), []
    for i in range(num_rows):
        label = "good" if i % 2 else "bad"
        text = f"visit {i} was {' '.join(rng.choice(WORDS[label], 3))} {rng.integers(1000)}"
        found.append(f"{text},{label}" if labelled else text)
    return found


def stopping(error: type[BaseException], fit: str, step: int, told: list[Event]) -> Callable[[Event], None]:
    """A sink that raises at a step of a fit, once."""
    name, is_done = "", False

    def sink(event: Event) -> None:
        nonlocal name, is_done
        told.append(event)
        if isinstance(event, Note):
            name = event.fit or name
        elif name == fit and event.step >= step and not is_done:
            is_done = True
            raise error

    return sink


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def notes(told: list[Event]) -> list[str]:
    return [event.text for event in told if isinstance(event, Note)]


@pytest.mark.parametrize(("fit", "step"), [("cnn distilled", 11), ("cnn distilled-refit", 3)])
def test_a_killed_student_goes_on_to_the_same_bits(
    asked: Recipe, tmp_path: Path, fit: str, step: int
) -> None:
    data = tmp_path / "a.csv"
    api.train(data, tmp_path / "whole", asked)
    with pytest.raises(Crash):
        api.train(data, tmp_path / "m", asked, sink=stopping(Crash, fit, step, []))
    told: list[Any] = []
    api.train(data, tmp_path / "m", asked, sink=told.append, resume=True)
    assert weights(tmp_path / "m") == weights(tmp_path / "whole")
    assert any(note.startswith("cnn-distilled-") and "goes on at step" in note for note in notes(told))
    resumed = [e.step for e in told if isinstance(e, StepEvent) and e.tokens_per_second]
    assert step in resumed


def test_another_teacher_has_another_student(asked: Recipe, tmp_path: Path) -> None:
    """What was learned from other answers is no start: the fit begins anew, and nothing is refused."""
    data, told = tmp_path / "a.csv", []
    with pytest.raises(Crash):
        api.train(data, tmp_path / "m", asked, sink=stopping(Crash, "cnn distilled", 11, []))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textwright.choose.distilling._CHUNK", 7)
        from textwright.choose import distilling

        shares = distilling._Lesson._shares
        patch.setattr(distilling._Lesson, "_shares", lambda self, outputs: shares(self, outputs * 0.9))
        api.train(data, tmp_path / "m", asked, sink=told.append, resume=True)
    assert not any("goes on at step" in note for note in notes(told))


def test_an_interrupt_keeps_the_teacher(asked: Recipe, tmp_path: Path) -> None:
    sink = stopping(KeyboardInterrupt, "cnn distilled", 11, [])
    found = api.train(tmp_path / "a.csv", tmp_path / "m", asked, sink=sink)
    assert found.interrupted and found.model == "bag"
    assert read_json(tmp_path / "m" / "plan.json")["interrupted"] is True
    assert api.load(tmp_path / "m").predict(["a lovely visit"])
