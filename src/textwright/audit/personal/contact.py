"""How a person can be reached: e-mail, telephone, WeChat, QQ.

Hotlines of firms (400, 800, 888, ...) are left out: nobody's in particular.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from textwright.audit.personal.checksums import is_date
from textwright.audit.personal.spans import Place, Rule, before, by_pattern, digits_of

_DASH = "[-\u2010-\u2015]"
_GAP = f"(?:{_DASH}| )"
# A number begins and ends where no digit, letter or decimal point goes on.
_START = r"(?<![0-9A-Za-z_])(?<![0-9][.,:/-])"
_END = r"(?![0-9A-Za-z_]|[.,:/-][0-9])"
# What says that a number counts something, or names a thing.
_THING = re.compile(
    r"(?:单号|订单|编号|货号|流水号?|序列号|型号|条码|批号|票号|号段|快递|运单"
    r"|\b(?:order|invoice|tracking|serial|ref(?:erence)?|ticket|item|isbn|sku|case|model|licen[cs]e|policy"
    r"|account|flight|booking)(?:\s*(?:no|nr|id|number|code))?)\s*(?:is|was|[.:：#=是为])*\s*$"
)
_PHONE_WORD = re.compile(
    r"(?:\b(?:phone|tel|telephone|call|called|mobile|cell|fax|desk|dial|whatsapp|text me|ring|reach|contact"
    r"|number)\b[^0-9\n]{0,16}|(?:电话|手机|座机|传真|致电|拨打|热线)[^0-9\n，。,;；]{0,8})$"
)
_PHONE_AFTER = re.compile(r"[ (-]{0,2}(?:office|fax|mobile|desk|cell|home phone|work phone)\b", re.IGNORECASE)
_EMAIL = (
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-][A-Za-z0-9._%+-]{0,63}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,5}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
_MOBILE = (
    r"(?:(?<![0-9A-Za-z_])|(?<=[Tt][Ee][Ll]))(?<![0-9][.,:/-])"
    rf"(?:(?:\+|00)?86{_GAP}?)?1[3-9][0-9]{_GAP}?[0-9]{{4}}{_GAP}?[0-9]{{4}}{_END}"
)
_LANDLINE = (
    rf"{_START}(?:(?:(?:\+|00)86{_GAP}?)?\(0[1-9][0-9]{{1,2}}\){_GAP}?"
    rf"|(?:(?:\+|00)86{_GAP}?0?|0)(?:10|2[0-9]|[3-9][0-9]{{2}}){_DASH})"
    rf"[2-9][0-9]{{2,3}}{_GAP}?[0-9]{{4}}(?:(?:{_DASH}|转)[0-9]{{1,5}})?{_END}"
)
_AMERICAN = (
    r"(?<![0-9A-Za-z_])(?<![0-9][.,:/-])(?:(?:\+|00)?1[-. ]?)?(?!\(?(?:[2-9]00|8(?:33|44|55|66|77|88))[-. )])"
    r"(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-. /])[2-9][0-9]{2}[-. ]"
    rf"[0-9]{{4}}(?: ?(?:x|ext\.? ?)[0-9]{{1,5}})?{_END}"
)
_ABROAD = rf"(?<![0-9A-Za-z_])\+[1-9][0-9]{{0,2}}(?:[ .-]?\(?[0-9]{{1,5}}\)?){{2,5}}(?:x[0-9]{{1,5}})?{_END}"
_NATIONAL = rf"{_START}(?:\(0[1-9][0-9]{{0,3}}\)|0[1-9][0-9]{{0,3}})(?:[ .-][0-9]{{2,4}}){{2,4}}{_END}"
_GROUPED = rf"{_START}(?:\([0-9]{{2,4}}\) ?)?[0-9]{{2,10}}(?:[ .-][0-9]{{2,7}}){{0,4}}{_END}"
_CHAT = (
    r"(?:(?i:微信|薇信|威信|weixin|wechat)|(?<![!-~])(?i:vx|wx)(?=[ :：号]))"
    r"(?P<id>[号]|[账帐]号|\s?id)?\s?(?P<colon>[:：是为=]?)\s*"
    r"(?P<value>[A-Za-z][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_-]|[.@])"
)
_QQ = r"(?<![A-Za-z])[Qq]{2}\s?(?:群?号码?|群)?\s?[:：是为=]?\s*(?P<value>[1-9][0-9]{4,10})(?![0-9A-Za-z.@])"


def _names_a_person(match: re.Match[str]) -> bool:
    """Not a number of an order: those have no blanks, and a word for it in front."""
    return not _THING.search(before(match))


def _is_abroad(match: re.Match[str]) -> bool:
    return 8 <= len(digits_of(match[0].partition("x")[0])) <= 15


def _is_national(match: re.Match[str]) -> bool:
    """Nine to eleven digits, and no list of numbers that count up."""
    groups = re.findall("[0-9]+", match[0])
    counts_up = all(int(b) - int(a) == 1 for a, b in pairwise(groups))
    return 9 <= len(digits_of(match[0])) <= 11 and not counts_up and _names_a_person(match)


def _is_said(match: re.Match[str]) -> bool:
    """A number that only the words in front of it tell: seven to eleven digits, and no years or days."""
    digits = digits_of(match[0])
    is_year, is_hotline = (
        re.match(r"(?:19|20)[0-9]{2}[ .-]", match[0]),
        re.fullmatch("[48]00[0-9]{7}", digits),
    )
    is_day = len(digits) == 8 and is_date(digits)
    if is_year or is_day or is_hotline or not 7 <= len(digits) <= 11:
        return False
    if _PHONE_AFTER.match(match.string, match.end()):
        return True
    return bool(_PHONE_WORD.search(before(match))) and _names_a_person(match)


def _phones(text: str) -> Iterator[Place]:
    for find in _PHONES:
        yield from find(text)


def _is_chat_name(match: re.Match[str]) -> bool:
    """Said to be one, or no word of English: "wechat payments" names nobody."""
    return bool(match["id"] and match["colon"]) or bool(re.search("[0-9_]", match["value"]))


_PHONES = (
    by_pattern(_MOBILE, _names_a_person, is_number=True),
    by_pattern(_LANDLINE, _names_a_person, is_number=True),
    by_pattern(_AMERICAN, _names_a_person, is_number=True),
    by_pattern(_ABROAD, _is_abroad, is_number=True),
    by_pattern(_NATIONAL, _is_national, is_number=True),
    by_pattern(_GROUPED, _is_said, is_number=True),
)
EMAIL = Rule("email", by_pattern(_EMAIL), marks=("@",))
PHONE = Rule("phone", _phones, digits=7)
WECHAT = Rule(
    "wechat", by_pattern(_CHAT, _is_chat_name), marks=("微信", "薇信", "威信", "wechat", "weixin", "vx", "wx")
)
QQ = Rule("qq", by_pattern(_QQ), digits=5, marks=("qq",))
