"""The Chinese how-to pages follow the English ones: code, headings, tables, quoted messages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from textwright.report.messages import catalogue

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
PAGES = sorted(path.name for path in HOW_TO.glob("*.md"))
CHINESE = re.compile("[\u4e00-\u9fff]")
# A part of a message in both languages, as 排错 quotes it: `中文`（`English`…
QUOTED = re.compile(r"`([^`]*[\u4e00-\u9fff][^`]*|[^`]+)`（`([^`]+)`")


def read(page: str, language: str) -> str:
    return (HOW_TO / ("zh" if language == "zh" else "") / page).read_text(encoding="utf-8")


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and code of each block, without comments that stand behind code or alone."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [(kind, re.sub(r"(^|  +)# .*$", "", code, flags=re.MULTILINE)) for kind, code in found]


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def headings(text: str) -> list[str]:
    """The level of each heading, and what of it is code."""
    found = re.findall(r"^(#+) (.*)$", prose(text), flags=re.MULTILINE)
    return [f"{level} {' '.join(re.findall('`[^`]+`', title))}" for level, title in found]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in prose(text).splitlines() if line.startswith("|")]
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]


def test_every_page_is_there_in_both_languages() -> None:
    assert sorted(path.name for path in (HOW_TO / "zh").glob("*.md")) == PAGES
    assert "verbs.md" in PAGES


@pytest.mark.parametrize("page", PAGES)
def test_code_is_the_same(page: str) -> None:
    english, chinese = blocks(read(page, "en")), blocks(read(page, "zh"))
    assert english == chinese
    assert english or page == "troubleshooting.md"


@pytest.mark.parametrize("page", PAGES)
def test_headings_and_tables_correspond(page: str) -> None:
    english, chinese = read(page, "en"), read(page, "zh")
    assert headings(english) == headings(chinese)
    shapes = [[len(row) for row in rows(text)] for text in (english, chinese)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("page", PAGES)
def test_the_chinese_page_is_chinese(page: str) -> None:
    text = re.sub(r"`[^`]*`", "", prose(read(page, "zh")))
    paragraphs = [part for part in text.split("\n\n") if len(part) > 40 and not part.startswith("|")]
    assert paragraphs and all(CHINESE.search(part) for part in paragraphs)
    for title in re.findall(r"^#+ (.*\w.*)$", text, flags=re.MULTILINE):
        assert CHINESE.search(title), title


@pytest.mark.parametrize("page", ["model-folder.md", "recipes.md"])
def test_the_first_cell_of_a_row_names_the_same(page: str) -> None:
    names = [[re.findall("`[^`]+`", row[0]) for row in rows(read(page, lang))] for lang in ("en", "zh")]
    assert names[0] == names[1]


def test_messages_are_quoted_as_they_are() -> None:
    """Both parts of a quote stand in one sentence of the catalogue; the English page quotes it too."""
    sentences = [(pattern.english, pattern.chinese) for _, pattern in catalogue()]
    english_rows, chinese_rows = (rows(read("troubleshooting.md", language)) for language in ("en", "zh"))
    num_quotes = 0
    for english, chinese in zip(english_rows, chinese_rows, strict=True):
        for own, other in QUOTED.findall(chinese[0]):
            num_quotes += 1
            assert f"`{other}`" in english[0]
            plain = [part.replace("'files'", "{extra}") for part in (own, other)]
            assert any(plain[0] in text[1] and plain[1] in text[0] for text in sentences), (own, other)
    assert num_quotes >= 60
