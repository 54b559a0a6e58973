"""A fit among others: stopped by Ctrl-C, heard in its warnings, and one network at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from test_estimator import LABELS, SCORES, TEXTS

import textwright.api
from textwright.core.events import Event, Sink
from textwright.core.records import Note, StepEvent
from textwright.estimator import TextClassifier, TextRegressor
from textwright.estimator import estimators as estimator

EPOCHS = {"learn.epochs": 2}
STEM = "thank you for the letter about the very same kind of thing as in all the months before it, number"
TEMPLATE = [f"{STEM} {i}" for i in range(300)]


def listening(monkeypatch: pytest.MonkeyPatch, hear: Callable[[Event], None]) -> list[Any]:
    """Let `hear` have every event of a training as well; what came of the trainings is collected."""
    train, done = textwright.api.train, []

    def heard(*args: Any, sink: Sink, **named: Any) -> Any:
        def both(event: Event) -> None:
            sink(event)
            hear(event)

        done.append(train(*args, sink=both, **named))
        return done[-1]

    monkeypatch.setattr(textwright.api, "train", heard)
    return done


def at_refit(event: Event) -> None:
    """Ctrl-C when a model is there already: the training comes back with it."""
    if isinstance(event, Note) and event.fit == "bag-refit":
        signal.raise_signal(signal.SIGINT)


def at_step(event: Event) -> None:
    if isinstance(event, StepEvent):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("name", "stop"), [("bag", at_refit), ("cnn", at_step)])
def test_ctrl_c_ends_a_fit_and_leaves_the_model_of_before(
    monkeypatch: pytest.MonkeyPatch, name: str, stop: Callable[[Event], None]
) -> None:
    model = TextClassifier("bag").fit(TEXTS, LABELS)
    before = model.predict_proba(TEXTS)
    done = listening(monkeypatch, stop)
    model.set_params(model=name)
    with pytest.raises(KeyboardInterrupt):
        model.fit(TEXTS, ["x" if label == "bad" else "y" for label in LABELS])
    assert [trained.interrupted for trained in done] == [True]
    assert model.classes_.tolist() == ["bad", "good"]
    assert (model.predict_proba(TEXTS) == before).all()
    assert not estimator._ONE_AT_A_TIME.locked()


def test_ctrl_c_ends_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    done = listening(monkeypatch, at_refit)
    search = GridSearchCV(TextClassifier("bag"), {"seed": [0, 1, 2]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(TEXTS, LABELS)
    assert len(done) == 1


@pytest.mark.parametrize("kind", [TextClassifier, TextRegressor])
def test_a_warning_of_the_training_is_one_of_python(kind: type[Any]) -> None:
    y = [float(i % 2) for i in range(300)]
    with pytest.warns(
        UserWarning, match="^300 of 300 rows are near twins .* too good for new texts$"
    ) as caught:
        kind("bag").fit(TEMPLATE, y)
    assert [warning.filename for warning in caught] == [__file__]


def test_where_warnings_are_errors_the_model_of_before_stays() -> None:
    model = TextClassifier("bag").fit(TEXTS, LABELS)
    with pytest.raises(UserWarning, match="near twins"):
        model.fit(TEMPLATE, ["x", "y"] * 150)
    assert model.classes_.tolist() == ["bad", "good"]


def test_only_warnings_become_warnings_and_they_speak_of_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    train = textwright.api.train

    def talking(*args: Any, sink: Sink, **named: Any) -> Any:
        for note in (
            Note("said"),
            Note("planned", "plan"),
            Note("cnn: failed: give more --minutes", "warning"),
        ):
            sink(note)
        return train(*args, sink=sink, **named)

    monkeypatch.setattr(textwright.api, "train", talking)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        TextClassifier("bag").fit(TEXTS, LABELS)
    assert [str(warning.message) for warning in caught] == ["cnn: failed: give more 'minutes'"]


def network(seed: int) -> Any:
    return TextClassifier("cnn", seed=seed, settings=EPOCHS).fit(TEXTS, LABELS).predict_proba(TEXTS)


def test_networks_learn_in_threads_as_they_do_alone() -> None:
    alone = [network(seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(network, range(3)))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_a_bag_waits_for_no_network() -> None:
    found: list[Any] = []
    with estimator._ONE_AT_A_TIME:
        fit = threading.Thread(
            target=lambda: found.append(TextClassifier("bag").fit(TEXTS, LABELS)), daemon=True
        )
        fit.start()
        fit.join(60)
    assert len(found) == 1


def drawn(seed: int, doing: Callable[[], object]) -> list[float]:
    torch.manual_seed(seed)
    doing()
    return torch.rand(3).tolist()


def test_the_generator_of_a_person_goes_on_where_it_was(tmp_path: Any) -> None:
    model = TextRegressor("cnn", settings=EPOCHS).fit(TEXTS, SCORES)
    model.save(tmp_path / "model")
    for doing in (lambda: model.fit(TEXTS, SCORES), lambda: TextRegressor.load(tmp_path / "model")):
        assert drawn(1, doing) == drawn(1, lambda: None) != drawn(2, doing)


def test_a_fit_that_fails_gives_back_the_generator_and_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(event: Event) -> None:
        if isinstance(event, StepEvent):
            raise RuntimeError("stop")

    listening(monkeypatch, fail)

    def doing() -> None:
        with pytest.raises(RuntimeError, match="stop"):
            network(0)

    assert drawn(1, doing) == drawn(1, lambda: None)
    assert not estimator._ONE_AT_A_TIME.locked()


def test_a_bag_never_waits_for_torch() -> None:
    code = f"""
import pickle, sys
from textwright import TextClassifier
model = pickle.loads(pickle.dumps(TextClassifier("bag").fit({TEXTS!r}, {LABELS!r})))
model.predict(["lovely"])
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
