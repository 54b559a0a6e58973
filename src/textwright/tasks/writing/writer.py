"""Texts written on, many at once: greedy, drawn, or the likeliest by beams.

Shapes: B texts that are written at once, T time, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from textwright.core.errors import ConfigError
from textwright.core.seeds import derive
from textwright.tasks.writing.model import LanguageModel
from textwright.tasks.writing.reading import reader_of
from textwright.tasks.writing.sampling import WritingSettings, bent, drawn
from textwright.text.clean import clean_text
from textwright.text.tokenizers.turns import Fitted

Ending = Literal["end", "stop", "length"]
_AT_ONCE = 64


@dataclass(frozen=True)
class Written:
    """What a model wrote after a beginning; it ended at the end of a text, at a stop string, or by length."""

    text: str
    ids: tuple[int, ...]
    ended: Ending

    @property
    def num_tokens(self) -> int:
        return len(self.ids)

    def to_json(self) -> dict[str, Any]:
        return {"text": self.text, "tokens": self.num_tokens, "ended": self.ended}


@dataclass
class Text:
    """A text while it is written; `most` is how many tokens there is room for, where that ends it."""

    beginning: list[int]
    ids: list[int] = field(default_factory=list)
    ended: Ending | None = None
    text: str = ""
    most: float = math.inf


def write(
    model: LanguageModel, beginnings: Sequence[str], settings: WritingSettings | None = None
) -> list[Written]:
    """Write each text on; a model that was taught to answer takes it for a prompt, and answers.

    Raises ConfigError for a model that fills gaps.

    >>> write(LanguageModel.load("my-language"), ["Once"])[0].text  # doctest: +SKIP
    ' upon a time'
    """
    settings = settings or WritingSettings()
    _refuse_masked(model)
    model = model.quick(settings.precision)
    texts = [begun_text(model, beginning, settings) for beginning in beginnings]
    if settings.beams > 1:
        from textwright.tasks.writing.beams import by_beams

        for text in texts:
            by_beams(model, text, settings)
    else:
        reads = bool(settings.stop)
        for start in range(0, len(texts), _AT_ONCE):
            rng = torch.Generator().manual_seed(derive(settings.seed, "written", start))
            for _ in _steps(model, texts[start : start + _AT_ONCE], settings, rng, reads):
                pass
    for text in texts:
        finish(text, model, settings)
    return [Written(text.text, tuple(text.ids), text.ended or "length") for text in texts]


def stream(model: LanguageModel, beginning: str, settings: WritingSettings | None = None) -> Iterator[str]:
    """Write one text on, and hand out its parts as they come: put together they are the whole."""
    settings = settings or WritingSettings()
    _refuse_masked(model)
    yield from streamed(model, begun_text(model, beginning, settings), settings)


def streamed(model: LanguageModel, text: Text, settings: WritingSettings, number: int = 0) -> Iterator[str]:
    """The same of a text that is begun; texts of other numbers are drawn by other random numbers."""
    model = model.quick(settings.precision)
    shown, hold = 0, max(map(len, settings.stop), default=0)
    rng = torch.Generator().manual_seed(derive(settings.seed, "written", number))
    for _ in _steps(model, [text], settings, rng, reads=True):
        # What may be the beginning of a stop string, or half a character, is not yet sure to stay.
        sure = len(text.text) if text.ended else len(text.text.rstrip("�")) - hold
        if sure > shown:
            yield text.text[shown:sure]
            shown = sure


def begun(model: LanguageModel, beginning: str) -> list[int]:
    """The tokens of a beginning, behind what stands before a text.

    That is the end of a line where plain files were learned from: there the token that begins a document was
    hardly ever seen, and what is written behind it gets out of step.
    """
    ids = [*map(int, model.tokenizer.whole([model.opening + beginning])[0])]
    return ids if model.opening else [model.vocabulary.start_id, *ids]


def begun_text(model: LanguageModel, beginning: str, settings: WritingSettings) -> Text:
    """A text to write on; of a model that was taught to answer, a conversation that begins with it."""
    if model.turns is None:
        return Text(begun(model, beginning))
    return to_answer(model, asked(model, [], beginning, settings))


def asked(
    model: LanguageModel, turns: Sequence[tuple[str, str]], prompt: str, settings: WritingSettings
) -> Fitted:
    """The tokens of a conversation up to where an answer begins, so many that there is room for one: the
    first turns are left out where there is none, and then the beginning of the prompt.
    """
    assert model.turns is not None
    texts = [text for turn in turns for text in turn]
    *ids, last = model.tokenizer.whole([*map(clean_text, texts), clean_text(prompt)])
    room = min(settings.max_tokens, model.length // 2)
    return model.turns.asked([*zip(ids[::2], ids[1::2], strict=True)], last, model.length - room)


def to_answer(model: LanguageModel, found: Fitted) -> Text:
    """A text that goes on as far as the window does: no model has learned to answer past it."""
    ids = [*map(int, found.ids)]
    return Text(ids, most=max(model.length - len(ids), 1))


def _refuse_masked(model: LanguageModel) -> None:
    if model.architecture.objective != "causal":
        raise ConfigError(
            f"a {model.architecture.name} fills gaps; it does not write",
            hint="Use: textwright fill DIR --text 'a [MASK] day'",
        )


def _steps(
    model: LanguageModel,
    texts: list[Text],
    settings: WritingSettings,
    rng: torch.Generator,
    reads: bool,
) -> Iterator[None]:
    """Give each text that goes on a token more, until none does; with `reads` they are put into words."""
    while going := [text for text in texts if text.ended is None]:
        yield from _in_one_window(model, going, settings, rng, reads)


def _in_one_window(
    model: LanguageModel,
    texts: list[Text],
    settings: WritingSettings,
    rng: torch.Generator,
    reads: bool,
) -> Iterator[None]:
    """Read what fits of each text, then write until the window is full or half of the texts have ended.

    When it is full the next one begins with the last half of the text.
    """
    rows = [_context(text, model.room) for text in texts]
    reader = reader_of(model)
    ids_BT, mask_BT = left_padded(rows, model)
    logits_BV = reader.read(ids_BT, mask_BT)
    while True:
        chosen_B = drawn(allowed(logits_BV, model, texts, settings), settings, rng)
        for text, token in zip(texts, chosen_B.tolist(), strict=True):
            if text.ended is None:
                take(text, token, model, settings)
                if reads:
                    finish(text, model, settings)
        yield
        if reader.length >= model.room or sum(text.ended is None for text in texts) <= len(texts) // 2:
            return
        if mask_BT is not None:
            mask_BT = torch.cat([mask_BT, mask_BT.new_ones(len(texts), 1)], 1)
        logits_BV = reader.read(chosen_B.unsqueeze(1), mask_BT)


def _context(text: Text, room: int) -> list[int]:
    ids = text.beginning + text.ids
    return ids if len(ids) < room else ids[-(room // 2) :]


def left_padded(rows: list[list[int]], model: LanguageModel) -> tuple[Tensor, Tensor | None]:
    """Ids (B, T) that end together, and their mask where they do not begin together."""
    longest = max(map(len, rows))
    pad = model.vocabulary.pad_id
    ids_BT = torch.tensor([[pad] * (longest - len(row)) + row for row in rows], device=model.device)
    if min(map(len, rows)) == longest:
        return ids_BT, None
    lengths = torch.tensor([[len(row)] for row in rows], device=model.device)
    return ids_BT, torch.arange(longest, device=model.device) >= longest - lengths


def allowed(
    logits_BV: Tensor, model: LanguageModel, texts: Sequence[Text], settings: WritingSettings
) -> Tensor:
    """The logits, with what is no token, and what the settings forbid, made impossible."""
    logits_BV[:, model.tokenizer.size :] = -torch.inf  # the room that some checkpoints have left
    if model.vocabulary.pad_id != model.vocabulary.end_id:
        logits_BV[:, model.vocabulary.pad_id] = -torch.inf
    if model.vocabulary.mask_id is not None:
        logits_BV[:, model.vocabulary.mask_id] = -torch.inf
    if model.turns is not None:
        logits_BV[:, [*model.turns.ids]] = -torch.inf
    if settings.repetition == 1 and not settings.no_repeat:
        return logits_BV
    return bent(logits_BV, [text.beginning + text.ids for text in texts], settings)


def take(text: Text, token: int, model: LanguageModel, settings: WritingSettings) -> None:
    """Add a token to a text, and see whether that ends it."""
    if token == model.vocabulary.end_id:
        text.ended = "end"
        return
    text.ids.append(token)
    if len(text.ids) >= min(settings.max_tokens, text.most):
        text.ended = "length"


def finish(text: Text, model: LanguageModel, settings: WritingSettings) -> None:
    """What the tokens say, up to a stop string, which ends it."""
    text.text = model.tokenizer.decode(text.ids)
    found = [place for stop in settings.stop if stop and (place := text.text.find(stop)) >= 0]
    if found:
        text.text, text.ended = text.text[: min(found)], "stop"
