"""Files that a person may well hand over: each gives its rows, or a DataError with the place and a hint."""

from __future__ import annotations

import gzip
import os
import pickle
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textwright.core.errors import DataError, MissingExtra
from textwright.text.rowlog import RowLog
from textwright.text.sources import MAX_CELL_BYTES, open_source

TABLE = b"text,label\n" + b"".join(b"text number %d,label\n" % i for i in range(20_000))


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(path: Path, log: RowLog | None = None, size: int = 4096) -> list[int]:
    log = RowLog() if log is None else log
    return [row for batch in open_source(path).batches(log, size) for row in batch.rows]


@contextmanager
def refused(path: Path, *said: str, row: int | None = None) -> Iterator[None]:
    """Expect a DataError on this file, with all of `said` in it, the row, and a hint."""
    with pytest.raises(DataError) as caught:
        yield
    error = caught.value
    assert error.path == path and error.hint and error.row == row, error
    assert all(part in str(error) for part in said), error


def test_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    written(tmp_path / "train.csv.gz", gzip.compress(TABLE))
    with refused(tmp_path / "train.csv", "no such file", "Did you mean", "train.csv.gz"):
        open_source(tmp_path / "train.csv")
    with refused(tmp_path / "qqqq", "The folder has: train.csv.gz"):
        open_source(tmp_path / "qqqq")
    with refused(tmp_path / "no" / "a.csv", "cannot be read either"):
        open_source(tmp_path / "no" / "a.csv")


def test_folder_with_nothing_readable(tmp_path: Path) -> None:
    with refused(tmp_path, "holds no texts"):
        open_source(tmp_path)
    written(tmp_path / "train.csv", TABLE)
    with refused(tmp_path, "Name one of its files: train.csv"):
        open_source(tmp_path)
    (tmp_path / "pos").mkdir()
    written(tmp_path / "pos" / "a.txt", b"\x89PNG\0")
    with refused(tmp_path, "none of the files is readable text"):
        rows_of(tmp_path)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json", "a.txt", "a.parquet", "a.eml", "a"])
@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n \n"])
def test_empty_file(name: str, content: bytes, tmp_path: Path) -> None:
    path = written(tmp_path / name, content)
    with refused(path, "Parquet" if content and name == "a.parquet" else "the file is empty"):
        open_source(path)


def test_header_only(tmp_path: Path) -> None:
    for content in ("text,label", "text,label\n\n\n", "text\n"):
        path = written(tmp_path / "a.csv", content)
        with refused(path, "no row below it"):
            open_source(path)


JUNK = {
    "a PNG image": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a zip archive": b"PK\x03\x04\x14\0\0\0\x08\0",
    "a Python pickle": pickle.dumps({"text": ["a"], "label": [1]}),
    "a Parquet file": b"PAR1\x15\x04",
    "an old Excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "gzip data inside": gzip.compress(gzip.compress(TABLE)),
    "binary": bytes(range(256)) * 10,
}


@pytest.mark.parametrize("what", JUNK)
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt", "a.json"])
def test_binary_content_under_a_text_name(what: str, name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name, JUNK[what])
    with refused(path, what):
        open_source(path)


def test_a_nul_byte_names_its_row(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", TABLE.replace(b"number 12345,", b"number \0,"))
    with refused(path, "NUL byte", row=12_347):
        rows_of(path)


def test_gzip_cut_off_says_after_which_row(tmp_path: Path) -> None:
    whole = gzip.compress(TABLE)
    path = written(tmp_path / "a.csv.gz", whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut off after this row") as caught:
        rows_of(path)
    with gzip.open(path) as file, pytest.raises(EOFError):
        lines = 0
        for _ in file:
            lines += 1
    assert caught.value.row is not None and lines <= caught.value.row < 20_000
    path = written(tmp_path / "b.csv.gz", whole[:5])
    with refused(path, "cut off"):
        open_source(path)


def test_gzip_damaged_and_gzip_in_name_only(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(TABLE))
    whole[len(whole) // 2] ^= 0xFF
    with pytest.raises(DataError, match="gzip data is damaged after this row"):
        rows_of(written(tmp_path / "a.csv.gz", bytes(whole)))
    whole = bytearray(gzip.compress(TABLE))
    whole[-6] ^= 0xFF  # the checksum
    with pytest.raises(DataError, match="gzip data is damaged"):
        rows_of(written(tmp_path / "b.csv.gz", bytes(whole)))
    path = written(tmp_path / "c.csv.gz", TABLE)
    with refused(path, "the content is not gzip"):
        open_source(path)


def test_one_line_over_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"fine\n" + b"a" * (MAX_CELL_BYTES + 1000))
    with refused(path, "limit of 100,000,000 bytes", row=2):
        rows_of(path)


def test_one_cell_over_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'text,label\nfine,x\n"' + (b"a" * 99_999 + b"\n") * (MAX_CELL_BYTES // 100_000 + 1))
    with refused(path, "limit of 100,000,000", "quote", row=3):
        rows_of(path)


def test_long_rows_come_in_small_batches(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(40):
            file.write(b"a" * 2_000_000 + b"\n")
    sizes = [len(batch.rows) for batch in open_source(path).batches(RowLog())]
    assert sum(sizes) == 40 and len(sizes) > 1


def test_quote_that_is_never_closed_and_cannot_be_mended(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", 'text,label\nfine,x\n"one\ntwo\nthree')
    with refused(path, "a quote opens here and is never closed", row=3):
        rows_of(path)
    path = written(tmp_path / "b.csv", 'text,label\nfine,x\n"one\ntwo\nthree" four" five\nsix,x\n')
    with refused(path, "closed 2 lines below, inside a cell", row=3):
        rows_of(path)


def test_json_lines(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", '{"text": \n{"text": "b"}\n')
    with refused(path, "not valid JSON", row=1):
        open_source(path)
    path = written(tmp_path / "b.jsonl", '\n["a", "b"]\n')
    with refused(path, "not a JSON object", row=2):
        open_source(path)
    lines = ['{"text": "a"}'] * 18 + ['{"text": "cut'] * 2
    path = written(tmp_path / "c.jsonl", "\n".join(lines))
    with refused(path, "2 of 20 lines", row=19):
        rows_of(path)
    log = RowLog()
    assert len(rows_of(written(tmp_path / "d.jsonl", "\n".join(lines[:-1])), log)) == 18
    assert log.counts == {("dropped", "not valid JSON"): 1}


def test_json_documents(tmp_path: Path) -> None:
    for content, said in {
        '[{"text": "a"},': "not valid JSON",
        '{"a": {"0": "x"}, "b": {"0": "y"}}': "no table",
        '[{"text": "a"}, 3]': "not a JSON object",
        '{"a": [1, 2], "b": [1]}': "differ in length: 'a' 2, 'b' 1",
        '{"data": []}': "no rows",
        "[" * 100_000: "nested too deeply",
    }.items():
        path = written(tmp_path / "a.json", content)
        with refused(path, said, row=2 if said == "not a JSON object" else None):
            open_source(path)


def test_json_nested_as_deeply_as_the_parser_takes(tmp_path: Path) -> None:
    deep = ['{"text": ' + "[" * depth + "]" * depth + "}" for depth in range(800, 1000, 20)]
    lines = ['{"text": "a"}'] * 200 + deep
    log = RowLog()
    rows = rows_of(written(tmp_path / "a.jsonl", "\n".join(lines)), log)
    assert len(rows) + sum(log.counts.values()) == len(lines)


def test_parquet_and_workbooks(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", TABLE)
    with refused(path, "not a readable Parquet file"):
        open_source(path)
    pq.write_table(pa.table({"text": [f"some text {i}" for i in range(5000)]}), tmp_path / "b.parquet")
    data = bytearray((tmp_path / "b.parquet").read_bytes())
    data[100:4000] = b"\xff" * 3900
    path = written(tmp_path / "b.parquet", bytes(data))
    with refused(path, "damaged from about here", row=1):
        rows_of(path)
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "c.parquet")
    with refused(tmp_path / "c.parquet", "no rows"):
        open_source(tmp_path / "c.parquet")
    for name, content in {
        "a.xlsx": TABLE,
        "b.xlsx": b"PK\x03\x04junk",
        "a.xls": TABLE,
        "a.ods": TABLE,
    }.items():
        path = written(tmp_path / name, content)
        with refused(path, "not a readable workbook"):
            open_source(path)
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    with refused(tmp_path / "c.xlsx", "not a readable workbook"):
        open_source(tmp_path / "c.xlsx")


def test_excel_without_calamine_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingExtra, match=r"textwright\[files\]"):
        open_source(written(tmp_path / "a.xlsx", b"PK\x03\x04"))


def test_mail_that_is_none(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mbox", "just text\n\nFrom nobody")
    assert rows_of(path) == [1]  # a body without header fields
    path = written(tmp_path / "b.mbox", "From a\nFrom b\n")
    with refused(path, "no message"):
        open_source(path)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_no_permission(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = written(tmp_path / "a.csv", TABLE)
    path.chmod(0)
    folder.chmod(0)
    was_root = os.geteuid() == 0
    for parent in takewhile(lambda p: p != Path(tempfile.gettempdir()), (tmp_path, *tmp_path.parents)):
        parent.chmod(0o755)
    if was_root:
        os.seteuid(65_534)
    try:
        with refused(path, "no permission"):
            open_source(path)
        with refused(folder, "Permission denied"):
            open_source(folder)
    finally:
        if was_root:
            os.seteuid(0)
        folder.chmod(0o755)


PIECES = [
    b"text",
    "很好".encode(),
    "很好".encode("gbk"),
    b'"',
    b'""',
    b",",
    b";",
    b"\t",
    b"\n",
    b"\r\n",
    b"\r",
    b" ",
]
csv_bytes = st.one_of(
    st.lists(st.sampled_from([*PIECES, b"\xff", b"\0", b"a,b\n", b'"a",b\n']), max_size=60).map(b"".join),
    st.lists(st.sampled_from(PIECES), max_size=60).map(lambda pieces: b"text,label\n" + b"".join(pieces)),
    st.binary(max_size=200),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=csv_bytes,
    name=st.sampled_from(["a.csv", "a.tsv", "a", "a.txt"]),
    size=st.sampled_from([1, 3, 4096]),
)
def test_any_bytes_give_rows_that_add_up_or_a_data_error(
    content: bytes, name: str, size: int, tmp_path: Path
) -> None:
    path = written(tmp_path / name, content)
    log = RowLog()
    try:
        source = open_source(path)
        rows = []
        for batch in source.batches(log, size):
            assert list(batch.columns) == source.columns and 0 < len(batch.rows) <= size
            for column in batch.columns.values():
                assert len(column) == len(batch.rows)
                assert all(
                    cell is None or (cell and isinstance(cell, str) and cell.encode()) for cell in column
                )
            rows += batch.rows
    except DataError as error:
        assert error.path == path and str(error)
        return
    rows += [record["row"] for record in log.records() if record["action"] == "dropped"]
    assert rows and len(rows) == len(set(rows)) == max(rows) - min(rows) + 1
