"""Reviews of labels as a CSV file for a spreadsheet, there and back."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textwright.audit.folder import Audit, read_audit
from textwright.audit.patches.opening import open_data, positions_of
from textwright.audit.patches.reviews import ANSWERS, add_review, reviews_of
from textwright.audit.subject import AuditData
from textwright.core.errors import AuditError, DataError
from textwright.core.files import write_atomic
from textwright.core.names import did_you_mean

COLUMNS = ("file", "row", "text", "given", "suggested", "answer", "label", "who")


@dataclass(frozen=True)
class Case:
    """A row whose label is in question."""

    position: int
    file: int
    row: int
    text: str
    given: str
    suggested: str


@dataclass(frozen=True)
class Review:
    """The rows of a finding whose labels are looked at, the worst first, and the labels that there are."""

    audit: Audit
    finding: str
    data: AuditData
    cases: list[Case]

    @property
    def folder(self) -> Path:
        assert self.audit.path is not None
        return self.audit.path

    def open_for(self, who: str) -> list[Case]:
        """Those that this person has not answered yet."""
        said = {
            (r.get("file", 0), r["row"]) for r in reviews_of(self.folder, self.finding) if r["who"] == who
        }
        return [case for case in self.cases if (case.file, case.row) not in said]

    def say(self, case: Case, answer: str, who: str, label: str = "") -> None:
        """Keep an answer at once. `label` is that of the answer `other`."""
        named = {"accept": case.suggested, "keep": case.given, "other": label, "skip": ""}[answer]
        place = {"file": case.file, "row": case.row}
        add_review(
            self.folder, {"finding": self.finding, **place, "answer": answer, "label": named, "who": who}
        )


def open_review(
    audit: str | Path, finding: str | None = None, data: str | Path | Sequence[str | Path] | None = None
) -> Review:
    """The rows of a finding with a fix `relabel`, with their texts. Raises TextwrightError."""
    opened = read_audit(audit)
    fixes = {one["id"]: fix for one in opened.findings for fix in one["fixes"] if fix["kind"] == "relabel"}
    if not fixes:
        raise AuditError(
            f"{audit}: no finding is about labels to review",
            hint="Run textwright audit data with label_errors.",
        )
    name = finding or next((one for one in fixes if one.startswith("label_errors")), next(iter(fixes)))
    if name not in fixes:
        raise AuditError(f"{audit}: no finding {name!r} has labels to review", hint=did_you_mean(name, fixes))
    read, _ = open_data(opened, data)
    suggested = fixes[name]["params"].get("suggested", {})
    cases = [
        Case(
            i,
            int(read.file[i]),
            int(read.rows[i]),
            read.texts[i],
            ", ".join(read.labels[i]),
            str(suggested.get(str(i), "")),
        )
        for i in positions_of(read, opened.rows.get(name, []))
    ]
    return Review(opened, name, read, cases)


def export_review(review: Review, path: Path) -> int:
    """Write the rows to a CSV file with empty answers; gives their number. It holds texts as they stand."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for case in review.cases:
        writer.writerow([case.file, case.row, _safe(case.text), case.given, case.suggested, "", "", ""])
    write_atomic(path, "\ufeff" + out.getvalue())  # by its mark a spreadsheet knows that this is UTF-8
    return len(review.cases)


def _safe(text: str) -> str:
    """Not as a formula, which a spreadsheet would run; halves of pairs of code units cannot be written."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def import_review(review: Review, path: Path, who: str = "") -> int:
    """Take in the answers of a CSV file, all or none; gives their number. Raises DataError with the cell."""
    if not path.is_file():
        raise DataError("there is no such file", path=path, hint="Write it with --export FILE.csv.")
    by_place = {(case.file, case.row): case for case in review.cases}
    answers = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            found = ", ".join(map(repr, reader.fieldnames or []))
            if lacking := [name for name in ("row", "answer") if name not in (reader.fieldnames or [])]:
                raise DataError(
                    f"there is no column {lacking[0]!r}; found {found}",
                    path=path,
                    hint="Start from --export FILE.csv.",
                )
            for number, line in enumerate(reader, 2):
                if (line["answer"] or "").strip():
                    answers.append(_answer(review, by_place, line, who, (path, number)))
    except UnicodeDecodeError:
        raise DataError("this is not UTF-8", path=path, hint="Save it as CSV UTF-8.") from None
    for case, answer, own, label in answers:
        review.say(case, answer, own, label)
    return len(answers)


def _answer(
    review: Review,
    by_place: dict[tuple[int, int], Case],
    line: dict[str, Any],
    who: str,
    place: tuple[Path, int],
) -> tuple[Case, str, str, str]:
    path, number = place
    cells = {key: (value or "").strip() for key, value in line.items() if isinstance(key, str)}
    try:
        case = by_place.get((int(cells.get("file") or 0), int(cells["row"])))
    except ValueError:
        case = None
    if case is None:
        hint = "Leave the columns file and row as they were exported."
        raise DataError(
            f"{cells['row']!r} is no row of this review", path=path, row=number, column="row", hint=hint
        )
    answer, label, own = cells["answer"].lower(), cells.get("label", ""), cells.get("who", "") or who
    if answer not in ANSWERS:
        hint = "Answers are accept, keep, other and skip."
        raise DataError(f"unknown answer {answer!r}", path=path, row=number, column="answer", hint=hint)
    if answer == "accept" and not case.suggested:
        hint = "Answer other, and name the label."
        raise DataError("no label is suggested here", path=path, row=number, column="answer", hint=hint)
    if answer == "other" and label not in review.data.label_names:
        hint = did_you_mean(label, review.data.label_names)
        raise DataError(
            f"{label!r} is no label of these data", path=path, row=number, column="label", hint=hint
        )
    if not own:
        hint = "Fill the column, or say --who NAME."
        raise DataError("nobody is named", path=path, row=number, column="who", hint=hint)
    return case, answer, own, label
