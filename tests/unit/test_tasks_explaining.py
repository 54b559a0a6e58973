"""Explaining: the number that is explained, what was read, each method against a model worked out by hand."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

import textwright
from textwright.cli.main import app
from textwright.core.errors import ConfigError
from textwright.core.ragged import Ragged
from textwright.models.base import Shape
from textwright.models.output import Output
from textwright.models.recurrent import RecurrentSettings, build
from textwright.tasks.answering import Answered, answer_file
from textwright.tasks.base import Array, Decode
from textwright.tasks.explaining import METHODS, occlusion
from textwright.tasks.explaining.base import Focus, read_tokens
from textwright.tasks.explaining.occlusion import read_words
from textwright.tasks.explaining.vectors import at_rest
from textwright.tasks.predictor import Predictor
from textwright.tasks.trainers.engine import NetworkEngine
from textwright.text.schema import Schema
from textwright.text.tokenizers import Tokenizer, TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.base import NO_FRAME
from textwright.text.tokenizers.framed import framed

FOLDERS = Path(__file__).parents[1] / "data" / "format-1"
TEXTS = ["the cat sat", "a dog ran; 我爱你", "cat cat dog 好", "", "bird"]
LABELS = ["a", "b", "c"]


def schema(task: Any = "classify", labels: Sequence[str] = LABELS) -> Schema:
    return Schema(task=task, text="text", label="label", labels=list(labels))


class CountsWords:
    """An engine that reads texts: each word adds numbers to the outputs, two cats side by side one more."""

    architecture = "stub"
    num_parameters = num_bytes = 0

    def __init__(self, num_outputs: int) -> None:
        rng = np.random.default_rng(2)
        self.table = {word: rng.normal(size=num_outputs) for word in ("cat", "dog", "ran", "好", "爱", "你")}
        self.num_outputs = num_outputs
        self.most = 0

    def outputs(self, texts: Sequence[str]) -> Array:
        self.most = max(self.most, len(texts))
        return np.array([self._of(text) for text in texts]).reshape(-1, self.num_outputs).astype(np.float32)

    def _of(self, text: str) -> Array:
        single = sum((text.count(word) * numbers for word, numbers in self.table.items()), np.zeros(1))
        return single + ("cat cat" in text) + np.zeros(self.num_outputs)

    def save(self, folder: Path) -> None: ...


def stub(task: Any = "classify", num_outputs: int = 3, decode: Decode | None = None) -> Predictor:
    labels = {"score": [], "classify": LABELS[: max(num_outputs, 2)]}.get(task, LABELS[:num_outputs])
    return Predictor(CountsWords(num_outputs), schema(task, labels), decode or Decode(temperature=2.0))


class Linear(nn.Module):
    """The sum of the token vectors through one layer: every method must find exactly what each token adds."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, 6, padding_idx=0)
        self.head = nn.Linear(6, shape.num_outputs)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Output:
        return Output(self.head((self.embedding(input_ids) * attention_mask.unsqueeze(-1)).sum(1)))


def linear(num_outputs: int = 1, **settings: Any) -> NetworkEngine:
    tokenizer = train_tokenizer(TEXTS, TokenizerSettings(kind="word", **settings))
    shape = Shape(tokenizer.size, num_outputs)
    torch.manual_seed(0)
    return NetworkEngine("linear", {}, shape, Linear(shape), tokenizer)


def weights(record: dict[str, Any]) -> list[float]:
    return [token["weight"] for token in record["tokens"]]


# The number that is explained.


@pytest.mark.parametrize(
    ("task", "labels", "num_outputs"),
    [("classify", "ab", 1), ("classify", "abc", 3), ("multilabel", "abc", 3), ("multilabel", "ab", 2)],
)
def test_the_number_is_the_log_odds_of_the_answer(task: str, labels: str, num_outputs: int) -> None:
    outputs = np.random.default_rng(0).normal(0, 3, (20, num_outputs)).astype(np.float32)
    plain, hot = schema(task, list(labels)), Decode(temperature=3.0)
    predictor = Predictor(CountsWords(num_outputs), plain, Decode())
    shares = predictor.task.measured(outputs, Decode()).max(axis=1)
    focus = Focus.on(outputs, plain, hot)
    np.testing.assert_allclose(focus.value(outputs, np.arange(20)), np.log(shares / (1 - shares)), rtol=1e-5)
    backwards = np.arange(20)[::-1]
    np.testing.assert_allclose(
        focus.value(outputs[::-1], backwards), focus.value(outputs, np.arange(20))[::-1]
    )


@pytest.mark.parametrize(("task", "num_outputs"), [("classify", 1), ("classify", 3), ("multilabel", 3)])
def test_the_slope_is_that_of_the_number(task: str, num_outputs: int) -> None:
    outputs = np.random.default_rng(1).normal(0, 2, (9, num_outputs))
    focus, rows = Focus.on(outputs, stub(task, num_outputs).schema, Decode()), np.arange(9)
    step, found = 1e-6, focus.slope(outputs, rows)
    for column in range(num_outputs):
        moved = outputs + step * (np.arange(num_outputs) == column)
        measured = (focus.value(moved, rows) - focus.value(outputs, rows)) / step
        np.testing.assert_allclose(found[:, column], measured, atol=1e-5)


def test_a_score_is_explained_in_its_own_units_and_beyond_its_range() -> None:
    decode = Decode(offset=3.0, spread=2.0, low=1.0, high=5.0)
    (record,) = stub("score", 1, decode).explain(["cat cat cat"], "occlusion")
    cat = 2.0 * float(CountsWords(1).table["cat"][0])
    # Without one at an end "cat cat" is still there, without the middle one there are two blanks.
    assert weights(record) == pytest.approx([cat, cat + 2.0, cat], rel=1e-4)


def test_the_label_that_is_explained_is_named_where_there_may_be_several() -> None:
    predictor = stub("multilabel")
    for text in TEXTS:
        (record,) = predictor.explain([text], "occlusion")
        outputs = predictor.engine.outputs([text])[0]
        assert record["explained"] == LABELS[outputs.argmax()]
        assert record["labels"][:1] in ([], [record["explained"]])
    assert "explained" not in stub().explain(["cat"], "occlusion")[0]


# What was read.


@pytest.mark.parametrize("keep", ["head", "tail", "both"])
@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "word"},
        {"kind": "word", "drop_unknown": True},
        {"kind": "classic"},
        {"kind": "char"},
        {"kind": "bpe", "vocabulary_size": 300},
        {"kind": "unigram", "vocabulary_size": 300},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_the_tokens_are_those_that_the_network_gets(settings: dict[str, Any], keep: Any) -> None:
    plain = train_tokenizer(TEXTS * 2, TokenizerSettings(**settings, max_length=5, truncate=keep))
    texts = [*TEXTS, "the wombat, CAT and 😀 dog 恨 我 ran   and ran", "xyz", "好" * 9]
    for tokenizer in (plain, framed(plain)):
        readings, encoded = read_tokens(tokenizer, texts), tokenizer.encode(texts)
        rows = tokenizer.frame.around(Ragged.from_lists([reading.ids or [] for reading in readings]))
        assert [row.tolist() for row in rows] == [row.tolist() for row in encoded.rows]
        assert sum(reading.cut for reading in readings) == encoded.num_lost > 0
        for text, reading in zip(texts, readings, strict=True):
            assert len(reading.spans) == len(reading.ids or [])
            assert all(0 <= start <= end <= len(text) for start, end in reading.spans)


@pytest.mark.parametrize("kind", ["word", "classic", "bpe", "unigram"])
def test_places_are_those_of_words_without_blanks(kind: str) -> None:
    text = "the cat  sat\n我爱你"
    tokenizer = train_tokenizer([text] * 3, TokenizerSettings(kind=kind, vocabulary_size=600))
    (reading,) = read_tokens(tokenizer, [text])
    found = [text[start:end] for start, end in reading.spans]
    assert not any(piece != piece.strip() for piece in found if piece.strip())
    assert {"the", "cat", "sat"} <= set(found)


def test_words_of_a_model_that_reads_no_tokens() -> None:
    text = "Don't  go,我爱iPhone 12！❤️"
    (reading,) = read_words([text])
    assert [text[start:end] for start, end in reading.spans] == [
        "Don't", "go", ",", "我", "爱", "iPhone", "12", "！", "❤️"
    ]  # fmt: skip
    assert reading.cut == 0


# The methods.


@pytest.mark.parametrize("num_outputs", [1, 3])
@pytest.mark.parametrize("method", ["gradient", "integrated", "occlusion"])
def test_a_linear_network_is_explained_exactly(method: str, num_outputs: int) -> None:
    """Log-odds of a sum of outputs are linear for one output; for three they are for multilabel."""
    engine = linear(num_outputs)
    task = "classify" if num_outputs == 1 else "multilabel"
    predictor = Predictor(engine, schema(task, "ab" if num_outputs == 1 else LABELS), Decode())
    network: Any = engine.network
    with torch.no_grad():
        adds = (network.embedding.weight @ network.head.weight.T).numpy()
    for text, record in zip(TEXTS, predictor.explain(TEXTS, method), strict=True):
        row, outputs = engine.tokenizer.encode([text]).rows[0], engine.outputs([text])[0]
        column = outputs.argmax()
        sign = -1 if num_outputs == 1 and outputs[0] <= 0 else 1
        np.testing.assert_allclose(weights(record), sign * adds[row, column], rtol=1e-4, atol=1e-5)


def test_a_rival_class_speaks_against_the_answer() -> None:
    engine, texts = linear(3), ["cat dog"]
    predictor = Predictor(engine, schema(), Decode())
    network: Any = engine.network
    ids = engine.tokenizer.vocabulary
    with torch.no_grad():
        network.embedding.weight.zero_()
        network.head.weight.zero_()
        network.head.weight[0, 0] = network.head.weight[1, 1] = 1.0
        network.embedding.weight[ids["cat"], 0] = 3.0
        network.embedding.weight[ids["dog"], 1] = 1.0
    for method in ("gradient", "integrated", "occlusion"):
        (record,) = predictor.explain(texts, method)
        assert (
            record["label"] == "a" and record["tokens"][0]["weight"] > 1 > 0 > record["tokens"][1]["weight"]
        )


def test_integrated_gradients_take_more_points_where_sixteen_are_too_few() -> None:
    """A switch: the answer jumps at half of the way, which sixteen points cannot see exactly."""

    class Switch(Linear):
        def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Output:
            plain = super().forward(input_ids, attention_mask).logits
            return Output(torch.tanh(40 * (plain - 0.49)))

    tokenizer = train_tokenizer(TEXTS, TokenizerSettings(kind="word"))
    network = Switch(Shape(tokenizer.size, 1))
    with torch.no_grad():
        network.embedding.weight.fill_(1 / 6)
        network.embedding.weight[0] = 0
        network.head.weight.fill_(1.0)
        network.head.bias.zero_()
    predictor = Predictor(
        NetworkEngine("x", {}, Shape(3, 1), network, tokenizer), schema(labels="ab"), Decode()
    )
    for record in predictor.explain(["cat", "cat dog", "the cat sat"], "integrated"):
        assert sum(weights(record)) == pytest.approx(2.0, rel=0.03)


def test_attention_is_what_the_pooling_weighed() -> None:
    tokenizer = train_tokenizer(TEXTS, TokenizerSettings(kind="word", max_length=4, truncate="tail"))
    shape, settings = Shape(tokenizer.size, 1), RecurrentSettings(embedding=4, hidden=3, init="torch")
    torch.manual_seed(1)
    network = build("gru", settings, shape).eval()
    predictor = Predictor(NetworkEngine("gru", {}, shape, network, tokenizer), schema(labels="ab"), Decode())
    (record,) = predictor.explain(["the cat sat a dog"], "attention")
    row = torch.from_numpy(tokenizer.encode(["the cat sat a dog"]).rows[0]).long()[None]
    with torch.no_grad():
        expected = network(row, row > 0).token_weights[0].tolist()
    assert [token["text"] for token in record["tokens"]] == ["cat", "sat", "a", "dog"]
    assert weights(record) == pytest.approx(expected, rel=1e-4)
    assert record["cut"] == 1


@pytest.mark.parametrize("text", ["good coffee and kind people", "难喝，再也不来了", "bad,good"])
def test_occlusion_of_bag_is_the_difference_of_two_predictions(text: str) -> None:
    predictor = textwright.load(FOLDERS / "bag")
    (record,) = predictor.explain([text], "occlusion")
    sign = 1 if record["label"] == predictor.schema.labels[1] else -1
    for token in record["tokens"]:
        blank = " " if token["text"] == "," else ""  # or two words would become one
        bare = text[: token["start"]] + blank + text[token["end"] :]
        whole, less = predictor.engine.outputs([text, bare])[:, 0]
        assert token["weight"] == pytest.approx(sign * (whole - less), abs=1e-5)
    assert max(map(abs, weights(record))) > 0.5


def test_occlusion_in_small_parts_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, predictor = [*TEXTS, "", "cat"] * 3, stub()
    whole = predictor.explain(texts, "occlusion")
    one_by_one = stub()
    monkeypatch.setattr(occlusion, "_SIZE", 12)
    assert one_by_one.explain(texts, "occlusion") == whole
    assert predictor.engine.most > len(texts) >= one_by_one.engine.most  # type: ignore[attr-defined]


def test_explaining_bag_needs_no_torch() -> None:
    code = (
        "import sys, textwright\n"
        "textwright.load(sys.argv[1]).explain(['good coffee'], 'occlusion')\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(FOLDERS / "bag")], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_every_part_of_a_network_is_put_back_as_it_was() -> None:
    network = nn.Sequential(nn.Dropout(), nn.Sequential(nn.Linear(1, 1), nn.Dropout()), nn.Dropout()).train()
    network[1].eval()
    before = [part.training for part in network.modules()]
    with pytest.raises(KeyError), at_rest(network):
        assert not any(part.training for part in network.modules())
        raise KeyError
    assert [part.training for part in network.modules()] == before


# Asking for it.


def test_a_wrong_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match="unknown method of explaining 'oclusion'\nDid you mean 'occlusion'"
    ):
        stub().explain([], "oclusion")
    with pytest.raises(ConfigError, match=r"by gradient: stub has no token vectors\nUse occlusion\."):
        stub().explain(["x"])
    with pytest.raises(ConfigError, match=r"cnn has no attention\nUse gradient, integrated or occlusion\."):
        textwright.load(FOLDERS / "cnn").explain(["x"], "attention")
    with pytest.raises(TypeError, match=r"give \[text\]"):
        stub().explain("cat", "occlusion")
    assert stub().explain([], "occlusion") == []


def test_places_are_in_the_cleaned_text() -> None:
    (record,) = stub().explain(["\ufeff \r\n cat\r\nra\u0300n\u200b dog "], "occlusion")
    assert record["text"] == "cat\nràn dog"
    assert [(t["text"], t["start"], t["end"]) for t in record["tokens"]] == [
        ("cat", 0, 3), ("ràn", 4, 7), ("dog", 8, 11)
    ]  # fmt: skip


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with path.open(encoding="utf-8", newline="") as file:
        return [{**row, "tokens": json.loads(row["tokens"])} for row in csv.DictReader(file)]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
@pytest.mark.parametrize("task", ["classify", "multilabel"])
def test_a_file_gets_the_tokens_of_every_row(ending: str, task: str, tmp_path: Path) -> None:
    data, out = tmp_path / "a.csv", tmp_path / f"o.{ending}"
    data.write_text("id,text\n1,cat,extra\n2,a cat ran\n3,\n4,好 dog\n" + "5,dog\n" * 9, encoding="utf-8")
    predictor = stub(task)
    done = answer_file(predictor, data, str(out), probabilities=True, explain="occlusion")
    rows = rows_of(out)
    assert done == Answered(13, 1, "row 2: row has more cells than the header") and len(rows) == 13
    assert [row["text"] for row in rows[:4]] == ["1,cat,extra", "a cat ran", "", "好 dog"]
    assert rows[0]["tokens"] == [] and rows[2]["tokens"] == []
    (expected,) = predictor.explain(["a cat ran"], "occlusion")
    assert rows[1]["tokens"] == expected["tokens"] and len(expected["tokens"]) == 3
    assert str(rows[1]["cut"]) == str(rows[0]["cut"]) == "0"


def test_without_being_asked_for_nothing_is_added(tmp_path: Path) -> None:
    data = tmp_path / "a.csv"
    data.write_text("id,text\n1,cat\n", encoding="utf-8")
    answer_file(stub(), data, str(tmp_path / "o.jsonl"))
    assert set(rows_of(tmp_path / "o.jsonl")[0]) == {"text", "label", "probability"}


def test_from_the_command_line(tmp_path: Path) -> None:
    data, out = tmp_path / "a.txt", tmp_path / "o.jsonl"
    data.write_text("good coffee\n难喝\n", encoding="utf-8")
    given = ["predict", str(FOLDERS / "lstm"), str(data), "--out", str(out), "--explain"]
    done = CliRunner().invoke(app, [*given, "gradient", "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout.splitlines()[-1])["n"] == 2
    assert [[token["text"] for token in row["tokens"]] for row in rows_of(out)] == [
        ["good", "coffee"],
        ["难", "喝"],
    ]
    out.unlink()
    wrong = CliRunner().invoke(app, [*given, "gradint"])
    assert wrong.exit_code == 2 and "Did you mean 'gradient'" in wrong.output and not out.exists()
    given[1] = str(FOLDERS / "cnn")
    refused = CliRunner().invoke(app, [*given, "attention"])
    assert refused.exit_code == 2 and "cnn has no attention" in refused.output and not out.exists()


def test_the_help_names_every_method() -> None:
    shown = CliRunner().invoke(app, ["predict", "--help"], terminal_width=200).output
    assert all(name in shown for name in METHODS)


def test_the_frame_is_left_out() -> None:
    tokenizer: Tokenizer = framed(train_tokenizer(TEXTS, TokenizerSettings(kind="word", max_length=2)))
    assert tokenizer.frame is not NO_FRAME and tokenizer.settings.max_length == 4
    (reading,) = read_tokens(tokenizer, ["the cat sat"])
    assert (reading.spans, reading.cut) == ([(0, 3), (4, 7)], 1)
