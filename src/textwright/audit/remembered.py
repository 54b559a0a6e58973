"""What a person said of a finding once, to be honoured in every later audit: a file of JSON lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from textwright.core.errors import DataError

Verdict = Literal["legitimate", "artifact"]


@dataclass(frozen=True)
class Remembered:
    """A verdict on what a check found about a subject: `legitimate` is no finding any more."""

    check: str
    subject: str
    verdict: Verdict
    who: str = ""
    when: str = ""
    why: str = ""


def read_remembered(path: str | Path) -> dict[tuple[str, str], Verdict]:
    """Verdicts by check and subject; the last of several counts. A file that is not there is empty.

    Raises DataError with the line where one cannot be read.
    """
    found: dict[tuple[str, str], Verdict] = {}
    if not Path(path).exists():
        return found
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
            key, verdict = (str(cells["check"]), str(cells["subject"])), cells["verdict"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                "this line is no verdict",
                path=path,
                row=number,
                hint='Write {"check": "shortcuts", "subject": "...", "verdict": "legitimate"}.',
            ) from error
        if verdict not in get_args(Verdict):
            raise DataError(
                f"the verdict is {verdict!r}",
                path=path,
                row=number,
                hint="Write legitimate or artifact.",
            )
        found[key] = verdict
    return found


def remember(path: str | Path, verdict: Remembered) -> None:
    """Add a verdict to the file, which is made when it is not there; `when` is now where it is empty."""
    cells = vars(verdict) | {"when": verdict.when or datetime.now(UTC).isoformat(timespec="seconds")}
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(cells, ensure_ascii=False) + "\n")
