"""Writing on and filling gaps: against the library's own generation, and against the definitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from textwright.core.errors import ConfigError, DataError
from textwright.models.language.base import Vocabulary
from textwright.models.language.registry import LANGUAGE_MODELS
from textwright.models.language.settings import LanguageSettings
from textwright.tasks.writing.filling import fill
from textwright.tasks.writing.model import LanguageModel, vocabulary_of
from textwright.tasks.writing.sampling import WritingSettings, bent, drawn, repeated
from textwright.tasks.writing.writer import begun, stream, write
from textwright.text.tokenizers import TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.framed import ended, framed

TEXTS = ["the cat sat on the mat and ran", "a dog 我喜欢 ran far away", "很好的电影 good bad"] * 3
CAUSAL = [name for name in LANGUAGE_MODELS if LANGUAGE_MODELS.get(name).objective == "causal"]


def model(name: str, length: int = 48) -> LanguageModel:
    """A model of random weights, drawn wide so that no two tokens are equally likely."""
    architecture = LANGUAGE_MODELS.get(name)
    plain = train_tokenizer(TEXTS, TokenizerSettings(kind="bpe", vocabulary_size=300))
    tokenizer = ended(plain) if architecture.objective == "causal" else framed(plain)
    vocabulary: Vocabulary = vocabulary_of(tokenizer)
    torch.manual_seed(1)
    settings = LanguageSettings(width=32, layers=2, heads=2, inner=64, positions=length)
    network = architecture.build(settings, vocabulary).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.3)
    return LanguageModel(architecture, network, tokenizer, vocabulary, length)


def by_the_library(loaded: LanguageModel, beginning: str, **asked: Any) -> str:
    ids = torch.tensor([begun(loaded, beginning)])
    given = {"suppress_tokens": [loaded.vocabulary.pad_id], "pad_token_id": 0, "do_sample": False, **asked}
    if loaded.architecture.is_recurrent:
        return by_whole_passes(loaded, ids, asked["max_new_tokens"])
    found = loaded.model.generate(ids, attention_mask=torch.ones_like(ids), **given)[
        0, ids.shape[1] :
    ].tolist()
    return loaded.tokenizer.decode([i for i in found if i != loaded.vocabulary.end_id])


@torch.no_grad()
def by_whole_passes(loaded: LanguageModel, ids: torch.Tensor, count: int) -> str:
    """Of a class without `generate`: the likeliest token after all before it, read anew each time."""
    first = ids.shape[1]
    for _ in range(count):
        logits = loaded.model(input_ids=ids).logits[:, -1]
        logits[:, loaded.vocabulary.pad_id] = -torch.inf
        ids = torch.cat([ids, logits.argmax(-1, keepdim=True)], 1)
        if int(ids[0, -1]) == loaded.vocabulary.end_id:
            break
    return loaded.tokenizer.decode([i for i in ids[0, first:].tolist() if i != loaded.vocabulary.end_id])


@pytest.mark.parametrize("name", CAUSAL)
def test_greedy_is_the_librarys(name: str) -> None:
    loaded = model(name)
    greedy = WritingSettings(precision="fp32", temperature=0, max_tokens=20)
    for beginning in ("the cat", "", "我"):
        found = write(loaded, [beginning], greedy)[0]
        assert found.text == by_the_library(loaded, beginning, max_new_tokens=20)


@pytest.mark.parametrize("name", CAUSAL)
def test_texts_of_other_lengths_beside_it_change_nothing(name: str) -> None:
    loaded = model(name)
    greedy = WritingSettings(precision="fp32", temperature=0, max_tokens=15)
    beginnings = ["the cat sat on the mat", "a", "", "dog ran far"]
    together = [found.text for found in write(loaded, beginnings, greedy)]
    assert together == [write(loaded, [text], greedy)[0].text for text in beginnings]


def test_penalties_are_the_librarys() -> None:
    loaded = model("nanochat")
    for ours, theirs in (
        ({"repetition": 1.7}, {"repetition_penalty": 1.7}),
        ({"no_repeat": 3}, {"no_repeat_ngram_size": 3}),
    ):
        asked = WritingSettings.parse({"precision": "fp32", "temperature": 0, "max_tokens": 30, **ours})
        assert write(loaded, ["the"], asked)[0].text == by_the_library(
            loaded, "the", max_new_tokens=30, **theirs
        )


@pytest.mark.parametrize("name", ["gpt2", "lstm"])
def test_beams_find_a_likelier_text_than_greedy(name: str) -> None:
    loaded, better = model(name), 0
    for beginning in ("the", "a dog", "good"):
        found = {
            beams: write(
                loaded,
                [beginning],
                WritingSettings(precision="fp32", temperature=0, max_tokens=6, beams=beams),
            )[0]
            for beams in (1, 6)
        }
        costs = {beams: cost(loaded, beginning, text.ids) for beams, text in found.items()}
        if found[1].ended == found[6].ended == "length":
            assert costs[6] <= costs[1] + 1e-4
            better += costs[6] < costs[1] - 1e-4
    assert better, "and sometimes a really better one"


@torch.no_grad()
def cost(loaded: LanguageModel, beginning: str, written: tuple[int, ...]) -> float:
    first = begun(loaded, beginning)
    ids = torch.tensor([[*first, *written]])
    shares = loaded.model(input_ids=ids).logits.log_softmax(-1)
    told = shares[0, :-1].gather(-1, ids[0, 1:, None])[len(first) - 1 :]
    return -float(told.sum())


def test_drawing_follows_the_shares_that_are_left() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0, -9.0]]).expand(20_000, 5)
    rng = torch.Generator().manual_seed(0)

    def shares(**asked: Any) -> torch.Tensor:
        settings = WritingSettings.parse({"temperature": 1.0, "min_p": 0.0, **asked})
        return drawn(logits, settings, rng).bincount(minlength=5) / 20_000

    whole = logits[0].softmax(-1)
    assert torch.allclose(shares(), whole, atol=0.015)
    assert torch.allclose(shares(temperature=0.5), (2 * logits[0]).softmax(-1), atol=0.015)
    two = whole[:2] / whole[:2].sum()
    for asked in ({"top_k": 2}, {"top_p": 0.7}, {"min_p": 0.2}):
        assert torch.allclose(shares(**asked), torch.cat([two, torch.zeros(3)]), atol=0.015), asked
    assert shares(temperature=0.0)[0] == 1


def test_what_repeats_is_found_and_bent() -> None:
    assert repeated([5, 6, 7, 5, 6], 3) == {7} and repeated([5, 6], 3) == set()
    assert repeated([1, 1], 1) == {1}
    found = bent(torch.tensor([[2.0, -2.0, 1.0]]), [[0, 1]], WritingSettings(repetition=2.0))
    assert found.tolist() == [[1.0, -4.0, 1.0]]


@pytest.mark.parametrize("name", ["qwen3", "lstm"])
def test_the_same_seed_writes_the_same_and_parts_make_the_whole(name: str) -> None:
    loaded = model(name)
    settings = WritingSettings(temperature=1.0, max_tokens=40, seed=4)
    first = write(loaded, ["the"], settings)[0].text
    assert first == write(loaded, ["the"], settings)[0].text == "".join(stream(loaded, "the", settings))
    assert first != write(loaded, ["the"], settings.replaced({"seed": 5}))[0].text


def test_a_text_goes_on_past_the_window() -> None:
    found = write(model("nanochat", length=16), ["the cat"], WritingSettings(max_tokens=70, temperature=1.0))[
        0
    ]
    assert found.num_tokens == 70 or found.ended == "end"


def test_a_stop_string_ends_it_and_is_not_kept() -> None:
    loaded = model("nanochat")
    settings = WritingSettings(precision="fp32", temperature=0, max_tokens=20)
    whole = write(loaded, ["the"], settings)[0].text
    stop = whole[5:8]
    found = write(loaded, ["the"], settings.replaced({"stop": (stop,)}))[0]
    assert found.ended == "stop" and found.text == whole[: whole.index(stop)]
    assert "".join(stream(loaded, "the", settings.replaced({"stop": (stop,)}))) == found.text


def test_a_saved_model_writes_the_same_in_the_library(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = model("gpt2")
    loaded.save(tmp_path)
    theirs, tokenizer = (
        AutoModelForCausalLM.from_pretrained(tmp_path),
        AutoTokenizer.from_pretrained(tmp_path),
    )
    ids = torch.tensor([begun(loaded, "the cat 我")])
    assert tokenizer.encode("the cat 我") == ids[0, 1:].tolist()
    assert tokenizer.decode(ids[0, 1:]) == "the cat 我"
    with torch.no_grad():
        assert torch.equal(theirs(input_ids=ids).logits, loaded.model(input_ids=ids).logits)


def test_gaps_are_filled_by_what_is_likeliest() -> None:
    loaded = model("bert")
    found = fill(loaded, ["the [MASK] sat"], most=3)[0]
    ids = torch.tensor([[loaded.vocabulary.start_id, *_ids(loaded, "the"), loaded.vocabulary.mask_id,
                         *_ids(loaded, " sat"), loaded.vocabulary.end_id]])  # fmt: skip
    with torch.no_grad():
        logits = loaded.model(input_ids=ids).logits[0, 1 + len(_ids(loaded, "the"))]
    logits[[0, loaded.vocabulary.start_id, loaded.vocabulary.end_id, loaded.vocabulary.mask_id]] = -torch.inf
    best = logits.softmax(-1).topk(3)
    assert [share for _, share in found.gaps[0]] == pytest.approx(best.values.tolist(), abs=1e-5)
    assert found.gaps[0][0][0] == loaded.tokenizer.pieces[int(best.indices[0])]
    assert "[MASK]" not in found.text and len(fill(loaded, ["[MASK] a [MASK]"])[0].gaps) == 2


def _ids(loaded: LanguageModel, text: str) -> list[int]:
    return [int(i) for i in loaded.tokenizer.whole([text])[0]]


def test_what_does_not_go_is_refused() -> None:
    with pytest.raises(ConfigError, match="a bert fills gaps; it does not write"):
        write(model("bert"), ["a"])
    with pytest.raises(ConfigError, match="a gpt2 writes on; it does not fill gaps"):
        fill(model("gpt2"), ["a [MASK]"])
    with pytest.raises(DataError, match="no gap in the text 'a day'"):
        fill(model("roberta"), ["a day"])
    with pytest.raises(DataError, match="and the model reads 16"):
        fill(model("roberta", length=16), ["[MASK] the cat" * 20])


def test_products_in_bf16_change_little_and_leave_the_model_as_it_was() -> None:
    loaded = model("gpt2")
    wide = LanguageSettings(width=64, layers=2, heads=2, inner=128, positions=48)
    loaded.network = loaded.architecture.build(wide, loaded.vocabulary).eval()
    before = [p.clone() for p in loaded.network.parameters()]
    quick = loaded.quick("bf16")
    assert quick is loaded.quick("bf16") and loaded.quick("fp32") is loaded
    ids = torch.tensor([begun(loaded, "the cat sat on the mat")])
    with torch.no_grad():
        plain, cast = (each.model(input_ids=ids).logits for each in (loaded, quick))
    assert 0 < float((cast - plain).norm() / plain.norm()) < 0.02
    assert all(torch.equal(a, b) for a, b in zip(before, loaded.network.parameters(), strict=True))
    assert write(loaded, ["the"], WritingSettings(precision="bf16", max_tokens=5))[0].num_tokens <= 5
