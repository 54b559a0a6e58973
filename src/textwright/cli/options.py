"""The flags that train, plan and compare share, and the recipe they make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from textwright.core.errors import ConfigError
from textwright.core.settings import parse_assignment
from textwright.models.registry import ARCHITECTURES
from textwright.tasks.recipe import Recipe, load_recipe

Data = Annotated[
    str,
    typer.Argument(
        help="CSV, TSV, JSONL, JSON, Parquet, Excel, text, folder or mail; '-' is standard input.",
        show_default=False,
    ),
]
Task = Annotated[str | None, typer.Option(help="classify, multilabel or score; guessed when not given.")]
Text = Annotated[str | None, typer.Option(help="Column of the text; guessed when not given.")]
Label = Annotated[str | None, typer.Option(help="Column of the label or score; guessed when not given.")]
Test = Annotated[
    Path | None, typer.Option(help="File to test on; otherwise a part of the rows is locked for that.")
]
TestShare = Annotated[float | None, typer.Option(help="Share of the rows that is locked for the test (0.1).")]
Model = Annotated[str | None, typer.Option(help=f"auto, or one of: {', '.join(ARCHITECTURES)}.")]
Minutes = Annotated[float | None, typer.Option(help="From the start of the command to its end.")]
Seed = Annotated[int | None, typer.Option(help="All randomness comes from this number (0).")]
RecipeName = Annotated[
    str | None, typer.Option("--recipe", help="A recipe file, or a packaged recipe such as classic-lstm.")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="Any other setting: path.to.field=value.")]


def refuse_contradiction(test: Path | None, test_share: float | None) -> None:
    """Raise ConfigError when both ways to get test rows are asked for."""
    if test is not None and test_share is not None:
        raise ConfigError("--test and --test-share contradict each other", hint="Give one of them.")


def make_recipe(
    recipe: str | None,
    assignments: list[str] | None,
    *,
    model: str | None = None,
    task: str | None = None,
    text: str | None = None,
    label: str | None = None,
    test_share: float | None = None,
    minutes: float | None = None,
    seed: int | None = None,
) -> Recipe:
    """The recipe named (or the default one), with flags and --set laid over it. Raises ConfigError."""
    base = load_recipe(recipe) if recipe else Recipe()
    if model is not None and model not in (*ARCHITECTURES, "auto") and Path(model).exists():
        raise ConfigError(
            f"--model {model}: starting from a pre-trained folder is not built yet",
            hint=f"Name an architecture: auto, {', '.join(ARCHITECTURES)}.",
        )
    flags: dict[str, Any] = {
        "model.name": model,
        "task": task,
        "data.text": text,
        "data.label": label,
        "split.test": test_share,
        "budget.minutes": minutes,
        "seed": seed,
    }
    given = {key: value for key, value in flags.items() if value is not None}
    given |= dict(parse_assignment(text) for text in assignments or [])
    return base.replaced(_whole_groups(base, given), where="--set ")


def _whole_groups(base: Recipe, given: dict[str, Any]) -> dict[str, Any]:
    """`tokenizer` may be the word auto: settings inside it then start from an empty group."""
    inside = {key.partition(".")[2]: value for key, value in given.items() if key.startswith("tokenizer.")}
    if not inside or base.tokenizer != "auto":
        return given
    rest = {key: value for key, value in given.items() if not key.startswith("tokenizer.")}
    return {**rest, "tokenizer": inside}
