"""`compare PAIRS`: methods and models that translate or summarize, side by side on the same pairs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from textwright.choose.compare.grid import COMPARISON, refuse_other_folder
from textwright.choose.pairs.contest import MODEL, Contest, Entry
from textwright.choose.pairs.entrants import is_network, names_of, refuse_idle_settings
from textwright.choose.pairs.judge import Judge, judge_of
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.core.events import Sink, silent
from textwright.core.files import publish_folder, readable_name, to_json
from textwright.core.records import Note, Split
from textwright.models.language.registry import EXTRACTOR
from textwright.report.folder import make_contest, write_pages
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.rewriting.rows import PairRows
from textwright.tasks.summarizing.training import settings_of
from textwright.tasks.work import work_folder

MINUTES_A_NETWORK = 10.0


@dataclass(frozen=True)
class PairsComparison:
    """What `compare_pairs` found: `best` names one of the entries, `kept` the model in `out/model`."""

    out: Path
    task: str
    headline: str
    split: Split
    n: int
    seconds: float
    entries: list[Entry]
    best: str
    kept: str | None
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        stems = stems_of(self.entries)
        return {
            "task": self.task,
            "out": str(self.out),
            "seconds": round(self.seconds, 3),
            "candidates": [
                {**entry.to_json(stem), "split": self.split}
                for entry, stem in zip(self.entries, stems, strict=True)
            ],
            "best": self.best,
            "kept": self.kept,
            "split": self.split,
            "headline": self.headline,
            "n": self.n,
            "interrupted": self.interrupted,
        }


def stems_of(entries: Sequence[Entry]) -> list[str]:
    """The names of their files."""
    return [f"{number:02d}-{entry.name}" for number, entry in enumerate(entries, 1)]


def compare_pairs(
    data: str | Path,
    out: str | Path,
    recipe: PretrainRecipe,
    *,
    models: Sequence[str] = (),
    test: str | Path | None = None,
    sink: Sink = silent,
    clock: Clock | None = None,
) -> PairsComparison:
    """Let models and methods answer the same held-out pairs, or those of `test`, and compare the answers.

    Methods that learn nothing are always there. Each model learns from the same pairs and has the same share
    of the minutes. `out` gets comparison.json, report.html, answers/ to the pairs that were judged on,
    events/ with the curves, and in model/ the folder of the best of the models. Ctrl-C keeps what was
    finished. Raises ConfigError for names, settings and folders that do not fit, DataError for data that
    cannot be used, TextwrightError where nothing could be measured.

    >>> compare_pairs("minutes.csv", "out", recipe, models=["extractor"]).best  # doctest: +SKIP
    'extractor'
    """
    target, task = Path(out), str(recipe.objective)
    names = names_of(task, models)
    check_names(recipe, names, data)
    refuse_other_folder(target)
    clock = _clock(recipe, clock or Clock.starting(), names, sink)
    rows = PairRows.read(data, recipe)
    for line in rows.account():
        sink(Note(line))
    judge = judge_of(rows, recipe, test, sink)
    with work_folder(target, resume=False, say=sink) as work:
        contest = Contest(rows, judge, recipe, clock, work.path, sink)
        contest.run(names)
        best, judge = contest.finish(), contest.judge
        models_there = [entry for entry in contest.measured if entry.kind == MODEL]
        kept = max(models_there, key=contest.score_of) if models_there else None
        found = PairsComparison(
            target,
            task,
            judge.headline,
            judge.split,
            len(judge.pairs),
            clock.elapsed(),
            contest.entries,
            best.name,
            kept.name if kept else None,
            contest.interrupted,
        )
        publish_folder(target, lambda folder: _fill(folder, found, contest, kept, sink))
    return found


def check_names(recipe: PretrainRecipe, names: Sequence[str], data: str | Path) -> None:
    """Raise ConfigError for settings that none of these takes, and for data that is read only once."""
    if str(data) == "-":
        raise ConfigError(
            "compare reads its data more than once, which standard input cannot be",
            hint="Write it to a file first.",
        )
    if recipe.data.test or recipe.data.test_share:
        # Each model would keep apart other rows than those that all are judged on.
        raise ConfigError(
            "data.test and data.test_share are of one model, and here several are judged on the same pairs",
            hint="Leave them out, and score what is kept: textwright evaluate DIR FILE",
        )
    if recipe.model.get("checkpoint") is not None:
        raise ConfigError("--from does not go with a comparison of pairs yet", hint="Leave it out.")
    if EXTRACTOR in names and not any(map(is_network, names)):
        settings_of(recipe)
    refuse_idle_settings(recipe.model_settings, names)


def _clock(recipe: PretrainRecipe, clock: Clock, names: Sequence[str], say: Sink) -> Clock:
    """With the minutes asked for, or ten for each network; without a limit where tokens are counted."""
    minutes, networks = recipe.budget.minutes, [name for name in names if is_network(name)]
    counted = recipe.budget.tokens is not None or recipe.learn.epochs != "auto"
    if minutes is None and (counted or not networks):
        return clock.limited(None)
    if minutes is None:
        minutes = MINUTES_A_NETWORK * len(networks)
        say(Note(f"no --minutes given: {', '.join(networks)} learn for {MINUTES_A_NETWORK:g} minutes each"))
    return clock.limited(60 * minutes)


def _fill(folder: Path, found: PairsComparison, contest: Contest, kept: Entry | None, say: Sink) -> None:
    rows, judge = contest.rows, contest.judge
    record = {
        **found.to_json(),
        "textwright_version": version("textwright"),
        "data": {"name": readable_name(rows.path), "fingerprint": rows.fingerprint},
        "rows": {"train": len(rows.train), "validation": len(rows.held_out)},
        "recipe": contest.recipe.model_dump(mode="json"),
        "minutes": None if contest.clock.limit is None else round(contest.clock.limit / 60, 3),
    }
    (folder / COMPARISON).write_text(to_json(record), encoding="utf-8")
    (folder / "answers").mkdir()
    (folder / "events").mkdir()
    for entry, stem in zip(found.entries, stems_of(found.entries), strict=True):
        if entry.is_measured:
            _write_answers(folder / "answers" / f"{stem}.jsonl", judge, entry.answers)
        events = contest.work / "events" / f"{entry.name}.jsonl"
        if events.is_file():
            shutil.copy(events, folder / "events" / f"{stem}.jsonl")
    if kept is not None and kept.folder is not None:
        shutil.copytree(kept.folder, folder / "model")
    write_pages(folder, lambda: make_contest(folder, record, name=found.out.name), say)


def _write_answers(path: Path, judge: Judge, answers: Sequence[str]) -> None:
    """Each pair that was judged on with the answer: the same rows in the same order in all files."""
    with path.open("w", encoding="utf-8") as file:
        for pair, answer in zip(judge.pairs, answers, strict=True):
            line = {"row": pair.row, "source": pair.source, "target": pair.target, "answer": answer}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
