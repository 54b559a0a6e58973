"""The same models as estimators of scikit-learn, for its pipelines, searches and cross-validation.

>>> texts = ["what a wonderful day", "a bad film", "wonderful food", "bad service"] * 5
>>> model = TextClassifier("bag").fit(texts, [1, 0, 1, 0] * 5)
>>> model.predict(["wonderful service and wonderful people"]), model.classes_
(array([1]), array([0, 1]))
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from textwright import api
from textwright.bundle.folder import is_bundle, load_manifest
from textwright.bundle.manifest import COPY_AGAIN, MANIFEST
from textwright.core.errors import BundleError, ConfigError, DataError, MissingExtra
from textwright.core.files import explained, publish_folder, to_json
from textwright.tasks.paths import full_path, with_settings
from textwright.tasks.predictor import CHUNK, Predictor
from textwright.tasks.recipe import Recipe
from textwright.text.clean import clean_text
from textwright.text.schema import TaskName

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_consistent_length, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import assert_all_finite, check_is_fitted
except ModuleNotFoundError:
    raise MissingExtra("using Textwright inside scikit-learn", extra="sklearn") from None

__all__ = ["FitError", "TextClassifier", "TextRegressor"]

Array = NDArray[Any]
_CLASSES = "classes.json"
_MIN_ROWS = 10
# What only looks like a list of texts: its order, or its meaning, is another.
_NO_LISTS = (str, bytes, Mapping, Set)


class FitError(DataError, ValueError):
    """Texts or answers that cannot be learned from: a DataError here, a ValueError to scikit-learn."""


class _TextEstimator(BaseEstimator):  # type: ignore[misc]
    """What both have in common: from texts to a temporary file, and from that to a model."""

    _task: ClassVar[TaskName]

    def __init__(
        self,
        model: str = "auto",
        minutes: float | None = None,
        seed: int = 0,
        start: str | None = None,
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

        Replaces an older model. Raises ConfigError where other things lie.
        """
        check_is_fitted(self)
        target = Path(path)
        if target.exists() and not is_bundle(target) and not (target.is_dir() and not any(target.iterdir())):
            raise ConfigError(
                f"{target}: is no model folder, and would be replaced", hint="Name another one."
            )
        files = self._opened.files
        publish_folder(target, lambda fresh: _write_files(fresh, files))

    def explain(self, texts: Any, method: str = "occlusion") -> list[dict[str, Any]]:
        """One record a text: the answer and the weight of each token, as `Predictor.explain` says."""
        check_is_fitted(self)
        return self._opened.predictor.explain(_texts(texts), method)

    def _learn(self, texts: list[str], answers: Sequence[str], classes: Array | None = None) -> None:
        """Train on rows of a temporary file, and keep the model in memory."""
        if len(texts) < _MIN_ROWS:
            raise FitError(
                f"n_samples={len(texts)}: too few to learn from, at least {_MIN_ROWS} are needed",
                hint="Add rows.",
            )
        recipe = self._recipe()
        with tempfile.TemporaryDirectory(prefix="textwright-") as name, _as_fit_error():
            data, trained = Path(name) / "rows.jsonl", Path(name) / "trained"
            _write_rows(data, texts, answers)
            api.train(data, trained, recipe)
            files = _files_of(trained) if classes is None else _with_classes(trained, classes)
            self._open(_Opened(files))

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
        given = {
            full_path(key, names, where="settings: "): value for key, value in (self.settings or {}).items()
        }
        if taken := sorted(own.keys() & given.keys()):
            raise ConfigError(
                f"settings: {taken[0]!r} is not for settings to say",
                hint="It is a parameter of the estimator, or what it always does.",
            )
        # A search over np.arange(...) gives numbers of NumPy.
        said = {
            key: value.item() if isinstance(value, np.generic) else value
            for key, value in {**own, **given}.items()
            if value is not None or key in given
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
        check_is_fitted(self)
        texts, predictor = _texts(X), self._opened.predictor
        parts = []
        for start in range(0, len(texts), CHUNK):
            outputs = predictor.engine.outputs([clean_text(text) for text in texts[start : start + CHUNK]])
            parts.append(predictor.task.measured(outputs, predictor.decode))
        return np.concatenate(parts).astype(np.float64)

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
    a folder, or a name on the Hub. `settings` is what --set says on the command line, as in
    {"optimizer.name": "sgd"}; `validation` is the share of rows held out to choose on. No rows are locked
    for a test: hold them out as usual in scikit-learn.

    Texts come as a list, an array, a series, or an array or frame of one column. Both `fit` and `predict`
    clean them (`text.clean.clean_text`): invalid characters are replaced, invisible ones removed. Rows where
    nothing is left are not learned from; `predict` answers them all the same. Texts that are nearly the same
    stand on one side when validation is cut.

    `fit` sets `classes_`, with the dtype of `y`. Raises FitError, which is a ValueError, when there is too
    little to learn from; TypeError where X does not hold texts; ConfigError for settings that do not fit.

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
        texts = _texts(X)
        classes, ids = _classes_of(_answers(y, texts))
        names = _names(classes)
        self._learn(texts, [names[i] for i in ids], classes)
        return self

    def predict(self, X: Any) -> Array:
        """The most probable class of each text (N,)."""
        shares = self.predict_proba(X)
        found: Array = self.classes_[shares.argmax(axis=1)]
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
            for key in ("label", "explained"):
                if key in record:
                    record[key] = values[self._places[record[key]]]
        return records

    def _open(self, opened: _Opened) -> None:
        super()._open(opened)
        self.classes_ = opened.classes()
        self._places = {name: place for place, name in enumerate(_names(self.classes_))}


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
        texts = _texts(X)
        scores = _answers(y, texts)
        if scores.dtype.kind not in "biuf":
            scores = _as_scores(scores)
        assert_all_finite(scores, input_name="y")
        self._learn(texts, [repr(float(score)) for score in scores])
        return self

    def predict(self, X: Any) -> Array:
        """The score of each text (N,)."""
        return self._measured(X)


class _Opened:
    """A model and the files of its folder, held in memory: processes that are killed leave no folders."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        with tempfile.TemporaryDirectory(prefix="textwright-", ignore_cleanup_errors=True) as name:
            _write_files(Path(name), files)
            self.predictor = Predictor.load(name)

    @classmethod
    def of(cls, folder: Path) -> _Opened:
        load_manifest(folder)
        return cls(_files_of(folder))

    def classes(self) -> Array:
        """The classes as `fit` met them; in a folder of the command line they are texts."""
        assert self.predictor.bundle is not None
        if _CLASSES not in self.predictor.bundle.manifest.files:
            return np.array(self.predictor.schema.labels)
        try:
            record = json.loads(self.files[_CLASSES])
            found = np.array(record["classes"], dtype=record["dtype"])
        except (ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{_CLASSES}: damaged ({error})", hint=COPY_AGAIN) from None
        if not set(self.predictor.schema.labels) <= set(_names(found)):
            raise BundleError(f"{_CLASSES}: does not fit the labels of the model", hint=COPY_AGAIN)
        return found


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


@contextmanager
def _as_fit_error() -> Iterator[None]:
    """Say of rows what is said of the file that they were written to."""
    try:
        yield
    except DataError as error:
        place = str(DataError("", path=error.path, row=error.row, column=error.column))
        row = f"row {error.row - 1:,} (counted from 0): " if error.row else ""
        raise FitError(row + error.message.removeprefix(place)) from None


def _write_rows(path: Path, texts: Iterable[str], answers: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for text, answer in zip(texts, answers, strict=True):
            file.write(json.dumps({"text": text, "label": answer}) + "\n")


def _texts(X: Any) -> list[str]:
    """The texts of a list, a series, or an array or frame of one column. Raises TypeError and FitError."""
    if hasattr(X, "tocsr"):
        raise TypeError("sparse input is not supported: expected texts, found numbers")
    if isinstance(X, _NO_LISTS) or not (isinstance(X, Iterable) or hasattr(X, "__array__")):
        raise TypeError(f"expected a list of texts, found {type(X).__name__}; for one text give [text]")
    cells = _column(X)
    for row, cell in enumerate(cells):
        if not isinstance(cell, str):
            raise _no_text(cell, row)
    if not cells:
        raise FitError("0 sample(s) found: there are no texts (shape=(0,)) while a minimum of 1 is required.")
    return [str(cell) for cell in cells]


def _column(X: Any) -> list[Any]:
    cells = X if hasattr(X, "__array__") else list(X)
    if not hasattr(X, "__array__") and not any(isinstance(cell, list | tuple) for cell in cells):
        return list(cells)
    array = np.asarray(cells, dtype=object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        if array.size and not isinstance(array.flat[0], str):
            raise _no_text(array.flat[0], 0)
        raise FitError(
            f"expected one column of texts, found an array of shape {array.shape}",
            hint="Choose a column, as with ColumnTransformer([(..., ..., 'text')]) or X['text'].",
        )
    return list(array)


def _no_text(cell: Any, row: int) -> Exception:
    if cell is None or cell != cell or type(cell).__name__ == "NAType":
        return FitError(
            f"row {row:,} (counted from 0): the text is missing ({cell!r})",
            hint="Leave the row out, or give the empty text ''.",
        )
    if isinstance(cell, bytes):
        return TypeError(f"row {row:,}: expected a text, found bytes; decode them first")
    what = f"{cell!r} ({type(cell).__name__})"
    return TypeError(f"row {row:,}: expected a text, found {what}; the argument must be a string in each row")


def _answers(y: Any, texts: list[str]) -> Array:
    """What `y` holds (N,). Raises FitError."""
    if y is None:
        raise FitError("this estimator requires y to be passed, but the target y is None")
    values: Array = column_or_1d(_one_dimensional(y), warn=True)
    check_consistent_length(texts, values)
    return values


def _one_dimensional(y: Any) -> Any:
    if getattr(y, "ndim", 1) == 2 or (isinstance(y, list) and any(isinstance(v, list | tuple) for v in y)):
        array = np.asarray(y)
        if array.ndim == 2 and array.shape[1] != 1:
            raise FitError(
                f"y has the shape {array.shape}: there is one answer a text here, no several labels",
                hint="For several labels a text: textwright.train with the task multilabel.",
            )
    return y


def _classes_of(values: Array) -> tuple[Array, NDArray[np.int64]]:
    """The classes in order, and the number of each row's class. Raises FitError and ValueError."""
    if values.dtype.kind == "T":
        values = values.astype(object)
    if values.dtype.kind == "O" and (missing := [row for row, v in enumerate(values) if v is None or v != v]):
        raise FitError(f"Input y contains NaN: row {missing[0]:,} (counted from 0) has no class")
    if values.dtype.kind == "f":
        assert_all_finite(values, input_name="y")
    if values.dtype.kind not in "biufUO" or not all(_is_plain(v) for v in values[:1]):
        raise FitError(f"classes are texts, numbers or bools; y holds {values.dtype}")
    check_classification_targets(values)
    if type_of_target(values) == "unknown":
        raise FitError(f"Unknown label type: y holds {values.dtype}")
    classes, ids = np.unique(values, return_inverse=True)
    counts = np.bincount(ids)
    if len(classes) < 2:
        raise FitError(
            f"all {len(values):,} rows have the one class {classes[0]!r}, so there is nothing to tell apart"
        )
    if (counts < 2).any():
        raise FitError(f"the class {classes[counts.argmin()]!r} has one row only, at least 2 are needed")
    return classes, ids


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | bool | int | float | np.generic)


def _names(classes: Array) -> list[str]:
    """What the model calls the classes: by their values, or by number where those would not survive."""
    names = [str(value) for value in classes.tolist()]
    if all(name and name == clean_text(name) for name in names) and len({*names}) == len(names):
        return names
    return [f"class {place}" for place in range(len(names))]


def _as_scores(values: Array) -> NDArray[np.float64]:
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise FitError(f"scores are numbers, and y holds {values.dtype}: {error}") from None
