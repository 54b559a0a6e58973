"""What can go wrong, as a tree. Every message says what, where, what was found; the hint says what to do.

TextwrightError
├── ConfigError      a recipe, flag or setting that cannot be used
├── DataError        a file or row of the person's data
├── TokenizerError   a tokenizer that cannot be trained, loaded or used
├── ModelError       an architecture that does not fit what is asked of it
├── DeviceError      hardware that is missing or not usable
├── CheckpointError  a training state that cannot be written or continued
├── BundleError      a model folder that is missing, damaged, tampered with or too new
│   └── ParityError  an exported model that does not answer as its original does
├── AuditError       a check or gate that cannot be run
└── MissingExtra     an optional dependency that is not installed
"""

from __future__ import annotations

from pathlib import Path


def first_line(error: BaseException) -> str:
    """What a failure says, in one line; what it is when it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class TextwrightError(Exception):
    """Base of all errors that a person can mend. `hint` is one line that says what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class ConfigError(TextwrightError):
    """A recipe, flag or setting that cannot be used."""


class DataError(TextwrightError):
    """A fault in a person's data. File, row and column are put in front of the message when known.

    Rows are numbered as a spreadsheet shows them: the header of a table is row 1.

    >>> print(DataError("the score is 'NaN'", path="a.csv", row=7, column="stars", hint="Remove the row."))
    a.csv, row 7, column 'stars': the score is 'NaN'
    Remove the row.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        row: int | None = None,
        column: str | None = None,
        hint: str = "",
    ) -> None:
        place = [str(path)] if path is not None else []
        place += [f"row {row:,}"] if row is not None else []
        place += [f"column {column!r}"] if column is not None else []
        super().__init__(f"{', '.join(place)}: {message}" if place else message, hint=hint)
        self.path, self.row, self.column = path, row, column


class TokenizerError(TextwrightError):
    """A tokenizer that cannot be trained, loaded or used."""


class ModelError(TextwrightError):
    """An architecture that does not fit what is asked of it."""


class DeviceError(TextwrightError):
    """Hardware that is missing or not usable."""


class CheckpointError(TextwrightError):
    """A training state that cannot be written or continued."""


class BundleError(TextwrightError):
    """A model folder that is missing, damaged, tampered with or too new."""


class ParityError(BundleError):
    """An exported model that does not answer as its original does: a check that failed."""


class AuditError(TextwrightError):
    """A check or gate that cannot be run."""


class MissingExtra(TextwrightError):
    """An optional dependency that is not installed.

    >>> print(MissingExtra("reading Excel files", extra="files"))
    reading Excel files needs the extra 'files', which is not installed
    Run: pip install "textwright[files]"
    """

    def __init__(self, what: str, *, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra {extra!r}, which is not installed",
            hint=f'Run: pip install "textwright[{extra}]"',
        )
