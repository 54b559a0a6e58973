"""The frame of a conversation: who says what, as tokens that no text can spell.

A conversation is `<|endoftext|><|user|>PROMPT<|assistant|>RESPONSE<|endoftext|>`, and so on from `<|user|>`;
only the first token is that which stands before a text, where that is another one. As the frame is tokens and
not text, a prompt ends where it ends whatever the pieces beside it are, with every kind of tokenizer, and
nobody can end it by writing the words of the frame.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import AddedToken

from textwright.core.ragged import IntArray, Ragged
from textwright.text.tokenizers.base import Tokenizer

USER, ASSISTANT = "<|user|>", "<|assistant|>"
# What the Hugging Face library calls them in tokenizer_config.json.
_USER_ROLE, _ASSISTANT_ROLE = "user_token", "assistant_token"
Turn = tuple[IntArray, IntArray]
"""The tokens of a prompt and of its response."""


def with_turns(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer with the tokens of the frame, past the last id where it lacks them.

    >>> from textwright.text.tokenizers import TokenizerSettings, train_tokenizer
    >>> from textwright.text.tokenizers.framed import ended
    >>> plain = ended(train_tokenizer(["one two", "two"], TokenizerSettings(kind="word")))
    >>> with_turns(plain).pieces[-2:], with_turns(with_turns(plain)).size - plain.size
    (['<|user|>', '<|assistant|>'], 2)
    """
    backend = tokenizers.Tokenizer.from_str(tokenizer.content)
    backend.add_special_tokens([AddedToken(token, normalized=False) for token in (USER, ASSISTANT)])
    special = {**tokenizer.frame.special, _USER_ROLE: USER, _ASSISTANT_ROLE: ASSISTANT}
    return Tokenizer(backend.to_str(), tokenizer.settings, replace(tokenizer.frame, special=special))


def has_turns(tokenizer: Tokenizer) -> bool:
    """Whether it is one that `with_turns` made."""
    return _USER_ROLE in tokenizer.frame.special


@dataclass(frozen=True)
class Fitted:
    """The tokens of a conversation that fits; how many of its first turns, and tokens of the first prompt
    that is left, do not stand in it.
    """

    ids: IntArray
    num_turns_left_out: int = 0
    num_tokens_cut: int = 0


@dataclass(frozen=True)
class TurnFrame:
    """The ids of the frame.

    >>> frame = TurnFrame(start_id=9, end_id=9, user_id=7, assistant_id=8)
    >>> frame.joined([(np.array([1, 2]), np.array([3]))]).tolist()
    [9, 7, 1, 2, 8, 3, 9]
    >>> frame.asked([], np.array([1, 2]), 16).ids.tolist()
    [9, 7, 1, 2, 8]
    """

    start_id: int
    end_id: int
    user_id: int
    assistant_id: int

    @classmethod
    def of(cls, tokenizer: Tokenizer, start_id: int, end_id: int) -> TurnFrame:
        """Of a tokenizer that `with_turns` made."""
        ids = tokenizer.vocabulary
        return cls(start_id, end_id, ids[USER], ids[ASSISTANT])

    @property
    def ids(self) -> tuple[int, int]:
        """What stands before a turn: never a part of one."""
        return self.user_id, self.assistant_id

    def joined(self, turns: Sequence[Turn]) -> IntArray:
        """The tokens of a whole conversation, each of its responses ended."""
        parts: list[IntArray] = [np.array([self.start_id])]
        for prompt, response in turns:
            parts += [np.array([self.user_id]), prompt, np.array([self.assistant_id]), response]
            parts.append(np.array([self.end_id]))
        return np.concatenate(parts).astype(np.int64)

    def fitted(self, turns: Sequence[Turn], most: int) -> Fitted | None:
        """At most `most` tokens that end with the last response: the first turns are left out, then the
        beginning of the last prompt. None where that does not suffice: no response is ever cut.
        """
        left = [*turns]
        while len(left) > 1 and len(self.joined(left)) > most:
            left.pop(0)
        (prompt, response), *rest = left
        too_many = max(len(self.joined(left)) - most, 0)
        if too_many and too_many >= len(prompt):
            return None
        ids = self.joined([(prompt[too_many:], response), *rest])
        return Fitted(ids, len(turns) - len(left), too_many)

    def asked(self, turns: Sequence[Turn], prompt: IntArray, most: int) -> Fitted:
        """The same of a conversation whose last prompt is to be answered; some of it always fits."""
        found = self.fitted([*turns, (prompt, np.zeros(0, np.int64))], max(most, 5) + 1)
        assert found is not None
        return replace(found, ids=found.ids[:-1])

    def first_prompt(self, ids: IntArray) -> IntArray:
        """Of the tokens of a conversation."""
        start, end = (int(np.flatnonzero(ids == mark)[0]) for mark in self.ids)
        return ids[start + 1 : end]

    def rows(self, ids: IntArray) -> tuple[Ragged, NDArray[np.bool_]]:
        """The conversations of one long row of tokens, and which of its tokens a response tells.

        A conversation begins where a prompt follows the token before a text, and nothing or the end of a
        response stands before that. The end of a response is told as well.

        >>> frame = TurnFrame(start_id=9, end_id=9, user_id=7, assistant_id=8)
        >>> rows, is_told = frame.rows(np.array([9, 7, 1, 8, 3, 9, 7, 2, 8, 4, 9, 9, 7, 1, 8, 5, 9]))
        >>> rows.lengths.tolist(), rows.values[is_told].tolist()
        ([11, 6], [3, 9, 4, 9, 5, 9])
        """
        before = np.concatenate([[self.end_id], ids[:-1]])
        after = np.concatenate([ids[1:], [-1]])
        begins = (ids == self.start_id) & (after == self.user_id) & (before == self.end_id)
        # Where both ends are one token, that of a response before another prompt is none of these: no
        # response is empty.
        offsets = np.append(np.flatnonzero(begins), len(ids))
        marks = np.where(ids == self.assistant_id, 1, np.where(before == self.end_id, -1, 0))
        places = np.maximum.accumulate(np.where(marks != 0, np.arange(len(ids)), 0))
        is_told = (marks[places] == 1) & (ids != self.assistant_id)
        return Ragged(ids, offsets), is_told


def chat_template(start: str, end: str) -> str:
    """The frame as the Hugging Face library writes it (Jinja): `apply_chat_template` gives the same ids.

    >>> "<|assistant|>" in chat_template("<|endoftext|>", "<|endoftext|>")
    True
    """
    begin, close, user, assistant = map(json.dumps, (start, end, USER, ASSISTANT))
    return (
        "{{ " + begin + " }}{% for message in messages %}"
        "{% if message['role'] == 'user' %}{{ " + user + " + message['content'] | trim }}"
        "{% elif message['role'] == 'assistant' %}"
        "{{ " + assistant + " + message['content'] | trim + " + close + " }}"
        "{% else %}{{ raise_exception('there are turns of user and assistant only') }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}{{ " + assistant + " }}{% endif %}"
    )
