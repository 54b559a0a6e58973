"""How long a summary is asked to be: by a mark before its source that was learned, by limits to its tokens.

A model learns from the mark of each summary's own size what short, medium and long are (Fan et al.,
arXiv:1711.05217). A number of words takes the mark that is nearest, and limits beside it; a model without
marks has the limits alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from textwright.core.errors import ConfigError
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.text.pairs.sizes import SizeName, Sizes, size_of
from textwright.text.sentences import sentences
from textwright.text.tokenizers import Tokenizer
from textwright.text.tokenizers.framed import marks_of

# Where nothing was learned: words, as of summaries of sentences that are picked.
_USUAL: Mapping[SizeName, int] = MappingProxyType({"short": 30, "medium": 80, "long": 200})
# A summary of N words may have so many times the tokens of these, to come to the end of a sentence.
_LEAST, _MOST = 0.6, 1.5
# It loses sentences at its end, and one that it was cut in, while it has more than so many times the words
# and so much of what was asked for is left.
_ENOUGH, _LEAST_LEFT = 1.25, 0.5
SIZES, MARKED = "sizes", "marked"
"""What the schema of a folder says of the summaries it learned from, and whether marks were learned."""


@dataclass(frozen=True)
class LengthAsked:
    """The id of the `mark` that stands before each source, if any, how to look for answers, and the words
    that were asked for, if by number or by limits alone.
    """

    mark: int | None
    settings: DecodeSettings
    words: int | None = None

    def finished(self, text: str, *, is_whole: bool = False) -> str | None:
        """A text up to the end of a sentence near the length asked for; None where there is no such end, or
        where it ends well.
        """
        if self.words is None or (is_whole and size_of(text) <= _ENOUGH * self.words):
            return None
        ends = [text[: span.end].rstrip() for span in sentences(text)]
        kept = [one for one in ends[:-1] if size_of(one) >= _LEAST_LEFT * self.words]
        fitting = [one for one in kept if size_of(one) <= _ENOUGH * self.words]
        return next(iter(fitting[-1:] or kept[:1]), None)


def has_marks(schema: Mapping[str, Any]) -> bool:
    """Whether a model has learned what short and long are."""
    return bool((schema.get(SIZES) or {}).get(MARKED))


def length_asked(
    settings: DecodeSettings, task: str, schema: Mapping[str, Any], tokenizer: Tokenizer, texts: Sequence[str]
) -> LengthAsked:
    """What the setting `length` means for the model of a folder. Raises ConfigError for a translation."""
    asked, plain = settings.length, settings.replaced({"length": None})
    if asked is None:
        return LengthAsked(None, plain)
    if task != "summarize":
        raise ConfigError(
            f"length={asked} is of summaries, and this model translates",
            hint="Leave it out, or set max_tokens.",
        )
    record = schema.get(SIZES)
    sizes = None if record is None else Sizes.from_json(record)
    mark = None
    if sizes is not None and has_marks(schema):
        name = sizes.name_of(asked) if isinstance(asked, int) else asked
        mark = marks_of(tokenizer).get(sizes.learned(name))
        if not isinstance(asked, int):
            return LengthAsked(mark, plain)
    words = asked if isinstance(asked, int) else sizes.middle(asked) if sizes else _USUAL[asked]
    tokens = words * (sizes.tokens if sizes else _tokens_of_a_word(tokenizer, texts))
    limits: dict[str, Any] = {
        "min_tokens": math.floor(_LEAST * tokens),
        "max_tokens": math.ceil(_MOST * tokens),
    }
    return LengthAsked(mark, plain.replaced({**limits, **_said(settings)}), words)


def _said(settings: DecodeSettings) -> dict[str, Any]:
    """Limits that somebody set beside the length: they hold."""
    return {key: value for key, value in settings.said().items() if key == "min_tokens" and value}


def _tokens_of_a_word(tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """Where no summary tells: that of what is to be summed up."""
    return float(tokenizer.whole([*texts]).lengths.sum()) / max(sum(map(size_of, texts)), 1)
