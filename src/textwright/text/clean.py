"""Texts made safe to learn from, with as little change as possible; and `fold`, their form for comparing.

Named decisions: HTML entities stay as they are (`&amp;` may be what a person wants to classify), blanks
inside a text stay, and characters that look alike but are canonically different stay.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from textwright.core.errors import DataError
from textwright.text.rowlog import RowLog
from textwright.text.script import CJK_PATTERN

# What a zero-width joiner (U+200D) may join: arrows, signs, dingbats, pictographs, colour (U+FE0F).
_EMOJI = "\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff"
# Arabic, Syriac, Indic and Mongolian letters: after them the joiner and the non-joiner (U+200C) spell.
_JOINING = "\u0620-\u0dff\u1000-\u109f\u1800-\u180d\u1820-\u18af"
_TAGS = "\U000e0001-\U000e007f"
# Control characters but tab and line feed; soft hyphen, zero-width space, word joiner, byte order mark and
# marks of writing direction; joiners elsewhere than above and in emoji; tags that do not spell a flag.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
    f"|(?<![{_JOINING}])\u200c"
    f"|(?<![{_JOINING}{_EMOJI}])\u200d"
    f"|(?<=[{_EMOJI}])\u200d(?![{_EMOJI}])"
    f"|(?<![\U0001f3f4{_TAGS}])[{_TAGS}]+"
)
_LINE_BREAK = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")

REPLACED, REMOVED, NORMALISED = (
    "invalid characters replaced", "control characters removed", "Unicode normalised (NFC)"
)  # fmt: skip


def clean_text(text: str) -> str:
    r"""Normalise a text to NFC, without control and invisible characters and without blanks at its ends.

    Tab and line feed stay, and so do joiners inside emoji and in the scripts that spell with them (Arabic,
    Indic, Mongolian). Every kind of line break becomes a line feed. A lone surrogate, which is half a
    character, becomes U+FFFD. Cleaning twice changes nothing more.

    >>> clean_text("\ufeffcafe\u0301 \r\n\u200b&amp;\x00 ")
    'café \n&amp;'
    """
    return mended(text).strip()


def mended(text: str) -> str:
    r"""The same with the blanks at its ends kept, for a part of a longer text.

    >>> mended("caf\u00e9\u200b \r\n")
    'café \n'
    """
    return _mended(text)[0] if _needs_more(text) else text


def clean_texts(texts: list[str], rows: list[int], log: RowLog) -> list[str]:
    """Clean many texts; each kind of change is written to `log` under the number of its row.

    Stripping ends and writing line breaks as line feeds are not logged. `rows` are the numbers that a person
    would look for, one a text; raises DataError when there are more or fewer of them than texts.
    """
    if len(rows) != len(texts):
        raise DataError(f"{len(texts):,} texts came with {len(rows):,} row numbers")
    out = [text.strip() for text in texts]
    for place, text in enumerate(texts):
        if _needs_more(text):
            fresh, reasons = _mended(text)
            out[place] = fresh.strip()
            for reason in reasons:
                log.changed(reason, rows[place], out[place])
    return out


def fold(text: str) -> str:
    """Write a text as it is compared: case folded, full width as half (NFKC), punctuation as a blank.

    Invisible characters go, and so does a space beside Han or kana, where it says nothing. Symbols and emoji
    stay, since they may be all that differs; so does the punctuation of a text that has nothing else.

    >>> fold("  Ｈello,   WORLD!! "), fold("你好， 世界"), fold("C++ 👍"), fold(":-)")
    ('hello world', '你好世界', 'c++ 👍', ':-)')
    """
    if text.isascii():
        plain = text.casefold()
        return " ".join(plain.translate(_ascii_separators()).split()) or plain.strip()
    shown = text if text.isprintable() else _of_category("Cf").sub("", text)
    plain = _nfkc(_nfkc(shown).casefold())
    words = _of_category("P", "Z", "Cc").sub(" ", plain)
    return _CJK_SPACE.sub("", words).strip() or plain.strip()


def _needs_more(text: str) -> bool:
    # What is printable holds no control, no format character and no surrogate; both tests run in C.
    return not ((text.isprintable() or _is_plain(text)) and unicodedata.is_normalized("NFC", text))


def _is_plain(text: str) -> bool:
    return not (_LINE_BREAK.search(text) or _INVISIBLE.search(text) or _SURROGATE.search(text))


def _mended(text: str) -> tuple[str, list[str]]:
    reasons = []
    text, replaced = _SURROGATE.subn("\ufffd", text)
    if replaced:
        reasons.append(REPLACED)
    text, removed = _INVISIBLE.subn("", _LINE_BREAK.sub("\n", text))
    if removed:
        reasons.append(REMOVED)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
        reasons.append(NORMALISED)
    return text, reasons


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


# The space comes first in the pattern so that the search can leap from space to space.
_CJK_SPACE = re.compile(f" (?:(?=[{CJK_PATTERN}])|(?<=[{CJK_PATTERN}] ))")


@functools.cache
def _ascii_separators() -> dict[int, str]:
    return {code: " " for code in range(128) if _of_category("P", "Z", "Cc").match(chr(code))}


@functools.cache
def _of_category(*starts: str) -> re.Pattern[str]:
    # Only the first plane: punctuation above it is of ancient scripts and would make Chinese 7 times slower.
    found = (chr(code) for code in range(0x10000) if unicodedata.category(chr(code)).startswith(starts))
    return re.compile(f"[{re.escape(''.join(found))}]+")
