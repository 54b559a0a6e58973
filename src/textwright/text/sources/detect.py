"""Which format a file is in: by its suffix, with a look at the content for junk and for unknown suffixes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from textwright.core.errors import DataError
from textwright.text.sources.dialect import detect_dialect
from textwright.text.sources.encoding import is_wide

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".xls": "xls",
    ".ods": "ods",
    ".txt": "txt",
    ".eml": "eml",
    ".mbox": "mbox",
    ".tmx": "tmx",
}
EXCEL = ("xlsx", "xls", "ods")
BINARY = ("parquet", *EXCEL)

SIGNATURES = [
    (b"PAR1", "a Parquet file", ".parquet"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook", ".xlsx"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", ".xls"),
    (b"\x89PNG", "a PNG image", ""),
    (b"\xff\xd8\xff", "a JPEG image", ""),
    (b"GIF87a", "a GIF image", ""),
    (b"GIF89a", "a GIF image", ""),
    (b"%PDF-", "a PDF document", ""),
    (b"\x1f\x8b", "gzip data inside gzip data", ""),
    (b"BZh91AY&SY", "bzip2 data", ""),
    (b"\xfd7zXZ\0", "xz data", ""),
    (b"\x28\xb5\x2f\xfd", "zstandard data", ""),
    (b"7z\xbc\xaf", "a 7-Zip archive", ""),
    (b"Rar!\x1a", "a RAR archive", ""),
    (b"\x7fELF", "a program", ""),
    (b"SQLite format 3\0", "an SQLite database", ""),
    (b"\x93NUMPY", "a NumPy array", ""),
    (b"\x89HDF", "an HDF5 file", ""),
    (b"ARROW1", "an Arrow file", ""),
    *((bytes([0x80, version]), "a Python pickle", "") for version in range(2, 6)),
]
CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
MAX_CONTROLS = 0.05

_NAMES = """
text texts sentence sentence1 review reviews content comment message title body document article tweet
question query source target summary label labels class category sentiment score stars rating
文本 内容 评论 句子 标题 正文 评价 问题 原文 译文 摘要 标签 类别 分类 情感
"""
TEXT_NAMES = frozenset(_NAMES.split())
MAIL_HEADER = re.compile(
    r"(?im)^(from|to|subject|date|received|return-path|delivered-to|message-id|mime-version|content-type):"
)

TMX_START = re.compile(r"(?:<\?xml[^>]*>\s*|<!--.*?-->\s*|<!DOCTYPE\s[^>\[]*>\s*)*<tmx[\s>]", re.DOTALL)


def suffix_kind(path: Path) -> str | None:
    """The format that the name promises, not counting `.gz`; None when it promises nothing known."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def signature_kind(head: bytes) -> str | None:
    """The binary format that the first bytes show, for a file whose name promises nothing."""
    suffix = next((suffix for magic, _, suffix in SIGNATURES if head.startswith(magic)), "")
    return SUFFIXES.get(suffix)


def refuse_binary(head: bytes, path: Path) -> None:
    """Raise DataError when what should be text is an image, an archive or other junk."""
    for magic, what, suffix in SIGNATURES:
        if head.startswith(magic) and not is_wide(head):
            hint = f"If it is one, name it {suffix}." if suffix else "Export the data as CSV or JSON lines."
            raise DataError(f"the content is {what}, not text", path=path, hint=hint)
    start = head[:65_536]
    if not is_wide(head) and len(start) - len(start.translate(None, CONTROLS)) > MAX_CONTROLS * len(start):
        hint = "Export the data as CSV or JSON lines."
        raise DataError("the content is binary, not text", path=path, hint=hint)


def sniff_text(text: str, whole: bool) -> str:
    """The format of a text whose name promises nothing: json, jsonl, tmx, mbox, eml, csv or plain lines."""
    start = text.lstrip()
    if TMX_START.match(start):
        return "tmx"
    if start.startswith("{") or re.match(r"\[\s*\{", start):
        return json_kind(start)
    lines = text[:20_000].splitlines()
    if lines and lines[0].startswith("From ") and MAIL_HEADER.match("\n".join(lines[1:2])):
        return "mbox"
    if MAIL_HEADER.match(start) and len(MAIL_HEADER.findall(text[:20_000].partition("\n\n")[0])) > 2:
        return "eml"
    return "csv" if _has_header(text, whole) else "txt"


def json_kind(text: str) -> str:
    """Whether a text that starts like JSON is one document or one object a line.

    >>> json_kind('{"text": "a"}'), json_kind('{"text": ["a", "b"]}'), json_kind('{\\n  "text": "a"}')
    ('jsonl', 'json', 'json')
    """
    lines = [line.strip() for line in islice(io.StringIO(text.lstrip()), 100) if line.strip()]
    if not lines[0].startswith("{"):
        return "json"
    if len(lines) > 1:
        return "jsonl" if lines[0].endswith("}") or lines[1].startswith("{") else "json"
    try:
        value = json.loads(lines[0])
    except (ValueError, RecursionError):
        return "json"
    whole = all(isinstance(item, (list, dict)) for item in value.values())
    table = any(isinstance(item, list) and item and isinstance(item[0], dict) for item in value.values())
    return "json" if whole or table else "jsonl"


def _has_header(text: str, whole: bool) -> bool:
    """A header has a known name, or short distinct names over rows with as many cells."""
    dialect = detect_dialect(text, "csv", None, whole)
    rows = dialect.sample(text, whole)
    names = [cell.strip().lower() for cell in rows[0]] if rows else []
    if any(name in TEXT_NAMES for name in names):
        return True
    spaced = text.lstrip().partition("\n")[0].count(f"{dialect.delimiter} ")
    return len(names) > 1 and len(rows) > 1 and not spaced and _like_names(names, rows)


def _like_names(names: list[str], rows: Sequence[list[str]]) -> bool:
    short = all(re.fullmatch(r"[^\W\d][\w .\-/()]{0,29}", name) for name in names)
    even = sum(len(row) == len(names) for row in rows) >= 0.9 * len(rows)
    return short and even and len(set(names)) == len(names)
