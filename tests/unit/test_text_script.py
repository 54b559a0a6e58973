"""Script shares, languages and the pattern for Han and kana."""

import re
import unicodedata

import pytest

from textwright.text.script import CJK_PATTERN, SCRIPTS, script_shares

SAMPLES = {
    "latin": "Straße, naïve zZ ＷＩＤＥｚ ﬁ",
    "han": "汉字𠀀々豈\u9fff",
    "kana": "ひらがなカタカナｶﾅー",
    "hangul": "한국어",
    "cyrillic": "Привет",
    "arabic": "مرحبا",
    "devanagari": "नमस्ते",
    "thai": "สวัสดี",
    "other": "Ελληνικά",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_script_is_recognised(script: str) -> None:
    assert script_shares([SAMPLES[script]])[script] == 1.0


def test_shares_count_letters_over_all_texts() -> None:
    shares = script_shares(["我们 (2024) 😀", "ab", "", "カナ…", "漢字"])
    assert {name for name, share in shares.items() if share} == {"latin", "han", "kana"}
    assert (shares["latin"], shares["han"], shares["kana"]) == (0.25, 0.5, 0.25)
    assert list(shares) == list(SCRIPTS)


def test_no_letters_and_the_limit() -> None:
    assert script_shares([]) == script_shares(["12 !? 😀", ""]) == {}
    assert script_shares(iter(["abcd", "我我我我"]), max_chars=6)["latin"] == pytest.approx(4 / 6)
    assert script_shares(["\ud800a"])["latin"] == 1.0


def test_cjk_pattern_agrees_with_unicode_names() -> None:
    wanted = re.compile(
        "(CJK (UNIFIED|COMPATIBILITY) IDEOGRAPH|HIRAGANA|HALFWIDTH KATAKANA|KATAKANA)"
        "(?! MIDDLE DOT|-HIRAGANA DOUBLE HYPHEN)"
    )
    inside = re.compile(f"[{CJK_PATTERN}]")
    for code in range(0x3FFFF):
        name = unicodedata.name(chr(code), "")
        if wanted.match(name):
            assert inside.match(chr(code)), name


def test_cjk_pattern_leaves_everything_else() -> None:
    for character in "aé。，、「」・！ 한ж1😀☃　":
        assert not re.match(f"[{CJK_PATTERN}]", character), character
