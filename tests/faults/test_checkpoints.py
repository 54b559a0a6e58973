"""A run that is stopped, stored and continued makes the steps of an undisturbed one; damage is refused."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from textwright.core.clock import Clock
from textwright.core.errors import CheckpointError, TextwrightError
from textwright.core.ragged import Ragged
from textwright.core.records import StepEvent
from textwright.learn import checkpoint
from textwright.learn.batches import Rows
from textwright.learn.checkpoint import load_checkpoint, save_checkpoint
from textwright.learn.loop import Fit, Judgement
from textwright.learn.objectives import cross_entropy
from textwright.learn.settings import LearnSettings
from textwright.models.base import Shape
from textwright.models.registry import ARCHITECTURES

PER_EPOCH, EPOCHS, BEST_CHECK = 6, 8, 4
IDENTITY = {"recipe": {"rate": 1e-3, "widths": (3, 4)}, "data": "abc"}
MODELS: dict[str, dict[str, Any]] = {
    "lstm": {"embedding": 6, "hidden": 5, "dropout": 0.4},
    "cnn": {"embedding": 6, "filters": 4, "dropout": 0.4, "freeze_embeddings": True},
}


def build(name: str, seed: int) -> nn.Module:
    architecture = ARCHITECTURES.get(name)
    torch.manual_seed(seed)
    model: nn.Module = architecture.build(architecture.settings.parse(MODELS[name]), Shape(30, 3))
    return model


def start(name: str = "lstm", optimizer: str = "adamw", *, seed: int = 0) -> Fit:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 8 * PER_EPOCH)
    tokens = Ragged.from_lists([rng.integers(1, 30, 1 + i % 7).tolist() for i in range(len(targets))])
    settings = LearnSettings.parse(
        {"batch": 8, "optimizer": {"name": optimizer, "rate": 0.02}, "patience": 2}
    )
    held_out = [torch.from_numpy(part) for part in tokens.padded()]

    fit = Fit(build(name, seed), Rows(tokens, targets), cross_entropy, settings, EPOCHS, 7, Clock.starting())

    def validate(model: nn.Module) -> Judgement:
        """Depends on the weights; better until the fourth check, worse from then on."""
        with torch.no_grad():
            logits = model.eval()(held_out[0].long(), held_out[1]).logits
        loss = cross_entropy(logits, torch.from_numpy(targets)).mean.item()
        return Judgement(abs(fit.state.epoch + 1 - BEST_CHECK) + loss / 100, {"loss": loss})

    fit.validate = validate
    return fit


def told(event: StepEvent) -> tuple[Any, ...]:
    """All of an event but the seconds."""
    return (
        event.step,
        event.epoch,
        event.rows,
        event.tokens,
        event.loss,
        event.rate,
        event.scores,
        event.is_best,
    )


def steps(events: Iterator[StepEvent], until: int) -> list[tuple[Any, ...]]:
    seen = []
    for event in events:
        seen.append(told(event))
        if event.step == until:
            break
    return seen


def same_bits(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


@pytest.mark.parametrize(("name", "optimizer"), [("lstm", "adamw"), ("lstm", "sgd"), ("cnn", "adam")])
def test_a_continued_run_is_the_undisturbed_one_bit_for_bit(
    tmp_path: Path, name: str, optimizer: str
) -> None:
    undisturbed = start(name, optimizer)
    wanted = [told(event) for event in undisturbed.run()]
    assert undisturbed.state.step == (BEST_CHECK + 2) * PER_EPOCH, "patience ended it"
    # In mid-epoch, right after a validation (an epoch's border), one step later, after one without gain.
    best = BEST_CHECK * PER_EPOCH
    stops = [1, 2, PER_EPOCH, PER_EPOCH + 1, 16, 18, best, best + 1, best + PER_EPOCH, len(wanted) - 1]
    fit, seen = start(name, optimizer), list[tuple[Any, ...]]()
    for number, stop in enumerate(stops):
        events = fit.run()
        seen += steps(events, stop)
        save_checkpoint(tmp_path / "c", fit, **IDENTITY)
        events.close()  # type: ignore[attr-defined]
        torch.rand(number + 1)
        fit = start(name, optimizer, seed=number + 1)
        load_checkpoint(tmp_path / "c", fit, **IDENTITY)
        assert fit.state.step == stop and fit.state.seconds > 0
    seen += [told(event) for event in fit.run()]
    assert seen == wanted
    assert same_bits(fit.model.state_dict(), undisturbed.model.state_dict())
    assert same_bits(fit.state.best_weights, undisturbed.state.best_weights)
    assert fit.state.best_epoch == undisturbed.state.best_epoch
    ours, theirs = fit.optimizer.state_dict()["state"], undisturbed.optimizer.state_dict()["state"]
    assert ours.keys() == theirs.keys() and len(ours) > 2
    assert all(same_bits(ours[index], theirs[index]) for index in theirs)


def test_a_run_that_was_over_stays_over(tmp_path: Path) -> None:
    fit = start()
    for _event in fit.run():
        save_checkpoint(tmp_path / "c", fit)
    again = start(seed=3)
    load_checkpoint(tmp_path / "c", again)
    assert list(again.run()) == []
    assert same_bits(again.model.state_dict(), fit.model.state_dict())


def test_seconds_are_counted_on(tmp_path: Path) -> None:
    fit = start()
    steps(fit.run(), 2)
    fit.state.seconds = 1000.0
    save_checkpoint(tmp_path / "c", fit)
    again = start()
    load_checkpoint(tmp_path / "c", again)
    assert 1000 < next(again.run()).seconds < 1100


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    fit = start()
    steps(fit.run(), PER_EPOCH + 2)
    save_checkpoint(tmp_path / "c", fit, **IDENTITY)
    return tmp_path / "c"


def refused(folder: Path, message: str, **identity: Any) -> None:
    """The checkpoint is refused, and the fit is as it was and may be used."""
    fit, fresh = start(), start()
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(folder, fit, **(identity or IDENTITY))
    assert "without --resume" in caught.value.hint and str(folder) in str(caught.value)
    assert same_bits(fit.model.state_dict(), fresh.model.state_dict()) and fit.state == fresh.state


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_file_counts(stored: Path) -> None:
    names = files(stored)
    assert names == ["state.json", "state.safetensors", "state.sha256"]
    for name in names:
        content = (stored / name).read_bytes()
        for cut in (0, len(content) // 2, len(content) - 1):
            (stored / name).write_bytes(content[:cut])
            refused(stored, "not what was written")
        for place in np.linspace(0, len(content) - 1, 7, dtype=int):
            flipped = bytearray(content)
            flipped[place] ^= 1
            (stored / name).write_bytes(flipped)
            refused(stored, "not what was written|cannot be read")
        (stored / name).unlink()
        refused(stored, "cannot be read as a checkpoint")
        (stored / name).write_bytes(content)
    load_checkpoint(stored, start(), **IDENTITY)


def test_the_checkpoint_of_another_run_is_refused(stored: Path) -> None:
    refused(stored, "belongs to another data", **{**IDENTITY, "data": "abd"})
    refused(stored, "belongs to another recipe", **{**IDENTITY, "recipe": {"rate": 2e-3, "widths": (3, 4)}})
    refused(stored, "belongs to another part", **IDENTITY, part="lstm-2")
    refused(stored.parent / "none", "cannot be read as a checkpoint")
    fit = start("cnn")
    with pytest.raises(CheckpointError, match="does not fit this model"):
        load_checkpoint(stored, fit, **IDENTITY)


@pytest.mark.parametrize("victim", ["save_file", "_seal", "sha256"])
@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_a_save_that_is_killed_leaves_the_former_checkpoint(
    stored: Path, monkeypatch: pytest.MonkeyPatch, victim: str, fault: BaseException
) -> None:
    fit = start()
    load_checkpoint(stored, fit, **IDENTITY)
    steps(fit.run(), PER_EPOCH + 3)
    real = getattr(checkpoint, victim)

    def failing(*args: Any) -> None:
        real(*args)
        raise fault

    monkeypatch.setattr(checkpoint, victim, failing)
    with pytest.raises(KeyboardInterrupt if isinstance(fault, KeyboardInterrupt) else TextwrightError):
        save_checkpoint(stored, fit, **IDENTITY)
    monkeypatch.undo()
    assert files(stored.parent) == ["c"]
    again = start()
    load_checkpoint(stored, again, **IDENTITY)
    assert again.state.step == PER_EPOCH + 2
    save_checkpoint(stored, fit, **IDENTITY)
    load_checkpoint(stored, again, **IDENTITY)
    assert again.state.step == PER_EPOCH + 3


def test_what_is_loaded_does_not_depend_on_the_file(stored: Path) -> None:
    fit = start()
    load_checkpoint(stored, fit, **IDENTITY)
    before = {key: value.clone() for key, value in fit.state.best_weights.items()}
    weights = stored / "state.safetensors"
    with weights.open("r+b") as file:
        file.write(b"\xff" * weights.stat().st_size)
    assert same_bits(fit.state.best_weights, before)
    assert all(np.isfinite(event.loss) for event in fit.run())


def test_the_record_is_json_that_a_person_can_read(stored: Path) -> None:
    record = json.loads((stored / "state.json").read_text(encoding="utf-8"))
    assert record["state"]["step"] == PER_EPOCH + 2 and record["identity"]["data"] == "abc"
