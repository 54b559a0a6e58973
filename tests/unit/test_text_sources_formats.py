"""JSON, Parquet, lines, folders, mail, standard input: columns, cells, row numbers."""

from __future__ import annotations

import datetime
import gc
import gzip
import io
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textwright.text.rowlog import RowLog
from textwright.text.sources import Source, open_source
from textwright.text.sources.base import MAX_BATCH_BYTES, batched
from textwright.text.sources.mail import html_to_text

Rows = list[tuple[int, dict[str, object]]]


def read(source: Source, size: int = 4096) -> tuple[Rows, list[tuple[str, str, int]]]:
    """Every row with its number, and every log entry."""
    log = RowLog()
    rows: Rows = []
    for batch in source.batches(log, size):
        columns = batch.columns.items()
        rows += [(row, {name: column[i] for name, column in columns}) for i, row in enumerate(batch.rows)]
    return rows, [(r["action"], r["reason"], r["row"]) for r in log.records()]


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


RECORDS = [
    {"text": "好", "label": ["a", "b"], "n": 3, "x": 3.0, "ok": True, "deep": {"k": [1, "二"]}},
    {"text": "", "label": [], "n": None, "new": "seen"},
    {"text": "c\nd", "label": "a", "x": float("nan")},
]
CELLS: list[dict[str, object]] = [
    {
        "text": "好",
        "label": ["a", "b"],
        "n": "3",
        "x": "3.0",
        "ok": "true",
        "deep": '{"k": [1, "二"]}',
        "new": None,
    },
    {"text": None, "label": [], "n": None, "x": None, "ok": None, "deep": None, "new": "seen"},
    {"text": "c\nd", "label": "a", "n": None, "x": None, "ok": None, "deep": None, "new": None},
]


@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_lines(ascii_only: bool, tmp_path: Path) -> None:
    lines = [json.dumps(record, ensure_ascii=ascii_only) for record in RECORDS]
    path = written(tmp_path / "a.jsonl.gz", gzip.compress("\n\n".join(lines).encode()))
    source = open_source(path)
    rows, log = read(source, 2)
    assert source.kind == "jsonl" and rows == list(zip((1, 3, 5), CELLS, strict=True))
    assert log == [("dropped", "empty row", 2), ("dropped", "empty row", 4)]


@pytest.mark.parametrize("layout", ["list", "data", "pretty", "lines"])
def test_json_documents(layout: str, tmp_path: Path) -> None:
    content = {
        "list": json.dumps(RECORDS),
        "data": json.dumps({"version": 1, "data": RECORDS}),
        "pretty": json.dumps(RECORDS, indent=2, ensure_ascii=False),
        "lines": "\n".join(map(json.dumps, RECORDS)),
    }[layout]
    source = open_source(written(tmp_path / "a.json", content))
    rows, _ = read(source, 2)
    assert source.kind == ("jsonl" if layout == "lines" else "json")
    assert rows == list(enumerate(CELLS, start=1))


def test_json_object_of_lists(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", '{"text": ["a", "b"], "label": [1, 0]}')
    assert read(open_source(path))[0] == [(1, {"text": "a", "label": "1"}), (2, {"text": "b", "label": "0"})]


def test_lone_surrogates_in_json_do_not_get_through(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.json"):
        lines = ['{"text": "fine \\ud83d\\ude00"}', '{"text": "cut \\ud83d"}']
        content = "\n".join(lines) if name == "a.jsonl" else f"[{','.join(lines)}]"
        rows, log = read(open_source(written(tmp_path / name, content)))
        assert [cells["text"] for _, cells in rows] == ["fine 😀", "cut \ufffd"]
        assert log == [("changed", "broken Unicode escape replaced", 2)]


def test_some_bad_json_lines_are_dropped_and_unknown_keys_are_told(tmp_path: Path) -> None:
    lines = [f'{{"text": "{i}"}}' for i in range(2000)]
    lines[30], lines[40], lines[1500] = '{"text": "cut', "[1, 2]", '{"text": "x", "late": 1}'
    rows, log = read(open_source(written(tmp_path / "a.jsonl", "\n".join(lines))))
    assert len(rows) == 1998 and rows[1498] == (1501, {"text": "x"})
    assert log == [
        ("dropped", "not valid JSON", 31),
        ("dropped", "not a JSON object", 41),
        ("changed", "a key that the first rows do not have is left out", 1501),
    ]


def test_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["好", "", None],
            "label": pa.array([["a", "b"], [], None], pa.list_(pa.string())),
            "score": pa.array([0.1, None, 3.0], pa.float32()),
            "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
            "n": pa.array([1, None, 2], pa.int8()),
            "day": pa.array([datetime.date(2024, 1, 2), None, None]),
            "when": pa.array([1, None, None], pa.timestamp("ns")),
            "raw": pa.array([b"ok", b"bad\xff", None]),
            "deep": [{"k": 1}, None, None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    packed = written(tmp_path / "b.parquet.gz", gzip.compress((tmp_path / "a.parquet").read_bytes()))
    for path in (tmp_path / "a.parquet", packed):
        source = open_source(path)
        rows, log = read(source, 2)
        assert [row for row, _ in rows] == [1, 2, 3]
        columns = {name: [cells[name] for _, cells in rows] for name in source.columns}
        assert columns == {
            "text": ["好", None, None],
            "label": [["a", "b"], [], None],
            "score": ["0.1", None, "3.0"],
            "kind": ["x", "y", "x"],
            "n": ["1", None, "2"],
            "day": ["2024-01-02", None, None],
            "when": ["1970-01-01 00:00:00.000000001", None, None],
            "raw": ["ok", "bad\ufffd", None],
            "deep": ['{"k": 1}', None, None],
        }
        assert log == [("changed", "undecodable bytes replaced", 2)]


def test_lines_keep_their_characters_and_numbers(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", 'one, "two"\tthree\r\n\r\n  next\u2028line \x85\r\nlast')
    rows, log = read(open_source(path))
    assert rows == [
        (1, {"text": 'one, "two"\tthree'}),
        (3, {"text": "  next\u2028line \x85"}),
        (4, {"text": "last"}),
    ]
    assert log == [("dropped", "empty row", 2)]


def test_fasttext_labels(tmp_path: Path) -> None:
    content = "__label__pos good film\n__label__a __label__b two\n" * 10 + "none at all\n"
    source = open_source(written(tmp_path / "a.txt", content))
    rows, _ = read(source)
    assert source.columns == ["text", "label"] and "labels in fastText's form" in source.notes
    assert [tuple(cells.values()) for _, cells in rows[:2]] == [("good film", "pos"), ("two", ["a", "b"])]
    assert rows[-1] == (21, {"text": "none at all", "label": None})


def test_folder_of_labels(tmp_path: Path) -> None:
    written(tmp_path / "pos" / "2.txt", "good\n")
    written(tmp_path / "pos" / "1.txt", "很好\r\n第二行\n".encode("gb18030"))
    written(tmp_path / "neg" / "1.txt", "")
    written(tmp_path / "neg" / "cut.txt", "很差很差很差".encode()[:-1])
    written(tmp_path / "neg" / "image.txt", b"\x89PNG\r\n\x1a\n\0\0")
    for hidden in (".hidden/a.txt", "pos/.a.txt", "__MACOSX/a.txt", "README.txt"):
        written(tmp_path / hidden, "not read")
    source = open_source(tmp_path)
    rows, log = read(source, 2)
    assert rows == [
        (1, {"text": None, "label": "neg"}),
        (2, {"text": "很差很差很\ufffd", "label": "neg"}),
        (4, {"text": "很好\r\n第二行", "label": "pos"}),
        (5, {"text": "good", "label": "pos"}),
    ]
    assert log == [("changed", "undecodable bytes replaced", 2), ("dropped", "file is not text", 3)]
    assert source.notes == ["2 folders as labels", "1 files beside the folders are not read"]


def test_flat_folder_names_the_files(tmp_path: Path) -> None:
    written(tmp_path / "b.txt", "second")
    written(tmp_path / "a.txt", "first")
    assert [tuple(cells.values()) for _, cells in read(open_source(tmp_path))[0]] == [
        ("first", "a.txt"),
        ("second", "b.txt"),
    ]


MAIL = (
    "From: =?gb2312?B?1tDOxA==?= <a@example.com>\r\nTo: b@example.com\r\nSubject: =?utf-8?Q?caf=C3=A9?=\r\n"
    "Date: Mon, 01 Jan 2024 10:00:00 +0800\r\nMIME-Version: 1.0\r\n"
)
FIELDS = {
    "subject": "café",
    "from": "中文 <a@example.com>",
    "to": "b@example.com",
    "date": "2024-01-01T10:00:00+08:00",
}


def test_mail_with_html_only_in_a_wider_character_set_than_declared(tmp_path: Path) -> None:
    head = MAIL + "Content-Type: text/html; charset=gb2312\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    body = "<html><head><title>no</title></head><body><p>朱镕基 &amp; 你好</p>二<br>三<script>no</script>"
    rows, _ = read(open_source(written(tmp_path / "a.eml", head.encode() + body.encode("gbk"))))
    assert rows == [(1, {"text": "朱镕基 & 你好\n二\n三", **FIELDS})]


def test_mailbox_prefers_the_plain_part_and_unquotes_from_lines(tmp_path: Path) -> None:
    parts = (
        'Content-Type: multipart/alternative; boundary="x"\r\n\r\n'
        "--x\r\nContent-Type: text/html\r\n\r\n<b>no</b>"
        "\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nplain\r\n>From here\r\n--x--\r\n"
    )
    message = MAIL + parts
    path = written(
        tmp_path / "a.mbox", f"From a Mon\r\n{message}\r\nFrom b Tue\r\nSubject: two\r\n\r\nbody\r\n"
    )
    rows, _ = read(open_source(path), 1)
    assert rows[0] == (1, {"text": "plain\nFrom here", **FIELDS})
    assert rows[1] == (2, {"text": "body", "subject": "two", "from": None, "to": None, "date": None})
    unnamed = written(tmp_path / "archive", path.read_bytes())
    assert open_source(unnamed).kind == "mbox"


def test_folder_of_mail_has_the_header_fields(tmp_path: Path) -> None:
    written(tmp_path / "spam" / "1.eml", MAIL + "\r\nbuy\r\n")
    written(tmp_path / "ham" / "1.txt", "hello")
    rows, _ = read(open_source(tmp_path))
    assert rows[0][1] == {"text": "hello", "label": "ham", **dict.fromkeys(FIELDS)}
    assert rows[1][1] == {"text": "buy", "label": "spam", **FIELDS}


def test_batches_end_early_when_rows_are_long() -> None:
    text = "a" * (MAX_BATCH_BYTES // 2)
    batches = list(batched(["text"], ((row, [text]) for row in range(1, 6)), 4096))
    assert [batch.rows for batch in batches] == [[1, 2, 3], [4, 5]]


def test_html_to_text_reads_what_a_reader_sees() -> None:
    html = "<style>x</style><h1>Title</h1>a <b>bold</b>\n word<ul><li>one<li>two</ul>3 &lt; 4 &#20320;"
    assert html_to_text(html) == "Title\na bold word\none\ntwo\n3 < 4 你"


@pytest.mark.parametrize(
    ("content", "kind", "columns", "num_rows"),
    [
        ('{"text": "a"}\n{"text": "b"}\n', "jsonl", ["text"], 2),
        ("text,label\na,x\nb,y\n", "csv", ["text", "label"], 2),
        ("评论\n很好\n很差\n", "csv", ["评论"], 2),
        ("id;note\n1;a\n2;b\n", "csv", ["id", "note"], 2),
        ("What a great film, loved it\n", "txt", ["text"], 1),
        ("Good film, nice\nBad film, sad\n", "txt", ["text"], 2),
        ("很好看，我很喜欢\n不好看\n", "txt", ["text"], 2),
    ],
)
def test_standard_input(
    content: str,
    kind: str,
    columns: list[str],
    num_rows: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content.encode())))
    source = open_source("-")
    assert (source.kind, source.columns, str(source.path)) == (kind, columns, "-")
    assert len(read(source)[0]) == num_rows == len(read(source)[0])
    assert list(tmp_path.iterdir())
    del source
    gc.collect()
    assert not list(tmp_path.iterdir())  # the copy goes with the source


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("text,label\na,x\n",))
    writer.start()
    source = open_source(path)
    writer.join()
    assert read(source) == read(source) == ([(2, {"text": "a", "label": "x"})], [])


def test_content_decides_when_the_suffix_does_not(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "table.dat")
    assert open_source(tmp_path / "table.dat").kind == "parquet"
    assert open_source(written(tmp_path / "a.log", '[{"text": "a"}]')).kind == "json"


def test_opening_a_table_imports_neither_torch_nor_arrow() -> None:
    code = "import sys, textwright.text.sources; print([m for m in ('torch', 'pyarrow') if m in sys.modules])"
    import subprocess

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
