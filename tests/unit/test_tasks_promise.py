"""Promises: what is read, what is refused and how, in both languages."""

from __future__ import annotations

import pytest

from textwright.core.errors import ConfigError
from textwright.report.messages import translate
from textwright.tasks.promise import Promise
from textwright.tasks.recipe import Recipe
from textwright.text.schema import Schema


def schema(labels: str = "spam,ham", task: str = "classify") -> Schema:
    return Schema(task=task, text="text", label="label", labels=labels.split(",") if labels else [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "promise"),
    [
        ("precision(fraud)=0.95", Promise("precision", "fraud", 0.95)),
        ("  recall ( not spam ) = 0.9 ", Promise("recall", "not spam", 0.9)),
        ("f1(x)=1", Promise("f1", "x", 1.0)),
        ("F1(x)=8e-1", Promise("f1", "x", 0.8)),
        ("precision(f(x)=0.5)=0.9", Promise("precision", "f(x)=0.5", 0.9)),
        ("precision(a) = b)=0.9", Promise("precision", "a) = b", 0.9)),
        ("precision(=)=0.9", Promise("precision", "=", 0.9)),
        ("precision（垃圾邮件）＝0.9", Promise("precision", "垃圾邮件", 0.9)),
        ("recall(体育（足球）)=0.9", Promise("recall", "体育（足球）", 0.9)),
    ],
)
def test_what_is_read(text: str, promise: Promise) -> None:
    assert Promise.parse(text) == promise
    assert Promise.parse(str(promise)) == promise


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no promise of the form"),
        ("precision=0.9", "no promise of the form"),
        ("precision(spam)", "no promise of the form"),
        ("precision[spam]=0.9", "no promise of the form"),
        ("precision(a\nb)=0.9", "no promise of the form"),
        ("precision( )=0.9", "no label in the brackets"),
        ("accuracy(spam)=0.9", "'accuracy' cannot be promised"),
        ("(spam)=0.9", "'' cannot be promised"),
        ("precision(spam)=", "expected a number, found ''"),
        ("precision(spam)=high", "expected a number, found 'high'"),
        ("precision(spam)=95%", "expected a number, found '95%'"),
        ("precision(spam)=95", "at most 1, found 95"),
        ("precision(spam)=0", "more than 0"),
        ("precision(spam)=-0.1", "more than 0"),
        ("precision(spam)=nan", "more than 0"),
    ],
)
def test_what_is_refused(text: str, what: str) -> None:
    with pytest.raises(ConfigError, match="Example: precision") as refused:
        Promise.parse(text)
    assert what in refused.value.message
    chinese = translate(refused.value.message, "zh")
    assert not any(word in chinese for word in ("no promise", "no label", "promised", "expected"))


def test_the_nearest_metric_and_label_are_named() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'recall'"):
        Promise.parse("recal(spam)=0.9")
    with pytest.raises(ConfigError, match="there is no label 'spamm'\nDid you mean 'spam'"):
        Promise.parse("precision(spamm)=0.9").check(schema())
    Promise.parse("precision(spam)=0.9").check(schema())
    Promise.parse("precision(spam)=0.9").check(schema(task="multilabel"))


def test_scores_have_no_labels() -> None:
    with pytest.raises(ConfigError, match="the task score has none") as refused:
        Promise.parse("precision(spam)=0.9").check(schema("", "score"))
    assert "score 任务没有标签" in translate(refused.value.message, "zh")


def test_it_is_kept_as_text_in_the_recipe() -> None:
    assert Recipe().at_least is None and Recipe().metric == "auto"
    recipe = Recipe.parse({"at_least": "precision(spam)=0.9", "metric": "macro_f1"})
    assert Recipe.parse(recipe.model_dump()) == recipe
