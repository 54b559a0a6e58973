"""Two plain files, line by line: read, compressed or not; what does not belong together is told."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textwright.core.errors import DataError
from textwright.text.pairs.aligned import BLANK_SOURCE, BLANK_TARGET, read_aligned, read_given
from textwright.text.pairs.checking import Told
from textwright.text.pairs.drift import first_fault
from textwright.text.pairs.reading import Asked, Pair
from textwright.text.rowlog import RowLog


def texts(seed: int, count: int) -> tuple[list[str], list[str]]:
    """Lines whose translations are about as long."""
    draw = random.Random(seed)
    lengths = [draw.randint(3, 40) for _ in range(count)]
    return ["the cat " * n for n in lengths], [
        "die Katze " * max(n + draw.randint(-1, 1), 1) for n in lengths
    ]


def written(folder: Path, *sides: list[str], names: tuple[str, str] = ("a.en", "a.de")) -> tuple[Path, Path]:
    paths = [folder / name for name in names]
    for path, side in zip(paths, sides, strict=True):
        path.write_text("\n".join(side) + "\n", encoding="utf-8")
    return paths[0], paths[1]


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), place=st.integers(0, 299), kind=st.sampled_from(["lost", "split"]))
def test_a_lost_or_split_line_is_found_within_a_few(seed: int, place: int, kind: str) -> None:
    left, right = texts(seed, 300)
    side = (left, right)[seed % 2]
    if kind == "lost":
        del side[place]
    else:
        half = len(side[place]) // 2
        side[place : place + 1] = [side[place][:half], side[place][half:]]
    found = first_fault(left, right)
    # Of the last lines too few follow to tell; the end of the shorter one is said then.
    assert found is not None and (abs(found - (place + 1)) <= 8 or (place > 285 and found > 285))


def test_the_first_of_several_faults_is_told_in_long_files() -> None:
    left, right = texts(1, 9_000)
    for place in (8_000, 6_500, 5_001):
        del right[place]
    found = first_fault(left, right)
    assert found is not None and abs(found - 5_002) <= 5


def test_nothing_is_told_where_lengths_say_nothing() -> None:
    left, right = texts(2, 300)
    random.Random(3).shuffle(right)
    assert first_fault(left, right[:-5]) is None
    assert first_fault(left[:10], right[:9]) is None
    assert first_fault(["same"] * 300, ["gleich"] * 298) is None


def test_unequal_counts_are_told_with_the_place(tmp_path: Path) -> None:
    left, right = texts(4, 200)
    lost = [*right[:90], *right[91:]]
    with pytest.raises(DataError, match=r"a\.en has 200 lines, a\.de has 199") as caught:
        read_aligned(*written(tmp_path, left, lost), RowLog())
    assert caught.value.row is not None and abs(caught.value.row - 91) <= 5
    assert "a line that was lost or split" in caught.value.hint
    with pytest.raises(DataError, match=r"a\.en has 200 lines, a\.de has 120") as caught:
        read_aligned(*written(tmp_path, left, right[:120]), RowLog())
    assert caught.value.hint.startswith("Up to line 120 the lengths go together: the end of a.de seems")
    with pytest.raises(DataError) as caught:
        read_aligned(*written(tmp_path, left[:5], right[:4]), RowLog())
    assert caught.value.row is None and "look for a line" in caught.value.hint


def test_either_file_may_be_gzip_and_of_any_encoding(tmp_path: Path) -> None:
    source, target = tmp_path / "a.en", tmp_path / "a.zh.gz"
    source.write_bytes("Hello.\r\nYes.\r\n".encode("utf-16"))
    target.write_bytes(gzip.compress("你好。\n是。\n".encode("gb18030")))
    assert read_aligned(source, target, RowLog()) == [Pair("Hello.", "你好。", 1), Pair("Yes.", "是。", 2)]


def test_blank_lines_are_counted_and_listed(tmp_path: Path) -> None:
    log = RowLog()
    pairs = read_aligned(*written(tmp_path, ["a b", "", "c d", " "], ["x y", "z", "\t", ""]), log)
    assert [pair.row for pair in pairs] == [1]
    assert log.counts == {("dropped", BLANK_SOURCE): 2, ("dropped", BLANK_TARGET): 1}
    assert [(r["row"], r["reason"]) for r in log.records()] == [
        (2, BLANK_SOURCE),
        (3, BLANK_TARGET),
        (4, BLANK_SOURCE),
    ]


def test_files_that_are_called_by_each_others_language_are_refused(tmp_path: Path) -> None:
    english = [f"The cat number {n} is on the mat and it is not mine." for n in range(30)]
    chinese = [f"第{n}只猫在垫子上，它不是我的。" for n in range(30)]
    with pytest.raises(DataError, match=r"'a\.en' and 'a\.zh' are swapped: each holds the language of"):
        read_aligned(*written(tmp_path, chinese, english, names=("a.en", "a.zh")), RowLog())
    told = Told()
    names = ("a.1", "a.2")
    assert len(read_aligned(*written(tmp_path, chinese, english, names=names), RowLog(), told=told)) == 30
    assert told.languages == ("zh", "en")


def test_what_is_no_pair_of_plain_files_is_refused(tmp_path: Path) -> None:
    source, target = written(tmp_path, ["a"], ["b"])
    table = tmp_path / "a.tsv"
    table.write_text("en\tde\na\tb\n", encoding="utf-8")
    for files, second, asked, message in [
        ([source], table, Asked(), "this is a tsv file"),
        ([table], target, Asked(), "this is a tsv file"),
        ([source], source, Asked(), "are the same"),
        ([source], target, Asked(source="en"), "a plain file has no column 'en'"),
        ([source, source], target, Asked(), "got 2 files"),
        ([source], tmp_path / "none.de", Asked(), "there is no such file"),
        ([source], tmp_path, Asked(), "this is not a file"),
    ]:
        with pytest.raises(DataError, match=message):
            read_given(files, second, asked, RowLog())
