"""Bad input on the command line: what and where, what to do, exit code 2, and nothing damaged."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from textwright import api
from textwright.choose import select
from textwright.cli.main import app
from textwright.core import files
from textwright.core.seeds import generator
from textwright.tasks.recipe import Recipe
from textwright.text.sources.base import MAX_CELL_BYTES

BAG = ("--model", "bag")


def rows(num_rows: int = 60, seed: int = 0) -> list[str]:
    rng = generator(seed, "rows")
    words = {"good": ["lovely", "great", "warm", "kind"], "bad": ["awful", "rude", "cold", "broken"]}
    lines = []
    for i in range(num_rows):
        label = "good" if i % 2 else "bad"
        lines.append(f"visit w{rng.integers(500)} was {' '.join(rng.choice(words[label], 3))},{label}")
    return lines


def written(path: Path, content: str | bytes | list[str]) -> Path:
    if isinstance(content, list):
        content = "\n".join(["text,label", *content]) + "\n"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture(autouse=True)
def one_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "usable_cpus", lambda: 1)


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that lies where the next one would be written."""
    folder = tmp_path_factory.mktemp("older")
    api.train(written(folder / "a.csv", rows()), folder / "m", Recipe.parse({"model": {"name": "bag"}}))
    return folder / "m"


@pytest.fixture
def unharmed(older: Path) -> Iterator[Path]:
    """The older model, the same afterwards, with nothing new beside it but what --resume reads."""
    before = {path: path.read_bytes() for path in older.parent.rglob("*") if path.is_file()}
    yield older
    shutil.rmtree(older.with_name(".m.work"), ignore_errors=True)
    assert {path: path.read_bytes() for path in older.parent.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in older.parent.iterdir()) == ["a.csv", "m"]
    assert api.load(older).predict(["lovely"])


def called(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and what was said to the person, of a command run here."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stderr


def refused(*arguments: str | Path, said: tuple[str, ...], hint: str) -> None:
    """Exit code 2, an `error:` line with all of `said`, then one line that says what to do."""
    code, err = called(*arguments)
    assert code == 2, err
    assert "Traceback" not in err and "bug of ours" not in err
    lines = err.strip().splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("error: "))
    assert all(part in lines[place] for part in said), lines[place]
    assert hint in " ".join(lines[place + 1 :]) and len(lines) == place + 2, lines[place:]


PAIR = ["nice,good", "awful,bad"] * 8
UNIQUE = [f"text number {i},reason {i}" for i in range(40)]
SCORES = [f"text {i},{i % 5}" for i in range(20)]
# What the file holds, what is said of it, and what to do.
BAD_TABLES: dict[str, tuple[str | bytes | list[str], tuple[str, ...], str]] = {
    "empty file": (b"", ("a.csv", "the file is empty"), "Check the export"),
    "blank lines only": (b"\n \n\n", ("a.csv", "the file is empty"), "Check the export"),
    "header only": (b"text,label\n", ("a.csv", "a header and no row below it"), "Check the export"),
    "no text column": (
        "n,m\n" + "1,3\n2,4\n" * 9,
        ("a.csv", "no column looks like text; found 'n', 'm'"),
        "--text COL",
    ),
    "one column": ("text\n" + "a text\nanother\n" * 9, ("a.csv", "one column only"), "Add a column"),
    "no label column": (
        "\n".join(["text,other", *UNIQUE]),
        ("a.csv", "no column looks like a label; found 'other'"),
        "--label COL",
    ),
    "one label": (
        ["nice,good", "fine,good"] * 9,
        ("a.csv", "column 'label'", "18 rows have the one label 'good'"),
        "Add rows",
    ),
    "a class with one row": (
        [*PAIR, "odd,alone"],
        ("a.csv, row 18, column 'label'", "'alone' has this one row only"),
        "Add rows",
    ),
    "labels nearly unique": (
        UNIQUE,
        ("a.csv, column 'label'", "40 different labels in 40 rows", "'reason 0'"),
        "--label COL",
    ),
    "no labels": (["nice,", "fine,"] * 9, ("a.csv", "no column looks like a label"), "--label COL"),
    "too few rows": (PAIR[:6], ("a.csv", "6 usable rows are too few"), "Add labelled rows"),
    "NaN score": (
        "\n".join(["text,score", *SCORES, "a text,NaN"]),
        ("a.csv, row 22, column 'score'", "the score is 'NaN'"),
        "finite",
    ),
    "infinite score": (
        "\n".join(["text,score", *SCORES, "a text,-inf"]),
        ("a.csv, row 22, column 'score'", "the score is '-inf'"),
        "finite",
    ),
    "a picture": (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)),
        ("a.csv", "a PNG image"),
        "Export the data",
    ),
    "binary junk": (bytes(range(256)) * 40, ("a.csv", "binary"), ""),
}


@pytest.mark.parametrize("what", BAD_TABLES)
@pytest.mark.parametrize("verb", ["train", "plan"])
def test_a_table_that_cannot_be_learned_from(verb: str, what: str, tmp_path: Path, unharmed: Path) -> None:
    content, said, hint = BAD_TABLES[what]
    data = written(tmp_path / "a.csv", content)
    refused(verb, data, *BAG, *(("--out", unharmed) if verb == "train" else ()), said=said, hint=hint)


def test_a_constant_score(tmp_path: Path, unharmed: Path) -> None:
    data = written(tmp_path / "a.csv", [f"text {i},3" for i in range(20)])
    said = ("a.csv, column 'label'", "every score is 3.0")
    refused("train", data, "--out", unharmed, "--task", "score", said=said, hint="--label COL")
    data = written(tmp_path / "b.csv", [f"text {i},{'good' if i == 5 else i % 3}" for i in range(20)])
    said = ("b.csv, row 7, column 'label'", "expected a number, found 'good'")
    refused("train", data, "--out", unharmed, "--task", "score", said=said, hint="--task classify")


def test_a_missing_file_names_the_nearest(tmp_path: Path, unharmed: Path) -> None:
    written(tmp_path / "reviews.csv", rows())
    wrong, hint = tmp_path / "review.csv", "Did you mean"
    for arguments in (("train", wrong, "--out", unharmed), ("plan", wrong)):
        refused(*arguments, *BAG, said=("review.csv", "no such file"), hint=hint)
    for verb in ("predict", "evaluate"):
        refused(verb, unharmed, wrong, said=("review.csv", "no such file"), hint=hint)
    arguments = ("train", tmp_path / "reviews.csv", "--out", unharmed, "--test", wrong)
    refused(*arguments, said=("review.csv", "no such file"), hint=hint)


def test_a_gzip_file_that_is_cut_off(tmp_path: Path, unharmed: Path) -> None:
    whole = gzip.compress("\n".join(["text,label", *rows(5000)]).encode())
    data = written(tmp_path / "a.csv.gz", whole[: len(whole) // 2])
    refused("train", data, "--out", unharmed, said=("a.csv.gz, row ", "cut off after this row"), hint="again")
    refused("predict", unharmed, data, "--out", tmp_path / "o.csv", said=("a.csv.gz, row ",), hint="again")
    assert not (tmp_path / "o.csv").exists()


def test_a_line_of_five_megabytes_works(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", [*rows(), "lovely warm " * 430_000 + ",good"])
    assert data.stat().st_size > 5_000_000
    code, err = called("train", data, "--out", tmp_path / "m", *BAG)
    assert code == 0, err
    code, err = called("predict", tmp_path / "m", data, "--out", tmp_path / "o.csv")
    assert code == 0 and "61 answers" in err


def test_a_line_of_two_hundred_megabytes_names_the_limit(tmp_path: Path, unharmed: Path) -> None:
    data = tmp_path / "a.csv"
    with data.open("wb") as file:
        file.write(("\n".join(["text,label", *rows()]) + "\n").encode())
        for _ in range(200):
            file.write(b"lovely day " * 91_000)
        file.write(b",good\n")
    said = ("a.csv, row 62", f"{MAX_CELL_BYTES:,} bytes")
    refused("train", data, "--out", unharmed, *BAG, said=said, hint="shorter rows")


def test_a_test_file_with_an_unknown_label(tmp_path: Path, unharmed: Path) -> None:
    data, test = (
        written(tmp_path / "a.csv", rows()),
        written(tmp_path / "t.csv", ["nice,good", "so so,goood"]),
    )
    said = ("t.csv, row 3, column 'label'", "'goood' is not one the model knows")
    refused("train", data, "--out", unharmed, "--test", test, said=said, hint="Did you mean 'good'?")
    refused("evaluate", unharmed, test, said=said, hint="Did you mean 'good'?")


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        (("--model", "bga"), ("unknown architecture 'bga'",), "Did you mean 'bag'?"),
        (("--model", "xyzzy"), ("unknown architecture 'xyzzy'",), "Known: bag"),
        (("--recipe", "clasic-lstm"), ("'clasic-lstm'",), "Did you mean 'classic-lstm'?"),
        (("--set", "lern.epochs=1"), ("unknown setting 'lern.epochs'",), "Did you mean 'learn'?"),
        (("--set", "learn.epoch=1"), ("unknown setting 'learn.epoch'",), "Did you mean 'epochs'?"),
        (("--set", "model.min_row=1", *BAG), ("min_row",), "Did you mean 'min_rows'?"),
        (("--set", "epochs"), ("expected path.to.field=value",), "Example"),
        (("--label", "lable"), ("a.csv", "no column 'lable'", "'label'"), "Did you mean 'label'?"),
        (("--text", "txt"), ("a.csv", "no column 'txt'", "'text'"), "Did you mean 'text'?"),
        (("--test", "t.csv", "--test-share", "0.2"), ("contradict",), "one of them"),
        (
            ("--model", "cnn", "--set", "optimizer.name=adm"),
            ("learn.optimizer.name",),
            "Did you mean 'adam'?",
        ),
        (("--model", "cnn", "--set", "loss.name=hubr"), ("learn.loss.name",), "Did you mean 'huber'?"),
        (("--model", "cnn", "--set", "activation=gelo"), ("model.activation",), "Did you mean 'gelu'?"),
        (("--model", "cnn", "--set", "schedule.name=cosin"), ("schedule.name",), "Did you mean 'cosine'?"),
        (("--model", "cnn", "--set", "loss.name=huber"), ("huber", "labels"), "cross_entropy"),
        (("--model", "lstm", "--set", "model.activation=relu"), ("gates",), ""),
        (("--from", "no-such-folder"), ("no-such-folder: there is no such folder",), "OWNER/NAME"),
        (("--from", "x", "--model", "lstm"), ("--model lstm does not go with --from",), "Leave --model out"),
        (("--model", "pretrained"), ("checkpoint",), "--from"),
    ],
)
def test_a_wrong_request_names_the_nearest(
    arguments: tuple[str, ...], said: tuple[str, ...], hint: str, tmp_path: Path, unharmed: Path
) -> None:
    data = written(tmp_path / "a.csv", rows())
    refused("train", data, "--out", unharmed, *arguments, said=said, hint=hint)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--task", "clasify"), "classify"),
        (("--minutes", "-1"), "greater than 0"),
        (("--minutes", "soon"), "--minutes"),
        (("--test-share", "1.5"), "less than 1"),
        (("--seed", "x"), "--seed"),
        (("--modle", "bag"), "--model"),
    ],
)
def test_a_wrong_value_is_refused(
    arguments: tuple[str, ...], said: str, tmp_path: Path, unharmed: Path
) -> None:
    code, err = called("train", written(tmp_path / "a.csv", rows()), "--out", unharmed, *arguments)
    assert code == 2 and said in err and "Traceback" not in err, err


def test_an_unknown_verb_names_the_nearest() -> None:
    code, err = called("trian", "a.csv")
    assert code == 2 and "trian" in err and "'train'" in err, err


def test_where_the_model_would_be_written(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", rows())
    refused("train", data, "--out", data, said=("a.csv", "is a file"), hint="Choose another --out")
    refused("train", data, "--out", tmp_path, said=("holds other things",), hint="Choose another --out")
    refused("train", data, "--out", data / "m", *BAG, said=("a.csv",), hint="--out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("error", "said", "hint"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "no permission", "Choose another --out"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full", "Free some space"),
    ],
)
def test_a_place_that_cannot_be_written_to(
    error: OSError, said: str, hint: str, tmp_path: Path, unharmed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write anywhere, so the refusal is planted where the files get their names."""
    data = written(tmp_path / "a.csv", rows())

    def refuse(*arguments: Any, **more: Any) -> None:
        raise error

    monkeypatch.setattr(files.os, "replace", refuse)
    monkeypatch.setattr(files, "exchange", lambda left, right: False)
    refused("train", data, "--out", unharmed, *BAG, said=(str(unharmed), said), hint=hint)
    refused("predict", unharmed, data, "--out", tmp_path / "o.csv", said=("o.csv", said), hint=hint)
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read and write anywhere"
)
def test_folders_without_permission(tmp_path: Path, unharmed: Path) -> None:
    data = written(tmp_path / "a.csv", rows())
    (tmp_path / "closed").mkdir(mode=0o500)
    refused("train", data, "--out", tmp_path / "closed" / "m", *BAG, said=("no permission",), hint="--out")
    data.chmod(0)
    refused("train", data, "--out", tmp_path / "m", *BAG, said=("a.csv", "no permission"), hint="permissions")


def command(*arguments: str | Path, before: str = "") -> list[str]:
    """A command in a process of its own, on one processor."""
    quiet = "import textwright.choose.select as s; s.usable_cpus = lambda: 1"
    code = "\n".join([quiet, before, "from textwright.cli.main import main; main()"])
    return [sys.executable, "-c", code, *map(str, arguments)]


@pytest.mark.parametrize("limit", [2_000, 12_000, 40_000])
def test_a_disk_that_is_full(limit: int, tmp_path: Path, unharmed: Path) -> None:
    """No file may grow beyond the limit: events, weights and answers each meet it somewhere."""
    data = written(tmp_path / "a.csv", rows(1500))
    before = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    for arguments in (
        ("train", data, "--out", unharmed, *BAG),
        ("predict", unharmed, data, "--out", tmp_path / "o.csv"),
    ):
        done = subprocess.run(command(*arguments, before=before), capture_output=True, text=True)
        assert done.returncode == 2, (done.returncode, done.stderr[-500:])
        assert "Traceback" not in done.stderr and "error: " in done.stderr
        assert "full" in done.stderr or "too large" in done.stderr, done.stderr[-500:]
        assert "Free some space" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


SLOW = (
    "--model",
    "lstm",
    "--set",
    "learn.epochs=400",
    "--set",
    "learn.patience=0",
    "--set",
    "model.hidden=8",
)


def start(*arguments: str | Path, wait_for: str, before: str = "") -> subprocess.Popen[str]:
    """Start a command and read what it says until a line holds `wait_for`."""
    process = subprocess.Popen(
        command(*arguments, before=before), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    deadline = time.monotonic() + 60
    for line in process.stderr:
        if wait_for in line:
            return process
        assert time.monotonic() < deadline, line
    raise AssertionError(f"ended with {process.wait()} and never said {wait_for!r}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_the_best_so_far(number: int, code: int, tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", rows())
    before = "import textwright.tasks.checkpoints as c; c.SECONDS_BETWEEN = 0"
    process = start("train", data, "--out", tmp_path / "m", *SLOW, wait_for="accuracy", before=before)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert "Traceback" not in err and "the best model so far is kept" in err
    assert f"{tmp_path / '.m.work'}: the checkpoints stay" in err
    assert api.load(tmp_path / "m").predict(["lovely"]) and api.evaluate(tmp_path / "m", data).n == 60
    assert sorted(path.name for path in tmp_path.iterdir()) == [".m.work", "a.csv", "m"]


def test_a_signal_before_there_is_anything(tmp_path: Path, unharmed: Path) -> None:
    data = written(tmp_path / "a.csv", rows(20_000))
    process = start("train", data, "--out", unharmed, *SLOW, wait_for="--minutes")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "nothing is finished" in err and "Traceback" not in err, err


def test_a_killed_run_leaves_the_older_model_and_can_go_on(tmp_path: Path, older: Path) -> None:
    out = shutil.copytree(older, tmp_path / "m")
    data = written(tmp_path / "a.csv", rows())
    before = (
        "import textwright.tasks.checkpoints as c; c.SECONDS_BETWEEN = 0;"
        "import textwright.cli.progress as p; p._SECONDS_BETWEEN_SCORES = 0"
    )
    asked = ("train", data, "--out", out, *SLOW, "--set", "learn.epochs=12")
    process = start(*asked, wait_for="epoch 4", before=before)
    process.kill()
    assert process.wait(timeout=60) == -signal.SIGKILL
    process.communicate()
    assert api.load(out).bundle.manifest.architecture == "bag"  # type: ignore[union-attr]
    code, err = called(*asked, "--resume")
    assert code == 0, err
    first = next(line for line in err.splitlines() if line.lstrip().startswith("epoch"))
    assert float(first.split()[1]) > 2, first
    assert api.load(out).bundle.manifest.architecture == "lstm"  # type: ignore[union-attr]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "m"]
