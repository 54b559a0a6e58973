"""What people said of labels, a line an answer in `reviews.jsonl`: nothing changes before two of them agree.

A row's answer is `accept` (the suggested label), `keep` (the given one), `other` (a third) or `skip`.
"""

from __future__ import annotations

import datetime
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textwright.audit.patches.opening import places_of
from textwright.audit.subject import AuditData
from textwright.core.errors import AuditError
from textwright.core.files import explained

REVIEWS = "reviews.jsonl"
ANSWERS = ("accept", "keep", "other", "skip")


def add_review(audit: Path, review: dict[str, Any]) -> None:
    """Append one answer, and bring it to the disk: whoever stops has lost nothing."""
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    path = audit / REVIEWS
    with explained(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**review, "when": when}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def reviews_of(audit: Path, finding: str) -> list[dict[str, Any]]:
    """All answers to a finding, the oldest first; a last line that a kill cut off is no answer."""
    path = audit / REVIEWS
    if not path.is_file():
        return []
    found = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            found.append(json.loads(line))
        except ValueError:
            if number < len(lines):
                raise AuditError(
                    f"{path}: line {number} is damaged", hint="Mend or remove this line."
                ) from None
    return [review for review in found if review["finding"] == finding]


def agreed(
    audit: Path, finding: str, data: AuditData, known: Sequence[str], *, one_key: bool = False
) -> dict[int, str]:
    """The new label of each row (by position) on which two people agree; with `one_key` one is enough.

    The last answer of each person counts. Rows on which people disagree are not changed, and neither are
    those whose label was kept.
    """
    by_row: dict[tuple[int, int], dict[str, str]] = defaultdict(dict)
    for review in reviews_of(audit, finding):
        own = by_row[review.get("file", 0), review["row"]]
        own.pop(review["who"], None)
        if review["answer"] != "skip":
            own[review["who"]] = review["label"]
    found, places = {}, places_of(data)
    for place, said in by_row.items():
        labels = set(said.values())
        if len(labels) == 1 and (one_key or len(said) > 1) and place in places:
            position, label = places[place], labels.pop()
            if label in known and data.labels[position] != (label,):
                found[position] = label
    return found
