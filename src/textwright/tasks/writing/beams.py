"""The likeliest text that beam search finds: several beginnings are kept, and each is written on.

Shapes: W beams, V vocabulary.
"""

from __future__ import annotations

import torch

from textwright.tasks.writing.model import LanguageModel
from textwright.tasks.writing.reading import reader_of
from textwright.tasks.writing.sampling import WritingSettings
from textwright.tasks.writing.writer import Text, allowed, finish, take


def by_beams(model: LanguageModel, text: Text, settings: WritingSettings) -> None:
    """Write a text on: the finished one with the highest sum of log-probabilities over length^penalty.

    It ends when no beam can overtake the best finished text, or by length.
    """
    reader = reader_of(model)
    room = min(settings.max_tokens, model.room - len(text.beginning))
    beginning = text.beginning[-model.room + 1 :]
    logits = reader.read(torch.tensor([beginning] * settings.beams, device=model.device))
    beams = [Text(text.beginning) for _ in range(settings.beams)]
    sums = torch.full((settings.beams,), -torch.inf, device=model.device)
    sums[0] = 0.0  # all are the same at first
    best: tuple[float, Text] | None = None
    for _ in range(max(room, 1)):
        shares = allowed(logits, model, beams, settings).log_softmax(-1)
        total = (sums.unsqueeze(1) + shares).flatten()
        found = total.topk(2 * settings.beams)
        going: list[tuple[float, int, Text]] = []
        for value, place in zip(found.values.tolist(), found.indices.tolist(), strict=True):
            row, token = divmod(place, shares.shape[1])
            made = Text(text.beginning, [*beams[row].ids])
            take(made, token, model, settings)
            if settings.stop:
                finish(made, model, settings)
            if made.ended is None:
                going.append((value, row, made))
            elif best is None or _rated(value, made, settings) > best[0]:
                best = _rated(value, made, settings), made
        going = going[: settings.beams]
        if not going or (best is not None and best[0] >= _rated(going[0][0], going[0][2], settings)):
            break
        rows = torch.tensor([row for _, row, _ in going], device=model.device)
        if len(going) < settings.beams:  # too few go on: the last one stands in, and cannot win
            rows = torch.cat([rows, rows[-1:].expand(settings.beams - len(going))])
        beams = [made for _, _, made in going] + [going[-1][2]] * (settings.beams - len(going))
        values = [value for value, _, _ in going] + [-torch.inf] * (settings.beams - len(going))
        sums = torch.tensor(values, device=model.device)
        reader.follow(rows)
        tokens = torch.tensor([[made.ids[-1]] for made in beams], device=model.device)
        if reader.length >= model.room:
            break
        logits = reader.read(tokens)
    kept = best[1] if best is not None else beams[0]
    text.ids, text.text, text.ended = kept.ids, kept.text, kept.ended or "length"


def _rated(value: float, text: Text, settings: WritingSettings) -> float:
    return float(value / max(len(text.ids), 1) ** settings.length_penalty)
