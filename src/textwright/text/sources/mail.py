"""Mail: single messages (.eml) and mailboxes (.mbox), with the body as text and the main header fields."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path

from textwright.core.errors import DataError
from textwright.text.rowlog import RowLog
from textwright.text.sources.base import MAX_CELL_BYTES, Batch, Cell, batched
from textwright.text.sources.encoding import decide_encoding
from textwright.text.sources.stream import InputFile, StreamFault

MAIL_COLUMNS = ["text", "subject", "from", "to", "date"]
UNREADABLE = "message cannot be read"
CHINESE = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz-gb-2312": "hz",
}  # declared gb2312 is mostly more than that
_BLOCKS = "p div br li tr h1 h2 h3 h4 h5 h6 table ul ol blockquote hr pre section article"
BLOCK_TAGS = frozenset(_BLOCKS.split())
HIDDEN_TAGS = frozenset(["script", "style", "head", "title"])


@dataclass
class MailSource:
    """One message or a mailbox; rows count the messages from 1."""

    path: Path
    kind: str
    notes: list[str]
    file: InputFile
    columns: list[str] = field(default_factory=lambda: list(MAIL_COLUMNS))

    def batches(self, log: RowLog, size: int = 4096) -> Iterator[Batch]:
        """All messages, streaming. Raises DataError where the file breaks."""
        yield from batched(self.columns, self._records(log), size)

    def _records(self, log: RowLog) -> Iterator[tuple[int, list[Cell]]]:
        for row, message in enumerate(_messages(self.file, self.kind == "mbox"), start=1):
            if cells := mail_cells(message):
                yield row, cells
            else:
                log.dropped(UNREADABLE, row)


def mail_cells(message: bytes) -> list[Cell] | None:
    """Text, subject, from, to and date of a message; None when nothing can be made of it."""
    try:
        parsed = email.message_from_bytes(message, _class=EmailMessage, policy=policy.default)
        fields = [_field(parsed, name) for name in MAIL_COLUMNS[1:]]
        text = _body(parsed)
    except (
        Exception
    ):  # the standard library's parser fails in many ways on broken mail; the caller logs the row
        return None
    return [text, *fields] if text or any(fields) else None


def _messages(file: InputFile, many: bool) -> Iterator[bytes]:
    """The messages of a mailbox, cut at its `From ` lines; or the whole file."""
    lines: list[bytes] = []
    size = num_messages = 0
    try:
        for line in _byte_lines(file):
            if many and line.startswith(b"From ") and (not lines or not lines[-1].strip()):
                if size:
                    num_messages += 1
                    yield b"".join(lines)
                lines, size = [], 0
                continue
            lines.append(line[1:] if many and re.match(rb">+From ", line) else line)
            size += len(line)
            if size > MAX_CELL_BYTES:
                message = f"a message is longer than the limit of {MAX_CELL_BYTES:,} bytes"
                raise StreamFault(message, hint="Remove its attachments.")
    except StreamFault as fault:
        raise fault.at(file.shown, num_messages + 1) from None
    if size:
        yield b"".join(lines)


def _byte_lines(file: InputFile) -> Iterator[bytes]:
    rest = b""
    for block in file.blocks():
        *lines, rest = (rest + block).split(b"\n")
        yield from (line + b"\n" for line in lines)
        if len(rest) > MAX_CELL_BYTES:
            raise StreamFault(
                f"a line is longer than the limit of {MAX_CELL_BYTES:,} bytes", hint="Is this mail?"
            )
    if rest:
        yield rest


def _field(message: EmailMessage, name: str) -> str | None:
    value = message[name]
    if value is None:
        return None
    date = getattr(value, "datetime", None)
    return _clean(date.isoformat() if date else str(value)) or None


def _body(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    text = _decoded(payload, part.get_content_charset()) if isinstance(payload, bytes) else ""
    return _clean(html_to_text(text) if part.get_content_subtype() == "html" else text)


def _decoded(payload: bytes, charset: str | None) -> str:
    """The declared character set if it fits, else the one that does."""
    name = (charset or "utf-8").lower()
    try:
        return payload.decode(CHINESE.get(name, name))
    except (LookupError, ValueError):
        encoding = decide_encoding(payload)
        return payload.decode(encoding.codec, "replace")


def _clean(text: str) -> str:
    """Unix line ends, and U+FFFD for bytes that the header did not declare."""
    return re.sub("[\ud800-\udfff]+", "\ufffd", text).replace("\r\n", "\n").replace("\0", "").strip()


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in HIDDEN_TAGS
        if tag in BLOCK_TAGS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in HIDDEN_TAGS and self._hidden > 0
        if tag in BLOCK_TAGS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(re.sub(r"\s+", " ", data))


def html_to_text(html: str) -> str:
    """The text of an HTML page as a reader sees it, one line a block.

    >>> html_to_text("<style>p {}</style><p>Caf&eacute; &amp; bar</p><p>open</p>")
    'Café & bar\\nopen'
    """
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = (re.sub(" +", " ", line).strip() for line in "".join(parser.pieces).split("\n"))
    return "\n".join(line for line in lines if line)


def open_mail(file: InputFile, kind: str) -> MailSource:
    """A message or a mailbox. Raises DataError when it holds no message."""
    if not any(mail_cells(message) for message in _messages(file, kind == "mbox")):
        raise DataError(
            "there is no message in it", path=file.shown, hint="Export the mail as .eml or .mbox."
        )
    return MailSource(file.shown, kind, [], file)
