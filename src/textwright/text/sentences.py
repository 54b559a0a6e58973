"""Sentences of English and Chinese text as exact places in it, and long ones cut where it hurts least.

Nothing is ever rewritten: a `Span` says from where to where, and what lies between two spans is white space.
The rules are fixed and need no data: marks of the end, what may close behind them, abbreviations, and what
the next word looks like. An English full stop ends nothing before a lower-case letter, unless the last word
is too long for an abbreviation, or the writer begins sentences with lower case anyway. Every decision looks
at a bounded stretch of text, so that the time grows with the length of a text and not with its square.

What is beyond such rules: a name after an abbreviation is told from a new sentence only by a list of words
that often begin one ("the U.S. The" ends, "the U.S. Senate" does not), and German ordinals end sentences.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from textwright.text.script import CJK_PATTERN

_BREAKS = "\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
LINE_BREAK = re.compile(f"\r\n|[{_BREAKS}]")
"""One line break of any kind: those of `str.splitlines`."""
LINE = re.compile(f"[^{_BREAKS}]+")
"""What stands between two of them, unless it is nothing."""

_WORD = re.compile(r"[^\W_]")
_SOLID = re.compile(r"\S")
# A run of marks, also an ellipsis with blanks (". . ."), and what may close after it: quotes, brackets,
# emoji, emphasis, a closing tag, the number of a note.
_END = re.compile(
    r"(?P<mark>\.(?:[ \u00a0]\.)+|[.!?…。！？．｡‼⁇⁈⁉]+)"
    r"(?P<closers>(?:[\"'”’»)）\]］}｝」』】〗〕》〉~～\u2600-\u27bf\ufe0f\u200d\U0001f000-\U0001faff]|\*{1,3}|_{1,3}|</\w{1,10}>|\[\d{1,3}\])*"
    r"(?:\x20[)\]）”」』](?!\S))?)"
)
_WIDE = re.compile("[。！？｡]")
_BRACKETS = dict(zip(")）]］}｝】〗〕", "(（[［{｛【〖〔", strict=True))
_QUOTES = frozenset("\"'”’」』»")
# Quotes and emphasis of which one form opens and closes.
_EITHER = re.compile(r"[\"']$|\*{1,3}$|_{1,3}$")
_MENTIONED = frozenset("\"'“‘「『(（[")
# After a mark and its closers these go on with the same sentence.
_GOES_ON = frozenset(",;:，；：、—–-/)）]］}｝》〉%=&…")
# What may stand between two sentences before the first word of the next.
_RESUMES = frozenset(",;:/，；：、)）")
_OPENERS = re.compile(r"[\s\"'“‘«(（\[［{｛「『【《〈*_—–•·-]*")
_CJK = re.compile(f"[{CJK_PATTERN}]")
# “……！”他大声说。 is one sentence; ……”他说：“…… are two.
_SAID_ZH = re.compile(
    r" *[^，。！？；：:“”「」『』\s]{0,14}?(?:说|问|答|(?<![知难味报])道|(?<!呼)喊|叫|嚷|哭|笑|骂|喝)"
    r"(?:道|着|了一声)?[。，！,.]"
)
# "Why?" Mr. Pitt asked.
_SAID_EN = re.compile(
    r"\s+(?!(?:He|She|They|We|I|It|You)\s)(?:[A-Z][\w.'’-]*\s+){1,3}(?:said|says|asked|asks|cried|replied|answered|shouted|called|whispered|"
    r"wondered|demanded|exclaimed|inquired|muttered|murmured|repeated|added|snapped|yelled|screamed)\b"
)
_SELF = re.compile(r"I\b")
_ENUMERATOR = re.compile(
    r"[\s(（\[]*(?:\d{1,3}|[A-Za-z]|[ivx]{1,4}|[IVX]{1,5}|[一二三四五六七八九十]{1,3})(?:[.．]\d{1,3})*"
)
_TOKEN = re.compile(r"(?<![0-9A-Za-zÀ-ɏ'’/=_@])[A-Za-zÀ-ɏ]+(?:\.[A-Za-zÀ-ɏ]+)*$")
_DOTTED = re.compile(r"[A-Za-z]{1,2}(?:\.[A-Za-z]{1,2})+")
_WHOLE_WORD = re.compile(f"(?<![A-Za-zÀ-ɏ])[a-z]{{5,}}$|[)）{CJK_PATTERN}]$")
_NAME = re.compile(r"[a-z]\w+(?:[A-Z_(]|\.\w)")
_ADDRESSED = re.compile(r"(?:Mr|Mrs|Ms|Dr)\.\s|Miss\s")
_NEXT_WORD = re.compile(r"[A-Za-z]+(?!\w)(?!\.(?!\s*$))")

_BACK = 24  # characters that are looked at for an abbreviation
_ADDRESS = 200  # and for the beginning of a web address
_MEMORY = 2_000  # and for quotes and brackets that were opened


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# These never end a sentence of running text.
_TITLED = _words(
    """
    mr mrs ms dr drs mmes pfc pvt prof rev messrs mme mlle gen col lt capt cmdr cpl sgt maj adm brig
    sen rep reps gov pres supt amb atty fr mt vs v cf viz e.g i.e eg ie approx ca esp resp incl
    """
)
# These before a number.
_NUMBERED = _words(
    """
    no nos nr rte fig figs eq eqs sec secs ch chap vol vols pt art arts p pp par para l ll n op pl tab ed jan
    feb mar apr jun jul aug sep sept oct nov dec c
    """
)
# These may end a sentence, and do before a word that often begins one.
_ABBREVIATED = _words(
    """
    inc ltd co corp bros jr sr esq st ave blvd rd hwy bldg dept univ assn div est etc al ibid op mfg ed eds
    trans cit max avg std temp misc sq lb lbs oz hr hrs secs ext tel figs ph cent mg gm app
    """
)
# So do these, which are plain words without their capital.
_CAPITAL = _words(
    """
    Ala Ariz Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Kans Ky La Md Mass Mich Minn Miss Mo Mont Neb Nebr Nev
    Okla Ore Penn Pa Tenn Tex Va Vt Wash Wis Wyo Ont Que Mon Tue Tues Wed Thu Thur Thurs Fri Dist Jan Feb Mar
    Apr Jun Jul Aug Sep Sept Oct Nov Dec Hon Gen Min Wm Jas Chas Geo Thos Jos Ry Stat
    """
)
_KNOWN = _TITLED | _NUMBERED | _ABBREVIATED
_STARTERS = _words(
    """
    a about after again all almost along already also although always am among an and another any anyone
    anything are around as at be because been before behind being below beside besides between both but by can
    changed clearly could did do does doing due during each either else even every everyone everything few
    finally first for from further had has have having he hello her here hers his how however i if in indeed
    instead into is isn it its just last later let like many maybe me meanwhile more moreover most much my
    neither never nevertheless next no nobody none nor not note nothing now of off often oh ok okay on
    once one only or other others our out over people perhaps please rather see several shall she should
    similarly since so some someone something sometimes soon still such suddenly thank thanks that the their
    them then there therefore these they this those though through thus to today together tomorrow too two
    under unless unlike until up upon us use usually very was we well were what whatever when whenever where
    whereas whether which while who whose why will with within without would yes yesterday yet you your
    """
)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text: its characters from `start` up to and without `end`."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """What stands there."""
        return text[self.start : self.end]


def sentences(text: str) -> list[Span]:
    r"""The sentences of English, Chinese or mixed text, in order, as places in it.

    Between them is nothing but white space; none begins or ends with it, and none holds a line break. What
    has neither letter nor digit, such as an emoji, stays with the sentence before it on its line.

    >>> text = "Dr. Wu paid 3.50 at Inc. No. 5 (e.g. tea). 他问：“好吗？”我说好。 Is it?\nyes... well"
    >>> [span.of(text) for span in sentences(text)]
    ['Dr. Wu paid 3.50 at Inc. No. 5 (e.g. tea).', '他问：“好吗？”', '我说好。', 'Is it?', 'yes... well']
    """
    return [span for line in LINE.finditer(text) for span in sentences_within(text, Span(*line.span()))]


def sentences_within(text: str, line: Span) -> list[Span]:
    """The same of a stretch without line breaks, read as if nothing stood around it."""
    found: list[Span] = []
    begin, stop = stripped(text, line)
    while begin < stop:
        word = _WORD.search(text, begin, stop)
        if word is None:
            found[-1:] = [Span(found[-1].start if found else begin, stop)]
            break
        end = _sentence_end(text, begin, word.start(), stop)
        found.append(Span(begin, end))
        begin = stripped(text, Span(end, stop))[0]
    return found


def chunks(text: str, span: Span, most: int) -> list[Span]:
    """Cut a span of more than `most` characters into parts of at most so many.

    Between two parts is white space or nothing. The cut is made after the last semicolon, ellipsis or Chinese
    mark in reach, else after a comma of any kind, else at a blank, else beside a Chinese character or a sign,
    else anywhere; never inside what is seen as one character: with its accents, joined emoji, flags,
    surrogates. Such a character stays whole, also where it alone is longer than `most`. Raises ValueError for
    parts of no character.

    >>> text = "one, two; three four five"
    >>> [part.of(text) for part in chunks(text, Span(0, len(text)), 12)]
    ['one, two;', 'three four', 'five']
    """
    if most < 1:
        raise ValueError(f"parts of {most} characters hold no text")
    found = []
    begin, stop = stripped(text, span)
    while stop - begin > most:
        end = _cut(text, begin, stop, most)
        found.append(Span(*stripped(text, Span(begin, end))))
        begin = stripped(text, Span(end, stop))[0]
    return [*found, Span(begin, stop)] if begin < stop else found


def stripped(text: str, span: Span) -> tuple[int, int]:
    """Where a span begins and ends without the white space at its edges; twice its end if it is blank."""
    first = _SOLID.search(text, span.start, span.end)
    if first is None:
        return span.end, span.end
    end = span.end
    while text[end - 1].isspace():
        end -= 1
    return first.start(), end


@dataclass(frozen=True, slots=True)
class _Mark:
    """A mark that may end the sentence from `begin` on, whose first letter or digit is at `word`.

    The mark stands from `start` to `after`, what closes behind it goes on to `end`; the line ends at `stop`.
    """

    text: str
    begin: int
    word: int
    start: int
    after: int
    end: int
    stop: int

    @property
    def signs(self) -> str:
        return self.text[self.start : self.after]

    @property
    def closers(self) -> str:
        return self.text[self.after : self.end]

    def last(self, sign: str, end: int) -> int:
        """Where `sign` stands last before `end` in the sentence, -1 if not in reach."""
        return self.text.rfind(sign, max(self.begin, end - _MEMORY), end)

    @property
    def is_number(self) -> bool:
        """Whether all of the sentence so far is the number of a list, 2. or b."""
        is_short = self.start - self.begin < _BACK
        return is_short and _ENUMERATOR.fullmatch(self.text, self.begin, self.start) is not None


def _sentence_end(text: str, begin: int, word: int, stop: int) -> int:
    """Where the sentence from `begin` on ends; its first letter or digit is at `word`."""
    for found in _END.finditer(text, word + 1, stop):
        end = _closed(text, found)
        if end == stop or _ends(_Mark(text, begin, word, found.start(), found.end("mark"), end, stop)):
            return end
    return stop


def _closed(text: str, found: re.Match[str]) -> int:
    """The end of the closers that belong to a mark: the last may open what follows, as in 好。"不。"."""
    end = found.end()
    either = _EITHER.search(found["closers"])
    if not either or end == len(text) or not _WORD.match(text, end):
        return end
    sign, place = either[0], end - len(either[0])
    before = text[max(found.start() - _MEMORY, 0) : place]
    before = before[max(map(before.rfind, "\n\r")) + 1 :]
    return end if sign != "'" and before.count(sign) % 2 else place


def _ends(mark: _Mark) -> bool:
    """Whether a mark that is not the last of its line ends a sentence."""
    text, closers, following = mark.text, mark.closers, mark.text[mark.end]
    if following in _GOES_ON or (closers and _is_inside(mark, closers)):
        return False
    if _WIDE.search(mark.signs) or (mark.signs[0] == "…" and closers):
        return closers[-1:] not in _QUOTES or not _quote_goes_on(mark)
    if following.isspace():
        return _ends_before_blank(mark)
    if mark.signs[-1] in "!?‼⁇⁈⁉":
        before = text[mark.start - 1]
        is_cjk = _CJK.match(before) is not None
        begins = (following.isupper() and (before.islower() or is_cjk)) or (following.isdigit() and is_cjk)
        return (begins or _is_chinese(following)) and not _is_address(mark)
    return (_is_chinese(following) or mark.signs == "．") and _ends_before_chinese(mark)


def _is_inside(mark: _Mark, closers: str) -> bool:
    """Whether what closes was opened within the sentence, or the mark is but mentioned, as in '.'."""
    if mark.text[mark.start - 1] in _MENTIONED:
        return True
    sign = closers.rstrip("*_\"'”’")[-1:]
    if sign in ("》", "〉"):
        return True
    if sign not in _BRACKETS or closers[-2:-1].isdigit():  # [3] is the number of a note
        return False
    return mark.last(_BRACKETS[sign], mark.after) > mark.word


def _quote_goes_on(mark: _Mark) -> bool:
    """Whether the sentence goes on behind a quotation: “好！”他说。 or 他喊“救命！”就跑了。"""
    text = mark.text
    if _SAID_ZH.match(text, mark.end, mark.stop):
        return True
    place = max(mark.last(sign, mark.start) for sign in "“「『")
    is_within = place > mark.begin and _CJK.match(text, place - 1) is not None
    return is_within and mark.signs[-1] in "！？" and not text[mark.end].isspace()


def _is_chinese(character: str) -> bool:
    return _CJK.match(character) is not None or character in "“‘「『《【（"


def _is_address(mark: _Mark) -> bool:
    words = mark.text[max(mark.begin, mark.start - _ADDRESS) : mark.start].split()
    return any(sign in words[-1] for sign in ("://", "www.", "@")) if words else False


def _ends_before_chinese(mark: _Mark) -> bool:
    """Whether a full stop of narrow type ends a sentence right before a Chinese character, ．before any."""
    if len(mark.signs) > 1 or mark.is_number:
        return False
    before = mark.text[mark.start - 1]
    if _CJK.match(before) or mark.closers:
        return True
    return before.islower() and not _abbreviation(mark)


def _ends_before_blank(mark: _Mark) -> bool:
    """Whether marks of narrow type end a sentence, by the word before them and the one after the blank."""
    text, stop = mark.text, mark.stop
    place = _OPENERS.match(text, mark.end, stop).end()  # type: ignore[union-attr]
    is_dot = mark.signs in (".", "．")
    if text[mark.end : mark.end + _BACK].lstrip()[:1] in _RESUMES or (is_dot and mark.is_number):
        return False
    abbreviation = _abbreviation(mark) if is_dot else ""
    if place < stop and text[place].islower():
        return not abbreviation and _ends_before_lower(mark, place)
    if abbreviation:
        return _ends_though(abbreviation, text, place, stop)
    if len(mark.signs) > 1 and mark.signs[-1] in ".…" and _SELF.match(text, place, stop):
        return False  # "I... I am": the capital says nothing
    is_said = mark.closers[-1:] in _QUOTES and _SAID_EN.match(text, mark.end, stop)
    return not is_said


def _ends_before_lower(mark: _Mark, place: int) -> bool:
    """Whether a sentence ends though the next word, at `place`, is in lower case, and the last is whole.

    So it does when the sentence itself begins with lower case, when the last word is too long for an
    abbreviation or Chinese, and when the next is the name of something: sys.stdin, macOS.
    """
    text = mark.text
    if len(mark.signs) > 1 or mark.closers:
        return False
    if text[mark.word].islower() or _NAME.match(text, place, mark.stop):
        return True
    before = text[max(mark.begin, mark.start - _BACK) : mark.start]
    return mark.signs == "." and _WHOLE_WORD.search(before) is not None


def _abbreviation(mark: _Mark) -> str:
    """The abbreviation that a full stop may belong to, "" when it is a plain word."""
    token = _TOKEN.search(mark.text[max(mark.begin, mark.start - _BACK) : mark.start])
    if token is None:
        return ""
    word = token[0]
    is_known = word in _CAPITAL or word.lower() in _KNOWN
    return word if is_known or len(word) == 1 or _DOTTED.fullmatch(word) else ""


def _ends_though(abbreviation: str, text: str, place: int, stop: int) -> bool:
    """Whether a full stop after an abbreviation also ends the sentence, by the word at `place`."""
    name = abbreviation.lower()
    is_numbered = name in _NUMBERED
    if name in _TITLED or ((is_numbered or len(name) == 1) and text[place : place + 1].isdigit()):
        return False
    if is_numbered and len(name) > 1 and name not in _ABBREVIATED and abbreviation not in _CAPITAL:
        return True
    if _ADDRESSED.match(text, place, stop):
        return True
    word = _NEXT_WORD.match(text, place, min(stop, place + _BACK))
    return word is not None and word[0].lower() in _STARTERS


_CLOSER = "[\"'”’»)）\\]］」』】]*"
_STOP = re.compile(f"(?:[；;]|[。！？]+|…+|\\.{{3,}}){_CLOSER}")
_COMMA = re.compile(f"(?:[，、]|,(?!\\d)){_CLOSER}")
_BLANK = re.compile(r"\s")
_EDGE_OF_WORD = re.compile(f"[{CJK_PATTERN}](?=\\w)|[^\\w\\s](?=\\w)|\\w(?=[{CJK_PATTERN}])")
# Where a part may end, the best first, and from which share of its length on.
_CUTS = (
    *((pattern, share) for share in (0.5, 0.25) for pattern in (_STOP, _COMMA, _BLANK)),
    (_BLANK, 0.0),
    (_EDGE_OF_WORD, 0.5),
)


def _cut(text: str, begin: int, stop: int, most: int) -> int:
    """Where to end a part that begins at `begin`, with more than `most` characters before `stop`."""
    limit = begin + min(most, stop - begin - most // 4)
    for pattern, share in _CUTS:
        low = begin + int((limit - begin) * share)
        # One character more is looked at, so that no ellipsis and no closing quote is parted.
        ends = [found.end() for found in pattern.finditer(text, low, min(limit + 1, stop))]
        whole = next((end for end in reversed(ends) if end <= limit and _is_whole(text, begin, end)), None)
        if whole is not None:
            return whole
    return _cluster_end(text, begin, limit, stop)


def _cluster_end(text: str, begin: int, limit: int, stop: int) -> int:
    """The last end of a character as it is seen at or before `limit`, else the first one after."""
    end = limit
    while end > begin and not _is_whole(text, begin, end):
        end -= 1
    if end == begin:
        end = limit + 1
        while end < stop and not _is_whole(text, begin, end):
            end += 1
    return end


def _is_whole(text: str, begin: int, place: int) -> bool:
    """Whether no character as it is seen lies across `place`; one ends at `begin`."""
    if place >= len(text):
        return True
    before, after = text[place - 1], text[place]
    if after < "\u0300" and before < "\u0300":
        return True
    if "\u200d" in (before, after) or unicodedata.category(after).startswith("M"):
        return False
    if _is_modifier(after) or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff"):
        return False
    return not (_is_flag(before) and _is_flag(after)) or _flags_before(text, begin, place) % 2 == 0


def _is_modifier(character: str) -> bool:
    """Colours of skin, and the tags that spell a flag."""
    return "\U0001f3fb" <= character <= "\U0001f3ff" or "\U000e0020" <= character <= "\U000e007f"


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, begin: int, place: int) -> int:
    count = 0
    while place - count > begin and _is_flag(text[place - count - 1]):
        count += 1
    return count
