"""`textwright tokenizer`: what it writes, what it reports, and what it refuses to overwrite."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from textwright.cli.tokenizer import app
from textwright.core.errors import DataError
from textwright.text.rowlog import RowLog
from textwright.text.sources.base import Batch
from textwright.text.tokenizers import Tokenizer, TokenizerSettings, train_tokenizer
from textwright.text.tokenizers.files import TextFile, train_on_files
from textwright.text.tokenizers.report import tokenizer_report

ENGLISH = ["the cat sat on the mat", "the dog sat on the log", "don't wake the cat"]
CHINESE = ["我喜欢这家店", "这家店很好", "手机很好用"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def last_line(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    english, chinese = tmp_path / "en.csv", tmp_path / "zh.jsonl.gz"
    english.write_text(
        "\n".join(["id,text", *(f"{i},{text}" for i, text in enumerate(ENGLISH))]), encoding="utf-8"
    )
    lines = [json.dumps({"内容": text}) for text in CHINESE]
    chinese.write_bytes(gzip.compress("\n".join(lines).encode()))
    return [english, chinese]


def test_a_tokenizer_of_two_files_is_that_of_all_their_texts(files: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "tok"
    record = last_line(run("train", *files, "--out", out, "--kind", "word", "--max-length", 5, "--json"))
    expected = train_tokenizer([*ENGLISH, *CHINESE], TokenizerSettings(kind="word", max_length=5))
    loaded = Tokenizer.load(out)
    assert loaded.fingerprint == expected.fingerprint == record["fingerprint"]
    assert record["kind"] == "word" and record["texts"] == 6 and record["max_length"] == 5
    assert record["vocabulary_size"] == expected.size and record["out"] == str(out)
    assert {entry.name for entry in out.iterdir()} == {"tokenizer.json", "tokenizer_settings.json"}
    assert [entry for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_the_kind_is_chosen_by_the_scripts_of_all_files(files: list[Path], tmp_path: Path) -> None:
    record = last_line(run("train", files[1], "--out", tmp_path / "zh", "--json"))
    assert record["kind"] == "word" and "Han" in record["reason"]
    thai = tmp_path / "th.txt"
    thai.write_text("สวัสดีครับ ผมชอบกินข้าว\n" * 8_000, encoding="utf-8")
    # The English file comes first and is long: each file has its say all the same.
    english = tmp_path / "long.txt"
    english.write_text("the cat sat on the mat\n" * 20_000, encoding="utf-8")
    record = last_line(
        run("train", english, thai, "--out", tmp_path / "th", "--vocabulary-size", 400, "--json")
    )
    assert record["kind"] == "bpe" and "thai" in record["reason"] and record["vocabulary_size"] <= 400


def test_report_measures_the_texts_of_the_file(files: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "tok"
    run("train", files[0], "--out", out, "--kind", "word", "--max-length", 4)
    found = last_line(run("report", out, files[1], "--text", "内容", "--json"))
    assert found == json.loads(json.dumps(tokenizer_report(Tokenizer.load(out), CHINESE)))
    assert found["unknown"]["share"] == 1.0
    page = run("report", out, files[0])
    assert page.exit_code == 0 and "tokens per word" in page.stdout and "limit 4 tokens" in page.stdout
    assert "texts from the column 'text'" in page.stderr


def test_an_older_tokenizer_is_replaced_and_nothing_else(files: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "tok"
    first = last_line(run("train", files[0], "--out", out, "--kind", "char", "--json"))
    second = last_line(run("train", files[1], "--out", out, "--kind", "char", "--json"))
    assert Tokenizer.load(out).fingerprint == second["fingerprint"] != first["fingerprint"]
    (out / "model.safetensors").write_bytes(b"precious")
    result = run("train", files[0], "--out", out)
    assert result.exit_code == 2 and "other things than a tokenizer" in result.stderr
    assert Tokenizer.load(out).fingerprint == second["fingerprint"] and (out / "model.safetensors").exists()
    result = run("train", files[0], "--out", files[1])
    assert result.exit_code == 2 and "is a file" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kind", "wrod"], "Did you mean 'word'?"),
        (["--text", "txt"], "Did you mean 'text'?"),
        (["--vocabulary-size", "2", "--kind", "word"], "too small"),
        (["--vocabulary-size", "0"], "--vocabulary-size"),
    ],
)
def test_requests_that_cannot_be_met(
    files: list[Path], tmp_path: Path, arguments: list[str], said: str
) -> None:
    result = run("train", files[0], "--out", tmp_path / "tok", *arguments)
    assert result.exit_code == 2 and said in result.stderr and not (tmp_path / "tok").exists()


def test_a_folder_without_a_tokenizer(files: list[Path], tmp_path: Path) -> None:
    assert "there is no such folder" in run("report", tmp_path / "none", files[0]).stderr
    (tmp_path / "bag").mkdir()
    (tmp_path / "bag" / "textwright.json").write_text("{}", encoding="utf-8")
    result = run("report", tmp_path / "bag", files[0])
    assert result.exit_code == 2 and "reads characters and has no tokenizer" in result.stderr


def test_texts_are_cleaned_and_empty_ones_left_out(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text,label\n cafe\u0301 ,1\n,2\ntea\u200b,3\n", encoding="utf-8")
    file = TextFile.open(path)
    assert list(file) == ["café", "tea"] == list(file)
    assert file.num_texts == 2
    with pytest.raises(DataError, match="no column 'body'"):
        TextFile.open(path, "body")


class Endless:
    """A source that has no end; it tells how many batches were asked of it."""

    path, kind, columns, notes = Path("endless"), "txt", ["text"], list[str]()

    def __init__(self) -> None:
        self.num_batches = 0

    def batches(self, log: RowLog, size: int = 4096) -> Iterator[Batch]:
        for i in count():
            self.num_batches += 1
            yield Batch([2 * i + 1, 2 * i + 2], {"text": [f"word {i}", None]})


def test_files_are_streamed() -> None:
    source = Endless()
    assert list(islice(TextFile(source, "text"), 5)) == [f"word {i}" for i in range(5)]
    assert source.num_batches == 5
    assert len("".join(TextFile(source, "text").head(100))) == 100


def test_one_opening_serves_the_guess_and_the_training(tmp_path: Path) -> None:
    path = tmp_path / "zh.txt"
    path.write_text("\n".join(CHINESE), encoding="utf-8")
    file = TextFile.open(path)
    learned = train_on_files([file], TokenizerSettings(kind="auto"))
    path.unlink()
    assert learned.num_texts == 3 and learned.tokenizer.tokens("很好") == ["很", "好"]
