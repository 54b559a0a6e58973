"""Cleaning changes as little as possible, says what it changed, and folding keeps what tells texts apart."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textwright.core.errors import DataError
from textwright.text.clean import clean_text, clean_texts, fold
from textwright.text.rowlog import RowLog

ANY_TEXT = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cc", "Cf", "Cs", "Mn"]),
        st.sampled_from("👩\u200d❤\ufe0fبक\u200c🏴\U000e0067\r\n\t "),
    ),
    max_size=12,
)


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("  a \t b　\n", "a \t b"),
        ("a\x00b\x1bc\x7f\x9f", "abc"),
        ("\ufeffa\u200bb\u2060c\u00add\u202e", "abcd"),
        ("a\r\nb\rc\x0cd\u2028e", "a\nb\nc\nd\ne"),
        ("cafe\u0301", "café"),
        ("e\u200b\u0301", "é"),
        ("\ud83dok\udc00", "\ufffdok\ufffd"),
        ("&lt;b&gt; <br/>", "&lt;b&gt; <br/>"),
        ("Ｈｅｌｌｏ，世界", "Ｈｅｌｌｏ，世界"),
        ("👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥", "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥"),
        ("a\u200db 汉\u200d字 👩\u200d か\u200dな", "ab 汉字 👩 かな"),
        ("می\u200cخواهم क्\u200dष", "می\u200cخواهم क्\u200dष"),
        ("🏴\U000e0067\U000e0062\U000e007f x\U000e0041\U000e0042", "🏴\U000e0067\U000e0062\U000e007f x"),
    ],
)
def test_clean_text(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


@settings(deadline=None)
@given(ANY_TEXT)
def test_clean_text_is_whole_and_stable(text: str) -> None:
    clean = clean_text(text)
    assert clean_text(clean) == clean == clean.strip()
    assert unicodedata.is_normalized("NFC", clean)
    assert not [c for c in clean if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]


def test_changes_are_logged_by_row_and_kind() -> None:
    log = RowLog()
    texts = ["fine", " ends ", "win\r\ndows", "a\x00b", "cafe\u0301\u200b", "\ud800", "汉字，\n好"]
    out = clean_texts(texts, [2, 3, 4, 5, 6, 7, 8], log)
    assert out == [clean_text(text) for text in texts]
    assert {(r["reason"], r["row"]) for r in log.records()} == {
        ("control characters removed", 5),
        ("control characters removed", 6),
        ("Unicode normalised (NFC)", 6),
        ("invalid characters replaced", 7),
    }
    for record in log.records():
        record["found"].encode()


def test_row_numbers_must_match() -> None:
    with pytest.raises(DataError, match="2 texts came with 1 row"):
        clean_texts(["a", "b"], [1], RowLog())


def test_texts_that_need_nothing_cost_almost_nothing() -> None:
    texts = ["It was good; I liked it very much.\nAnd you? " * 30, "这部电影很好看，推荐给大家。" * 50] * 999
    start = time.process_time()
    assert clean_texts(texts, list(range(len(texts))), RowLog())[0] == texts[0].strip()
    assert time.process_time() - start < 1  # about 0.05 on one core of 2026


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello, World!", "hello world"),
        ("ＡＢＣ　１２３", "abc 123"),
        ("你好，世界！", "你好 世界"),
        ("你 好", "你好"),
        ("Straße", "STRASSE"),
        ("re\u00adsume\u200b", "resume"),
        ("«déjà» – vu", "de\u0301ja\u0300 vu"),
        ("don’t", "don't"),
        ("iPhone手机", "iphone 手机"),
    ],
)
def test_fold_joins(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("C++", "C"), ("👍", "👎"), ("!!!", "???"), ("ab", "a b"), ("好", "不好"), ("3.5", "35"), ("कि", "की")],
)
def test_fold_keeps_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=127)))
def test_fold_treats_ascii_like_any_text(text: str) -> None:
    # The Greek letter sends the same characters down the general path.
    assert fold(f"{text} λ") == f"{fold(f'{text} x')[:-1]}λ"
