"""Tokenizers for encoders of Hugging Face classes: one of ours with a frame, or the one of a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping

import tokenizers
from tokenizers import AddedToken, processors

from textwright.core.errors import TokenizerError
from textwright.text.tokenizers.base import PAD, UNKNOWN, Frame, Tokenizer, TokenizerSettings

START, END, MASK = "[CLS]", "[SEP]", "[MASK]"
_PROBE = "a"


def framed(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer with [CLS] before and [SEP] after each text, and [MASK]; they get the ids past the last.

    As much of a text is kept as before: `max_length` grows by the frame.

    >>> from textwright.text.tokenizers import train_tokenizer
    >>> plain = train_tokenizer(["one two", "two"], TokenizerSettings(kind="word"))
    >>> [framed(plain).pieces[i] for i in framed(plain).encode(["two"]).rows[0]]
    ['[CLS]', 'two', '[SEP]']
    """
    backend = tokenizers.Tokenizer.from_str(tokenizer.content)
    backend.add_special_tokens([AddedToken(token, normalized=False) for token in (START, END, MASK)])
    ids = backend.get_vocab()
    start, end = ids[START], ids[END]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}",
        pair=f"{START} $A {END} $B {END}",
        special_tokens=[(START, start), (END, end)],
    )
    special = {"pad_token": PAD, "cls_token": START, "sep_token": END, "mask_token": MASK}
    if tokenizer.unknown_id is not None:
        special["unk_token"] = UNKNOWN
    frame, settings = Frame((start,), (end,), special), tokenizer.settings
    if settings.max_length:
        settings = settings.replaced({"max_length": settings.max_length + len(frame)})
    return Tokenizer(backend.to_str(), settings, frame)


def borrowed(content: str, special: Mapping[str, str], settings: TokenizerSettings) -> Tokenizer:
    """The tokenizer of a checkpoint, from its `tokenizer.json`; the frame is what it puts around a text.

    Raises TokenizerError when it cannot be read, has no padding token, or frames no text in one piece.
    """
    if "pad_token" not in special:
        raise TokenizerError("the tokenizer of the checkpoint has no padding token")
    plain = Tokenizer(content, settings, Frame(special=dict(special)))
    backend = tokenizers.Tokenizer.from_str(content)
    backend.no_truncation()
    backend.no_padding()
    inner = backend.encode(_PROBE, add_special_tokens=False).ids
    whole = backend.encode(_PROBE, add_special_tokens=True).ids
    for start in range(len(whole) - len(inner) + 1):
        if whole[start : start + len(inner)] == inner:
            frame = Frame(tuple(whole[:start]), tuple(whole[start + len(inner) :]), dict(special))
            return Tokenizer(plain.content, settings, frame)
    raise TokenizerError(f"the tokenizer of the checkpoint makes {json.dumps(whole)} of {json.dumps(inner)}")
