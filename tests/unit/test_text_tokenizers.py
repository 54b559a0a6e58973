"""Tokenizers of every kind: encoding, cutting, saving, loading elsewhere, repeatability and faults."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tokenizers

from textwright.core.errors import ConfigError, TokenizerError
from textwright.core.ragged import Ragged
from textwright.text.tokenizers import KINDS, Tokenizer, TokenizerSettings, default_kind, train_tokenizer
from textwright.text.tokenizers.base import truncated
from textwright.text.tokenizers.sample import draw_sample

ENGLISH = ["The cat sat on the mat.", "The dog didn't sit, it ran 3 miles!", "A cat and a dog; 12345 cats."]
CHINESE = ["我爱我的手机，屏幕很好。", "酒店的服务很好，房间也很好！", "我爱iPhone手机wifi很快"]
TEXTS = [*ENGLISH, *CHINESE] * 3
UNSEEN = ["The wombat sat, 我恨 the 電腦 😀", "", "  ", "[PAD] [UNK] <0x41> ▁cat", "cat " * 9]

VARIANTS = [
    TokenizerSettings(kind="word"),
    TokenizerSettings(kind="word", drop_unknown=True),
    TokenizerSettings(kind="char"),
    TokenizerSettings(kind="char", drop_unknown=True),
    TokenizerSettings(kind="characters"),
    TokenizerSettings(kind="bpe", vocabulary_size=400),
    TokenizerSettings(kind="language", vocabulary_size=400),
    TokenizerSettings(kind="unigram", vocabulary_size=400),
    TokenizerSettings(kind="classic"),
    TokenizerSettings(kind="classic", drop_unknown=False),
]
NAMES = [f"{s.kind}-{s.drop_unknown}" for s in VARIANTS]


@pytest.fixture(params=VARIANTS, ids=NAMES, scope="module")
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return train_tokenizer(TEXTS, request.param)


def test_every_kind_is_tried() -> None:
    assert {settings.kind for settings in VARIANTS} == set(KINDS)


def test_rows_are_int32_one_a_text(tokenizer: Tokenizer) -> None:
    encoded = tokenizer.encode(TEXTS + UNSEEN)
    assert encoded.rows.values.dtype == np.int32
    assert len(encoded.rows) == len(TEXTS) + len(UNSEEN)
    assert encoded.rows.values.min() > 0, "id 0 is for padding only"
    assert encoded.rows.values.max() < tokenizer.size
    assert len(tokenizer.encode([]).rows) == 0


def test_the_vocabulary_names_every_id_once(tokenizer: Tokenizer) -> None:
    assert sorted(tokenizer.vocabulary.values()) == list(range(tokenizer.size))
    ids = tokenizer.encode(["the cat 12 我"]).rows[0].tolist()
    assert [tokenizer.vocabulary[token] for token in tokenizer.tokens("the cat 12 我")] == ids


@pytest.mark.parametrize("kind", list(KINDS))
def test_capitals_are_folded_when_told(kind: str) -> None:
    told = TokenizerSettings(kind=kind, vocabulary_size=400, lowercase=True)
    tokenizer = train_tokenizer(TEXTS, told)
    assert tokenizer.encode(["THE Cat"]).rows[0].tolist() == tokenizer.encode(["the cat"]).rows[0].tolist()
    kept = train_tokenizer(TEXTS, TokenizerSettings(kind=kind, vocabulary_size=400, lowercase=False))
    assert kept.encode(["THE Cat"]).rows[0].tolist() != kept.encode(["the cat"]).rows[0].tolist()


def test_special_tokens_are_only_text_when_written_out(tokenizer: Tokenizer) -> None:
    assert tokenizer.pieces.index("[PAD]") == tokenizer.pad_id == 0
    row = tokenizer.encode(["cat [PAD] cat"]).rows[0].tolist()
    assert 0 not in row
    if tokenizer.settings.kind in ("bpe", "unigram"):
        assert tokenizer.decode(row) == "cat [PAD] cat"


def test_the_saved_file_gives_the_same_ids_in_the_library(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    plain = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    rows = tokenizer.encode(TEXTS + UNSEEN).rows
    for text, row in zip(TEXTS + UNSEEN, rows, strict=True):
        assert plain.encode(text).ids == row.tolist(), text


def test_the_saved_file_gives_the_same_ids_in_transformers(tokenizer: Tokenizer, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer.save(tmp_path)
    fast = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    texts = [*TEXTS, UNSEEN[0], UNSEEN[4]]
    assert fast(texts)["input_ids"] == [row.tolist() for row in tokenizer.encode(texts).rows]


def test_load_gives_back_what_was_saved(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    for again in (Tokenizer.load(tmp_path), pickle.loads(pickle.dumps(tokenizer))):
        assert again.settings == tokenizer.settings
        assert again.fingerprint == tokenizer.fingerprint
        assert again.encode(UNSEEN).rows.values.tolist() == tokenizer.encode(UNSEEN).rows.values.tolist()


def test_training_depends_neither_on_threads_nor_on_hashes(tmp_path: Path) -> None:
    program = (
        "import sys, json; from textwright.text.tokenizers import *\n"
        "texts, kinds = json.load(sys.stdin)\n"
        "size = {'bpe': 400, 'unigram': 400}\n"
        "for kind in kinds:\n"
        "    told = TokenizerSettings(kind=kind, vocabulary_size=size.get(kind))\n"
        "    print(train_tokenizer(texts, told).fingerprint)\n"
    )
    # Many words of equal count, so that a tie broken by hash order would show.
    texts = TEXTS + [" ".join(f"w{(i * 7919) % 1000}x" for i in range(500))] * 2
    outputs = set()
    for threads, seed in (("true", "1"), ("false", "2"), ("true", "3")):
        environment = {**os.environ, "TOKENIZERS_PARALLELISM": threads, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps([texts, list(KINDS)]),
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(set(outputs.pop().split())) == len(list(KINDS))


def test_texts_past_the_first_part_keep_their_row() -> None:
    tokenizer = train_tokenizer(TEXTS, TokenizerSettings(kind="word"))
    texts = [TEXTS[i % len(TEXTS)] for i in range(5000)]
    rows = tokenizer.encode(texts).rows
    expected = [tokenizer.encode([text]).rows[0].tolist() for text in TEXTS]
    assert all(rows[i].tolist() == expected[i % len(TEXTS)] for i in range(5000))


@pytest.mark.parametrize("bad", [None, 3.5, "half \ud83d"])
def test_what_is_no_text_is_named_by_its_row(bad: object) -> None:
    tokenizer = train_tokenizer(TEXTS, TokenizerSettings(kind="word"))
    with pytest.raises(TokenizerError, match="row 4,000: expected text"):
        tokenizer.encode(["fine"] * 4000 + [bad])  # type: ignore[list-item]
    with pytest.raises(TokenizerError, match="row 2: expected text"):
        train_tokenizer(["fine", "fine", bad], TokenizerSettings(kind="word"))  # type: ignore[list-item]


def test_counts_of_lost_and_unknown_tokens() -> None:
    texts = ["a b c d", "a zz b zz c"]
    train = ["a b c d"] * 2
    kept = train_tokenizer(train, TokenizerSettings(kind="word", max_length=3)).encode(texts)
    assert (kept.num_tokens, kept.num_lost, kept.num_unknown) == (9, 3, 2)
    assert kept.lost_share == pytest.approx(3 / 9)
    assert kept.unknown_share == pytest.approx(2 / 9)
    # Dropped first, cut afterwards: of the second text three known words are left and none is lost.
    settings = TokenizerSettings(kind="word", max_length=3, drop_unknown=True)
    dropped = train_tokenizer(train, settings).encode(texts)
    assert (dropped.num_tokens, dropped.num_lost, dropped.num_unknown) == (9, 1, 2)
    assert [row.tolist() for row in dropped.rows] == [[1, 2, 3], [1, 2, 3]]


@pytest.mark.parametrize("max_length", [1, 2, 3, 4, 7, 30])
def test_truncation_keeps_what_slicing_keeps(max_length: int) -> None:
    lists = [list(range(n)) for n in (0, 1, 2, 3, 5, 0, 8, 29)]
    half = max_length // 2
    expected = {
        "head": [row[:max_length] for row in lists],
        "tail": [row[-max_length:] for row in lists],
        "both": [
            row[: max_length - half] + row[len(row) - half :] if len(row) > max_length else row
            for row in lists
        ],
    }
    for keep in ("head", "tail", "both"):
        cut = truncated(Ragged.from_lists(lists), max_length, keep)  # type: ignore[arg-type]
        assert [row.tolist() for row in cut] == expected[keep]


def test_decode_refuses_ids_past_the_vocabulary() -> None:
    tokenizer = train_tokenizer(TEXTS, TokenizerSettings(kind="word"))
    assert tokenizer.decode([0, *tokenizer.encode(["the cat"]).rows[0], 0]) == "the cat"
    with pytest.raises(TokenizerError, match=f"id {tokenizer.size} is not in the vocabulary"):
        tokenizer.decode([2, tokenizer.size])
    with pytest.raises(TokenizerError, match="id -1 is not"):
        tokenizer.decode([2, -1])


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _swap_words(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = record["model"]["vocab"]
    vocabulary["cat"], vocabulary["the"] = vocabulary["the"], vocabulary["cat"]
    path.write_text(json.dumps(record), encoding="utf-8")


def _set_length(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    record["settings"]["max_length"] = 5
    path.write_text(json.dumps(record), encoding="utf-8")


DAMAGES = [
    ("tokenizer.json", Path.unlink, "no tokenizer"),
    ("tokenizer.json", _cut, "cannot be read"),
    ("tokenizer.json", _swap_words, "was changed"),
    ("tokenizer.json", lambda path: path.write_bytes(b"\xff\xfe"), "no tokenizer"),
    ("tokenizer_settings.json", Path.unlink, "no tokenizer"),
    ("tokenizer_settings.json", _cut, "no tokenizer"),
    ("tokenizer_settings.json", _set_length, "was changed"),
    ("tokenizer_settings.json", lambda path: path.write_text("[]"), "no tokenizer"),
    ("tokenizer_settings.json", lambda path: path.write_text('{"settings": {"kin": 1}}'), "unknown setting"),
]


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGES)
def test_damage_is_found_at_load(name: str, damage: object, message: str, tmp_path: Path) -> None:
    train_tokenizer(TEXTS, TokenizerSettings(kind="word")).save(tmp_path)
    damage(tmp_path / name)  # type: ignore[operator]
    with pytest.raises(TokenizerError, match=message):
        Tokenizer.load(tmp_path)


def test_padding_must_be_the_first_entry() -> None:
    content = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "[PAD]": 1}, unk_token="a")).to_str()
    with pytest.raises(TokenizerError, match="id 0"):
        Tokenizer(content, TokenizerSettings())


def test_requests_that_cannot_be_met() -> None:
    with pytest.raises(ConfigError, match="unknown kind of tokenizer 'wrd'"):
        train_tokenizer(TEXTS, TokenizerSettings(kind="wrd"))
    for kind, size in (("word", 2), ("classic", 1), ("bpe", 257), ("unigram", 257)):
        with pytest.raises(ConfigError, match="too small"):
            train_tokenizer(TEXTS, TokenizerSettings(kind=kind, vocabulary_size=size))
    for kind in KINDS:
        with pytest.raises(TokenizerError, match="no text"):
            train_tokenizer(iter(["", ""]), TokenizerSettings(kind=kind))
    for kind in ("word", "unigram", "classic"):
        for num_rows in (3, 2500):
            with pytest.raises(TokenizerError, match="no words"):
                train_tokenizer([" \n"] * num_rows, TokenizerSettings(kind=kind))


def test_a_sample_is_bounded_repeatable_and_mixed() -> None:
    # Two languages that take turns: taking every second or fourth text would lose one of them.
    texts = [f"english {i:05d}" if i % 2 else f"中文的文本{i:05d}" for i in range(20_000)]
    sample = draw_sample(iter(texts), 20_000)
    assert sample.num_bytes == sum(len(text.encode()) for text in texts)
    assert 5_000 < sum(len(text.encode()) for text in sample.texts) <= 20_000
    assert sample == draw_sample(iter(texts), 20_000)
    assert 0.4 < sum(text.startswith("e") for text in sample.texts) / len(sample.texts) < 0.6
    assert draw_sample(texts, 10**9).texts == texts
    whole_file = draw_sample(["中" * 10_000], 3_000).texts
    assert len(whole_file) == 1 and 0 < len(whole_file[0].encode()) <= 3_000


def test_default_kind_says_why() -> None:
    assert default_kind({"latin": 1.0})[0] == "word"
    kind, reason = default_kind({"latin": 0.1, "han": 0.9})
    assert kind == "word" and "90% of the letters are Han" in reason
    for script in ("hangul", "kana", "thai"):
        kind, reason = default_kind({"latin": 0.3, script: 0.7})
        assert kind == "bpe" and f"70% of the letters are {script}" in reason
    assert default_kind({})[0] == "word"
