"""The LSTM language model: the equations written out, its state, its first weights, and its folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from textwright import api
from textwright.cli.main import app
from textwright.core.errors import ConfigError
from textwright.models.language.base import Vocabulary
from textwright.models.language.lstm import LSTM, LSTMSettings, RecurrentModel
from textwright.tasks.pretraining.evaluating import evaluate_language
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.writing.model import LanguageModel
from textwright.tasks.writing.sampling import WritingSettings
from textwright.tasks.writing.state import StateReader
from textwright.tasks.writing.writer import begun, write

WORDS = Vocabulary(size=60, pad_id=0, start_id=59, end_id=59)
IDS = torch.randint(1, 59, (3, 12), generator=torch.Generator().manual_seed(1))
TINY = {"name": "lstm", "width": 32, "positions": 32}


def built(**sizes: Any) -> RecurrentModel:
    torch.manual_seed(0)
    network = LSTM.build(LSTMSettings.parse({"width": 16, "inner": 24, **sizes}).sized(), WORDS)
    with torch.no_grad():  # wide, so that a wrong gate is seen
        for parameter in network.parameters():
            parameter.normal_(0, 0.5)
    return network.eval()  # type: ignore[no-any-return]


@torch.no_grad()
def by_hand(network: RecurrentModel, ids: Tensor) -> Tensor:
    """Input, forget, cell and output gate, one token after the other (Hochreiter, Schmidhuber 1997)."""
    weights = {key.removeprefix("model."): value for key, value in network.state_dict().items()}
    x_TBD = weights["model.embed_tokens.weight"][ids].transpose(0, 1)
    layers = len({key.split(".")[2] for key in weights if key.startswith("model.layers.")})
    for number in range(layers):
        own = {k.rsplit(".", 1)[1]: v for k, v in weights.items() if k.startswith(f"model.layers.{number}.")}
        said = cell = torch.zeros(len(ids), own["weight_hh_l0"].shape[1])
        out = []
        for x in x_TBD:
            gates = x @ own["weight_ih_l0"].T + own["bias_ih_l0"]
            gates = gates + said @ own["weight_hh_l0"].T + own["bias_hh_l0"]
            enters, stays, new, leaves = gates.chunk(4, 1)
            cell = stays.sigmoid() * cell + enters.sigmoid() * new.tanh()
            said = leaves.sigmoid() * cell.tanh()
            out.append(said)
        x_TBD = torch.stack(out)
    if "model.projection.weight" in weights:
        x_TBD = x_TBD @ weights["model.projection.weight"].T
    return x_TBD.transpose(0, 1) @ weights["model.embed_tokens.weight"].T


@pytest.mark.parametrize("sizes", [{}, {"layers": 3}, {"inner": 16}])
def test_logits_are_those_of_the_equations(sizes: dict[str, int]) -> None:
    network = built(**sizes)
    with torch.no_grad():
        found = network(IDS, IDS > 0).logits
    assert torch.allclose(found, by_hand(network, IDS), atol=1e-5)


def test_a_state_goes_on_as_if_all_was_read_at_once() -> None:
    network = built()
    whole = by_hand(network, IDS)
    reader = StateReader(network.model)
    assert torch.allclose(reader.read(IDS[:, :4]), whole[:, 3], atol=1e-5)
    for place in range(4, 12):
        assert torch.allclose(reader.read(IDS[:, place : place + 1]), whole[:, place], atol=1e-5)
    assert reader.length == 12
    reader.follow(torch.tensor([2, 0, 0]))
    other = torch.tensor([[5], [6], [7]])
    now = by_hand(network, torch.cat([IDS[[2, 0, 0]], other], 1))[:, -1]
    assert torch.allclose(reader.read(other), now, atol=1e-5)


def test_padding_before_a_text_is_not_read() -> None:
    network, sizes = built(), [3, 12, 3]
    mask = torch.arange(12) >= 12 - torch.tensor(sizes)[:, None]
    reader = StateReader(network.model)
    found = [reader.read(IDS.where(mask, 0), mask)]
    more = torch.tensor([[7], [8], [9]])
    found.append(reader.read(more, torch.cat([mask, mask.new_ones(3, 1)], 1)))
    for row, size in enumerate(sizes):
        alone = by_hand(network, torch.cat([IDS[row, 12 - size :], more[row]])[None])[0]
        for ours, theirs in zip(found, alone[-2:], strict=True):
            assert torch.allclose(ours[row], theirs, atol=1e-5)
    with pytest.raises(ValueError, match="padding must stand behind a text"):
        network.model(input_ids=IDS, attention_mask=mask)


def test_first_weights_forget_little_and_both_ends_are_one_table() -> None:
    network = LSTM.build(LSTMSettings(width=16).sized(), WORDS)
    for layer in network.model.model.layers:
        assert layer.hidden_size == 32
        _, forget, *_ = layer.bias_ih_l0.chunk(4)
        assert bool((forget == 1).all()) and float(layer.bias_ih_l0.detach().sum()) == 32
        assert not layer.bias_hh_l0.requires_grad and not layer.bias_hh_l0.any()
    assert network.model.lm_head.weight is network.model.model.embed_tokens.weight


@pytest.mark.parametrize("sizes", [{}, {"layers": 3}, {"inner": 16}])
def test_the_plan_counts_the_weights_there_are(sizes: dict[str, int]) -> None:
    settings = LSTMSettings.parse({"width": 16, "inner": 24, **sizes}).sized()
    matrices = [p for n, p in built(**sizes).named_parameters() if p.ndim == 2 and "embed" not in n]
    assert settings.num_products() == sum(p.numel() for p in matrices)


def test_dropout_drops_the_same_numbers_at_each_step_and_only_in_learning() -> None:
    network = built(dropout=0.5)
    seen: list[Tensor] = []
    network.model.model.layers[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        plain = network(IDS, IDS > 0).logits
        network.train()(IDS, IDS > 0)
    assert torch.allclose(plain, by_hand(network, IDS), atol=1e-5)
    whole, dropped = (given == 0 for given in seen)
    assert not whole.any() and 0 < float(dropped.float().mean()) < 1
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped)), "at every step the same"


def test_heads_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.heads: an lstm has no attention heads \(found 4\)"):
        LSTMSettings.parse({"heads": 4}, where="model.")


# The folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "dog", "who", "ran", "far"]
    lines = [" ".join(words[int(k)] for k in rng.integers(0, 12, 9)) + "." for _ in range(400)]
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text("春眠不觉晓，处处闻啼鸟。\n".join("\n".join(lines).split("the ", 1)), encoding="utf-8")
    return path


def recipe(**more: Any) -> PretrainRecipe:
    asked = {"model": TINY, "tokenizer": {"vocabulary_size": 300}, "budget": {"tokens": 30_000}}
    return PretrainRecipe.parse({**asked, "learn": {"batch": 8}, **more})


@pytest.fixture(scope="module")
def folder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "states"
    made = api.pretrain([corpus], out, recipe(compute={"compile": True}))
    assert made.model == "lstm" and made.objective == "causal"
    assert made.scores["bits_per_byte"].value < 2.2, "of about five for letters at random"
    return out


def test_the_plan_says_what_is_usual_for_it(folder: Path) -> None:
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert plan["model"]["layers"] == 2 and plan["model"]["inner"] == 64
    assert (
        plan["learn"]["optimizer"]["name"] == "adamw"
        and "four gates" in plan["reasons"]["learn.optimizer.name"]
    )
    assert plan["reasons"]["compute.compile"] == "no: torch leaves recurrent layers as they are"
    assert plan["quickened"] == (["autocast to bf16"] if plan["compute"]["precision"] == "bf16" else [])


def test_it_writes_on_past_the_rows_it_learned_from(folder: Path) -> None:
    """A state needs no window: the 90th token still follows from the first."""
    loaded = LanguageModel.load(folder)
    settings = WritingSettings(precision="fp32", temperature=0, max_tokens=90)
    found = write(loaded, ["the cat", "a"], settings)
    for beginning, text in zip(("the cat", "a"), found, strict=True):
        assert text.num_tokens == 90 > 2 * loaded.length
        first = begun(loaded, beginning)
        with torch.no_grad():
            logits = loaded.model(input_ids=torch.tensor([[*first, *text.ids[:-1]]])).logits[0]
        assert logits[len(first) - 1 :].argmax(-1).tolist() == list(text.ids)
    beams = write(loaded, ["the"], settings.replaced({"beams": 3, "max_tokens": 50}))[0]
    assert beams.num_tokens == 50 or beams.ended == "end"


def test_it_is_evaluated_and_gone_on_with(folder: Path, corpus: Path, tmp_path: Path) -> None:
    before = evaluate_language(folder, corpus).scores["bits_per_byte"].value
    more = recipe(model={"checkpoint": str(folder)}, tokenizer="auto")
    made = api.pretrain([corpus], tmp_path / "more", more)
    assert made.model == "lstm"
    assert evaluate_language(tmp_path / "more", corpus).scores["bits_per_byte"].value < before
    little = recipe(model={"checkpoint": str(folder), "tune": "lora"}, tokenizer="auto")
    with pytest.raises(ConfigError, match="adds to layers of attention, and the checkpoint is a lstm"):
        api.pretrain([corpus], tmp_path / "x", little)
    rows = tmp_path / "rows.csv"
    lines = [f"{word} {n}?,it ran far\n" for n in range(20) for word in ("cat", "dog")]
    rows.write_text("prompt,response\n" + "".join(lines), encoding="utf-8")
    taught = recipe(
        objective="instruct",
        model={"checkpoint": str(folder)},
        tokenizer="auto",
        budget={},
        learn={"epochs": 30, "batch": 8, "optimizer": {"rate": 0.01}},
    )
    api.pretrain([rows], tmp_path / "talks", taught)
    talk = api.chat(tmp_path / "talks", {"temperature": 0, "max_tokens": 8})
    assert "".join(talk.say("cat 3?")) == "it ran far"


def test_labels_are_refused_with_what_to_do(folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "rows.csv"
    data.write_text("text,label\n" + "good film,yes\nbad film,no\n" * 30, encoding="utf-8")
    line = ["train", str(data), "--from", str(folder), "--out", str(tmp_path / "x"), "--minutes", "1"]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 2
    assert "is an lstm that writes, and no classifier is made of one\n" in done.stderr
    assert "textwright train DATA --model lstm" in done.stderr


def test_the_card_says_whose_class_it_is_and_its_code_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = (folder / "README.md").read_text(encoding="utf-8")
    assert "library_name: textwright" in english and "textwright train" not in english
    assert "属于 Textwright" in (folder / "README.zh.md").read_text(encoding="utf-8")
    monkeypatch.chdir(folder.parent)
    python = re.findall(r"```python\n(.*?)```", english, re.DOTALL)[0]
    made: dict[str, Any] = {}
    exec(python, made)
    ids = made["tokenizer"]("the cat", return_tensors="pt").input_ids
    with torch.no_grad():
        found = made["model"](input_ids=ids).logits
        assert torch.equal(found, LanguageModel.load(folder).model(input_ids=ids).logits)
