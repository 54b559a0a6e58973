"""Sentences and parts of them as exact places: where they end, that nothing is lost, and that it is quick."""

from __future__ import annotations

import time
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textwright.text.sentences import LINE_BREAK, Span, chunks, sentences


def split(text: str) -> list[str]:
    return [span.of(text) for span in sentences(text)]


# In each text the sentences are divided by ¦, which is no part of it.
ENGLISH = """
Mr. and Mrs. J. R. R. Tolkien met Dr. Wu vs. Prof. Lee in the U.S. Senate.¦ They left.
He lives in the U.S.¦ She does not.
It cost $3.50 (approx. 2.8 €), i.e. 5 % more than at Foo Inc. in No. 5, e.g. tea etc. and so on.
Foo Inc.¦ The firm is old.¦ See fig. 3 on p. 12.¦ No.¦ I will not.
Use Python 3.11.2 or v1.0.¦ Mail to a.b@c.org or see https://a.org/b.c?d=e!f.¦ Then www.a.org/x.¦ Done!
Wait... what?¦ Well...¦ That is it.¦ Hm… no.
"Is it so?" he said.¦ "Why?" Mr. Pitt asked.¦ "Go!"¦ He went.¦ 'Yes.'¦ (He had gone.)¦ So.
He came (did he?) at 5 p.m. Monday.¦ At 6 p.m. he left.¦ It was 9 a.m.¦ I rose.
What?!¦ No!!!¦ 1. First do this.¦ 2. Then that.
i am here.¦ so are you.¦ ok?¦ fine.
A note.[1]¦ Another.¹ And **bold.**¦ Next <b>one.</b>¦ Last.
Good!¦ Very good! 👍🏽 :-)
In Jan. 2020 it rose.¦ It fell on Dec. 5.¦ I don't.¦ Mr. X did.¦ By J. Smith, Jr.¦ Mr. Y did not.
The mark "." ends it; so does '?' and no other.¦ Hello!¦How are you?¦ See foo.Bar and os.path.¦ Yes.
Call asyncio.run (e.g. for Task.Done).¦ It is at 10.0.0.1.¦ Why so?!¦ Because . . . I said so .¦ Ah.
"""
CHINESE = """
你好。¦今天天气很好！¦真的吗？¦是的；当然，没错：就是这样。
他说：“你好。”¦然后走了。¦“好吗？”他问。¦“好！”她大声地说，再见。
“走吧！”¦孟子说：“好。”¦「对。」¦『错！』¦他喊“救命！”就跑了。
我喜欢《你好吗？》这本书。¦圆周率是3.14，版本3.11.2。¦见 http://a.cn/b.html。¦再见
他……走了。¦“我……”他说。¦“我……”¦没有人听。¦什么？！¦啊！！！¦呃。。。¦好
（这是注。）¦他来了（真的吗？）又走了。¦完。
我用Python。¦You do not.¦我用 Node.js 和 U.S. 政府的数据.¦你呢?¦很好.
苹果 Apple Inc. 是公司。¦３．５是小数．¦二．这不是．¦1.概述如下。¦2.你好。
好。¦"不。"¦他说:"行。"¦走了。¦真好！😀¦下一句。
"""


@pytest.mark.parametrize("line", [*ENGLISH.split("\n")[1:-1], *CHINESE.split("\n")[1:-1]])
def test_where_sentences_end(line: str) -> None:
    parts = [part.strip() for part in line.split("¦")]
    joined = line.replace("¦", "")
    assert split(joined) == parts


def test_a_lower_case_letter_goes_on_unless_the_writer_begins_sentences_with_it() -> None:
    assert split("It was approx. five. so they left.") == ["It was approx. five. so they left."]
    assert split("it was approx. five. so they left. bye") == ["it was approx. five.", "so they left.", "bye"]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\u2028", "\u2029", "\f", "\v", "\x85", "\x1c"])
def test_every_line_is_by_itself(line_break: str) -> None:
    text = "  Dr.|Wu went||\t“好。|”走 ".replace("|", line_break)
    assert split(text) == [
        "Dr.",
        "Wu went",
        "“好。",
        "”走",
    ]
    assert split(line_break) == split("") == split(" \t") == []


SIGNS = [
    *"aB好。！？.…．!?”“\"'()（）《》;；,， \t\n\r15*_👩👧\u200d\u0301🇨🇳",
    "Mr",
    "e.g",
    "U.S",
    "The ",
    "...",
]
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(SIGNS), max_size=40).map("".join))


def check_spans(text: str, spans: list[Span], start: int, end: int) -> None:
    """Ordered, disjoint, not empty, without white space at their edges, and nothing but it between them."""
    edges = [start, *(place for span in spans for place in (span.start, span.end)), end]
    assert edges == sorted(edges)
    assert all(span.start < span.end and span.of(text) == span.of(text).strip() for span in spans)
    assert all(not text[a:b].strip() for a, b in zip(edges[::2], edges[1::2], strict=True))


@settings(max_examples=400)
@given(TEXTS)
def test_nothing_but_white_space_lies_between_sentences(text: str) -> None:
    spans = sentences(text)
    check_spans(text, spans, 0, len(text))
    assert all(not LINE_BREAK.search(span.of(text)) for span in spans)


@settings(max_examples=400)
@given(TEXTS, st.integers(1, 12), st.integers(0, 60), st.integers(0, 60))
def test_parts_are_short_and_nothing_but_white_space_lies_between_them(
    text: str, most: int, a: int, b: int
) -> None:
    start, end = sorted((min(a, len(text)), min(b, len(text))))
    parts = chunks(text, Span(start, end), most)
    check_spans(text, parts, start, end)
    for part in parts:
        assert part.end - part.start <= most or len(chunks(text, part, most)) == 1, "but for a character"
    for left, right in pairwise(parts):
        assert unicodedata.category(text[right.start])[0] != "M" or text[left.end : right.start]


@pytest.mark.parametrize(
    ("text", "most", "wanted"),
    [
        ("short", 5, ["short"]),
        ("one two, three four; five six", 20, ["one two, three four;", "five six"]),
        ("一二三，四五六；七八九十一二", 12, ["一二三，四五六；", "七八九十一二"]),
        ("一二三四五六……七，八九十一二三四", 12, ["一二三四五六……", "七，八九十一二三四"]),
        ("一二三四五六七，八九十一……二三四五六", 12, ["一二三四五六七，", "八九十一……二三四五六"]),
        ("一二三，四五六七八九十一二", 12, ["一二三，", "四五六七八九十一二"]),
        ("pay 1,000,000 now ok", 14, ["pay 1,000,000", "now ok"]),
        ("我用Python写程序呢", 8, ["我用Python", "写程序呢"]),
        ("see http://long.org/a_b", 9, ["see", "http://", "long.org/", "a_b"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("e\u0301" * 4, 3, ["e\u0301"] * 4),
        ("👩‍👩‍👧👩‍👩‍👧", 2, ["👩‍👩‍👧", "👩‍👩‍👧"]),
        ("🇨🇳🇺🇳🇫🇷", 3, ["🇨🇳", "🇺🇳", "🇫🇷"]),
        ("👍🏽👍🏽", 3, ["👍🏽", "👍🏽"]),
        ("\ud83d\ude00\ud83d\ude00", 3, ["\ud83d\ude00", "\ud83d\ude00"]),
        ("a" + "\u0301" * 9 + "b", 4, ["a" + "\u0301" * 9, "b"]),
    ],
)
def test_where_long_sentences_are_cut(text: str, most: int, wanted: list[str]) -> None:
    assert [part.of(text) for part in chunks(text, Span(0, len(text)), most)] == wanted


def test_parts_of_nothing_are_refused() -> None:
    assert chunks("  ", Span(0, 2), 1) == []
    with pytest.raises(ValueError, match="parts of 0 characters"):
        chunks("a", Span(0, 1), 0)


@pytest.mark.parametrize(
    "unit", ["a. ", '."a', "e.g. ", "(a! b", "（！", "“！a", "! ", "*.a", "((1. a", "…", " .", "a@b.c?d "]
)
def test_time_grows_with_the_text_and_not_with_its_square(unit: str) -> None:
    """Twelve times the text takes less than forty times as long; its square would be 144."""

    def seconds(size: int) -> float:
        text = (unit * size)[:size]
        start = time.process_time()
        for span in sentences(text):
            chunks(text, span, 100)
        return time.process_time() - start

    short = min(seconds(5_000), seconds(5_000))
    assert seconds(60_000) < 40 * max(short, 0.002)
