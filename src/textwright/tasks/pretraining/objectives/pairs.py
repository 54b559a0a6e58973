"""Making one text of another, learned from pairs: translation and summaries.

Shapes: B pairs, T tokens that are told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from textwright.bundle.learned import SideKeys, write_sides
from textwright.core.files import readable_name
from textwright.core.pairframe import PairFrame
from textwright.core.ragged import IntArray
from textwright.core.records import Score
from textwright.learn.batches import in_order
from textwright.learn.loop import Judgement
from textwright.learn.objectives import UNTOLD, told_token
from textwright.learn.packed import Tokens
from textwright.learn.pairs import Pairs
from textwright.tasks.pretraining.objectives.base import Making, Objective
from textwright.tasks.pretraining.objectives.causal import drawn_windows
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.rewriting.confidence import learn_confidence
from textwright.tasks.rewriting.engines.library import LibraryEngine
from textwright.tasks.rewriting.locked import lock, without_leaks, write_locked
from textwright.tasks.rewriting.scoring import HEADLINE, quick_score, scored
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.rewriting.signs import Answer
from textwright.tasks.writing.model import LanguageModel, never_told, vocabulary_of
from textwright.text.documents.reading import Documents
from textwright.text.documents.shards import Shards
from textwright.text.documents.tokens import TokenCorpus
from textwright.text.pairs import tokens as pairs
from textwright.text.pairs.added import BACK, with_share
from textwright.text.pairs.aligned import read_given
from textwright.text.pairs.checking import Told
from textwright.text.pairs.cleaning import Kind, clean_pairs
from textwright.text.pairs.languages import language_of
from textwright.text.pairs.reading import NAMES, Asked
from textwright.text.pairs.sizes import SIZE_NAMES, Sizes, size_of
from textwright.text.pairs.tokens import parts_of, sides_of
from textwright.text.rowlog import RowLog
from textwright.text.tokenizers import Tokenizer
from textwright.text.tokenizers.framed import PAIR_START, marks_of, paired, with_marks

_TOKENS_AT_ONCE, _ROWS_AT_ONCE = 8_192, 256
# Answers that are really made when a model is judged, as a share of what it is judged on.
_SHARE_TOLD = 0.25


@dataclass(frozen=True)
class PairJudge:
    """Held-out pairs; of some of them the answers are made and measured."""

    rows: Pairs
    chosen: IntArray
    told: IntArray
    tokenizer: Tokenizer
    task: str
    room: int

    @cached_property
    def references(self) -> list[str]:
        """The targets whose answers are made."""
        return [self.tokenizer.decode(row[:-1].tolist()) for row in self.rows.targets.take(self.told)]

    @cached_property
    def settings(self) -> DecodeSettings:
        return DecodeSettings(beams=1).limited(int(self.rows.targets.lengths.max()))

    @cached_property
    def language(self) -> str:
        """Of the targets."""
        return language_of(self.references)

    @property
    def num_windows(self) -> int:
        return len(self.chosen)

    def judged(self, network: nn.Module) -> Judgement:
        """By the answers: chrF of translations, ROUGE-L of summaries."""
        nats, count = measured(network, self.rows, self.chosen)
        body: Any = network
        words = vocabulary_of(self.tokenizer)
        was_training = network.training
        network.eval()
        never = never_told(self.tokenizer, body.model.config.vocab_size)
        engine = LibraryEngine(body.model, self.rows.frame, words.pad_id, never, self.room)
        answers = engine.decode(self.rows.sources.take(self.told), self.settings)
        network.train(was_training)
        made = [self.tokenizer.decode(found[0].ids) for found in answers]
        name, value = quick_score(self.task, self.language, made, self.references)
        return Judgement(-value, {name: value, "perplexity": float(np.exp(nats / max(count, 1)))})


def rows_of(tokens: Tokens, tokenizer: Tokenizer, frame: PairFrame, cut: float = 0.0) -> Pairs:
    """The pairs of one long row of tokens."""
    words = vocabulary_of(tokenizer)
    sources, targets = sides_of(tokens.take(np.array([0]), len(tokens))[0], words.end_id)
    parts = parts_of(tokenizer) if cut else None
    return Pairs(sources, targets, frame, words.pad_id, parts, cut)


def frame_in(tokens: Shards) -> PairFrame:
    """What stands around the texts of tokens."""
    return PairFrame.parse(tokens.about["frame"])


def _build(task: str, documents: Documents, folder: Path, asked: Making) -> TokenCorpus:
    log, recipe, told = RowLog(), asked.recipe, Told()
    given = recipe.data
    columns = Asked(given.source, given.target, given.languages, patches=given.patches)
    target_file = None if given.target_file is None else Path(given.target_file)
    found = read_given(documents.files, target_file, columns, log, names=NAMES[task], told=told)
    rest, locked = lock(found, readable_name(documents.files[0]), given, task, recipe.seed, told)
    kind: Kind = "translate" if task == "translate" else "summarize"
    clean = clean_pairs(rest, log, recipe.pairs.clean, kind=kind)
    if locked is not None and locked.is_given:
        clean = without_leaks(clean, locked, log, told)
    summarizes = task == "summarize"
    made = pairs.Making(
        asked.tokenizer,
        _finished(recipe, task),
        partial(asked.frame, task),
        asked.length - (summarizes and recipe.pairs.lengths > 0),  # a mark takes room
        cuts=summarizes,
        seed=recipe.seed,
        add=asked.add,
        sized=summarizes,
        languages=given.languages,
    )
    corpus, learned = pairs.build_pairs(clean, folder, made, log, told)
    write_locked(folder, locked)
    write_sides(folder, SideKeys.of([pair.source for pair in learned], [pair.target for pair in learned]))
    return corpus


def _finished(recipe: PretrainRecipe, task: str) -> Callable[[Tokenizer], Tokenizer]:
    """What a tokenizer that is learned gets: the mark before texts that are translated back, or those of the
    sizes of summaries.
    """
    names = [BACK] if recipe.pairs.monolingual else []
    if task == "summarize" and recipe.pairs.lengths > 0:
        names += SIZE_NAMES
    return (lambda plain: with_marks(paired(plain), names)) if names else paired


def _rows(tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe) -> Pairs:
    """The pairs of an epoch: given ones come again where too few of all are given."""
    rows = rows_of(tokens, tokenizer, frame_in(tokens), recipe.pairs.cut)
    if learns_marks(tokens.about, tokenizer, recipe):
        sizes, marks = Sizes.from_json(tokens.about["sizes"]), marks_of(tokenizer)
        names = [sizes.name_of(size_of(tokenizer.decode(row[:-1].tolist()))) for row in rows.targets]
        return replace(rows, marks=np.array([marks[name] for name in names]), marked=recipe.pairs.lengths)
    num_back = int(tokens.about.get("kinds", {}).get(BACK, 0))
    if not num_back:
        return rows
    places = with_share(len(rows) - num_back, num_back, recipe.pairs.back.given, recipe.seed)
    return replace(rows, sources=rows.sources.take(places), targets=rows.targets.take(places))


def learns_marks(about: Mapping[str, Any], tokenizer: Tokenizer, recipe: PretrainRecipe) -> bool:
    """Whether summaries are learned with the mark of their size: not of all one size, nor by a checkpoint
    whose tokenizer has no marks.
    """
    return bool(recipe.pairs.lengths and about.get("sizes") and {*SIZE_NAMES} <= marks_of(tokenizer).keys())


def _judge(
    task: str, tokens: Shards, tokenizer: Tokenizer, length: int, recipe: PretrainRecipe, most: int
) -> PairJudge:
    rows = rows_of(tokens, tokenizer, frame_in(tokens))
    chosen = drawn_windows(np.arange(len(rows)), most, recipe.seed)
    told = chosen[: max(int(_SHARE_TOLD * len(chosen)), 16)]
    return PairJudge(rows, chosen, told, tokenizer, task, length)


def _scores(
    task: str, model: LanguageModel, tokens: Tokens, recipe: PretrainRecipe, most: int
) -> tuple[dict[str, Score], dict[str, Any]]:
    """Of the first held-out pairs, as many tokens as there is time for."""
    rows = rows_of(tokens, model.tokenizer, model.frame)
    lengths = rows.lengths_of(np.arange(len(rows)))
    chosen = np.flatnonzero(np.cumsum(lengths) - lengths < most)
    decode = model.tokenizer.decode
    sources, targets = (
        [decode(row[:-1].tolist()) for row in side.take(chosen)] for side in (rows.sources, rows.targets)
    )
    engine = LibraryEngine.of(model)
    found = engine.decode(rows.sources.take(chosen), recipe.decode.limited(int(rows.targets.lengths.max())))
    best = [answers[0] for answers in found]
    made = [decode(told.ids) for told in best]
    nats, count = measured(model.network, rows, chosen)
    held = scored(task, language_of(targets), sources, made, [[text] for text in targets])
    answers = [
        Answer(source, text, told.mean, told.lowest, told.is_whole)
        for source, text, told in zip(sources, made, best, strict=True)
    ]
    learned = learn_confidence(
        answers, targets, held.quality, task=task, metric=HEADLINE[task], seed=recipe.seed
    )
    more = {"rows": len(chosen), "perplexity": float(np.exp(nats / max(count, 1)))}
    return held.scores, {**held.details, **more, "confidence": learned.to_json()}


@torch.no_grad()
def measured(network: nn.Module, rows: Pairs, chosen: IntArray) -> tuple[float, int]:
    """The nats of the targets of the chosen pairs, each token from the true ones before it, and how many."""
    was_training = network.training
    network.eval()
    nats, count = 0.0, 0
    for places in in_order(rows.lengths_of(chosen), _ROWS_AT_ONCE, _TOKENS_AT_ONCE):
        batch = rows.batch(chosen[places]).to(str(next(network.parameters()).device))
        logits = network(*batch.inputs).logits
        nats += float(
            F.cross_entropy(
                logits.flatten(0, 1).float(), batch.targets.flatten(), ignore_index=UNTOLD, reduction="sum"
            )
        )
        count += int((batch.targets != UNTOLD).sum())
    network.train(was_training)
    return nats, count


def _objective(task: str) -> Objective:
    return Objective(
        paired,
        PAIR_START,
        _rows,
        partial(_judge, task),
        partial(_scores, task),
        build=partial(_build, task),
        loss=told_token,
        is_padded=True,
        task=task,
    )


TRANSLATE, SUMMARIZE = _objective("translate"), _objective("summarize")
