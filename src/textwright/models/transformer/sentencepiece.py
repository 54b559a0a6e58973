"""Files of SentencePiece, read by their format (sentencepiece_model.proto), and made a `tokenizer.json`."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors

from textwright.core.errors import CheckpointError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_NORMAL, _UNIGRAM, _BPE = 1, 1, 2
# Of a piece that no text is made of, as long as there is another way.
_LAST = -1e6
_DAMAGED = "Copy the file again."


@dataclass(frozen=True)
class SentencePieces:
    """The scores of ordinary pieces, how a text is normalised before it is cut, and by which of the two
    algorithms it is.
    """

    scores: Mapping[str, float]
    charsmap: bytes
    is_bpe: bool = False

    @classmethod
    def read(cls, path: Path) -> SentencePieces:
        """Raises CheckpointError for a file that is not one, or whose pieces are words or characters."""
        scores: dict[str, float] = {}
        charsmap, kind = b"", _UNIGRAM
        try:
            for number, value in _fields(path.read_bytes()):
                if number == 1:
                    piece = dict(_fields(value))
                    if piece.get(3, _NORMAL) == _NORMAL:
                        scores[piece[1].decode("utf-8")] = struct.unpack("<f", piece.get(2, bytes(4)))[0]
                elif number == 2:
                    kind = dict(_fields(value)).get(3, _UNIGRAM)
                elif number == 3:
                    charsmap = dict(_fields(value)).get(2, b"")
        except (ValueError, IndexError, KeyError, AttributeError, struct.error):
            scores = {}
        if not scores:
            raise CheckpointError(f"{path}: is no file of SentencePiece", hint=_DAMAGED)
        if kind not in (_UNIGRAM, _BPE):
            raise CheckpointError(
                f"{path}: is of SentencePiece's kind {kind}, and only unigram and bpe are read",
                hint="Take a checkpoint with a tokenizer.json.",
            )
        return cls(scores, charsmap, kind == _BPE)

    def tokenizer(
        self, ids: Mapping[str, int], special: Sequence[str], frame: Sequence[str], unknown: str = "<unk>"
    ) -> str:
        """The content of a `tokenizer.json` whose tokens have these ids, from 0 on, whether they are pieces
        of this file or not; `frame` is what stands around a text ($A). Raises CheckpointError where ids are
        missing.
        """
        names = sorted(ids, key=ids.__getitem__)
        if [ids[name] for name in names] != list(range(len(names))) or not {*special, unknown} <= {*names}:
            raise CheckpointError(
                "the ids of the vocabulary are not those from 0 on, with its special tokens"
            )
        made: Any = tokenizers.Tokenizer(self._model(ids, names, unknown))
        steps: list[Any] = [normalizers.Precompiled(self.charsmap)] if self.charsmap else []
        made.normalizer = normalizers.Sequence(
            [*steps, normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip()]
        )
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
        made.decoder = decoders.Metaspace(prepend_scheme="always")
        around = [name for name in frame if name != "$A"]
        made.post_processor = processors.TemplateProcessing(
            single=" ".join(frame), special_tokens=[(name, ids[name]) for name in around]
        )
        made.add_special_tokens([AddedToken(name, normalized=False) for name in (*special, unknown)])
        return str(made.to_str())

    def _model(self, ids: Mapping[str, int], names: Sequence[str], unknown: str) -> Any:
        if not self.is_bpe:
            pieces = [(name, self.scores.get(name, _LAST)) for name in names]
            return models.Unigram(pieces, unk_id=ids[unknown], byte_fallback=False)
        known = {piece for piece in self.scores if piece in ids}
        found = [
            (score, len(piece[:cut]), len(piece) - cut, piece[:cut], piece[cut:])
            for piece, score in self.scores.items()
            for cut in range(1, len(piece))
            if piece in known and piece[:cut] in known and piece[cut:] in known
        ]
        found.sort(key=lambda merge: merge[:3], reverse=True)
        merges = [merge[3:] for merge in found]
        return models.BPE(vocab=dict(ids), merges=merges, unk_token=unknown, fuse_unk=True)


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The numbers of the fields of a message, with bytes or a whole number. Raises ValueError, IndexError."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire == _BYTES:
            size, place = _varint(data, place)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire}")
        if place + size > len(data):
            raise ValueError("the message ends too early")
        yield number, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
        if shift > 63:
            raise ValueError("the number is too long")
