"""What is written for TensorBoard is what its own reader finds, without torch and TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from textwright import api
from textwright.core.errors import MissingExtra, TextwrightError
from textwright.core.events import Event, silent
from textwright.core.records import Note, StepEvent
from textwright.core.tensorboard import TensorBoard, tracking
from textwright.tasks.recipe import Recipe

SAMPLE = Path(api.__file__).parent / "sample" / "reviews.en.csv"


def step(number: int, loss: float, scores: dict[str, float] | None = None) -> StepEvent:
    return StepEvent(number, 0.1 * number, 32 * number, 100 * number, 0.5, loss, 0.01, 2000.0, scores=scores)


def scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag, as TensorBoard reads them."""
    found = EventAccumulator(str(run)).Reload()
    return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    with tracking(tmp_path, "runs") as sink:
        sink(Note("120 rows"))
        sink(Note("lstm: fitting", fit="lstm"))
        sink(step(1, 0.75))
        sink(Note("a decision", "plan"))
        sink(step(2, 0.5, {"accuracy": 0.875, "validation loss": 0.25}))
        sink(Note("lstm: refitting", fit="lstm-refit"))
        sink(step(1, 0.125))
        # Each record lies on the disk before the run ends.
        assert scalars(tmp_path / "runs" / "lstm-refit")["train/loss"] == [(1, 0.125)]
    found = scalars(tmp_path / "runs" / "lstm")
    assert found.pop("train/rate") == [(1, pytest.approx(0.01)), (2, pytest.approx(0.01))]
    assert found == {
        "train/loss": [(1, 0.75), (2, 0.5)],
        "train/tokens_per_second": [(1, 2000.0), (2, 2000.0)],
        "validation/accuracy": [(2, 0.875)],
        "validation/loss": [(2, 0.25)],
    }
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["lstm", "lstm-refit"]


def test_a_run_that_is_there_gets_one_more_file(tmp_path: Path) -> None:
    for number in (1, 2):
        with tracking(tmp_path.parent, tmp_path.name) as sink:
            sink(Note("", fit="cnn"))
            sink(step(number, 0.5))
    assert len(list((tmp_path / "cnn").iterdir())) == 2
    found = scalars(tmp_path / "cnn")
    assert found["train/loss"] == [(1, 0.5), (2, 0.5)]


def test_a_resumed_run_has_no_step_twice(tmp_path: Path) -> None:
    """Killed after step 5, and resumed where step 3 was stored."""
    for steps, loss in (range(1, 6), 0.5), (range(4, 8), 0.25):
        with tracking(tmp_path.parent, tmp_path.name) as sink:
            sink(Note("", fit="cnn"))
            for number in steps:
                sink(step(number, loss))
    found = scalars(tmp_path / "cnn")["train/loss"]
    assert found == [(1, 0.5), (2, 0.5), (3, 0.5), (4, 0.25), (5, 0.25), (6, 0.25), (7, 0.25)]
    with tracking(tmp_path.parent, tmp_path.name) as sink:
        sink(Note("", fit="cnn"))  # a fit that was over takes nothing away
    assert scalars(tmp_path / "cnn")["train/loss"] == found


def test_steps_without_a_beginning_are_a_run_of_their_own(tmp_path: Path) -> None:
    with tracking(tmp_path.parent, tmp_path.name) as sink:
        sink(step(1, 0.5))
    assert scalars(tmp_path / "fit")["train/loss"] == [(1, 0.5)]


def test_no_folder_is_no_sink_and_no_import() -> None:
    with tracking(None, "m") as sink:
        assert sink is silent
    code = "import sys, textwright.core.tensorboard as t\nwith t.tracking(None, 'm'): pass\n"
    code += "print([name for name in sys.modules if name.startswith(('tensorboard', 'torch'))])"
    assert said(code) == "[]"


def test_neither_torch_nor_tensorflow_is_imported(tmp_path: Path) -> None:
    # A tensorflow that can be imported, which TensorBoard's own file writer would use to open files.
    (tmp_path / "tensorflow.py").write_text("", encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    code += "from pathlib import Path\nfrom textwright.core.records import Note, StepEvent\n"
    code += "from textwright.core.tensorboard import TensorBoard\n"
    code += f"board = TensorBoard(Path({str(tmp_path / 'runs')!r}))\n"
    code += "board(Note('', fit='bag')); board(StepEvent(1, 1, 1, 1, 1, 0.5, 1, 1)); board.close()\n"
    code += "print({'torch', 'tensorflow'} & set(sys.modules))"
    assert said(code) == "set()"
    assert scalars(tmp_path / "runs" / "bag")["train/loss"] == [(1, 0.5)]


def said(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_the_extra_the_line_to_install_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.record_writer", None)
    with pytest.raises(MissingExtra, match=r'pip install "textwright\[tracking\]"'):
        TensorBoard(tmp_path)


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file", encoding="utf-8")
    with pytest.raises(TextwrightError, match="cannot write"), tracking(tmp_path, "runs"):
        pass


def test_a_write_that_fails_ends_the_tracking_and_nothing_else(tmp_path: Path) -> None:
    said: list[Event] = []
    with tracking(tmp_path, "runs", said.append) as sink:
        sink(Note("", fit="cnn"))
        sink(step(1, 0.5))
        (tmp_path / "runs" / "lstm").write_text("in the way", encoding="utf-8")
        sink(Note("", fit="lstm"))
        sink(step(1, 0.25))
        sink(Note("", fit="gru"))
    (note,) = said
    assert isinstance(note, Note) and note.kind == "warning" and "nothing more is written" in note.text
    assert scalars(tmp_path / "runs" / "cnn")["train/loss"] == [(1, 0.5)]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["cnn", "lstm"]


def test_a_training_is_tracked_fit_by_fit(tmp_path: Path) -> None:
    data = tmp_path / "a.csv"
    data.write_text("\n".join(SAMPLE.read_text(encoding="utf-8").splitlines()[:61]), encoding="utf-8")
    runs = tmp_path / "runs"
    recipe = {"model": {"name": "bag"}, "budget": {"minutes": 1}, "tracking": {"tensorboard": str(runs)}}
    api.train(data, tmp_path / "m", Recipe.parse(recipe))
    assert sorted(path.name for path in (runs / "m").iterdir()) == ["bag", "bag-refit"]
    found = scalars(runs / "m" / "bag")
    assert {"train/loss", "train/rate", "validation/accuracy", "validation/loss"} <= set(found)
    assert "validation/accuracy" not in scalars(runs / "m" / "bag-refit")
