"""Confidence of answers: low where they are corrupted, none where it would say nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from textwright.core.errors import BundleError
from textwright.core.files import to_json
from textwright.core.pairframe import PairFrame
from textwright.core.ragged import Ragged
from textwright.core.seeds import generator
from textwright.measure.base import FloatArray
from textwright.tasks.rewriting.confidence import CONFIDENCE, Confidence, Learned, judged, learn_confidence
from textwright.tasks.rewriting.engines.base import Told
from textwright.tasks.rewriting.long import rewrite_long
from textwright.tasks.rewriting.model import Rewriter
from textwright.tasks.rewriting.scoring import scored
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.rewriting.signs import SIGNS, Answer, Usual, signs_of
from textwright.text.tokenizers import Tokenizer, TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.framed import paired

WORDS = ["the", "of", "and", "river", "bridge", "farm", "tower", "garden", "market", "harbor", "museum"]


def sentence(rng: np.random.Generator) -> str:
    return " ".join(rng.choice(WORDS, int(rng.integers(4, 12)))) + "."


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    rng = generator(0, "tokens")
    texts = [sentence(rng) for _ in range(200)]
    return paired(train_tokenizer(texts, TokenizerSettings(kind="word")))


@dataclass
class Corrupting:
    """An engine that says its source again, in capitals as it were, but spoils every other row: there it is
    less sure of some tokens, and loses words. `tells` is whether it gives log-probabilities with answers.
    """

    tokenizer: Tokenizer
    tells: bool = True
    asked: int = field(default=0)

    @property
    def frame(self) -> PairFrame:
        return PairFrame.usual(self.tokenizer.frame.suffix[-1])

    def decode(self, sources: Ragged, settings: DecodeSettings) -> list[list[Told]]:
        return [[self._told(row)] for row in sources]

    def _told(self, row: NDArray[np.int64]) -> Told:
        ids = row[:-1].tolist()
        if is_spoilt(ids):
            rng = generator(0, "spoilt", str(ids))
            ids = [int(i) for i in rng.permutation(ids)][: max(len(ids) // 2, 1)]
        told = Told(ids, float("nan"), True)
        shares = self._shares(row, ids)
        return told if not self.tells else told.sure(shares)

    def _shares(self, row: NDArray[np.int64], ids: list[int]) -> NDArray[np.float64]:
        rng = generator(1, "shares", str(row.tolist()))
        spread = 1.2 if is_spoilt(row[:-1].tolist()) else 0.5  # they overlap
        return -np.abs(rng.normal(0, spread, len(ids) + 1))

    def score(self, sources: Ragged, targets: Ragged) -> list[NDArray[np.float64]]:
        self.asked += len(sources)
        return [self._shares(row, ids[:-1].tolist()) for row, ids in zip(sources, targets, strict=True)]


def is_spoilt(ids: list[int]) -> bool:
    return sum(ids) % 2 == 0


def learned(tokenizer: Tokenizer, n: int = 400, tells: bool = True) -> tuple[Rewriter, Learned]:
    rng = generator(2, "held out")
    sources = [sentence(rng) for _ in range(n)]
    schema = {"languages": ["en", "en"]}
    model = Rewriter(Corrupting(tokenizer, tells), tokenizer, 64, "translate", DecodeSettings(), schema)
    made = model.rewrite(sources)
    told = [found[0] for found in Corrupting(tokenizer).decode(model.sources(sources), model.settings)]
    quality = scored("translate", "en", sources, [one.text for one in made], [[text] for text in sources])
    answers = [
        Answer(source, one.text, best.mean, best.lowest)
        for source, one, best in zip(sources, made, told, strict=True)
    ]
    found = learn_confidence(answers, sources, quality.quality, task="translate", metric="chrf")
    model.confidence = found.confidence
    return model, found


@pytest.mark.parametrize("tells", [True, False])
def test_corrupted_answers_get_a_low_confidence(tokenizer: Tokenizer, tells: bool) -> None:
    model, found = learned(tokenizer, tells=tells)
    assert found.confidence is not None and found.report["scores"]["auc"]["low"] > 0.8
    rng = generator(3, "new")
    sources = [sentence(rng) for _ in range(300)]
    spoilt = np.array([is_spoilt(row[:-1].tolist()) for row in model.sources(sources)])
    made = rewrite_long(model, sources)
    sure = np.array([one.confidence for one in made])
    assert 100 < spoilt.sum() < 200
    assert sure[spoilt].mean() < 0.25 and sure[~spoilt].mean() > 0.75
    # An engine that tells nothing of its tokens is asked, and says the same.
    assert model.engine.asked == (0 if tells else 300)  # type: ignore[attr-defined]
    quality = scored("translate", "en", sources, [one.text for one in made], [[text] for text in sources])
    report = judged(found.confidence, sure, quality.quality)
    assert report["scores"]["ece"]["value"] < 0.12 and report["risk_coverage"][5]["risk"] < 0.1
    assert report["good"]["value"] == pytest.approx((~spoilt).mean(), abs=0.05)


def answers(n: int, rng: np.random.Generator) -> tuple[list[Answer], list[str]]:
    sources = [sentence(rng) for _ in range(n)]
    return [Answer(text, text, -float(rng.random()), -1.0) for text in sources], sources


def test_where_it_would_say_nothing_there_is_none() -> None:
    rng = generator(4, "none")
    every, targets = answers(300, rng)
    quality: FloatArray = 100 * rng.random(300)
    none = learn_confidence(every, targets, quality, task="translate", metric="chrf")
    assert none.confidence is None and "no better than chance" in none.report["why"]
    assert none.report["scores"]["auc"]["low"] <= 0.5 and "model" not in none.to_json()
    few = learn_confidence(every[:99], targets[:99], quality[:99], task="translate", metric="chrf")
    assert few.confidence is None and "99 that were held out are too few" in few.report["why"]
    alike = learn_confidence(every, targets, np.full(300, 100.0), task="translate", metric="chrf")
    assert alike.confidence is None and "as good as each other" in alike.report["why"]


def test_the_rows_that_it_is_reported_on_are_not_those_it_learned_from() -> None:
    """With as many signs as it has, it would fit noise: told on its own rows it looks better than it is."""
    better = []
    for seed in range(10):
        rng = generator(seed, "noise")
        every, targets = answers(120, rng)
        found = learn_confidence(every, targets, rng.random(120), task="translate", metric="chrf", seed=seed)
        better.append(found.confidence is not None)
    assert sum(better) <= 1, "1 in 40 by the interval"


def odds(confidence: Confidence, answer: Answer) -> float:
    """The logarithm of them."""
    chance = float(confidence.of([answer])[0])
    return float(np.log(chance / (1 - chance)))


def test_an_alarm_that_no_held_out_answer_raised_counts(tokenizer: Tokenizer) -> None:
    model, _ = learned(tokenizer)
    assert model.confidence is not None
    source = "the river and the bridge of the market."
    plain = Answer(source, source, -0.3, -0.8)
    usual = odds(model.confidence, plain)
    for text, is_whole in (
        (source, False),
        ("河与桥都在市场旁边。", True),
    ):
        alarming = Answer(source, text, -0.3, -0.8, is_whole)
        assert odds(model.confidence, alarming) < usual - 0.7, "half of the odds at most"
    assert odds(model.confidence, Answer(source, "", -0.3, -0.8)) < usual - 3
    # A length that was asked for is no sign.
    short = Answer(source, "the.", -0.3, -0.8)
    assert (
        model.confidence.of([Answer(**{**short.__dict__, "is_asked": True})])[0]
        > model.confidence.of([short])[0]
    )


def test_signs_see_names_and_numbers_that_a_summary_made_up() -> None:
    usual = Usual.of(["a b c d", "a b", "a b c d e f"] * 9, ["a b", "a", "a b c"] * 9)
    source = "Tom has 3 cats and a dog in Kyiv."
    place = list(SIGNS).index("unsupported")
    for task, text, expected in (
        ("summarize", "Tom has 3 cats.", 0),
        ("summarize", "Then Tim has 4 cats.", 2),
        ("translate", "Tim hat 4 Katzen", 2),  # one that came, one that was lost; names are written otherwise
    ):
        signs = signs_of([Answer(source, text, -1.0, -2.0)], usual, task)
        assert signs[0, place] == pytest.approx(np.log1p(expected)), text


def test_it_is_kept_as_it_is_and_a_damaged_file_is_told(tokenizer: Tokenizer, tmp_path: Path) -> None:
    _, found = learned(tokenizer)
    assert found.confidence is not None and Confidence.load(tmp_path) is None
    record = found.to_json()["model"]
    (tmp_path / CONFIDENCE).write_text(to_json(record), encoding="utf-8")
    again = Confidence.load(tmp_path)
    assert again is not None
    every, _ = answers(50, generator(5, "again"))
    assert again.of(every) == pytest.approx(found.confidence.of(every), abs=1e-12)
    for damage in ({**record, "format": 99}, {**record, "signs": {}}, {"format": 1}, []):
        (tmp_path / CONFIDENCE).write_text(json.dumps(damage), encoding="utf-8")
        with pytest.raises(BundleError, match="damaged"):
            Confidence.load(tmp_path)


def test_a_text_in_parts_is_as_sure_as_these_on_average(tokenizer: Tokenizer) -> None:
    model, _ = learned(tokenizer)
    rng = generator(6, "parts")
    texts = [sentence(rng).capitalize() for _ in range(4)]
    alone = [one.confidence for one in rewrite_long(model, texts)]
    model.room = 18
    whole = rewrite_long(model, [" ".join(texts), ""])
    assert whole[0].confidence == pytest.approx(np.mean([sure or 0 for sure in alone]))
    assert whole[1].confidence is None
