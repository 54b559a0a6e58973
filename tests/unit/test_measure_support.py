"""Names and numbers that a summary made up: found, and others left alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textwright.core.errors import DataError
from textwright.measure.numerals import Values, numerals
from textwright.measure.support import support, unsupported


@pytest.mark.parametrize(
    ("source", "summary"),
    [
        ("It cost 1,000 yuan.", "It cost 1000 yuan."),
        ("It cost 5, 000 yuan.", "It cost 5,000 yuan."),
        ("面积320公里", "面积三百二十公里"),
        ("增长百分之九十八点九", "增长98.9%"),
        ("增长９８．９％", "增长98.9%"),
        ("投入31,987亿元", "投入3.2万亿元"),
        ("累计30215人", "累计超3万人"),
        ("共29876人", "近3万人"),
        ("有247人", "约250人，240多人"),
        ("共1亿2000万吨", "共1.2亿吨"),
        ("二〇二五年三月五日", "2025年3月5日"),
        ("3月31日，5日和6日", "3月5日"),
        ("占六成", "占60%"),
        ("两万零五人", "20005人"),
        ("half past three", "at 3:30"),
        ("at 15:30", "at 3:30"),
        ("a quarter to five", "at 4:45"),
        ("seven thirty p.m.", "at 7.30"),
        ("two hundred and fifty-six pages", "There are 256 pages"),
        ("born in nineteen ninety-five", "Now 1995 matters"),
        ("the twenty-first", "on the 21st"),
        ("two and a half hours", "takes 2.5 hours"),
        ("a dozen eggs", "with 12 eggs"),
        ("forty-three dollars and twenty cents", "It is $43.20"),
        ("call 555-12 34", "call 5551234"),
        ("in march, the fifth", "by 3月5日"),
        ("I met tom baker in new york.", "There Tom Baker met in New York."),
        ("He flew from China to the US.", "A Chinese man flew to America."),
        ("the United Nations said", "Now the UN said"),
        ("WeChat and face book", "On Wechat and Facebook"),
        ("O'Neill's car", "It is O’Neill's car, and O'Neill'll sell it"),
        ("x", "I'm OK, says Mr. Mom on TV."),
        ("国产大飞机C919与5G网络", "Ｃ919用上5g网络"),
        ("", "Monday is a day. Tuesday too! “Wednesday” as well: Thursday."),
        ("", "一起看看，万一千万别去，三三两两"),
        ("", "EVERYBODY IS VERY HAPPY HERE TODAY"),
    ],
)
def test_what_stands_in_the_source(source: str, summary: str) -> None:
    assert unsupported(source, summary) == []


@pytest.mark.parametrize(
    ("source", "summary", "expected"),
    [
        ("It cost 1,000 yuan.", "It cost 1001 yuan.", ["1001"]),
        ("累计3021人", "累计近3000人", ["3000"]),
        ("about 250 people", "now over 300 people", ["300"]),
        ("共3.2万吨", "共3.2亿吨", ["3.2亿"]),
        ("面积320公里", "面积三百三十公里", ["三百三十"]),
        ("5月3日", "3月5日", ["3月5日"]),
        ("累计30215人", "累计超4万人", ["4万"]),
        ("增长98.9%", "增长98.1%", ["98.1"]),
        ("at 3:30", "at 3:40", ["3:40"]),
        ("in 2022", "Held in 2020", ["2020"]),
        ("room 713", "in room 173", ["173"]),
        ("Tom met Ann.", "Yes, Tom met Anna Bell.", ["Bell"]),
        ("John came.", "It was Johnson.", ["Johnson"]),
        ("国际货币基金组织称", "IMF称", ["IMF"]),
        ("Smith", "It is Dr. Jones of the B.B.C. there", ["Jones", "B.B.C"]),
    ],
)
def test_what_does_not(source: str, summary: str, expected: list[str]) -> None:
    found = unsupported(source, summary)
    assert [one.text for one in found] == expected
    assert all(summary[one.start : one.end] == one.text for one in found)


@given(st.text("0123456789,.:%年月日三十百千万亿点两零一半成 ABcd'’-。！é", max_size=40))
def test_a_text_supports_itself(text: str) -> None:
    assert unsupported(text, text) == []


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_read(source: str, summary: str) -> None:
    for one in unsupported(source, summary):
        assert summary[one.start : one.end] == one.text != ""


@given(st.integers(1, 10**8))
def test_separators_and_units_do_not_matter(number: int) -> None:
    for written in (f"{number}", f"{number:,}"):
        (found,) = numerals(f"共{written}个")
        assert found.value == number
        assert Values(f"有 {number:,} 个").hold(found)


def test_a_set_of_summaries() -> None:
    found = support(
        ["Tom has 3 cats."] * 4, ["Here Tom has 3 cats.", "Here Bob has 4.", "Nothing.", "Now 3."]
    )
    assert found["flagged"]["value"] == 0.25
    assert found["names"] == {"n": 2, "supported": 0.5}
    assert found["numbers"] == {"n": 3, "supported": pytest.approx(2 / 3)}
    assert support(["a"], ["b"])["names"] == {"n": 0, "supported": None}
    json.dumps(found, allow_nan=False)
    with pytest.raises(DataError, match="no row"):
        support([], [])
    with pytest.raises(ValueError, match="1 sources but 0 summaries"):
        support(["a"], [])
