"""What a tokenizer does to a corpus: fertility per script, unknown words, lost tokens, wasted pieces."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textwright.text.script import SCRIPTS, code_points, script_ids
from textwright.text.tokenizers.base import Tokenizer

_TEXTS_PER_BATCH = 1000
_NUM_EXAMPLES = 10
_PER_CHARACTER = frozenset({"han", "kana"})
_OTHER = SCRIPTS.index("other")
_APOSTROPHES = [ord("'"), ord("’")]
_BLANKS = [ord(c) for c in " \t\n\r\u3000"]
_IS_BYTE = re.compile(r"<0x[0-9A-F]{2}>").fullmatch
_IS_BYTES = re.compile(r"(<0x[0-9A-F]{2}>)+").fullmatch


def tokenizer_report(tokenizer: Tokenizer, texts: Iterable[str]) -> dict[str, Any]:
    """Measure a tokenizer on texts; the record holds what JSON can.

    Fertility is tokens per word, and tokens per character for Han and kana; a token belongs to the script of
    its first character that is no blank. A word is a run of letters of one script, with inner apostrophes.
    Single bytes kept for rare characters do not count as never used.

    >>> from textwright.text.tokenizers import TokenizerSettings, train_tokenizer
    >>> texts = ["我爱手机", "good phone"]
    >>> report = tokenizer_report(train_tokenizer(texts, TokenizerSettings()), texts)
    >>> report["scripts"]["han"]["fertility"], report["unknown"]["share"]
    (1.0, 0.0)
    """
    tally = _Tally(tokenizer)
    stream = iter(texts)
    while batch := list(islice(stream, _TEXTS_PER_BATCH)):
        tally.add(batch)
    return tally.record()


class _Tally:
    """Counts over batches of texts."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.num_bytes = 0
        self.lengths: list[int] = []
        # Unknown words that the tokenizer drops have the id past the last piece.
        self.unknown_id = tokenizer.size if tokenizer.settings.drop_unknown else tokenizer.unknown_id
        self.uses = np.zeros(tokenizer.size + 1, np.int64)
        self.tokens_per_script = np.zeros(len(SCRIPTS), np.int64)
        self.units_per_script = np.zeros(len(SCRIPTS), np.int64)
        self.unknown: Counter[str] = Counter()

    def add(self, texts: list[str]) -> None:
        rows = list(self.tokenizer.spans(texts))
        for text, (ids, spans) in zip(texts, rows, strict=True):
            if self.unknown_id in ids:
                pairs = zip(ids, spans, strict=True)
                self.unknown.update(text[a:b] for i, (a, b) in pairs if i == self.unknown_id)
            self.lengths.append(len(ids) - ids.count(self.tokenizer.size))
        self.num_bytes += sum(len(text.encode("utf-8")) for text in texts)
        self.uses += np.bincount(_flat(ids for ids, _ in rows), minlength=len(self.uses))
        self._add_scripts(texts, rows)

    def _add_scripts(self, texts: list[str], rows: list[tuple[list[int], list[tuple[int, int]]]]) -> None:
        codes = code_points("\n".join(texts) + "\n")
        scripts = script_ids(codes)
        places = np.cumsum([0, *(len(text) + 1 for text in texts[:-1])])
        firsts = np.repeat(places, [len(ids) for ids, _ in rows])
        starts, ends = _flat(chain.from_iterable(spans) for _, spans in rows).reshape(-1, 2).T
        firsts += starts
        firsts += np.isin(codes[firsts], _BLANKS) & (ends - starts > 1)
        self.tokens_per_script += np.bincount(scripts[firsts], minlength=len(SCRIPTS))
        self.units_per_script += _count_units(codes, scripts)

    def record(self) -> dict[str, Any]:
        num_tokens = int(self.uses.sum())
        return {
            "kind": self.tokenizer.settings.kind,
            "vocabulary_size": self.tokenizer.size,
            "texts": len(self.lengths),
            "tokens": num_tokens,
            "bytes_per_token": self.num_bytes / max(num_tokens, 1),
            "scripts": self._scripts(),
            "unknown": {
                "tokens": self.unknown.total(),
                "share": self.unknown.total() / max(num_tokens, 1),
                "commonest": [list(pair) for pair in self.unknown.most_common(_NUM_EXAMPLES)],
            },
            "truncation": self._truncation(),
            "length": self._length(),
            "longest_pieces": self._longest_pieces(),
            "unused": self._unused(),
        }

    def _scripts(self) -> dict[str, Any]:
        counts = zip(SCRIPTS, self.tokens_per_script.tolist(), self.units_per_script.tolist(), strict=True)
        return {
            script: {
                "unit": "character" if script in _PER_CHARACTER else "word",
                "units": units,
                "tokens": tokens,
                "fertility": tokens / units,
            }
            for script, tokens, units in counts
            if units
        }

    def _truncation(self) -> dict[str, Any]:
        limit = self.tokenizer.settings.max_length
        lost = [length - limit for length in self.lengths if limit is not None and length > limit]
        share = sum(lost) / max(sum(self.lengths), 1)
        return {"max_length": limit, "texts_cut": len(lost), "tokens_lost": sum(lost), "share_lost": share}

    def _length(self) -> dict[str, int]:
        levels = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
        if not self.lengths:
            return dict.fromkeys(levels, 0)
        return {k: int(np.quantile(self.lengths, level, method="higher")) for k, level in levels.items()}

    def _learned(self) -> list[int]:
        reserved = {self.tokenizer.pad_id, self.tokenizer.unknown_id}
        pieces = enumerate(self.tokenizer.pieces)
        return [i for i, piece in pieces if i not in reserved and not _IS_BYTE(piece)]

    def _longest_pieces(self) -> list[str]:
        learned = (self.tokenizer.pieces[i] for i in self._learned())
        pieces = [piece for piece in learned if not _IS_BYTES(piece)]
        return sorted(pieces, key=lambda piece: (-len(piece), piece))[:_NUM_EXAMPLES]

    def _unused(self) -> dict[str, Any]:
        learned = self._learned()
        unused = [self.tokenizer.pieces[i] for i in learned if not self.uses[i]]
        share = len(unused) / max(len(learned), 1)
        return {"count": len(unused), "share": share, "examples": unused[:_NUM_EXAMPLES]}


def _flat(rows: Iterable[Iterable[int]]) -> NDArray[np.int64]:
    return np.fromiter(chain.from_iterable(rows), np.int64)


def _count_units(codes: NDArray[np.uint32], scripts: NDArray[np.intp]) -> NDArray[np.int64]:
    """Words of each script, and characters of Han and kana."""
    before, second_before = np.roll(scripts, 1), np.roll(scripts, 2)
    after_apostrophe = np.isin(np.roll(codes, 1), _APOSTROPHES) & (second_before == scripts)
    starts = (scripts != _OTHER) & (before != scripts) & ~after_apostrophe
    is_unit = starts | np.isin(scripts, [SCRIPTS.index(script) for script in sorted(_PER_CHARACTER)])
    return np.bincount(scripts[is_unit], minlength=len(SCRIPTS))


def render_report(report: dict[str, Any]) -> str:
    """A report as lines of text for a terminal."""
    unknown, cut, unused, length = (report[k] for k in ("unknown", "truncation", "unused", "length"))
    rows = [
        ("kind of tokenizer", f"{report['kind']}, {report['vocabulary_size']:,} pieces"),
        ("texts read", f"{report['texts']:,}, with {report['tokens']:,} tokens"),
        ("tokens a text", ", ".join(f"{name} {value:,}" for name, value in length.items())),
        ("bytes per token", f"{report['bytes_per_token']:.2f}"),
    ]
    rows += [
        (f"tokens per {s['unit']}", f"{s['fertility']:.2f}  {name} ({s['units']:,} {s['unit']}s)")
        for name, s in report["scripts"].items()
    ]
    rows += [
        ("unknown tokens", f"{unknown['share']:.2%} of the tokens"),
        ("  commonest of them", _listed(f"{word} {count:,}" for word, count in unknown["commonest"])),
        ("lost by cutting", _said_of_cut(cut, report["texts"])),
        ("never used", f"{unused['count']:,} pieces ({unused['share']:.1%})"),
        ("  some of them", _listed(unused["examples"])),
        ("longest pieces", _listed(report["longest_pieces"])),
    ]
    return "\n".join(f"{name:<22}{value}" for name, value in rows if value)


def _listed(items: Iterable[str]) -> str:
    # Line feeds and control characters would break the line.
    return "  ".join("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in item) for item in items)


def _said_of_cut(cut: dict[str, Any], num_texts: int) -> str:
    if cut["max_length"] is None:
        return "nothing, texts are never cut"
    cut_texts = f"{cut['texts_cut']:,} of {num_texts:,} texts (limit {cut['max_length']:,} tokens)"
    return f"{cut['share_lost']:.2%} of the tokens, in {cut_texts}"
