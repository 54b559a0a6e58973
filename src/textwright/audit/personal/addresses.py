"""Where somebody lives: a street with a number. A shop has one too, so that these are warnings only."""

from __future__ import annotations

import re
from collections.abc import Iterator

from textwright.audit.personal.spans import Place, Rule, by_pattern

_HAN = "[\u4e00-\u9fff]"
_NUMBER = "[0-9]{1,5}"
# From the road backwards: what stands in front of it is looked at afterwards.
_ROAD = re.compile(
    rf"(?:路|街|大道|巷|弄|胡同|条|里|道)(?:[东西南北中]段)?"
    rf"(?P<number>{_NUMBER}(?:[-—]{_NUMBER})?(?:号院?|弄|号楼))"
    rf"(?P<rest>(?:{_HAN}{{0,8}}?[0-9A-Za-z]{{1,4}}(?:号楼|栋|幢|座|单元|层|楼|室|号|门)){{0,4}})"
)
_FAR = 24
_HEAD = re.compile(rf"{_HAN}+\Z")
_AREA = re.compile("[省市区县镇乡州盟旗村]")
# An address begins behind these.
_LEAD = re.compile(".*(?:[到在于址是往去给住至寄家为]|地址)")
_ASKED = re.compile("寄|住|家|地址|送到|收件|收货")
_TYPES = (
    "(?:Street|Avenue|Road|Lane|Drive|Boulevard|Court|Place|Close|Row|Way|Terrace|Crescent|Square|Parkway"
    r"|Circle|Gardens|Grove|Mews|Highway|Trail|Alley)\b|St\b\.?(?! ?(?:Paul|Louis|Mary|John|Peter|James))"
    r"|(?:Ave|Rd|Ln|Dr|Blvd|Ct|Pl|Sq|Pkwy|Cir|Hwy)\b\.?"
)
_NAME = r"(?!(?:Hard|Disk|Tape|Floppy|Flash) )[A-Z][a-z'’]+[A-Za-z'’-]*"
_STREET = (
    rf"(?<![0-9A-Za-z.,$£€#:/-])(?<!No\. )[0-9]{{1,5}}[A-Dab]? (?:[NSEW]\.? )?(?:{_NAME} ){{1,3}}(?:{_TYPES})"
    rf"(?:,? (?:Apt|Suite|Unit|Flat|Floor|No)\.? ?#?[0-9A-Za-z-]{{1,6}})?"
    rf"(?:, {_NAME}(?: {_NAME}){{0,2}}(?:,? [A-Z]{{2}} [0-9]{{5}}(?:-[0-9]{{4}})?)?)?(?![0-9A-Za-z])"
)


def _chinese(text: str) -> Iterator[Place]:
    for match in _ROAD.finditer(text):
        head = _HEAD.search(text, max(0, match.start() - _FAR), match.start())
        if head is None:
            continue
        lead = _LEAD.match(head[0])
        start = head.start() + (lead.end() if lead else 0)
        body = text[start : match.start()]
        if not body:
            continue
        asked = _ASKED.search(text[max(0, head.start() - 8) : start])
        if _AREA.search(body) or match["rest"] or asked:
            yield start, match.end()


CHINESE = Rule("address", _chinese, digits=1, marks=("号", "弄"))
STREET = Rule("address", by_pattern(_STREET), digits=1)
