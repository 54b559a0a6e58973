"""Initial embeddings from a text file reach the network through the recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

import textwright
from textwright.core.errors import DataError
from textwright.core.events import Event
from textwright.core.records import Note

RECIPE = {
    "model": {"name": "cnn", "embedding": 4, "filters": 4},
    "learn": {"epochs": 1},
    "budget": {"minutes": 1},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    lines = [f"{'good' if i % 2 else 'bad'} thing number {i // 2},{i % 2}" for i in range(60)]
    (tmp_path / "a.csv").write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    (tmp_path / "words.vec").write_text("2 4\ngood 1 1 1 1\nbad -1 -1 -1 -1\n", encoding="utf-8")
    return tmp_path


def test_found_words_are_said_and_used(data: Path) -> None:
    said: list[Event] = []
    recipe = textwright.Recipe.parse({**RECIPE, "vectors": {"path": str(data / "words.vec")}})
    textwright.train(data / "a.csv", data / "m", recipe, sink=said.append)
    assert any("of the vocabulary found" in event.text for event in said if isinstance(event, Note))
    given = _embedding(data / "m")
    plain = textwright.Recipe.parse(RECIPE)
    textwright.train(data / "a.csv", data / "n", plain)
    none = _embedding(data / "n")
    # One epoch moves a vector by less than 0.2 from where it started.
    assert abs(given - 1).max() < 0.2 < abs(none - 1).max()


def test_another_width_is_refused(data: Path) -> None:
    recipe = textwright.Recipe.parse(
        {**RECIPE, "model": {"name": "cnn", "embedding": 5}, "vectors": {"path": str(data / "words.vec")}}
    )
    with pytest.raises(DataError, match=r"words\.vec"):
        textwright.train(data / "a.csv", data / "m", recipe)


def _embedding(folder: Path):  # type: ignore[no-untyped-def]
    from textwright.tasks.trainers.network import NetworkEngine

    engine = textwright.load(folder).engine
    assert isinstance(engine, NetworkEngine)
    row = engine.tokenizer.vocabulary["good"]
    weights = {k: v for k, v in engine.network.state_dict().items() if "embedding" in k}
    return next(iter(weights.values()))[row].numpy()


def test_rows_from_a_template_are_still_split_and_that_is_said(data: Path) -> None:
    said: list[Event] = []
    trained = textwright.train(data / "a.csv", data / "m", textwright.Recipe.parse(RECIPE), sink=said.append)
    assert trained.split == "test" and trained.scores["accuracy"].n > 0
    assert any("cannot be kept on one side" in event.text for event in said if isinstance(event, Note))
