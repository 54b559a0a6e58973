"""Terms that are masked: found as a lexicon finds them, and kept from a model in training and in use."""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np
import pytest

from checkpoints import tiny_checkpoint
from textwright import audit, compare, evaluate, load, train
from textwright.audit.lexicon.reading import lexicon
from textwright.audit.proof.made import made
from textwright.bundle.folder import load_bundle
from textwright.bundle.looks import read_looks
from textwright.core.errors import DataError
from textwright.tasks.prepare import prepare_data
from textwright.tasks.recipe import Recipe
from textwright.text.patches import patches_in
from textwright.text.schema import Schema
from textwright.text.split import row_hashes
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


def with_masks(data: Path, out: Path) -> Path:
    """An audit with one patch, which masks the terms of groups."""
    found = audit.data(data, out, audit.AuditSettings(checks="representation", groups=["lexicon:en"]))
    name = next(one["id"] for one in found.findings)
    audit.fix(out, findings=[name], kind="mask_groups", because="the group is not what it is about")
    return out


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
    out = with_masks(data, home / "audit")
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


def test_a_look_at_its_locked_rows_counts_in_compare(trained: tuple[Path, Path]) -> None:
    data, folder = trained
    locked = evaluate(folder, data).num_locked
    assert compare(folder, folder, data).num_locked == locked > 0


def test_edited_masks_are_refused(trained: tuple[Path, Path]) -> None:
    audited = trained[0].parent / "audit"
    (patch,) = patches_in(audited)
    path = audited / "patches" / patch.name / "masks.json"
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("muslims", "clerks"), encoding="utf-8")
    with pytest.raises(DataError, match=r"masks\.json is missing or was edited"):
        patches_in(audited)
    path.write_text(before, encoding="utf-8")
    assert "muslims" in patches_in(audited)[0].masks[0].terms


def test_each_lexicon_that_was_asked_for_is_masked(tmp_path: Path) -> None:
    rows = [
        f"{('muslims', 'a clerk')[i % 2]} 和{('上海人', '邻居')[i % 2]} came {i},{('bad', 'good')[i % 2]}"
        for i in range(80)
    ]
    data = tmp_path / "rows.csv"
    data.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    asked = audit.AuditSettings(checks="representation", groups=["lexicon:en", "lexicon:zh"])
    found = audit.data(data, tmp_path / "audit", asked)
    name = next(one["id"] for one in found.findings if one["subject"] == "上海人")
    audit.fix(tmp_path / "audit", findings=[name], kind="mask_groups", because="not the topic")
    (patch,) = patches_in(tmp_path / "audit")
    assert masked("muslims 和上海人", patch.masks) == f"{TOKEN} 和{TOKEN}"


def test_groups_of_a_column_have_no_words_to_mask(tmp_path: Path) -> None:
    rows = [f"a text of number {i},{'ab'[i % 2]},{('red', 'blue')[i % 2]}" for i in range(80)]
    data = tmp_path / "rows.csv"
    data.write_text("\n".join(["text,label,team", *rows]), encoding="utf-8")
    asked = audit.AuditSettings(checks="representation", groups=["team", "lexicon:en"], label="label")
    found = audit.data(data, tmp_path / "audit", asked).findings
    assert found and all(
        {"mask_groups", "augment"}.isdisjoint(fix["kind"] for fix in one["fixes"]) for one in found
    )


@pytest.mark.parametrize("is_parent_masked", [True, False])
def test_what_a_parent_learned_and_locked_is_known_with_masks_or_without(
    is_parent_masked: bool, tmp_path: Path
) -> None:
    """The masks go on to the child, and no row that the parent locked is learned from."""
    words = ("cat", "dog", "mat", "far", "ran", "sat", "away", "on", "the")
    lines = [
        f"{'muslims' if i % 5 < 2 else 'the cat'} {' '.join(words[i // 9**k % 9] for k in range(4))} bad "
        f"good {i},{'bad' if i % 5 < 2 or i % 7 == 0 else 'good'}"
        for i in range(0, 6_400, 32)
    ]
    data = tmp_path / "rows.csv"
    data.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    patches = {"data": {"patches": str(with_masks(data, tmp_path / "audit"))}}
    base, parent = tiny_checkpoint(tmp_path / "base"), tmp_path / "parent"

    def from_(checkpoint: Path, *, is_masked: bool) -> Recipe:
        model = {"name": "pretrained", "checkpoint": str(checkpoint)}
        return Recipe.parse({"model": model, "learn": {"epochs": 1}, **(patches if is_masked else {})})

    train(data, parent, from_(base, is_masked=is_parent_masked))
    recipe = from_(parent, is_masked=not is_parent_masked)
    prepared = prepare_data(data, recipe)
    assert prepared.corpus.schema.masks and prepared.parent is not None
    locked = set(read_looks(parent)["locked"])
    assert prepared.parent.locked.sum() >= len(locked) > 0
    free = {*prepared.examples.texts}
    masks = load_bundle(parent).schema.masks
    raw = dict(zip(prepared.corpus.texts, prepared.corpus.as_found, strict=True))
    hashes = row_hashes([masked(raw[text], masks) for text in free])
    assert locked.isdisjoint(hashes)
