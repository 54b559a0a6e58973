"""`train PAIRS --model auto`: models that learn from the same pairs are measured, and one is kept.

The better one on held-out pairs is taken; the simpler one, which comes first in `OF_PAIRS`, where a paired
test shows no difference.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from textwright.bundle.folder import is_finished, load_manifest, refuse_foreign, save_bundle
from textwright.choose.pairs.compared import check_names
from textwright.choose.pairs.contest import Contest, Entry
from textwright.choose.pairs.entrants import is_network
from textwright.choose.pairs.judge import judge_of
from textwright.choose.pick.difference import LEVEL
from textwright.core.clock import Clock
from textwright.core.errors import TextwrightError
from textwright.core.events import Sink, silent
from textwright.core.files import read_json, readable_name, to_json
from textwright.core.records import Candidate, Note
from textwright.models.language.registry import EXTRACTOR
from textwright.report.folder import make_extractor, make_language, write_pages
from textwright.tasks.pretraining.recipe import PretrainRecipe
from textwright.tasks.results import Trained
from textwright.tasks.rewriting.rows import PairRows
from textwright.tasks.work import work_folder

# What is tried, from simple to intricate; m2m100 is quicker to use than lstm, and goes to other libraries.
TRIED = {"translate": ("m2m100", "lstm"), "summarize": (EXTRACTOR, "m2m100")}
MINUTES_WITHOUT_LENGTH = 10.0
# With less than this a second network learns nothing that could be told from the first.
_LEAST_MINUTES_A_NETWORK = 1.0


def choose_pairs(
    data: str | Path,
    out: str | Path,
    recipe: PretrainRecipe,
    *,
    sink: Sink = silent,
    clock: Clock | None = None,
) -> Trained:
    """Let the models of a task learn from the same pairs, and keep the folder of one of them.

    Ctrl-C keeps what is there. Raises what `compare_pairs` raises.
    """
    target, task = Path(out), str(recipe.objective)
    refuse_foreign(target)
    check_names(recipe, TRIED[task], data)
    clock = _limited(recipe, clock or Clock.starting(), sink)
    names = _tried(task, clock, recipe, sink)
    if is_finished(target):
        sink(Note(f"{target}: the model that is there now is replaced when this training is done"))
    rows = PairRows.read(data, recipe)
    for line in rows.account():
        sink(Note(line))
    with work_folder(target, resume=False, say=sink) as work:
        judge = judge_of(rows, recipe, None, sink)
        contest = Contest(rows, judge, recipe, clock, work.path, sink)
        contest.run(names)
        best = contest.finish()
        pick, why = decided(contest, best)
        sink(Note(f"{pick.name}: chosen: {why}"))
        candidates = [
            replace(entry.record, chosen=entry is pick, why=why if entry is pick else entry.record.why)
            for entry in contest.entries
        ]
        _keep(target, pick, candidates, why, contest, sink)
    manifest = load_manifest(target)
    return Trained(
        target,
        task,
        manifest.architecture,
        clock.elapsed(),
        manifest.parameters,
        pick.record.bytes,
        candidates,
        pick.record.scores,
        "validation",
        interrupted=contest.interrupted,
    )


def decided(contest: Contest, best: Entry) -> tuple[Entry, str]:
    """The best, or the first of those that are not shown to be worse, and why."""
    headline, n = contest.judge.headline, len(contest.judge.pairs)
    measured = contest.measured
    if len(measured) == 1:
        return best, "the only one that was measured"
    alike = [e for e in measured if e is best or (e.record.p_value is not None and e.record.p_value >= LEVEL)]
    pick = alike[0]
    if pick is not best:
        p_value = pick.record.p_value or 1.0
        return pick, (
            f"simpler than {best.name}, and not shown to be worse in {headline} on {n:,} held-out pairs, "
            f"p = {p_value:.3g}"
        )
    return best, f"best {headline} on {n:,} held-out pairs"


def _limited(recipe: PretrainRecipe, clock: Clock, say: Sink) -> Clock:
    budget = recipe.budget
    if budget.minutes is not None or budget.tokens is not None or recipe.learn.epochs != "auto":
        return clock.limited(None if budget.minutes is None else 60 * budget.minutes)
    say(Note(f"no --minutes given: all that is tried learns for {MINUTES_WITHOUT_LENGTH:g} minutes together"))
    return clock.limited(60 * MINUTES_WITHOUT_LENGTH)


def _tried(task: str, clock: Clock, recipe: PretrainRecipe, say: Sink) -> list[str]:
    """What there is time for, and why: said aloud."""
    names, left = list(TRIED[task]), clock.remaining() / 60
    networks = [name for name in names if is_network(name)]
    most = max(int(left / _LEAST_MINUTES_A_NETWORK), 0) if left < float("inf") else len(networks)
    least = 0 if EXTRACTOR in names else 1
    for name in networks[max(most, least) :]:
        names.remove(name)
        least_minutes = f"{_LEAST_MINUTES_A_NETWORK:g}"
        say(Note(f"{name}: not tried: less than {least_minutes} minutes would be left for it", "warning"))
    if EXTRACTOR in names:
        say(Note(f"{EXTRACTOR}: tried, as it takes seconds", "plan"))
    for name in names:
        if is_network(name):
            say(Note(f"{name}: tried, as there is time for it", "plan"))
    return names


def _keep(
    target: Path, pick: Entry, candidates: Sequence[Candidate], why: str, contest: Contest, say: Sink
) -> None:
    """The folder of the pick, in which the plan tells what was tried."""
    if pick.folder is None:
        raise TextwrightError("nothing was measured", hint="Give more --minutes.")
    source = pick.folder
    manifest = load_manifest(source)

    def fill(folder: Path) -> None:
        for path in source.iterdir():
            if path.name != "textwright.json":
                (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)
        plan = read_json(folder / "plan.json")
        plan["reasons"] = {"model.name": f"{pick.name}: {why}", **plan["reasons"]}
        plan["candidates"] = [candidate.to_json() for candidate in candidates]
        plan["interrupted"] = contest.interrupted
        (folder / "plan.json").write_text(to_json(plan), encoding="utf-8")
        record = manifest.model_dump(mode="json", by_alias=True)
        make = make_extractor if manifest.architecture == EXTRACTOR else make_language
        write_pages(folder, lambda: make(folder, record, name=readable_name(target)), say)

    save_bundle(target, manifest, fill)
