"""The tokenizers of Marian and M2M100, which the library cuts texts with by SentencePiece itself, and never
writes as a `tokenizer.json`.
"""

from __future__ import annotations

from pathlib import Path

from textwright.core.errors import CheckpointError
from textwright.core.files import read_json
from textwright.models.transformer.sentencepiece import SentencePieces

_VOCABULARY, _TWO = "vocab.json", "target_vocab.json"
_FILES = {"marian": "source.spm", "m2m_100": "sentencepiece.bpe.model"}
_SPECIAL = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
# M2M100's languages in the order of their tags, whose ids follow those of the vocabulary (arXiv:2010.11125).
_LANGUAGES = (
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha "
    "he hi hr ht hu hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my "
    "ne nl no ns oc or pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi "
    "wo xh yi yo zh zu"
)


def has_pieces(folder: Path, kind: str) -> bool:
    """Whether a folder of such a model has these files."""
    return kind in _FILES and (kind == "marian" or (folder / _FILES[kind]).is_file())


def tokenizer_of_pieces(folder: Path, kind: str) -> tuple[str, str, dict[str, str]]:
    """The content of a `tokenizer.json`, that of the one for targets where it is another, and the special
    tokens by role. Raises CheckpointError, OSError.
    """
    return _marian(folder) if kind == "marian" else _m2m100(folder)


def _marian(folder: Path) -> tuple[str, str, dict[str, str]]:
    """A file of SentencePiece for each side, and the ids of the pieces of both."""
    if (folder / _TWO).is_file():
        raise CheckpointError(
            f"{folder}: has two vocabularies, and one for both sides is read",
            hint="Take another checkpoint, such as one of OPUS-MT with vocab.json alone.",
        )
    ids, special = read_json(folder / _VOCABULARY), [*_SPECIAL.values()]
    content, target = (
        SentencePieces.read(folder / f"{side}.spm").tokenizer(ids, special, ("$A", "</s>"))
        for side in ("source", "target")
    )
    return content, target, _SPECIAL


def _m2m100(folder: Path) -> tuple[str, str, dict[str, str]]:
    """One file for all languages, and a tag for each before a text."""
    ids = dict(read_json(folder / _VOCABULARY))
    tags = [f"__{code}__" for code in _LANGUAGES.split()]
    ids |= {tag: len(ids) + i for i, tag in enumerate(tags)}
    roles = {"bos_token": "<s>", **_SPECIAL}
    pieces = SentencePieces.read(folder / _FILES["m2m_100"])
    return pieces.tokenizer(ids, [*roles.values(), *tags], ("__en__", "$A", "</s>")), "", roles
