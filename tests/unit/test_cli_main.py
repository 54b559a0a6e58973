"""The command itself: quick help, no heavy imports, exit codes, and JSON as the last line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from textwright.choose import select
from textwright.cli.main import VERBS, app
from textwright.cli.run import Guard, guarded

HEAVY = {
    "torch",
    "numpy",
    "pydantic",
    "pyarrow",
    "scipy",
    "safetensors",
    "tokenizers",
    "transformers",
    "sklearn",
}


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom textwright.cli.main import app\n"
        "try: app()\nexcept SystemExit: pass\n"
        f"print('heavy:', *({HEAVY!r} & set(sys.modules)))"
    )
    done = python(code, *arguments)
    assert done.stdout.splitlines()[-1].strip() == "heavy:", done.stdout + done.stderr


def test_help_lists_every_verb_with_a_line() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    for verb, line in VERBS.items():
        assert any(verb in row.split() and line[:40] in row for row in shown.splitlines()), verb


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0 and f"{verb} [OPTIONS]" in result.stdout, result.output


def test_version() -> None:
    from importlib.metadata import version

    assert CliRunner().invoke(app, ["--version"]).stdout.strip() == version("textwright")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(select, "usable_cpus", lambda: 1)
    rows = [f"visit {i} was {'lovely' if i % 2 else 'awful'},{'good' if i % 2 else 'bad'}" for i in range(40)]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(["text,label", *rows]))
    return path


def test_the_last_line_is_json_and_the_rest_is_on_standard_error(data: Path) -> None:
    def said(*arguments: str) -> dict[str, object]:
        result = CliRunner().invoke(app, [*arguments, "--json"])
        assert result.exit_code == 0, result.stderr
        (line,) = result.stdout.splitlines()
        record: dict[str, object] = json.loads(line)
        return record

    model = str(data.parent / "m")
    trained = said("train", str(data), "--out", model, "--model", "bag")
    assert {"task", "model", "out", "seconds", "parameters", "bytes", "candidates", "scores", "split"} <= set(
        trained
    )
    evaluated = said("evaluate", model, str(data))
    assert {"n", "seconds", "scores", "split"} <= set(evaluated) and evaluated["split"] == "given"
    assert said("predict", model, str(data), "--out", str(data.parent / "o.csv"))["n"] == 40
    assert said("plan", str(data), "--model", "bag")["task"] == "classify"


def test_a_training_ends_with_where_to_look(data: Path) -> None:
    line = ["train", str(data), "--out", str(data.parent / "m"), "--model", "bag"]
    *_, report, after = CliRunner().invoke(app, line).stdout.splitlines()
    assert report == f"report: {data.parent / 'm' / 'report.html'}" and after.startswith("Next: ")
    nothing_held_out = ["--test-share", "0", "--set", "split.validation=0"]
    found = CliRunner().invoke(app, [*line, *nothing_held_out]).stdout.splitlines()
    assert found[1] == "no rows were held out, so nothing is known of its quality"
    assert "validation rows" not in "\n".join(found)


def test_answers_and_json_share_standard_output(data: Path) -> None:
    model = str(data.parent / "m")
    CliRunner().invoke(app, ["train", str(data), "--out", model, "--model", "bag"])
    result = CliRunner().invoke(app, ["predict", model, "-", "--json"], input="so lovely\n\nawful\n")
    *answers, last = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["label"] for answer in answers] == ["good", None, "bad"]
    assert (last["n"], last["unreadable"]) == (3, 1)


def test_whoever_reads_the_answers_may_stop(data: Path) -> None:
    """`textwright predict ... | head` ends without a complaint."""
    model = str(data.parent / "m")
    CliRunner().invoke(app, ["train", str(data), "--out", model, "--model", "bag"])
    big = data.with_name("big.txt")
    big.write_text("so lovely\n" * 20_000)
    code = "from textwright.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "predict", model, str(big)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 0 and err == b""


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ZeroDivisionError("x"), 70, "a bug of ours: ZeroDivisionError"),
        (MemoryError(), 2, "not enough memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_failures_have_exit_codes(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    for debug in (False, True):
        with pytest.raises(typer.Exit) as caught, guarded(debug):
            raise error
        err = capsys.readouterr().err
        assert caught.value.exit_code == code and said in err
        assert ("Traceback" in err) == (debug and code != 130)


def test_the_way_signals_were_handled_comes_back() -> None:
    import signal

    before = signal.getsignal(signal.SIGTERM)
    with guarded(False) as guard:
        assert signal.getsignal(signal.SIGTERM) == guard.terminate and guard == Guard(130)
    assert signal.getsignal(signal.SIGTERM) == before


def command(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """The real entry point, in a process of its own."""
    code = "import sys\nfrom textwright.cli.main import main\nsys.argv[0] = 'textwright'\nmain()"
    environment = {**os.environ, "TEXTWRIGHT_LANG": more.pop("language", "")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], text=True, timeout=120, env=environment, **more
    )


@pytest.mark.parametrize(
    ("arguments", "language", "what", "where"),
    [
        (["train"], "", "error: Missing argument 'data'.", "textwright train --help"),
        (["trian"], "", "error: There is no verb 'trian'. Did you mean 'train'?", "textwright --help"),
        (["evaluate", "a", "--nope"], "", "error: No such option: --nope", "textwright evaluate --help"),
        (["train"], "zh", "错误：缺少参数 'data'。", "textwright train --help"),
        (["--lang", "zh", "train"], "", "错误：缺少参数 'data'。", "textwright train --help"),
        (["train", "a", "--out", "b", "--minutes", "x", "--lang=zh"], "", "的值无效：应为数字", "--help"),
    ],
)
def test_a_wrong_command_gets_two_lines_in_the_language_of_the_person(
    arguments: list[str], language: str, what: str, where: str
) -> None:
    done = command(*arguments, language=language, capture_output=True)
    first, second = done.stderr.splitlines()
    assert done.returncode == 2 and done.stdout == ""
    assert what in first and where in second


@pytest.mark.parametrize(("arguments", "says"), [([], "Commands:"), (["--lang", "zh"], "命令：")])
def test_without_a_verb_there_is_help(arguments: list[str], says: str) -> None:
    done = command(*arguments, capture_output=True)
    assert done.returncode == 2 and says in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_standard_output_is_no_bug_of_ours() -> None:
    with Path("/dev/full").open("w") as full:
        done = command("doctor", "--json", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2 and "the disk is full" in done.stderr and "bug of ours" not in done.stderr
