"""textwright compare"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.cells import cell_len, set_cell_size

from textwright.api import Comparison, SettingsComparison, compare_settings
from textwright.api import compare as compare_two
from textwright.choose.compare.fits import Result
from textwright.cli import options
from textwright.cli.contest import alike, contest, table
from textwright.cli.main import started
from textwright.cli.progress import Progress
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.models.registry import PRETRAINED
from textwright.tasks.rewriting.asked import recipe_of_pairs
from textwright.tasks.rewriting.guess import task_of_pairs
from textwright.text.corpus import Asked
from textwright.text.schema import TaskName

app = typer.Typer(add_completion=False)

_SHOWN_ROWS, _SHOWN_TEXT = 10, 60


_TWO_FORMS = (
    "textwright compare A B --data FILE, with model folders or prediction files for A and B; "
    "or textwright compare DATA --models lstm --vary optimizer.name=sgd,adam --out DIR"
)


Given = dict[str, Any]
Models = Annotated[
    str | None,
    typer.Option(
        help=f"What to compare: auto, or a list of {options.ARCHITECTURES_SHOWN}; of pairs: "
        f"{options.PAIRS_SHOWN}, methods of summarize."
    ),
]
Vary = Annotated[
    list[str] | None,
    typer.Option(help="A setting and its values, as optimizer.name=sgd,adam; all combinations are fitted."),
]
A = Annotated[
    str,
    typer.Argument(
        help="A model folder or a prediction file (CSV, JSONL); alone, the data to compare settings on.",
        show_default=False,
    ),
]


@app.command()
def compare(
    a: A,
    b: Annotated[Path | None, typer.Argument(help="The other one.", show_default=False)] = None,
    data: Annotated[
        str | None, typer.Option(help="A file with texts and answers to compare A and B on.")
    ] = None,
    models: Models = None,
    vary: Vary = None,
    from_: options.From = None,
    out: Annotated[Path | None, typer.Option(help="The folder for the comparison of settings.")] = None,
    task: options.AnyTask = None,
    text: options.Text = None,
    label: options.Label = None,
    source: options.Source = None,
    target: options.Target = None,
    test: options.Test = None,
    test_share: options.TestShare = None,
    minutes: options.Minutes = None,
    unlabelled: options.Unlabelled = None,
    seed: options.Seed = None,
    recipe: options.RecipeName = None,
    set_: options.Set = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Say which of two, or of many settings, is better on the same rows, and if that is more than chance.

    Of two: a prediction file has one row for each row of the data, in the same order, with a column
    `prediction`, `label`, `labels` or `score`, as `textwright predict` writes it. --task, --text and --label
    tell what is what in the data when there are prediction files only.

    Of settings: each model with each combination of the values is fitted and judged on the same rows, and
    gets the same share of --minutes; --from adds the model that starts from a checkpoint. --out holds
    report.html, the recipe of the best, the table, the predictions and the curves.

    Of pairs to translate or to summarize: each model of --models learns from the same pairs, with the same
    share of --minutes, and answers the same ones, beside methods that learn nothing. --out holds report.html,
    the table, the answers, and the folder of the best model.

    Example: textwright compare old-model new-model --data dev.csv

    Example: textwright compare reviews.csv --models lstm --vary optimizer.name=sgd,adam --out comparison

    Example: textwright compare pairs.tsv --task translate --models m2m100,lstm --out compared --minutes 40
    """
    with guarded(debug, lang) as guard:
        if not (models or vary or from_):
            others = {"test": test, "minutes": minutes, "unlabelled": unlabelled, "seed": seed}
            others |= {"source": source, "target": target}
            _refuse_flags(out=out, test_share=test_share, recipe=recipe, set=set_, **others)
            _compare_two(a, b, data, Asked(_task(task), text, label), json)
            return
        options.refuse_contradiction(test, test_share)
        names = options.parse_models(models)
        pairs = None if recipe else task_of_pairs(a, task, {"source": source, "target": target})
        if pairs is not None:
            refused = {
                "--vary": vary,
                "--from": from_,
                "--test-share": test_share,
                "--unlabelled": unlabelled,
            }
            flags: Given = {"data.source": source or text, "data.target": target or label, "seed": seed}
            asked = recipe_of_pairs(pairs, set_, {**flags, "budget.minutes": minutes}, refused)
            contest(a, _settled(b, data, out), asked, names, test, json, guard)
            return
        if from_ is not None:
            names = list(dict.fromkeys([*names, PRETRAINED]))
        given: Given = {"task": task, "text": text, "label": label, "test_share": test_share, "seed": seed}
        given |= {"minutes": minutes, "unlabelled": unlabelled, "from_": from_}
        made = options.make_recipe(recipe, set_, models=names, **given)
        place, varied = _settled(b, data, out), options.parse_vary(vary)
        sink, clock = Progress(), Clock(started())
        found = compare_settings(a, place, made, models=names, vary=varied, test=test, sink=sink, clock=clock)
        finish(json, found.to_json(), _settings_page(found))
    if found.interrupted:
        raise typer.Exit(guard.stopped)


def _refuse_flags(**of_settings: object) -> None:
    """Those that say nothing about two that are there already."""
    for name, value in of_settings.items():
        if value is not None:
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{flag} is for comparing settings: add --models or --vary", hint=_TWO_FORMS)


def _settled(b: Path | None, data: str | None, out: Path | None) -> Path:
    """The folder for a comparison of settings, when that is what was asked for."""
    if b is not None or data is not None:
        raise ConfigError("--models and --vary compare settings, on one file of data", hint=_TWO_FORMS)
    if out is None:
        raise ConfigError("comparing settings needs a folder to write to", hint="Add --out DIR.")
    return out


def _compare_two(a: str, b: Path | None, data: str | None, asked: Asked, json: bool) -> None:
    if b is None:
        raise ConfigError(f"compare needs two to compare, and was given {a} only", hint=_TWO_FORMS)
    found = compare_two(a, b, data, asked=asked)
    for note in found.notes:
        say(f"warning: {note}")
    if found.num_locked:
        say(f"{found.num_locked:,} of these rows were locked for the test; this look at them is recorded")
    finish(json, found.to_json(), _page(found))


def _task(name: str | None) -> TaskName | None:
    match name:
        case None | "classify" | "multilabel" | "score":
            return name
    raise ConfigError(f"--task {name}: unknown task", hint="Known: classify, multilabel, score.")


def _page(found: Comparison) -> str:
    lines = [
        f"{found.n:,} rows (95 % interval in brackets)",
        "",
        *_scores(found),
        "",
        _difference(found),
        found.verdict,
    ]
    if found.differ:
        shown = found.differ[:_SHOWN_ROWS]
        head = f"They answer {found.num_differ:,} rows differently" + (
            f"; {len(shown)} of them:" if found.num_differ > len(shown) else ":"
        )
        lines += [
            "",
            head,
            *table(
                [
                    ["row", "truth", "a", "b", "text"],
                    *([_cell(row[k]) for k in ("row", "truth", "a", "b", "text")] for row in shown),
                ]
            ),
        ]
    return "\n".join(lines)


def _scores(found: Comparison) -> list[str]:
    names = [name for name in found.a.scores if name in found.b.scores]
    rows = [[name, str(found.a.scores[name]), str(found.b.scores[name])] for name in names]
    return table([["", f"a: {found.a.name}", f"b: {found.b.name}"], *rows])


def _difference(found: Comparison) -> str:
    score = found.difference
    interval = f"{score.value:+.4f} [{score.low:+.4f}, {score.high:+.4f}]"
    test = "paired randomisation test"
    if found.mcnemar:
        only_a, only_b = found.mcnemar["only_a"], found.mcnemar["only_b"]
        test = f"McNemar's exact test: {only_a:,} rows only a has right, {only_b:,} only b"
    return f"b - a in {found.metric}: {interval}, p = {found.p_value:.3g} ({test})"


_COST = ("epoch", "steps", "s", "parameters", "ms")


def _settings_page(found: SettingsComparison) -> str:
    """A line a setting, in the order of the grid."""
    metric = next((row.difference.metric for row in found.rows if row.difference), found.headline)
    head = ["setting", found.headline, f"{metric} - best", "p", *_COST, ""]
    done = sum(row.scored is not None for row in found.rows)
    account = f"{done} of {len(found.rows)} settings on {found.n:,} validation rows in {found.seconds:.1f} s"
    return "\n".join(
        [
            f"{account} (95 % interval in brackets):",
            "",
            *table([head, *(_settings_line(row, found.headline) for row in found.rows)]),
            "",
            "p: paired test against the best on the same rows, not corrected for the number of settings;",
            "epoch: where validation was best; ms: for one text alone.",
            f"Best: {found.best}{_caution(found)}. All in {found.out}",
            f"report: {found.out / 'report.html'}",
        ]
    )


def _caution(found: SettingsComparison) -> str:
    """What the tests did not show."""
    return alike([row.difference.p_value for row in found.rows if row.difference is not None])


def _settings_line(row: Result, headline: str) -> list[str]:
    record, gap = row.record, row.difference
    if row.scored is None:
        why = record.why if record.status == "skipped" else f"{record.status}: {record.why}"
        return [row.cell.name, *[""] * (3 + len(_COST)), why]
    return [
        row.cell.name,
        str(record.scores[headline]),
        f"{gap.score.value:+.4f}" if gap else "",
        f"{gap.p_value:.3g}" if gap else "",
        "" if row.best_epoch is None else f"{row.best_epoch:.2f}",
        f"{row.steps:,}",
        f"{record.seconds:.1f}",
        f"{record.parameters:,}",
        "" if record.latency_ms_p50 is None else f"{record.latency_ms_p50:.2f}",
        "best" if record.chosen else "",
    ]


def _cell(value: Any) -> str:
    text = (
        ", ".join(value)
        if isinstance(value, list)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
    line = " ".join(text.split())
    return line if cell_len(line) <= _SHOWN_TEXT else set_cell_size(line, _SHOWN_TEXT - 1).rstrip() + "…"
