"""The estimators keep what scikit-learn asks of its own, and what texts ask beyond that."""

from __future__ import annotations

import copy
import json
import pickle
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

import textwright.api
from textwright.core.errors import BundleError, ConfigError, TextwrightError
from textwright.core.seeds import generator
from textwright.estimator import FitError, TextClassifier, TextRegressor

BOTH = pytest.mark.parametrize("kind", [TextClassifier, TextRegressor])


def reviews(num: int = 60, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts with a word that decides, and their classes."""
    random = generator(seed, "reviews")
    filler = ["room", "staff", "food", "the", "was", "and", "with", "view"]
    words = {"bad": ["dreadful", "awful"], "good": ["excellent", "lovely"]}
    labels = [["bad", "good"][i % 2] for i in range(num)]
    texts = [" ".join([*random.choice(filler, 6), random.choice(words[label])]) for label in labels]
    return texts, labels


TEXTS, LABELS = reviews()
SCORES = [1.0 if label == "bad" else 4.5 for label in LABELS]


def answers(kind: type[Any]) -> list[Any]:
    return LABELS if kind is TextClassifier else SCORES


@cache
def fitted(kind: type[Any]) -> Any:
    """One model for all tests that only ask it."""
    return kind("bag").fit(TEXTS, answers(kind))


class _Bare:
    """The estimator as it is, but for a tag: the checks of scikit-learn run with their tables of numbers."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False
        return tags


class _Spelled(_Bare):
    """Each number of a table is a word of its row's text, so that the checks can go to their ends."""

    def fit(self, X: Any, y: Any) -> Any:
        return super().fit(self._spelled(X, reset=True), y)  # type: ignore[misc]

    def _of_outputs(self, X: Any, make: Any) -> Any:
        check_is_fitted(self)
        return super()._of_outputs(self._spelled(X, reset=False), make)  # type: ignore[misc]

    def _spelled(self, X: Any, *, reset: bool) -> list[str]:
        rows = validate_data(self, X, reset=reset)
        return [" ".join(f"x{i}is{round(float(v))}".replace("-", "m") for i, v in enumerate(r)) for r in rows]


BareClassifier = type("BareClassifier", (_Bare, TextClassifier), {})
BareRegressor = type("BareRegressor", (_Bare, TextRegressor), {})
SpelledClassifier = type("SpelledClassifier", (_Spelled, TextClassifier), {"__module__": __name__})
SpelledRegressor = type("SpelledRegressor", (_Spelled, TextRegressor), {"__module__": __name__})
# Why checks fail that give tables of numbers to an estimator which takes texts alone.
REFUSED = "fits a table of numbers, which is refused with a TypeError: texts are wanted"
LATER = "looks for a ValueError about y or its length, and the numbers in X are refused before y is looked at"
TABLES = """
    fit_score_takes_y estimators_overwrite_params dont_overwrite_parameters
    estimators_fit_returns_self readonly_memmap_input n_features_in_after_fitting
    positive_only_tag_during_fit estimators_dtypes dtype_object pipeline_consistency
    estimators_pickle f_contiguous_array_estimator supervised_y_2d methods_sample_order_invariance
    methods_subset_invariance fit2d_1sample fit2d_1feature dict_unchanged fit_idempotent
    fit_check_is_fitted n_features_in fit1d fit2d_predict1d requires_y_none
"""
OF_CLASSIFIERS = "classifier_data_not_an_array classifiers_classes"
OF_REGRESSORS = "regressor_data_not_an_array regressors_no_decision_function regressors_int"
OTHERS = {
    "check_complex_data": "wants a ValueError for complex numbers; like all they are refused before",
    "check_estimators_nan_inf": "wants a ValueError for NaN among numbers; the numbers are refused before",
    "check_estimators_empty_data_messages": "wants the words of check_array for a table without a column",
    "check_supervised_y_no_nan": LATER,
}


def _refused(names: str) -> dict[str, str]:
    return {f"check_{name}": REFUSED for name in names.split()}


EXPECTED: dict[type[Any], dict[str, str]] = {
    SpelledClassifier: {},
    SpelledRegressor: {},
    BareClassifier: {
        **_refused(TABLES + OF_CLASSIFIERS),
        **OTHERS,
        "check_classifiers_train": LATER,
        "check_classifiers_regression_target": LATER,
        "check_classifiers_one_label": LATER,
    },
    BareRegressor: {**_refused(TABLES + OF_REGRESSORS), **OTHERS, "check_regressors_train": LATER},
}


@pytest.mark.parametrize("kind", list(EXPECTED))
def test_the_checks_of_scikit_learn(kind: type[Any]) -> None:
    """Those expected to fail do, each for its reason, and all others pass."""
    expected = EXPECTED[kind]
    done = check_estimator(kind("bag"), expected_failed_checks=expected, on_skip=None, on_fail=None)
    found: dict[str, set[str]] = {}
    for record in done:
        found.setdefault(record["status"], set()).add(record["check_name"])
    assert len(found["passed"]) + len(found.get("xfail", ())) > 40
    assert {(r["check_name"], str(r["exception"])) for r in done if r["status"] == "failed"} == set()
    assert found.get("xfail", set()) == set(expected)
    assert not found["passed"] & set(expected)
    assert found.get("skipped", set()) <= {
        "check_array_api_input"
    }  # needs a variable set before SciPy is imported


@BOTH
def test_scikit_learn_is_told_that_texts_are_wanted(kind: type[Any]) -> None:
    tags = get_tags(kind()).input_tags
    assert (tags.string, tags.one_d_array, tags.two_d_array, tags.sparse) == (True, True, False, False)
    assert (is_classifier(kind()), is_regressor(kind())) == (kind is TextClassifier, kind is TextRegressor)
    with pytest.warns(SkipTestWarning, match="Can't test estimator"):
        check_estimator(kind("bag"), on_fail=None)


@BOTH
def test_parameters_are_kept_as_given_and_cloned(kind: type[Any]) -> None:
    settings = {"optimizer.name": "sgd"}
    model = kind("lstm", 2, 7, None, settings, 0.2)
    given = {"model": "lstm", "minutes": 2, "seed": 7, "start": None, "settings": settings, "validation": 0.2}
    assert model.get_params() == given == clone(model).get_params()
    assert model.settings is settings
    assert model.set_params(model="bag", seed=1).get_params()["seed"] == 1


def test_parameters_reach_the_recipe(tmp_path: Path) -> None:
    model = TextClassifier("bag", 3, 5, settings={"model.max_order": 2}, validation=0.3)
    recipe = model._recipe()
    assert (recipe.seed, recipe.budget.minutes, recipe.model) == (5, 3, {"name": "bag", "max_order": 2})
    assert (recipe.split.test, recipe.split.validation, recipe.task) == (0, 0.3, "classify")
    network = TextRegressor("cnn", seed=np.int64(3), settings={"optimizer.name": "sgd"})._recipe()
    assert (network.learn.optimizer.name, network.seed, network.task) == ("sgd", 3, "score")
    started = TextClassifier(start=str(tmp_path))._recipe()
    assert started.model == {"name": "pretrained", "checkpoint": str(tmp_path)}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"model": "bog"}, "bog"),
        ({"model": "cnn", "start": "folder"}, "does not go with start"),
        ({"settings": {"optimiser.name": "sgd"}}, "optimizer"),
        ({"settings": {"seed": 3}}, "'seed' is not for settings to say"),
        ({"validation": 1.5}, "validation"),
    ],
)
def test_wrong_parameters_are_refused_by_fit(parameters: dict[str, Any], message: str) -> None:
    model = TextClassifier(**{"model": "bag", **parameters})
    with pytest.raises(TextwrightError, match=message):
        model.fit(TEXTS, LABELS)


def test_a_classifier_learns() -> None:
    model = TextClassifier("bag").fit(TEXTS, LABELS)
    texts, labels = reviews(40, seed=1)
    shares = model.predict_proba(texts)
    assert model.score(texts, labels) > 0.95
    assert model.classes_.tolist() == ["bad", "good"]
    assert shares.shape == (40, 2)
    assert np.allclose(shares.sum(axis=1), 1)
    assert (model.classes_[shares.argmax(axis=1)] == model.predict(texts)).all()


def test_a_regressor_learns() -> None:
    model = TextRegressor("bag").fit(TEXTS, SCORES)
    texts, labels = reviews(40, seed=1)
    found = model.predict(texts)
    assert model.score(texts, [1.0 if label == "bad" else 4.5 for label in labels]) > 0.8
    assert 1 <= found.min() < found.max() <= 4.5


@pytest.mark.parametrize("scale", [1e-8, 1e9])
def test_scores_of_any_size_are_not_rounded(scale: float) -> None:
    small = TextRegressor("bag").fit(TEXTS, np.array(SCORES) * scale).predict(TEXTS[:4]) / scale
    assert small == pytest.approx(TextRegressor("bag").fit(TEXTS, SCORES).predict(TEXTS[:4]), rel=1e-3)


@pytest.mark.parametrize(
    ("bad", "good", "dtype"),
    [
        (0, 1, np.int64),
        (7, -3, np.int8),
        (False, True, np.bool_),
        ("b", "g", np.dtype("<U1")),
        ("b", "g", object),
        (1.0, 2.0, np.float64),
        (" a", "a", np.dtype("<U2")),
        ("", "\ud800", object),
        ("nan", "null", object),
        ("a,b", "a;c|d", object),
    ],
)
def test_classes_keep_their_type(tmp_path: Path, bad: Any, good: Any, dtype: Any) -> None:
    y = np.array([bad if label == "bad" else good for label in LABELS], dtype=dtype)
    model = TextClassifier("bag").fit(TEXTS, y)
    model.save(tmp_path / "model")
    for opened in (model, TextClassifier.load(tmp_path / "model"), pickle.loads(pickle.dumps(model))):
        found = opened.predict(["awful dreadful", "lovely excellent"])
        assert opened.classes_.dtype == found.dtype == np.dtype(dtype)
        assert found.tolist() == [bad, good]
        assert opened.classes_.tolist() == sorted([bad, good])


def test_chinese_texts() -> None:
    places = ["房间", "服务", "早餐", "位置", "前台", "价格"]
    texts = [f"{place}{word}" for place in places for word in ("非常好", "太差了", "很好，满意", "差，失望")]
    model = TextClassifier("bag").fit(texts, ["好", "差"] * 12)
    assert model.predict(["电梯很好", "电梯太差"]).tolist() == ["好", "差"]


def shapes() -> dict[str, Any]:
    pandas = pytest.importorskip("pandas")
    return {
        "array": np.array(TEXTS),
        "objects": np.array(TEXTS, dtype=object),
        "column": np.array(TEXTS, dtype=object)[:, None],
        "lists": [[text] for text in TEXTS],
        "series": pandas.Series(TEXTS, index=range(100, 100 + len(TEXTS))),
        "frame": pandas.DataFrame({"review": TEXTS}),
    }


@pytest.mark.parametrize("name", ["array", "objects", "column", "lists", "series", "frame"])
def test_texts_come_in_any_shape_of_one_column(name: str) -> None:
    X = shapes()[name]
    expected = TextClassifier("bag").fit(TEXTS, LABELS).predict_proba(TEXTS)
    assert (TextClassifier("bag").fit(X, LABELS).predict_proba(X) == expected).all()


@pytest.mark.parametrize("dtype", ["str", "category", "Int64", "boolean"])
def test_classes_of_a_series(dtype: str) -> None:
    pandas = pytest.importorskip("pandas")
    values = {"str": ("bad", "good"), "category": ("bad", "good"), "Int64": (3, 4), "boolean": (False, True)}
    y = pandas.Series([values[dtype][label == "good"] for label in LABELS]).astype(dtype)
    model = TextClassifier("bag").fit(pandas.Series(TEXTS), y)
    assert model.predict(["awful dreadful", "lovely excellent"]).tolist() == list(values[dtype])


@BOTH
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.eye(12), r"row 0: expected a text, found 1.0 \(float\)"),
        (["a", 2.5], r"row 1: expected a text, found 2.5"),
        ([b"a"], "decode them first"),
        ("a text", r"for one text give \[text\]"),
        ({"a": 1}, "found dict"),
        (sparse.csr_array(np.eye(3)), "sparse input is not supported"),
    ],
)
def test_what_are_no_texts_is_a_type_error(kind: type[Any], X: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        kind("bag").fit(X, answers(kind)[:12])
    model = fitted(kind)
    with pytest.raises(TypeError, match=message):
        model.predict(X)


@BOTH
@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "there are no texts"),
        (["a", None], r"row 1 .*the text is missing \(None\)"),
        (np.array(["a", float("nan")], dtype=object), r"the text is missing \(nan\)"),
        (np.array([["a", "b"]]), r"shape \(1, 2\)"),
    ],
)
def test_what_cannot_be_answered_is_a_value_error(kind: type[Any], X: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(kind).predict(X)


@pytest.mark.parametrize(
    ("texts", "y", "message"),
    [
        (TEXTS, ["a"] * 60, "all 60 rows have the one class .*'a'"),
        (TEXTS, ["a"] * 59 + ["b"], "the class .*'b'.* has one row only"),
        (TEXTS[:9], LABELS[:9], "n_samples=9"),
        (TEXTS, LABELS[:-1], "inconsistent numbers of samples"),
        (TEXTS, None, "requires y"),
        (TEXTS, [*LABELS[:-1], None], "row 59 .*has no class"),
        (TEXTS, np.linspace(0.1, 2.3, 60), "Unknown label type"),
        (TEXTS, np.tile([[0, 1, 1]], (60, 1)), "several labels"),
        ([""] * 60, LABELS, "no row has both a text and a label"),
        (TEXTS, [f"label {i // 2}" for i in range(60)], "nearly one a row"),
    ],
)
def test_what_cannot_be_learned_is_said_clearly(texts: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        TextClassifier("bag").fit(texts, y)
    assert "rows.jsonl" not in str(caught.value)
    assert "--" not in str(caught.value)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([3.0] * 60, "every score is 3.0"),
        ([*SCORES[:-1], float("nan")], "NaN"),
        (["a", "b"] * 30, "scores are numbers"),
    ],
)
def test_scores_that_cannot_be_learned_are_said_clearly(y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TextRegressor("bag").fit(TEXTS, y)


ODD = [
    "\ud83d lone",
    "two\nlines\r\nof text",
    "",
    " \t\n",
    "\x00\u200b",
    '"quoted", {json}',
    "x\u2028y",
    "NaN",
    "null",
]


@BOTH
def test_odd_texts_are_learned_and_answered(kind: type[Any]) -> None:
    y = answers(kind)
    model = kind("bag").fit(TEXTS + ODD, y + y[: len(ODD)])
    assert len(model.predict(ODD)) == len(ODD)
    one_by_one = [model.predict([text])[0] for text in ODD]
    assert model.predict(ODD).tolist() == one_by_one


def test_no_row_is_locked_and_rows_without_a_text_are_not_learned_from(tmp_path: Path) -> None:
    model = TextClassifier("bag").fit([*TEXTS, "", "  ", "\u200b"], [*LABELS, "none", "none", "none"])
    model.save(tmp_path / "model")
    log = [json.loads(line) for line in (tmp_path / "model/cleaning.jsonl").read_text().splitlines()]
    assert [record["row"] for record in log if record["reason"] == "no text"] == [61, 62, 63]
    assert json.loads((tmp_path / "model/scores.json").read_text())["split"] == "validation"
    assert model.classes_.tolist() == ["bad", "good", "none"]
    assert (model.predict_proba(TEXTS)[:, 2] == 0).all()


def test_in_a_pipeline_and_a_search() -> None:
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    search = GridSearchCV(
        make_pipeline(lower, TextClassifier("bag")),
        {"textclassifier__seed": np.arange(2), "textclassifier__validation": [0.1, 0.2]},
        cv=2,
        error_score="raise",
    )
    search.fit([text.upper() for text in TEXTS], LABELS)
    assert search.best_score_ > 0.9
    assert search.predict(["LOVELY ROOM", "awful room"]).tolist() == ["good", "bad"]


def test_cross_validation() -> None:
    assert cross_val_score(TextClassifier("bag"), TEXTS, LABELS, cv=3, error_score="raise").mean() > 0.9
    assert cross_val_score(TextRegressor("bag"), np.array(TEXTS), SCORES, cv=3).mean() > 0.5


@BOTH
def test_joblib_and_pickle_round_trips_answer_the_same(kind: type[Any]) -> None:
    model, file = fitted(kind), BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    for opened in (joblib.load(file), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert (opened.predict(TEXTS) == model.predict(TEXTS)).all()
        assert opened.get_params() == model.get_params()


@BOTH
def test_an_estimator_without_a_fit_is_pickled_too(kind: type[Any]) -> None:
    opened = pickle.loads(pickle.dumps(kind("bag", seed=4)))
    assert opened.get_params()["seed"] == 4
    for ask in (opened.predict, opened.explain):
        with pytest.raises(NotFittedError):
            ask(["a"])
    with pytest.raises(NotFittedError):
        opened.save("nowhere")


def test_a_changed_pickle_is_refused() -> None:
    state = fitted(TextClassifier).__getstate__()
    name = "model.safetensors"
    content = bytearray(state["_files"][name])
    content[-1] ^= 1
    state["_files"] = {**state["_files"], name: bytes(content)}
    with pytest.raises(BundleError, match="is not the one that was written"):
        TextClassifier().__setstate__(state)
    state["_files"] = {"../outside": b""}
    with pytest.raises(BundleError, match="outside its folder"):
        TextClassifier().__setstate__(state)


@BOTH
def test_saved_and_loaded(tmp_path: Path, kind: type[Any]) -> None:
    model, path = fitted(kind), tmp_path / "model"
    model.save(path)
    model.save(path)
    opened = kind.load(path)
    assert (opened.predict(TEXTS) == model.predict(TEXTS)).all()
    assert textwright.api.load(path).predict(["lovely"])
    other = TextRegressor if kind is TextClassifier else TextClassifier
    with pytest.raises(ConfigError, match=other.__name__):
        other.load(path)
    (path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(BundleError):
        kind.load(path)
    assert (opened.predict(TEXTS) == model.predict(TEXTS)).all()


def test_nothing_else_is_replaced_by_a_model(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for target in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(ConfigError, match="would be replaced"):
            fitted(TextClassifier).save(target)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_of_the_command_line_is_opened(tmp_path: Path) -> None:
    data = tmp_path / "a.jsonl"
    rows = zip(TEXTS, LABELS, strict=True)
    data.write_text("".join(json.dumps({"text": t, "label": v}) + "\n" for t, v in rows))
    textwright.api.train(data, tmp_path / "model", TextClassifier("bag")._recipe())
    opened = TextClassifier.load(tmp_path / "model")
    assert opened.predict(["lovely", "awful"]).tolist() == ["good", "bad"]


def test_no_temporary_folder_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    model = pickle.loads(pickle.dumps(TextClassifier("bag").fit(TEXTS, LABELS)))
    with pytest.raises(FitError):
        model.fit([""] * 60, LABELS)
    assert [*tmp_path.iterdir()] == []
    assert model.predict(["lovely", "awful"]).tolist() == ["good", "bad"]


def test_a_fit_that_fails_leaves_the_model_of_before() -> None:
    model = TextClassifier("bag").fit(TEXTS, LABELS)
    before = model.predict_proba(TEXTS)
    with pytest.raises(FitError) as caught:
        model.fit([""] * 60, ["x", "y"] * 30)
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, TextwrightError)
    assert (model.predict_proba(TEXTS) == before).all()
    assert model.classes_.tolist() == ["bad", "good"]


def test_explanations_name_classes_as_they_were_given() -> None:
    model = TextClassifier("bag").fit(TEXTS, [label == "good" for label in LABELS])
    bad, good = model.explain(["awful room", "lovely room"])
    assert (bad["label"], good["label"]) == (False, True)
    weights = {token["text"]: token["weight"] for token in good["tokens"]}
    assert weights["lovely"] > weights["room"]
    assert fitted(TextRegressor).explain(["lovely room"], "occlusion")[0]["score"] > 2
    with pytest.raises(ConfigError, match="nonsense"):
        model.explain(["a"], "nonsense")
