"""textwright plan"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from textwright import api
from textwright.cli import options
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.files import write_atomic
from textwright.tasks.planning import CandidatePlan, Plan

app = typer.Typer(add_completion=False)


@app.command()
def plan(
    data: options.Data,
    task: options.Task = None,
    text: options.Text = None,
    label: options.Label = None,
    test: options.Test = None,
    test_share: options.TestShare = None,
    model: options.Model = None,
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
    rows: Annotated[
        Path | None,
        typer.Option(
            help="Write every row that was dropped or changed, with the reason, to this .jsonl file."
        ),
    ] = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Say what train would do, with reasons and estimates.

    Example: textwright plan reviews.csv
    """
    with guarded(debug, lang):
        options.refuse_contradiction(test, test_share)
        if recipe is None:
            options.refuse_pairs(data, task, "plan")
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
        result, records = api.plan(data, made, test=test)
        if rows is not None:
            write_atomic(rows, "".join(f"{line}\n" for line in records))
            say(f"{len(records):,} dropped or changed rows in {rows}")
        finish(json, result.to_json(), _table(result))


def _table(result: Plan) -> str:
    lines = [*result.account, "", f"task: {result.task}", f"columns and labels: {_shortened(result)}", ""]
    lines += [f"{key}: {reason}" for key, reason in result.reasons.items()]
    for candidate in result.candidates:
        lines.append(
            f"\n{candidate.model}: about {candidate.seconds:.0f} s, by a short trial; "
            f"about {candidate.memory_bytes / 1e6:.0f} MB of memory for data, weights and optimizer, "
            f"without activations{_size(candidate)}"
        )
        # What is decided of learning and computing has a reason below, all of it is in --json.
        plain = {key: value for key, value in candidate.settings.items() if not isinstance(value, dict)}
        lines += [f"  {key} = {value}" for key, value in plain.items()]
        lines += [f"  {key}: {reason}" for key, reason in candidate.reasons.items()]
    return "\n".join(lines)


def _size(candidate: CandidatePlan) -> str:
    if candidate.parameters is None:
        return ""
    return f"; {candidate.parameters:,} parameters, {candidate.trainable:,} learn"


def _shortened(result: Plan) -> str:
    labels = result.schema["labels"]
    shown = ", ".join(labels[:8]) + (f" ... ({len(labels)})" if len(labels) > 8 else "")
    what = shown or f"scores from {result.schema['low']} to {result.schema['high']}"
    return f"text in {result.schema['text']!r}, {result.schema['label']!r} holds {what}"
