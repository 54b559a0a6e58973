"""The words that texts are compared by, in any language, and which languages write without spaces.

Lin's ROUGE knows a to z and the digits only: two equal Chinese texts get 0. Here a character of a script that
is written without spaces is a word, and so is a whole run of other letters and digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

# ISO 639-1 and -3 of Chinese: Mandarin, Cantonese, Classical, Wu, Min Nan.
CHINESE = frozenset(("zh", "zho", "chi", "cmn", "yue", "lzh", "wuu", "nan"))
# Others that are written without spaces between words, and Korean, whose spaces part phrases.
UNSPACED = frozenset(
    ("ja", "jpn", "ko", "kor", "th", "tha", "lo", "lao", "km", "khm", "my", "mya", "bur", "bo", "bod", "tib")
)
# Han, kana, hangul; Thai, Lao; Tibetan, Burmese; Khmer. Ends included, as in text/script.py.
_UNSPACED_RANGES = (
    (0x0E01, 0x0E4E), (0x0E81, 0x0ECD), (0x0F40, 0x0FBC), (0x1000, 0x103F), (0x1050, 0x109D),
    (0x1100, 0x11FF), (0x1780, 0x17D3), (0x2E80, 0x2FD5), (0x3005, 0x3007), (0x3021, 0x3029),
    (0x3031, 0x3035), (0x3038, 0x303B), (0x3041, 0x3096), (0x3099, 0x309A), (0x309D, 0x309F),
    (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x3131, 0x318E), (0x31F0, 0x31FF), (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF), (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xD7B0, 0xD7FB), (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F), (0x20000, 0x3FFFD),
)  # fmt: skip
UNSPACED_CLASS: str = "".join(f"{chr(low)}-{chr(high)}" for low, high in _UNSPACED_RANGES)
"""The inside of a character class, `[...]`, for the characters that are a word each."""

HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
"""For `str.translate`: full-width forms of ASCII as half, one character for one."""

_ENGLISH = re.compile(r"[a-z0-9]+")
_ASCII = re.compile(r"(?:[a-z0-9]|(?<=\d)[.,](?=\d))+")
_CHARACTER, _LETTER = re.compile(rf"[{UNSPACED_CLASS}]"), re.compile(r"[^\W_]")
_FULL_WIDTH = re.compile("[！-～]")
_LONGEST_UNIT, _MIN_TIMES, _MIN_LOOP = 8, 3, 6


def base_language(language: str) -> str:
    """The language of a code without script and country.

    >>> base_language("zh-Hans-CN"), base_language("pt_BR"), base_language(" EN ")
    ('zh', 'pt', 'en')
    """
    return re.split(r"[-_]", language.strip().lower(), maxsplit=1)[0]


def english_words(text: str) -> list[str]:
    """Words as Lin's ROUGE has them (2004): runs of a to z and digits of the lower-cased text.

    >>> english_words("It's 3.5 km, Zoë")
    ['it', 's', '3', '5', 'km', 'zo']
    """
    return _ENGLISH.findall(text.lower())


def words(text: str) -> list[str]:
    """Words of any language: characters of scripts without spaces, and runs of other letters and digits.

    Lower-cased, full width as half; a number keeps its separators. Punctuation and emoji are no words.

    >>> words("2025年，ＧＤＰ增长5.2%"), words("Die Männer, 1,000 mal")
    (['2025', '年', 'gdp', '增', '长', '5.2'], ['die', 'männer', '1,000', 'mal'])
    """
    if text.isascii():
        return _ASCII.findall(text.lower())
    if _FULL_WIDTH.search(text):
        text = text.translate(HALF_WIDTH)
    return _pattern().findall(text.lower())


@cache
def _pattern() -> re.Pattern[str]:
    # Marks (vowel signs of Hindi, accents written apart) belong to the letter before; `re` has no class for
    # them.
    marks = "".join(chr(code) for code in range(0x300, 0xFE30) if unicodedata.category(chr(code))[0] == "M")
    run = rf"(?:(?![{UNSPACED_CLASS}])[^\W_][{marks}]*|(?<=\d)[.,](?=\d))+"
    return re.compile(rf"[{UNSPACED_CLASS}]|{run}")


class SpaceTally:
    """Counts how much of a text is written in scripts without spaces.

    >>> tally = SpaceTally()
    >>> tally.add("我爱你 ok")
    >>> tally.share
    0.6
    """

    def __init__(self) -> None:
        self._num_unspaced = self._num_letters = 0

    def add(self, text: str) -> None:
        if text.isascii():
            self._num_letters += len(text) - text.count(" ")
            return
        self._num_unspaced += len(_CHARACTER.findall(text))
        self._num_letters += len(_LETTER.findall(text))

    @property
    def share(self) -> float:
        """The share of letters and digits that are of such a script."""
        return self._num_unspaced / self._num_letters if self._num_letters else 0.0


def loops(tokens: Sequence[str]) -> bool:
    """Whether a decoder got stuck: the same 1 to 8 tokens come 3 times in a row at least, 6 tokens in all.

    >>> loops("a b c a b c a b c d".split()), loops("very very very good".split()), loops(["ha"] * 6)
    (True, False, True)
    """
    for unit in range(1, min(_LONGEST_UNIT, len(tokens) // _MIN_TIMES) + 1):
        # So many tokens in a row that equal the one `unit` places before.
        needed = max(_MIN_TIMES * unit, _MIN_LOOP) - unit
        run = 0
        for before, now in zip(tokens, tokens[unit:], strict=False):
            run = run + 1 if before == now else 0
            if run >= needed:
                return True
    return False
