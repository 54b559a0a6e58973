"""Raw text to tokens on disk: nothing is lost, what comes again is left out, shards are one row."""

from __future__ import annotations

import csv
import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest

from textwright.core.errors import DataError
from textwright.core.seeds import generator
from textwright.text.documents.reading import Document, Documents
from textwright.text.documents.repeats import COMMON_LINE, COPY, NEAR_COPY, Survey
from textwright.text.documents.shards import Shards, ShardWriter
from textwright.text.documents.tokens import TokenCorpus, build_tokens
from textwright.text.rowlog import RowLog
from textwright.text.sources.folder import NOT_TEXT
from textwright.text.tokenizers import TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.framed import END_OF_TEXT, ended

WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "rain", "falls")


def sentences(count: int, seed: int = 0) -> list[str]:
    rng = generator(seed, "test", "sentences")
    return [" ".join(rng.choice(WORDS, 14)) + f" {i}.\n" for i in range(count)]


def read(*paths: Path, log: RowLog | None = None) -> list[Document]:
    return list(Documents.of(paths).read(log or RowLog()))


# Reading.


PLAIN = ("".join(sentences(400)), "春眠不觉晓。\n\n处处闻啼鸟。\n" * 900, "no end " * 40_000)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("text", PLAIN)
def test_the_stretches_of_a_file_are_the_file(tmp_path: Path, text: str, packed: bool) -> None:
    path = tmp_path / ("a.txt.gz" if packed else "a.txt")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    found = read(path)
    assert "".join(document.text for document in found) == text
    assert [document.goes_on for document in found] == [False, *[True] * (len(found) - 1)]
    lines = text.split("\n")
    for document in found:
        assert lines[document.row - 1].startswith(document.text.split("\n")[0][:10]) or "\n" not in text
    assert len(found) > 4 and max(len(document.text) for document in found) <= 3 * 32_000


def test_line_ends_become_line_feeds_and_what_cannot_be_seen_goes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeff  one\r\n\u200btwo \r\n".encode())
    assert read(tmp_path / "a.txt")[0].text == "  one\ntwo \n"


def test_rows_of_tables_are_documents_and_folders_are_read_to_their_depths(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    with (tmp_path / "sub" / "b.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text", "label"], ["one two", "x"], ["", "y"], ["three, four", "x"]])
    (tmp_path / "a.txt").write_text("plain\n")
    (tmp_path / ".hidden.txt").write_text("hidden\n")
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    log = RowLog()
    found = read(tmp_path, log=log)
    assert [(d.text, d.file, d.row, d.is_stretch) for d in found] == [
        ("plain\n", 0, 1, True),
        ("one two", 2, 2, False),
        ("three, four", 2, 4, False),
    ]
    assert log.counts[("dropped", NOT_TEXT)] == 1 and log.counts[("dropped", "no text")] == 1
    with pytest.raises(DataError, match=r"c\.png"):
        read(tmp_path / "c.png")


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no files"):
        Documents.of([tmp_path])
    (tmp_path / "c.bin").write_bytes(b"\0\1\2")
    with pytest.raises(DataError, match="none of 1 files holds text"):
        read(tmp_path)


# What comes again.


def left(documents: list[Document]) -> tuple[list[str], RowLog]:
    survey, log = Survey(), RowLog()
    for document in documents:
        survey.add(document)
    repeats = survey.found()
    return [text for document in documents if (text := repeats.left(document, log))], log


def test_copies_and_near_copies_of_documents_are_left_out_and_counted() -> None:
    texts = [line.strip() for line in sentences(6_000)]
    longer = " ".join(texts[20:24])
    planted = [*texts, texts[3].upper(), texts[10], longer, longer.replace("dog", "cat", 1)]
    found, log = left([Document(text, 0, row) for row, text in enumerate(planted, start=1)])
    dropped = {(record["reason"], record["row"]) for record in log.records()}
    assert "dog" in longer and {(COPY, 6_001), (COPY, 6_002), (NEAR_COPY, 6_004)} <= dropped
    assert found[:8] == texts[:8] and len(found) + len(dropped) == len(planted)


def test_of_plain_text_long_lines_are_compared_and_short_ones_stay() -> None:
    long = "孝孙某，来日丁亥，用少牢之礼祭祀曾祖伯某，以某妃配某氏。\n"
    one, two = Document(f"子曰：\n{long}\n", 0, 1, True), Document(f"子曰：\n{long}完。\n", 0, 4, True, True)
    found, log = left([one, two])
    assert found == [one.text, "子曰：\n完。\n"]
    assert [(r["reason"], r["row"]) for r in log.records()] == [(COPY, 5)]


def test_boilerplate_stays_in_the_first_text_that_has_it() -> None:
    notice = "This message is confidential; if it reached you by mistake, delete it."
    documents = [Document(f"{line.strip()}\nRegards\n{notice}", 0, i) for i, line in enumerate(sentences(40))]
    found, log = left(documents)
    assert sum(notice in text for text in found) == 1 and all("Regards" in text for text in found)
    assert log.counts[("dropped", COMMON_LINE)] == len(found) - 1
    assert not log.counts.get(("dropped", NEAR_COPY), 0) or len(found) < 40


# Shards.


@pytest.mark.parametrize("vocabulary_size", [300, 70_000])
def test_shards_are_one_row(tmp_path: Path, vocabulary_size: int) -> None:
    rng = np.random.default_rng(0)
    rows = [rng.integers(vocabulary_size, size=size) for size in (0, 5, 17, 1, 40)]
    writer = ShardWriter(tmp_path / "s", vocabulary_size, per_file=8)
    for row in rows:
        writer.add(row)
    shards = writer.close({"bytes": 7})
    whole = np.concatenate(rows)
    assert len(shards) == len(whole) == 63 and len(shards.counts) == 8
    assert shards.about["bytes"] == 7 and len(shards.about["fingerprint"]) == 32
    starts = rng.integers(63 - 20, size=10)
    wanted = np.stack([whole[start : start + 20] for start in starts])
    for found in (shards, Shards.open(tmp_path / "s"), pickle.loads(pickle.dumps(shards))):
        assert (found.take(starts, 20) == wanted).all()
    with pytest.raises(IndexError):
        shards.take([50], 20)
    with pytest.raises(DataError, match="outside the vocabulary"):
        ShardWriter(tmp_path / "t", 10).add(np.array([10]))


def test_damaged_shards_are_refused(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, 300, per_file=8)
    writer.add(np.arange(20))
    with pytest.raises(DataError, match=r"index\.json: no tokens"):
        Shards.open(tmp_path)
    writer.close({})
    path = tmp_path / "tokens-00001.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"tokens-00001\.bin: 8 tokens expected, 15 bytes found"):
        Shards.open(tmp_path)


# All of it.


def built(folder: Path, *paths: Path, kind: str = "characters", seed: int = 0) -> TokenCorpus:
    settings = TokenizerSettings(kind=kind)
    documents = Documents.of(paths)
    return build_tokens(documents, folder, settings, finished=ended, end=END_OF_TEXT, seed=seed)


def text_of(corpus: TokenCorpus, shards: Shards) -> str:
    ids = shards.take([0], len(shards))[0]
    kept = ids[ids != corpus.tokenizer.vocabulary[END_OF_TEXT]]
    return corpus.tokenizer.decode(kept.tolist())


@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_every_byte_is_in_one_of_the_parts_and_no_line_in_both(tmp_path: Path, kind: str) -> None:
    lines = sentences(3_000)
    (tmp_path / "a.txt").write_text("".join(lines))
    corpus = built(tmp_path / "t", tmp_path / "a.txt", kind=kind)
    train, validation = (text_of(corpus, part) for part in (corpus.train, corpus.validation))
    near = corpus.log.counts.get(("dropped", NEAR_COPY), 0)
    assert len(train.encode()) == corpus.train.about["bytes"]
    assert len(validation.encode()) == corpus.validation.about["bytes"] > 0
    parts = [set(text.splitlines()) for text in (train, validation)]
    assert not parts[0] & parts[1] and len(parts[0]) + len(parts[1]) == 3_000 - near
    assert 0.01 < len(validation) / len(train) < 0.15


def test_the_same_files_and_seed_give_the_same_tokens(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(sentences(500)))
    first, again, other = (built(tmp_path / str(i), tmp_path / "a.txt", seed=i // 2) for i in range(3))
    for name in ("train", "validation"):
        files = [(tmp_path / str(i) / name / "tokens-00000.bin").read_bytes() for i in range(2)]
        assert files[0] == files[1]
    assert first.tokenizer.fingerprint == again.tokenizer.fingerprint
    assert first.validation.about["bytes"] != other.validation.about["bytes"]


def test_documents_begin_with_the_token_between_them_and_stretches_do_not(tmp_path: Path) -> None:
    lines = [line.strip() for line in sentences(300)]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text"], *([line] for line in lines)])
    corpus = built(tmp_path / "t", tmp_path / "a.csv")
    end = corpus.tokenizer.vocabulary[END_OF_TEXT]
    ids = corpus.train.take([0], len(corpus.train))[0]
    assert ids[0] == end and (ids == end).sum() == corpus.train.about["documents"]
    (tmp_path / "b.txt").write_text("".join(sentences(300)))
    stretches = built(tmp_path / "u", tmp_path / "b.txt")
    held_out = stretches.validation.about["documents"]
    assert stretches.train.about["documents"] <= held_out + 1


def test_too_little_text_is_said_with_how_much_it_takes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("To be, or not to be.\n")
    with pytest.raises(DataError, match="21 bytes of text are too little") as caught:
        built(tmp_path / "t", tmp_path / "a.txt")
    assert "2,000" in caught.value.hint


def test_characters_come_back_exactly_and_unknown_ones_too() -> None:
    tokenizer = train_tokenizer(["春眠不觉晓\n春  眠\t!"], TokenizerSettings(kind="characters"))
    for text in ("春 眠\n\n", "龘 unseen 😀\r", "", "\u3000全角\n"):
        assert tokenizer.decode(tokenizer.encode([text]).rows[0].tolist()) == text
    assert tokenizer.tokens("春 眠\n") == ["春", " ", "眠", "\n"]
    assert len(tokenizer.encode(["龘"]).rows[0]) == 3


def test_a_poem_that_looks_like_a_table_is_read_as_it_stands(tmp_path: Path) -> None:
    poem = "".join(f"one, two, three\nbuckle, my shoe {i}, again\n" for i in range(40))
    (tmp_path / "poem.txt").write_text(poem, encoding="utf-8")
    whole = "".join(document.text for document in Documents.of([tmp_path]).read(RowLog()))
    assert whole == poem
    (tmp_path / "poem.csv").write_text(poem, encoding="utf-8")
    (tmp_path / "poem.txt").unlink()
    found = [document.text for document in Documents.of([tmp_path], "two").read(RowLog())]
    assert found[0] == "my shoe 0" and len(found) == 79
