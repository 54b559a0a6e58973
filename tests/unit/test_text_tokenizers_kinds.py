"""What each kind of tokenizer promises about its tokens."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textwright.text.script import CJK_PATTERN
from textwright.text.tokenizers import Tokenizer, TokenizerSettings, bpe, train_tokenizer
from textwright.text.tokenizers.bpe import usual_size
from textwright.text.tokenizers.unigram import _best_cut

NEWS = [
    "Oil prices rose 3.5% on Monday; investors weren't happy with the company's 2004 results.",
    "The international government announced a restructuring of the international company.",
    "酒店的服务态度非常好，房间也很干净，早餐的服务也很好。",
    "我爱iPhone手机，wifi很快；酒店的房间很干净！",
    "手机的屏幕非常好，服务态度也非常好。",
] * 4


@cache
def trained(kind: str, size: int | None = None) -> Tokenizer:
    return train_tokenizer(NEWS, TokenizerSettings(kind=kind, vocabulary_size=size))


SPLITS = [
    ("我爱iPhone手机wifi很快", "我 爱 iphone 手 机 wifi 很 快"),
    ("Don't stop, it's 5-6 o’clock!", "don't stop , it's 5 - 6 o’clock !"),
    ("'quoted' words' end", "' quoted ' words ' end"),
    ("3.14 MP3 x_y a/b", "3 . 14 mp3 x _ y a / b"),
    ("ありがとうカメラー", "あ り が と う カ メ ラ ー"),
    ("한국어 텍스트입니다", "한국어 텍스트입니다"),
    ("naïve cafe\u0301 Привет हिन्दी", "naïve cafe\u0301 привет हिन्दी"),
    ("很好!!!真的。。。", "很 好 ! ! ! 真 的 。 。 。"),
    ("good😀😀❤\ufe0f", "good 😀 😀 ❤\ufe0f"),
    ("a\tb\u3000c\u200bd\x00e", "a b c d e"),
    ("𠮷野家 々〇", "𠮷 野 家 々 〇"),
]


@pytest.mark.parametrize(("text", "expected"), SPLITS)
def test_words(text: str, expected: str) -> None:
    assert train_tokenizer([text, text], TokenizerSettings(kind="word")).tokens(text) == expected.split(" ")


def test_words_keep_their_capitals_when_told() -> None:
    told = TokenizerSettings(kind="word", lowercase=False)
    assert train_tokenizer(["iPhone wifi"] * 2, told).tokens("iPhone WIFI") == ["iPhone", "[UNK]"]


def test_words_are_ordered_by_count_then_alphabet_and_cut() -> None:
    texts = ["b b b a a c c 好 好"]
    tokenizer = train_tokenizer(texts, TokenizerSettings(kind="word", vocabulary_size=5))
    assert tokenizer.pieces == ["[PAD]", "[UNK]", "b", "a", "c"]
    assert (tokenizer.pad_id, tokenizer.unknown_id, tokenizer.size) == (0, 1, 5)


def test_words_seen_once_are_taken_only_in_small_poor_corpora() -> None:
    def size(texts: list[str]) -> int:
        return train_tokenizer(texts, TokenizerSettings(kind="word")).size - 2

    rare = [f"word{i}" for i in range(100)]
    assert size([*rare, "the the"]) == 101, "small, and half of the tokens would be unknown"
    assert size([*rare, "the " * 9900]) == 1, "small, but rich enough without them"
    assert size([*rare, *["the"] * 1899]) == 101, "1,999 rows are small"
    assert size([*rare, *["the"] * 1900]) == 1, "2,000 rows are not"


def test_characters() -> None:
    tokenizer = train_tokenizer(["我 爱\n\n  Wifi😀"] * 2, TokenizerSettings(kind="char"))
    assert tokenizer.tokens("我 爱\n\n Wifi😀x") == [*"我 爱 Wifi😀", "[UNK]"]
    assert tokenizer.decode(tokenizer.encode(["爱  我\tW"]).rows[0]) == "爱 我 W"


# The peer: `keras_classic` of the comparison program, word for word.
PEER_CJK = re.compile(r"([一-鿿])")
PEER_FILTERS = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~\t\n]")


def peer_words(text: str) -> list[str]:
    return PEER_CJK.sub(r" \1 ", PEER_FILTERS.sub(" ", str(text).lower())).split()


def peer_rows(texts: list[str], unseen: list[str], num_words: int, max_length: int) -> list[list[int]]:
    counts = Counter(word for text in texts for word in peer_words(text))
    index = {word: i + 1 for i, (word, _) in enumerate(counts.most_common(num_words - 1))}
    return [[index[w] for w in peer_words(text) if w in index][-max_length:] for text in unseen]


def random_texts(seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    words = ["the", "Cat's", "don't", "我爱", "手机wifi", "x", "é", "ab-cd", "[3.5]", "、", "한국", "ｶ"]
    blanks = [" ", "  ", "\t", "\n", "\u3000", "\x1c", "\xa0", "", "_", "'"]
    pool = [*words, *(f"w{i}" for i in range(60))]
    lengths = rng.integers(0, 40, size=50)
    return ["".join(rng.choice(pool) + rng.choice(blanks) for _ in range(length)) for length in lengths]


@pytest.mark.parametrize("num_words", [10_000, 40, 12])
def test_classic_gives_the_ids_of_the_classic_program(num_words: int) -> None:
    texts, unseen = random_texts(1), random_texts(2)
    told = TokenizerSettings(kind="classic", vocabulary_size=num_words, max_length=10)
    tokenizer = train_tokenizer(texts, told)
    encoded = tokenizer.encode(unseen)
    assert [row.tolist() for row in encoded.rows] == peer_rows(texts, unseen, num_words, 10)
    assert encoded.num_tokens == sum(len(peer_words(text)) for text in unseen)
    assert tokenizer.size <= num_words
    assert (tokenizer.settings.truncate, tokenizer.settings.drop_unknown) == ("tail", True)


def test_dropped_words_leave_no_characters_behind() -> None:
    # Short words that are the letters of a long one, and the mark that the tokenizer puts before words.
    tokenizer = train_tokenizer(["a b ▁ 我 c ▁d"], TokenizerSettings(kind="classic"))
    assert tokenizer.pieces == ["[PAD]", "a", "b", "我", "c"]
    assert tokenizer.tokens("abc ▁ 我 ▁abc b ▁▁") == ["我", "b"]
    assert tokenizer.encode(["abc ▁ 我 ▁abc b ▁▁"]).num_unknown == 4


@settings(max_examples=300, deadline=None)
@given(st.text())
def test_bpe_gives_every_text_back(text: str) -> None:
    tokenizer = trained("bpe", 600)
    encoded = tokenizer.encode([text])
    assert tokenizer.decode(encoded.rows[0]) == text
    assert encoded.num_unknown == 0


HARD = [
    "don't 12345",
    "👨‍👩‍👧 é\u0301",
    "㐀䶵𠮷 ",
    "\x00\x7f\ufffe",
    "  two  \r\n\n lines\n ",
    "[PAD]<0x41>▁",
]


@pytest.mark.parametrize("text", HARD)
def test_bpe_gives_hard_texts_back(text: str) -> None:
    tokenizer = trained("bpe", 600)
    assert tokenizer.decode(tokenizer.encode([text]).rows[0]) == text


def test_bpe_learns_from_less_where_words_hardly_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpe, "_MAX_RUNS_BYTES", 600)
    for text, is_less in (("天地玄黄宇宙洪荒日月盈昃", True), ("the cat sat on the mat and slept", False)):
        seen: list[str] = []
        for name in ("_whole_characters", "byte_pieces"):
            learn = getattr(bpe, name)
            spy = lambda texts, *rest, learn=learn, seen=seen: seen.extend(texts) or learn(texts, *rest)  # noqa: E731
            monkeypatch.setattr(bpe, name, spy)
        made = train_tokenizer([f"{text}{i}" for i in range(100)], TokenizerSettings(kind="bpe"))
        assert (sum(len(t.encode()) for t in seen) <= 600) == is_less and seen
        assert made.settings.vocabulary_size == 2048, "the size goes by all of the text"


def test_han_and_kana_are_whole_before_any_two_are_joined() -> None:
    texts = [f"{a}{b}是{b}{a}，の" for a in "天地玄黄宇宙洪荒" for b in "日月盈昃辰宿列张"] + [
        "龘 apple apple"
    ]
    tokenizer = train_tokenizer(texts, TokenizerSettings(kind="bpe", vocabulary_size=320))
    small = train_tokenizer(texts, TokenizerSettings(kind="bpe", vocabulary_size=275))
    common = "天地玄黄宇宙洪荒日月盈昃辰宿列张是，の"
    assert {*common} <= {*tokenizer.pieces} and not {*common} <= {*small.pieces}
    # What is not a whole piece is the beginning of characters, or a byte: nothing crosses two of them.
    parts = [bytes.fromhex(re.sub("<0x(..)>", r"\1", p)) for p in tokenizer.pieces[257:] if "<0x" in p]
    assert all(any(c.encode().startswith(part) for c in common) for part in parts)
    drawn = np.tile(np.random.default_rng(0).integers(0x4E00, 0x8E00, 5000), 2)
    for most in (300, 400, 1000):
        many = train_tokenizer(
            ["".join(map(chr, drawn))], TokenizerSettings(kind="bpe", vocabulary_size=most)
        )
        assert 0.7 * most < many.size <= most
    assert tokenizer.size <= 320 and tokenizer.tokens("龘")[0].startswith("<0x")
    lowered = TokenizerSettings(kind="bpe", vocabulary_size=400, lowercase=True)
    assert "apple" in train_tokenizer(["天地APPLE"] * 9, lowered).pieces


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_bpe_of_characters_gives_every_text_back(text: str) -> None:
    tokenizer = han_tokenizer()
    assert tokenizer.decode(tokenizer.encode([text]).rows[0]) == text


@cache
def han_tokenizer() -> Tokenizer:
    texts = ["春眠不觉晓，处处闻啼鸟。 é ok\n" * 3, "夜来风雨声，花落知多少。１２"]
    return train_tokenizer(texts, TokenizerSettings(kind="bpe", vocabulary_size=320))


def test_bpe_learns_pieces_that_stay_within_their_script_and_short() -> None:
    texts = ["2004 12345678 " * 20 + "苹果手机apple苹果手机 " * 20 + "=" * 200] * 3
    tokenizer = train_tokenizer(texts, TokenizerSettings(kind="bpe", vocabulary_size=500))
    assert tokenizer.unknown_id is None
    assert "苹果手机" in tokenizer.pieces and "apple" in tokenizer.pieces
    whole = [piece for piece in tokenizer.pieces if "<0x" not in piece]
    assert max(len(re.findall(r"\d", piece)) for piece in whole) == 2
    assert max(len(piece.encode()) for piece in whole) <= 24
    with_cjk = [piece for piece in whole if re.search(f"[{CJK_PATTERN}]", piece)]
    assert not [piece for piece in with_cjk if re.search("[a-z]", piece)]
    assert tokenizer.tokens("垃") == ["<0xE5>", "<0x9E>", "<0x83>"]


def test_sizes_go_by_the_corpus() -> None:
    sizes = [usual_size(num_bytes) for num_bytes in (10**6, 10**6 + 1, 10**7 + 1, 10**8, 10**8 + 1)]
    assert sizes == [2048, 4096, 8192, 8192, 16384]


BLANKS = r"[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000▁]+"


def one_blank(text: str) -> str:
    return re.sub(BLANKS, " ", text).strip(" ")


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="我爱 ab1,▁<0xE6>[PAD]\n'")))
def test_unigram_gives_every_text_back_but_for_blanks(text: str) -> None:
    tokenizer = trained("unigram", 420)
    encoded = tokenizer.encode([text])
    assert tokenizer.decode(encoded.rows[0]) == one_blank(text)
    assert encoded.num_unknown == 0


def test_unigram_pieces_are_words_not_clauses() -> None:
    clause = "酒店的服务态度非常好房间也很干净"
    texts = [f"{clause}，international {clause}。" for _ in range(50)]
    tokenizer = train_tokenizer(texts, TokenizerSettings(kind="unigram", vocabulary_size=400))
    pieces = tokenizer.pieces[257:]
    assert max(len(piece) for piece in pieces if re.match(f"[{CJK_PATTERN}]", piece)) <= 8
    assert "international" in pieces


def test_unigram_has_the_size_asked_for_and_short_rows() -> None:
    tokenizer = trained("unigram", 420)
    assert tokenizer.size == 420
    num_characters = sum(len(text) for text in NEWS)
    assert tokenizer.encode(NEWS).num_tokens < 0.6 * num_characters
    assert tokenizer.tokens("the company")[-1] == "▁company"


def test_best_cut_is_the_best_of_all_cuts() -> None:
    rng = np.random.default_rng(3)
    piece = "abcde"
    parts = {piece[i:j] for i, j in combinations(range(6), 2)}
    for _ in range(50):
        entries = [part for part in sorted(parts) if len(part) == 1 or rng.random() < 0.6]
        known = {part: float(rng.normal(-5, 3)) for part in entries}
        cuts = [inner for n in range(1, 5) for inner in combinations(range(1, 5), n)]
        every = [[piece[i:j] for i, j in zip((0, *cut), (*cut, 5), strict=True)] for cut in cuts]
        best = max(sum(known[part] for part in cut) for cut in every if all(part in known for part in cut))
        assert _best_cut(piece, known) == pytest.approx(best)


def test_a_language_is_learned_by_characters_where_pieces_would_hardly_be_longer() -> None:
    drawn = np.random.default_rng(0).integers(0x4E00, 0x5E00, (300, 20))
    poems = ["".join(map(chr, row)) + "。\n" for row in drawn.tolist()]
    prose = [f"我们今天在图书馆里看书，{word}他们明天也会来。\n" for word in ("因为", "所以", "如果") * 30]
    asked = TokenizerSettings(kind="language")
    kinds = [train_tokenizer(texts, asked).settings.kind for texts in (poems, prose, ["春 spring "] * 9)]
    assert kinds == ["characters", "bpe", "bpe"]
