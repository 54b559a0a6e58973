"""Of a text that stands there with several labels one row is kept, with the label that most rows have."""

from __future__ import annotations

from collections import Counter, defaultdict

from textwright.audit.patches.fixing import Fixing
from textwright.core.records import Note


def lines(fixing: Fixing) -> None:
    """`params["keep"]` and `params["undecided"]` say which; without them the folded texts of the finding do.

    Texts of which no label has the most rows are left as they are: a person has to read them.
    """
    if "keep" in fixing.params:
        keep = set(fixing.params["keep"])
        open_ = {i for rows in fixing.params.get("undecided", []) for i in rows}
    else:
        keep, open_ = _by_text(fixing)
    for i in fixing.positions.tolist():
        if i not in keep and i not in open_:
            fixing.change(i, "drop")
    if open_:
        fixing.notes.append(Note(f"{len(open_):,} rows are left as they are: no label has the most of them"))


def _by_text(fixing: Fixing) -> tuple[set[int], set[int]]:
    data, clusters = fixing.data, defaultdict[str, list[int]](list)
    for i in sorted(fixing.positions.tolist()):
        clusters[data.folded[i]].append(i)
    keep, open_ = set[int](), set[int]()
    for rows in clusters.values():
        counts = Counter(data.labels[i] for i in rows).most_common(2)
        if len(counts) > 1 and counts[0][1] == counts[1][1]:
            open_.update(rows)
        else:
            keep.add(next(i for i in rows if data.labels[i] == counts[0][0]))
    return keep, open_
