"""CSV, TSV and Excel: delimiters, headers, quotes, ragged rows, row numbers."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textwright.core.errors import ConfigError, DataError
from textwright.text.rowlog import RowLog
from textwright.text.sources import Source, open_source

Rows = list[tuple[int, dict[str, object]]]


def read(source: Source, size: int = 4096) -> tuple[Rows, list[tuple[str, str, int]]]:
    """Every row with its number, and every log entry."""
    log = RowLog()
    rows: Rows = []
    for batch in source.batches(log, size):
        assert all(len(column) == len(batch.rows) for column in batch.columns.values())
        rows += [
            (row, {name: column[i] for name, column in batch.columns.items()})
            for i, row in enumerate(batch.rows)
        ]
    return rows, [(r["action"], r["reason"], r["row"]) for r in log.records()]


def table(tmp_path: Path, text: str, name: str = "a.csv") -> Source:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return open_source(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_against_the_csv_module(delimiter: str, end: str, tmp_path: Path) -> None:
    expected = [["text", "label"], ["plain", "a"], ['say "hi", or; not|\tat all', "b"], ["two\nlines", "c"]]
    buffer = io.StringIO(newline="")
    csv.writer(
        buffer,
        delimiter=delimiter,
        lineterminator=end,
        quoting=csv.QUOTE_ALL if end == "\r" else csv.QUOTE_MINIMAL,  # "\r" does not protect "\n" otherwise
    ).writerows(expected)
    source = table(tmp_path, buffer.getvalue())
    rows, log = read(source)
    assert source.columns == ["text", "label"] and not log
    assert rows == [
        (row, dict(zip(expected[0], cells, strict=True))) for row, cells in enumerate(expected[1:], 2)
    ]
    assert source.notes[1] == ("delimiter tab" if delimiter == "\t" else f"delimiter {delimiter!r}")


def test_embedded_lines_do_not_shift_row_numbers_and_batches_can_be_read_again(tmp_path: Path) -> None:
    source = table(tmp_path, 'text,label\n"one\ntwo\nthree",x\nb,y\nc,z\n')
    for size in (1, 2, 4096, 1):
        rows, _ = read(source, size)
        assert [row for row, _ in rows] == [2, 3, 4]
        assert [cells["label"] for _, cells in rows] == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("header", "row"), [("text,labelling1\r\n", "good,x\r\n"), ("text,labelling1\r", "goood,x\r")]
)
def test_a_line_end_at_the_end_of_a_block_is_one(header: str, row: str, tmp_path: Path) -> None:
    source = table(tmp_path, header + row * 100_000)  # a block of 2**18 bytes ends right behind a "\r"
    log = RowLog()
    sizes = [len(batch.rows) for batch in source.batches(log)]
    assert sizes == [4095] + [4096] * 23 + [100_000 - 4095 - 23 * 4096] and not log.counts


def test_header_is_repaired_and_told(tmp_path: Path) -> None:
    source = table(tmp_path, "\ufeff text ,,label,label\na,b,c,d\n")
    assert source.columns == ["text", "column 2", "label", "label (2)"]
    assert source.notes[2:] == [
        "header repaired: ' text ' -> 'text'",
        "header repaired: '' -> 'column 2'",
        "header repaired: 'label' -> 'label (2)'",
    ]


def test_ragged_and_empty_rows_are_accounted_for(tmp_path: Path) -> None:
    source = table(tmp_path, "text,label\na,x\n\nb\nc,y,,\nd,e,z\n   \n,\nf,w\n")
    rows, log = read(source)
    assert rows == [
        (2, {"text": "a", "label": "x"}),
        (4, {"text": "b", "label": None}),
        (5, {"text": "c", "label": "y"}),
        (8, {"text": None, "label": None}),
        (9, {"text": "f", "label": "w"}),
    ]
    assert log == [
        ("dropped", "empty row", 3),
        ("changed", "row has fewer cells than the header", 4),
        ("dropped", "row has more cells than the header", 6),
        ("dropped", "empty row", 7),
    ]


def test_rows_before_the_header_and_excels_delimiter_line(tmp_path: Path) -> None:
    for size in (1, 4096):
        rows, log = read(table(tmp_path, "\n\ntext,label\na,x\n"), size)
        assert rows == [(4, {"text": "a", "label": "x"})] and not log
    rows, _ = read(table(tmp_path, "sep=;\r\ntext;label\r\na, b;x\r\n"))
    assert rows == [(2, {"text": "a, b", "label": "x"})]


def test_one_column_is_never_cut(tmp_path: Path) -> None:
    source = table(tmp_path, 'text\nHello, world; or | not\n"He said ""no""\nand left"\n"Yes" she said\n')
    rows, log = read(source)
    assert [cells["text"] for _, cells in rows] == [
        "Hello, world; or | not",
        'He said "no"\nand left',
        '"Yes" she said',
    ]
    assert log == [("changed", "quotes inside a cell are not doubled", 4)]


def test_blanks_after_a_delimiter_are_seen_when_quotes_need_it(tmp_path: Path) -> None:
    rows, log = read(table(tmp_path, 'text, label\n"good, really", "x"\n"bad, really", "y"\n'))
    assert [tuple(cells.values()) for _, cells in rows] == [("good, really", "x"), ("bad, really", "y")]
    assert not log


def test_a_quote_that_is_never_closed_does_not_swallow_the_rows_after_it(tmp_path: Path) -> None:
    lines = [f"text {i},label{i % 2}" for i in range(50)]
    lines[20] = '"stray quote,label0'
    expected = [tuple(line.split(",")) for line in lines]
    for later in (None, 'he said "hi" to me,label1', '"a proper, cell",label1'):
        if later:
            lines[40] = later
            expected[40] = next((tuple(row) for row in csv.reader([later])), ())
        rows, log = read(table(tmp_path, "text,label\n" + "\n".join(lines) + "\n"))
        assert [tuple(cells.values()) for _, cells in rows] == expected
        assert log == [("changed", "a quote that is never closed is kept as text", 22)]


def test_quotes_that_are_not_doubled_are_mended_or_dropped(tmp_path: Path) -> None:
    source = table(
        tmp_path, 'text,label\n"Great" movie,pos\n"A "big, bad" wolf",neg\n"x"y,"a,b"c,d\nend,pos\n'
    )
    rows, log = read(source)
    assert [(row, cells["label"]) for row, cells in rows] == [(2, "pos"), (5, "pos")]
    assert ("changed", "quotes inside a cell are not doubled", 2) in log
    assert {row for action, _, row in log if action == "dropped"} == {3, 4}


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ('source\ttarget\n"Hello." she said\tx\nb\ty\n', [('"Hello." she said', "x"), ("b", "y")]),
        ('source\ttarget\n"Hello."\t"你好"\nb\ty\n', [('"Hello."', '"你好"'), ("b", "y")]),
        ('source\ttarget\n"a\tb"\tx\nplain\ty\n', [("a\tb", "x"), ("plain", "y")]),
        ('source\ttarget\n"say ""hi"""\tx\nplain\ty\n', [('say "hi"', "x"), ("plain", "y")]),
        ('"source"\t"target"\n"a"\t"x"\n"b\nc"\t"y"\n', [("a", "x"), ("b\nc", "y")]),
        ('source\ttarget\n"open\tx\nb\ty\n', [('"open', "x"), ("b", "y")]),
    ],
)
def test_quotes_in_tsv_are_marks_only_when_they_enclose_cells_consistently(
    text: str, cells: list[tuple[str, str]], tmp_path: Path
) -> None:
    rows, log = read(table(tmp_path, text, "a.tsv"))
    assert [tuple(row.values()) for _, row in rows] == cells and not log


def test_given_header_makes_the_first_row_data(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("good,pos\nbad,neg\n")
    rows, _ = read(open_source(path, header=["text", "label"]))
    assert rows == [(1, {"text": "good", "label": "pos"}), (2, {"text": "bad", "label": "neg"})]
    with pytest.raises(DataError, match="2 cells, the header given has 3 names"):
        open_source(path, header=["a", "b", "c"])
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(ConfigError, match="jsonl"):
        open_source(tmp_path / "a.jsonl", header=["text"])


def test_gzip_in_several_members_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"text,label\na,x\n") + gzip.compress(b"b,y\n") + b"\0" * 512)
    rows, _ = read(open_source(path))
    assert [tuple(cells.values()) for _, cells in rows] == [("a", "x"), ("b", "y")]


def test_a_line_of_five_megabytes_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("text,label\n" + "词" * 2_000_000 + ',x\n"' + "a\n" * 2_500_000 + '",y\nb,z\n')
    rows, log = read(open_source(path))
    assert [len(str(cells["text"])) for _, cells in rows] == [2_000_000, 5_000_000, 1] and not log


def test_reading_leaves_the_csv_modules_own_limit_alone(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    batches = table(tmp_path, "text,label\na,x\nb,y\n").batches(RowLog(), 1)
    next(batches)
    assert csv.field_size_limit() == before


allowed = st.characters(
    exclude_categories=["Cs", "Cc"], include_characters="\n\t\x85", exclude_characters="\uffff"
)
cell = st.text(allowed, max_size=20)


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=12),
    delimiter=st.sampled_from(",;|"),
)
def test_what_the_csv_module_writes_comes_back(
    records: list[tuple[str, str, str]], delimiter: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *records])
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes(buffer.getvalue().encode())
    if not any(cell.strip() for record in records for cell in record):
        with pytest.raises(DataError):
            open_source(path)
        return
    rows, log = read(open_source(path))
    assert [tuple(row.values()) for _, row in rows] == [
        tuple(c or None for c in record) for record in records
    ]
    assert not log


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def workbook(path: Path, sheets: dict[str, dict[str, str | float | bool]]) -> None:
    """The smallest .xlsx: each sheet is a mapping of cell names to values."""
    tags = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(sheets, 1))
    links = "".join(
        f'<Relationship Id="r{i}" Type="{OFFICE}/worksheet" Target="worksheets/s{i}.xml"/>'
        for i, _ in enumerate(sheets, 1)
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{TYPES}">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{SHEET_TYPE}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{OFFICE}'
        '/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{tags}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{RELATIONS}">{links}</Relationships>',
    }
    for i, cells in enumerate(sheets.values(), 1):
        rows: dict[str, str] = {}
        for place, value in cells.items():
            kind, tag = ("inlineStr", f"<is><t>{value}</t></is>") if isinstance(value, str) else ("n", "")
            if isinstance(value, bool):
                kind = "b"
            tag = tag or f"<v>{int(value) if isinstance(value, bool) else value}</v>"
            rows[place[1:]] = rows.get(place[1:], "") + f'<c r="{place}" t="{kind}">{tag}</c>'
        data = "".join(f'<row r="{row}">{content}</row>' for row, content in rows.items())
        parts[f"xl/worksheets/s{i}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{data}</sheetData></worksheet>'
        )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{content}')


def test_excel_rows_are_numbered_as_in_the_sheet(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    cells: dict[str, str | float | bool] = {"A3": "文本", "B3": " label ", "A4": "好", "B4": 3, "C4": True}
    cells |= {"A6": "bad", "B6": 2.5, "A7": "last"}
    workbook(path, {"empty": {}, "数据": cells})
    source = open_source(path)
    rows, log = read(source)
    assert source.kind == "xlsx" and source.columns == ["文本", "label", "column 3"]
    assert rows == [
        (4, {"文本": "好", "label": "3", "column 3": "true"}),
        (6, {"文本": "bad", "label": "2.5", "column 3": None}),
        (7, {"文本": "last", "label": None, "column 3": None}),
    ]
    assert log == [("dropped", "empty row", 5)]
    assert source.notes[0] == "sheet '数据' of 2"


def test_excel_without_a_header_and_zipped(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", {"s": {"A1": "good", "B1": 1, "A2": "bad", "B2": 0}})
    packed = tmp_path / "a.xlsx.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.xlsx").read_bytes()))
    for path in (tmp_path / "a.xlsx", packed):
        rows, _ = read(open_source(path, header=["text", "label"]))
        assert rows == [(1, {"text": "good", "label": "1"}), (2, {"text": "bad", "label": "0"})]
