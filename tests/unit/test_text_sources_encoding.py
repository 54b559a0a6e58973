"""Which encoding a text is in, and what happens to bytes that do not fit it."""

from __future__ import annotations

from pathlib import Path

import pytest

from textwright.text.rowlog import RowLog
from textwright.text.sources import open_source
from textwright.text.sources.encoding import decide_encoding

CHINESE = "这家酒店的服务态度很好，房间也干净，下次还会再来。"
TRADITIONAL = "這家酒店的服務態度很好，房間也乾淨，下次還會再來。"
FRENCH = "Ce film était très réussi, même si l’été à la plage coûtait 5 €.\n"
RUSSIAN = "Это очень хороший фильм, мне понравилось. Рекомендую всем посмотреть!\n"


def column(path: Path, name: str = "text") -> tuple[list[object], list[str], RowLog]:
    log, source = RowLog(), open_source(path)
    return [cell for batch in source.batches(log) for cell in batch.columns[name]], source.notes, log


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        (CHINESE, "utf-8", "UTF-8"),
        (CHINESE, "utf-8-sig", "UTF-8 with byte order mark"),
        (CHINESE, "gbk", "GB18030"),
        (CHINESE + "𠀀", "gb18030", "GB18030"),
        (TRADITIONAL, "gb18030", "GB18030"),
        (CHINESE, "utf-16", "UTF-16 LE with byte order mark"),
        (CHINESE + "\n", "utf-16-le", "UTF-16 LE"),
        (CHINESE + "\n", "utf-16-be", "UTF-16 BE"),
        (FRENCH, "cp1252", "Windows-1252"),
        (FRENCH, "utf-8", "UTF-8"),
        ("联通", "gbk", "GB18030 (a guess)"),  # the two characters that Windows Notepad once took for UTF-8
        (TRADITIONAL, "big5", "Big5"),
        (RUSSIAN, "cp1251", "cp1251 (a guess)"),
        ("plain", "ascii", "ASCII"),
    ],
)
def test_encoding_is_found_and_decodes_to_the_same_text(
    text: str, codec: str, name: str, tmp_path: Path
) -> None:
    assert decide_encoding(text.encode(codec)).name == name
    (tmp_path / "a.csv").write_bytes(f"text,label\n{text.strip()},1\n".replace(", ", " ").encode(codec))
    path = tmp_path / "b.tsv"
    path.write_bytes(f"text\tlabel\n{text.strip()}\t1\n".encode(codec))
    cells, notes, log = column(path)
    assert cells == [text.strip()] and notes[0] == f"encoding {name}" and not log.counts


def test_chinese_after_megabytes_of_ascii_is_found(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    plain = "a good film,1\n" * 400_000  # 5.6 MB: beyond what is sampled at the beginning
    late = "text,label\n" + plain + f"{CHINESE},2\n"
    path.write_bytes(late.encode("gb18030") + plain.encode() * 1)
    cells, notes, log = column(path)
    assert cells[400_000] == CHINESE and len(cells) == 800_001
    assert notes == ["encoding GB18030", "delimiter ','"] and not log.counts


def test_chinese_in_the_tail_is_found_when_the_file_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "tail.txt"
    path.write_bytes(b"a good film\n" * 500_000 + f"{CHINESE}\n".encode("gb18030"))
    assert open_source(path).notes == ["encoding GB18030"]


def test_broken_bytes_of_utf8_are_replaced_and_their_rows_logged(tmp_path: Path) -> None:
    path = tmp_path / "broken.csv"
    good = f"{CHINESE},好\n".encode()
    path.write_bytes("文本,标签\n".encode() + good * 9 + "很好".encode()[:4] + ",坏\n".encode() + good)
    cells, notes, log = column(path, "文本")
    assert cells == [CHINESE] * 9 + ["很\ufffd", CHINESE]
    assert notes[0] == "encoding UTF-8"
    assert [(r["reason"], r["row"]) for r in log.records()] == [("undecodable bytes replaced", 11)]


def test_a_broken_byte_late_in_a_large_file_is_logged_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    lines = [f"{CHINESE}\n".encode()] * 100_000  # 7.6 MB
    lines[70_000] = b"\xff" + lines[0]
    path.write_bytes(b"".join(lines))
    cells, _, log = column(path)
    assert cells[70_000] == "\ufffd" + CHINESE and len(cells) == 100_000
    assert [(r["reason"], r["row"]) for r in log.records()] == [("undecodable bytes replaced", 70_001)]


def test_rows_cut_in_the_middle_of_a_character_leave_gb18030_recognised(tmp_path: Path) -> None:
    path = tmp_path / "cut.txt"
    path.write_bytes(b"\n".join(CHINESE.encode("gb18030")[:length] for length in range(20, 48)))
    cells, notes, log = column(path)
    assert notes == ["encoding GB18030"] and cells[0] == CHINESE[:10] and len(cells) == 28
    assert log.counts == {("changed", "undecodable bytes replaced"): 14}


@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "utf-16-le"])
def test_a_character_across_two_blocks_survives(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "blocks.txt"
    line = CHINESE + "a" * 1021 + "\n"  # block ends fall at every position within a character
    path.write_bytes((line * 3000).encode(codec))
    cells, _, log = column(path)
    assert cells == [line.rstrip()] * 3000 and not log.counts


def test_a_broken_byte_behind_a_character_across_two_blocks_harms_only_its_row(tmp_path: Path) -> None:
    path = tmp_path / "both.txt"
    lines = ["的一是不了在人有我他\n".encode("gb18030")] * 30_000  # 21 bytes: a block of 2**18 ends inside 的
    lines[13_000] = b"\xff" + lines[0]
    path.write_bytes(b"".join(lines))
    cells, _, log = column(path)
    assert {i for i, cell in enumerate(cells) if cell != "的一是不了在人有我他"} == {13_000}
    assert log.counts == {("changed", "undecodable bytes replaced"): 1}


def test_an_odd_byte_at_the_end_of_utf16_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(f"{CHINESE}\nend".encode("utf-16") + b"\x41")
    cells, _, log = column(path)
    assert cells == [CHINESE, "end\ufffd"] and log.counts == {("changed", "undecodable bytes replaced"): 1}
