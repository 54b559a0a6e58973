"""Lengths of written summaries: learned from summaries of two sizes, and followed where one is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from textwright import api
from textwright.bundle.folder import load_manifest
from textwright.cli.main import app
from textwright.core.errors import ConfigError
from textwright.core.seeds import generator
from textwright.tasks.rewriting.asked import recipe_of_pairs
from textwright.tasks.rewriting.lengths import has_marks, length_asked
from textwright.tasks.rewriting.model import Rewriter
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.text.pairs.sizes import size_of
from textwright.text.tokenizers.framed import marks_of

WHAT = ["river", "bridge", "farm", "tower", "garden", "market"]
DID = ["opened", "closed", "burned", "grew"]
# A network that learns in seconds how long to be, and little else.
SIZES = {"width": 48, "layers": 1, "heads": 2, "inner": 96, "dropout": 0.0, "positions": 64}


def rows(num: int, name: str) -> Iterator[dict[str, str]]:
    """Texts that have a summary of 3 words, or one of 12."""
    rng = generator(0, name)
    for _ in range(num):
        said = [f"The {rng.choice(WHAT)} {rng.choice(DID)}." for _ in range(4)]
        text = " ".join([*said, f"Day {rng.integers(10**6)} was over."])
        yield {"text": text, "summary": " ".join(said[: int(rng.choice([1, 4]))])}


def train(place: Path, name: str, **more: object) -> Path:
    data = place / "pairs.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows(500, "learned")), encoding="utf-8")
    settings = {f"model.{key}": value for key, value in SIZES.items()}
    settings |= {
        "budget.tokens": 90_000,
        "learn.batch": 16,
        "learn.average.name": "none",
        "tokenizer.vocabulary_size": 330,
    }
    settings |= {"pairs.clean.lengths": "false", "pairs.lengths": 0.75, **more}
    assignments = [f"{key}={value}" for key, value in settings.items()]
    return api.train_pairs(data, place / name, recipe_of_pairs("summarize", assignments, {}, {})).out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("lengths"), "model")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that learned no lengths, in a moment."""
    more = {"pairs.lengths": 0, "budget.tokens": 2_000}
    return train(tmp_path_factory.mktemp("plain"), "model", **more)


def words_of(folder: Path, length: str | int | None) -> np.ndarray:
    opened = api.summarizer(folder, length=length, settings={"beams": 1})
    texts = [row["text"] for row in rows(24, "new")]
    return np.array([size_of(found.text) for found in opened.summarize_all(texts)])


def test_the_length_that_was_asked_for_is_followed(folder: Path) -> None:
    short, long = words_of(folder, "short"), words_of(folder, "long")
    assert np.median(short) == 3 and np.median(long) == 12
    assert (short <= 6).mean() > 0.9 and (long >= 9).mean() > 0.9
    assert np.abs(words_of(folder, 12) - 12).mean() < 4 and words_of(folder, 3).max() <= 6
    schema = load_manifest(folder).data_schema
    assert schema["sizes"]["edges"] == [3, 12] and schema["sizes"]["marked"]
    assert words_of(folder, None).mean() > 2, "nothing asked is answered as well"


def test_a_number_has_limits_beside_its_mark(folder: Path) -> None:
    model = Rewriter.load(folder)
    marks = marks_of(model.tokenizer)
    asked = [
        length_asked(DecodeSettings(length=n), "summarize", model.schema, model.tokenizer, ["a text"])
        for n in (2, 40)
    ]
    # No summary is longer than 12 words, which are medium: long is the same to it.
    assert [one.mark for one in asked] == [marks["short"], marks["medium"]]
    assert [one.words for one in asked] == [2, 40]
    tokens = model.schema["sizes"]["tokens"]
    assert asked[1].settings.min_tokens <= 40 * tokens <= (asked[1].settings.max_tokens or 0)
    assert asked[0].settings.length is None
    named = length_asked(DecodeSettings(length="short"), "summarize", model.schema, model.tokenizer, [])
    assert named.mark == marks["short"] and named.settings.max_tokens is None
    own = DecodeSettings(length=10, min_tokens=2)
    assert length_asked(own, "summarize", model.schema, model.tokenizer, []).settings.min_tokens == 2


def test_what_is_cut_ends_with_its_last_whole_sentence(folder: Path) -> None:
    model = Rewriter.load(folder)
    asked = length_asked(DecodeSettings(length=6), "summarize", model.schema, model.tokenizer, ["a"])
    assert asked.finished("The river grew. The farm burned. The") == "The river grew. The farm burned."
    assert asked.finished("The river grew and the farm burned and") is None
    assert asked.finished("No. The river and the farm burned and") is None, "too little is left"
    five = "The river grew. The farm burned. The tower closed. The market opened. The bridge closed."
    assert asked.finished(five, is_whole=True) == "The river grew. The farm burned."
    assert asked.finished("The river grew. It rained.", is_whole=True) is None, "it is short enough"
    found = api.summarizer(folder, length=7).summarize(next(rows(1, "cut"))["text"])
    assert found.text.endswith(".")


def test_without_marks_it_is_stretched_or_cut_and_says_so(plain: Path, tmp_path: Path) -> None:
    model = Rewriter.load(plain)
    assert not has_marks(model.schema) and not marks_of(model.tokenizer)
    text = tmp_path / "a.txt"
    text.write_text(next(rows(1, "one"))["text"], encoding="utf-8")
    done = api.summarize_file(text, model=plain, length="long")
    assert done.notes and "only stretched or cut" in done.notes[0]
    assert not api.summarize_file(text, model=plain).notes
    texts = [row["text"] for row in rows(20, "new")]
    for length in (2, 15):
        asked = length_asked(DecodeSettings(length=length), "summarize", model.schema, model.tokenizer, texts)
        assert asked.mark is None
        sizes = [len(told[0].ids) for told in model.engine.decode(model.sources(texts), asked.settings)]
        assert asked.settings.min_tokens <= min(sizes) and max(sizes) <= (asked.settings.max_tokens or 0)
    # Of a folder that does not even say how long its summaries were.
    old = {key: value for key, value in model.schema.items() if key != "sizes"}
    asked = length_asked(
        DecodeSettings(length="short"), "summarize", old, model.tokenizer, ["The river grew."]
    )
    assert asked.mark is None and asked.words == 30 and (asked.settings.max_tokens or 0) >= 30


def test_flags_of_the_command_line(folder: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "new.jsonl", tmp_path / "out.jsonl"
    data.write_text(
        "".join(json.dumps({"text": row["text"]}) + "\n" for row in rows(5, "new")), encoding="utf-8"
    )

    def run(*more: str) -> tuple[list[dict[str, object]], dict[str, object]]:
        words = ["summarize", str(folder), str(data), "--out", str(out), "--json", *more]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in out.read_text("utf-8").splitlines()], json.loads(done.stdout)

    by_set, told = run("--set", "length=short", "--set", "beams=1")
    by_flag, _ = run("--length", "short")
    assert all(size_of(str(row["output"])) <= 6 for row in by_set)
    assert [*by_set[0]] == ["text", "output", "spans", "unsupported", "score", "confidence"]
    assert [*told][-2:] == ["confidence", "unsure"] and told["unsure"] is None
    assert len(by_flag) == len(by_set) == 5
    wrong = CliRunner().invoke(app, ["summarize", str(folder), str(data), "--set", "length=tiny"])
    assert wrong.exit_code == 2 and "length" in wrong.stderr
    picked = CliRunner().invoke(app, ["summarize", str(data), "--set", "length=short"])
    assert picked.exit_code == 0, "sentences that are picked have the same words for it"
    other = CliRunner().invoke(app, ["summarize", str(data), "--set", "beams=1"])
    assert other.exit_code == 2 and "beams is a setting of a model that writes" in other.stderr


def test_a_translation_has_no_length(folder: Path) -> None:
    model = Rewriter.load(folder)
    model.task = "translate"
    with pytest.raises(ConfigError, match="of summaries, and this model translates"):
        model.rewrite(["The river grew."], DecodeSettings(length=5))


def test_both_engines_follow_it_alike(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    quick = api.export(folder, tmp_path / "quick", "ctranslate2", {"quantization": "float32"}).out
    for length in ("short", "long"):
        assert (words_of(folder, length) == words_of(quick, length)).mean() >= 0.9
    assert words_of(quick, 3).max() <= 6 and words_of(quick, 12).mean() > 8
