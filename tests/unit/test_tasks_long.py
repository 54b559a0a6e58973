"""How engines read long texts: pooling of chunks, slopes, short texts as ever, folders, other languages."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textwright.core.errors import ConfigError
from textwright.core.ragged import Ragged
from textwright.models.base import Shape
from textwright.models.registry import ARCHITECTURES
from textwright.models.transformer.settings import TransformerSettings
from textwright.tasks.trainers.encoder import LONG_FILE, EncoderEngine
from textwright.tasks.trainers.engine import NetworkEngine, run
from textwright.tasks.trainers.long import CUT, Long
from textwright.text.chunks import chunked
from textwright.text.tokenizers import TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.framed import framed

WORDS = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"]
LONG, SHORT = " ".join(WORDS), ["a b", "", "c d e f", "k l m n o p"]
WINDOW = 6
WAYS = ["mean", "max", "first_last"]


def engine(name: str = "cnn", num_outputs: int = 1, long: Long = CUT, **settings: Any) -> NetworkEngine:
    given = {"kind": "word", "max_length": WINDOW, "truncate": "both"} | settings
    tokenizer = train_tokenizer([LONG, "我们都说这个地方很好"], TokenizerSettings(**given))
    shape = Shape(tokenizer.size, num_outputs)
    own = {"embedding": 8, "filters": 4} if name == "cnn" else {"embedding": 8, "hidden": 5}
    torch.manual_seed(3)
    architecture = ARCHITECTURES.get(name)
    network = architecture.build(architecture.settings.parse(own), shape).eval()
    return NetworkEngine(name, own, shape, network, tokenizer, long)


def encoder(long: Long = CUT) -> EncoderEngine:
    plain = train_tokenizer([LONG], TokenizerSettings(kind="word", max_length=WINDOW, truncate="head"))
    tokenizer = framed(plain)
    shape = Shape(tokenizer.size, 1, tokenizer.pad_id, labels=("bad", "good"))
    given = {"width": 16, "layers": 1, "heads": 2, "inner": 32, "positions": 16, "dropout": 0.0}
    torch.manual_seed(0)
    network = ARCHITECTURES.get("transformer").build(TransformerSettings.parse(given), shape).eval()
    return EncoderEngine("transformer", {}, shape, network, tokenizer, long)


# Pooling.


def test_the_mean_counts_every_token_once() -> None:
    chunks = chunked(Ragged.from_lists([[1] * 12, [2]]), 6, 0.5)
    outputs = np.array([[4.0], [8.0], [16.0], [5.0]], np.float32)
    found = Long(name="mean").pooled(outputs, chunks)
    np.testing.assert_allclose(found, [[4 * 4.5 / 12 + 8 * 3 / 12 + 16 * 4.5 / 12], [5.0]])
    assert found.dtype == np.float32


def test_the_greatest_is_looked_for_in_each_label_apart() -> None:
    chunks = chunked(Ragged.from_lists([[1] * 12, [2]]), 6, 0.0)
    outputs = np.array([[1.0, -3.0], [-2.0, 4.0], [9.0, 9.0]], np.float32)
    assert Long(name="max").pooled(outputs, chunks).tolist() == [[1, 4], [9, 9]]


@pytest.mark.parametrize("num_outputs", [1, 3])
def test_the_level_of_the_outputs_of_a_softmax_does_not_count(num_outputs: int) -> None:
    rng, chunks = np.random.default_rng(0), chunked(Ragged.from_lists([[1] * 30, [2]]), 6, 0.0)
    outputs, long = rng.normal(size=(6, num_outputs)), Long(name="max", competes=True)
    found = long.pooled(outputs, chunks)
    if num_outputs == 1:  # two classes are the same as a softmax over zero and the output
        two = np.concatenate([np.zeros((6, 1)), outputs], axis=1)
        both = long.pooled(two, chunks)
        np.testing.assert_allclose(found[0], both[0, 1:] - both[0, :1])
        np.testing.assert_allclose(long.pooled(-outputs, chunks), -found, atol=1e-12)
    else:
        lifted = long.pooled(outputs + rng.normal(size=(6, 1)), chunks)
        np.testing.assert_allclose(lifted[0], found[0])
    assert found[1].tolist() == outputs[5].tolist()


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize(("competes", "num_outputs"), [(True, 1), (True, 4), (False, 1), (False, 3)])
def test_slopes_are_those_of_the_pooled_outputs(name: Any, competes: bool, num_outputs: int) -> None:
    rng, long = np.random.default_rng(1), Long(name=name, competes=competes)
    chunks = chunked(Ragged.from_lists([[1] * 20, [1], [1] * 9, []]), 6, 0.25)
    outputs = rng.normal(0, 2, (len(chunks.rows), num_outputs))
    weights = rng.normal(size=(4, num_outputs))
    found, step = long.slopes(outputs, chunks, weights), 1e-6
    for place in np.ndindex(outputs.shape):
        moved = outputs.copy()
        moved[place] += step
        gain = ((long.pooled(moved, chunks) - long.pooled(outputs, chunks)) * weights).sum()
        assert found[place] == pytest.approx(gain / step, abs=1e-4)


@pytest.mark.parametrize("competes", [True, False])
@pytest.mark.parametrize("name", WAYS)
def test_votes_add_up_to_one_for_each_text(name: Any, competes: bool) -> None:
    rng, chunks = np.random.default_rng(2), chunked(Ragged.from_lists([[1] * 20, [1]]), 6, 0.25)
    for num_outputs in (1, 3):
        outputs = rng.normal(size=(len(chunks.rows), num_outputs)).round()
        for factor in (-1.0, 1.0):
            votes = Long(name=name, competes=competes).votes(
                outputs, chunks, np.zeros(2, np.int64), np.full(2, factor)
            )
            np.testing.assert_allclose(np.add.reduceat(votes, chunks.offsets[:-1]), 1)


# Engines.


@pytest.mark.parametrize("name", WAYS)
def test_texts_that_fit_are_answered_with_the_same_bits(name: Any) -> None:
    texts = [*SHORT * 40, "我们都说"]
    for made in (engine(), engine("lstm", 3), encoder()):
        chunked_too = replace(made, long=Long(name=name))
        assert np.array_equal(made.outputs(texts), chunked_too.outputs(texts))
        assert chunked_too.outputs([]).shape == made.outputs([]).shape


@pytest.mark.parametrize("make", [engine, encoder])
def test_a_long_text_is_the_pool_of_its_chunks_each_in_a_frame(make: Any) -> None:
    made = make(long=Long(name="mean", overlap=0.5))
    ids = made.tokenizer.whole([LONG])[0].tolist()
    assert len(ids) == 20
    starts = [0, 2, 5, 8, 11, 14]
    rows = [made.tokenizer.frame.around(Ragged.from_lists([ids[s : s + WINDOW]]))[0].tolist() for s in starts]
    if make is encoder:
        frame = made.tokenizer.frame
        assert all((row[0], row[-1]) == (frame.prefix[0], frame.suffix[0]) for row in rows)
    borders = [0, *((a + b + WINDOW) / 2 for a, b in pairwise(starts)), 20]
    shares = np.diff(borders) / 20
    outputs = run(made.network, Ragged.from_lists(rows), made.tokenizer.pad_id)
    both = made.outputs(["a b", LONG])
    assert both[1] == pytest.approx(shares @ outputs, abs=1e-6)
    assert both[0] == pytest.approx(replace(made, long=CUT).outputs(["a b"])[0], abs=1e-6)


def test_first_and_last_leave_the_middle_out() -> None:
    made = engine(long=Long(name="first_last", overlap=0.5))
    changed = LONG.replace(" i ", " a ")
    assert np.array_equal(made.outputs([LONG]), made.outputs([changed]))
    ends = replace(made, long=CUT).outputs([" ".join(WORDS[:6]), " ".join(WORDS[-6:])])
    assert made.outputs([LONG]) == pytest.approx(ends.mean(0, keepdims=True), abs=1e-6)
    assert not np.array_equal(made.outputs([LONG]), made.outputs([LONG.replace(" t", " a")]))


def test_every_token_has_a_say_unless_texts_are_cut() -> None:
    for name, has_say in (("cut", False), ("mean", True)):
        made = engine(long=Long(name=name))
        assert np.array_equal(made.outputs([LONG]), made.outputs([LONG.replace(" j ", " a ")])) != has_say


def test_chinese_texts_are_read_to_their_end() -> None:
    made, text = engine(long=Long(name="mean")), "我们都说这个地方很好" * 3
    chunks = made.long.chunks(made.tokenizer.whole([text]), made.tokenizer)
    pieces = made.tokenizer.pieces
    assert "".join(pieces[i] for i in chunks.rows[0]) == "我们都说这个"
    assert "".join(pieces[i] for i in chunks.rows[len(chunks.rows) - 1]) == "这个地方很好"
    assert not np.array_equal(made.outputs([text]), made.outputs([text[:-1] + "我"]))


def test_unknown_words_that_are_dropped_take_no_room() -> None:
    made = engine(long=Long(name="mean"), drop_unknown=True)
    texts = [" ".join([*WORDS[:5], "zzz", "yyy", "f"]), "zzz yyy"]
    assert made.tokenizer.whole(texts).lengths.tolist() == [6, 0]
    assert np.array_equal(made.outputs(texts), replace(made, long=CUT).outputs(texts))


class Limited(nn.Module):
    """The sums of token vectors. With more padded tokens than `most` it says what torch says."""

    def __init__(self, most: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.most, self.num_failures = nn.Embedding(50, 3), most, 0

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> SimpleNamespace:
        if ids_BT.numel() > self.most:
            self.num_failures += 1
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return SimpleNamespace(logits=(self.table(ids_BT) * mask_BT.unsqueeze(-1)).sum(1))


def test_chunks_that_do_not_fit_into_memory_are_halved() -> None:
    texts = [LONG, "a b", LONG + " " + LONG] * 20
    made = replace(engine(num_outputs=3), network=Limited(10**9), long=Long(name="mean"))
    tight = replace(made, network=Limited(100))
    np.testing.assert_allclose(tight.outputs(texts), made.outputs(texts), rtol=1e-5)
    assert tight.network.num_failures > 0  # type: ignore[operator]


# Folders.


def test_a_network_keeps_it_in_its_config(tmp_path: Path) -> None:
    long = Long(name="max", overlap=0.25, competes=True)
    made = engine(long=long)
    made.save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert config["long"] == {"name": "max", "overlap": 0.25, "competes": True}
    again = NetworkEngine.load(tmp_path, config)
    assert again.long == long and np.array_equal(again.outputs([LONG, "a"]), made.outputs([LONG, "a"]))
    with pytest.raises(ConfigError, match=r"long\.name"):
        NetworkEngine.load(tmp_path, {**config, "long": {"name": "min"}})


def test_an_encoder_keeps_it_beside_the_config_of_the_library(tmp_path: Path) -> None:
    for long in (Long(name="mean", overlap=0.25), CUT):
        made, folder = encoder(long), tmp_path / long.name
        folder.mkdir()
        made.save(folder)
        assert (folder / LONG_FILE).exists() == long.is_chunked
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        assert "long" not in config
        again = EncoderEngine.restore(folder, config, "transformer", made.shape)
        assert again.long == long
        np.testing.assert_allclose(again.outputs([LONG, "a"]), made.outputs([LONG, "a"]), atol=1e-6)


def test_what_cuts_is_saved_as_it_ever_was(tmp_path: Path) -> None:
    engine().save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert set(config) == {"architecture", "settings", "vocabulary", "num_outputs"}
    assert NetworkEngine.load(tmp_path, config).long == CUT
