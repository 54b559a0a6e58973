"""Ctrl-C keeps the best model so far, and what --resume goes on from; so does a run that is begun anew."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _disks import Crash

from textwright import api
from textwright.choose import keeping
from textwright.core.events import Event, Sink
from textwright.core.records import Note, StepEvent
from textwright.core.seeds import generator
from textwright.tasks.recipe import Recipe

SMALL = {"name": "cnn", "embedding": 8, "filters": 4, "widths": [1, 2], "dropout": 0.2}
ONE = Recipe.parse({"model": SMALL, "learn": {"epochs": 2, "batch": 8}})
THREE = Recipe.parse({"learn": {"epochs": 1, "batch": 16}, "split": {"folds": 1}})


pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng, lines = generator(0, "rows"), ["text,label"]
    words = {"good": ["lovely", "great", "warm", "kind"], "bad": ["awful", "rude", "cold", "broken"]}
    for i in range(60):
        label = "good" if i % 2 else "bad"
        lines.append(f"visit {i} was {' '.join(rng.choice(words[label], 3))} {rng.integers(1000)},{label}")
    path = tmp_path_factory.mktemp("data") / "a.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(data: Path) -> Callable[[Recipe], str]:
    """The weights of the run that nothing disturbs."""
    seen: dict[str, str] = {}

    def of(asked: Recipe) -> str:
        name = str(asked.model_name)
        if name not in seen:
            api.train(data, data.parent / name, asked)
            seen[name] = weights(data.parent / name)
        return seen[name]

    return of


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def stopping(error: type[BaseException], fit: str, step: int) -> Sink:
    """A sink that raises at a step of a fit, or the first it shows after that, once."""
    name, is_done = "", False

    def sink(event: Event) -> None:
        nonlocal name, is_done
        if isinstance(event, Note):
            name = event.fit or name
        elif name == fit and event.step >= step and not is_done:
            is_done = True
            raise error

    return sink


def interrupt(data: Path, out: Path, asked: Recipe, sink: Sink, **more: Any) -> list[str]:
    """The notes of a training that is interrupted and keeps something."""
    told: list[Event] = []

    def both(event: Event) -> None:
        told.append(event)
        sink(event)

    try:
        assert api.train(data, out, asked, sink=both, **more).interrupted
    except KeyboardInterrupt:  # pytest would end as if a person had pressed the keys
        pytest.fail("the best so far was not kept")
    return [event.text for event in told if isinstance(event, Note)]


def kill(data: Path, out: Path, asked: Recipe, fit: str, step: int) -> Path:
    with pytest.raises(Crash):
        api.train(data, out, asked, sink=stopping(Crash, fit, step))
    return out.with_name(f".{out.name}.work")


def resume(data: Path, out: Path, asked: Recipe) -> tuple[list[int], list[str]]:
    """The steps that were made, and the notes."""
    told: list[Event] = []
    assert not api.train(data, out, asked, sink=told.append, resume=True).interrupted
    steps = [event.step for event in told if isinstance(event, StepEvent)]
    return steps, [event.text for event in told if isinstance(event, Note)]


def stored(work: Path) -> list[str]:
    return sorted(path.relative_to(work).as_posix() for path in work.glob("*/step-*"))


@pytest.mark.parametrize(("fit", "step"), [("cnn", 7), ("cnn-refit", 3)])
def test_an_interrupted_run_goes_on_to_the_same_bits(
    data: Path, tmp_path: Path, whole: Callable[[Recipe], str], fit: str, step: int
) -> None:
    notes = interrupt(data, tmp_path / "m", ONE, stopping(KeyboardInterrupt, fit, step))
    assert api.load(tmp_path / "m").predict(["visit 3"])
    assert str(tmp_path / ".m.work") in notes[-1] and "--resume goes on from them" in notes[-1]
    steps, _ = resume(data, tmp_path / "m", ONE)
    assert steps[0] == step and weights(tmp_path / "m") == whole(ONE)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_one_that_is_interrupted_while_it_is_scored(
    data: Path, tmp_path: Path, whole: Callable[[Recipe], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored(*given: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "_final_scores", scored)
        interrupt(data, tmp_path / "m", ONE, lambda event: None)
    assert api.load(tmp_path / "m").bundle.manifest.split == "validation"  # type: ignore[union-attr]
    assert resume(data, tmp_path / "m", ONE)[0] == [] and weights(tmp_path / "m") == whole(ONE)
    assert api.load(tmp_path / "m").bundle.manifest.split == "test"  # type: ignore[union-attr]


@pytest.mark.usefixtures("three_candidates")
def test_an_interrupt_soon_after_resume_costs_no_checkpoint(
    data: Path, tmp_path: Path, whole: Callable[[Recipe], str]
) -> None:
    """bag and cnn were done and lstm was under way: half a bag is published, and is not all that is left."""
    work = kill(data, tmp_path / "m", THREE, "lstm", 3)
    before = stored(work)
    assert {name.split("/")[0] for name in before} == {"cnn-1", "lstm-1"}
    interrupt(data, tmp_path / "m", THREE, stopping(KeyboardInterrupt, "bag", 1), resume=True)
    assert api.load(tmp_path / "m").bundle.manifest.architecture == "bag"  # type: ignore[union-attr]
    assert stored(work) == before
    _, notes = resume(data, tmp_path / "m", THREE)
    assert "cnn-1: was over at step 3" in notes and "lstm-1: goes on at step 2" in notes
    assert weights(tmp_path / "m") == whole(THREE) and not work.exists()


def test_a_run_that_was_not_resumed_can_be_had_back(
    data: Path, tmp_path: Path, whole: Callable[[Recipe], str]
) -> None:
    work = kill(data, tmp_path / "m", ONE, "cnn", 9)
    assert kill(data, tmp_path / "m", ONE, "cnn", 4) == work
    shutil.rmtree(work)
    work.with_name(".m.work.old").rename(work)
    assert resume(data, tmp_path / "m", ONE)[0][0] == 9 and weights(tmp_path / "m") == whole(ONE)
