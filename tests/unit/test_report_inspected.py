"""The page of inspect: what the records say, in both languages; no text can break it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from textwright.report.inspected import is_inspection, render_inspected
from textwright.report.shown import bytes_shown, visible
from textwright.report.tokencharts import look_map, token_bars

NASTY = "<script>alert(1)</script>"


def token(text: str, start: int, end: int, probability: float, rank: int = 2) -> dict[str, Any]:
    bits = {0.5: 1.0, 0.25: 2.0}.get(probability, 13.3)
    return {
        "token": text,
        "probability": probability,
        "bits": bits,
        "rank": rank,
        "start": start,
        "end": end,
    }


def record(objective: str = "causal", **more: Any) -> dict[str, Any]:
    tokens = [
        token(NASTY, 0, 25, 0.5, 1),
        token("\n", 25, 26, 0.25),
        token("<0xE9><0xBE>", 26, 27, 0.0001, 57),
        token("<0x98>", 26, 27, 0.5, 1),
    ]
    likeliest = [{"token": " the", "probability": 0.6}, {"token": "<0xE6>", "probability": 0.1}]
    places = [{"place": 3, "true": tokens[2], "likeliest": likeliest, "others": 0.3}]
    if objective == "causal":
        places.append({"place": 5, "true": None, "likeliest": likeliest, "others": 0.3})
    return {
        "name": "a <b> model",
        "model": "gpt2" if objective == "causal" else "bert",
        "objective": objective,
        "textwright_version": "0.1",
        "text": f"{NASTY}\n龘",
        "num_tokens": 9,
        "notes": ["the text has 9 tokens, and a page shows the first 4"],
        "bits": 17.3,
        "bits_per_token": 4.325,
        "bits_per_byte": 0.618 if objective == "causal" else None,
        "num_likeliest": 2,
        "least_expected": 3,
        "tokens": tokens,
        "places": places,
        "attention": {
            "tokens": ["<|endoftext|>", NASTY],
            "num_read": 1,
            "layers": [{"layer": 1, "heads": [[[1.0, 0.0], [0.25, 0.75]]]}],
            "num_layers": 2,
            "num_heads": 1,
            "why": None,
        },
        "nearest": {"distinct": 2, "tokens": [{"token": " a", "nearest": [{"token": "龙", "cosine": 0.5}]}]},
        **more,
    }


def in_language(text: str, language: str) -> str:
    other = "zh" if language == "en" else "en"
    text = re.sub(rf'<(span|text) [^>]*lang="{other}">.*?</\1>', "", text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.mark.parametrize("objective", ["causal", "masked"])
def test_the_page_says_what_the_records_say(objective: str) -> None:
    page = render_inspected(record(objective))
    english, chinese = (in_language(page, language) for language in ("en", "zh"))
    if objective == "causal":
        assert "These 4 tokens cost the model 17.3 bits: 4.325 a token, 0.618 a byte. 2 of them" in english
        assert "What comes next, after" in english and "looks only back" in english
    else:
        assert "Each of these 4 tokens was hidden in turn: 2 were what the model held likeliest" in english
        assert "▢" in english and "looks to both sides" in english
    assert "‹E9 BE› ”, token 3, which it gave 0.01 %: 13.3 bits" in english
    assert "Careful: the text has 9 tokens, and a page shows the first 4." in english
    assert "注意：文本有 9 个词元，页面只显示前 4 个。" in chinese and "第 1 层，第 1 个头" in chinese
    assert "The first 1 tokens are shown" in english and "显示前 1 个词元" in chinese
    assert "1 of 2 layers are shown, with 1 of 1 heads each" in english
    assert (
        "The first 1 of 2 different tokens are shown" in english
        and "显示了 2 个不同词元中的前 1 个" in chinese
    )
    assert re.search(r"龘 E9 BE 13\.3 龘 98 1\.0", english), "parts below their character"
    assert "␣the" in english and "⏎ 2.0" in english and "57. ‹E9 BE›" in english and "◂" in english
    assert "gpt2" in english or "bert" in english


def test_no_text_breaks_it_and_it_needs_nothing() -> None:
    page = render_inspected(record())
    assert "<script" not in page and "a <b> model" not in page and "&lt;script&gt;alert(1)" in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") == 3 and page.count("<title>") == 1
    assert is_inspection(page.encode()) and not is_inspection(b"<!doctype html><title>inspect</title>")
    assert '<html lang="zh">' in render_inspected(record(), "zh")


def test_what_there_is_not_is_said() -> None:
    attention = {
        **record()["attention"],
        "layers": [],
        "why": "FNetForMaskedLM has no attention weights from each token to each",
    }
    page = render_inspected(record(attention=attention, nearest={"distinct": 0, "tokens": []}, notes=[]))
    english, chinese = (in_language(page, language) for language in ("en", "zh"))
    assert "There are no maps: FNetForMaskedLM has no attention weights" in english
    assert "没有图： FNetForMaskedLM 没有词元到词元的注意力权重" in chinese
    assert "all tokens of this text are parts of characters" in english and "全是字符的片段" in chinese


def test_bars_have_the_true_token_once() -> None:
    likeliest = [("a", 0.5), ("b", 0.3)]
    inside, outside = token_bars(likeliest, 0.2, ("b", 0.3, 2)), token_bars(likeliest, 0.2, ("c", 0.01, 1234))
    assert [bar.is_true for bar in inside.bars] == [False, True, False]
    assert [(bar.rank, bar.name) for bar in outside.bars] == [
        ("1.", "a"),
        ("2.", "b"),
        ("1,234.", "c"),
        ("", ""),
    ]
    assert outside.bars[2].is_true and outside.bars[3].value == "20.0 %"
    lengths = [bar.length for bar in inside.bars]
    assert lengths == pytest.approx([lengths[0], 0.6 * lengths[0], 0.4 * lengths[0]], abs=0.1)
    assert not any(bar.is_true for bar in token_bars(likeliest, 0.2, None).bars)


def test_a_map_has_a_square_for_each_weight_that_can_be_seen() -> None:
    drawn = look_map(["a", "b"], [[1.0, 0.0], [0.25, 0.75]])
    assert [(shade, path.count("M")) for shade, path in drawn.shades] == [(4, 1), (8, 1), (9, 1)]
    assert drawn.across == drawn.down == 24 and drawn.width > drawn.left + 24


def test_tokens_can_be_seen() -> None:
    assert visible("\t\r\nx\r") == "⇥⏎x⏎" and visible("<0xE6>x") == "<0xE6>x"
    assert bytes_shown("<0xE6><0x88>") == "E6 88" and bytes_shown("我") == ""
