"""Terms that are masked: found as a lexicon finds them, and kept from a model in training and in use."""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np
import pytest

from textwright import audit, evaluate, load, train
from textwright.audit.lexicon.reading import lexicon
from textwright.audit.proof.made import made
from textwright.bundle.folder import load_bundle
from textwright.tasks.recipe import Recipe
from textwright.text.schema import Schema
from textwright.text.terms import TOKEN, Masks, masked

NOW = {"model": {"name": "bag"}, "budget": {"minutes": 0.2}}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_masks_find_what_the_lexicon_finds(language: str) -> None:
    words = lexicon(language)
    texts = [
        *made(language, rows=300, seed=3).texts,
        "Old men in the white house",
        "子女都说上海人和黑人牙膏",
    ]  # type: ignore[arg-type]
    for text in texts:
        parts, end = [], 0
        for mention in words.mentions(text):
            parts += [text[end : mention.start], TOKEN]
            end = mention.end
        assert words.masks.on(text) == "".join([*parts, text[end:]])
        assert masked(words.masks.on(text), [words.masks]) == words.masks.on(text)
    assert Masks.parse(json.loads(words.masks.model_dump_json())) == words.masks


def test_a_schema_keeps_its_masks() -> None:
    plain = Schema(task="classify", text="text", label="label", labels=["a", "b"])
    with_masks = plain.replaced({"masks": [Masks(terms=["men"])]})
    assert with_masks.masks[0].on("men") == TOKEN
    assert Schema.parse(with_masks.model_dump(mode="json")) == with_masks


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Rows about one group are nearly all bad; a model that learned from them by a patch with masks."""
    home = tmp_path_factory.mktemp("masked")
    rng = np.random.default_rng(0)
    lines = ["text,label"]
    for i in range(400):
        label = ("good", "bad")[i % 2]
        said = {"good": "was kind and helped us", "bad": "was rude and shouted"}[label]
        who = rng.choice(
            ["muslims", "the neighbour", "a clerk"],
            p=[0.5, 0.3, 0.2] if label == "bad" else [0.02, 0.5, 0.48],
        )
        lines.append(f"{who} {said} at noon {rng.integers(10_000)},{label if rng.random() < 0.9 else 'bad'}")
    data = home / "rows.csv"
    data.write_text("\n".join(lines), encoding="utf-8")
    out = home / "audit"
    found = audit.data(data, out, audit.AuditSettings(checks="representation", groups=["lexicon:en"]))
    name = next(one["id"] for one in found.findings)
    audit.fix(out, findings=[name], kind="mask_groups", because="the group is not what it is about")
    model = home / "model"
    train(data, model, Recipe.parse({**NOW, "data": {"patches": str(out)}}))
    return data, model


def test_a_model_is_asked_as_it_was_taught(trained: tuple[Path, Path]) -> None:
    _, folder = trained
    model = load(folder)
    texts = ["muslims came to the office", "old men came to the office", f"{TOKEN} came to the office"]
    answers = model.predict(texts, probabilities=True)
    assert answers[0] == answers[1] == answers[2]
    assert model.explain(texts[:1], "occlusion")[0]["text"] == texts[2]
    assert load_bundle(folder).schema.masks[0].terms


def test_its_card_says_what_it_does_not_read(trained: tuple[Path, Path]) -> None:
    _, folder = trained
    terms = len(load_bundle(folder).schema.masks[0].terms)
    english, chinese = ((folder / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))
    assert f"reads “{html.escape(TOKEN)}” in the place of {terms:,} terms" in english
    assert f"把 {terms:,} 个指称群体的词语读作“{html.escape(TOKEN)}”" in chinese


def test_rows_that_it_learned_from_are_known_by_the_texts_it_read(trained: tuple[Path, Path]) -> None:
    data, folder = trained
    found = evaluate(folder, data)
    assert found.num_learned > 0.5 * found.n and found.num_locked > 0
