"""textwright evaluate"""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from textwright import api
from textwright.cli import options
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.files import write_atomic
from textwright.core.records import Score
from textwright.runtime.cpu import choose_waiting

_MOST_LABELS = 30

app = typer.Typer(add_completion=False)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="A model folder.")],
    data: options.Data,
    target_file: options.TargetFile = None,
    wrong: Annotated[
        Path | None, typer.Option(help="Write the most wrong rows, 50 at most, to this .jsonl file.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Score a model on a labelled file, with intervals.

    Example: textwright evaluate my-model dev.csv

    Example: textwright evaluate en-zh dev.en --target-file dev.zh
    """
    with guarded(debug, lang):
        choose_waiting()  # before torch is imported, where it is
        result = api.evaluate(model, data, target_file=target_file)
        for step in result.cleaning:
            say(f"{step['rows']:,} rows {step['action']}: {step['reason']}")
        if wrong is not None:
            write_atomic(wrong, "".join(f"{dumps(record, ensure_ascii=False)}\n" for record in result.wrong))
            say(f"{len(result.wrong)} wrong rows to read in {wrong}")
        if result.num_locked:
            say(
                f"{result.num_locked:,} of these rows were locked for the test; this look at them is recorded"
            )
        for warning in result.details.get("warnings", ()):
            say(f"warning: {warning}")
        _say_learned(result)
        finish(json, result.to_json(), _table(result))


def _say_learned(result: api.Evaluated) -> None:
    """What is no news to the model; of pairs also which side."""
    sides = result.details.get("learned")
    if result.num_learned and sides:
        say(
            f"warning: the model has learned a side of {result.num_learned:,} of these {result.n:,} pairs "
            f"({sides['source']:,} sources, {sides['target']:,} targets, {sides['both']:,} both), which say "
            "nothing of new texts"
        )
    elif result.num_learned:
        say(
            f"warning: the model has learned from {result.num_learned:,} of these {result.n:,} rows, "
            "which say nothing of new texts"
        )


def _table(result: api.Evaluated) -> str:
    size, seconds = result.details.get("bytes"), f"{result.seconds:.2f}"
    head = f"{result.n:,} rows in {seconds} s (95 % interval in brackets):"
    lines = [head if size is None else f"{size:,} bytes in {seconds} s (95 % interval in brackets):"]
    width = max([12, *map(len, result.scores)])
    lines += [f"{name:{width}} {score}" for name, score in result.scores.items()]
    every = result.details.get("per_class", [])
    classes = every if len(every) <= _MOST_LABELS else sorted(every, key=_f1)[:_MOST_LABELS]
    lines += ["", f"{'label':24} precision  recall  f1      rows"] if classes else []
    for row in classes:
        numbers = "  ".join(f"{row[k]['value'] or 0:.4f}" for k in ("precision", "recall", "f1"))
        lines.append(f"{row['label'][:24]:24} {numbers}  {row['n']:,}")
    if len(every) > len(classes):
        lines.append(f"These are the {len(classes)} weakest of {len(every)} labels; --json has all.")
    return "\n".join([*lines, *_confidence(result.details), *_confusion(result.details), *_beside(result)])


def _beside(result: api.Evaluated) -> list[str]:
    """Methods that learn nothing, on the same rows."""
    rows = result.details.get("beside", [])
    if not rows:
        return []
    name = [*result.scores][-1]
    lines = [
        f"{row['method']:12} {Score.from_json(row['scores'][name])}  "
        f"{row['difference'][name]['value']:+.2f}, p = {row['difference'][name]['p_value']:.3g}"
        for row in rows
    ]
    return [
        "",
        f"Without learning: {name} on the same rows, how much more the model has, and a paired test:",
        *lines,
    ]


def _confidence(details: dict[str, Any]) -> list[str]:
    """Whether the confidence of answers is to be trusted here, and what taking only the surest would give."""
    found = details.get("confidence")
    if not found:
        return []
    scores = {name: Score.from_json(score) for name, score in found["scores"].items()}
    lines = ["", f"confidence that an answer has a {found['metric']} of {found['least']:.1f} or more:"]
    lines += [f"{name:12} {score}" for name, score in scores.items()]
    points = found["risk_coverage"]
    for wanted in (0.25, 0.5, 0.75, 1.0):
        point = min(points, key=lambda one: abs(one["coverage"] - wanted))
        share, good = 100 * point["coverage"], 100 * (1 - point["risk"])
        lines.append(f"of the surest {share:.0f} % ({point['least']:.2f} and more) {good:.0f} % are")
    return lines


def _f1(row: dict[str, Any]) -> float:
    return float(row["f1"]["value"] or 0.0)


def _confusion(details: dict[str, Any]) -> list[str]:
    """The confusion matrix, when it fits on a screen."""
    labels, matrix = details.get("labels", []), details.get("confusion", [])
    if not 1 < len(labels) <= 10 or not matrix:
        return []
    width = max(8, *(len(label[:12]) + 2 for label in labels))
    head = " " * 14 + "".join(f"{label[:12]:>{width}}" for label in labels) + "   (answered)"
    rows = [
        f"{label[:12]:14}" + "".join(f"{count:>{width},}" for count in counts)
        for label, counts in zip(labels, matrix, strict=True)
    ]
    return ["", head, *rows]
