"""Models and methods of pairs side by side: the same rows, corrected tests, shared time, what is kept."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

import made_summaries
import textwright
from textwright.choose.pairs import contest as contests
from textwright.choose.pairs.chosen import decided
from textwright.choose.pairs.compared import PairsComparison, compare_pairs
from textwright.choose.pairs.contest import MODEL, Contest, Entry, recipe_for
from textwright.choose.pairs.entrants import Opened, names_of
from textwright.choose.pairs.judge import Judge, judge_of
from textwright.cli.main import app
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError, DataError, TextwrightError
from textwright.core.events import Event, silent
from textwright.core.records import Candidate
from textwright.measure.paired import holm
from textwright.measure.paired_corpus import compare_summaries
from textwright.measure.rouge import RougeMeter
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.rewriting.rows import PairRows
from textwright.text.pairs.reading import Pair

RECIPE = PretrainRecipe.parse({"objective": "summarize"})
NASTY = "<b>& rows.jsonl"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = made_summaries.reports(160)
    rows[0] = (rows[0][0] + " <script>alert(1)</script>", rows[0][1])
    return made_summaries.write(tmp_path_factory.mktemp("reports") / NASTY, rows)


@pytest.fixture(scope="module")
def test_file(data: Path) -> Path:
    """Sixty new reports, and three that are learned from."""
    known = PairRows.read(data, RECIPE).train[:3]
    more = [(pair.source, pair.target) for pair in known]
    return made_summaries.write(data.parent / "test.jsonl", [*made_summaries.reports(60, seed=1), *more])


@pytest.fixture(scope="module")
def found(data: Path, test_file: Path) -> PairsComparison:
    return compare_pairs(data, data.parent / "out", RECIPE, models=["extractor", "bm25"], test=test_file)


def answers(found: PairsComparison) -> dict[str, list[dict[str, str]]]:
    files = {row["name"]: row["files"]["answers"] for row in found.to_json()["candidates"]}
    return {
        name: [json.loads(line) for line in (found.out / file).read_text(encoding="utf-8").splitlines()]
        for name, file in files.items()
    }


def test_all_answer_the_same_rows_none_of_which_is_learned_from(found: PairsComparison, data: Path) -> None:
    every = answers(found)
    assert [*every] == ["lead", "longest", "textrank", "bm25", "extractor"]
    rows = {name: [(line["source"], line["target"]) for line in lines] for name, lines in every.items()}
    assert all(of_one == rows["lead"] for of_one in rows.values())
    assert found.n == len(rows["lead"]) == 60 and found.split == "given"
    learned = {pair.source for pair in PairRows.read(data, RECIPE).train}
    assert not learned & {source for source, _ in rows["lead"]}


def test_scores_and_tests_follow_from_the_answers(found: PairsComparison) -> None:
    """Counted again from the files, with the correction by Holm."""
    meters = {}
    for name, lines in answers(found).items():
        meters[name] = RougeMeter("en")
        meters[name].update(
            [line["answer"] for line in lines],
            [[line["target"]] for line in lines],
            [line["source"] for line in lines],
        )
    record = json.loads((found.out / "comparison.json").read_text(encoding="utf-8"))
    assert record["best"] == found.best == "extractor" == record["kept"]
    others = [row for row in record["candidates"] if not row["chosen"]]
    gaps = [compare_summaries(meters["extractor"], meters[row["name"]])["rougeL"] for row in others]
    corrected = holm([gap["p_value"] for gap in gaps])
    for row, gap, p_value in zip(others, gaps, corrected, strict=True):
        assert row["scores"]["rougeL"]["value"] == meters[row["name"]].scores()["rougeL"].value
        assert row["difference"]["rougeL"]["value"] == gap["difference"]["value"] < 0
        assert row["p_value"] == p_value and row["test"] == "paired randomisation, Holm"
        assert (row["kind"], row["parameters"], row["split"]) == ("method", 0, "given")
    best = next(row for row in record["candidates"] if row["chosen"])
    assert best["difference"] is None and best["latency_ms_p50"] > 0 and best["parameters"] > 1000


def test_the_best_model_is_kept_and_answers_as_it_was_measured(found: PairsComparison) -> None:
    line = answers(found)["extractor"][0]
    assert textwright.summarize(line["source"], model=found.out / "model").text == line["answer"]


def test_the_page_says_what_the_record_says(found: PairsComparison) -> None:
    page = (found.out / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert NASTY not in page and "&lt;b&gt;&amp; rows.jsonl" in page
    english = re.sub(r'<(span|text) [^>]*lang="zh">.*?</\1>', "", page, flags=re.DOTALL)
    plain = re.sub(r"<[^>]+>", " ", english).replace("\N{NO-BREAK SPACE}", " ")
    score = next(entry for entry in found.entries if entry.name == "extractor").record.scores["rougeL"]
    assert f"Best of those compared: extractor, with a ROUGE-L of {score.value:.1f} on 60 pairs" in plain
    assert "All 4 others are worse by more than chance would make them." in plain
    assert "60 pairs of the test file" in plain and "no network was fitted" in plain
    assert "textwright summarize out/model FILE" in plain and "未证明有差别" not in page
    assert "所比较的当中最好的是 extractor" in page


def test_the_command_says_it_in_both_languages(data: Path, tmp_path: Path) -> None:
    words = ["compare", data, "--task", "summarize", "--models", "lead", "--out", tmp_path / "out"]
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout.splitlines()[-1])
    assert {
        "task",
        "out",
        "seconds",
        "candidates",
        "best",
        "kept",
        "split",
        "headline",
        "n",
        "interrupted",
    } == {*record}
    assert [row["name"] for row in record["candidates"]] == ["lead", "longest", "textrank"]
    assert record["kept"] is None and record["split"] == "validation" and record["headline"] == "rougeL"
    chinese = run(*words, "--lang", "zh")
    lines = f"{chinese.stderr}\n{chinese.stdout}".splitlines()
    left = [
        line for line in lines if re.search(r"[a-z]{2,} [a-z]+ [a-z]{2,}", line) and "textwright" not in line
    ]
    assert chinese.exit_code == 0 and left == []


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--models", "lead,lead"], "lead is given twice"),
        (["--models", "bag"], "'bag' does not summarize"),
        (["--models", "extractor", "--set", "model.widht=2"], "unknown setting 'model.widht'"),
        (["--models", "extractor", "--set", "learn.epochs=2"], "learn.epochs says nothing to an extractor"),
        (["--models", "m2m100", "--set", "model.heads=0"], "model.heads"),
        (["--models", "m2m100", "--set", "data.test_share=0.1"], "several are judged on the same pairs"),
        (["--models", "m2m100", "--vary", "seed=0,1"], "--vary does not go with --task summarize"),
        (["--models", "m2m100", "--from", "x"], "--from does not go with --task summarize"),
    ],
)
def test_what_does_not_fit_is_refused(data: Path, tmp_path: Path, words: list[str], what: str) -> None:
    done = run("compare", data, "--task", "summarize", "--out", tmp_path / "out", *words)
    assert done.exit_code == 2 and what in done.stderr, done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flag", ["--test", "--test-share"])
def test_a_choice_is_not_tested_on_rows_that_only_one_model_keeps_apart(
    data: Path, tmp_path: Path, flag: str
) -> None:
    value = data if flag == "--test" else "0.1"
    done = run(
        "train", data, "--task", "summarize", "--model", "auto", flag, value, "--out", tmp_path / "out"
    )
    assert done.exit_code == 2 and "several are judged on the same pairs" in done.stderr, done.output
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_things_is_not_replaced(data: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds other things than a comparison"):
        compare_pairs(data, tmp_path, RECIPE, models=["lead"])


def test_a_test_file_of_known_sources_is_refused(data: Path, tmp_path: Path) -> None:
    known = [(pair.source, pair.target) for pair in PairRows.read(data, RECIPE).train[:5]]
    test = made_summaries.write(tmp_path / "t.jsonl", known)
    with pytest.raises(DataError, match="every source stands in the data that is learned from"):
        compare_pairs(data, tmp_path / "out", RECIPE, test=test)


@pytest.mark.parametrize("verb", ["curve", "plan"])
def test_verbs_for_labels_say_that_pairs_have_none(verb: str, data: Path, tmp_path: Path) -> None:
    more = ["--out", tmp_path / "c"] if verb == "curve" else []
    for asked in ([], ["--task", "summarize"], ["--task", "translate"]):
        done = run(verb, data, *asked, *more)
        assert done.exit_code == 2 and f"{verb} is for labels and scores" in done.stderr
        assert "For pairs there are train, compare --models and evaluate" in done.stderr


def test_who_takes_part() -> None:
    assert names_of("translate", ["lstm"]) == ["copy", "lstm"]
    assert names_of("translate", ["auto"]) == ["copy", "m2m100", "lstm"]
    assert names_of("summarize", ["m2m100", "extractor", "random"])[3:] == ["random", "extractor", "m2m100"]
    with pytest.raises(ConfigError, match="extractor picks sentences of a text, and does not translate"):
        names_of("translate", ["extractor"])


def test_a_model_hears_of_a_recipe_what_is_for_it() -> None:
    given = {"model": {"width": 48, "sentences": 2}, "learn": {"epochs": 3}, "pairs": {"cut": 0.1}}
    both = RECIPE.replaced(given)
    extractor, network = (recipe_for(name, both, 100.0) for name in ("extractor", "m2m100"))
    assert extractor.said() == {
        "budget.minutes": 100 / 60,
        "model": {"name": "extractor", "sentences": 2},
        "model.sentences": 2,
        "objective": "summarize",
    }
    assert network.model == {"name": "m2m100", "width": 48} and network.learn.epochs == 3
    assert network.budget.minutes == pytest.approx(80 / 60)
    assert recipe_for("m2m100", both, None).budget.minutes is None


def judge(count: int) -> Judge:
    pairs = [Pair(f"source number {i} is here", f"number {i}", i) for i in range(count)]
    return Judge("summarize", pairs, "given", "en")


def contest(tmp_path: Path, count: int = 100) -> Contest:
    rows = PairRows("summarize", tmp_path, [], [], None, [])  # type: ignore[arg-type]
    return Contest(rows, judge(count), RECIPE, Clock.starting(), tmp_path, silent)


def told(texts: Any) -> list[str]:
    return [text.replace("source ", "").replace(" is here", "") for text in texts]


def entry_of(one: Contest, name: str, opened: Opened, end: float) -> Entry:
    entry = Entry(name, MODEL, Candidate(name, name=name))
    one.entries.append(entry)
    one._answered(entry, opened, end)
    return entry


def test_all_are_compared_on_as_many_pairs_as_the_slowest_had_time_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, now = contest(tmp_path), [0.0]
    monkeypatch.setattr(contests, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def slow(texts: Any) -> list[str]:
        now[0] += 0.005 * len(texts)
        return told(texts)

    quick = entry_of(one, "quick", Opened(lambda texts: [*texts]), float("inf"))
    late = entry_of(one, "slow", Opened(slow), 0.25)
    assert len(quick.answers) == 100 and 45 <= len(late.answers) <= 50
    assert one.finish() is late
    assert len(quick.answers) == len(late.answers) == len(one.judge.pairs) == late.record.scores["rougeL"].n
    assert late.record.scores["rougeL"].value == 100 and quick.record.p_value is not None


def test_one_that_answers_hardly_any_source_is_not_measured(tmp_path: Path) -> None:
    one = contest(tmp_path)
    late = entry_of(one, "slow", Opened(told), time.monotonic())
    assert len(late.answers) == 8 and late.record.status == "stopped"
    assert late.record.why == "it had time to answer 8 of 100 sources only"
    with pytest.raises(TextwrightError, match="nothing was measured"):
        one.finish()


def test_what_was_finished_is_kept_when_it_is_interrupted(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(contests, "train_extractor", stopped)
    found = compare_pairs(data, tmp_path / "out", RECIPE, models=["extractor"])
    assert found.interrupted and found.kept is None
    assert [entry.record.status for entry in found.entries] == ["done"] * 3 + ["stopped"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "The comparison was interrupted" in page and "1 could not be measured" in page


def test_a_model_that_fails_is_a_row_that_says_why(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise DataError("no good")

    monkeypatch.setattr(contests, "train_extractor", broken)
    found = compare_pairs(data, tmp_path / "out", RECIPE, models=["extractor"])
    last = found.entries[-1].record
    assert (last.status, last.why) == ("failed", "no good") and not found.interrupted


def test_the_time_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has what is left over those that are left; the quickest comes first."""
    one, shares = contest(tmp_path), list[tuple[str, float]]()
    one.clock = Clock.starting(100)

    def fitted(entry: Entry, seconds: float) -> Path:
        shares.append((entry.name, seconds))
        raise DataError("enough")

    monkeypatch.setattr(Contest, "_learned", lambda self, entry, seconds: fitted(entry, seconds))
    one.run(names_of("summarize", ["lstm", "m2m100", "extractor"])[3:])
    assert [name for name, _ in shares] == ["extractor", "lstm", "m2m100"]
    left = [seconds * count for (_, seconds), count in zip(shares, (3, 2, 1), strict=True)]
    assert left == pytest.approx([96] * 3, abs=2)


def test_the_simpler_one_is_taken_where_no_difference_is_shown(tmp_path: Path) -> None:
    one = contest(tmp_path, 30)
    half = Opened(lambda texts: [text if i % 2 else told([text])[0] for i, text in enumerate(texts)])
    simple = entry_of(one, "simple", half, float("inf"))
    better = entry_of(one, "better", Opened(told), float("inf"))
    best = one.finish()
    assert best is better and decided(one, best)[0] is better
    simple.record = Candidate("simple", simple.record.scores, p_value=0.2)
    pick, why = decided(one, best)
    assert pick is simple
    assert why == "simpler than better, and not shown to be worse in rougeL on 30 held-out pairs, p = 0.2"


def test_no_more_than_a_thousand_pairs_are_judged_on(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [Pair(f"text {i}", f"t {i}", i) for i in range(1_500)]
    rows = PairRows("summarize", Path("x"), [], pairs, None, [])  # type: ignore[arg-type]
    said: list[Event] = []
    found = judge_of(rows, RECIPE, None, said.append)
    assert len(found.pairs) == 1_000 == len({pair.row for pair in found.pairs})
    assert "judged on 1,000 of 1,500 pairs" in str(said[0])
