"""Explaining engines that read long texts in chunks: every token has a weight, and it is the right one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textwright.core.errors import ConfigError
from textwright.core.ragged import Ragged
from textwright.models.base import Shape
from textwright.models.output import Output
from textwright.models.recurrent import RecurrentSettings, build
from textwright.models.registry import ARCHITECTURES
from textwright.models.transformer.settings import TransformerSettings
from textwright.tasks.base import Decode
from textwright.tasks.explaining import METHODS, occlusion
from textwright.tasks.explaining.base import Focus
from textwright.tasks.predictor import Predictor
from textwright.tasks.trainers.encoder import EncoderEngine
from textwright.tasks.trainers.engine import NetworkEngine
from textwright.tasks.trainers.long import CUT, Long
from textwright.text.schema import Schema
from textwright.text.tokenizers import TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.framed import framed

WORDS = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"]
LONG, CHINESE = " ".join(WORDS), "我们都说这个地方很好" * 2
TEXTS = ["a b c", LONG, "", CHINESE, "g h i j k l m"]
WINDOW = 6
WAYS = ["mean", "max", "first_last"]
KINDS = [("classify", 1), ("classify", 3), ("multilabel", 3), ("score", 1)]
# The greatest of scores is refused.
PAIRS = [(name, *kind) for name in WAYS for kind in KINDS if (name, kind[0]) != ("max", "score")]


class Linear(nn.Module):
    """The sum of the token vectors through one layer: what each token adds is known."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, 6, padding_idx=0)
        self.head = nn.Linear(6, shape.num_outputs)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Output:
        return Output(self.head((self.embedding(input_ids) * attention_mask.unsqueeze(-1)).sum(1)))


def tokenizer(**more: Any) -> Any:
    given = {"kind": "word", "max_length": WINDOW, "truncate": "head"} | more
    return train_tokenizer([LONG, CHINESE], TokenizerSettings(**given))


def linear(long: Long, num_outputs: int = 1) -> NetworkEngine:
    made = tokenizer()
    shape = Shape(made.size, num_outputs)
    torch.manual_seed(0)
    return NetworkEngine("linear", {}, shape, Linear(shape), made, long)


def cnn(long: Long) -> NetworkEngine:
    made, architecture = tokenizer(), ARCHITECTURES.get("cnn")
    own = {"embedding": 6, "filters": 5, "widths": [1, 2], "dropout": 0.0}
    torch.manual_seed(1)
    shape = Shape(made.size, 1)
    network = architecture.build(architecture.settings.parse(own), shape).eval()
    return NetworkEngine("cnn", own, shape, network, made, long)


def gru(long: Long) -> NetworkEngine:
    made = tokenizer()
    torch.manual_seed(1)
    shape, own = Shape(made.size, 1), RecurrentSettings(embedding=4, hidden=3, init="torch")
    return NetworkEngine("gru", {}, shape, build("gru", own, shape).eval(), made, long)


def encoder(long: Long) -> EncoderEngine:
    made = framed(tokenizer())
    shape = Shape(made.size, 1, made.pad_id, labels=("a", "b"))
    given = {"width": 16, "layers": 1, "heads": 2, "inner": 32, "positions": 16, "dropout": 0.0}
    torch.manual_seed(0)
    network = ARCHITECTURES.get("transformer").build(TransformerSettings.parse(given), shape).eval()
    return EncoderEngine("transformer", {}, shape, network, made, long)


def predictor(engine: Any, task: Any = "classify", num_outputs: int = 1) -> Predictor:
    labels = {"score": []}.get(task, list("abc")[: max(num_outputs, 2)])
    return Predictor(engine, Schema(task=task, text="text", label="label", labels=labels), Decode(spread=2.0))


def way(name: Any, task: str = "classify") -> Long:
    return Long(name=name, overlap=0.5, competes=task == "classify")


def weights(record: dict[str, Any]) -> list[float]:
    return [token["weight"] for token in record["tokens"]]


@pytest.mark.parametrize("method", ["gradient", "occlusion"])
@pytest.mark.parametrize("make", [cnn, gru, encoder])
@pytest.mark.parametrize("name", ["mean", "max"])
def test_every_token_is_read_and_has_a_weight(make: Any, name: str, method: str) -> None:
    for text, record in zip(TEXTS, predictor(make(way(name))).explain(TEXTS, method), strict=True):
        assert record["cut"] == 0
        assert [t["text"] for t in record["tokens"]] == (text.split() if text.isascii() else list(text))
        assert np.isfinite(weights(record)).all()
    cut = predictor(make(CUT)).explain(TEXTS, method)
    assert cut[1]["cut"] == 14 and len(cut[1]["tokens"]) == WINDOW


@pytest.mark.parametrize("method", ["gradient", "occlusion"])
def test_what_two_chunks_leave_out_is_counted(method: str) -> None:
    record = predictor(cnn(way("first_last"))).explain([LONG], method)[0]
    assert record["cut"] == 20 - 2 * WINDOW
    assert [t["text"] for t in record["tokens"]] == WORDS[:WINDOW] + WORDS[-WINDOW:]


@pytest.mark.parametrize("method", ["gradient", "occlusion"])
def test_in_a_linear_network_a_token_adds_its_share_of_each_chunk(method: str) -> None:
    """Of 20 tokens in chunks that begin at 0, 2, 5, 8, 11 and 14."""
    engine = linear(way("mean"))
    network: Any = engine.network
    with torch.no_grad():
        adds = (network.embedding.weight @ network.head.weight.T).numpy()[:, 0]
    chunks = engine.long.chunks(engine.tokenizer.whole([LONG]), engine.tokenizer)
    assert chunks.starts.tolist() == [0, 2, 5, 8, 11, 14]
    counts = np.zeros(20)
    for start, share in zip(chunks.starts, chunks.shares, strict=True):
        counts[start : start + WINDOW] += share
    (record,) = predictor(engine).explain([LONG], method)
    sign = 1 if record["label"] == "b" else -1
    expected = sign * adds[engine.tokenizer.whole([LONG])[0]] * counts
    np.testing.assert_allclose(weights(record), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("name", "task", "num_outputs"), PAIRS)
def test_gradients_are_those_of_the_answer_to_the_whole_text(name: Any, task: Any, num_outputs: int) -> None:
    """Against differences: the vectors of one word are made a little longer, and the answer is asked for."""
    engine = linear(way(name, task), num_outputs)
    network: Any = engine.network
    made = predictor(engine, task, num_outputs)
    network.double()
    texts = [LONG, "a b c"]
    focus = Focus.on(engine.outputs(texts), made.schema, made.decode)
    records = made.explain(texts, "gradient")
    row, vectors = engine.tokenizer.whole([LONG])[0], network.embedding.weight.data
    found = dict(zip([t["text"] for t in records[0]["tokens"]], weights(records[0]), strict=True))
    for word, token in zip(WORDS, row, strict=True):
        before, step = vectors[token].clone(), 1e-3
        values = []
        for factor in (1 + step, 1 - step):
            vectors[token] = before * factor
            values.append(focus.value(engine.outputs(texts), np.arange(2))[0])
            vectors[token] = before
        assert found.get(word, 0.0) == pytest.approx((values[0] - values[1]) / (2 * step), rel=0.02, abs=2e-3)


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("num_outputs", [1, 3])
def test_occlusion_leaves_a_token_out_of_each_chunk_that_holds_it(name: Any, num_outputs: int) -> None:
    engine = linear(way(name), num_outputs)
    made = predictor(engine, num_outputs=num_outputs)
    focus = Focus.on(engine.outputs([LONG]), made.schema, made.decode)
    chunks = engine.long.chunks(engine.tokenizer.whole([LONG]), engine.tokenizer)
    length = int(chunks.starts[-1]) + WINDOW
    expected = []
    for place in range(length):
        rows = [
            [token for i, token in enumerate(row) if start + i != place]
            for start, row in zip(chunks.starts, chunks.rows, strict=True)
        ]
        without = engine.long.pooled(engine.of_rows(Ragged.from_lists(rows)), chunks)
        values = [focus.value(outputs, np.array([0]))[0] for outputs in (focus.outputs, without)]
        expected.append(float(values[0] - values[1]))
    (record,) = made.explain([LONG], "occlusion")
    assert weights(record) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_occlusion_in_small_parts_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made = predictor(cnn(way("mean")))
    whole = made.explain(TEXTS, "occlusion")
    monkeypatch.setattr(occlusion, "_SIZE", 17)
    for record, other in zip(made.explain(TEXTS, "occlusion"), whole, strict=True):
        np.testing.assert_allclose(weights(record), weights(other), atol=1e-5)


@pytest.mark.parametrize("make", [gru, encoder])
@pytest.mark.parametrize("name", WAYS)
def test_attention_is_shared_among_chunks(make: Any, name: Any) -> None:
    engine = make(way(name))
    for record in predictor(engine).explain(TEXTS, "attention"):
        assert all(weight >= 0 for weight in weights(record))
        if record["tokens"]:
            assert 0.1 < sum(weights(record)) <= 1 + 1e-4
            assert make is encoder or sum(weights(record)) == pytest.approx(1, abs=1e-4)


def test_attention_of_the_greatest_is_that_of_the_chunk_that_decided() -> None:
    engine = gru(way("max"))
    record = predictor(engine).explain([LONG], "attention")[0]
    chunks = engine.long.chunks(engine.tokenizer.whole([LONG]), engine.tokenizer)
    outputs = engine.of_rows(chunks.rows)[:, 0]
    best = int((outputs if record["label"] == "b" else -outputs).argmax())
    looked = np.flatnonzero(weights(record))
    assert looked.tolist() == list(range(chunks.starts[best], chunks.starts[best] + WINDOW))


@pytest.mark.parametrize("method", ["gradient", "occlusion", "attention"])
def test_short_texts_are_explained_as_ever(method: str) -> None:
    texts = ["a b c", "我们", ""]
    for name in WAYS:
        chunked = gru(way(name))
        plain = replace(chunked, long=CUT)
        assert predictor(chunked).explain(texts, method) == predictor(plain).explain(texts, method)


def test_the_way_from_nothing_is_refused_for_chunks() -> None:
    with pytest.raises(ConfigError, match="by integrated: cnn reads long texts in chunks") as caught:
        predictor(cnn(way("mean"))).explain([LONG], "integrated")
    assert caught.value.hint == "Use gradient or occlusion."
    assert predictor(cnn(CUT)).explain([LONG], "integrated")[0]["cut"] == 14
    assert METHODS.get("integrated").refusal(cnn(CUT)) == ""
