"""Every language model: the logits of its Hugging Face class, nothing of the future, saved and read back."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from textwright.core.errors import CheckpointError
from textwright.learn.objectives import UNTOLD, Objective, by_rows, next_token, told_token
from textwright.models.fast.apply import accelerated
from textwright.models.language.base import Vocabulary
from textwright.models.language.causal import grow
from textwright.models.language.registry import LANGUAGE_MODELS, USUAL
from textwright.models.language.settings import LanguageSettings
from textwright.models.language.tuned import tune_lora
from textwright.models.transformer.lora import merged

SMALL = LanguageSettings(width=32, layers=2, heads=2, inner=64, positions=16)
WORDS = Vocabulary(size=60, pad_id=0, start_id=57, end_id=58, mask_id=59)


def built(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    network: torch.nn.Module = LANGUAGE_MODELS.get(name).build(SMALL, WORDS)
    return network.eval()


def inputs(name: str, rows: int = 3) -> tuple[Tensor, ...]:
    ids = torch.randint(1, 57, (rows, 12), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids, dtype=torch.bool)
    if LANGUAGE_MODELS.get(name).objective == "causal":
        return ids, mask
    return ids, mask, torch.tensor([[2, 5, 7], [0, 1, 11], [3, 4, 9]])[:rows]


def of_the_class(network: torch.nn.Module, given: tuple[Tensor, ...]) -> Tensor:
    """Logits of the library's class for the same inputs."""
    model: Any = network.model
    if model.config.is_encoder_decoder:
        found: Tensor = model(input_ids=given[0], decoder_input_ids=given[2]).logits
        return found
    found = model(input_ids=given[0]).logits
    if len(given) == 2:
        return found
    return torch.stack([row[places] for row, places in zip(found, given[2], strict=True)])


def named(*objectives: str) -> list[str]:
    return [name for name in LANGUAGE_MODELS if LANGUAGE_MODELS.get(name).objective in objectives]


def test_there_is_a_usual_one_for_each_objective() -> None:
    assert {LANGUAGE_MODELS.get(name).objective for name in USUAL.values()} == set(USUAL)


@pytest.mark.parametrize("name", [*LANGUAGE_MODELS])
def test_logits_are_those_of_the_class(name: str) -> None:
    network, given = built(name), inputs(name)
    with torch.no_grad():
        found, whole = network(*given).logits, of_the_class(network, given)
    assert found.shape == whole.shape and torch.allclose(found, whole, atol=1e-5)


# Those that may write and fill gaps.
ATTENDING = [name for name in named("causal") if not LANGUAGE_MODELS.get(name).is_recurrent]


@pytest.mark.parametrize("name", named("causal"))
def test_no_token_sees_those_after_it(name: str) -> None:
    network, (ids, mask) = built(name), inputs(name)
    other = ids.clone()
    other[:, 8:] = (other[:, 8:] + 7) % 50 + 1
    with torch.no_grad():
        one, two = network(ids, mask).logits, network(other, mask).logits
    assert torch.equal(one[:, :8], two[:, :8]) and not torch.allclose(one[:, 8:], two[:, 8:])


@pytest.mark.parametrize("precision", [None, "fp32", "bf16"])
@pytest.mark.parametrize("name", ATTENDING)
def test_rows_of_both_kinds_in_one_step_see_what_they_may(name: str, precision: str | None) -> None:
    """Row 0 is causal, to the last bit, with the fast path in and without; row 1 is seen from both sides."""
    network, (ids, _) = built(name).train(), inputs(name)
    seen = torch.ones(len(ids), 12, 12, dtype=torch.bool)
    seen[0] = seen[0].tril()

    def logits(ids: Tensor) -> Tensor:
        with torch.no_grad():
            found: Tensor = network(ids, seen).logits.float()
        return found

    fast = nullcontext() if precision is None else accelerated(network, precision, (ids, seen))
    with fast as done:
        assert precision is None or "attention by length" in (done or [])
        whole = logits(ids)
        for place in (3, 11):
            other = ids.clone()
            other[:, place] = other[:, place] % 50 + 1
            found = logits(other)
            assert torch.equal(found[0, :place], whole[0, :place]), "nothing of the future"
            assert not torch.equal(found[0, place:], whole[0, place:])
            assert (found[1:, :place] != whole[1:, :place]).any(-1).all(), "every place sees what comes later"
    if precision is None:
        alone = network.eval()(ids[:1], torch.ones(1, 12, dtype=torch.bool)).logits
        assert torch.allclose(whole[0], alone[0], atol=1e-5), "as in a step of its own kind"


@pytest.mark.parametrize("name", ATTENDING)
def test_a_gap_is_told_from_the_place_before_it_with_both_sides_seen(name: str) -> None:
    network, (ids, mask) = built(name), inputs(name)
    places = torch.tensor([[1, 5, 7], [2, 3, 11], [3, 4, 9]])
    with torch.no_grad():
        found = network(ids, mask, places).logits
        whole = network(ids, torch.ones(3, 12, 12, dtype=torch.bool)).logits
        assert found.shape == (3, 3, WORDS.size)
        for row, at, wanted in zip(found, places, whole, strict=True):
            assert torch.allclose(row, wanted[at - 1], atol=1e-5)
        short = network(ids[:1, :9], mask[:1, :9], places[:1]).logits
        mask[0, 9:] = False
        assert torch.allclose(network(ids, mask, places).logits[:1], short, atol=1e-5), "padding is not seen"


@pytest.mark.parametrize("name", named("denoise"))
def test_what_is_told_sees_all_that_is_read_and_nothing_of_its_future(name: str) -> None:
    network, (ids, mask, told) = built(name), inputs(name)
    other, later = ids.clone(), told.clone()
    other[:, 11] = other[:, 11] % 50 + 1
    later[:, 2] = later[:, 2] % 50 + 1
    with torch.no_grad():
        plain = network(ids, mask, told).logits
        assert not torch.allclose(plain[:, 0], network(other, mask, told).logits[:, 0])
        assert torch.equal(plain[:, :2], network(ids, mask, later).logits[:, :2])
        hidden = mask.clone()
        hidden[:, 11] = False
        assert torch.allclose(
            network(ids, hidden, told).logits, network(other, hidden, told).logits, atol=1e-6
        )


@pytest.mark.parametrize("name", named("masked"))
def test_a_gap_is_seen_from_both_sides(name: str) -> None:
    network, (ids, mask, places) = built(name), inputs(name)
    for changed in (0, 11):
        other = ids.clone()
        other[:, changed] = other[:, changed] % 50 + 1
        with torch.no_grad():
            assert not torch.allclose(network(ids, mask, places).logits, network(other, mask, places).logits)


@pytest.mark.parametrize("name", [*LANGUAGE_MODELS])
def test_a_folder_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    network, given = built(name), inputs(name)
    network.model.save_pretrained(tmp_path)  # type: ignore[operator]
    architecture = LANGUAGE_MODELS.get(name)
    read = architecture.read(tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(read(*given).logits, network(*given).logits)
    assert architecture.length(read.model.config) == 16
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="the model cannot be loaded"):
        architecture.read(tmp_path)


@pytest.mark.parametrize("name", [*LANGUAGE_MODELS])
def test_the_fast_path_computes_nearly_the_same_gradient(name: str) -> None:
    network, given = built(name), inputs(name)
    targets = torch.randint(1, 57, given[-1].shape, generator=torch.Generator().manual_seed(2))

    def gradient() -> Tensor:
        network.train()
        network.zero_grad(set_to_none=True)
        next_token(network(*given).logits, targets).total.backward()
        return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])

    plain = gradient()
    with accelerated(network, "bf16", given) as done:
        assert done
        quick = gradient()
    assert float((quick - plain).norm() / plain.norm()) < 0.03
    assert np.isclose(float(gradient().norm()), float(plain.norm()), rtol=1e-6), "taken out again"


@pytest.mark.parametrize("loss", [next_token, told_token, by_rows])
@pytest.mark.parametrize("name", named("causal", "denoise"))
def test_logits_that_are_made_late_give_the_same_loss_and_gradient(
    name: str, loss: Objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textwright.models.language.head._NUMBERS_AT_ONCE", 5 * WORDS.size)
    network, given = built(name).train(), inputs(name)
    targets = torch.randint(1, 57, given[-1].shape, generator=torch.Generator().manual_seed(2))
    if loss is not next_token:
        targets[0, 1:], targets[2, ::2] = UNTOLD, UNTOLD
    late = loss(network(*given).logits, targets).total
    late.backward()
    found = {key: p.grad.clone() for key, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    plain = loss(of_the_class(network, given), targets).total
    plain.backward()
    assert late.item() == pytest.approx(plain.item(), rel=1e-5)
    assert torch.allclose(network(*given).logits.float(), of_the_class(network, given), atol=1e-5)
    for key, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        assert parameter.grad is not None and torch.allclose(found[key], parameter.grad, atol=1e-5), key


@pytest.mark.parametrize("name", [n for n in LANGUAGE_MODELS if not LANGUAGE_MODELS.get(n).is_recurrent])
def test_lora_changes_what_it_adds_and_becomes_part_of_the_weights(name: str, tmp_path: Path) -> None:
    """Learned on the fast path: nearly the gradient of the plain one, and nothing else moves."""
    architecture = LANGUAGE_MODELS.get(name)
    is_causal = architecture.objective == "causal"
    new = range(55, 57) if is_causal else range(0)
    words = Vocabulary(size=70, pad_id=0, start_id=57, end_id=58, mask_id=59)
    torch.manual_seed(0)
    network = architecture.build(SMALL.replaced({"width": 64, "inner": 128}), words)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    given = inputs(name)
    ids, targets = given[0], given[0] if is_causal else given[0][:, :3]
    ids[:, 3] = 55
    with torch.no_grad():
        start = of_the_class(network.eval(), given)
    tune_lora(network, 3, new)
    with torch.no_grad():
        assert torch.allclose(of_the_class(network, given), start, atol=1e-6), "they begin at nothing"
    for key, parameter in network.named_parameters():
        if "lora_B" in key:
            torch.nn.init.normal_(parameter, std=0.2)
    learning = {key: p for key, p in network.named_parameters() if p.requires_grad}
    assert learning and all("lora_" in key or ("rows" in key and is_causal) for key in learning)
    optimizer = torch.optim.SGD(learning.values(), lr=0.01)

    def gradient() -> Tensor:
        network.train().zero_grad(set_to_none=True)
        next_token(network(*given).logits, targets).total.backward()
        return torch.cat([p.grad.flatten() for p in learning.values()])

    plain = gradient()
    with accelerated(network, "bf16", given) as done:
        assert any(what.startswith("bf16 in") for what in done)
        assert float((gradient() - plain).norm() / plain.norm()) < 0.03
        assert not is_causal or network(*given).logits.dtype == torch.bfloat16, "the head, which is large"
        optimizer.step()
    network.eval()
    whole = merged(network)
    assert whole.state_dict().keys() == before.keys()
    for key, value in whole.state_dict().items():
        stays = value == before[key]
        if value.shape == (70, 64):
            assert stays.all(1).logical_not().nonzero().flatten().tolist() == [*new], key
        elif value.ndim == 1 or not (".layer" in key or ".h." in key):
            assert stays.all(), key
    whole.model.save_pretrained(tmp_path)
    with torch.no_grad():
        wanted, first = of_the_class(network, given), of_the_class(whole, given)
        whole.model = type(whole.model).from_pretrained(tmp_path).eval()
        there = of_the_class(whole, given)
    assert torch.allclose(first, wanted, atol=1e-4) and torch.equal(there, first)
    assert float((wanted - start).abs().max()) > 0.01


@pytest.mark.parametrize("name", named("causal"))
@pytest.mark.parametrize("new", [range(55, 57), range(58, 63)])
def test_new_tokens_begin_as_the_mean_of_the_others_with_room_or_without(name: str, new: range) -> None:
    network: Any = built(name)
    before = network.model.get_input_embeddings().weight.detach().clone()
    grow(network.model, new)
    for layer in (network.model.get_input_embeddings(), network.model.get_output_embeddings()):
        assert len(layer.weight) == max(new.stop, WORDS.size)
        assert torch.allclose(
            layer.weight[new.start : new.stop], layer.weight[: new.start].mean(0), atol=1e-6
        )
    assert torch.equal(network.model.get_input_embeddings().weight[: new.start], before[: new.start])
