"""Classes in the order that metrics expect, and pages that name a model by the folder it is saved to."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import get_scorer, log_loss
from test_estimator import LABELS, TEXTS, reviews

import textwright.api
from textwright.estimator import TextClassifier

WORDS = {"10": "apple", "2": "pear", "3": "plum"}
# By number the model has "2", "3", "10"; by letters, as metrics expect, "10" comes first.
FRUITS = list(WORDS) * 30
STORIES = [f"{text} {WORDS[label]}" for label, text in zip(FRUITS, reviews(90, seed=2)[0], strict=True)]


def trained(out: Path, texts: list[str], labels: list[str]) -> Path:
    """A folder as the command line writes it, of the same rows and the same recipe as `fit` has."""
    data = out.with_suffix(".jsonl")
    rows = zip(texts, labels, strict=True)
    data.write_text("".join(json.dumps({"text": t, "label": v}) + "\n" for t, v in rows), encoding="utf-8")
    textwright.api.train(data, out, TextClassifier("bag")._recipe())
    return out


# Texts from a template are near twins of each other: the warning is right, and not what this is about.
@pytest.mark.filterwarnings("ignore:.*near twins of each other:UserWarning")
def test_columns_of_probabilities_are_in_the_order_of_classes() -> None:
    """Where the model sorts by value ("2" before "10") and scikit-learn by letters."""
    words = {"10": "apple", "2": "pear", "x": "plum"}
    y = list(words) * 12
    texts = [f"{words[label]} number {i % 7}" for i, label in enumerate(y)]
    model = TextClassifier("bag").fit(texts, y)
    assert model.classes_.tolist() == ["10", "2", "x"]
    assert model.predict_proba(["apple", "pear", "plum"]).argmax(axis=1).tolist() == [0, 1, 2]


def test_a_folder_of_the_command_line_scores_as_a_fit_does(tmp_path: Path) -> None:
    fitted = TextClassifier("bag").fit(STORIES, FRUITS)
    loaded = TextClassifier.load(trained(tmp_path / "fruits", STORIES, FRUITS))
    assert loaded.classes_.tolist() == fitted.classes_.tolist() == ["10", "2", "3"]
    assert np.allclose(loaded.predict_proba(STORIES), fitted.predict_proba(STORIES))
    assert loaded.predict(["an apple", "a pear", "a plum"]).tolist() == ["10", "2", "3"]
    for name in ("neg_log_loss", "roc_auc_ovr"):
        found = get_scorer(name)(loaded, STORIES, FRUITS)
        assert found == pytest.approx(get_scorer(name)(fitted, STORIES, FRUITS))
    assert log_loss(FRUITS, loaded.predict_proba(STORIES)) < 0.5
    record, *_ = loaded.explain(["an apple"])
    assert record["label"] == "10"


def test_labels_that_cleaning_would_change_are_opened(tmp_path: Path) -> None:
    names = {"bad": "b\u200bad", "good": "good  one"}
    loaded = TextClassifier.load(trained(tmp_path / "m", TEXTS, [names[label] for label in LABELS]))
    assert loaded.classes_.tolist() == sorted(names.values())
    assert loaded.predict(["awful dreadful", "lovely excellent"]).tolist() == list(names.values())


PAGES = ("README.md", "README.zh.md", "card.json", "report.html")


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def test_pages_name_the_folder_that_a_model_is_saved_to(tmp_path: Path) -> None:
    TextClassifier("bag").fit(TEXTS, LABELS).save(tmp_path / "reviews-model")
    card = read(tmp_path / "reviews-model", "README.md")
    assert "# Model card: reviews-model" in card and 'textwright.load("reviews-model")' in card
    assert "--recipe reviews-model/recipe.yaml" in read(tmp_path / "reviews-model", "report.html")
    temporary = re.compile(r'"trained"|trained/|[Mm]odel (card: )?trained\b|模型 ?trained')
    assert [name for name in PAGES if temporary.search(read(tmp_path / "reviews-model", name))] == []
    assert json.loads(read(tmp_path / "reviews-model", "card.json"))["name"] == "reviews-model"
    TextClassifier.load(tmp_path / "reviews-model").save(tmp_path / "another")
    assert json.loads(read(tmp_path / "another", "card.json"))["name"] == "another"


def test_what_a_person_stated_or_wrote_goes_with_a_model(tmp_path: Path) -> None:
    folder = trained(tmp_path / "first", TEXTS, LABELS)
    textwright.api.card(folder, {"author": "Ada"})
    (folder / "README.zh.md").write_text("我写的", encoding="utf-8")
    TextClassifier.load(folder).save(tmp_path / "second")
    assert "Ada" in read(tmp_path / "second", "README.md")
    assert "# Model card: second" in read(tmp_path / "second", "README.md")
    assert read(tmp_path / "second", "README.zh.md") == "我写的"


def test_a_page_that_cannot_be_made_costs_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TextClassifier("bag").fit(TEXTS, LABELS)

    def fails(*_: object, **__: object) -> None:
        raise ValueError("no such word")

    monkeypatch.setattr("textwright.estimator.estimators.make_pages", fails)
    with pytest.warns(UserWarning, match="pages could not be written.*no such word") as caught:
        model.save(tmp_path / "model")
    assert caught[0].filename == __file__
    assert (TextClassifier.load(tmp_path / "model").predict(TEXTS) == model.predict(TEXTS)).all()
