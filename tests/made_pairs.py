"""Made-up English sentences with their Chinese, of a pattern that a tiny network learns in seconds."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from pathlib import Path

from textwright.core.seeds import generator

_WHO = {"I": "我", "We": "我们", "They": "他们", "My friend": "我的朋友", "The teacher": "老师"}
_DO = {"like": "喜欢", "see": "看见", "need": "需要", "sell": "卖", "remember": "记得"}
_WHAT = {
    "apples": "苹果", "old books": "旧书", "green tea": "绿茶", "the river": "这条河", "bread": "面包",
    "music": "音乐", "flowers": "花", "small cats": "小猫", "the sea": "大海", "new shoes": "新鞋子",
}  # fmt: skip
_WHEN = {"": "", " today": "今天", " every day": "每天"}
NUM_PAIRS = 400

# What makes a training take seconds, and still learn: for `--set`, and for recipes.
TINY = {
    "budget.tokens": "60000",
    "learn.batch": "16",
    "model.width": "48",
    "model.layers": "1",
    "model.heads": "2",
    "model.dropout": "0",
}
FLAGS = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]
# The same for a moment, where it does not matter what is learned.
BRIEF = [*FLAGS, "--set", "budget.tokens=2000"]


def pairs() -> list[tuple[str, str]]:
    """All of them, in an order that is no order: the first `NUM_PAIRS` to learn, the others to look at."""
    every = [
        (f"{who} {do} {what}{when}.", f"{_WHO[who]}{_WHEN[when]}{_DO[do]}{_WHAT[what]}。")
        for who, do, what, when in product(_WHO, _DO, _WHAT, _WHEN)
    ]
    return [every[place] for place in generator(0, "pairs").permutation(len(every)).tolist()]


def write(path: Path, rows: Iterable[tuple[str, str]]) -> Path:
    """A TSV with a column a language."""
    lines = ["en\tzh", *(f"{source}\t{target}" for source, target in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
