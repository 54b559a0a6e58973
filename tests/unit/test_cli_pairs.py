"""Pairs from the command line: two files, a test, languages, bad input, and what a folder says of them."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

import made_pairs
import textwright
from textwright import api
from textwright.bundle.folder import load_manifest
from textwright.bundle.learned import LEARNED
from textwright.bundle.manifest import MANIFEST
from textwright.cli.main import app
from textwright.core.errors import BundleError, CheckpointError, ConfigError
from textwright.core.files import read_json, to_json
from textwright.core.pairframe import PairFrame
from textwright.core.ragged import Ragged
from textwright.report.inspected import is_inspection
from textwright.tasks.inspecting.run import inspect_text
from textwright.tasks.rewriting.asked import recipe_of_pairs
from textwright.tasks.rewriting.engines.base import Told
from textwright.tasks.rewriting.long import rewrite_long
from textwright.tasks.rewriting.model import Rewriter
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.text.pairs.cleaning import clean_pairs
from textwright.text.pairs.reading import Pair
from textwright.text.rowlog import RowLog

EVERY = made_pairs.pairs()
TRAIN, TEST = EVERY[:150], EVERY[400:412]
# One of each kind of leak, and one that is news on both sides.
LEAKS = [TRAIN[3], (TRAIN[5][0], "完全不同的话。"), ("Nothing like it at all.", TRAIN[7][1])]
NEWS = ("The teacher remembers the long winter.", "老师记得漫长的冬天。")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def last(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, (result.output, result.exception)
    record: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return record


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    sources, targets = ("\n".join(side) + "\n" for side in zip(*TRAIN, strict=True))
    (folder / "a.en").write_text(sources, encoding="utf-8")
    (folder / "a.zh.gz").write_bytes(gzip.compress(targets.encode("utf-8")))
    rows = [f"{target}\t{source}" for source, target in [*LEAKS, NEWS, ("", "空")]]
    (folder / "test.tsv").write_text("\n".join(["zh\ten", *rows]) + "\n", encoding="utf-8")
    made_pairs.write(folder / "pairs.tsv", TRAIN)
    return folder


@pytest.fixture(scope="module")
def made(place: Path) -> dict[str, Any]:
    """A model of two files, with a file to test on."""
    words = ["train", place / "a.en", "--target-file", place / "a.zh.gz", "--test", place / "test.tsv"]
    return last(run(*words, "--out", place / "en-zh", *made_pairs.BRIEF, "--json"))


def test_two_files_are_learned_from_and_a_third_is_tested_on(place: Path, made: dict[str, Any]) -> None:
    assert made["task"] == "translate" and made["split"] == "test"
    assert {score["n"] for score in made["scores"].values()} == {4}
    (candidate,) = made["candidates"]
    assert candidate["split"] == "validation" and candidate["scores"]["bleu"]["n"] > 4
    record = read_json(place / "en-zh" / "scores.json")
    assert record["split"] == "test" and record["scores"] == made["scores"]
    assert record["validation"]["scores"] == candidate["scores"]
    manifest = load_manifest(place / "en-zh")
    assert [data.name for data in manifest.data] == ["a.en + a.zh.gz", "test.tsv"]
    assert manifest.data_schema["languages"] == ["en", "zh"]
    # Nothing of this machine is in the manifest.
    assert str(place) not in (place / "en-zh" / MANIFEST).read_text(encoding="utf-8")


def test_leaks_are_listed_and_rows_of_the_test_name_their_file(place: Path, made: dict[str, Any]) -> None:
    lines = (place / "en-zh" / "cleaning.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    leaks = {record["row"] for record in found if record["reason"] == "leak into the test file"}
    assert {4, 6, 8} <= leaks
    assert [(record["row"], record["reason"]) for record in found if record.get("file") == "test.tsv"] == [
        (6, "no source")
    ]


def test_an_evaluation_gives_the_same_scores_and_counts_looks(place: Path, made: dict[str, Any]) -> None:
    found = last(run("evaluate", place / "en-zh", place / "test.tsv", "--json"))
    assert found["scores"] == made["scores"] and found["split"] == "given"
    assert found["locked_rows"] == 4 and found["learned_rows"] == 0 and found["trained_on"] is False
    looks = read_json(place / "en-zh" / "looks.json")["looks"]
    assert [look["by"] for look in looks] == ["train", "evaluate test.tsv"]


def test_what_was_learned_is_counted_by_side(place: Path, made: dict[str, Any], tmp_path: Path) -> None:
    known = [pair for pair in TRAIN[20:60] if pair not in LEAKS][:4]
    rows = [*known, ("Wholly new words stand here.", known[0][1]), ("More news again.", "崭新的句子。")]
    sources, targets = ("\n".join(side) + "\n" for side in zip(*rows, strict=True))
    (tmp_path / "b.en").write_text(sources, encoding="utf-8")
    (tmp_path / "b.zh").write_text(targets, encoding="utf-8")
    words = ["evaluate", place / "en-zh", tmp_path / "b.en", "--target-file", tmp_path / "b.zh"]
    result = run(*words, "--json")
    found = last(result)
    sides = found["details"]["learned"]
    assert sides["target"] == sides["source"] + 1 == sides["both"] + 1
    assert found["learned_rows"] == sides["target"] >= 2 and found["trained_on"] is True
    assert f"has learned a side of {found['learned_rows']} of these 6 pairs" in result.stderr
    assert "的一侧" in run(*words, "--lang", "zh").stderr
    python = textwright.evaluate(place / "en-zh", tmp_path / "b.en", target_file=tmp_path / "b.zh")
    assert python.num_learned == found["learned_rows"]


def test_a_share_is_locked_and_none_of_it_is_learned(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "m"
    words = ["train", place / "pairs.tsv", "--out", out, "--test-share", "0.1", *made_pairs.BRIEF]
    found = last(run(*words, "--set", "source_language=en", "--set", "target_language=zh-CN", "--json"))
    number = found["scores"]["bleu"]["n"]
    assert found["split"] == "test" and 5 <= number <= 30
    looked = api.evaluate(out, place / "pairs.tsv")
    assert looked.num_locked == number and looked.num_learned <= 150 - number
    schema = load_manifest(out).data_schema
    assert schema["languages"] == ["en", "zh"] and (schema["source"], schema["target"]) == ("en", "zh")
    # What starts from it is told that it has learned the pairs to test on.
    made_pairs.write(tmp_path / "known.tsv", TRAIN)
    made_pairs.write(tmp_path / "new.tsv", EVERY[150:300])
    recipe = recipe_of_pairs("translate", ["budget.tokens=1000"], {"model.checkpoint": str(out)}, {})
    notes: list[str] = []
    api.train_pairs(
        tmp_path / "new.tsv",
        tmp_path / "n",
        recipe,
        test=tmp_path / "known.tsv",
        sink=lambda event: notes.append(getattr(event, "text", "")),
    )
    assert any("so scores on them are too good" in note for note in notes)
    both = api.evaluate(tmp_path / "n", tmp_path / "known.tsv")
    assert both.num_learned >= looked.num_learned


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["a.en", "--target-file", "short.zh"], "a.en has 150 lines, short.zh has 149", "lost or split"),
        (["pairs.tsv", "--source", "english"], "there is no column 'english'; found 'en', 'zh'", "zh"),
        (
            ["roles.tsv", "--set", "source_language=zh", "--set", "target_language=en"],
            "source and target are swapped: 'source' holds en, 'target' zh",
            "--source 'target' --target 'source'",
        ),
        (["same.tsv"], "source and target are the same text in most rows", "not translated"),
        (["empty.tsv"], "no row has both a source and a target (30 dropped: no target)", "fill their cells"),
        (
            ["pairs.tsv", "--set", "source_language=xq"],
            "data.source_language=xq: is no language that can be told here",
            "Known: am, ",
        ),
        (
            ["roles.tsv", "--set", "source_language=de"],
            "roles.tsv, column 'source': these texts are to be de, and are mostly en: en ",
            "data.source_language=en",
        ),
        (["pairs.tsv", "--test", "pairs.tsv"], "every pair to learn from shares a side", "--test-share"),
        (["pairs.tsv", "--test", "none.tsv"], "none.tsv: there is no such file", ""),
        (["pairs.tsv", "--test", "a.en", "--test-share", "0.1"], "contradict each other", "one of them"),
        (["pairs.tsv", "--target-file", "a.zh.gz"], "pairs.tsv: this is a tsv file", "Leave --target-file"),
        (["pairs.tsv", "--set", "test_share=1.5"], "test_share", ""),
    ],
)
def test_bad_input_says_what_where_and_what_to_do(
    place: Path, words: list[str], message: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    lines = gzip.decompress(Path("a.zh.gz").read_bytes()).decode("utf-8").splitlines()
    Path("short.zh").write_text("\n".join(lines[:70] + lines[71:]) + "\n", encoding="utf-8")
    table = Path("pairs.tsv").read_text(encoding="utf-8").splitlines()
    Path("roles.tsv").write_text("\n".join(["source\ttarget", *table[1:]]), encoding="utf-8")
    same = [f"{row.split(chr(9))[0]}\t{row.split(chr(9))[0]}" for row in table[1:31]]
    Path("same.tsv").write_text("\n".join(["source\ttarget", *same]), encoding="utf-8")
    empty = [f"{row.split(chr(9))[0]}\t" for row in table[1:31]]
    Path("empty.tsv").write_text("\n".join(["en\tzh", *empty]), encoding="utf-8")
    result = run("train", *words, "--task", "translate", "--out", "bad", *made_pairs.BRIEF)
    assert result.exit_code == 2, result.output
    error = result.stderr[result.stderr.index("error: ") :]
    assert message in error and hint in error
    assert not Path("bad").exists()


@dataclass
class Echo:
    """An engine that answers at once, with what it was asked."""

    frame: PairFrame
    asked: list[int] = field(default_factory=list)

    def decode(self, sources: Ragged, settings: DecodeSettings) -> list[list[Told]]:
        self.asked += sources.lengths.tolist()
        return [[Told(row[:-1].tolist(), 0.0, True)] for row in sources]

    def score(self, sources: Ragged, targets: Ragged) -> list[NDArray[np.float64]]:
        return [np.zeros(len(row)) for row in targets]


def test_a_sentence_of_a_hundred_thousand_words_is_left_out_and_translated_whole(
    place: Path, made: dict[str, Any]
) -> None:
    words = "We see bread today and " * 20_000
    log = RowLog()
    pairs = [Pair(source, target, 2) for source, target in TRAIN]
    kept = clean_pairs([*pairs, Pair(words, "字" * 100_000, 7)], log)
    assert len(kept) > 100 and ("dropped", "a side is too long") in log.counts
    model = Rewriter.load(place / "en-zh")
    echo = Echo(model.engine.frame)
    (found,) = rewrite_long(replace(model, engine=echo), [words])
    assert found.text.count("bread") == 20_000
    assert len(echo.asked) > 500 and max(echo.asked) <= model.room


def test_texts_in_a_third_language_are_flagged(place: Path, made: dict[str, Any], tmp_path: Path) -> None:
    french = "Le chat est sur la table et il ne veut pas descendre avec nous."
    (tmp_path / "fr.md").write_text(f"{french}\n", encoding="utf-8")
    quick = ["--set", "beams=1", "--out", tmp_path / "o.md"]
    said = run("translate", place / "en-zh", tmp_path / "fr.md", *quick).stderr
    assert "in another language (fr) than the model has learned to read" in said
    made_pairs.write(
        tmp_path / "fr.tsv", [(f"{french} {n}", f"猫在桌子上，不想和我们一起下来{n}。") for n in range(6)]
    )
    result = run("evaluate", place / "en-zh", tmp_path / "fr.tsv")
    assert "these texts are mostly fr, and the model has learned en" in result.stderr


def test_columns_in_another_order_are_found_by_the_languages_that_were_learned(
    place: Path, made: dict[str, Any], tmp_path: Path
) -> None:
    straight = made_pairs.write(tmp_path / "a.tsv", TEST)
    turned = tmp_path / "b.tsv"
    turned.write_text("zh\ten\n" + "".join(f"{b}\t{a}\n" for a, b in TEST), encoding="utf-8")
    roles = tmp_path / "c.tsv"
    roles.write_text("source\ttarget\n" + "".join(f"{b}\t{a}\n" for a, b in TEST), encoding="utf-8")
    one, other = (api.evaluate(place / "en-zh", path) for path in (straight, turned))
    assert one.scores == other.scores
    result = run("evaluate", place / "en-zh", roles)
    assert result.exit_code == 2 and "the model has learned to make zh of en" in result.stderr


def test_other_models_have_no_file_of_targets(place: Path, made: dict[str, Any]) -> None:
    result = run(
        "train", place / "a.en", "--target-file", place / "a.zh.gz", "--task", "classify", "--out", "x"
    )
    assert result.exit_code == 2 and "--target-file does not go with --task classify" in result.stderr
    with pytest.raises(ConfigError, match="test_share is of pairs"):
        recipe = textwright.PretrainRecipe.parse({"objective": "causal", "data": {"test_share": 0.1}})
        textwright.pretrain([place / "a.en"], place / "x", recipe)


def test_a_folder_of_the_other_task_is_refused(place: Path, made: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Some text.\n", encoding="utf-8")
    result = run("summarize", place / "en-zh", tmp_path / "a.txt")
    assert result.exit_code == 2 and "is a model for translate, not for summarize" in result.stderr
    assert f"Use it: textwright translate {place / 'en-zh'} FILE" in result.stderr


def test_an_exported_folder_says_what_it_is(place: Path, made: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    quick = tmp_path / "quick"
    api.export(place / "en-zh", quick, "ctranslate2", {"quantization": "float32"})
    with pytest.raises(BundleError, match="was exported already"):
        api.export(quick, tmp_path / "again", "ctranslate2")
    recipe = recipe_of_pairs("translate", None, {"model.checkpoint": str(quick)}, {})
    with pytest.raises(CheckpointError, match="was exported to ctranslate2, and nothing can be learned on"):
        api.train_pairs(place / "pairs.tsv", tmp_path / "m", recipe)
    with pytest.raises(BundleError, match="was exported, and has no pages"):
        inspect_text(quick, "We see bread.", tmp_path / "a.html")
    # What was learned goes with it.
    counts = [api.evaluate(path, place / "pairs.tsv").num_learned for path in (place / "en-zh", quick)]
    assert counts[0] == counts[1] > 100


def test_a_card_is_written_of_scores_without_intervals(
    place: Path, made: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    for file in (place / "en-zh").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    manifest = load_manifest(folder)
    nothing = {"value": None, "low": None, "high": None, "n": 1, "better": "higher"}
    older = manifest.model_copy(update={"scores": {"bleu": nothing, "chrf": {**nothing, "value": 12.0}}})
    older = older.model_copy(update={"own_hash": older.hashed()})
    (folder / MANIFEST).write_text(to_json(older.model_dump(mode="json", by_alias=True)), encoding="utf-8")
    assert textwright.card(folder, overwrite=True).files
    assert "–" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_page_shows_how_an_answer_was_told(place: Path, made: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    found = last(run("inspect", place / "en-zh", "--text", "We see bread today.", "--out", page, "--json"))
    assert is_inspection(page.read_bytes()) and found["source"] == "We see bread today."
    (best,) = textwright.translate(place / "en-zh", ["We see bread today."])
    assert found["text"].strip() == best.text.strip()
    told = [token["probability"] for token in found["tokens"]]
    assert len(told) == found["num_tokens"] and all(0 < share <= 1 for share in told)
    attention = found["attention"]
    assert attention["num_layers"] == 1 and attention["num_heads"] == 2
    for head in attention["layers"][0]["heads"]:
        assert len(head) == len(attention["tokens"])
        assert all(sum(row) == pytest.approx(1, abs=0.01) for row in head)
    text = page.read_text(encoding="utf-8")
    assert "Where its heads look" in text and "各个注意力头看向哪里" in text and text.count("<svg") >= 2
    with pytest.raises(ConfigError, match="there is no such token"):
        inspect_text(place / "en-zh", "We see bread.", page, at=[99])


def test_older_folders_do_not_say_what_they_learned(
    place: Path, made: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    for file in (place / "en-zh").iterdir():
        if file.name not in (LEARNED, "looks.json"):
            (folder / file.name).write_bytes(file.read_bytes())
    manifest = load_manifest(place / "en-zh")
    files = {name: value for name, value in manifest.files.items() if name != LEARNED}
    older = manifest.model_copy(update={"files": files})
    older = older.model_copy(update={"own_hash": older.hashed()})
    (folder / MANIFEST).write_text(to_json(older.model_dump(mode="json", by_alias=True)), encoding="utf-8")
    found = api.evaluate(folder, place / "pairs.tsv")
    assert found.num_learned == found.num_locked == 0 and "learned" not in found.details
