"""A run that is stored and continued makes the steps of an undisturbed one; what is damaged is not used."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _fits import (
    BEST_CHECK,
    NEW,
    OLD,
    PER_EPOCH,
    averaging,
    files,
    newest,
    same_bits,
    start,
    steps,
    told,
)
from safetensors.torch import load_file
from torch import Tensor

from textwright.core.clock import Clock
from textwright.core.errors import CheckpointError
from textwright.core.records import StepEvent
from textwright.learn import recovery
from textwright.learn.checkpoint import checkpoints_in, load_checkpoint, read_extra, save_checkpoint
from textwright.learn.loop import Fit
from textwright.learn.objectives import Loss, cross_entropy
from textwright.runtime.settings import Compute


def in_pieces(
    folder: Path, made: Callable[[int], Fit], stops: list[int]
) -> tuple[Fit, list[tuple[Any, ...]]]:
    """A run that is stored and thrown away at each of `stops`, and continued in a fit with other weights."""
    fit, seen = made(0), list[tuple[Any, ...]]()
    for number, stop in enumerate(stops):
        events = fit.run()
        seen += steps(events, stop)
        save_checkpoint(folder, fit, {"number": number})
        events.close()  # type: ignore[attr-defined]
        torch.rand(number + 1)
        fit = made(number + 1)
        resumed = load_checkpoint(folder, fit)
        assert resumed is not None and resumed.extra == {"number": number} and not resumed.warnings
        assert fit.state.step == resumed.step == stop and fit.state.seconds > 0
    return fit, seen + [told(event) for event in fit.run()]


@pytest.mark.parametrize(
    ("name", "learn", "compute"),
    [
        ("lstm", {}, Compute()),
        ("lstm", {"optimizer": {"name": "sgd", "rate": 0.1}}, Compute()),
        ("cnn", {"optimizer": {"name": "adam", "rate": 0.02}}, Compute(micro_batch=3)),
        ("lstm", {"optimizer": {"name": "muon", "rate": 0.02}, "average": {"name": "ema"}}, Compute()),
        ("cnn", {"average": {"name": "mean", "start": 0.2}}, Compute(threads=2)),
    ],
)
def test_a_continued_run_is_the_undisturbed_one_bit_for_bit(
    tmp_path: Path, name: str, learn: dict[str, Any], compute: Compute
) -> None:
    torch.set_num_threads(compute.threads)
    undisturbed = start(name, learn, compute=compute)
    wanted = [told(event) for event in undisturbed.run()]
    assert undisturbed.state.step == (BEST_CHECK + 2) * PER_EPOCH, "patience ended it"
    # In mid-epoch, right after a validation (an epoch's border), one step later, after one without gain.
    best = BEST_CHECK * PER_EPOCH
    stops = [1, 2, PER_EPOCH, PER_EPOCH + 1, 16, 18, best, best + 1, best + PER_EPOCH, len(wanted) - 1]
    stops = stops[1::4] if compute.threads > 1 else stops  # which wait for each other on a busy machine
    fit, seen = in_pieces(tmp_path, lambda seed: start(name, learn, seed=seed, compute=compute), stops)
    assert seen == wanted
    assert same_bits(fit.model.state_dict(), undisturbed.model.state_dict())
    assert same_bits(fit.state.best_weights, undisturbed.state.best_weights)
    assert fit.state.best_epoch == undisturbed.state.best_epoch
    ours, theirs = fit.optimizer.state_dict()["state"], undisturbed.optimizer.state_dict()["state"]
    assert ours.keys() == theirs.keys() and len(ours) > 2
    assert all(same_bits(ours[index], theirs[index]) for index in theirs)


def test_a_resumed_run_recovers_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes back to a state of before the checkpoint, and runs out of memory where the other one does."""
    monkeypatch.setattr(recovery, "STEPS_BETWEEN", 10)

    def made(seed: int) -> Fit:
        fit = start(learn={"average": {"name": "ema"}, "patience": 0}, seed=seed)

        def objective(logits: Tensor, targets: Tensor) -> Loss:
            if fit.state.step >= 13 and len(logits) > 5:
                raise MemoryError
            loss = cross_entropy(logits, targets)
            return Loss(loss.total * math.nan, 1) if fit.state.step in (24, 25, 26, 33, 40) else loss

        fit.objective = objective
        return fit

    undisturbed = made(0)
    wanted = [told(event) for event in undisturbed.run()]
    assert [text[0].split(":")[0] for text in wanted if len(text) == 1] == [
        "step 14",
        "step 16",
        "step 25",
        "step 26",
        "step 27",
    ]
    fit, seen = in_pieces(tmp_path, made, [5, 12, 14, 23, 25, 26, 27, 28, 39, 42])
    assert seen == wanted and same_bits(fit.model.state_dict(), undisturbed.model.state_dict())
    assert fit.state.health == undisturbed.state.health
    assert fit.state.max_tokens == undisturbed.state.max_tokens is not None
    assert fit.state.health.rate_factor == 0.5


def test_a_run_that_was_over_stays_over(tmp_path: Path) -> None:
    fit = start(learn={"average": {"name": "ema"}})
    fit.on_end = lambda: save_checkpoint(tmp_path, fit, {})
    list(fit.run())
    (stored,) = checkpoints_in(tmp_path)
    assert stored.name == "step-00000036-end"
    assert {key.split(".")[0] for key in load_file(stored / "state.safetensors")} == {"model"}
    again = start(learn={"average": {"name": "ema"}}, seed=3)
    ended: list[int] = []
    again.on_end = lambda: ended.append(again.state.step)
    load_checkpoint(tmp_path, again)
    assert list(again.run()) == [] and ended == [36] and not again.model.training
    assert same_bits(again.model.state_dict(), fit.model.state_dict())
    assert again.state.best_epoch == fit.state.best_epoch


def test_one_that_the_clock_ended_is_over_too(tmp_path: Path) -> None:
    fit = start()
    fit.clock = Clock.starting(0)
    fit.on_end = lambda: save_checkpoint(tmp_path, fit, {})
    assert len(list(fit.run())) == 1
    again = start(seed=3)
    load_checkpoint(tmp_path, again)
    assert list(again.run()) == [], "though it has time again"


def test_seconds_are_counted_on(tmp_path: Path) -> None:
    fit = start()
    steps(fit.run(), 2)
    fit.state.seconds = 1000.0
    save_checkpoint(tmp_path, fit, {})
    again = start()
    load_checkpoint(tmp_path, again)
    event = next(again.run())
    assert isinstance(event, StepEvent) and 1000 < event.seconds < 1100


def test_it_goes_on_computing_as_it_was_stored(tmp_path: Path) -> None:
    fit = start(compute=Compute(precision="fp32", threads=2, micro_batch=3))
    steps(fit.run(), 2)
    save_checkpoint(tmp_path, fit, {})
    again = start(compute=Compute(precision="bf16", threads=1))
    resumed = load_checkpoint(tmp_path, again)
    assert again.compute == Compute(precision="fp32", threads=2, micro_batch=3) and resumed is not None
    assert resumed.warnings == []
    (stored,) = checkpoints_in(tmp_path)
    record = json.loads((stored / "state.json").read_text())
    rewrite(stored, {**record, "processor": "ALTIVEC", "compute": {**record["compute"], "device": "cuda"}})
    again = start()
    resumed = load_checkpoint(tmp_path, again)
    assert resumed is not None and again.compute.device == "cpu"
    assert "begun with ALTIVEC instructions" in resumed.warnings[0] and "on cuda" in resumed.warnings[1]


def rewrite(stored: Path, record: dict[str, Any]) -> None:
    """Change the record as if it had been written so."""
    from textwright.core.files import sha256

    (stored / "state.json").write_text(json.dumps(record))
    manifest = json.loads((stored / "manifest.json").read_text())
    size = (stored / "state.json").stat().st_size
    manifest["files"]["state.json"] = {"bytes": size, "sha256": sha256(stored / "state.json")}
    (stored / "manifest.json").write_text(json.dumps(manifest))


# What is on the disk.


def test_what_is_stored_is_plain(stored: Path) -> None:
    assert files(stored) == [f"step-{OLD:08d}", f"step-{NEW:08d}"]
    assert files(newest(stored)) == ["manifest.json", "state.json", "state.safetensors"]
    groups = {key.split(".")[0] for key in load_file(newest(stored) / "state.safetensors")}
    assert groups == {"average", "best", "good", "good_average", "model", "optimizer"}
    record = json.loads((newest(stored) / "state.json").read_text(encoding="utf-8"))
    assert record["state"]["step"] == NEW and record["extra"] == {"at": NEW} == read_extra(newest(stored))
    assert record["compute"] == Compute().to_json()


def damaged(folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Every file of a checkpoint cut, with a flipped bit at some places, missing; one too many."""
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for cut in (0, len(content) // 2, len(content) - 1):
            yield f"{path.name} cut to {cut}", lambda p=path, c=content[:cut]: p.write_bytes(c)
        count = 80 if path.name == "manifest.json" else 40
        for number, place in enumerate(np.linspace(0, len(content) - 1, count, dtype=int)):
            flipped = bytearray(content)
            flipped[place] ^= 1 << number % 8
            yield f"{path.name} flipped at {place}", lambda p=path, c=flipped: p.write_bytes(c)
        yield f"{path.name} missing", path.unlink
    yield "a file too many", lambda: (folder / "notes.txt").write_text("x") and None


def test_whatever_is_damaged_the_one_before_is_used(two: Path, tmp_path: Path) -> None:
    fit = averaging()
    for number, (what, damage) in enumerate(damaged(newest(two))):
        folder = tmp_path / str(number)
        backup = tmp_path / "backup"
        shutil.rmtree(backup, ignore_errors=True)
        shutil.copytree(newest(two), backup)
        damage()
        shutil.copytree(two, folder)
        shutil.rmtree(newest(two))
        shutil.copytree(backup, two / f"step-{NEW:08d}")
        resumed = load_checkpoint(folder, fit)
        assert resumed is not None and fit.state.step == OLD == resumed.step, what
        (warning,) = resumed.warnings
        (aside,) = (path for path in folder.glob(f"bad-step-{NEW:08d}-*") if path.is_dir())
        reason = (folder / f"{aside.name}.txt").read_text().strip()
        assert warning == f"the checkpoint step-{NEW:08d} is set aside as {aside.name}: {reason}"
        shutil.rmtree(folder)
    assert number > 150 and load_checkpoint(two, fit) is not None and fit.state.step == NEW


def test_when_none_is_good_it_says_so_and_changes_no_weight(stored: Path) -> None:
    for path in checkpoints_in(stored):
        (path / "state.safetensors").write_bytes(b"")
    fit, fresh = averaging(), averaging()
    for _ in ("found bad", "noted as bad"):
        with pytest.raises(
            CheckpointError, match=r"no checkpoint is good: .*00008 .*state.*00007 "
        ) as caught:
            load_checkpoint(stored, fit)
        assert "Remove that folder" in caught.value.hint and "without --resume" in caught.value.hint
        assert same_bits(fit.model.state_dict(), fresh.model.state_dict()) and fit.state == fresh.state
        assert [path.name[:14] for path in stored.iterdir() if path.is_dir()] == ["bad-step-00000"] * 2
    shutil.rmtree(stored)
    assert load_checkpoint(stored, fit) is None, "from here on it starts anew"


def test_that_of_another_model_is_refused_and_kept(stored: Path) -> None:
    fit, fresh = start("cnn"), start("cnn")
    with pytest.raises(CheckpointError, match="does not fit this model"):
        load_checkpoint(stored, fit)
    assert same_bits(fit.model.state_dict(), fresh.model.state_dict()) and fit.state == fresh.state
    assert len(checkpoints_in(stored)) == 2


def test_that_of_another_fit_is_set_aside(stored: Path) -> None:
    """A refit whose length the search now found to be another one."""
    fit = averaging()
    fit.epochs = 3
    with pytest.raises(CheckpointError, match="belongs to another fit: epochs was 8, is 3"):
        load_checkpoint(stored, fit)


def test_what_is_loaded_does_not_depend_on_the_file(stored: Path) -> None:
    fit = averaging()
    load_checkpoint(stored, fit)
    before = {key: value.clone() for key, value in fit.state.best_weights.items()}
    for path in newest(stored).glob("*.safetensors"):
        with path.open("r+b") as file:
            file.write(b"\xff" * path.stat().st_size)
    assert same_bits(fit.state.best_weights, before)
    assert all(np.isfinite(event.loss) for event in fit.run() if isinstance(event, StepEvent))


def test_the_two_newest_are_kept_and_leftovers_go(stored: Path) -> None:
    fit = averaging()
    load_checkpoint(stored, fit)
    for leftover in (".step-00000009.1a2b", ".step-00000003.old"):
        (stored / leftover).mkdir()
        (stored / leftover / "model.safetensors").touch()
    for event in fit.run():
        assert isinstance(event, StepEvent)
        save_checkpoint(stored, fit, {})
        assert files(stored) == [f"step-{event.step - 1:08d}", f"step-{event.step:08d}"]
        if event.step == 12:
            break
    save_checkpoint(stored, fit, {})  # a second time at the same step
    assert len(files(stored)) == 2
