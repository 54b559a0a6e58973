"""The same models as estimators of scikit-learn, for its pipelines, searches and cross-validation.

>>> texts = ["what a wonderful day", "a bad film", "wonderful food", "bad service"] * 5
>>> model = TextClassifier("bag").fit(texts, [1, 0, 1, 0] * 5)
>>> model.predict(["wonderful service and wonderful people"]), model.classes_
(array([1]), array([0, 1]))
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from textwright import api
from textwright.bundle.folder import is_bundle, load_manifest
from textwright.bundle.manifest import COPY_AGAIN, MANIFEST
from textwright.core.errors import BundleError, ConfigError, DataError, MissingExtra, TextwrightError
from textwright.core.events import Event, Sink
from textwright.core.files import explained, publish_folder, readable_name, to_json
from textwright.core.records import Note
from textwright.core.settings import parse_assignment
from textwright.report.folder import edited_pages, make_pages, stated_before, write_pages
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.base import TASKS, Decode
from textwright.tasks.paths import full_path, with_settings
from textwright.tasks.predictor import CHUNK, Predictor
from textwright.tasks.recipe import Recipe
from textwright.text.schema import TaskName

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.validation import check_is_fitted

    from textwright.estimator.inputs import (
        Array,
        FitError,
        answers_of,
        classes_of,
        names_of,
        scores_of,
        texts_of,
    )
except ModuleNotFoundError:
    raise MissingExtra("using Textwright inside scikit-learn", extra="sklearn") from None

__all__ = ["FitError", "TextClassifier", "TextRegressor"]

_CLASSES = "classes.json"
_MIN_ROWS = 10
# A network draws from generators, and takes threads, that belong to the whole process: two that learn at once
# would draw from each other's. This lock is all that the module holds.
_ONE_AT_A_TIME = threading.Lock()
# What the command line and the recipe call a parameter of the estimators.
_PARAMETERS = {
    "split.validation": "validation",
    "budget.minutes": "minutes",
    "model.checkpoint": "start",
    "model.name": "model",
    "from": "start",
}


class _TextEstimator(BaseEstimator):  # type: ignore[misc]
    """What both have in common: from texts to a temporary file, and from that to a model."""

    _task: ClassVar[TaskName]

    def __init__(
        self,
        model: str = "auto",
        minutes: float | None = None,
        seed: int = 0,
        start: str | os.PathLike[str] | None = None,
        settings: Mapping[str, Any] | None = None,
        validation: float = 0.1,
    ) -> None:
        self.model = model
        self.minutes = minutes
        self.seed = seed
        self.start = start
        self.settings = settings
        self.validation = validation

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open a model folder, of `save` or of the command line, its hashes checked. Raises BundleError.

        Parameters are those of a new estimator: what the model was made with stands in its `recipe.yaml`.
        """
        estimator = cls()
        estimator._open(_Opened.of(Path(path)))
        return estimator

    def save(self, path: str | Path) -> None:
        """Write the model folder, which `load`, `textwright.load` and the command line open.

        Replaces an older model. Its report and cards name it by this folder; a card that a person changed
        stays. Raises ConfigError where other things lie.
        """
        check_is_fitted(self)
        target = Path(path)
        if target.exists() and not is_bundle(target) and not (target.is_dir() and not any(target.iterdir())):
            raise ConfigError(
                f"{target}: is no model folder, and would be replaced", hint="Name another one."
            )
        files, name, found = self._opened.files, readable_name(target.resolve()), list[str]()

        def fill(fresh: Path) -> None:
            _write_files(fresh, files)
            write_pages(fresh, lambda: _pages(fresh, name), _keep_warnings(found))

        publish_folder(target, fill)
        _warn(found, stacklevel=3)

    def explain(self, texts: Any, method: str = "occlusion") -> list[dict[str, Any]]:
        """One record a text: the answer and the weight of each token, as `Predictor.explain` says."""
        check_is_fitted(self)
        return self._opened.predictor.explain(texts_of(texts), method)

    def _learn(self, texts: list[str], answers: Sequence[str], classes: Array | None = None) -> None:
        """Train on rows of a temporary file, and keep the model in memory; until then that of before stays.

        Raises KeyboardInterrupt when it was interrupted, although half a model is there: a search would go on
        with its next fit.
        """
        if len(texts) < _MIN_ROWS:
            raise FitError(
                f"n_samples={len(texts)}: too few to learn from, at least {_MIN_ROWS} are needed",
                hint="Add rows.",
            )
        found: list[str] = []
        with tempfile.TemporaryDirectory(prefix="textwright-") as name, _told_here():
            recipe = self._recipe()
            data, trained = Path(name) / "rows.jsonl", Path(name) / "trained"
            _write_rows(data, texts, answers)
            with _undisturbed(recipe.model_name):
                is_half = api.train(data, trained, recipe, sink=_keep_warnings(found)).interrupted
            if is_half:
                raise KeyboardInterrupt
            files = _files_of(trained) if classes is None else _with_classes(trained, classes)
            opened = _Opened(files)
        _warn(found, stacklevel=4)
        self._open(opened)

    def _recipe(self) -> Recipe:
        if self.start is not None and self.model not in ("auto", "pretrained"):
            raise ConfigError(
                f"model={self.model!r} does not go with start, which brings its own layers",
                hint="Leave model out.",
            )
        name = self.model if self.start is None else "pretrained"
        own = {
            "task": self._task,
            "data.text": "text",
            "data.label": "label",
            "split.test": 0.0,
            "split.validation": self.validation,
            "model.name": name,
            "model.checkpoint": self.start,
            "budget.minutes": self.minutes,
            "seed": self.seed,
        }
        names = [name] if name != "auto" else []
        settings: Any = {} if self.settings is None else self.settings
        if not isinstance(settings, Mapping) or not all(isinstance(key, str) for key in settings):
            raise TypeError(
                f"settings: expected names and values, as {{'learn.epochs': 3}}, found {settings!r}"
            )
        given = {full_path(key, names, where="settings: "): value for key, value in settings.items()}
        if taken := sorted(own.keys() & given.keys()):
            raise ConfigError(
                f"settings: {taken[0]!r} is not for settings to say",
                hint="It is a parameter of the estimator, or what it always does.",
            )
        said = {
            key: _plain(value) for key, value in {**own, **given}.items() if value is not None or key in given
        }
        return with_settings(Recipe(), said, names, where="settings: ")

    def _open(self, opened: _Opened) -> None:
        task = opened.predictor.schema.task
        if task != self._task:
            raise ConfigError(
                f"the model answers {task!r}; {type(self).__name__} is for {self._task!r}",
                hint="Open it with textwright.load.",
            )
        self._opened = opened

    def _measured(self, X: Any) -> Array:
        """Probabilities (N, C) or scores (N,), not rounded."""
        found: Array = self._of_outputs(X, TASKS.get(self._task).measured).astype(np.float64)
        return found

    def _answered(self, X: Any) -> Array:
        """Places (N,) among the labels of the model, or scores (N,)."""
        return self._of_outputs(X, TASKS.get(self._task).answered)

    def _of_outputs(self, X: Any, make: Callable[[Array, Decode], Array]) -> Array:
        check_is_fitted(self)
        texts, predictor = texts_of(X), self._opened.predictor
        parts = []
        for start in range(0, len(texts), CHUNK):
            outputs = predictor.engine.outputs([*map(predictor.read, texts[start : start + CHUNK])])
            parts.append(make(outputs, predictor.decode))
        return np.concatenate(parts)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_opened")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if opened := state.pop("_opened", None):
            state["_files"] = opened.files
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        files = state.pop("_files", None)
        super().__setstate__(state)
        if files:
            self._opened = _Opened(files)


class TextClassifier(ClassifierMixin, _TextEstimator):  # type: ignore[misc]
    """A model that tells classes of texts apart, as an estimator of scikit-learn.

    `model` is the name of an architecture, or `auto`, which chooses by measurement within `minutes`; without
    them a fit ends when validation is flat, after ten minutes at most. `start` is a checkpoint to start from:
    a folder, as text or Path, or a name on the Hub. `settings` is what --set says on the command line, as in
    {"optimizer.name": "sgd"}; `validation` is the share of rows held out to choose on. No rows are locked
    for a test: hold them out as usual in scikit-learn.

    Texts come as a list, an array, a series, or an array or frame of one column. Both `fit` and `predict`
    clean them (`text.clean.clean_text`): invalid characters are replaced, invisible ones removed. Rows where
    nothing is left are not learned from; `predict` answers them all the same. Texts that are nearly the same
    stand on one side when validation is cut.

    `fit` sets `classes_`, with the dtype of `y`. Raises FitError, which is a ValueError, when there is too
    little to learn from; TypeError where X does not hold texts; ConfigError for settings that do not fit;
    KeyboardInterrupt when it is stopped. What a training warns of is a UserWarning.

    A pickle holds the files of the model folder (safetensors and JSON), each checked by its hash when it is
    opened again. Open only pickles of people you trust, as ever; a folder of `save` is safe to share.

    >>> texts = ["what a wonderful day", "a bad film", "wonderful food", "bad service"] * 5
    >>> model = TextClassifier("bag").fit(texts, ["good", "bad"] * 10)
    >>> model.predict(["a wonderful film", "this is bad"]).tolist()
    ['good', 'bad']
    >>> model.predict_proba(["a wonderful film"]).shape, model.score(texts, ["good", "bad"] * 10)
    ((1, 2), 1.0)
    """

    _task: ClassVar[TaskName] = "classify"

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from texts and the class of each."""
        texts = texts_of(X)
        classes, ids = classes_of(answers_of(y, texts))
        names = names_of(classes)
        self._learn(texts, [names[i] for i in ids], classes)
        return self

    def predict(self, X: Any) -> Array:
        """The class of each text (N,): the most probable one, where the model has no offsets.

        Also of a text that `textwright.load` would not answer (`reject` of the recipe): here it is the guess.
        """
        answers = self._answered(X)
        places = np.array([self._places[label] for label in self._opened.predictor.schema.labels])
        found: Array = self.classes_[places[answers]]
        return found

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (N, C), columns in the order of `classes_`; 0 for a class without a usable row."""
        found = self._measured(X)
        shares = np.zeros((len(found), len(self.classes_)))
        shares[:, [self._places[label] for label in self._opened.predictor.schema.labels]] = found
        return shares

    def explain(self, texts: Any, method: str = "occlusion") -> list[dict[str, Any]]:
        """One record a text: the class as `label`, and the weight of each token, as `Predictor.explain` says.

        >>> model = TextClassifier("bag").fit(["bad food", "good food"] * 10, [False, True] * 10)
        >>> record, = model.explain(["good soup"])
        >>> record["label"], record["tokens"][0]["text"], record["tokens"][0]["weight"] > 0
        (True, 'good', True)
        """
        records = super().explain(texts, method)
        values = self.classes_.tolist()
        for record in records:
            for key in ("label", "guess", "explained"):
                if record.get(key) is not None:
                    record[key] = values[self._places[record[key]]]
        return records

    def _open(self, opened: _Opened) -> None:
        super()._open(opened)
        self.classes_, names = opened.classes()
        self._places = {name: place for place, name in enumerate(names)}


class TextRegressor(RegressorMixin, _TextEstimator):  # type: ignore[misc]
    """A model that grades texts, as an estimator of scikit-learn: stars, points, how positive a text is.

    Parameters, texts and pickles are as for `TextClassifier`. Answers stay inside the range of `y`.

    >>> texts = ["wonderful, wonderful day", "a bad film", "wonderful food", "bad, bad service"] * 5
    >>> model = TextRegressor("bag").fit(texts, [5, 2, 4, 1] * 5)
    >>> low, high = model.predict(["bad", "wonderful"])
    >>> bool(1 <= low < high <= 5)
    True
    """

    _task: ClassVar[TaskName] = "score"

    def fit(self, X: Any, y: Any) -> Self:
        """Learn from texts and the score of each."""
        texts = texts_of(X)
        scores = scores_of(answers_of(y, texts))
        self._learn(texts, [repr(float(score)) for score in scores])
        return self

    def predict(self, X: Any) -> Array:
        """The score of each text (N,)."""
        return self._answered(X)


class _Opened:
    """A model and the files of its folder, held in memory: processes that are killed leave no folders."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        with tempfile.TemporaryDirectory(prefix="textwright-", ignore_cleanup_errors=True) as name:
            _write_files(Path(name), files)
            with _undisturbed(load_manifest(Path(name)).architecture):
                self.predictor = Predictor.load(name)

    @classmethod
    def of(cls, folder: Path) -> _Opened:
        load_manifest(folder)
        return cls(_files_of(folder))

    def classes(self) -> tuple[Array, list[str]]:
        """The classes as `fit` met them, and what the model calls each.

        In a folder of the command line they are texts: in the order in which metrics expect them, by letters,
        while the model has "2" before "10".
        """
        assert self.predictor.bundle is not None
        labels = self.predictor.schema.labels
        if _CLASSES not in self.predictor.bundle.manifest.files:
            return np.unique(labels), sorted(labels)
        try:
            record = json.loads(self.files[_CLASSES])
            found = np.array(record["classes"], dtype=record["dtype"])
        except (ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{_CLASSES}: damaged ({error})", hint=COPY_AGAIN) from None
        names = names_of(found)
        if not set(labels) <= set(names):
            raise BundleError(f"{_CLASSES}: does not fit the labels of the model", hint=COPY_AGAIN)
        return found, names


def _files_of(folder: Path) -> dict[str, bytes]:
    with explained(folder, "read"):
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    root = folder.resolve()
    for name, content in files.items():
        file = folder / name
        if not file.resolve().is_relative_to(root):
            raise BundleError(f"the model names a file outside its folder: {name!r}", hint=COPY_AGAIN)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _with_classes(trained: Path, classes: Array) -> dict[str, bytes]:
    """The files of a model with its classes as values beside them, hashed with all else."""
    content = json.dumps({"dtype": classes.dtype.str, "classes": classes.tolist()}).encode()
    manifest = load_manifest(trained)
    hashes = {**manifest.files, _CLASSES: hashlib.sha256(content).hexdigest()}
    manifest = manifest.model_copy(update={"files": hashes})
    manifest = manifest.model_copy(update={"own_hash": manifest.hashed()})
    record = to_json(manifest.model_dump(mode="json", by_alias=True))
    return {**_files_of(trained), _CLASSES: content, MANIFEST: record.encode()}


def _pages(folder: Path, name: str) -> dict[str, bytes]:
    """The report and the cards of a model that gets another name; what a person changed or stated stays."""
    manifest = load_manifest(folder).model_dump(mode="json", by_alias=True)
    pages = make_pages(folder, manifest, name=name, stated=stated_before(folder))
    edited = edited_pages(folder)
    return {file: content for file, content in pages.items() if file not in edited}


@contextmanager
def _undisturbed(architecture: str) -> Iterator[None]:
    """Let one network at a time draw, and leave the generators of PyTorch as they were; solvers have none."""
    if architecture in ("bag", "latent"):
        yield
        return
    choose_waiting()
    import torch

    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    with _ONE_AT_A_TIME, torch.random.fork_rng(devices):
        yield


def _keep_warnings(found: list[str]) -> Sink:
    def keep(event: Event) -> None:
        if isinstance(event, Note) and event.kind == "warning":
            found.append(_in_python(event.text))

    return keep


def _warn(found: Iterable[str], stacklevel: int) -> None:
    """After a fit and not from within: where warnings are errors, they would be one of the training."""
    for text in found:
        warnings.warn(text, UserWarning, stacklevel=stacklevel)


@contextmanager
def _told_here() -> Iterator[None]:
    """Say of rows what is said of the file that they were written to, and of parameters what is of flags."""
    try:
        yield
    except DataError as error:
        place = str(DataError("", path=error.path, row=error.row, column=error.column))
        row = f"row {error.row - 1:,} (counted from 0): " if error.row else ""
        raise FitError(row + error.message.removeprefix(place)) from None
    except TextwrightError as error:
        error.message, error.hint = _in_python(error.message), _in_python(error.hint)
        error.args = (error.message,)
        raise


def _in_python(text: str) -> str:
    """What the command line advises, as parameters.

    >>> _in_python("Give more --minutes, or name one with --model bag. Use: --set learn.optimizer.rate=0.001")
    "Give more 'minutes', or name one with model='bag'. Use: settings={'learn.optimizer.rate': 0.001}"
    """

    def setting(found: re.Match[str]) -> str:
        return f"settings={dict([parse_assignment(found[1])])}"

    def flag(found: re.Match[str]) -> str:
        name = _PARAMETERS.get(found[1], found[1])
        return f"{name}={found[2]!r}" if found[2] else repr(name)

    text = re.sub(r"--set ([\w.]+=[\w.+-]*\w)", setting, text)
    text = re.sub(r"--(model|minutes|seed|from)\b(?: ([\w/-]+))?", flag, text)
    text = text.replace("give --test FILE", "hold rows out for it").replace("another --out", "another folder")
    keys = "|".join(re.escape(key) for key in _PARAMETERS if "." in key)
    text = re.sub(rf"(?:settings: )?(?<!')\b({keys})\b", lambda found: repr(_PARAMETERS[found[1]]), text)
    return text.replace("settings: seed:", "'seed':")


def _plain(value: Any) -> Any:
    """As a recipe takes it: a search over np.arange(...) gives numbers of NumPy, and a folder is a Path."""
    if isinstance(value, np.generic):
        return value.item()
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _write_rows(path: Path, texts: Iterable[str], answers: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for text, answer in zip(texts, answers, strict=True):
            file.write(json.dumps({"text": text, "label": answer}) + "\n")
