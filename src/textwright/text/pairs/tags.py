"""Which languages there are, by their tags and by what columns and files are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

from textwright.core.errors import ConfigError
from textwright.text.pairs.languages import KNOWN

# What columns of a language are called: its code first. Without `id`, which is mostly the number of a row.
_LANGUAGES = """
en eng english 英文 英语|zh zho chi cmn lzh chinese 中文 汉语 中国话
de deu ger german deutsch 德文 德语|fr fra fre french français 法文 法语
es spa spanish español 西班牙文 西班牙语|it ita italian italiano 意大利语
pt por portuguese português 葡萄牙语|nl nld dut dutch nederlands 荷兰语
ru rus russian русский 俄文 俄语|ja jpn japanese 日本語 日文 日语|ko kor korean 한국어 韩文 韩语
ar ara arabic 阿拉伯语|vi vie vietnamese 越南语|th tha thai 泰语|tr tur turkish 土耳其语
pl pol polish 波兰语|cs ces cze czech 捷克语|uk ukr ukrainian 乌克兰语
sv swe swedish 瑞典语|da dan danish 丹麦语|fi fin finnish 芬兰语|hi hin hindi 印地语
ind indonesian 印尼语|ro ron romanian|hu hun hungarian|el ell greek|he heb hebrew
bg bul bulgarian|fa fas persian
"""
# Codes of three letters of the others (ISO 639-2 and -3), which no column would be called by.
_LONGER: Mapping[str, str] = MappingProxyType(
    {
        "ind": "id", "cat": "ca", "nob": "nb", "nor": "nb", "no": "nb", "est": "et", "slk": "sk", "slo": "sk",
        "slv": "sl", "hrv": "hr", "lit": "lt", "lav": "lv", "bel": "be", "srp": "sr", "mkd": "mk",
        "mac": "mk", "urd": "ur", "per": "fa", "rum": "ro", "gre": "el", "hye": "hy", "arm": "hy",
        "kat": "ka", "geo": "ka", "ben": "bn", "tam": "ta", "tel": "te", "kan": "kn", "mal": "ml",
        "guj": "gu", "pan": "pa", "sin": "si", "khm": "km", "lao": "lo", "mya": "my", "bur": "my",
        "amh": "am", "bod": "bo", "tib": "bo",
    }
)  # fmt: skip
_TAG = re.compile(r"[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{1,8})*")


def language_tag(tag: str, setting: str) -> str:
    """The code that a tag stands for: of two letters, without its script and region.

    A tag is one of BCP 47 (`en`, `eng`, `zh-Hans-CN`) whose language can be told here. Raises ConfigError
    with the nearest, and all that are known; `setting` is where it was asked for.

    >>> language_tag("zh-Hans", "data.target_language"), language_tag("DEU", "data.target_language")
    ('zh', 'de')
    """
    found = code_of(tag)
    if found:
        return found
    known = ", ".join(sorted(KNOWN))
    near = language_named(tag) or _nearest(tag.lower())
    raise ConfigError(
        f"{setting}={tag}: is no language that can be told here",
        hint=f"Did you mean {near!r}? Known: {known}." if near else f"Known: {known}.",
    )


def _nearest(tag: str) -> str:
    """The code of the name that is written most alike."""
    names = {**_codes(), **_LONGER, **{code: code for code in KNOWN}}
    found = get_close_matches(tag, sorted(names), n=1, cutoff=0.6)
    return names[found[0]] if found else ""


def code_of(tag: str) -> str:
    """The same; nothing where it is no tag that is known.

    >>> code_of("en_GB"), code_of("cmn-Hant"), code_of("english"), code_of("xx")
    ('en', 'zh', '', '')
    """
    if not _TAG.fullmatch(tag):
        return ""
    first = re.split("[-_]", tag)[0].lower()
    named = _codes().get(first, "")
    code = _LONGER.get(first) or (first if first in KNOWN else named)
    return code if code in KNOWN else ""


def language_named(column: str) -> str:
    """The code of the language that a column is called by, empty where it is called by none.

    >>> language_named("en-US"), language_named("Chinese"), language_named("text_de"), language_named("id")
    ('en', 'zh', 'de', '')
    """
    words = [word for word in re.split(r"[\W_]+", column.strip().lower()) if word]
    codes = [_codes()[word] for word in (words[:1] + words[-1:]) if word in _codes()]
    return codes[0] if codes else ""


def language_of_file(name: str) -> str:
    """The code of the language that a file ends in: `corpus.en`, `train.zh.txt.gz`.

    >>> language_of_file("de-en.de"), language_of_file("train.zh.txt.gz"), language_of_file("notes.txt")
    ('de', 'zh', '')
    """
    parts = [part for part in name.split(".")[1:] if part.lower() not in ("gz", "txt", "tok", "snt")]
    return code_of(parts[-1]) if parts else ""


@cache
def _codes() -> dict[str, str]:
    rows = [row.split() for row in re.split(r"[|\n]", _LANGUAGES.strip())]
    return {name: ("id" if row[0] == "ind" else row[0]) for row in rows for name in row}
