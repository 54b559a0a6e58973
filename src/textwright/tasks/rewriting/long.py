"""Texts of any length, rewritten whole: a translation sentence by sentence where one does not fit, with the
loops of a decoder caught.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from textwright.measure.words import loops, words
from textwright.tasks.rewriting.model import Rewriter, Rewritten
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.text.sentences import Span, chunks, sentences

# A text of more tokens than this share of the window is rewritten in parts: models see few that are so long.
_SHARE = 0.75
# Where an answer goes round in circles it is tried again with no run of so many tokens twice, and once more.
_NO_REPEAT = (3, 2)
# Languages that are written without blanks between sentences.
_WITHOUT_BLANKS = frozenset({"zh", "ja"})


def rewrite_long(
    model: Rewriter, texts: Sequence[str], settings: DecodeSettings | None = None
) -> list[Rewritten]:
    """What is made of each text, none of which is cut: an empty text stays empty."""
    settings = settings or model.settings
    parts: list[str] = []
    places: list[range] = []
    for text in texts:
        found = [text] if model.task == "summarize" else _parts(model, text)
        found = [part for part in found if part.strip()]
        places.append(range(len(parts), len(parts) + len(found)))
        parts += found
    made = _guarded(model, parts, settings)
    blank = "" if _target(model) in _WITHOUT_BLANKS else " "
    return [_joined([made[i] for i in place], blank) for place in places]


def _parts(model: Rewriter, text: str) -> list[str]:
    """The text itself where it fits, else its sentences, else parts of these."""
    room = int(_SHARE * model.room)
    if _length(model, text) <= room:
        return [text]
    out: list[str] = []
    for span in sentences(text):
        out += _cut(model, text, span, room)
    return out


def _cut(model: Rewriter, text: str, span: Span, room: int) -> list[str]:
    """A sentence, or parts of it that fit."""
    whole = span.of(text)
    length = _length(model, whole)
    if length <= room or len(whole) < 2:
        return [whole]
    most = max(len(whole) * room // (2 * length), 1)
    return [part for smaller in chunks(text, span, most) for part in _cut(model, text, smaller, room)]


def _length(model: Rewriter, text: str) -> int:
    return int(model.tokenizer.whole([text]).lengths[0]) + 1


def _guarded(model: Rewriter, parts: Sequence[str], settings: DecodeSettings) -> list[Rewritten]:
    """Answers of all parts; of those that go round in circles, or have no end, what another try gives."""
    made = model.rewrite(parts, settings)
    for most in () if settings.no_repeat else _NO_REPEAT:
        wrong = [i for i, found in enumerate(made) if _is_stuck(found, parts[i], settings)]
        if not wrong:
            break
        again = model.rewrite([parts[i] for i in wrong], settings.replaced({"no_repeat": most}))
        for i, found in zip(wrong, again, strict=True):
            made[i] = found
    return made


def _is_stuck(found: Rewritten, source: str, settings: DecodeSettings) -> bool:
    if not found.is_whole and not isinstance(settings.length, int):  # a number is a limit
        return True
    return _circles(found.text) and not _circles(source)


def _circles(text: str) -> bool:
    """Whether the same words, or characters of a language without blanks, come again and again."""
    return loops(words(text)) or (len(text.split()) < len(text) / 20 and loops(list(text)))


def _joined(made: Sequence[Rewritten], blank: str) -> Rewritten:
    """One answer of the parts of a text; it is as sure as they are on average."""
    if not made:
        return Rewritten("", 0.0, True)
    if len(made) == 1:
        return made[0]
    text = blank.join(part.text for part in made)
    score = math.fsum(part.score for part in made) / len(made)
    known = [part.confidence for part in made if part.confidence is not None]
    return replace(
        made[0],
        text=text,
        score=score,
        is_whole=all(part.is_whole for part in made),
        others=(),
        confidence=math.fsum(known) / len(known) if known else None,
    )


def _target(model: Rewriter) -> str:
    """The language of what is made."""
    return str((model.schema.get("languages") or ["", ""])[1])
