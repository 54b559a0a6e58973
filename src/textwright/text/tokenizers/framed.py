"""Tokenizers for models of Hugging Face classes: one of ours with a frame, or the one of a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import tokenizers
from tokenizers import AddedToken, processors

from textwright.core.errors import TokenizerError
from textwright.text.tokenizers.base import PAD, UNKNOWN, Frame, Tokenizer, TokenizerSettings

START, END, MASK = "[CLS]", "[SEP]", "[MASK]"
END_OF_TEXT = "<|endoftext|>"
# Of models from sequence to sequence: BART's names and order, which converters of such models count on.
PAIR_START, PAIR_END, PAIR_MASK = "<s>", "</s>", "<mask>"
# The role of a token that says of what kind a source is, behind its name.
_MARK = "_mark_token"
# One of these is in nearly every vocabulary.
_PROBES = ("a", "1", "的", ".")
# What stands between texts, by the roles it may have.
_STARTS = ("bos_token", "eos_token", "pad_token")


def framed(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer with [CLS] before and [SEP] after each text, and [MASK]; they get the ids past the last.

    As much of a text is kept as before: `max_length` grows by the frame.

    >>> from textwright.text.tokenizers import train_tokenizer
    >>> plain = train_tokenizer(["one two", "two"], TokenizerSettings(kind="word"))
    >>> [framed(plain).pieces[i] for i in framed(plain).encode(["two"]).rows[0]]
    ['[CLS]', 'two', '[SEP]']
    """
    backend = tokenizers.Tokenizer.from_str(tokenizer.content)
    backend.add_special_tokens([AddedToken(token, normalized=False) for token in (START, END)])
    backend.add_special_tokens([_gap(MASK, tokenizer)])
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


def takes_blank(tokenizer: Tokenizer) -> bool:
    """Whether a blank is the beginning of the word behind it, and so of a word that is missing.

    >>> from textwright.text.tokenizers import train_tokenizer
    >>> kinds = TokenizerSettings(kind="bpe"), TokenizerSettings(kind="characters")
    >>> [takes_blank(train_tokenizer(["to be or not to be"] * 2, kind)) for kind in kinds]
    [True, False]
    """
    return any(piece.startswith(" ") and len(piece) > 1 for piece in tokenizer.pieces)


def _gap(token: str, tokenizer: Tokenizer) -> AddedToken:
    return AddedToken(token, normalized=False, lstrip=takes_blank(tokenizer))


def ended(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer with a token that stands between texts, for models that write on; it gets the last id.

    >>> from textwright.text.tokenizers import train_tokenizer
    >>> plain = train_tokenizer(["one two", "two"], TokenizerSettings(kind="word"))
    >>> ended(plain).pieces[-1], ended(plain).encode(["two"]).rows.lengths
    ('<|endoftext|>', array([1]))
    """
    backend = tokenizers.Tokenizer.from_str(tokenizer.content)
    backend.add_special_tokens([AddedToken(END_OF_TEXT, normalized=False)])
    special = {"pad_token": PAD, "bos_token": END_OF_TEXT, "eos_token": END_OF_TEXT}
    if tokenizer.unknown_id is not None:
        special["unk_token"] = UNKNOWN
    return Tokenizer(backend.to_str(), tokenizer.settings, Frame(special=special))


def paired(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer with </s> behind each text, for models from sequence to sequence, and <mask> for gaps.

    <s>, padding, </s> and what is unknown have the ids 0 to 3, whatever a tokenizer calls the second and the
    fourth; the mask gets the last. Raises TokenizerError for a vocabulary that cannot be renumbered.

    >>> from textwright.text.tokenizers import train_tokenizer
    >>> plain = train_tokenizer(["one two", "two"], TokenizerSettings(kind="bpe", vocabulary_size=259))
    >>> tokenizer = paired(plain)
    >>> tokenizer.pieces[:4], [tokenizer.pieces[i] for i in tokenizer.encode(["two"]).rows[0]]
    (['<s>', '[PAD]', '</s>', '[UNK]'], ['two', '</s>'])
    """
    record = json.loads(tokenizer.content)
    first = [PAIR_START, PAD, PAIR_END, UNKNOWN]
    model = record["model"]
    if model["type"] == "Unigram":
        rest = [entry for entry in model["vocab"] if entry[0] not in first]
        lowest = min(score for _, score in rest)
        model["vocab"], model["unk_id"] = [[token, lowest] for token in first] + rest, first.index(UNKNOWN)
    elif isinstance(model["vocab"], dict):
        ordered = sorted(model["vocab"], key=model["vocab"].__getitem__)
        rest = [token for token in ordered if token not in first]
        model["vocab"] = {token: i for i, token in enumerate([*first, *rest])}
    else:
        raise TokenizerError(f"a vocabulary of the kind {model['type']} cannot be renumbered")
    record["added_tokens"] = []
    backend = tokenizers.Tokenizer.from_str(json.dumps(record))
    backend.add_special_tokens([AddedToken(token, normalized=False) for token in first])
    backend.add_special_tokens([_gap(PAIR_MASK, tokenizer)])
    end = first.index(PAIR_END)
    backend.post_processor = processors.TemplateProcessing(
        single=f"$A {PAIR_END}", pair=f"$A {PAIR_END} $B {PAIR_END}", special_tokens=[(PAIR_END, end)]
    )
    special = {
        "bos_token": PAIR_START,
        "pad_token": PAD,
        "eos_token": PAIR_END,
        "unk_token": UNKNOWN,
        "mask_token": PAIR_MASK,
    }
    frame, settings = Frame(suffix=(end,), special=special), tokenizer.settings
    if settings.max_length:
        settings = settings.replaced({"max_length": settings.max_length + len(frame)})
    return Tokenizer(backend.to_str(), settings, frame)


def with_marks(tokenizer: Tokenizer, names: Sequence[str]) -> Tokenizer:
    """The tokenizer with a token `<name>` for each name, past the last id where it lacks it: what stands
    before a source and says of what kind it is. No text can spell one, and none is ever told.

    >>> from textwright.text.tokenizers import train_tokenizer
    >>> plain = paired(train_tokenizer(["one two", "two"], TokenizerSettings(kind="word")))
    >>> both = with_marks(with_marks(plain, ["back"]), ["back", "short"])
    >>> both.pieces[-2:], both.size - plain.size, marks_of(both)["back"] == plain.size
    (['<back>', '<short>'], 2, True)
    """
    special = {**tokenizer.frame.special, **{f"{name}{_MARK}": f"<{name}>" for name in names}}
    frame, added = replace(tokenizer.frame, special=special), [f"<{name}>" for name in names]
    content, target = (text and _with_special(text, added) for text in (tokenizer.content, tokenizer.target))
    return Tokenizer(content, tokenizer.settings, frame, target)


def _with_special(content: str, names: Sequence[str]) -> str:
    backend = tokenizers.Tokenizer.from_str(content)
    backend.add_special_tokens([AddedToken(name, normalized=False) for name in names])
    return str(backend.to_str())


def marks_of(tokenizer: Tokenizer) -> dict[str, int]:
    """The ids of what `with_marks` added, by name."""
    marks = {k.removesuffix(_MARK): v for k, v in tokenizer.frame.special.items() if k.endswith(_MARK)}
    ids = tokenizer.vocabulary if marks else {}
    return {name: ids[token] for name, token in marks.items()}


def gapped(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer of a model that writes on with [MASK], for one that fills gaps too; it gets the last id,
    unless the tokenizer has such a token.

    >>> from textwright.text.tokenizers import train_tokenizer
    >>> plain = ended(train_tokenizer(["one two", "two"], TokenizerSettings(kind="word")))
    >>> gapped(plain).pieces[-2:], gapped(gapped(plain)).size - plain.size
    (['<|endoftext|>', '[MASK]'], 1)
    """
    if "mask_token" in tokenizer.frame.special:
        return tokenizer
    backend = tokenizers.Tokenizer.from_str(tokenizer.content)
    backend.add_special_tokens([_gap(MASK, tokenizer)])
    special = {**tokenizer.frame.special, "mask_token": MASK}
    return Tokenizer(backend.to_str(), tokenizer.settings, replace(tokenizer.frame, special=special))


def begun(content: str, special: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The tokenizer of a decoder with the token before each text that it knows from between texts, so that no
    text is empty; one that puts something around a text already stays as it is. What pads is that token where
    no other does: it stands in no text, and behind a text nobody looks at it.

    Raises TokenizerError when it has no such token.

    >>> from textwright.text.tokenizers import train_tokenizer
    >>> plain = ended(train_tokenizer(["one two", "two"], TokenizerSettings(kind="word")))
    >>> tokenizer = borrowed(*begun(plain.content, plain.frame.special), plain.settings)
    >>> [tokenizer.pieces[i] for i in tokenizer.encode(["two"]).rows[0]]
    ['<|endoftext|>', 'two']
    """
    start = next((special[role] for role in _STARTS if role in special), None)
    if start is None:
        raise TokenizerError(
            "the tokenizer has no token that begins or ends a text",
            hint="Take a checkpoint whose tokenizer names one (tokenizer_config.json).",
        )
    full = {"pad_token": start, **special}
    backend = tokenizers.Tokenizer.from_str(content)
    if len(borrowed(content, full, TokenizerSettings()).frame):
        return content, full
    frame = processors.TemplateProcessing(
        single=f"{start} $A",
        pair=f"{start} $A {start} $B",
        special_tokens=[(start, backend.token_to_id(start))],
    )
    before = backend.post_processor
    backend.post_processor = frame if before is None else processors.Sequence([before, frame])
    return backend.to_str(), full


def borrowed(
    content: str, special: Mapping[str, str], settings: TokenizerSettings, target: str = ""
) -> Tokenizer:
    """The tokenizer of a checkpoint, from its `tokenizer.json`; the frame is what it puts around a text.
    `target` is the content of the one for what is told, where that is another.

    Raises TokenizerError when it cannot be read, has no padding token, or frames no text in one piece.
    """
    if "pad_token" not in special:
        raise TokenizerError("the tokenizer of the checkpoint has no padding token")
    plain = Tokenizer(content, settings, Frame(special=dict(special)))
    backend = tokenizers.Tokenizer.from_str(content)
    backend.no_truncation()
    backend.no_padding()
    for probe in _probes(backend):
        inner = backend.encode(probe, add_special_tokens=False).ids
        if inner:
            return Tokenizer(plain.content, settings, _frame(backend, probe, inner, special), target)
    raise TokenizerError(
        "the tokenizer of the checkpoint makes no token of any text",
        hint="Copy tokenizer.json of the same model into the folder.",
    )


def _probes(backend: tokenizers.Tokenizer) -> Iterator[str]:
    """Texts to see the frame around: usual ones, then single tokens of the vocabulary."""
    yield from _PROBES
    yield from (backend.decode([i]) for i in range(backend.get_vocab_size()))


def _frame(backend: tokenizers.Tokenizer, probe: str, inner: list[int], special: Mapping[str, str]) -> Frame:
    whole = backend.encode(probe, add_special_tokens=True).ids
    for start in range(len(whole) - len(inner) + 1):
        if whole[start : start + len(inner)] == inner:
            return Frame(tuple(whole[:start]), tuple(whole[start + len(inner) :]), dict(special))
    raise TokenizerError(f"the tokenizer of the checkpoint makes {json.dumps(whole)} of {json.dumps(inner)}")
