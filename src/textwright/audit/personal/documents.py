"""Papers of a person or a firm: identity cards, passports, plates, codes of firms."""

from __future__ import annotations

import re

from textwright.audit.personal.checksums import is_date, is_id, is_uscc
from textwright.audit.personal.spans import Rule, before, by_pattern

_ID = r"(?<![0-9])[1-9][0-9]{5}([ -]?)[0-9]{8}\1[0-9]{3}[0-9Xx](?![0-9])|(?<![0-9])0[0-9]{16}[0-9Xx](?![0-9])"
# Of before 1999: without a check digit, so that a word must say what it is.
_OLD_ID = r"(?:身份证|证件)(?:号码?)?[^0-9\n]{0,6}(?P<value>[1-9][0-9]{14})(?![0-9Xx])"
_USCC = r"(?<![0-9A-Za-z])[159Y][1239][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Za-z])"
_USCC_WORD = re.compile("信用代码|税号|纳税人|识别号|uscc|credit code")
_PLATE = (
    "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][·•・ ]?"
    "[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9]?[A-HJ-NP-Z0-9学警挂领使港澳](?![A-Za-z0-9])"
)
_PASSPORT = (
    r"(?i:(?<![a-z])passport|护照)(?i:\s?(?:no\.?|number|id|#|号码?|编号|is|was|[:：是为]))*\s*"
    r"(?P<value>[A-Za-z]{1,2}[0-9]{6,8}|[0-9]{9})(?![0-9A-Za-z])"
)
_SSN = (
    r"(?<![0-9A-Za-z])(?<![0-9]-)(?!000|666|9)[0-9]{3}([- ]?)(?!00)[0-9]{2}\1(?!0000)[0-9]{4}"
    r"(?![0-9A-Za-z]|-[0-9])"
)
_SSN_WORD = re.compile(r"(?:\bssn\b|social security)[^0-9\n]{0,16}$")


def _is_old_id(match: re.Match[str]) -> bool:
    return is_date("19" + match["value"][6:12])


def _is_id(match: re.Match[str]) -> bool:
    return is_id(re.sub("[ -]", "", match[0]))


def _is_uscc(match: re.Match[str]) -> bool:
    """With a letter, as most have, or said to be one: of numbers alone one in 31 passes the check."""
    said = re.search("[A-Z]", match[0][:17]) or _USCC_WORD.search(before(match))
    return bool(said) and is_uscc(match[0])


def _is_plate(match: re.Match[str]) -> bool:
    return len(re.findall("[0-9]", match[0])) >= 2


def _is_ssn(match: re.Match[str]) -> bool:
    """Written with dashes, or said to be one."""
    return match[1] == "-" or bool(_SSN_WORD.search(before(match)))


ID = Rule("id", by_pattern(_ID, _is_id, is_number=True), digits=17)
OLD_ID = Rule("id", by_pattern(_OLD_ID, _is_old_id), digits=15, marks=("身份证", "证件"))
USCC = Rule("uscc", by_pattern(_USCC, _is_uscc), digits=8)
PLATE = Rule("plate", by_pattern(_PLATE, _is_plate), digits=2)
PASSPORT = Rule("passport", by_pattern(_PASSPORT), digits=6, marks=("passport", "护照"))
SSN = Rule("ssn", by_pattern(_SSN, _is_ssn, is_number=True), digits=9)
