"""Workers that carry out orders in this process, for tests of what happens around them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textwright.api import Trained
from textwright.bundle.folder import load_bundle
from textwright.choose.search.orders import Cargo, Order, Outcome, carry_out
from textwright.core.seeds import generator


class Here:
    """All that goes to and from a worker is pickled; of what was sent the last is done first.

    `lost` names candidates whose worker dies, and why; `before` is called with each order before its fit.
    """

    num_beside = 3
    threads = 1
    lose_refits = False

    def __init__(
        self, lost: dict[str, str] | None = None, before: Callable[[Order], None] = lambda order: None
    ) -> None:
        self.orders: list[Order] = []
        self._sent: dict[int, tuple[bytes, bytes]] = {}
        self._lost, self._before = lost or {}, before

    def share(self, cargo: Cargo) -> bytes:
        return pickle.dumps(cargo)

    def send(self, order: Order, cargo: bytes) -> int:
        self.orders.append(order)
        self._sent[len(self.orders)] = (pickle.dumps(order), cargo)
        return len(self.orders)

    def wait(self, sent: list[int]) -> list[int]:
        return [max(sent)]

    def fetch(self, sent: int) -> Outcome:
        order, cargo = map(pickle.loads, self._sent.pop(sent))
        self._before(order)
        if order.name in self._lost:
            return Outcome(failure=self._lost[order.name])
        if self.lose_refits and order.rows is not None:
            return Outcome(failure="its worker died")
        outcome: Any = pickle.loads(pickle.dumps(carry_out(order, cargo)))
        return outcome


def write_reviews(path: Path, num_rows: int = 240) -> Path:
    """Reviews that words tell apart, with some labels wrong."""
    rng, lines = generator(0, "rows"), ["text,label"]
    words = {"good": ["lovely", "great", "warm"], "bad": ["awful", "rude", "cold"]}
    for i in range(num_rows):
        label, other = ("good", "bad") if i % 2 else ("bad", "good")
        text = f"visit {i} was {' '.join(rng.choice(words[label], 2))} at table {rng.integers(40)}"
        lines.append(f"{text},{label if rng.random() > 0.12 else other}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def told(trained: Trained) -> list[tuple[Any, ...]]:
    """What is the same in two runs that are the same: no times."""
    return [
        (c.name, c.status, c.chosen, c.why, c.scores and c.scores["accuracy"], c.parameters, c.p_value)
        for c in trained.candidates
    ]


def weights(trained: Trained) -> dict[str, str]:
    """The hashes of all weights of a model folder."""
    files = load_bundle(trained.out).manifest.files
    return {name: found for name, found in files.items() if name.endswith(".safetensors")}
