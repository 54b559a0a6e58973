"""What a language is learned by: one module an objective."""

from __future__ import annotations

from textwright.core.registry import Registry
from textwright.tasks.pretraining.objectives.base import Objective

OBJECTIVES: Registry[Objective] = Registry(
    "objective",
    {
        "causal": "textwright.tasks.pretraining.objectives.causal:OBJECTIVE",
        "denoise": "textwright.tasks.pretraining.objectives.denoise:OBJECTIVE",
        "hybrid": "textwright.tasks.pretraining.objectives.hybrid:OBJECTIVE",
        "instruct": "textwright.tasks.pretraining.objectives.instruct:OBJECTIVE",
        "summarize": "textwright.tasks.pretraining.objectives.pairs:SUMMARIZE",
        "translate": "textwright.tasks.pretraining.objectives.pairs:TRANSLATE",
        "masked": "textwright.tasks.pretraining.objectives.masked:OBJECTIVE",
    },
)
