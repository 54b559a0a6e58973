"""What can be set of an extractor: how long its summaries are, in the words of `textwright summarize`."""

from __future__ import annotations

from pydantic import Field

from textwright.core.settings import Settings


class ExtractorSettings(Settings):
    """Without either, the length is the one that agreed best with summaries that were held out.

    >>> ExtractorSettings.parse({"sentences": 2}).sentences
    2
    """

    sentences: int | None = Field(
        None, ge=1, description="of a summary at most; by the pairs where nothing is said"
    )
    length: str | int | None = Field(
        None, description="short, medium or long, or a number of words (of Chinese: characters)"
    )
