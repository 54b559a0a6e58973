"""Which parts of a document are said in words, and how it is put together again around their translations.

A document is read by lines. What is not said in words is never touched: line breaks of every kind, blanks and
invisible marks at the edges of a line, marks of Markdown, fenced code, comments, front matter, the pipes of
tables, and lines without a word. `segments` finds the rest, `rebuilt` puts answers into their places, and
`verify` says where two documents differ in anything but words.

What is read as Markdown is a subset on purpose: a line that is indented by four blanks is not taken for code,
since lists are indented too; a comment or formula that is never closed is text, a fence that is never closed
goes on to the end. All steps take time in proportion to the text, whatever it is made of.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textwright.text.sentences import LINE, LINE_BREAK, Span, chunks, sentences_within

# White space; controls; what is not seen: marks of direction, characters without width, the byte order mark.
_BLANKS = "\t\x0b\x0c \xa0\u1680\u2000-\u200a\u202f\u205f\u3000\x1c-\x1f\x85\u2028\u2029\n\r"
_CONTROLS = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_UNSEEN = "\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
_EDGE = f"[{_BLANKS}{_CONTROLS}{_UNSEEN}]"
_FIRST = re.compile(f"[^{_BLANKS}{_CONTROLS}{_UNSEEN}]")

_TAG_NAMES = (
    "p|div|li|ul|ol|dl|dt|dd|td|th|tr|table|thead|tbody|tfoot|caption|h[1-6]|br|hr|section|article|header|"
    "footer|main|nav|aside|blockquote|body|html|head|title|figure|figcaption|details|summary|center"
)
_BLOCK_TAG = f"</?(?:{_TAG_NAMES})(?:\\s[^<>]*|/)?>"
# Marks at the start of a line; those of a list or a heading need a blank behind them.
_BULLET = r"[-*+•‣◦](?=\s)|\[[ xX]\](?=\s)"
_HASHES = r"#{1,6}(?=\s)"
_NUMBER = r"\d{1,9}[.)](?=\s)"
_NOTE = r"\[\^[^\]\s]{1,50}\]:(?=\s)"
_PREFIX = re.compile(f"(?:{_EDGE}|>|{_BULLET}|{_NUMBER}|{_HASHES}|{_NOTE}|{_BLOCK_TAG})*+", re.I)
_NEW_MARKS = re.compile(f"(?:{_EDGE}|>|{_BULLET}|{_HASHES})*+")
_MARK = re.compile(f">|{_BULLET}|{_HASHES}|\\[\\^")
# Of an answer's edges: it says nothing of how sentences are parted.
_QUOTES = "\"'()[]"
_TAIL_TAG = re.compile(_BLOCK_TAG, re.I)
_TAIL_HASHES = re.compile(r"(?<=\s)#{1,20}$")
_PIPE = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[\s>]*+\|?\s*+:?-++:?\s*+(?:\|\s*+:?-++:?\s*+)*+\|?\s*+")
_REFERENCE = re.compile(r"\[[^\]\[^][^\]\[]{0,200}\]:\s+<?[!-~]*[/.#][!-~]*")

_FENCE = re.compile(f"(?:{_EDGE}|>|{_BULLET}|{_NUMBER})*+(?P<fence>`{{3,}}(?=[^`]*$)|~{{3,}})")
_COMMENT = re.compile("<!--")
# These open something only where a line begins.
_RAW = re.compile(r"<(?:pre|script|style|textarea)\b|\$\$(?=\s*$)", re.I)
# Everything that opens or closes a comment, raw HTML or a formula; in <!--> there are two.
_TOKEN = re.compile(r"(?=(<!--|-->|</?(?:pre|script|style|textarea)\b|\$\$))", re.I)
_FRONT = re.compile(f"\ufeff?---[ \\t]*(?={LINE_BREAK.pattern})")
_YAML = re.compile(r"[\s#-]|[\w.\"'-]+[ \t]*:(?:\s|$)")

_UNSAID = re.compile(r"</?[A-Za-z][^<>]*>|<![^<>]*>|`[^`]+`|\{[{%][^{}]*[%}]\}|&#?\w{1,20};")
_NO_WORD = re.compile(
    r"[^\w]*+(?:(?:[a-z][a-z0-9+.-]{1,10}://|www\.|mailto:)[!-~]*+|[a-z0-9._%+-]{1,64}@[a-z0-9.-]++|"
    r"0x[0-9a-f]++|\d[\d.,]*+e[+-]?\d++)[^\w]*+",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line without its break; `parts` are the stretches of it that hold words."""

    span: Span
    is_row: bool
    parts: tuple[Span, ...]


def segments(text: str, *, most: int) -> list[Span]:
    r"""The sentences of a document that are to be translated, in order, each of at most `most` characters.

    Everything outside of them is to be copied as it stands. No segment holds a line break, begins or ends
    with white space or an invisible mark, or is without a letter. Longer sentences come in parts (`chunks`).
    Raises ValueError for segments of no character.

    >>> text = "# Tea\n\n- [ ] Boil it. Wait!\n```\ncode\n```\n| 水。好。 | 5 |\nhttp://tea.org\n"
    >>> [span.of(text) for span in segments(text, most=200)]
    ['Tea', 'Boil it.', 'Wait!', '水。', '好。']
    """
    if most < 1:
        raise ValueError(f"segments of {most} characters hold no text")
    found = []
    for line in _lines(text):
        for part in line.parts:
            for sentence in sentences_within(text, part):
                pieces = chunks(text, sentence, most) if _has_words(sentence.of(text)) else []
                found += [_trimmed(text, piece) for piece in pieces if _has_words(piece.of(text))]
    return found


def rebuilt(text: str, spans: Sequence[Span], answers: Sequence[str]) -> str:
    r"""The document with an answer in the place of each span, and everything else as it was.

    A line break in an answer becomes a blank, and the edges of an answer go. If nothing is left, the source
    stays; so does a whole line whose answers would open or close code, a comment or a formula, or move a cell
    of its table. Marks of a list, heading or quotation that an answer begins a line with are left out. Where
    Chinese sentences, which have no blank between them, become such as need one, they get it, and the blank
    between two sentences goes where both become Chinese. Raises ValueError when the spans do not fit the
    answers or the text.

    >>> text = "  1. 你好。再见。\r\n"
    >>> rebuilt(text, segments(text, most=99), ["Hello,\nyou.", " Bye. "])
    '  1. Hello, you. Bye.\r\n'
    >>> rebuilt("> Hi. Bye.", segments("> Hi. Bye.", most=99), ["你好。", "再见。"])
    '> 你好。再见。'
    """
    return rebuilt_and_kept(text, spans, answers)[0]


def rebuilt_and_kept(text: str, spans: Sequence[Span], answers: Sequence[str]) -> tuple[str, list[int]]:
    r"""The same as `rebuilt`, and the numbers of the spans whose source stays in the place of another answer.

    >>> rebuilt_and_kept("Hi!\nBye!\n", segments("Hi!\nBye!\n", most=99), ["```", "再见！"])
    ('Hi!\n再见！\n', [0])
    """
    if len(spans) != len(answers):
        raise ValueError(f"{len(spans):,} segments came with {len(answers):,} answers")
    done, place, copied = list[str](), 0, 0
    kept: list[int] = []
    for line in _lines(text):
        first = place
        while place < len(spans) and spans[place].end <= line.span.end:
            place += 1
        if place > first:
            new, stays = _new_line(text, line, spans[first:place], answers[first:place])
            kept += [first + number for number in stays]
            done += [text[copied : line.span.start], new]
            copied = line.span.end
    if place < len(spans):
        raise ValueError(f"no line holds the characters {spans[place].start:,} to {spans[place].end:,}")
    whole = "".join([*done, text[copied:]])
    made = None if _front_matter(text) else _front_matter(whole)
    return _without_front(text, spans, answers, made.of(whole)) if made else (whole, kept)


def verify(text: str, other: str) -> str | None:
    r"""What differs between a document and its translation beside the words; None if nothing does.

    Compared are the kinds and places of line breaks, blanks and marks at both ends of each line, code,
    comments, front matter and formulas, cells of tables, and lines without words.

    >>> verify("- Hi.\n\n  - You!\n", "- 你好。\n\n  - 你！\n")
    >>> verify("- Hi.\n\n  - You!\n", "- 你好。\n\n- 你！\n")
    'line 3: what stands around its words is not the same'
    """
    if text == other:
        return None
    breaks, others = LINE_BREAK.findall(text), LINE_BREAK.findall(other)
    if len(breaks) != len(others):
        return f"{len(others):,} line breaks instead of {len(breaks):,}"
    for number, (wanted, found) in enumerate(zip(breaks, others, strict=True), 1):
        if wanted != found:
            return f"line {number:,}: its line break is of another kind"
    if _kept(text) != _kept(other):
        return "code, comments, formulas or front matter are not the same"
    lines = {line.span.start: line for line in _lines(text)}
    starts = [0, *(found.end() for found in LINE_BREAK.finditer(text))]
    for number, (start, line) in enumerate(zip(starts, LINE_BREAK.split(other), strict=True), 1):
        source = lines.get(start)
        if not (_is_framed_alike(text, source, line) if source else not line):
            return f"line {number:,}: what stands around its words is not the same"
    return None


def _kept(text: str) -> list[str]:
    lines = [Span(*found.span()) for found in LINE.finditer(text)]
    return [block.of(text) for block in _blocks(text, lines)]


def _is_framed_alike(text: str, line: _Line, other: str) -> bool:
    """Whether another line has the same around the words of this one, and at least a character for each."""
    old = line.span.of(text)
    if old == other or not line.parts:
        return old == other
    inner = [place for part in line.parts for place in (part.start, part.end)]
    ends = [line.span.start, *inner, line.span.end]
    first, *gaps, last = (text[a:b] for a, b in zip(ends[::2], ends[1::2], strict=True))
    if not (other.startswith(first) and other.endswith(last)):
        return False
    place, stop = len(first), len(other) - len(last)
    for gap in gaps:
        place = other.find(gap, place + 1, stop) + len(gap)
        if place < len(gap):
            return False
    is_filled = place < stop and not (other[len(first)].isspace() or other[stop - 1].isspace())
    return is_filled and _is_harmless(old, other, line.is_row)


def _new_line(text: str, line: _Line, spans: Sequence[Span], answers: Sequence[str]) -> tuple[str, list[int]]:
    """A line with answers in it, or as it was where they would be read as more than words; with the numbers
    of the spans whose source stays in the place of another answer.
    """
    old, copied = line.span.of(text), line.span.start
    parts: list[str] = []
    stays: list[int] = []
    for number, (span, answer) in enumerate(zip(spans, answers, strict=True)):
        if not copied <= span.start < span.end:
            raise ValueError(f"the segment at {span.start:,} is empty, or begins before the last one ends")
        gap, source = text[copied : span.start], span.of(text)
        begins_line = not parts and _PREFIX.fullmatch(gap) is not None
        told = source if answer == source else _tamed(answer, begins_line, line.is_row)
        stays += [] if told else [number]
        told = told or source
        parts += [_gap(gap, text[copied - 1], parts[-1], told, source) if parts else gap, told]
        copied = span.end
    new = "".join([*parts, text[copied : line.span.end]])
    if new == old or _is_harmless(old, new, line.is_row):
        return new, stays
    return old, [n for n, span in enumerate(spans) if answers[n] != span.of(text)]


def _tamed(answer: str, begins_line: bool, is_row: bool) -> str:
    """An answer in one line without blanks and invisible marks at its edges, marks of a line, and pipes."""
    line = " ".join(filter(None, (part.strip() for part in LINE_BREAK.split(answer))))
    marks = _NEW_MARKS.match(line) if begins_line else None
    told = _trimmed(line, Span(marks.end() if marks else 0, len(line))).of(line)
    return _PIPE.sub(r"\\|", told) if is_row else told


def _is_harmless(old: str, new: str, is_row: bool) -> bool:
    """Whether a new line is read like the old one by whoever looks for code, comments, lists and tables."""
    left = iter(_TOKEN.findall(old.lower()))
    if not all(token in left for token in _TOKEN.findall(new.lower())):  # some may go, none may come
        return False
    if is_row and len(_PIPE.findall(new)) != len(_PIPE.findall(old)):
        return False
    return _marks(old) == _marks(new) and _opened(new) in ("", _opened(old))


def _marks(line: str) -> list[str]:
    """The marks a line begins with, but for numbers, which an answer may well begin with."""
    return _MARK.findall(line, 0, _PREFIX.match(line).end())  # type: ignore[union-attr]


def _opened(line: str) -> str:
    """What a line opens as its first words, or is as a whole, that could change how others are read."""
    raw = _RAW.match(line, _PREFIX.match(line).end())  # type: ignore[union-attr]
    found = _FENCE.match(line) or raw
    whole = line.strip("\ufeff \t")
    return found[0].lower() if found else whole if whole in ("---", "...") else ""


def _gap(gap: str, before: str, left: str, right: str, after: str) -> str:
    """What stands between two answers of a line: that of the source, which `before` ends and `after` begins,
    but for a blank that one language writes between sentences and the other does not.
    """
    if not gap:
        return " " if _needs_blank(before, left[-1], right[0]) else gap
    if gap.strip(" ") or _is_wide(before) or _is_wide(after[0]):
        return gap
    ends, begins = left.rstrip(_QUOTES)[-1:] or left, right.lstrip(_QUOTES)[:1] or right
    return "" if _is_wide(ends[0]) and _is_wide(begins[0]) else gap


def _needs_blank(before: str, left: str, right: str) -> bool:
    """Whether two answers need a blank where the source, which `before` ends, needed none."""
    begins = right.isalnum() or right in "\"'([<*_`"
    return begins and _is_wide(before) and not _is_wide(left) and not _is_wide(right)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF" or character in "“”‘’…—"


def _without_front(
    text: str, spans: Sequence[Span], answers: Sequence[str], made: str
) -> tuple[str, list[int]]:
    """The document without those answers that turned the lines between two rules into front matter."""
    starts = [0, *(found.end() for found in LINE_BREAK.finditer(text))]
    limit = starts[len(LINE_BREAK.findall(made))]
    own = [
        span.of(text) if span.start < limit else answer for span, answer in zip(spans, answers, strict=True)
    ]
    whole, kept = rebuilt_and_kept(text, spans, own)
    stays = [n for n, (answer, one) in enumerate(zip(answers, own, strict=True)) if answer != one]
    return whole, sorted({*kept, *stays})


def _trimmed(text: str, span: Span) -> Span:
    """A span without white space and invisible marks at its edges."""
    first = _FIRST.search(text, span.start, span.end)
    if first is None:
        return Span(span.end, span.end)
    end = span.end
    while not _FIRST.match(text, end - 1):
        end -= 1
    return Span(first.start(), end)


def _has_words(piece: str) -> bool:
    """Whether there is a letter outside of addresses, numbers, tags and code."""
    bare = _UNSAID.sub(" ", piece)
    return any(any(map(str.isalpha, word)) and not _NO_WORD.fullmatch(word) for word in bare.split())


def _lines(text: str) -> Iterator[_Line]:
    """All lines but empty ones, with the parts of them that hold words."""
    spans = [Span(*found.span()) for found in LINE.finditer(text)]
    blocks, place = list(_blocks(text, spans)), 0
    for span, is_row in zip(spans, _rows(text, spans), strict=True):
        while place < len(blocks) and blocks[place].end <= span.start:
            place += 1
        outside = _outside(span, blocks, place)
        yield _Line(span, is_row, tuple(_parts(text, span, outside, is_row)))


def _outside(span: Span, blocks: list[Span], place: int) -> list[Span]:
    """What of a line lies in none of the blocks from number `place` on."""
    found, start = [], span.start
    while place < len(blocks) and blocks[place].start < span.end:
        if blocks[place].start > start:
            found.append(Span(start, blocks[place].start))
        start = blocks[place].end
        place += 1
    return [*found, Span(start, span.end)] if start < span.end else found


def _parts(text: str, line: Span, outside: list[Span], is_row: bool) -> Iterator[Span]:
    for part in outside:
        prefix = _PREFIX.match(text, part.start, part.end) if part.start == line.start else None
        rest = Span(prefix.end(), part.end) if prefix else part
        if _REFERENCE.match(text, rest.start, rest.end):
            continue
        is_heading = prefix is not None and "#" in prefix[0]
        for cell in _cells(text, rest) if is_row else [rest]:
            found = _without_tail(text, cell, is_heading)
            if found.start < found.end and _has_words(found.of(text)):
                yield found


def _cells(text: str, row: Span) -> Iterator[Span]:
    start = row.start
    for pipe in _PIPE.finditer(text, row.start, row.end):
        yield Span(start, pipe.start())
        start = pipe.end()
    yield Span(start, row.end)


def _without_tail(text: str, part: Span, is_heading: bool) -> Span:
    r"""A part of a line without blanks, closing tags, the # behind a heading and the \ of a forced break."""
    found = _trimmed(text, part)
    while found.start < found.end:
        end = found.end
        if text[end - 1] == ">":
            begin = max(text.rfind("<", found.start, end), found.start)
            end = begin if _TAIL_TAG.fullmatch(text, begin, end) else end
        elif is_heading and text[end - 1] == "#":
            hashes = _TAIL_HASHES.search(text, max(found.start, end - 21), end)
            end = hashes.start() if hashes else end
        elif text[end - 1] == "\\":
            end -= 1
        if end == found.end:
            break
        found = _trimmed(text, Span(found.start, end))
    return found


def _rows(text: str, lines: list[Span]) -> Iterator[bool]:
    """Whether each line is a row of a table: it begins with a pipe, or has one in a table that has a rule."""
    is_table = False
    for place, line in enumerate(lines):
        has_pipe = text.find("|", line.start, line.end) >= 0
        heads = has_pipe and place + 1 < len(lines) and _is_rule(text, lines[place + 1])
        if is_table and not heads:
            gap = LINE_BREAK.match(text, lines[place - 1].end)
            is_table = gap is not None and gap.end() == line.start
        is_table = has_pipe and (heads or is_table)
        begin = _FIRST.search(text, line.start, line.end) if has_pipe else None
        yield is_table or (begin is not None and begin[0] == "|")


def _is_rule(text: str, line: Span) -> bool:
    return (
        text.find("|", line.start, line.end) >= 0 and _RULE.fullmatch(text, line.start, line.end) is not None
    )


def _blocks(text: str, lines: list[Span]) -> Iterator[Span]:
    """Stretches that are never translated: front matter, fenced code, comments, raw HTML, formulas."""
    settled, place, unclosed = 0, 0, set[str]()
    front = _front_matter(text)
    if front:
        yield front
        settled = front.end
    while place < len(lines):
        line = lines[place]
        is_whole = line.start >= settled
        fence = _FENCE.match(text, line.start, line.end) if is_whole else None
        if fence:
            place = _after_fence(text, lines, place, fence)
            settled = lines[place - 1].end
            yield Span(line.start, settled)
            continue
        for opening in _openings(text, line, is_whole):
            closing = _closing(text, opening, unclosed) if opening.start() >= settled else None
            if closing:
                settled = closing
                yield Span(opening.start(), closing)
        place += 1


def _openings(text: str, line: Span, is_whole: bool) -> Iterator[re.Match[str]]:
    prefix = _PREFIX.match(text, line.start, line.end) if is_whole else None
    raw = _RAW.match(text, prefix.end(), line.end) if prefix else None
    if raw:
        yield raw
    yield from _COMMENT.finditer(text, line.start, line.end)


def _closing(text: str, opening: re.Match[str], unclosed: set[str]) -> int | None:
    """Where the end of what is opened ends. What has none from some place on is looked for but once."""
    sign = opening[0].lower()
    end = {"<!--": "-->", "$$": r"\$\$"}.get(sign, f"</{sign[1:]}\\s*>")
    found = None if end in unclosed else re.compile(end, re.I).search(text, opening.end())
    if found is None:
        unclosed.add(end)
    return found.end() if found else None


def _after_fence(text: str, lines: list[Span], place: int, fence: re.Match[str]) -> int:
    """The number of the first line behind a fenced block that begins in line `place`."""
    sign, size = fence["fence"][0], len(fence["fence"])
    is_quoted = ">" in fence[0]
    for number in range(place + 1, len(lines)):
        line = lines[number].of(text)
        if is_quoted and not line.lstrip().startswith(">"):
            return number
        inner = line.strip("> \t")
        if len(inner) >= size and not inner.strip(sign):
            return number + 1
    return len(lines)


def _front_matter(text: str) -> Span | None:
    """The YAML between two --- at the very start; None for prose between two rules."""
    if not _FRONT.match(text):
        return None
    for number, found in enumerate(LINE.finditer(text)):
        if number and found[0].rstrip() in ("---", "..."):
            return Span(0, found.end()) if number > 1 else None
        if number and not _YAML.match(found[0]):
            return None
    return None
