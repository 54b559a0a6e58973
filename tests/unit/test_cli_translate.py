"""translate and export on the command line: JSON, what is said of what went wrong, and exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

import made_pairs
import textwright
from textwright.cli.main import app
from textwright.core.errors import BundleError
from textwright.export import gate
from textwright.text.structure import segments

SENTENCES = "We see bread today.\n\n- They sell flowers. I like the sea every day.\n"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def last(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has hardly learned anything."""
    place = tmp_path_factory.mktemp("pairs")
    rows = made_pairs.write(place / "pairs.tsv", made_pairs.pairs()[:120])
    assert run("train", rows, "--out", place / "en-zh", *made_pairs.BRIEF).exit_code == 0
    (place / "notes.md").write_text(SENTENCES, encoding="utf-8")
    (place / "new.csv").write_text("text\nWe see bread today.\nThey sell flowers.\n", encoding="utf-8")
    return place


def test_a_document_is_said_and_counted(folder: Path, tmp_path: Path) -> None:
    done = run("translate", folder / "en-zh", folder / "notes.md", "--out", tmp_path / "o.md")
    assert done.exit_code == 0 and done.stdout == ""
    assert f"3 texts translated: {tmp_path / 'o.md'}" in done.stderr
    as_json = run("translate", folder / "en-zh", folder / "notes.md", "--out", tmp_path / "o.md", "--json")
    assert [*last(as_json)] == ["n", "out", "cut", "kept", "unsure"] and last(as_json)["n"] == 3
    assert last(as_json)["unsure"] is None, "six held-out pairs are too few for a confidence"


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_document_becomes_rows_where_rows_are_written(folder: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"o.{ending}"
    done = run("translate", folder / "en-zh", folder / "notes.md", "--out", out, "--json")
    sources = [span.of(SENTENCES) for span in segments(SENTENCES, most=600)]
    if ending == "jsonl":
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    else:
        rows = [*csv.DictReader(out.read_text(encoding="utf-8").splitlines())]
    assert [row["text"] for row in rows] == sources and last(done)["n"] == len(sources) == 3
    assert [*rows[0]][:4] == ["text", "output", "score", "confidence"]
    assert not rows[0]["confidence"] and float(rows[0]["score"]) <= 0


def test_sentences_that_stay_are_counted_and_the_first_is_said(folder: Path, tmp_path: Path) -> None:
    """What is counted is what stands there."""
    given = folder / "notes.md"
    done = run(
        "translate", folder / "en-zh", given, "--out", tmp_path / "o.md", "--set", "max_tokens=1", "--json"
    )
    made = (tmp_path / "o.md").read_text(encoding="utf-8")
    sources = [span.of(SENTENCES) for span in segments(SENTENCES, most=600)]
    stayed = [source for source in sources if source in made]
    assert last(done)["kept"] == len(stayed)
    lines = done.stderr.splitlines()
    assert [line for line in lines if line in sources] == stayed[:1]
    assert any("stand as they were" in line for line in lines) == bool(stayed)


def test_those_that_were_cut_are_counted_as_the_rows_say(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    words = ["translate", folder / "en-zh", folder / "new.csv", "--out", out, "--json"]
    words += ["--set", "max_tokens=1"]
    for more in ([], ["--set", "min_tokens=1"]):  # the end is no token of an answer
        done = run(*words, *more)
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        num_cut = sum(row.get("cut", False) for row in rows)
        assert last(done) == {"n": 2, "out": str(out), "cut": num_cut, "kept": 0, "unsure": None}
        assert (f"cut before their end: {num_cut} of 2 " in done.stderr) == bool(num_cut)
    assert num_cut == 2
    assert "被截断的译文" in run(*words, *more, "--lang", "zh").stderr


def test_rows_go_to_standard_output_and_nothing_else(folder: Path) -> None:
    done = run("translate", folder / "en-zh", folder / "new.csv")
    assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == [
        "We see bread today.",
        "They sell flowers.",
    ]


def test_an_export_answers_alike_and_has_no_pages(folder: Path, tmp_path: Path) -> None:
    quick = tmp_path / "quick"
    exact = ["--set", "quantization=float32", "--json"]
    done = last(run("export", folder / "en-zh", "--to", "ctranslate2", "--out", quick, *exact))
    assert done["passed"] and done["out"] == str(quick) and done["max_difference"] < 1e-3
    texts = [source for source, _ in made_pairs.pairs()[:30]]
    one, other = (textwright.translate(path, texts) for path in (folder / "en-zh", quick))
    same = sum(a.text == b.text for a, b in zip(one, other, strict=True))
    assert same >= 29  # ties fall the other way by rounding
    with pytest.raises(BundleError, match="was exported, and has no pages"):
        textwright.card(quick)
    (quick / "model.bin").unlink()
    with pytest.raises(BundleError, match=r"model\.bin"):
        textwright.translate(quick, texts)


def test_an_export_that_answers_otherwise_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """int8 is no exact copy: where it were to be one, it is a check that failed."""
    monkeypatch.setattr(gate, "MAX_MEAN_QUANTISED", 1e-12)
    done = run("export", folder / "en-zh", "--to", "ctranslate2", "--out", tmp_path / "quick", "--json")
    assert done.exit_code == 1 and done.stdout == ""
    assert "answers otherwise" in done.stderr and "quantization=float32" in done.stderr
    assert not (tmp_path / "quick").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("quantization=int9", "ctranslate2 has no quantization 'int9'"),
        ("quantisation=int8", "export has no setting 'quantisation'"),
    ],
)
def test_what_export_does_not_know_is_refused(
    folder: Path, tmp_path: Path, setting: str, message: str
) -> None:
    done = run("export", folder / "en-zh", "--to", "ctranslate2", "--out", tmp_path / "q", "--set", setting)
    assert done.exit_code == 2 and message in done.stderr and "Did you mean" in done.stderr
