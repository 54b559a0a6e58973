"""Which column is what: guessed from the data, said aloud, stored in the model folder, asserted at load."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from textwright.core.settings import Settings
from textwright.text.terms import Masks

TaskName = Literal["classify", "multilabel", "score"]
LabelForm = Literal["single", "list", "separated", "indicators", "number"]


class Schema(Settings):
    """What a model was trained on. `labels` are in the order of the model's outputs."""

    task: TaskName
    text: str = Field(description="the column that holds the text")
    label: str = Field(description="the column of the label or score; indicator columns joined by commas")
    form: LabelForm = Field("single", description="how a cell holds its labels")
    separator: str | None = Field(None, description="what stands between the labels of one cell")
    labels: list[str] = Field(default_factory=list, description="all labels; empty for graded scores")
    low: float | None = Field(None, description="the lowest score seen")
    high: float | None = Field(None, description="the highest score seen")
    scripts: dict[str, float] = Field(default_factory=dict, description="share of the letters in each script")
    masks: list[Masks] = Field(default_factory=list, description="terms that it reads as one token")

    @property
    def is_ideographic(self) -> bool:
        """Most letters are Chinese or Japanese, where a character is a word."""
        return self.scripts.get("han", 0) + self.scripts.get("kana", 0) > 0.5
