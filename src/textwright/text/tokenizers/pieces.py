"""What the entries of a vocabulary look like to a person: byte-level ones as text, marks taken off."""

from __future__ import annotations

from collections.abc import Sequence

import tokenizers
from tokenizers import decoders

MARK = "▁"


def readable_pieces(backend: tokenizers.Tokenizer, size: int) -> list[str]:
    """The readable form of ids 0 to `size` - 1; no two are equal, so that the list can be turned round."""
    raw = [backend.id_to_token(i) or "" for i in range(size)]
    if isinstance(backend.decoder, decoders.ByteLevel):
        return raw[:1] + [_from_bytes(token) for token in raw[1:]]
    if isinstance(backend.decoder, decoders.Metaspace):
        return [token.removeprefix(MARK) for token in raw]
    return raw


def is_fragment(piece: str) -> bool:
    """Whether a piece holds parts of characters, which only mean something together with others.

    >>> is_fragment("<0xE6><0x88>"), is_fragment("good")
    (True, False)
    """
    return piece.startswith("<0x")


def line_ends(pieces: Sequence[str]) -> tuple[int, ...]:
    """Which pieces, by number, end with a line break; often a full stop is joined to it.

    >>> line_ends(["a", ".\\n", "\\n", "\\n\\n"])
    (1, 2, 3)
    """
    return tuple(number for number, piece in enumerate(pieces) if piece.endswith("\n"))


def piece_sizes(backend: tokenizers.Tokenizer, size: int) -> list[int]:
    """How many bytes of a text each of the ids 0 to `size` - 1 stands for; 0 for special tokens."""
    special = {i for i, token in backend.get_added_tokens_decoder().items() if token.special}
    raw = ["" if i in special else backend.id_to_token(i) or "" for i in range(size)]
    if isinstance(backend.decoder, decoders.ByteLevel):
        return [len(token) for token in raw]  # a character of its alphabet is a byte
    return [len(token.replace(MARK, " ").encode("utf-8")) for token in raw]


def _from_bytes(token: str) -> str:
    data = bytes(_BYTES[character] for character in token)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in data)


def _byte_alphabet() -> dict[str, int]:
    # GPT-2's table: printable bytes stand for themselves, the others for the characters from U+0100 on.
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


_BYTES = _byte_alphabet()
_CHARACTERS = {byte: character for character, byte in _BYTES.items()}


def byte_level(text: str) -> str:
    """A text as byte-level vocabularies spell it: a character for each of its bytes.

    >>> byte_level(" a"), len(byte_level("春"))
    ('Ġa', 3)
    """
    return "".join(_CHARACTERS[byte] for byte in text.encode("utf-8"))
