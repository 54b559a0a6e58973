"""The tokenizer report against numbers counted by hand."""

from __future__ import annotations

import json
import re

import pytest

from textwright.text.tokenizers import TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.report import render_report, tokenizer_report

TRAIN = ["the cat sat 好 好", "the cat sat", "don't 手 don't 手", "never never"]
#        tokens: the cat 好 wombat | don't , 手 机 | (empty) | the x4
TEXTS = ["the cat 好 wombat", "don't, 手机", "", "the the\nthe the"]


def told(**more: object) -> TokenizerSettings:
    return TokenizerSettings.parse({"kind": "word", "max_length": 3, **more})


@pytest.mark.parametrize("drop_unknown", [False, True])
def test_counts(drop_unknown: bool) -> None:
    tokenizer = train_tokenizer(TRAIN, told(drop_unknown=drop_unknown))
    entries = ["cat", "don't", "never", "sat", "the", "好", "手"]
    assert sorted(tokenizer.pieces[1 if drop_unknown else 2 :]) == entries
    report = tokenizer_report(tokenizer, iter(TEXTS))
    assert report["texts"] == 4 and report["tokens"] == 12
    assert report["bytes_per_token"] == pytest.approx(sum(len(text.encode()) for text in TEXTS) / 12)
    assert report["unknown"]["share"] == pytest.approx(3 / 12)
    assert sorted(report["unknown"]["commonest"]) == [[",", 1], ["wombat", 1], ["机", 1]]
    assert report["unused"] == {"count": 2, "share": pytest.approx(2 / 7), "examples": ["never", "sat"]}
    cut = {"texts_cut": 1, "tokens_lost": 1} if drop_unknown else {"texts_cut": 3, "tokens_lost": 3}
    share = cut["tokens_lost"] / (9 if drop_unknown else 12)
    assert report["truncation"] == {"max_length": 3, "share_lost": pytest.approx(share), **cut}
    assert report["length"] == {"p50": 3 if drop_unknown else 4, "p90": 4, "p99": 4, "max": 4}
    assert report["longest_pieces"][:2] == ["don't", "never"]
    assert report["scripts"]["latin"] == {"unit": "word", "units": 8, "tokens": 8, "fertility": 1.0}
    assert report["scripts"]["han"] == {"unit": "character", "units": 3, "tokens": 3, "fertility": 1.0}
    assert json.loads(json.dumps(report)) == report


def test_fertility_of_characters_is_that_of_letters() -> None:
    tokenizer = train_tokenizer(["abc d'e 好好"] * 2, TokenizerSettings(kind="char"))
    scripts = tokenizer_report(tokenizer, ["abc d'e 好好"])["scripts"]
    # Blanks and the apostrophe belong to no script: five letters in two words.
    assert scripts["latin"]["fertility"] == pytest.approx(5 / 2)
    assert scripts["han"]["fertility"] == 1.0


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_fertility_of_pieces_counts_the_blank_with_its_word(kind: str) -> None:
    texts = ["good phone 手机很好", "good good phone 手机很好"] * 20
    tokenizer = train_tokenizer(texts, TokenizerSettings(kind=kind, vocabulary_size=400))
    report = tokenizer_report(tokenizer, texts)
    tokens = [token for text in texts for token in tokenizer.tokens(text)]
    assert report["tokens"] == len(tokens)
    num_latin = sum(bool(re.search("[a-z]", token)) for token in tokens)
    assert report["scripts"]["latin"]["units"] == 100
    assert report["scripts"]["latin"]["tokens"] == num_latin
    assert report["scripts"]["latin"]["fertility"] == num_latin / 100
    assert report["scripts"]["han"]["units"] == 160
    assert report["unknown"] == {"tokens": 0, "share": 0.0, "commonest": []}


def test_a_report_on_nothing() -> None:
    tokenizer = train_tokenizer(TRAIN, told())
    report = tokenizer_report(tokenizer, [])
    assert report["tokens"] == 0 and report["length"]["max"] == 0 and report["unused"]["share"] == 1.0
    assert "texts" in render_report(report)


def test_the_table_is_made_of_lines() -> None:
    tokenizer = train_tokenizer([*TRAIN, "a\x07\x07b"], TokenizerSettings(kind="char", max_length=4))
    lines = render_report(tokenizer_report(tokenizer, TEXTS)).split("\n")
    assert lines[0].split() == ["kind", "of", "tokenizer", "char,", f"{tokenizer.size}", "pieces"]
    assert all(line.isprintable() for line in lines)
    assert any(line.startswith("tokens per word") and "latin (8 words)" in line for line in lines)
    assert "\\x07" in "".join(lines)
    assert any("of the tokens, in 3 of 4 texts (limit 4 tokens)" in line for line in lines)
