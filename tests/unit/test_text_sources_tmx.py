"""Translation memories: languages as columns, codes of the document, entities, encodings, broken files."""

from __future__ import annotations

import gzip
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textwright.core.errors import DataError
from textwright.text.rowlog import RowLog
from textwright.text.sources import open_source

HEAD = (
    '<?xml version="1.0" encoding="{}"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n'
    '<tmx version="1.4"><header/><body>\n'
)
TAIL = "</body></tmx>\n"


def unit(**texts: str) -> str:
    return "<tu>" + "".join(f'<tuv xml:lang="{k}"><seg>{v}</seg></tuv>' for k, v in texts.items()) + "</tu>\n"


def written(path: Path, body: str, encoding: str = "utf-8", tail: str = TAIL) -> Path:
    path.write_bytes((HEAD.format(encoding) + body + tail).encode(encoding))
    return path


def read(path: Path) -> tuple[list[str], list[list[object]], RowLog]:
    log = RowLog()
    source = open_source(path)
    rows: list[list[object]] = []
    for batch in source.batches(log):
        rows += map(list, zip(batch.rows, *batch.columns.values(), strict=True))
    return source.columns, rows, log


def test_languages_are_columns_in_their_order(tmp_path: Path) -> None:
    body = unit(en="Hello", zh="你好") + unit(zh="再见") + unit(en="Yes", de="Ja", zh="是")
    columns, rows, log = read(written(tmp_path / "a.tmx", body))
    assert columns == ["en", "zh", "de"]
    assert rows == [[1, "Hello", "你好", None], [2, None, "再见", None], [3, "Yes", "是", "Ja"]]
    assert not log.counts


def test_codes_of_the_document_are_no_text_and_highlights_are(tmp_path: Path) -> None:
    marked = (
        'A <bpt i="1">&lt;b&gt;<sub>x</sub></bpt>bold<ept i="1">&lt;/b&gt;</ept> <hi>word</hi>&amp;<ph/>!'
    )
    columns, rows, _ = read(written(tmp_path / "a.tmx", unit(en=marked, zh="一")))
    assert (columns, rows) == (["en", "zh"], [[1, "A bold word&!", "一"]])


def test_codes_of_languages_are_written_alike(tmp_path: Path) -> None:
    body = unit(EN_us="a", zh="一") + '<tu><tuv lang="en-US"><seg>b</seg></tuv></tu>'
    assert read(written(tmp_path / "a.tmx", body))[0] == ["en-US", "zh"]


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    twice = '<tu><tuv xml:lang="en"><seg>b</seg></tuv><tuv xml:lang="en"><seg>c</seg></tuv></tu>'
    late = "".join(unit(en=f"{n}", zh="一") for n in range(1_000)) + twice + unit(fr="un")
    _, rows, log = read(written(tmp_path / "a.tmx", late + "<tu><tuv><seg>d</seg></tuv></tu>"))
    assert rows[1000:] == [[1001, "b", None], [1002, None, None], [1003, None, None]]
    assert [r["reason"] for r in log.records()] == [
        "a second text of the same language is left out",
        "a language that the first units do not have is left out",
        "a text without a language is left out",
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030", "utf-8-sig"])
def test_encodings_and_gzip(encoding: str, tmp_path: Path) -> None:
    path = written(tmp_path / "a.tmx", unit(en="Hello", zh="你好，世界。这是一个例子。"), encoding)
    packed = tmp_path / "b.tmx.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for file in (path, packed):
        assert read(file)[1] == [[1, "Hello", "你好，世界。这是一个例子。"]]


def test_a_memory_is_known_by_its_content(tmp_path: Path) -> None:
    assert read(written(tmp_path / "memory", unit(en="a", zh="一")))[0] == ["en", "zh"]


def test_no_declared_entity_is_expanded(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE tmx [<!ENTITY l0 "ha">{laughs}]><tmx><body>{unit(en="&l11;", zh="一")}</body></tmx>'
    path = tmp_path / "bomb.tmx"
    path.write_text(bomb, encoding="utf-8")
    with pytest.raises(DataError, match="row 1: it declares the entity 'l0', which is not expanded here"):
        open_source(path)


def test_no_other_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    outside = (
        f'<!DOCTYPE tmx [<!ENTITY x SYSTEM "{tmp_path}/secret">]><tmx><body>{unit(en="&x;")}</body></tmx>'
    )
    path = tmp_path / "a.tmx"
    path.write_text(outside, encoding="utf-8")
    with pytest.raises(DataError, match="it declares the entity 'x'"):
        open_source(path)


def test_entities_of_html_are_known_though_the_dtd_is_elsewhere(tmp_path: Path) -> None:
    rows = read(written(tmp_path / "a.tmx", unit(en="caf&eacute; &mine;", zh="一")))[1]
    assert rows == [[1, "café &mine;", "一"]]


def test_where_it_breaks_off_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tmx", unit(en="a", zh="一") * 1_100 + "<tu><tuv", tail="")
    source = open_source(path)
    with pytest.raises(DataError, match=r"row 1,100: not valid XML: .*line \d+.* after this row"):
        list(source.batches(RowLog()))
    with pytest.raises(DataError, match="no unit with a text and its language"):
        open_source(written(tmp_path / "b.tmx", ""))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1, max_size=5))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("any") / "a.tmx"
    rows = read(written(path, "".join(unit(en=f"x{escape(text)}") for text in texts)))[1]
    assert rows == [[n, f"x{text}"] for n, text in enumerate(texts, start=1)]
