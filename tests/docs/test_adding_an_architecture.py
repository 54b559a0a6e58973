"""The architecture of docs/how-to/adding-an-architecture.md works as it stands there, in its place."""

from __future__ import annotations

import csv
import doctest
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import textwright
import textwright.models
from textwright.models.registry import ARCHITECTURES

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "how-to" / "adding-an-architecture.md"
CONTRACT = PROJECT / "tests" / "contracts" / "test_networks.py"
SAMPLE = PROJECT / "src" / "textwright" / "sample" / "reviews.en.csv"
TEXTS = ["what a wonderful day", "太失望了", "", "a bent wheel and the helpline hung up on me"]


def block(language: str, start: str) -> str:
    """The block of code of the page that begins so."""
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    (text,) = [text for text in found if text.startswith(start)]
    return str(text)


@pytest.fixture
def dan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The file of the page as a module of `textwright.models`, and its line in the registry."""
    line = re.fullmatch(r'"(\w+)": "(textwright\.models\.(\w+):ARCHITECTURE)",\n', block("text", '"'))
    assert line is not None
    name, entry, module = line.groups()
    assert name not in ARCHITECTURES
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / f"{module}.py").write_text(block("python", '"""'), encoding="utf-8")
    monkeypatch.setattr(
        textwright.models, "__path__", [*textwright.models.__path__, str(tmp_path / "models")]
    )
    monkeypatch.setitem(ARCHITECTURES._entries, name, entry)
    importlib.invalidate_caches()
    full_name = f"textwright.models.{module}"
    yield importlib.import_module(full_name)
    del sys.modules[full_name]
    delattr(textwright.models, module)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """120 rows of the packaged sample."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        sample = list(csv.DictReader(file))[:120]
    path = tmp_path / "reviews.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(sample)
    return path


def test_it_trains_saves_and_loads(dan: ModuleType, rows: Path, tmp_path: Path) -> None:
    recipe = textwright.Recipe.parse(
        {
            "model": {"name": "dan", "hidden": 16, "embedding": 24},
            "learn": {"epochs": 3},
            "budget": {"minutes": 2},
        }
    )
    trained = textwright.train(rows, tmp_path / "model", recipe)
    assert trained.model == "dan"
    first, second = textwright.load(trained.out), textwright.load(trained.out)
    network = first.engine.network  # type: ignore[attr-defined]
    assert isinstance(network, dan.Dan)
    assert (network.hidden.in_features, network.hidden.out_features) == (24, 16)
    answers = first.predict(TEXTS, probabilities=True)
    assert answers == second.predict(TEXTS, probabilities=True)
    assert len({answer["probability"] for answer in answers}) > 1
    assert textwright.evaluate(trained.out, rows).n > 100


def test_its_settings_are_checked_by_their_names(dan: ModuleType, rows: Path, tmp_path: Path) -> None:
    recipe = textwright.Recipe.parse({"model": {"name": "dan", "hiden": 16}})
    with pytest.raises(textwright.TextwrightError, match=r"model\.hiden.*\n.*'hidden'"):
        textwright.train(rows, tmp_path / "model", recipe)
    assert not (tmp_path / "model").exists()


def test_it_keeps_the_contract_of_all_networks(dan: ModuleType) -> None:
    # Loaded anew: the suite asks the registry for its cases when it is imported.
    spec = importlib.util.spec_from_file_location("contract_of_dan", CONTRACT)
    assert spec is not None and spec.loader is not None
    suite = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(suite)
    cases = [case for case in suite.CASES if case[0] == "dan"]
    assert len(cases) >= 5, "the default, its activations and its dropouts"
    tests = [test for name, test in vars(suite).items() if name.startswith("test_")]
    alone = [test for test in tests if list(inspect.signature(test).parameters) == ["case"]]
    assert len(alone) >= 6
    for case in cases:
        for test in alone:
            test(case)
        suite.test_answers_one_float_row_of_logits_a_text(case, 3)
        suite.test_a_text_alone_and_in_any_padded_batch_get_the_same_answer(case, 1)
    suite.test_frozen_embeddings_stay_as_they_start("dan")
    suite.test_embeddings_of_another_size_are_refused_with_the_numbers("dan")
    suite.test_unknown_settings_are_refused_with_the_nearest("dan")


def test_the_example_in_its_docstring_runs(dan: ModuleType) -> None:
    result = doctest.testmod(dan)
    assert (result.failed, result.attempted) == (0, 4)
