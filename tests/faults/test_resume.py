"""--resume goes on to the same bits, says what it cannot use, and touches nothing that is of another run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from _disks import Crash

from checkpoints import tiny_checkpoint
from textwright import api
from textwright.choose import select
from textwright.core.errors import CheckpointError, ConfigError
from textwright.core.events import Event
from textwright.core.records import Note, StepEvent
from textwright.core.seeds import generator
from textwright.learn import checkpoint
from textwright.learn.checkpoint import checkpoints_in
from textwright.learn.disk import Disk
from textwright.tasks import checkpoints, identity
from textwright.tasks.recipe import Recipe

SMALL = {"name": "cnn", "embedding": 8, "filters": 4, "widths": [1, 2], "dropout": 0.2}


pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path / "a.csv")


def written(path: Path, seed: int = 0) -> Path:
    rng, lines = generator(seed, "rows"), ["text,label"]
    words = {"good": ["lovely", "great", "warm", "kind"], "bad": ["awful", "rude", "cold", "broken"]}
    for i in range(60):
        label = "good" if i % 2 else "bad"
        lines.append(f"visit {i} was {' '.join(rng.choice(words[label], 3))} {rng.integers(1000)},{label}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def recipe(**more: Any) -> Recipe:
    return Recipe.parse({"model": SMALL, "learn": {"epochs": 3, "batch": 4}, **more})


def killing(when: Callable[[int, Event], bool]) -> Callable[[Event], None]:
    """A sink that kills at the first event for which `when(number of fits so far, event)` holds."""
    fits = 0

    def sink(event: Event) -> None:
        nonlocal fits
        fits += isinstance(event, StepEvent) and event.step == 1
        if when(fits, event):
            raise Crash

    return sink


def at(fit: int, step: int) -> Callable[[int, Event], bool]:
    return lambda fits, event: fits == fit and isinstance(event, StepEvent) and event.step == step


def kill(data: Path, out: Path, when: Callable[[int, Event], bool], asked: Recipe | None = None) -> Path:
    with pytest.raises(Crash):
        api.train(data, out, asked or recipe(), sink=killing(when))
    assert not out.exists()
    return out.parent / f".{out.name}.work"


def resume(
    data: Path, out: Path, asked: Recipe | None = None, **more: Any
) -> tuple[list[StepEvent], list[str]]:
    told: list[Event] = []
    api.train(data, out, asked or recipe(), sink=told.append, resume=True, **more)
    assert not (out.parent / f".{out.name}.work").exists()
    steps = [event for event in told if isinstance(event, StepEvent)]
    return steps, [event.text for event in told if isinstance(event, Note)]


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def story(folder: Path) -> list[tuple[Any, ...]]:
    """Every step of a run as its journal has it, without the seconds."""
    lines = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return [(r["step"], r["loss"], r["rate"], r.get("scores")) for r in records if "step" in r]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that nothing disturbs, not even a checkpoint."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(select, "usable_cpus", lambda: 1)
        api.train(written(folder / "a.csv"), folder / "m", recipe())
    return folder / "m"


@pytest.mark.parametrize(("fit", "step"), [(1, 2), (1, 12), (1, 36), (2, 1), (2, 20), (2, 39)])
def test_weights_and_journal_are_those_of_the_undisturbed_run(
    data: Path, tmp_path: Path, whole: Path, fit: int, step: int
) -> None:
    kill(data, tmp_path / "m", at(fit, step))
    steps, notes = resume(data, tmp_path / "m")
    assert weights(tmp_path / "m") == weights(whole) and story(tmp_path / "m") == story(whole)
    assert (tmp_path / "m" / "scores.json").read_bytes() == (whole / "scores.json").read_bytes()
    goes_on = f"cnn-{fit}: goes on at step {step - 1}" if step > 1 else None
    assert goes_on is None or goes_on in notes
    assert fit == 1 or "cnn-1: was over at step 36" in notes
    assert steps[0].step == step, "no step is made twice that was stored"


def test_killed_again_and_again(data: Path, tmp_path: Path, whole: Path) -> None:
    kill(data, tmp_path / "m", at(1, 5))
    for until in range(11, 75, 7):  # steps of both fits
        seen = 0

        def sink(event: Event, until: int = until) -> None:
            nonlocal seen
            seen += isinstance(event, StepEvent)
            if seen == 7:
                raise Crash

        with pytest.raises(Crash):
            api.train(data, tmp_path / "m", recipe(), sink=sink, resume=True)
    resume(data, tmp_path / "m")
    assert weights(tmp_path / "m") == weights(whole) and story(tmp_path / "m") == story(whole)


@pytest.mark.usefixtures("three_candidates")
def test_the_next_candidate_goes_on_where_it_stood(data: Path, tmp_path: Path) -> None:
    asked = Recipe.parse({"learn": {"epochs": 1, "batch": 16}, "split": {"folds": 1}})
    api.train(data, tmp_path / "whole", asked)
    kill(data, tmp_path / "m", lambda fits, event: fits == 2 and isinstance(event, StepEvent), asked)
    _, notes = resume(data, tmp_path / "m", asked)
    assert "cnn-1: was over at step 3" in notes and not any("lstm-1: " in note for note in notes)
    assert weights(tmp_path / "m") == weights(tmp_path / "whole")
    assert story(tmp_path / "m") == story(tmp_path / "whole")


def test_one_that_was_killed_while_saving_the_model_only_saves(
    data: Path, tmp_path: Path, whole: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "keep_chosen", lambda *args: (_ for _ in ()).throw(Crash))
        with pytest.raises(Crash):
            api.train(data, tmp_path / "m", recipe())
    steps, notes = resume(data, tmp_path / "m")
    assert steps == [] and "cnn-2: was over at step 42" in notes
    assert weights(tmp_path / "m") == weights(whole) and story(tmp_path / "m") == story(whole)


# What is damaged.


def test_a_newest_checkpoint_that_is_cut_off_is_passed_over(data: Path, tmp_path: Path, whole: Path) -> None:
    work = kill(data, tmp_path / "m", at(2, 20))
    newest = checkpoints_in(work / "cnn-2")[0]
    model = newest / "state.safetensors"
    model.write_bytes(model.read_bytes()[:-100])
    steps, notes = resume(data, tmp_path / "m")
    (said,) = [note for note in notes if "set aside" in note]
    assert said.startswith("cnn-2: the checkpoint step-00000019 is set aside as bad-step-00000019-")
    assert said.endswith(": the file 'state.safetensors' is not what was written")
    assert steps[0].step == 19 and weights(tmp_path / "m") == weights(whole)
    assert story(tmp_path / "m") == story(whole), "nor is a line of the journal doubled"


@pytest.mark.parametrize("moment", ["before it is said", "steps after it was said"])
def test_the_last_of_many_processes_tells_what_the_first_found(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Path, moment: str
) -> None:
    """The file in which it stood first is written anew by each; it stands in the final events once."""
    work = kill(data, tmp_path / "m", at(1, 20))
    (checkpoints_in(work / "cnn-1")[0] / "state.safetensors").unlink()
    with monkeypatch.context() as patch, pytest.raises(Crash):
        if moment == "before it is said":
            patch.setattr(checkpoint, "restore", lambda *_: (_ for _ in ()).throw(Crash))
        api.train(data, tmp_path / "m", recipe(), sink=killing(at(0, 23)), resume=True)
    _, notes = resume(data, tmp_path / "m")
    (said,) = [note for note in notes if "is set aside" in note]
    assert (tmp_path / "m" / "events.jsonl").read_text().count(json.dumps(said)) == 1
    assert weights(tmp_path / "m") == weights(whole) and story(tmp_path / "m") == story(whole)


def test_without_a_good_one_it_stops_until_that_fit_is_given_up(
    data: Path, tmp_path: Path, whole: Path
) -> None:
    work = kill(data, tmp_path / "m", at(2, 20))
    for path in checkpoints_in(work / "cnn-2"):
        (path / "manifest.json").unlink()
    for _ in range(2):
        with pytest.raises(CheckpointError, match=r"cnn-2: no checkpoint is good: .*00000019.*00000018"):
            resume(data, tmp_path / "m")
    shutil.rmtree(work / "cnn-2")
    steps, notes = resume(data, tmp_path / "m")
    assert "cnn-1: was over at step 36" in notes, "the others stay"
    assert steps[0].step == 1 and weights(tmp_path / "m") == weights(whole)


def test_with_nothing_there_it_starts_anew(data: Path, tmp_path: Path, whole: Path) -> None:
    steps, notes = resume(data, tmp_path / "m")
    assert "there is no checkpoint to resume from: training starts anew" in notes
    assert steps[0].step == 1 and weights(tmp_path / "m") == weights(whole)


# What is of another run.


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"learn": {"epochs": 3, "batch": 8}}, ["learn.batch was 4, is 8"]),
        ({"seed": 7}, ["seed was 0, is 7"]),
        (
            {"model": {**SMALL, "filters": 6, "activation": "gelu"}, "split": {"test": 0}},
            [
                "split.test was 0.1, is 0.0",
                "model.filters was 4, is 6",
                "model.activation was not set, is gelu",
            ],
        ),
    ],
)
def test_another_recipe_is_refused_and_named(
    data: Path, tmp_path: Path, changes: dict[str, Any], said: list[str]
) -> None:
    work = kill(data, tmp_path / "m", at(2, 5))
    before = tree(work)
    with pytest.raises(CheckpointError) as caught:
        resume(data, tmp_path / "m", recipe(**changes))
    assert caught.value.message.endswith(f"another recipe: {', '.join(said)}")
    assert "without --resume" in caught.value.hint
    after = tree(work)
    assert {name: after[name] for name in before if name != "lock"} == {
        name: content for name, content in before.items() if name != "lock"
    }
    assert resume(data, tmp_path / "m")[0][0].step == 5


def test_another_budget_is_welcome(data: Path, tmp_path: Path, whole: Path) -> None:
    kill(data, tmp_path / "m", at(2, 5))
    resume(data, tmp_path / "m", recipe(budget={"minutes": 5}))
    assert weights(tmp_path / "m") == weights(whole)


def test_other_data_and_another_test_file_are_refused(data: Path, tmp_path: Path) -> None:
    kill(data, tmp_path / "m", at(1, 5))
    with pytest.raises(CheckpointError, match=r"another test file: its fingerprint was none, is \w{12}"):
        resume(data, tmp_path / "m", test=written(tmp_path / "t.csv", seed=5))
    content = data.read_bytes()
    data.write_bytes(content.replace(b"visit 7 ", b"visit 8 "))
    with pytest.raises(CheckpointError, match=r"another data: its fingerprint was \w{12}, is \w{12}"):
        resume(data, tmp_path / "m")
    data.write_bytes(content)
    assert resume(data, tmp_path / "m")[0][0].step == 5


@pytest.mark.parametrize("name", ["textwright", "torch"])
def test_another_version_is_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kill(data, tmp_path / "m", at(1, 5))
    real = identity.version
    monkeypatch.setattr(identity, "version", lambda n: "99.1" if n == name else real(n))
    with pytest.raises(
        CheckpointError, match=rf"another version: {name} was {real(name)}, is 99\.1".replace("+", r"\+")
    ):
        resume(data, tmp_path / "m")


def test_other_weights_under_the_same_name_are_refused(tmp_path: Path) -> None:
    start, data = tiny_checkpoint(tmp_path / "encoder"), tmp_path / "a.csv"
    rows = [f"the {'cat sat' if i % 2 else 'dog ran'} {i},{'ab'[i % 2]}" for i in range(60)]
    data.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    asked = Recipe.parse(
        {"model": {"name": "pretrained", "checkpoint": str(start)}, "learn": {"epochs": 1, "batch": 8}}
    )
    kill(data, tmp_path / "m", at(1, 3), asked)
    own = weights(start)
    tiny_checkpoint(start, seed=1)
    with pytest.raises(
        CheckpointError, match=r"another model\.checkpoint: model\.safetensors was \w{12}, is"
    ):
        resume(data, tmp_path / "m", asked)
    (start / "model.safetensors").write_bytes(own)
    assert resume(data, tmp_path / "m", asked)[0][0].step == 3


def test_a_second_training_into_the_same_folder_is_refused(data: Path, tmp_path: Path, whole: Path) -> None:
    refused: list[str] = []

    def sink(event: Event) -> None:
        if isinstance(event, StepEvent) and event.step == 3:
            for again in (False, True):
                with pytest.raises(ConfigError) as caught:
                    api.train(data, tmp_path / "m", recipe(), resume=again)
                refused.append(caught.value.message)

    api.train(data, tmp_path / "m", recipe(), sink=sink)
    assert len(refused) == 4 and "another training is writing there (process" in refused[0]
    assert weights(tmp_path / "m") == weights(whole)


# What cannot be written.


def test_a_full_disk_costs_checkpoints_and_nothing_else(
    data: Path, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Full from step 10 to 20 of the search: said once, the last good one stays, and then it is mended."""
    told: list[Event] = []
    full: list[bool] = [False]
    monkeypatch.setattr(Disk, "free_bytes", lambda self, folder: 100 if full[0] else 10**12)

    def sink(event: Event) -> None:
        told.append(event)
        if isinstance(event, StepEvent) and len(told) < 40:
            full[0] = 10 <= event.step < 20
            kept = checkpoints_in(tmp_path / ".m.work" / "cnn-1")
            assert (
                event.step == 1
                or kept[0].name == f"step-{9 if 10 < event.step <= 20 else event.step - 1:08d}"
            )

    api.train(data, tmp_path / "m", recipe(), sink=sink)
    said = [event.text for event in told if isinstance(event, Note) and "checkpoint" in event.text]
    assert len(said) == 2 and "step 10: no checkpoint could be stored" in said[0] and "MB are free" in said[0]
    assert said[1] == "step 20: checkpoints are stored again"
    assert weights(tmp_path / "m") == weights(whole) and story(tmp_path / "m") == story(whole)


def test_a_lack_of_memory_costs_checkpoints_and_nothing_else(
    data: Path, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As torch says it on a processor; any other RuntimeError is a bug, and none of ours to hide."""
    real, faults = (
        Disk.write_tensors,
        [RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError()],
    )

    def write(self: Disk, path: Path, tensors: Any) -> None:
        if faults:
            raise faults.pop()
        real(self, path, tensors)

    monkeypatch.setattr(Disk, "write_tensors", write)
    told: list[Event] = []
    api.train(data, tmp_path / "m", recipe(), sink=told.append)
    said = [event.text for event in told if isinstance(event, Note) and "checkpoint" in event.text]
    why = "there is no memory for it; training goes on, and the checkpoint before stays"
    assert said == [
        f"step 1: no checkpoint could be stored: {why}",
        "step 3: checkpoints are stored again",
    ]
    assert weights(tmp_path / "m") == weights(whole)
    faults.append(RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        api.train(data, tmp_path / "m", recipe())


def test_ctrl_c_while_saving_keeps_the_best_and_tears_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Disk.write_tensors, [0]

    def write(self: Disk, path: Path, tensors: Any) -> None:
        real(self, path, tensors)
        calls[0] += 1
        if calls[0] == 60:
            raise KeyboardInterrupt

    monkeypatch.setattr(Disk, "write_tensors", write)
    try:
        trained = api.train(data, tmp_path / "m", recipe())
    except KeyboardInterrupt:
        pytest.fail("the best so far was not kept")
    assert trained.interrupted and api.load(tmp_path / "m").predict(["visit 3"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".m.work", "a.csv", "m"]


def test_saving_takes_a_small_share_of_the_time(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one waits 50 times as long as the last one took, however short the least pause is."""
    now, saved = [0.0], list[float]()
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.5)
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    real = checkpoint.save_checkpoint

    def save(*args: Any) -> None:
        real(*args)
        now[0] += 0.2
        saved.append(now[0])

    monkeypatch.setattr(checkpoint, "save_checkpoint", save)

    def sink(event: Event) -> None:
        now[0] += isinstance(event, StepEvent)

    api.train(data, tmp_path / "m", recipe(), sink=sink)
    in_mid_run = [b - a for a, b in pairwise(saved[:-1])]
    assert len(saved) <= 10 and sorted(in_mid_run)[-1] >= 10
