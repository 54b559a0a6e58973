"""Tokenizers learned from a person's own text: the kinds, training one, and which kind suits which script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from textwright.core.registry import Registry
from textwright.text.tokenizers.base import Encoded, Tokenizer, TokenizerSettings

__all__ = ["KINDS", "Encoded", "Tokenizer", "TokenizerSettings", "default_kind", "train_tokenizer"]

Trainer = Callable[[Iterable[str], TokenizerSettings], Tokenizer]

KINDS = Registry[Trainer](
    "kind of tokenizer",
    {
        "word": "textwright.text.tokenizers.word:train",
        "char": "textwright.text.tokenizers.char:train",
        "characters": "textwright.text.tokenizers.characters:train",
        "bpe": "textwright.text.tokenizers.bpe:train",
        "language": "textwright.text.tokenizers.language:train",
        "unigram": "textwright.text.tokenizers.unigram:train",
        "classic": "textwright.text.tokenizers.classic:train",
    },
)

# Scripts whose blanks mark words, or whose characters are good tokens by themselves. Korean has blanks, but
# glues endings to its words; Thai has none.
_WORD_SCRIPTS = frozenset({"latin", "cyrillic", "arabic", "devanagari", "han"})


def train_tokenizer(texts: Iterable[str], settings: TokenizerSettings) -> Tokenizer:
    """Learn a tokenizer of `settings.kind` from a stream of texts; the same texts give the same tokenizer.

    Memory is bounded: past a limit that depends on the kind, a fixed random sample of the texts is used.
    Raises ConfigError for an unknown kind or a vocabulary too small for it, TokenizerError when there is
    nothing to learn from.

    >>> tokenizer = train_tokenizer(["我爱iPhone手机", "Don't worry"], TokenizerSettings(kind="word"))
    >>> tokenizer.tokens("我爱手机, don't")
    ['我', '爱', '手', '机', '[UNK]', "don't"]
    """
    return KINDS.get(settings.kind)(texts, settings)


def default_kind(shares: Mapping[str, float]) -> tuple[str, str]:
    """Choose a kind from the shares of scripts (`text.script.script_shares`), with the reason in plain words.

    >>> default_kind({"han": 0.8, "latin": 0.2})[0], default_kind({"hangul": 1.0})[0]
    ('word', 'bpe')
    """
    other = {script: share for script, share in shares.items() if script not in _WORD_SCRIPTS and share > 0}
    if sum(other.values()) > 0.3:
        script = max(other, key=lambda name: other[name])
        return "bpe", f"{other[script]:.0%} of the letters are {script}: blanks do not part its words well"
    if shares.get("han", 0.0) > 0.3:
        return "word", f"{shares['han']:.0%} of the letters are Han: each is a token, other words stay whole"
    return "word", "words are parted by blanks"
