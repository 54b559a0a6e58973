"""Every language model reads a text as the library's own class does, and as it is evaluated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from textwright.core.errors import ConfigError, DataError
from textwright.learn.batches import Batch
from textwright.models.language.base import LanguageArchitecture, Vocabulary
from textwright.models.language.registry import LANGUAGE_MODELS
from textwright.models.language.settings import LanguageSettings
from textwright.models.transformer.attention import attention_weights
from textwright.report.inspected import render_inspected
from textwright.tasks.inspecting import alike, looking
from textwright.tasks.inspecting.expecting import log_shares, place_records
from textwright.tasks.inspecting.looking import attention_record, framed
from textwright.tasks.inspecting.run import read
from textwright.tasks.pretraining.objectives.causal import costs, measured
from textwright.tasks.pretraining.objectives.masked import told
from textwright.tasks.writing.model import LanguageModel, vocabulary_of
from textwright.text.tokenizers import TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.framed import ended
from textwright.text.tokenizers.framed import framed as with_frame

TEXTS = ["the cat sat on the mat and ran", "a dog 我喜欢 ran far away", "很好的电影 good bad"] * 3
TEXT = "the cat 我喜欢 ran\nfar 龘"
NAMES = [n for n in LANGUAGE_MODELS if LANGUAGE_MODELS.get(n).objective not in ("denoise", "pairs")]
CAUSAL = [name for name in NAMES if LANGUAGE_MODELS.get(name).objective == "causal"]


def model(name: str, length: int = 64, layers: int = 2) -> LanguageModel:
    """A model of random weights, drawn wide so that no two tokens are equally likely."""
    architecture: LanguageArchitecture = LANGUAGE_MODELS.get(name)
    plain = train_tokenizer(TEXTS, TokenizerSettings(kind="bpe", vocabulary_size=300))
    tokenizer = ended(plain) if architecture.objective == "causal" else with_frame(plain)
    vocabulary: Vocabulary = vocabulary_of(tokenizer)
    torch.manual_seed(1)
    settings = LanguageSettings(width=32, layers=layers, heads=2, inner=64, positions=length)
    network = architecture.build(settings, vocabulary).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.3)
    return LanguageModel(architecture, network, tokenizer, vocabulary, length)


def ids_of(loaded: LanguageModel, text: str = TEXT) -> list[int]:
    return [int(i) for i in loaded.tokenizer.whole([text])[0]]


@torch.no_grad()
def by_the_library(loaded: LanguageModel, ids: list[int]) -> torch.Tensor:
    """Softmax of the library's own logits: after each token, or at each that is hidden, one row at a time."""
    start, end, mask = loaded.vocabulary.start_id, loaded.vocabulary.end_id, loaded.vocabulary.mask_id
    if mask is None:
        whole: torch.Tensor = loaded.model(input_ids=torch.tensor([[start, *ids]])).logits[0].softmax(-1)
        return whole
    rows = [[start, *ids[:at], mask, *ids[at + 1 :], end] for at in range(len(ids))]
    found = [loaded.model(input_ids=torch.tensor([row])).logits[0, at + 1] for at, row in enumerate(rows)]
    return torch.stack(found).softmax(-1)


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_are_the_librarys_and_add_up_to_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textwright.tasks.inspecting.expecting._TOKENS_AT_ONCE", 50)  # several batches
    loaded = model(name)
    ids = ids_of(loaded)
    theirs, record = by_the_library(loaded, ids), read(loaded, TEXT)
    assert torch.allclose(log_shares(loaded, ids).exp(), theirs, atol=1e-5)
    assert record["num_tokens"] == len(ids) == len(record["tokens"]) and record["notes"] == []
    for token, at, shares in zip(record["tokens"], ids, theirs, strict=False):
        assert token["token"] == loaded.tokenizer.pieces[at]
        assert token["probability"] == pytest.approx(float(shares[at]), rel=1e-3)
        assert token["rank"] == 1 + int((shares > shares[at]).sum())
        assert token["bits"] == pytest.approx(-math.log2(token["probability"]), rel=1e-4)
    for place in record["places"]:
        own = [share["probability"] for share in place["likeliest"]]
        assert sum(own) + place["others"] == pytest.approx(1, abs=1e-5) and own == sorted(own, reverse=True)
        assert own == pytest.approx(theirs[place["place"] - 1].topk(10).values.tolist(), abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_bits_are_those_of_the_evaluation(name: str) -> None:
    loaded = model(name)
    ids, record = ids_of(loaded), read(loaded, TEXT)
    bits = np.array([token["bits"] for token in record["tokens"]])
    start, end, mask = loaded.vocabulary.start_id, loaded.vocabulary.end_id, loaded.vocabulary.mask_id
    if mask is None:
        nats = costs(loaded.network, np.array([[start, *ids]]))[0]
        scores = measured(loaded, [np.array(ids)]).scores()
        assert record["bits_per_byte"] == pytest.approx(scores["bits_per_byte"].value, rel=1e-4)
        assert record["places"][-1]["place"] == len(ids) + 1 and record["places"][-1]["true"] is None
    else:
        rows = torch.tensor([[start, *ids, end]]).repeat(len(ids), 1)
        places = torch.arange(1, len(ids) + 1)[:, None]
        rows = rows.scatter(1, places, mask)
        shown, targets = torch.ones_like(rows, dtype=torch.bool), torch.tensor(ids)[:, None]
        nats = told(loaded.network, Batch(rows, shown, targets, rows.numel(), places))[:, 0]
        assert record["bits_per_byte"] is None and record["places"][-1]["true"]["token"]
    assert bits == pytest.approx(nats / math.log(2), rel=1e-4)
    assert record["bits"] == pytest.approx(bits.sum(), rel=1e-4)
    assert record["least_expected"] == 1 + int(bits.argmax())
    assert record["num_likeliest"] == sum(token["rank"] == 1 for token in record["tokens"])


@pytest.mark.parametrize("name", [name for name in NAMES if name != "lstm"])
def test_heads_share_out_their_attention_and_a_writer_looks_only_back(name: str) -> None:
    loaded = model(name)
    before = loaded.model.config._attn_implementation
    row = torch.tensor([framed(loaded, ids_of(loaded))])
    weights = attention_weights(loaded.model, row, torch.ones_like(row))
    assert weights.shape == (2, 1, 2, row.shape[1], row.shape[1])
    assert torch.allclose(weights.sum(-1), torch.ones(()), atol=1e-5) and bool((weights >= 0).all())
    assert loaded.model.config._attn_implementation == before, "as it was"
    looks_ahead = bool(weights.triu(1).any())
    assert looks_ahead == (loaded.architecture.objective == "masked")
    record = read(loaded, TEXT)["attention"]
    assert len(record["tokens"]) == row.shape[1] and record["why"] is None
    for layer, own in zip(record["layers"], weights[:, 0], strict=True):
        assert np.allclose(layer["heads"], own.numpy(), atol=1e-4)


def test_an_lstm_shows_all_but_heads_and_says_so() -> None:
    record = read(model("lstm"), TEXT)
    assert record["attention"]["layers"] == [] and record["tokens"] and record["nearest"]["tokens"]
    why = "this lstm carries a state from token to token, and has no attention heads"
    assert record["attention"]["why"] == why
    page = render_inspected({"name": "m", **record})
    assert why in page and "没有注意力头" in page


def test_maps_of_long_texts_and_large_models_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "MOST_LAYERS", 3)
    monkeypatch.setattr(looking, "MOST_HEADS", 1)
    for name, last in (("nanochat", None), ("bert", "[SEP]")):
        record = read(model(name, layers=6), "the cat sat on the mat " * 5)["attention"]
        assert len(record["tokens"]) == 24 and record["num_read"] == (22 if last else 23)
        assert record["tokens"][-1] == last or last is None
        assert [layer["layer"] for layer in record["layers"]] in ([1, 3, 6], [1, 4, 6])
        assert [len(layer["heads"]) for layer in record["layers"]] == [1, 1, 1]
        assert (record["num_layers"], record["num_heads"]) == (6, 2)


def test_a_class_without_attention_says_so() -> None:
    from transformers import FNetConfig, FNetForMaskedLM

    loaded = model("bert")
    config = FNetConfig(vocab_size=310, hidden_size=32, num_hidden_layers=1, intermediate_size=64)
    other: Any = torch.nn.Module()
    other.model = FNetForMaskedLM(config).eval()
    loaded.network = other
    record = attention_record(loaded, [5, 6, 7])
    assert record["layers"] == []
    assert record["why"] == "FNetForMaskedLM has no attention weights from each token to each"


@pytest.mark.parametrize("name", NAMES)
def test_nearest_are_others_in_order_and_planted_ones_are_found(name: str) -> None:
    loaded = model(name)
    pieces, table = loaded.tokenizer.pieces, loaded.model.get_input_embeddings().weight
    one, two, part = pieces.index(" cat"), pieces.index(" mat"), loaded.tokenizer.piece_sizes.argmin()
    with torch.no_grad():
        table[two] = 3 * table[one]  # the same direction, another length
        table[int(part)] = table[one]  # a special token, which is left out
    record = read(loaded, TEXT)["nearest"]
    found = {row["token"]: row["nearest"] for row in record["tokens"]}
    assert found[" cat"][0] == {"token": " mat", "cosine": pytest.approx(1, abs=1e-5)}
    special = set(loaded.tokenizer.frame.special.values())
    for token, near in found.items():
        values = [each["cosine"] for each in near]
        assert values == sorted(values, reverse=True) and len(near) == 8
        names = {each["token"] for each in near}
        assert token not in names and not names & special
        assert not any(each.startswith("<0x") for each in names | {token})
    whole = {token for token in loaded.tokenizer.tokens(TEXT) if not token.startswith("<0x")}
    assert set(found) == whole and record["distinct"] == len(whole)


def test_the_first_of_many_tokens_get_their_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "MOST_ASKED", 2)
    loaded = model("gpt2")
    record = read(loaded, "the cat ran far")["nearest"]
    assert [row["token"] for row in record["tokens"]] == loaded.tokenizer.tokens("the cat ran far")[:2]
    assert record["distinct"] == 4
    assert read(loaded, "龘")["nearest"] == {"distinct": 0, "tokens": []}


@pytest.mark.parametrize("name", ["nanochat", "modernbert"])
def test_a_text_beyond_the_window_is_shown_in_part_and_said_to_be(name: str) -> None:
    loaded, text = model(name, length=16), "the cat sat on the mat " * 9
    room = 15 if name == "nanochat" else 14
    record = read(loaded, text)
    count = len(ids_of(loaded, text))
    assert len(record["tokens"]) == room and record["num_tokens"] == count
    assert record["notes"] == [
        f"the text has {count} tokens, and this {name} reads {room} of a text at once: "
        "the first ones are shown"
    ]
    assert text.startswith(record["text"]) and record["text"].endswith(record["tokens"][-1]["token"])


def test_a_page_shows_so_many_tokens_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textwright.tasks.inspecting.run.MOST_TOKENS", 5)
    loaded, text = model("gpt2"), "the cat sat on the mat and ran"
    record, count = read(loaded, text), len(ids_of(loaded, text))
    assert len(record["tokens"]) == 5
    assert record["notes"] == [f"the text has {count} tokens, and a page shows the first 5"]


def test_places_are_the_last_ones_or_those_that_are_asked_for() -> None:
    loaded = model("gpt2")
    count = len(ids_of(loaded))
    assert [place["place"] for place in read(loaded, TEXT)["places"]] == [*range(count - 4, count + 2)]
    asked = read(loaded, TEXT, [2, 1, 2])["places"]
    assert [place["place"] for place in asked] == [2, 1]
    assert asked[0]["true"] == read(loaded, TEXT)["tokens"][1]
    with pytest.raises(ConfigError, match=f"--at {count + 2}: there is no such token") as error:
        read(loaded, TEXT, [count + 2])
    assert error.value.hint == f"Give numbers from 1 to {count + 1}."
    assert [place["place"] for place in read(loaded, "a")["places"]] == [1, 2]


def test_a_part_of_a_character_is_told_with_its_character() -> None:
    record = read(model("gpt2"), "龘")
    assert "".join(token["token"] for token in record["tokens"]) == "<0xE9><0xBE><0x98>"
    assert {(token["start"], token["end"]) for token in record["tokens"]} == {(0, 1)}


def test_room_that_a_checkpoint_has_left_is_named_by_number() -> None:
    loaded = model("gpt2")
    size = loaded.tokenizer.size
    shares = torch.full((1, size + 2), -9.0)
    shares[0, size + 1] = -0.1
    assert place_records(loaded, [], shares, [1])[0]["likeliest"][0]["token"] == f"#{size + 1}"


@pytest.mark.parametrize("name", ["gpt2", "roberta"])
def test_what_is_no_text_is_refused(name: str) -> None:
    for text, said in (("", "no token in the text ''"), ("a\ud83d", "the text holds half a character")):
        with pytest.raises(DataError, match=said) as error:
            read(model(name), text)
        assert error.value.hint
