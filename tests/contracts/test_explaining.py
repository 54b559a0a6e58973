"""What every registered architecture keeps when it is asked which tokens speak for its answers."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import Generator
from torch import nn
from torch.nn import functional as F
from transformers import AutoModelForSequenceClassification

from checkpoints import DECODERS, tiny_config, tiny_decoder
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.ragged import Ragged
from textwright.models.bag.fit import BagFit, prepare
from textwright.models.bag.model import BagSettings
from textwright.models.base import Shape
from textwright.models.registry import ARCHITECTURES
from textwright.models.transformer.network import Encoder
from textwright.tasks.base import Array, Decode
from textwright.tasks.examples import Examples, Job, encode_codes
from textwright.tasks.explaining import METHODS
from textwright.tasks.explaining.base import Read
from textwright.tasks.explaining.integrated import TOLERANCE
from textwright.tasks.explaining.vectors import weigh_batches
from textwright.tasks.predictor import Predictor
from textwright.tasks.recipe import Recipe
from textwright.tasks.trainers.bag import BagEngine
from textwright.tasks.trainers.encoder import EncoderEngine
from textwright.tasks.trainers.engine import NetworkEngine, run
from textwright.tasks.trainers.latent import LatentTrainer
from textwright.text.schema import Schema
from textwright.text.tokenizers import Tokenizer, TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.framed import begun, borrowed, ended, framed

ENGLISH = ["the", "room", "staff", "food", "was", "is", "very", "so", "service", "and", "but", "we", "old"]
CHINESE = list("的了一在这家店房间菜我们他也就都和")
# What decides the class, in each language: first of the bad, then of the good.
PLANTED = (("dreadful", "excellent"), ("差", "棒"))
DECISIVE = {word for pair in PLANTED for word in pair}
MAX_LENGTH = 14
SCHEMA = Schema(task="classify", text="text", label="label", labels=["bad", "good"])

OWN = {"embedding": 12, "dropout": 0.0}
ENCODER = {"width": 32, "layers": 2, "heads": 2, "inner": 64, "positions": 32, "dropout": 0.0}
# Every architecture, with the variants whose tokens enter or are looked at in another way.
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "bag": ("bag", {}),
    "latent": ("latent", {}),
    "cnn": ("cnn", {**OWN, "filters": 6}),
    "rnn": ("rnn", {**OWN, "hidden": 10, "layers": 2}),
    "lstm": ("lstm", {**OWN, "hidden": 10}),
    "lstm, last": ("lstm", {**OWN, "hidden": 10, "pooling": "last"}),
    "gru": ("gru", {**OWN, "hidden": 10, "bidirectional": False}),
    "bert": ("transformer", {**ENCODER, "type": "bert"}),
    "roberta": ("transformer", {**ENCODER, "type": "roberta"}),
    "modernbert": ("transformer", {**ENCODER, "type": "modernbert"}),
    "pretrained": ("pretrained", {}),
    **{kind: ("pretrained", {}) for kind in DECODERS},
}
SOLVERS = ("bag", "latent")
VECTORS, LOOKS = ("gradient", "integrated", "occlusion"), ("attention",)
GOES = {case: VECTORS + LOOKS for case in CASES} | {
    "bag": ("occlusion",),
    "latent": ("occlusion",),
    "cnn": VECTORS,
    "lstm, last": VECTORS,
    **dict.fromkeys(DECODERS, ("occlusion", "attention")),
    "nanochat": ("integrated", "occlusion", "attention"),
}
PAIRS = [(case, method) for case, methods in GOES.items() for method in methods]
each_case = pytest.mark.parametrize("case", CASES)
each_pair = pytest.mark.parametrize(("case", "method"), PAIRS)


def of_method(name: str, *besides: str) -> pytest.MarkDecorator:
    """The cases that a method goes with, but for some."""
    cases = [case for case, method in PAIRS if method == name and case not in besides]
    return pytest.mark.parametrize("case", cases)


def written(rng: Generator, number: int) -> str:
    """A text whose class is that of its number, odd ones being good; two of four are Chinese."""
    language = number // 2 % 2
    words = list(rng.choice(CHINESE if language else ENGLISH, rng.integers(4, 9)))
    words.insert(rng.integers(len(words) + 1), PLANTED[language][number % 2])
    return ("" if language else " ").join(words)


@cache
def corpus() -> tuple[list[str], list[str]]:
    """Texts to learn from, and others."""
    rng = np.random.default_rng(0)
    texts = [written(rng, number) for number in range(240)]
    return texts[:200], texts[200:]


ODD = ["", "Unseen 😀 word,\r\n and\tmore ", "a-b（差）ok", "excellent " * 30, "差" * 30]


@cache
def plain_tokenizer() -> Tokenizer:
    return train_tokenizer(
        corpus()[0], TokenizerSettings(kind="word", max_length=MAX_LENGTH, truncate="both")
    )


def fitted(network: nn.Module, tokenizer: Tokenizer, rate: float) -> nn.Module:
    """Trained until it knows the words, not until it is sure."""
    ids, mask = map(torch.from_numpy, tokenizer.encode(corpus()[0]).rows.padded(tokenizer.pad_id))
    truth = torch.arange(len(ids))[:, None] % 2.0
    optimizer = torch.optim.Adam(network.parameters(), rate)
    for _ in range(60):
        loss = F.binary_cross_entropy_with_logits(network(ids.long(), mask).logits, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss.item() < 0.2:
            break
    optimizer.zero_grad()
    return network.eval()


@cache
def engine(case: str) -> Any:
    name, values = CASES[case]
    if name == "bag":
        return fitted_bag()
    if name == "latent":
        return fitted_latent()
    if case in DECODERS:
        return fitted_decoder(case)
    kind = ARCHITECTURES.get(name).kind
    tokenizer = framed(plain_tokenizer()) if kind == "encoder" else plain_tokenizer()
    shape = Shape(
        tokenizer.size, 1, tokenizer.pad_id, vectors(32 if kind == "encoder" else 12), ("bad", "good")
    )
    torch.manual_seed(0)
    if name == "pretrained":
        network = started_from(engine("bert"), replace(shape, embeddings=None))
    else:
        settings = ARCHITECTURES.get(name).settings.parse(values)
        network = fitted(ARCHITECTURES.get(name).build(settings, shape), tokenizer, rate_of(kind))
    return (EncoderEngine if kind == "encoder" else NetworkEngine)(name, values, shape, network, tokenizer)


def vectors(width: int) -> Array:
    """Short ones for all words but the decisive, so that no network finds another way to the class."""
    rng, ids = np.random.default_rng(1), plain_tokenizer().vocabulary
    table = rng.normal(0, 0.05, (len(ids), width)).astype(np.float32)
    way = rng.choice([-0.5, 0.5], width)
    for bad, good in PLANTED:
        table[ids[bad]], table[ids[good]] = -way, way
    return table


def rate_of(kind: str) -> float:
    return 0.001 if kind == "encoder" else 0.01


def started_from(first: EncoderEngine, shape: Shape) -> nn.Module:
    architecture = ARCHITECTURES.get("pretrained")
    with TemporaryDirectory() as folder:
        first.save(Path(folder))
        network: nn.Module = architecture.build(architecture.settings.parse({"checkpoint": folder}), shape)
    return network.eval()


def fitted_decoder(kind: str) -> EncoderEngine:
    plain = ended(plain_tokenizer())
    settings = plain.settings.replaced({"max_length": MAX_LENGTH + 1})
    tokenizer = borrowed(*begun(plain.content, plain.frame.special), settings)
    shape = Shape(tokenizer.size, 1, tokenizer.pad_id, labels=("bad", "good"))
    architecture = ARCHITECTURES.get("pretrained")
    torch.manual_seed(0)
    with TemporaryDirectory() as folder:
        start = tiny_decoder(Path(folder), kind, pads=True)
        asked = architecture.settings.parse({"checkpoint": str(start), "dropout": 0.0})
        network = architecture.build(asked, shape)
    table = torch.from_numpy(vectors(32))
    with torch.no_grad():
        network.model.get_input_embeddings().weight[: len(table)] = table
    return EncoderEngine("pretrained", {}, shape, fitted(network, tokenizer, 0.001), tokenizer)


def fitted_bag() -> BagEngine:
    texts = corpus()[0]
    targets = (np.arange(len(texts)) % 2.0)[:, None].astype(np.float32)
    data = prepare(encode_codes(texts), targets, "sigmoid", BagSettings(), ideographs=True, threads=1)
    fit = BagFit(BagSettings(), data, 0, lambda: False)
    list(fit.refit(np.arange(len(texts))))
    assert fit.model is not None
    return BagEngine(fit.model)


def fitted_latent() -> BagEngine:
    """Of half of the texts with labels, and the others without."""
    texts = corpus()[0]
    half = len(texts) // 2
    schema = SCHEMA.model_copy(update={"scripts": {"han": 1.0}})
    examples = Examples(texts[:half], np.arange(half) % 2, schema, 0, texts[half:])
    asked = Recipe.parse({"model": {"name": "latent"}})
    trainer = LatentTrainer(Job("latent", examples, Clock.starting(), 1), asked)
    list(trainer.refit(np.arange(half)))
    assert isinstance(trainer.engine, BagEngine)
    return trainer.engine


def model(case: str) -> Predictor:
    return Predictor(engine(case), SCHEMA, Decode())


def weights(record: dict[str, Any]) -> list[float]:
    return [token["weight"] for token in record["tokens"]]


def first_of(record: dict[str, Any]) -> str:
    first: str = max(record["tokens"], key=lambda token: token["weight"])["text"]
    return first


def test_the_suite_sees_every_architecture() -> None:
    assert {name for name, _ in CASES.values()} == set(ARCHITECTURES)


@pytest.mark.parametrize(
    ("case", "method"), [(case, method) for case in CASES for method in METHODS if method not in GOES[case]]
)
def test_a_method_that_does_not_go_is_refused_with_those_that_do(case: str, method: str) -> None:
    with pytest.raises(ConfigError, match=rf"explaining by {method}: {CASES[case][0]}.* has no ") as caught:
        model(case).explain([], method)
    assert re.findall("|".join(METHODS), caught.value.hint) == list(GOES[case])


@pytest.mark.parametrize("kind", ["longformer", "mra", "yoso"])
def test_attention_that_is_not_from_each_token_to_each_is_refused(kind: str) -> None:
    """One looks only nearby, one tells nothing, one has no heads."""
    shape = Shape(plain_tokenizer().size, 1, 0, labels=("bad", "good"))
    config = tiny_config(kind, vocab_size=framed(plain_tokenizer()).size, num_labels=2)
    network = Encoder(AutoModelForSequenceClassification.from_config(config), shape)
    made = EncoderEngine("pretrained", {}, shape, network, framed(plain_tokenizer()))
    with pytest.raises(ConfigError, match="has no attention weights") as caught:
        Predictor(made, SCHEMA, Decode()).explain(corpus()[1][:2], "attention")
    assert re.findall("|".join(METHODS), caught.value.hint) == list(VECTORS)
    assert network.training


class OnMps(torch.Tensor):
    """Weights on a processor that has no float64."""

    def double(self) -> torch.Tensor:  # type: ignore[override]
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    def cpu(self) -> torch.Tensor:  # type: ignore[override]
        return self.as_subclass(torch.Tensor)


def test_weights_come_from_a_processor_without_float64() -> None:
    made = engine("cnn")
    read = Read.by(made, corpus()[1][:2])
    found = weigh_batches(made, read, lambda network, batch: batch.mask_BT.float().as_subclass(OnMps))
    assert all(weighed.weights.dtype == np.float64 and (weighed.weights == 1).all() for weighed in found)


@each_pair
def test_records_hold_the_answer_and_the_tokens_in_order(case: str, method: str) -> None:
    texts, predictor = [*corpus()[1][:6], *ODD], model(case)
    records = predictor.explain(texts, method, probabilities=True)
    for answer, record in zip(predictor.predict(texts, probabilities=True), records, strict=True):
        assert answer == {key: record[key] for key in answer}
        assert set(record) - set(answer) == {"text", "tokens", "cut"}
        found = [(token["start"], token["end"]) for token in record["tokens"]]
        assert found == sorted(set(found)) and all(start < end for start, end in found)
        assert all(record["text"][t["start"] : t["end"]] == t["text"] for t in record["tokens"])
        assert np.isfinite(weights(record)).all()


@each_pair
def test_tokens_are_words_and_chinese_characters(case: str, method: str) -> None:
    found = model(case).explain(["The room,  was 很棒！", "", " \n"], method)
    words = [[token["text"] for token in record["tokens"]] for record in found]
    assert words == [["The", "room", ",", "was", "很", "棒", "！"], [], []]


@each_pair
def test_tokens_that_are_cut_off_are_counted(case: str, method: str) -> None:
    kept = words = [f"w{i}" for i in range(20)]
    if case not in SOLVERS:
        kept = words[: MAX_LENGTH // 2] + words[-MAX_LENGTH // 2 :]
    (record,) = model(case).explain([" ".join(words)], method)
    assert [token["text"] for token in record["tokens"]] == kept
    assert record["cut"] == 20 - len(kept)


@pytest.mark.parametrize(("case", "method"), [pair for pair in PAIRS if pair[1] != "attention"])
def test_the_decisive_word_comes_first_in_both_languages(case: str, method: str) -> None:
    """Asked are the texts whose answer turns without that word, whatever the network learned."""
    predictor, texts = model(case), corpus()[1]
    answers = [answer["label"] for answer in predictor.predict(texts)]
    bare = [next(text.replace(word, "") for word in DECISIVE if word in text) for text in texts]
    turned = [answer["label"] for answer in predictor.predict(bare)]
    decided = [text for text, a, b in zip(texts, answers, turned, strict=True) if a != b]
    assert len(decided) >= 6 and {text.isascii() for text in decided} == {True, False}
    hits = [first_of(record) in DECISIVE for record in predictor.explain(decided, method)]
    assert np.mean(hits) >= 0.8


@of_method("integrated", "roberta")  # where the place of [SEP] follows from what stands before it
def test_integrated_gradients_add_up_to_the_difference_to_a_text_of_nothing(case: str) -> None:
    made, texts = engine(case), corpus()[1]
    rows = made.tokenizer.encode(texts).rows
    before, after = len(made.tokenizer.frame.prefix), len(made.tokenizer.frame.suffix)
    nothing = [row.copy() for row in rows]
    for row in nothing:
        row[before : len(row) - after] = made.tokenizer.pad_id
    whole = run(made.network, rows)[:, 0]
    difference = whole - run(made.network, Ragged.from_lists([row.tolist() for row in nothing]))[:, 0]
    records = model(case).explain(texts, "integrated")
    for record, expected in zip(records, np.sign(whole) * difference, strict=True):
        room = TOLERANCE * np.abs(weights(record)).sum() + 1e-3
        assert sum(weights(record)) == pytest.approx(expected, abs=room)


def test_integrated_gradients_leave_the_frame_alone() -> None:
    """In RoBERTa the vector of [SEP] changes with the tokens before it, and still nothing goes to it."""
    made, model_of_roberta = engine("roberta"), engine("roberta").network.model
    body = model_of_roberta.roberta
    for text in corpus()[1][:4]:
        ids = torch.from_numpy(made.tokenizer.encode([text]).rows[0]).long()[None]
        nothing = ids.clone()
        nothing[:, 1:-1] = made.tokenizer.pad_id
        with torch.no_grad():
            full, empty = (body.embeddings(input_ids=row) for row in (ids, nothing))
            assert not torch.equal(full[:, -1], empty[:, -1])
            empty[:, [0, -1]] = full[:, [0, -1]]
            logits = torch.cat([model_of_roberta.classifier(body.encoder(row)[0]) for row in (full, empty)])
        whole, less = (logits[:, 1] - logits[:, 0]).tolist()
        assert whole == pytest.approx(float(made.outputs([text])[0, 0]), abs=1e-5)
        (record,) = model("roberta").explain([text], "integrated")
        room = TOLERANCE * np.abs(weights(record)).sum() + 1e-3
        assert sum(weights(record)) == pytest.approx(np.sign(whole) * (whole - less), abs=room)


@of_method("occlusion", "pretrained")  # which gets [MASK] instead
def test_occlusion_is_the_difference_of_two_answers(case: str) -> None:
    made, text = engine(case), "the room was excellent and new"
    (record,) = model(case).explain([text], "occlusion")
    sign = 1 if record["label"] == "good" else -1
    for token in record["tokens"]:
        shorter = text[: token["start"]] + text[token["end"] :]
        whole, less = made.outputs([text])[0, 0], made.outputs([shorter])[0, 0]
        assert token["weight"] == pytest.approx(sign * (whole - less), abs=1e-4)


def test_occlusion_puts_a_mask_where_the_model_knows_one() -> None:
    made, text = engine("pretrained"), "the room was excellent and new"
    (record,) = model("pretrained").explain([text], "occlusion")
    row = made.tokenizer.encode([text]).rows[0].tolist()
    masked = [
        [*row[:i], made.tokenizer.pieces.index("[MASK]"), *row[i + 1 :]] for i in range(1, len(row) - 1)
    ]
    whole, less = (run(made.network, Ragged.from_lists(rows))[:, 0] for rows in ([row], masked))
    sign = 1 if record["label"] == "good" else -1
    assert weights(record) == pytest.approx((sign * (whole - less)).tolist(), abs=1e-4)


@of_method("attention")
def test_attention_is_shares(case: str) -> None:
    for record in model(case).explain([*corpus()[1], *ODD], "attention"):
        assert all(weight >= 0 for weight in weights(record))
        assert sum(weights(record)) <= 1 + 1e-4
        if record["tokens"]:
            assert sum(weights(record)) > 0.1
            framed_apart = len(engine(case).tokenizer.frame) > 0
            assert framed_apart or sum(weights(record)) == pytest.approx(1, abs=1e-4)


@each_pair
def test_a_text_alone_and_among_others_gets_the_same_weights_and_always_the_same(
    case: str, method: str
) -> None:
    texts, predictor = [*corpus()[1][:2], *ODD[1:3]], model(case)
    together = predictor.explain(texts, method)
    assert together == predictor.explain(texts, method)
    for text, record in zip(texts, together, strict=True):
        (alone,) = predictor.explain([text], method)
        np.testing.assert_allclose(weights(alone), weights(record), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(("case", "method"), [pair for pair in PAIRS if pair[0] not in SOLVERS])
def test_nothing_is_left_behind_in_the_network(case: str, method: str) -> None:
    texts, network = corpus()[1][:5], engine(case).network
    before = engine(case).outputs(texts)
    network.train()
    frozen = next(network.parameters()).requires_grad_(False)
    try:
        state = look(network)
        model(case).explain(texts, method)
        assert look(network) == state
        with torch.inference_mode():
            model(case).explain(texts, method)
        assert look(network) == state
    finally:
        frozen.requires_grad_(True)
        network.eval()
    assert np.array_equal(engine(case).outputs(texts), before)


def look(network: nn.Module) -> list[Any]:
    """Everything about a network that explaining could change, its weights aside."""
    parts: list[Any] = [
        (part.training, len(part._forward_hooks), len(part._forward_pre_hooks)) for part in network.modules()
    ]
    config = getattr(getattr(network, "model", None), "config", None)
    flags = [(p.requires_grad, p.grad is None) for p in network.parameters()]
    return [*parts, *flags, getattr(config, "_attn_implementation", None), torch.is_grad_enabled()]
