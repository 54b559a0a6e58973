"""Pairs of files: columns by name, by language and by place, aligned files, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textwright.core.errors import DataError
from textwright.text.pairs.aligned import read_aligned
from textwright.text.pairs.checking import Told
from textwright.text.pairs.reading import (
    SUMMARIES,
    TRANSLATION,
    Asked,
    Names,
    Pair,
    read_pairs,
)
from textwright.text.pairs.tags import language_named
from textwright.text.rowlog import RowLog

ENGLISH = [f"The cat number {n} is on the mat and it is not mine." for n in range(30)]
GERMAN = [f"Die Katze Nummer {n} ist auf der Matte und sie ist nicht von mir." for n in range(30)]
CHINESE = [f"第{n}只猫在垫子上，它不是我的。" for n in range(30)]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def table(path: Path, *columns: list[str], header: str = "") -> Path:
    lines = ["\t".join(cells) for cells in zip(*columns, strict=True)]
    return written(path, "\n".join([header, *lines] if header else lines) + "\n")


def read(path: Path, asked: Asked = Asked(), names: Names = TRANSLATION) -> tuple[list[Pair], list[str]]:  # noqa: B008
    told = Told()
    return read_pairs([path], asked, RowLog(), names=names, told=told), told.notes


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("source\ttarget", TRANSLATION),
        ("SRC\ttgt", TRANSLATION),
        ("id\ten\tzh", TRANSLATION),
        ("en-GB\tzh_CN\tnote", TRANSLATION),
        ("English\tChinese", TRANSLATION),
        ("原文\t译文", TRANSLATION),
        ("text_en\ttext_zh", TRANSLATION),
        ("score\tdocument\tsummary", SUMMARIES),
        ("正文\t摘要", SUMMARIES),
        ("article_text\theadline", SUMMARIES),
    ],
)
def test_columns_are_found_by_their_names(header: str, names: Names, tmp_path: Path) -> None:
    columns = header.split("\t")
    places = [n for n, name in enumerate(columns) if name not in ("id", "note", "score")]
    cells = ["7"] * len(columns)
    cells[places[0]], cells[places[1]] = "Hello, my friend.", "你好。"
    pairs, _ = read(written(tmp_path / "a.tsv", header + "\n" + "\t".join(cells) + "\n"), names=names)
    assert pairs == [Pair("Hello, my friend.", "你好。", 2)]


def test_sides_are_found_in_any_order(tmp_path: Path) -> None:
    pairs, _ = read(table(tmp_path / "a.tsv", CHINESE, ENGLISH, header="target\tsource"))
    assert pairs[0] == Pair(ENGLISH[0], CHINESE[0], 2)
    pairs, notes = read(table(tmp_path / "b.tsv", CHINESE, ENGLISH, header="zh\ten"))
    assert pairs[0] == Pair(CHINESE[0], ENGLISH[0], 2)
    assert "languages: zh and en" in notes


def test_columns_may_be_named(tmp_path: Path) -> None:
    path = table(tmp_path / "a.tsv", ENGLISH, CHINESE, GERMAN, header="en\tzh\tde")
    assert read(path, Asked("de", "en"))[0][0] == Pair(GERMAN[0], ENGLISH[0], 2)
    assert read(path, Asked(target="de"))[0][0] == Pair(ENGLISH[0], GERMAN[0], 2)
    with pytest.raises(DataError, match=r"there is no column 'zhh'; found 'en', 'zh', 'de'\n.*'zh'"):
        read(path, Asked("en", "zhh"))
    with pytest.raises(DataError, match="cannot be the same column"):
        read(path, Asked("en", "en"))


def test_two_columns_without_known_names(tmp_path: Path) -> None:
    pairs, notes = read(table(tmp_path / "a.tsv", ENGLISH, CHINESE, header="left\tright"))
    assert len(pairs) == 30
    assert any(note.startswith("source: column 'left', target: column 'right' (--set ") for note in notes)
    with pytest.raises(
        DataError, match=r"no column is called as a source is; found 'a', 'b', 'c'\n.*data.source=COL"
    ):
        read(table(tmp_path / "b.tsv", ENGLISH, CHINESE, GERMAN, header="a\tb\tc"))


@pytest.mark.parametrize("extra", [[], ["CC-BY 2.0 (France) Attribution: tatoeba.org"]])
def test_a_file_without_a_header_loses_no_pair(extra: list[str], tmp_path: Path) -> None:
    pairs, notes = read(table(tmp_path / "a.tsv", ENGLISH, CHINESE, *[e * 30 for e in [extra] if e]))
    assert [pair.row for pair in pairs] == [*range(1, 31)]
    assert pairs[0] == Pair(ENGLISH[0], CHINESE[0], 1)
    assert "there is no header: the first row is a pair" in notes


def test_scores_may_stand_before_pairs_without_a_header(tmp_path: Path) -> None:
    path = table(tmp_path / "a.tsv", ["1.05"] * 30, ENGLISH, CHINESE)
    assert read(path)[0][0] == Pair(ENGLISH[0], CHINESE[0], 1)


def test_quotes_swallow_no_pair(tmp_path: Path) -> None:
    odd = ['"Stop', 'He said "no', '5" of snow"', '"Whole."', '""', '"', 'a "b" c', "'tis"] * 50
    pairs, _ = read(table(tmp_path / "a.tsv", odd, [f"引号{n}" for n in range(400)], header="en\tzh"))
    assert [(p.source, p.target) for p in pairs] == [(t, f"引号{n}") for n, t in enumerate(odd)]


def test_other_formats(tmp_path: Path) -> None:
    want = [Pair("Hello.", "你好。", 1)]
    flat = written(tmp_path / "a.jsonl", json.dumps({"en": "Hello.", "zh": "你好。"}) + "\n")
    deep = written(tmp_path / "b.jsonl", json.dumps({"translation": {"en": "Hello.", "zh": "你好。"}}) + "\n")
    pq.write_table(pa.table({"src": ["Hello."], "tgt": ["你好。"]}), tmp_path / "c.parquet")
    assert read(flat)[0] == read(deep)[0] == read(tmp_path / "c.parquet")[0] == want


def test_memories_of_several_languages(tmp_path: Path) -> None:
    units = "".join(
        "<tu>" + "".join(f'<tuv xml:lang="{k}"><seg>{v}</seg></tuv>' for k, v in row.items()) + "</tu>"
        for row in [
            {"en-GB": e, "zh-CN": c, "de": d} for e, c, d in zip(ENGLISH, CHINESE, GERMAN, strict=True)
        ]
    )
    path = written(tmp_path / "a.tmx", f"<tmx><body>{units}</body></tmx>")
    pairs, notes = read(path)
    assert pairs[0] == Pair(ENGLISH[0], CHINESE[0], 1)
    assert "1 more languages are not read: de" in notes
    assert read(path, Asked("de", "en"))[0][0] == Pair(GERMAN[0], ENGLISH[0], 1)
    one = written(
        tmp_path / "b.tmx", '<tmx><body><tu><tuv xml:lang="en"><seg>x</seg></tuv></tu></body></tmx>'
    )
    with pytest.raises(DataError, match="there is only one language: 'en'"):
        read(one)


def test_rows_without_a_side_are_dropped(tmp_path: Path) -> None:
    log = RowLog()
    path = written(tmp_path / "a.tsv", "en\tzh\nHi.\t\n\t你好\n \u200b\t好\nYes.\t是\n")
    assert read_pairs([path, path], Asked(), log) == [Pair("Yes.", "是", 5, 0), Pair("Yes.", "是", 5, 1)]
    assert log.counts[("dropped", "no target")] == 2
    assert log.counts[("dropped", "no source")] == 4
    with pytest.raises(DataError, match=r"no row has both a source and a target \(1 dropped: no target\)"):
        read(written(tmp_path / "b.tsv", "en\tzh\nHi.\t\n"))


def test_columns_that_hold_another_language_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'zh' and 'en' are swapped: each holds the language of"):
        read(table(tmp_path / "a.tsv", ENGLISH, CHINESE, header="zh\ten"))
    with pytest.raises(DataError, match="'en' and 'de' hold the same language, en"):
        read(table(tmp_path / "b.tsv", ENGLISH, [f"{t} Is it the dog?" for t in ENGLISH], header="en\tde"))
    with pytest.raises(DataError, match="source and target are the same text in most rows"):
        read(table(tmp_path / "c.tsv", ENGLISH, ENGLISH, header="en\tde"))
    modern = [f"这是第{n}句现代汉语。" for n in range(30)]
    assert len(read(table(tmp_path / "d.tsv", CHINESE, modern, header="source\ttarget"))[0]) == 30


def test_aligned_files(tmp_path: Path) -> None:
    left = written(tmp_path / "a.en", 'Hello.\n\n"Yes\nNo.\n')
    right = written(tmp_path / "a.zh", "你好。\r\n空\r\n是\r\n不\r\n\r\n")
    log = RowLog()
    assert read_aligned(left, right, log) == [
        Pair("Hello.", "你好。", 1),
        Pair('"Yes', "是", 3),
        Pair("No.", "不", 4),
    ]
    assert log.counts == {("dropped", "a blank line in the file of sources"): 1}
    short = written(tmp_path / "b.zh", "你好。\n是\n")
    with pytest.raises(DataError, match=r"a.en has 4 lines, b.zh has 2\nLine n of one"):
        read_aligned(left, short, RowLog())
    with pytest.raises(DataError, match="there is no such file"):
        read_aligned(left, tmp_path / "none", RowLog())


def test_names_of_languages() -> None:
    assert [language_named(n) for n in ("ZH-Hans", "French", "de_text", "target_ja", "id", "text")] == [
        "zh", "fr", "de", "ja", "", "",
    ]  # fmt: skip
