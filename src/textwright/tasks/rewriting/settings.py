"""How answers are looked for; one definition for every engine."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from textwright.core.settings import Settings
from textwright.text.pairs.sizes import SizeName

UNSURE = 0.3
"""Answers with a lower confidence are counted as those to look at first."""
# An answer has at most so many times the tokens of the longest one that was learned from.
_TIMES_LONGEST = 1.5


class DecodeSettings(Settings):
    """The answer is the sequence found with the highest sum of log-probabilities over its length, with its
    end, to the power of `length_penalty`.
    """

    beams: int = Field(4, ge=1, description="beginnings that are kept at each step; 1 is greedy")
    length_penalty: float = Field(1.0, description="higher is longer; 0 is the likeliest of all")
    answers: int = Field(1, ge=1, description="how many are given of each text, the best first")
    no_repeat: int = Field(0, ge=0, description="no run of so many tokens twice; 0 lets all")
    min_tokens: int = Field(0, ge=0, description="of an answer")
    length: SizeName | Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="of summaries: short, medium or long, by those that were learned from, or a number of "
        "words (of Chinese: characters)",
    )
    max_tokens: int | None = Field(
        None, ge=1, description="of an answer; never more than three times its source and 20"
    )
    temperature: float = Field(
        0.0, ge=0, description="draw at random: higher is wilder; 0 looks for the best"
    )
    seed: int = Field(0, description="of what is drawn")

    def limited(self, longest: int) -> DecodeSettings:
        """With a limit to answers by the longest that was learned from, where none was asked for.

        >>> DecodeSettings().limited(40).max_tokens, DecodeSettings(max_tokens=5).limited(40).max_tokens
        (60, 5)
        """
        if self.max_tokens is not None:
            return self
        return self.replaced({"max_tokens": max(int(_TIMES_LONGEST * longest), 1)})
