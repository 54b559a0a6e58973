"""Made-up reports with summaries, of a pattern that an extractor learns: what was decided is what is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from textwright.core.seeds import generator

_WHO = ("Anna", "Ben", "Carla", "Dora", "Emil", "Frida", "Gustav", "Hanna", "Ivan", "Jana")
_WHERE = ("in the harbour", "at the market", "near the mill", "by the lake", "on the hill", "in the old town")
_WHAT = ("the bridge", "the ferry", "the school", "the theatre", "the library", "the bakery", "the tower")
_IDLE = (
    "{who} looked out of the window {where}.", "Nobody had much to say about {what}.",
    "There was coffee and cake {where} for everybody who came.", "The weather had been grey for days.",
    "{who} told the council that {what} {where} should be left just as it was.",
    "A letter about {what} was read aloud {where}.",
)  # fmt: skip
_DECIDED = "The council decided that {what} {where} will be repaired by {who} before winter."


def reports(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts of six or seven sentences with the one that is the summary, in other words at its end."""
    rng, found = generator(seed, "reports"), list[tuple[str, str]]()

    def filled(pattern: str) -> str:
        parts = {"who": _WHO, "where": _WHERE, "what": _WHAT}
        return pattern.format(**{key: names[int(rng.integers(len(names)))] for key, names in parts.items()})

    for number in range(count):
        idle = [filled(_IDLE[int(i)]) for i in rng.permutation(len(_IDLE))]
        decided = filled(_DECIDED)
        place = int(rng.integers(2, len(idle)))
        text = " ".join([f"This is report {number + 1}.", *idle[:place], decided, *idle[place:]])
        found.append((text, decided.replace("The council decided that ", "Decided: ")))
    return found


def write(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    """JSON lines with `text` and `summary`."""
    lines = [json.dumps({"text": text, "summary": summary}, ensure_ascii=False) for text, summary in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
