"""Learning from responses against the Hugging Face library: its loss with labels, and its chat template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from textwright.learn.objectives import told_token
from textwright.models.language.registry import LANGUAGE_MODELS
from textwright.models.language.settings import LanguageSettings
from textwright.tasks.library import save_for_library
from textwright.tasks.pretraining.evaluating import Row
from textwright.tasks.pretraining.objectives.instruct import finished, measured, told_rows
from textwright.tasks.writing.model import LanguageModel, frame_of, vocabulary_of
from textwright.tasks.writing.sampling import WritingSettings
from textwright.tasks.writing.writer import asked, write
from textwright.text.tokenizers import Tokenizer, TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.framed import borrowed
from textwright.text.tokenizers.turns import with_turns

TEXTS = ["the cat sat on the mat and ran", "a dog 我喜欢 ran far away", "很好的电影 good bad"] * 3
TALKS = [
    [("the cat", "ran far away")],
    [("我喜欢 a dog", "很好。"), ("  and the mat?\n", "bad, bad\n\ngood ")],
    [("ran", "a"), ("sat 电影", "on"), ("x ☃ y", "喜欢")],
]


def tokenizer_of(kind: str) -> Tokenizer:
    size = {"unigram": 400}.get(kind, 300)
    return finished(train_tokenizer(TEXTS, TokenizerSettings(kind=kind, vocabulary_size=size)))


def model_of(name: str, tokenizer: Tokenizer, length: int = 64) -> LanguageModel:
    torch.manual_seed(1)
    settings = LanguageSettings(width=32, layers=2, heads=2, inner=64, positions=length)
    architecture = LANGUAGE_MODELS.get(name)
    vocabulary = vocabulary_of(tokenizer)
    network = architecture.build(settings, vocabulary).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.3)
    return LanguageModel(architecture, network, tokenizer, vocabulary, length)


def ids_of(tokenizer: Tokenizer, talk: list[tuple[str, str]]) -> np.ndarray[Any, Any]:
    pairs = [tuple(tokenizer.whole([text.strip() for text in turn])) for turn in talk]
    return frame_of(tokenizer).joined(pairs)  # type: ignore[arg-type]


def messages(talk: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [
        {"role": role, "content": text}
        for turn in talk
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]


@pytest.mark.parametrize("name", ["gpt2", "nanochat", "qwen3", "lstm"])
def test_the_loss_is_the_librarys_with_labels_on_responses_alone(name: str) -> None:
    """Its labels are -100 where nothing is told, made here by hand; a mean over the tokens of all rows."""
    tokenizer = tokenizer_of("bpe")
    loaded, frame = model_of(name, tokenizer), frame_of(tokenizer)
    rows = told_rows(Row(np.concatenate([ids_of(tokenizer, talk) for talk in TALKS])), tokenizer)
    assert len(rows) == len(TALKS)
    longest = max(rows.tokens.lengths)
    ids, labels = torch.zeros(3, longest, dtype=torch.long), torch.full((3, longest), -100)
    for row, talk in enumerate(TALKS):
        place = 1
        whole = ids_of(tokenizer, talk)
        ids[row, : len(whole)] = torch.from_numpy(whole)
        for prompt, response in ([t.strip() for t in turn] for turn in talk):
            place += 2 + len(tokenizer.whole([prompt])[0])
            size = len(tokenizer.whole([response])[0]) + 1
            labels[row, place : place + size] = ids[row, place : place + size]
            place += size
        assert place == len(whole) and whole[-1] == frame.end_id
    theirs = loaded.model(input_ids=ids, labels=labels).loss
    batch = rows.batch(np.arange(3))
    with torch.no_grad():
        ours = told_token(loaded.network(*batch.inputs).logits, batch.targets)
    assert ours.count == int((labels != -100).sum())
    assert ours.mean.item() == pytest.approx(theirs.item(), rel=1e-5)
    learning = loaded.network.train()
    late = told_token(learning(*batch.inputs).logits, batch.targets)
    late.mean.backward()
    moved = {key: p.grad.clone() for key, p in learning.named_parameters() if p.grad is not None}
    learning.zero_grad()
    loaded.model(input_ids=ids, labels=labels).loss.backward()
    for key, parameter in learning.named_parameters():
        if not parameter.requires_grad:
            continue
        assert parameter.grad is not None and torch.allclose(moved[key], parameter.grad, atol=1e-5), key
    table = measured(learning, rows, np.arange(3), tokenizer.piece_sizes)
    assert table[:, 0].sum() / table[:, 1].sum() == pytest.approx(theirs.item(), rel=1e-5)
    texts = [[response.strip() for _, response in talk] for talk in TALKS]
    assert table[:, 2].tolist() == [sum(len(text.encode()) for text in row) for row in texts]


@pytest.mark.parametrize("kind", ["bpe", "characters", "unigram", "word", "char"])
def test_the_chat_template_gives_the_same_ids(kind: str, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = tokenizer_of(kind)
    loaded = model_of("gpt2", tokenizer)
    save_for_library(tmp_path, loaded.model, tokenizer, 64)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    for talk in TALKS:
        found = theirs.apply_chat_template(messages(talk), return_dict=False)
        assert found == ids_of(tokenizer, talk).tolist()
        *before, (prompt, _) = talk
        found = theirs.apply_chat_template(
            [*messages(before), {"role": "user", "content": prompt}],
            add_generation_prompt=True,
            return_dict=False,
        )
        assert found == asked(loaded, before, prompt, WritingSettings(max_tokens=8)).ids.tolist()
    with pytest.raises(Exception, match="user and assistant only"):
        theirs.apply_chat_template([{"role": "system", "content": "Be good."}])


def test_a_tokenizer_of_the_library_with_two_ends_keeps_them(tmp_path: Path) -> None:
    """Where another token begins a text than ends it, the frame says so too."""
    import tokenizers
    from transformers import AutoTokenizer

    backend = tokenizers.Tokenizer.from_str(tokenizer_of("bpe").content)
    backend.add_special_tokens(["<s>", "</s>"])
    special = {"pad_token": "[PAD]", "bos_token": "<s>", "eos_token": "</s>"}
    tokenizer = with_turns(borrowed(backend.to_str(), special, TokenizerSettings(kind="pretrained")))
    loaded = model_of("qwen3", tokenizer)
    save_for_library(tmp_path, loaded.model, tokenizer, 64)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    for talk in TALKS:
        found = theirs.apply_chat_template(messages(talk), return_dict=False)
        assert found == ids_of(tokenizer, talk).tolist()
        assert found[0] == loaded.vocabulary.start_id != found[-1] == loaded.vocabulary.end_id
    together = np.concatenate([ids_of(tokenizer, talk) for talk in TALKS])
    assert told_rows(Row(together), tokenizer).tokens.lengths.sum() == len(together)
    assert len(told_rows(Row(together), tokenizer)) == 3


def test_nobody_can_write_the_frame(tmp_path: Path) -> None:
    """Words that spell a token of the frame are words, in a prompt and in an answer."""
    tokenizer = tokenizer_of("bpe")
    frame = frame_of(tokenizer)
    ids = tokenizer.whole(["a<|assistant|>b<|endoftext|><|user|>"])[0].tolist()
    assert not {*frame.ids, frame.end_id} & {*ids}
    loaded = model_of("gpt2", tokenizer)
    with torch.no_grad():
        loaded.model.transformer.wte.weight[frame.user_id] *= 50  # it would be the likeliest everywhere
    asked_for = WritingSettings(temperature=0.0, max_tokens=20, precision="fp32")
    for found in write(loaded, ["the cat", "我喜欢"], asked_for):
        assert not {*frame.ids} & {*found.ids}
