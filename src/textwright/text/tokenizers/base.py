"""One class for all kinds of tokenizer: texts to ids and back, in files that Hugging Face tools load."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import tokenizers
from numpy.typing import NDArray
from pydantic import Field, PositiveInt

from textwright.core.errors import ConfigError, TokenizerError, first_line
from textwright.core.files import read_json, to_json, write_atomic
from textwright.core.ragged import Ragged
from textwright.core.settings import Settings
from textwright.text.tokenizers.pieces import piece_sizes, readable_pieces
from textwright.text.tokenizers.sample import NOT_TEXT_HINT, is_text

PAD, UNKNOWN = "[PAD]", "[UNK]"
MODEL_FILE, SETTINGS_FILE = "tokenizer.json", "tokenizer_settings.json"
TARGET_FILE = "target_tokenizer.json"
_TEXTS_PER_CALL, _CHARACTERS_PER_CALL = 2048, 4_000_000
# The part of a text that is kept.
Keep = Literal["head", "tail", "both"]
_DAMAGED = "Copy the folder again, or train the tokenizer again."


class TokenizerSettings(Settings):
    """What a person may say about a tokenizer. None is what is usual for the kind; training fills it in."""

    kind: str = Field("word", description="how text is cut into tokens")
    vocabulary_size: PositiveInt | None = Field(None, description="kinds of tokens at most")
    max_length: PositiveInt | None = Field(
        None, description="tokens of a text that are kept; none cuts nothing"
    )
    truncate: Keep | None = Field(None, description="the part that is kept of a text that is too long")
    drop_unknown: bool | None = Field(None, description="leave unknown words out; otherwise they are [UNK]")
    lowercase: bool | None = Field(None, description="take capitals for small letters")

    def filled(self, **usual: Any) -> Self:
        """A copy with what is usual for a kind in the place of every None."""
        usual = {"truncate": "head", "drop_unknown": False, "lowercase": False, **usual}
        return self.replaced({k: v for k, v in usual.items() if getattr(self, k) is None})


@dataclass(frozen=True)
class Encoded:
    """Rows of int32 ids, and what was lost on the way.

    `num_tokens` counts before truncation and with unknown tokens, also where those are dropped.
    """

    rows: Ragged
    num_tokens: int
    num_lost: int
    num_unknown: int

    @property
    def lost_share(self) -> float:
        return self.num_lost / max(self.num_tokens, 1)

    @property
    def unknown_share(self) -> float:
        return self.num_unknown / max(self.num_tokens, 1)


@dataclass(frozen=True)
class Frame:
    """What an encoder of a Hugging Face class wants around every text, and its special tokens by their role.

    `special` has the roles of the Hugging Face library: pad_token, unk_token, cls_token, sep_token and so on.
    """

    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()
    special: dict[str, str] = field(default_factory=lambda: {"pad_token": PAD, "unk_token": UNKNOWN})

    def __len__(self) -> int:
        return len(self.prefix) + len(self.suffix)

    def around(self, rows: Ragged) -> Ragged:
        """Each row with the ids of the frame before and after it."""
        if not len(self):
            return rows
        lengths = rows.lengths + len(self)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        out = np.empty(offsets[-1], rows.values.dtype)
        is_inner = np.ones(len(out), bool)
        for place, token in enumerate(self.prefix):
            out[offsets[:-1] + place] = token
            is_inner[offsets[:-1] + place] = False
        for place, token in enumerate(reversed(self.suffix)):
            out[offsets[1:] - 1 - place] = token
            is_inner[offsets[1:] - 1 - place] = False
        out[is_inner] = rows.values
        return Ragged(out, offsets)


NO_FRAME = Frame()


class Tokenizer:
    """A trained tokenizer: the content of a `tokenizer.json` and the settings it was made with.

    Special tokens in a text are text: "[PAD]" written there is not padding. `target` is the content of the
    one for what is told, of models that cut texts on both sides in different ways; ids are the same.
    Raises TokenizerError when the content is not a tokenizer or has no padding token (id 0 without a frame).
    """

    def __init__(
        self, content: str, settings: TokenizerSettings, frame: Frame = NO_FRAME, target: str = ""
    ) -> None:
        self.settings, self.frame, self.content, self.target = settings, frame, content, target
        backend = _parsed(content)
        pad = backend.token_to_id(frame.special["pad_token"])
        if pad is None or (frame is NO_FRAME and pad != 0):
            raise TokenizerError(f"id 0 of the tokenizer is {backend.id_to_token(0)!r}, expected {PAD!r}")
        self.size: int = backend.get_vocab_size()
        self.pad_id: int = pad
        unknown = frame.special.get("unk_token")
        self.unknown_id: int | None = backend.token_to_id(unknown) if unknown else None
        # A tokenizer that drops unknown words cannot count them: here they get the id past the last one.
        self._backend = _parsed(_counting_unknowns(content)) if settings.drop_unknown else backend
        self._unknown_id = self.size if settings.drop_unknown else self.unknown_id
        self.fingerprint: str = _fingerprint(content, settings, frame, target)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy in another process is made of the content: `NO_FRAME` stays the one that there is."""
        framed = () if self.frame is NO_FRAME else (self.frame, self.target)
        return type(self), (self.content, self.settings, *framed)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Turn texts into rows of ids, cut to `settings.max_length`. Raises TokenizerError for a non-text."""
        parts = [self._encode_part(part, start) for start, part in _parts(texts)]
        return Encoded(
            rows=Ragged.concatenate([part.rows for part in parts]),
            num_tokens=sum(part.num_tokens for part in parts),
            num_lost=sum(part.num_lost for part in parts),
            num_unknown=sum(part.num_unknown for part in parts),
        )

    @property
    def window(self) -> int | None:
        """Tokens of a text that are read at once, the frame left out; None where nothing is cut."""
        return self.settings.max_length and max(self.settings.max_length - len(self.frame), 0)

    def whole(self, texts: Sequence[str]) -> Ragged:
        """The ids of each text, never cut and without the frame; unknown words are dropped as by `encode`.

        >>> from textwright.text.tokenizers import train_tokenizer
        >>> tokenizer = train_tokenizer(["one two three"], TokenizerSettings(max_length=2))
        >>> tokenizer.whole(["one two three"]).lengths, tokenizer.encode(["one two three"]).rows.lengths
        (array([3]), array([2]))
        """
        return Ragged.concatenate([self._read_part(part, start)[0] for start, part in _parts(texts)])

    def _encode_part(self, texts: list[str], start: int) -> Encoded:
        known, num_tokens, num_unknown = self._read_part(texts, start)
        cut = truncated(known, self.window, self.settings.truncate or "head")
        num_lost = len(known.values) - len(cut.values)
        return Encoded(self.frame.around(cut), num_tokens, num_lost, num_unknown)

    def _read_part(self, texts: list[str], start: int) -> tuple[Ragged, int, int]:
        """Ids of whole texts without those that are dropped, how many there were with them, and unknown."""
        try:
            encodings = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        except TypeError:
            raise _not_text(texts, start) from None
        rows = Ragged.from_lists([encoding.ids for encoding in encodings])
        is_unknown = rows.values == (-1 if self._unknown_id is None else self._unknown_id)
        known = _select(rows, ~is_unknown) if self.settings.drop_unknown else rows
        return known, len(rows.values), int(is_unknown.sum())

    def spans(self, texts: Sequence[str]) -> Iterator[tuple[list[int], list[tuple[int, int]]]]:
        """Yield the ids of each text, never cut, and where each token begins and ends in it (characters).

        Unknown words that `encode` drops are here, with the id `size`.
        """
        for start, part in _parts(texts):
            try:
                encodings = self._backend.encode_batch(part, add_special_tokens=False)
            except TypeError:
                raise _not_text(part, start) from None
            yield from ((encoding.ids, encoding.offsets) for encoding in encodings)

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text as a person reads them, never cut; a part of a character is <0xE6><0x88>."""
        ids, _ = next(self.spans([text]))
        return [self.pieces[i] for i in ids if i < self.size]

    @cached_property
    def pieces(self) -> list[str]:
        """Every token of the vocabulary as a person reads it, by id."""
        return readable_pieces(self._backend, self.size)

    @cached_property
    def piece_sizes(self) -> NDArray[np.int64]:
        """How many bytes of a text each token stands for, by id; exact where a text comes back exactly."""
        return np.array(piece_sizes(self._backend, self.size))

    @property
    def vocabulary(self) -> dict[str, int]:
        """Readable tokens to ids; for initial embeddings and other formats."""
        return {piece: i for i, piece in enumerate(self.pieces)}

    @cached_property
    def of_targets(self) -> Tokenizer:
        """The one for what is told: mostly the same."""
        return Tokenizer(self.target, self.settings, self.frame) if self.target else self

    @cached_property
    def added(self) -> dict[str, int]:
        """The special tokens, with their ids: what no text can spell."""
        record = json.loads(self.content)["added_tokens"]
        return {token["content"]: int(token["id"]) for token in record if token["special"]}

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids back into text, without padding. Raises TokenizerError for an id past the vocabulary."""
        kept = [int(i) for i in ids if i != self.pad_id]
        if kept and not 0 <= min(kept) <= max(kept) < self.size:
            wrong = max(kept) if min(kept) >= 0 else min(kept)
            raise TokenizerError(f"id {wrong} is not in the vocabulary of {self.size:,}")
        text: str = self._backend.decode(kept, skip_special_tokens=bool(len(self.frame)))
        return text

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json`, which the Hugging Face library loads, and `tokenizer_settings.json`."""
        record = {"settings": self.settings.model_dump(mode="json"), "fingerprint": self.fingerprint}
        if self.frame is not NO_FRAME:
            record["frame"] = asdict(self.frame)
        if self.target:
            record["target"] = TARGET_FILE
            write_atomic(folder / TARGET_FILE, self.target)
        write_atomic(folder / MODEL_FILE, self.content)
        write_atomic(folder / SETTINGS_FILE, to_json(record))

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Read what `save` wrote. Raises TokenizerError when a file is missing, damaged or was changed."""
        try:
            record = read_json(folder / SETTINGS_FILE)
            settings = TokenizerSettings.parse(record["settings"])
            frame = _frame(record["frame"]) if "frame" in record else NO_FRAME
            contents = [(folder / MODEL_FILE).read_bytes().decode("utf-8")]
            if "target" in record:
                contents.append((folder / TARGET_FILE).read_bytes().decode("utf-8"))
            tokenizer = cls(contents[0], settings, frame, *contents[1:])
        except (OSError, ValueError, KeyError, TypeError, ConfigError, TokenizerError) as error:
            raise TokenizerError(f"{folder}: no tokenizer: {first_line(error)}", hint=_DAMAGED) from None
        if tokenizer.fingerprint != record.get("fingerprint"):
            raise TokenizerError(
                f"{folder}: {MODEL_FILE} or {SETTINGS_FILE} was changed after it was saved", hint=_DAMAGED
            )
        return tokenizer


def truncated(rows: Ragged, max_length: int | None, keep: Keep) -> Ragged:
    """Cut rows to `max_length`: kept is the head, the tail, or half of each (the head gets the odd one)."""
    if max_length is None or rows.lengths.max(initial=0) <= max_length:
        return rows
    head, tail = {
        "head": (max_length, 0),
        "tail": (0, max_length),
        "both": (max_length - max_length // 2, max_length // 2),
    }[keep]
    places = np.arange(len(rows.values))
    from_start = places - np.repeat(rows.offsets[:-1], rows.lengths)
    to_end = np.repeat(rows.offsets[1:], rows.lengths) - places
    return _select(rows, (from_start < head) | (to_end <= tail))


def _select(rows: Ragged, kept: NDArray[np.bool_]) -> Ragged:
    num_before = np.concatenate([[0], np.cumsum(kept)])
    return Ragged(rows.values[kept], num_before[rows.offsets])


def _parts(texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    # One part at least, so that no texts give no rows and not an error.
    if not len(texts):
        yield 0, []
    for start, stop in portions(texts, _TEXTS_PER_CALL):
        yield start, list(texts[start:stop])


def portions(texts: Sequence[str], most: int) -> Iterator[tuple[int, int]]:
    """Where parts begin and end of which none has more than `most` texts, or than a few million characters
    where it has several: what the library makes of a text takes thirty times its room.

    >>> [*portions(["a"] * 5, 2)], [*portions(["a" * 3_000_000] * 3, 2)]
    ([(0, 2), (2, 4), (4, 5)], [(0, 1), (1, 2), (2, 3)])
    """
    start = size = 0
    for place, text in enumerate(texts):
        own = len(text) if isinstance(text, str) else 0
        if place > start and (place - start == most or size + own > _CHARACTERS_PER_CALL):
            yield start, place
            start, size = place, 0
        size += own
    if start < len(texts):
        yield start, len(texts)


def _not_text(texts: list[str], start: int) -> TokenizerError:
    row, text = next((row, text) for row, text in enumerate(texts, start) if not is_text(text))
    return TokenizerError(f"row {row:,}: expected text, found {text!r:.60}", hint=NOT_TEXT_HINT)


def _frame(record: dict[str, Any]) -> Frame:
    return Frame(tuple(record["prefix"]), tuple(record["suffix"]), dict(record["special"]))


def _parsed(content: str) -> tokenizers.Tokenizer:
    try:
        backend = tokenizers.Tokenizer.from_str(content)
    except Exception as error:  # the library raises nothing narrower
        raise TokenizerError(f"{MODEL_FILE} cannot be read: {first_line(error)}") from None
    # A checkpoint's tokenizer may cut and pad by itself; here that is done where it is counted.
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = True
    return backend


def _counting_unknowns(content: str) -> str:
    record = json.loads(content)
    vocabulary = record["model"]["vocab"]
    record["model"].update(vocab={**vocabulary, UNKNOWN: len(vocabulary)}, unk_token=UNKNOWN, fuse_unk=True)
    return json.dumps(record)


def _fingerprint(content: str, settings: TokenizerSettings, frame: Frame, target: str) -> str:
    framed = "" if frame is NO_FRAME else f"\n{json.dumps(asdict(frame), sort_keys=True)}"
    framed += f"\n{target}" if target else ""
    return hashlib.sha256(f"{content}\n{settings.model_dump_json()}{framed}".encode()).hexdigest()
