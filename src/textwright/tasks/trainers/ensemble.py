"""Several models that answer together: the weighted sum of their outputs, each a whole folder of its own.

Outputs are log-odds (or standardised scores), so the sum is a logarithmic opinion pool: its probabilities are
weighted geometric means of those of the members (Hinton 2002, doi:10.1162/089976602760128018).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textwright.core.errors import BundleError
from textwright.core.files import to_json
from textwright.tasks.base import Array
from textwright.tasks.trainers.base import Engine

ENSEMBLE = "ensemble"
MEMBERS = "members"


@dataclass(frozen=True)
class Member:
    """An engine, its name (that of its folder), and what its outputs are multiplied with."""

    name: str
    engine: Engine
    weight: float


@dataclass
class EnsembleEngine:
    """Members behind texts. `save` writes config.json, and `save_member` the folder of each member."""

    members: Sequence[Member]
    save_member: Callable[[Member, Path], None] = lambda member, folder: member.engine.save(folder)
    architecture: str = ENSEMBLE

    @property
    def num_parameters(self) -> int:
        return sum(member.engine.num_parameters for member in self.members)

    @property
    def num_bytes(self) -> int:
        return sum(member.engine.num_bytes for member in self.members)

    def outputs(self, texts: Sequence[str]) -> Array:
        parts = [np.float32(member.weight) * member.engine.outputs(texts) for member in self.members]
        out: Array = np.sum(parts, axis=0)
        return out

    def save(self, folder: Path) -> None:
        named = [
            {"name": m.name, "architecture": m.engine.architecture, "weight": m.weight} for m in self.members
        ]
        (folder / "config.json").write_text(
            to_json({"architecture": ENSEMBLE, "members": named}), encoding="utf-8"
        )
        for member in self.members:
            own = folder / MEMBERS / member.name
            own.mkdir(parents=True)
            self.save_member(member, own)

    @classmethod
    def load(
        cls, folder: Path, config: dict[str, Any], load_engine: Callable[[Path, str], Engine]
    ) -> EnsembleEngine:
        """The engine that `save` wrote; `load_engine` opens the folder of a member of an architecture.

        Raises BundleError where a member would lie outside of the folder.
        """
        members = []
        for record in config["members"]:
            name = str(record["name"])
            if name != Path(name).name:
                raise BundleError(f"{folder}: names a member outside the folder: {name!r}")
            engine = load_engine(folder / MEMBERS / name, record["architecture"])
            members.append(Member(name, engine, float(record["weight"])))
        return cls(members)
