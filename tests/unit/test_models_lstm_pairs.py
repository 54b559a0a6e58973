"""LSTM layers that read and tell: the equations written out, state, beams, what they learn, the folder."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForSeq2SeqLM

from textwright import api
from textwright.bundle.folder import load_manifest
from textwright.core.errors import ConfigError
from textwright.core.pairframe import PairFrame
from textwright.core.ragged import Ragged
from textwright.export.formats import export
from textwright.learn.objectives import told_token
from textwright.learn.optimizers.build import build_optimizer
from textwright.learn.pairs import Pairs
from textwright.learn.settings import OptimizerSettings
from textwright.models.language.base import Vocabulary
from textwright.models.language.lstm_pairs import (
    LSTM_PAIRS,
    LSTMPairsConfig,
    LSTMPairsSettings,
    RecurrentPairsModel,
)
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.rewriting.asked import recipe_of_pairs
from textwright.tasks.rewriting.engines.library import LibraryEngine
from textwright.tasks.rewriting.model import Rewriter
from textwright.tasks.rewriting.settings import DecodeSettings

WORDS = Vocabulary(size=40, pad_id=1, start_id=0, end_id=2, mask_id=39)
READ = torch.randint(4, 39, (3, 9), generator=torch.Generator().manual_seed(1))
TOLD = torch.randint(4, 39, (3, 6), generator=torch.Generator().manual_seed(2))
ALL = torch.ones_like(READ, dtype=torch.bool)


def built(*, words: Vocabulary = WORDS, **sizes: Any) -> RecurrentPairsModel:
    torch.manual_seed(0)
    asked = {"width": 16, "inner": 24, "positions": 32, **sizes}
    network = LSTM_PAIRS.build(LSTMPairsSettings.parse(asked).sized(), words)
    with torch.no_grad():  # wide, so that a wrong gate is seen
        for parameter in network.parameters():
            parameter.normal_(0, 0.4)
    return network.eval()  # type: ignore[no-any-return]


# The equations


def stepped(own: dict[str, Tensor], x_TBD: Tensor, said: Tensor) -> Tensor:
    """Input, forget, cell and output gate, one token after the other."""
    cell, out = torch.zeros_like(said), []
    for x in x_TBD:
        gates = x @ own["weight_ih_l0"].T + own["bias_ih_l0"]
        enters, stays, new, leaves = (gates + said @ own["weight_hh_l0"].T + own["bias_hh_l0"]).chunk(4, 1)
        cell = stays.sigmoid() * cell + enters.sigmoid() * new.tanh()
        said = leaves.sigmoid() * cell.tanh()
        out.append(said)
    return torch.stack(out)


@torch.no_grad()
def by_hand(network: RecurrentPairsModel, ids: Tensor, told: Tensor) -> Tensor:
    """The logits of texts without padding."""
    weights = {key.removeprefix("model.model."): value for key, value in network.state_dict().items()}

    def part(name: str) -> dict[str, Tensor]:
        return {k.removeprefix(f"{name}."): v for k, v in weights.items() if k.startswith(f"{name}.")}

    table, layers = weights["encoder.embed_tokens.weight"], len(network.model.model.decoder.layers)
    x, inner = table[ids.T] * table.shape[1] ** 0.5, weights["decoder.key.weight"].shape[0]
    zeros = x.new_zeros(len(ids), inner // 2)
    for number in range(layers):
        left, right = (part(f"encoder.layers.{number}.directions.{side}") for side in (0, 1))
        x = torch.cat([stepped(left, x, zeros), stepped(right, x.flip(0), zeros).flip(0)], 2)
    first = (x[0, :, inner // 2 :] @ weights["decoder.begin.weight"].T).tanh().chunk(layers, 1)
    keys = x @ weights["decoder.key.weight"].T
    said = table[told.T] * table.shape[1] ** 0.5
    for number in range(layers):
        said = stepped(part(f"decoder.layers.{number}"), said, first[number])
    seen = torch.einsum("tbs,sbh->tbh", torch.einsum("tbh,sbh->tbs", said, keys).softmax(-1), x)
    vectors = torch.cat([said, seen], 2) @ weights["decoder.projection.weight"].T
    norm = part("decoder.norm")
    vectors = F.layer_norm(vectors, vectors.shape[-1:], norm["weight"], norm["bias"])
    logits: Tensor = vectors.transpose(0, 1) @ table.T
    return logits


@pytest.mark.parametrize("sizes", [{}, {"layers": 1}, {"layers": 3}, {"inner": 16}])
def test_logits_are_those_of_the_equations(sizes: dict[str, Any]) -> None:
    network = built(**sizes)
    with torch.no_grad():
        found = network(READ, ALL, TOLD).logits
    assert torch.allclose(found, by_hand(network, READ, TOLD), atol=1e-4)


@pytest.mark.parametrize("sizes", [{}, {"layers": 1}, {"layers": 3}, {"inner": 16}])
def test_the_plan_counts_the_weights_there_are(sizes: dict[str, Any]) -> None:
    settings = LSTMPairsSettings.parse({"width": 16, "inner": 24, **sizes}).sized()
    matrices = [p for n, p in built(**sizes).named_parameters() if p.ndim == 2 and "embed" not in n]
    assert settings.num_products() == sum(p.numel() for p in matrices)


def test_padding_does_not_matter() -> None:
    network, sizes = built(), (9, 4, 1)
    mask = torch.arange(9) < torch.tensor(sizes)[:, None]
    with torch.no_grad():
        found = network(READ.where(mask, 7), mask, TOLD).logits
        made = network.model(input_ids=READ, attention_mask=mask, decoder_input_ids=TOLD)
    for row, size in enumerate(sizes):
        alone = by_hand(network, READ[row : row + 1, :size], TOLD[row : row + 1])
        assert torch.allclose(found[row], alone[0], atol=1e-4)
        assert not made.cross_attentions[0][row, :, size:].any()
    assert torch.allclose(made.cross_attentions[0].sum(-1), torch.ones(3, 6))
    with pytest.raises(ValueError, match="padding must stand behind a text"):
        network(READ, mask.flip(1), TOLD)


def test_dropout_only_in_learning_and_both_texts_share_a_table() -> None:
    network = built(dropout=0.5)
    assert torch.allclose(network(READ, ALL, TOLD).logits, by_hand(network, READ, TOLD), atol=1e-4)
    network.train()
    one, two = (network(READ, ALL, TOLD).logits.float() for _ in range(2))
    assert not torch.allclose(one, two)
    model = network.model
    assert model.lm_head.weight is model.get_input_embeddings().weight
    model.resize_token_embeddings(50, mean_resizing=False)
    assert model.lm_head.weight is model.model.encoder.embed_tokens.weight and len(model.lm_head.weight) == 50


def test_the_loss_of_the_library_is_of_what_is_told() -> None:
    model, labels = built().model, TOLD.clone()
    labels[1, 4:] = -100
    with torch.no_grad():
        found = model(input_ids=READ, labels=labels)
        known = torch.cat([torch.full((3, 1), 2), TOLD[:, :-1]], 1)
        logits = model(input_ids=READ, decoder_input_ids=known).logits
    assert torch.allclose(found.loss, F.cross_entropy(logits.flatten(0, 1), labels.flatten()), atol=1e-5)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"heads": 4}, r"model\.heads: the attention of an lstm has no heads \(found 4\)"),
        ({"inner": 33}, "inner 33 cannot be shared among two directions"),
    ],
)
def test_sizes_that_it_cannot_have_are_refused(asked: dict[str, int], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        LSTMPairsSettings.parse(asked, where="model.")


# Telling


@torch.no_grad()
def told_one_by_one(network: RecurrentPairsModel, ids: Tensor, steps: int) -> Tensor:
    """The likeliest tokens, all that was told being read again for each."""
    told = torch.full((len(ids), 1), WORDS.end_id)
    for _ in range(steps):
        logits = network(ids, torch.ones_like(ids, dtype=torch.bool), told).logits[:, -1]
        logits[:, WORDS.end_id] = -torch.inf
        told = torch.cat([told, logits.argmax(-1, keepdim=True)], 1)
    return told


@pytest.mark.parametrize("use_cache", [True, False])
def test_greedy_is_a_loop_over_what_was_told(use_cache: bool) -> None:
    network = built()
    found = network.model.generate(
        input_ids=READ,
        attention_mask=ALL.long(),
        max_new_tokens=8,
        suppress_tokens=[WORDS.end_id],
        use_cache=use_cache,
    )
    assert torch.equal(found, told_one_by_one(network, READ, 8))


@torch.no_grad()
def test_enough_beams_find_the_best_of_all_answers() -> None:
    words = Vocabulary(size=9, pad_id=1, start_id=0, end_id=2)
    network = built(words=words)
    ids = READ[:2] % 5 + 4
    pieces, length = range(4, 9), 3
    found = network.model.generate(
        input_ids=ids,
        max_new_tokens=length,
        num_beams=len(pieces) ** 2,
        suppress_tokens=[0, 1, 2, 3],
        num_return_sequences=1,
    )
    every = torch.tensor(list(product(pieces, repeat=length)))
    known = torch.cat([torch.full((len(every), 1), 2), every[:, :-1]], 1)
    for row in range(2):
        logits = by_hand(network, ids[row : row + 1].expand(len(every), -1), known)
        logits[..., :4] = -torch.inf
        shares = logits.log_softmax(-1).gather(-1, every.unsqueeze(-1)).sum((1, 2))
        assert found[row, 1:].tolist() == every[shares.argmax()].tolist()


def test_the_engine_of_translations_scores_what_it_tells() -> None:
    """With padding, beams and several answers; a score is the sum of the shares of the equations."""
    network = built()
    engine = LibraryEngine(network.model, PairFrame.usual(WORDS.end_id), WORDS.pad_id, [0, 1, 39], 32)
    sources = Ragged.from_lists([[5, 6, 7, 2], [8, 2], [9, 10, 11, 12, 13, 14, 2]])
    settings = DecodeSettings(beams=4, answers=2, max_tokens=6)
    for source, answers in zip(sources, engine.decode(sources, settings), strict=True):
        assert len(answers) == 2 and answers[0].score >= answers[1].score
        ids = [*answers[0].ids, 2]
        logits = by_hand(network, torch.tensor(source)[None].long(), torch.tensor([[2, *ids[:-1]]]))[0]
        logits[:, [0, 1, 39]] = -torch.inf  # what is never told has no share
        shares = logits.log_softmax(-1)[range(len(ids)), ids][: len(ids) - (not answers[0].is_whole)]
        assert answers[0].score == pytest.approx(float(shares.mean()), abs=1e-4)


# Learning


def test_it_learns_to_turn_texts_round() -> None:
    """300 pairs in seconds: nearly all of them, and others of the kind."""
    rng = np.random.default_rng(0)
    drawn = {tuple(rng.integers(4, 10, rng.integers(2, 6)).tolist()) for _ in range(900)}
    rows = [list(row) for row in sorted(drawn, key=lambda _: rng.random())][:400]
    sources = Ragged.from_lists([[*row, 2] for row in rows])
    targets = Ragged.from_lists([[*row[::-1], 2] for row in rows])
    learned, other = np.arange(300), np.arange(300, 400)
    pairs = Pairs(sources.take(learned), targets.take(learned), PairFrame.usual(2), 1)
    torch.manual_seed(0)
    words = Vocabulary(size=12, pad_id=1, start_id=0, end_id=2)
    network = LSTM_PAIRS.build(LSTMPairsSettings(width=32, inner=64, positions=16).sized(), words)
    optimizer = build_optimizer(network, OptimizerSettings(name="muon", rate=0.01))
    for epoch in range(25):
        for chosen in pairs.order(32, 0, epoch):
            batch = pairs.batch(chosen)
            loss = told_token(network(*batch.inputs).logits, batch.targets)
            (loss.total / loss.count).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
    engine = LibraryEngine(network.eval().model, PairFrame.usual(words.end_id), words.pad_id, [0, 1], 16)

    def share(chosen: Any) -> float:
        found = engine.decode(sources.take(chosen), DecodeSettings(beams=1))
        return float(np.mean([a[0].ids == rows[i][::-1] for i, a in zip(chosen, found, strict=True)]))

    assert share(learned) > 0.9 and share(other) > 0.7


# The folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    table = dict(zip(["one", "two", "three", "four", "five", "six", "seven"], "一二三四五六七", strict=True))
    words, rows = [*table], []
    for _ in range(260):
        chosen = [words[int(i)] for i in rng.integers(0, 7, int(rng.integers(3, 6)))]
        rows.append(f"{' '.join(chosen)}.\t{''.join(table[word] for word in chosen)}。")
    path = tmp_path_factory.mktemp("pairs") / "numbers.tsv"
    path.write_text("en\tzh\n" + "\n".join(rows), encoding="utf-8")
    return path


SMALL = ["model.width=32", "model.positions=32", "tokenizer.vocabulary_size=300", "budget.tokens=6000"]


@pytest.fixture(scope="module")
def folder(pairs: Path) -> Path:
    made = recipe_of_pairs("translate", SMALL, {"model.name": "lstm"}, {})
    trained = api.train_pairs(pairs, pairs.parent / "model", made)
    assert trained.model == "lstm-pairs" and {"bleu", "chrf"} <= set(trained.scores)
    return trained.out


def test_lstm_means_this_one_where_pairs_are_learned(folder: Path) -> None:
    assert load_manifest(folder).architecture == "lstm-pairs"
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert plan["reasons"]["model.name"] == "lstm-pairs: what lstm is where pairs are learned"
    assert plan["model"]["heads"] == "auto" and plan["model"]["inner"] == 64
    assert (plan["learn"]["optimizer"]["name"], plan["learn"]["optimizer"]["rate"]) == ("muon", 8e-3)
    named = PretrainRecipe.parse({"objective": "summarize", "model": {"name": "lstm-pairs"}})
    assert named.model_name == "lstm-pairs"
    assert PretrainRecipe.parse({"model": {"name": "lstm"}}).model_name == "lstm"


def test_it_translates_and_the_library_opens_it(folder: Path) -> None:
    model = Rewriter.load(folder)
    found = model.rewrite(["one two three.", "seven."])
    assert len(found) == 2 and all(answer.text is not None for answer in found)
    assert isinstance(AutoConfig.from_pretrained(folder), LSTMPairsConfig)
    opened = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    ids = torch.from_numpy(model.sources(["one two three."])[0].astype(np.int64))[None]
    told = torch.tensor([[2, 7, 8]])
    engine: Any = model.engine
    with torch.no_grad():
        one, two = (m(input_ids=ids, decoder_input_ids=told).logits for m in (opened, engine.model))
    assert torch.equal(one, two)


def test_the_report_shows_where_it_looked(folder: Path) -> None:
    lines = (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    looked = [json.loads(line).get("attention") for line in lines]
    assert all(looked[:2]) and not any(looked[2:])
    for record in looked[:2]:
        weights = np.array(record["weights"])
        assert weights.shape == (len(record["told"]), len(record["read"]))
        assert np.allclose(weights.sum(1), 1, atol=0.01)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count('<figcaption id="look-') == 2
    assert "Answer 2: where it looked" in page and "第 2 个结果：它看向哪里" in page


def test_what_cannot_be_is_refused(folder: Path, pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no layers as those of lstm_pairs"):
        export(folder, tmp_path / "quick", "ctranslate2")
    text = tmp_path / "text.txt"
    text.write_text("one two three.\n" * 200, encoding="utf-8")
    for model in ({"name": "lstm-pairs"}, {"checkpoint": str(folder)}):
        for objective in ("auto", "denoise"):
            recipe = PretrainRecipe.parse({"model": model, "objective": objective})
            with pytest.raises(ConfigError, match="lstm-pairs learns from pairs alone, not from raw text"):
                api.pretrain([text], tmp_path / "out", recipe)
    with pytest.raises(ConfigError, match=re.escape("take m2m100, lstm.")):
        api.train_pairs(pairs, tmp_path / "out", recipe_of_pairs("translate", [], {"model.name": "bert"}, {}))


def test_it_is_gone_on_with(folder: Path, pairs: Path, tmp_path: Path) -> None:
    asked = recipe_of_pairs(
        "translate", ["budget.tokens=2000"], {"model.name": "lstm", "model.checkpoint": str(folder)}, {}
    )
    made = api.train_pairs(pairs, tmp_path / "more", asked)
    assert made.model == "lstm-pairs" and made.parameters == load_manifest(folder).parameters
