"""textwright train"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from textwright import api
from textwright.bundle.manifest import PAIRS
from textwright.cli import options
from textwright.cli.main import started
from textwright.cli.progress import Progress
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.clock import Clock
from textwright.core.errors import ConfigError
from textwright.report.messages import SPOKEN
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.rewriting.guess import task_of_pairs

app = typer.Typer(add_completion=False)

_UNKNOWN = "no rows were held out, so nothing is known of its quality"


@app.command()
def train(
    data: options.Data,
    out: Annotated[Path, typer.Option(help="The model folder to write.")],
    task: options.AnyTask = None,
    text: options.Text = None,
    label: options.Label = None,
    source: options.Source = None,
    target: options.Target = None,
    target_file: options.TargetFile = None,
    test: options.Test = None,
    test_share: options.TestShare = None,
    model: options.AnyModel = None,
    from_: options.From = None,
    minutes: options.Minutes = None,
    prefer: options.Preferred = None,
    max_size: options.MaxSize = None,
    max_latency: options.MaxLatency = None,
    unlabelled: options.Unlabelled = None,
    patches: options.Patches = None,
    seed: options.Seed = None,
    recipe: options.RecipeName = None,
    set_: options.Set = None,
    resume: options.Resume = False,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Learn a model from a file of texts and labels or scores, or from pairs of texts to translate.

    Example: textwright train reviews.csv --out my-model --minutes 3

    Example: textwright train pairs.tsv --task translate --out en-zh --minutes 20

    Example: textwright train corpus.en --target-file corpus.zh --out en-zh --minutes 20
    """
    with guarded(debug, lang) as guard:
        options.refuse_contradiction(test, test_share)
        named = {"source": source, "target": target}
        pairs = None if recipe else task_of_pairs(data, task, named, target_file)
        if pairs is not None:
            refused: dict[str, Any] = {
                "--prefer": prefer,
                "--max-size": max_size,
                "--max-latency": max_latency,
                "--unlabelled": unlabelled,
            }
            flags: dict[str, Any] = {"model.name": model, "model.checkpoint": from_}
            flags |= {"budget.minutes": minutes, "seed": seed}
            flags |= {"data.source": source or text, "data.target": target or label}
            flags |= {"data.test_share": test_share, "data.patches": patches}
            files = {"data.target_file": target_file, "data.test": test}
            flags |= {key: None if path is None else str(path) for key, path in files.items()}
            trained = _train_pairs(data, out, pairs, (set_, flags, refused), resume, model == "auto")
        else:
            made = options.make_recipe(
                recipe,
                set_,
                model=model,
                from_=from_,
                task=task,
                text=text,
                label=label,
                test_share=test_share,
                minutes=minutes,
                prefer=prefer,
                max_size=max_size,
                max_latency=max_latency,
                unlabelled=unlabelled,
                patches=patches,
                seed=seed,
            )
            trained = api.train(
                data, out, made, test=test, sink=Progress(), clock=Clock(started()), resume=resume
            )
        finish(json, trained.to_json(), summary(trained))
    if trained.interrupted:
        raise typer.Exit(guard.stopped)


def _train_pairs(
    data: str,
    out: Path,
    task: str,
    asked: tuple[list[str] | None, dict[str, Any], dict[str, Any]],
    resume: bool,
    is_choice: bool,
) -> api.Trained:
    """Of translations or summaries; `asked` are settings, flags, and flags that say nothing of pairs.

    Where it `is_choice`, several models learn and one is kept.
    """
    choose_waiting()  # before torch is imported
    from textwright.tasks.rewriting.asked import recipe_of_pairs

    made = recipe_of_pairs(task, *asked)
    if is_choice:
        if resume:
            raise ConfigError(
                "--resume does not go with --model auto of pairs, which keeps no checkpoints",
                hint="Name the model, or start anew without --resume.",
            )
        return api.choose_pairs(data, out, made, sink=Progress(), clock=Clock(started()))
    return api.train_pairs(data, out, made, sink=Progress(), clock=Clock(started()), resume=resume)


def summary(trained: api.Trained) -> str:
    """What a person wants to know after a training, and what to do next."""
    lines = [f"{name:12} {score}" for name, score in trained.scores.items()]
    say()
    size = f"{trained.parameters:,} parameters, {trained.bytes / 1e6:.1f} MB"
    head = f"{trained.model} in {trained.seconds:.1f} s, {size}"
    part = {"test": "locked test rows", "validation": "validation rows", "given": "the rows given"}[
        trained.split
    ]
    measured = f"on {part} (95 % interval in brackets):" if lines else _UNKNOWN
    look = f"report: {trained.out / 'report.html'}"
    verb = "predict" if trained.task not in PAIRS else trained.task
    after = (
        f"Next: textwright {verb} {trained.out} FILE --out answers.{'csv' if verb == 'predict' else 'jsonl'}"
    )
    words = trained.in_words(SPOKEN.get()) if lines and verb == "predict" else []
    return "\n".join([head, measured, *lines, *words, look, after])
