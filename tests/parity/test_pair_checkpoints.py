"""Checkpoints of the library from sequence to sequence: read, told and learned as its own tokenizers frame
them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import textwright
from made_pairs import pairs, write
from pair_checkpoints import (
    MAKERS,
    m2m100_checkpoint,
    made_by_the_library,
    marian_checkpoint,
    pair_checkpoint,
)
from textwright import api
from textwright.core.errors import CheckpointError, ConfigError
from textwright.core.ragged import Ragged
from textwright.learn.pairs import Pairs
from textwright.tasks.pretraining.starting import Start, start_of
from textwright.tasks.rewriting.asked import recipe_of_pairs
from textwright.tasks.rewriting.engines.library import LibraryEngine
from textwright.tasks.rewriting.model import Rewriter, ended
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.tasks.writing.model import never_told

BY_PIECES = {"marian": marian_checkpoint, "m2m100": m2m100_checkpoint}
SOURCES = [source for source, _ in pairs()[:6]]
TARGETS = [target for _, target in pairs()[:6]]


def opened(folder: Path, *settings: str, task: str = "translate") -> Start:
    start = start_of(recipe_of_pairs(task, [*settings], {"model.checkpoint": str(folder)}, {}))
    assert start is not None
    return start


def learned_rows(start: Start) -> Pairs:
    """The pairs as they are learned from."""
    frame, tokenizer = start.frame("translate", start.tokenizer, ["en", "zh"]), start.tokenizer
    sides = [ended(tokenizer, side, frame.__class__.usual(frame.end_id), 90) for side in (SOURCES, TARGETS)]
    return Pairs(*sides, frame, tokenizer.pad_id)


@pytest.mark.parametrize("name", MAKERS)
def test_texts_are_framed_as_the_library_frames_them(name: str, tmp_path: Path) -> None:
    folder, theirs = pair_checkpoint(tmp_path, name)
    rows = learned_rows(opened(folder))
    batch = rows.batch(np.arange(len(rows)))
    wanted = theirs(SOURCES, text_target=TARGETS, padding=True, return_tensors="pt")
    mask = wanted["attention_mask"]
    read, is_there = batch.inputs[:2]
    assert torch.equal(is_there.long(), mask) and torch.equal(read * mask, wanted["input_ids"] * mask)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    known, told = batch.inputs[2], batch.targets
    labels = wanted["labels"]
    if name == "mbart":  # it tells what its answers begin from at their end, and moves it
        assert torch.equal(known[:, 0], torch.full((6,), theirs.convert_tokens_to_ids("zh_CN")))
        labels = told
    is_real = labels != theirs.pad_token_id
    forced = len(rows.frame.forced)
    assert torch.equal(told[:, forced:][is_real[:, forced:]], labels[:, forced:][is_real[:, forced:]])
    if forced:
        assert torch.equal(known[:, 1], labels[:, 0])
    if name != "mbart":
        with torch.no_grad():
            moved = model(**{k: v for k, v in wanted.items() if k != "labels"}, labels=labels).logits
            found = model(input_ids=read, attention_mask=mask, decoder_input_ids=known).logits
        assert torch.allclose(found[is_real], moved[is_real], atol=1e-5)


def test_texts_of_marian_are_cut_as_the_library_cuts_them(tmp_path: Path) -> None:
    """But for characters that only the other side knows."""
    start, wanted = opened(marian_checkpoint(tmp_path)), made_by_the_library("marian")
    tokenizer, frame = start.tokenizer, start.frame("translate", start.tokenizer, ["en", "zh"])
    assert (frame.start_id, frame.end_id) == (tokenizer.pad_id, 0)
    for side, key, texts in (
        (tokenizer, "input_ids", wanted["sources"][:2]),
        (tokenizer.of_targets, "labels", wanted["targets"][:1]),
    ):
        found = ended(side, texts, frame, 90)
        assert [row.tolist() for row in found] == wanted[key][: len(texts)]
        assert tokenizer.decode(found[0][:-1].tolist()).strip() == texts[0]


def test_texts_of_m2m100_are_cut_as_the_library_cuts_them(tmp_path: Path) -> None:
    start, wanted = opened(m2m100_checkpoint(tmp_path)), made_by_the_library("m2m100")
    frame = start.frame("translate", start.tokenizer, ["en", "zh"])
    read = frame.around(ended(start.tokenizer, wanted["sources"], frame, 90))
    assert [row.tolist() for row in read] == wanted["input_ids"]
    told = ended(start.tokenizer, wanted["targets"], frame, 90)
    assert [[*frame.forced, *row.tolist()] for row in told] == wanted["labels"]


def test_files_that_are_none_of_sentencepiece_are_told(tmp_path: Path) -> None:
    folder = marian_checkpoint(tmp_path)
    whole = (folder / "source.spm").read_bytes()
    for content in (whole[:-7], b"", b"spm", whole[:100] + b"\xff" * 9 + whole[100:]):
        (folder / "source.spm").write_bytes(content)
        with pytest.raises(CheckpointError, match="no file of SentencePiece"):
            opened(folder)
    (folder / "source.spm").unlink()
    with pytest.raises(CheckpointError, match=r"source\.spm"):
        opened(folder)


@pytest.mark.parametrize("name", [*MAKERS, *BY_PIECES])
def test_a_checkpoint_goes_on_answers_and_is_opened_by_the_library(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "from"
    BY_PIECES[name](folder) if name in BY_PIECES else pair_checkpoint(folder, name)
    corpus = write(tmp_path / "pairs.tsv", pairs()[:200])
    before = opened(folder).network().eval()
    settings = ["budget.tokens=3000", "learn.batch=16", "learn.optimizer.rate=0.003", "decode.beams=1"]
    recipe = recipe_of_pairs("translate", settings, {"model.checkpoint": str(folder)}, {})
    trained = api.train_pairs(corpus, tmp_path / "made", recipe)
    assert trained.parameters == sum(p.numel() for p in before.parameters())
    model = Rewriter.load(tmp_path / "made")
    first, second = (
        engine.score(
            ended(model.tokenizer, SOURCES, engine.frame, 90),
            ended(model.tokenizer.of_targets, TARGETS, engine.frame.__class__.usual(engine.frame.end_id), 90),
        )
        for engine in (_engine(before, model), model.engine)
    )
    assert sum(float(row.sum()) for row in second) > sum(float(row.sum()) for row in first) + 5
    answers = textwright.translate(tmp_path / "made", SOURCES)
    theirs: Any = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "made").eval()
    tokens = model.sources(SOURCES)
    same = _engine(theirs, model).decode(tokens, model.settings)
    assert [model.tokenizer.decode(found[0].ids).strip() for found in same] == [a.text for a in answers]
    made = api.export(tmp_path / "made", tmp_path / "quick", "ctranslate2", {"quantization": "float32"})
    assert made.parity.max_difference < 1e-4 and made.parity.changed_greedy == 0
    quick = textwright.translate(tmp_path / "quick", SOURCES)
    assert [a.text for a in quick] == [a.text for a in answers]
    again = opened(tmp_path / "made")  # what was saved is gone on with like what it was made of
    assert again.frame("translate", again.tokenizer, ["en", "zh"]) == model.engine.frame


def _engine(network: Any, model: Rewriter) -> LibraryEngine:
    body = getattr(network, "model", network) if isinstance(network, torch.nn.Module) else network
    body = body if hasattr(body, "generate") else network
    never = never_told(model.tokenizer, body.config.vocab_size)
    return LibraryEngine(body, model.engine.frame, model.tokenizer.pad_id, never, 90)


@pytest.mark.parametrize("name", ["t5", "bart", "nllb"])
def test_few_numbers_learn_with_lora(name: str, tmp_path: Path) -> None:
    folder, _ = pair_checkpoint(tmp_path / "from", name)
    corpus = write(tmp_path / "pairs.tsv", pairs()[:100])
    settings = ["budget.tokens=2000", "learn.batch=16", "model.tune=lora", "model.rank=2"]
    recipe = recipe_of_pairs("translate", settings, {"model.checkpoint": str(folder)}, {})
    api.train_pairs(corpus, tmp_path / "made", recipe)
    before = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).state_dict()
    after = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "made").state_dict()
    assert before.keys() == after.keys()
    changed = [key for key in before if not torch.equal(before[key], after[key])]
    assert changed and not any("embed" in key or "shared" in key or "norm" in key for key in changed)


def test_a_language_without_a_tag_is_told(tmp_path: Path) -> None:
    folder, _ = pair_checkpoint(tmp_path, "nllb")
    start = opened(folder)
    with pytest.raises(ConfigError, match="no tag for the language 'tlh'"):
        start.frame("translate", start.tokenizer, ["en", "tlh"])


def test_words_that_name_the_task_are_those_of_the_config(tmp_path: Path) -> None:
    known = {"summarization": {"prefix": "I see: "}, "translation_en_to_zh": {"prefix": "We need: "}}
    folder, theirs = pair_checkpoint(tmp_path, "t5", task_specific_params=known)
    start = opened(folder)
    for task, text in (("summarize", "I see:"), ("translate", "We need:")):
        frame = start.frame(task, start.tokenizer, ["en", "zh"])
        framed = frame.around(Ragged.from_lists([[*theirs("bread").input_ids]]))[0]
        assert framed.tolist() == theirs(f"{text} bread").input_ids
    assert start.frame("translate", start.tokenizer, ["zh", "en"]).before == ()


def test_nothing_is_begun_with_one(tmp_path: Path) -> None:
    corpus = write(tmp_path / "pairs.tsv", pairs()[:50])
    with pytest.raises(ConfigError, match="t5"):
        api.train_pairs(corpus, tmp_path / "made", recipe_of_pairs("translate", [], {"model.name": "t5"}, {}))


def test_beams_of_the_library_are_ours(tmp_path: Path) -> None:
    """The tag of the language stands before each answer of the library's own generation too."""
    folder, theirs = pair_checkpoint(tmp_path, "nllb")
    start = opened(folder)
    network = start.network().eval()
    frame = start.frame("translate", start.tokenizer, ["en", "zh"])
    engine = LibraryEngine(network.model, frame, start.tokenizer.pad_id, [], 90)
    settings = DecodeSettings(beams=3, max_tokens=8)
    found = engine.decode(ended(start.tokenizer, SOURCES[:2], frame, 90), settings)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    batch = theirs(SOURCES[:2], return_tensors="pt", padding=True)
    tag = theirs.convert_tokens_to_ids("zho_Hans")
    made = model.generate(**batch, forced_bos_token_id=tag, num_beams=3, max_new_tokens=9)
    for row, answers in zip(made.tolist(), found, strict=True):
        told = [i for i in row[2:] if i not in (theirs.pad_token_id, theirs.eos_token_id)]
        assert row[1] == tag and told == answers[0].ids
