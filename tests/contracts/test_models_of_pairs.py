"""Every model that a person may name for pairs: trains, opens, answers, is measured and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import made_pairs
import made_summaries
import textwright
from textwright import api
from textwright.bundle.folder import load_verified
from textwright.choose.pairs.contest import Contest
from textwright.choose.pairs.entrants import ALWAYS, names_of
from textwright.choose.pairs.judge import judge_of
from textwright.core.clock import Clock
from textwright.core.events import silent
from textwright.models.language.registry import EXTRACTOR, FOR_PAIRS, OF_PAIRS
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.rewriting.rows import PairRows

# For a moment: it does not matter what is learned.
BRIEF = {
    "budget": {"tokens": 1_500},
    "learn": {"batch": 16},
    "model": {"width": 32, "layers": 1, "heads": 1, "dropout": 0.0},
    "decode": {"beams": 1, "max_tokens": 12},
}


def data_of(task: str, folder: Path) -> Path:
    if task == "translate":
        return made_pairs.write(folder / "pairs.tsv", made_pairs.pairs()[:100])
    return made_summaries.write(folder / "reports.jsonl", made_summaries.reports(60))


@pytest.fixture(scope="module", params=[*OF_PAIRS])
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Contest:
    """All models of a task, with what is always beside them."""
    folder = tmp_path_factory.mktemp(request.param)
    data = data_of(request.param, folder)
    recipe = PretrainRecipe.parse({"objective": request.param, **BRIEF})
    rows = PairRows.read(data, recipe)
    one = Contest(rows, judge_of(rows, recipe, None, silent), recipe, Clock.starting(), folder, silent)
    one.run(names_of(request.param, ["auto"]))
    one.finish()
    return one


def test_each_appears_with_a_score_on_the_same_rows(done: Contest) -> None:
    task = done.rows.task
    assert [entry.name for entry in done.entries] == [*ALWAYS[task], *OF_PAIRS[task]]
    for entry in done.entries:
        assert entry.record.status == "done", entry.record.why
        assert entry.record.scores[done.judge.headline].n == len(done.rows.held_out)
        assert (entry.record.parameters > 0) == (entry.name in OF_PAIRS[task])
    assert sum(entry.record.chosen for entry in done.entries) == 1
    assert sum(entry.record.p_value is None for entry in done.entries) == 1


def test_each_opens_answers_and_is_evaluated(done: Contest) -> None:
    task, source = done.rows.task, done.judge.sources[0]
    for entry in done.entries:
        if entry.folder is None:
            continue
        manifest = load_verified(entry.folder)
        assert (manifest.task, manifest.architecture) == (task, FOR_PAIRS.get(entry.name, entry.name))
        records = [
            json.loads((entry.folder / f"{name}.json").read_text("utf-8")) for name in ("plan", "scores")
        ]
        assert set(records[1]["scores"]) == set(manifest.scores) and "reasons" in records[0]
        answer: Any
        if task == "translate":
            answer = textwright.translate(entry.folder, [source])[0]
        else:
            answer = textwright.summarize(source, model=entry.folder)
        assert answer.text == entry.answers[0]
        found = api.evaluate(entry.folder, done.rows.path)
        assert found.n == len(done.rows.train) + len(done.rows.held_out) and set(found.scores) == set(
            manifest.scores
        )


def test_each_learns_from_the_same_pairs(done: Contest) -> None:
    """What a network holds out are the rows that all are judged on, in the order of the file."""
    held_out = [pair.source for pair in done.rows.held_out]
    for entry in done.entries:
        if entry.folder is not None:
            lines = (entry.folder / "samples.jsonl").read_text("utf-8").splitlines()
            assert [json.loads(line)["prompt"] for line in lines] == held_out[: len(lines)]


def test_the_one_that_auto_keeps_is_a_whole_folder(tmp_path: Path) -> None:
    data = data_of("summarize", tmp_path)
    recipe = PretrainRecipe.parse({"objective": "summarize", **BRIEF})
    made = api.choose_pairs(data, tmp_path / "auto", recipe)
    assert [row.name for row in made.candidates] == [EXTRACTOR, "m2m100"] and made.model == EXTRACTOR
    manifest = load_verified(made.out)
    assert manifest.scores["rougeL"]["n"] == made.scores["rougeL"].n
    plan = json.loads((made.out / "plan.json").read_text(encoding="utf-8"))
    assert plan["reasons"]["model.name"].startswith("extractor: best rougeL on")
    assert [row["chosen"] for row in plan["candidates"]] == [True, False]
    page = (made.out / "report.html").read_text(encoding="utf-8")
    assert "Report on auto, which summarises" in page and "extractor: best rougeL on" in page
    assert made.to_json()["candidates"][1]["p_value"] is not None
