"""Tokenizers from a person's files: all texts as one stream of any size, and the folder of the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from textwright.core.errors import ConfigError, DataError
from textwright.core.files import publish_folder
from textwright.core.names import did_you_mean
from textwright.text.clean import clean_texts
from textwright.text.columns import find_text_column, profile
from textwright.text.rowlog import RowLog
from textwright.text.script import script_shares
from textwright.text.sources import open_source
from textwright.text.sources.base import Source
from textwright.text.tokenizers import Tokenizer, TokenizerSettings, default_kind, train_tokenizer
from textwright.text.tokenizers.base import MODEL_FILE, SETTINGS_FILE

AUTO = "auto"
# What is read of each file to see its scripts.
_CHARS_PER_FILE = 200_000


@dataclass
class TextFile:
    """The text column of a file, to be read again and again; `num_texts` counts those of the last reading."""

    source: Source
    column: str
    num_texts: int = 0
    log: RowLog = field(default_factory=RowLog)

    @classmethod
    def open(cls, path: str | Path, column: str | None = None) -> TextFile:
        """Find the text column unless it is named. Raises DataError when there is none."""
        source = open_source(path)
        if column is None:
            head = next(source.batches(RowLog()), None)
            column = find_text_column(
                profile([head] if head else []), path=str(source.path), preferred="text"
            )
        elif column not in source.columns:
            found = ", ".join(map(repr, source.columns))
            hint = did_you_mean(column, source.columns)
            raise DataError(f"there is no column {column!r}; found {found}", path=source.path, hint=hint)
        return cls(source, column)

    def __iter__(self) -> Iterator[str]:
        """Clean texts, without empty ones, in batches that fit in memory."""
        self.num_texts, self.log = 0, RowLog()
        for batch in self.source.batches(self.log):
            cells = batch.columns[self.column]
            raw = [" ".join(cell) if isinstance(cell, list) else cell or "" for cell in cells]
            for text in filter(None, clean_texts(raw, batch.rows, self.log)):
                self.num_texts += 1
                yield text

    def head(self, max_chars: int) -> Iterator[str]:
        """The first texts, `max_chars` characters of them."""
        for text in self:
            yield text[:max_chars]
            max_chars -= len(text)
            if max_chars <= 0:
                return


@dataclass(frozen=True)
class Learned:
    """A tokenizer, why it is of its kind, and how many texts it comes from."""

    tokenizer: Tokenizer
    reason: str
    num_texts: int


def train_on_files(files: Sequence[TextFile], settings: TokenizerSettings) -> Learned:
    """Learn one tokenizer from all files; the kind `auto` is chosen by the scripts of each file's beginning.

    Raises ConfigError for an unknown kind, TokenizerError when there is nothing to learn from.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "reviews.csv"
    >>> _ = path.write_text("text,label\\n很好,1\\n不好,0\\n", encoding="utf-8")
    >>> learned = train_on_files([TextFile.open(path)], TokenizerSettings(kind="auto"))
    >>> learned.tokenizer.tokens("不很好"), learned.num_texts
    (['不', '很', '好'], 2)
    """
    reason = "as asked"
    if settings.kind == AUTO:
        heads = (text for file in files for text in file.head(_CHARS_PER_FILE))
        kind, reason = default_kind(script_shares(heads, _CHARS_PER_FILE * len(files)))
        settings = settings.replaced({"kind": kind})
    tokenizer = train_tokenizer((text for file in files for text in file), settings)
    return Learned(tokenizer, reason, sum(file.num_texts for file in files))


def refuse_foreign(folder: Path) -> None:
    """Raise ConfigError unless this is a new place, an empty folder or nothing but an older tokenizer."""
    if folder.exists() and not folder.is_dir():
        message = f"{folder}: is a file, expected a new folder or an older tokenizer"
        raise ConfigError(message, hint="Choose another --out.")
    if folder.is_dir() and {entry.name for entry in folder.iterdir()} - {MODEL_FILE, SETTINGS_FILE}:
        message = f"{folder}: holds other things than a tokenizer, and would be replaced"
        raise ConfigError(message, hint="Choose another --out.")


def save_folder(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the tokenizer as a folder, in one step. Raises ConfigError as `refuse_foreign` does."""
    refuse_foreign(folder)
    publish_folder(folder, tokenizer.save)
