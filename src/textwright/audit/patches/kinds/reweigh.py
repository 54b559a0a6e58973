"""Weights by which a group and a label are as if independent: Kamiran and Calders (2012).

A row of group g with the label y counts P(g) P(y) / P(g, y), so that the sum of all weights stays N.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.audit.patches.fixing import Fixing
from textwright.core.errors import AuditError
from textwright.core.ragged import IntArray

_GROUPS = "textwright.audit.lexicon.groups"


def lines(fixing: Fixing) -> None:
    """`params["weights"]` (N,), or those of the groups in `params["groups"]`."""
    given = fixing.params.get("weights")
    weights = _weights(fixing) if given is None else np.asarray(given, np.float64)
    for i in fixing.alive.tolist():
        if round(float(weights[i]), 4) != 1:
            fixing.change(i, "weight", round(float(weights[i]) * fixing.rows[i].weight, 4))


def _weights(fixing: Fixing) -> NDArray[np.float64]:
    data, alive = fixing.data, fixing.alive
    place = {name: k for k, name in enumerate(data.label_names)}
    labels = np.array([place.get(row.labels[0], -1) if row.labels else -1 for row in fixing.rows], np.int64)
    weights = np.ones(len(data))
    weights[alive] = independent(_members(fixing)[alive].astype(np.int64), labels[alive])
    return weights


def _members(fixing: Fixing) -> NDArray[np.bool_]:
    """Which rows are of the group, of all groups where there are several (N,). Raises AuditError."""
    data, params = fixing.data, fixing.params
    names = [params["group"]] if "group" in params else list(params.get("groups", []))
    found = np.ones(len(data), np.bool_)
    columns = {
        f"{name}={value}": cells for name, cells in data.named("group").items() for value in set(cells)
    }
    lexical = [name for name in names if name not in columns]
    for name in names:
        if name in columns:
            found &= np.array([cell == name.partition("=")[2] for cell in columns[name]])
    if lexical:
        module: Any = import_module(_GROUPS)
        groups = module.groups_of(data.texts, module.asked_groups(data), data.named("group"))
        for name in lexical:
            if name not in groups.names:
                raise AuditError(f"there is no group {name!r} in these data", hint="Audit the data again.")
            held = np.zeros(len(data), np.bool_)
            held[groups.rows(groups.names.index(name))] = True
            found &= held
    return found


def independent(groups: IntArray, labels: IntArray) -> NDArray[np.float64]:
    """Weights of N rows, by their groups (N,) and labels (N,).

    >>> independent(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])).round(2).tolist()
    [0.75, 0.75, 1.5, 0.5]
    """
    _, g = np.unique(groups, return_inverse=True)
    _, y = np.unique(labels, return_inverse=True)
    table = np.zeros((g.max(initial=0) + 1, y.max(initial=0) + 1))
    np.add.at(table, (g, y), 1)
    expected = np.outer(table.sum(1), table.sum(0)) / max(len(g), 1)
    found: NDArray[np.float64] = (expected / np.maximum(table, 1))[g, y]
    return found
