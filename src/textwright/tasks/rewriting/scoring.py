"""How good answers are against references."""

from __future__ import annotations

import math
from typing import Any

from textwright.core.records import Score


def quick_score(task: str, made: list[str], wanted: list[str]) -> tuple[str, float]:
    from sacrebleu.metrics import CHRF

    return "chrf", CHRF().corpus_score(made, [wanted]).score


def scores_of(
    task: str, sources: list[str], made: list[str], wanted: list[list[str]]
) -> tuple[dict[str, Score], dict[str, Any]]:
    from sacrebleu.metrics import BLEU, CHRF

    refs = [[w[0] for w in wanted]]
    zh = sum("\u4e00" <= c <= "\u9fff" for w in wanted for c in w[0]) > 100
    bleu, chrf = BLEU(tokenize="zh" if zh else "13a"), CHRF()
    values = {"bleu": bleu.corpus_score(made, refs).score, "chrf": chrf.corpus_score(made, refs).score}
    n = len(made)
    return {k: Score(v, math.nan, math.nan, n) for k, v in values.items()}, {
        "signature": str(bleu.get_signature())
    }
