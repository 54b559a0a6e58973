"""The flags that train, plan and compare share, and the recipe they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from textwright.core.errors import ConfigError
from textwright.core.settings import parse_assignment
from textwright.models.language.registry import OF_PAIRS
from textwright.models.registry import ARCHITECTURES, PRETRAINED
from textwright.tasks.paths import with_settings
from textwright.tasks.recipe import Recipe, load_recipe
from textwright.tasks.rewriting.guess import task_of_pairs

Data = Annotated[
    str,
    typer.Argument(
        help="CSV, TSV, JSONL, JSON, Parquet, Excel, text, folder or mail; '-' is standard input.",
        show_default=False,
    ),
]
Task = Annotated[str | None, typer.Option(help="classify, multilabel or score; guessed when not given.")]
# Of a verb that learns from pairs too.
AnyTask = Annotated[
    str | None,
    typer.Option(help="classify, multilabel, score, translate or summarize; guessed when not given."),
]
Text = Annotated[str | None, typer.Option(help="Column of the text; guessed when not given.")]
Label = Annotated[str | None, typer.Option(help="Column of the label or score; guessed when not given.")]
Source = Annotated[
    str | None, typer.Option(help="Column of what is translated or summarised; guessed when not given.")
]
Target = Annotated[str | None, typer.Option(help="Column of what is made of it; guessed when not given.")]
TargetFile = Annotated[
    Path | None,
    typer.Option(help="File of the targets, line by line, where the data are a plain file of sources."),
]
Test = Annotated[
    Path | None, typer.Option(help="File to test on; otherwise a part of the rows is locked for that.")
]
TestShare = Annotated[float | None, typer.Option(help="Share of the rows that is locked for the test (0.1).")]
ARCHITECTURES_SHOWN = ", ".join(ARCHITECTURES)
PAIRS_SHOWN = ", ".join(dict.fromkeys(name for names in OF_PAIRS.values() for name in names))
# Of a verb that learns from pairs too.
AnyModel = Annotated[
    str | None,
    typer.Option(help=f"auto, or one of: {ARCHITECTURES_SHOWN}; of pairs: {PAIRS_SHOWN}."),
]
Model = Annotated[str | None, typer.Option(help=f"auto, or one of: {ARCHITECTURES_SHOWN}.")]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Start from a pretrained model, for pairs one from sequence to sequence: "
        "a folder, or a name on the Hub.",
    ),
]
Minutes = Annotated[float | None, typer.Option(help="From the start of the command to its end.")]
Preferred = Annotated[
    str | None,
    typer.Option(
        "--prefer",
        help="balanced (the simplest that is as good as the best), accuracy (ensembles too), small or fast.",
    ),
]
MaxSize = Annotated[str | None, typer.Option(help="The largest weights that may be chosen, as 5MB.")]
MaxLatency = Annotated[
    str | None, typer.Option(help="The longest time for one text that may be chosen, measured here, as 2ms.")
]
Unlabelled = Annotated[
    str | None,
    typer.Option(
        "--unlabelled",
        help="Texts without labels, in any of these formats: latent learns from them what words mean, and "
        "with --set distil.into=NAME a small student learns the answers of the best model to them.",
    ),
]
Patches = Annotated[
    str | None,
    typer.Option(
        "--patches",
        help="The folder of an audit of these rows: its patches change them as they are read, the file stays "
        "as it is.",
    ),
]
Seed = Annotated[int | None, typer.Option(help="All randomness comes from this number (0).")]
RecipeName = Annotated[
    str | None, typer.Option("--recipe", help="A recipe file, or a packaged recipe such as classic-lstm.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where a killed run of the same command stood.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any other setting: path.to.field=value, or optimizer.name=sgd for short."),
]


def refuse_pairs(data: str, task: str | None, verb: str) -> None:
    """Raise ConfigError where a verb for labels and scores is given pairs to translate or to summarize."""
    if task_of_pairs(data, task, {}) is not None:
        raise ConfigError(
            f"{verb} is for labels and scores, and these are pairs of texts, which have none",
            hint="For pairs there are train, compare --models and evaluate; --task classify says otherwise.",
        )


def refuse_contradiction(test: Path | None, test_share: float | None) -> None:
    """Raise ConfigError when both ways to get test rows are asked for."""
    if test is not None and test_share is not None:
        raise ConfigError("--test and --test-share contradict each other", hint="Give one of them.")


def make_recipe(
    recipe: str | None,
    assignments: list[str] | None,
    *,
    model: str | None = None,
    from_: str | None = None,
    models: Sequence[str] = (),
    task: str | None = None,
    text: str | None = None,
    label: str | None = None,
    test_share: float | None = None,
    minutes: float | None = None,
    prefer: str | None = None,
    max_size: str | None = None,
    max_latency: str | None = None,
    unlabelled: str | None = None,
    patches: str | None = None,
    seed: int | None = None,
) -> Recipe:
    """The recipe named (or the default one), with flags and --set laid over it. Raises ConfigError.

    A short name in --set may be a setting of the architecture, or of any of `models`.
    """
    base = load_recipe(recipe) if recipe else Recipe()
    model, from_ = _started_from(model, from_)
    flags: dict[str, Any] = {
        "model.name": None if models else model,
        "model.checkpoint": from_,
        "task": task,
        "data.text": text,
        "data.label": label,
        "split.test": test_share,
        "budget.minutes": minutes,
        "budget.max_size": max_size,
        "budget.max_latency": max_latency,
        "prefer": prefer,
        "data.unlabelled": unlabelled,
        "data.patches": patches,
        "seed": seed,
    }
    given = {key: value for key, value in flags.items() if value is not None}
    given |= dict(parse_assignment(text) for text in assignments or [])
    named = models or [str(given.get("model.name", base.model_name))]
    return with_settings(base, given, [name for name in named if name != "auto"], where="--set ")


def _started_from(model: str | None, from_: str | None) -> tuple[str | None, str | None]:
    """The architecture and the checkpoint: --model FOLDER and --model NAME/ON-THE-HUB mean --from.

    With --model auto what --from names is one of the candidates.
    """
    is_name = model is None or model in (*ARCHITECTURES, "auto")
    if from_ is None:
        starts = not is_name and model is not None and ("/" in model or Path(model).is_dir())
        return (PRETRAINED, model) if starts else (model, None)
    if model == "auto":
        return model, from_
    if model not in (None, PRETRAINED):
        raise ConfigError(
            f"--model {model} does not go with --from, which brings its own layers",
            hint=f"Leave --model out, or say --model {PRETRAINED}.",
        )
    return PRETRAINED, from_


def parse_models(text: str | None) -> list[str]:
    """The names in "lstm,gru"; none for none."""
    return [name for name in map(str.strip, (text or "").split(",")) if name]


def parse_vary(texts: list[str] | None) -> dict[str, list[Any]]:
    """The values of each "key=a,b,c", split at commas outside of brackets and quotes. Raises ConfigError.

    >>> parse_vary(["optimizer.name=sgd,adam", "widths=[3,4],[5]", "optimizer.rate=1e-3"])
    {'optimizer.name': ['sgd', 'adam'], 'widths': [[3, 4], [5]], 'optimizer.rate': [0.001]}
    """
    found: dict[str, list[Any]] = {}
    for text in texts or []:
        key, _, values = (part.strip() for part in text.partition("="))
        parts = [*_split(values)]
        if not key or not all(map(str.strip, parts)):
            raise ConfigError(
                f"--vary {text}: expected path.to.field=value,value,...",
                hint="Example: --vary optimizer.name=sgd,adam",
            )
        if key in found:
            raise ConfigError(f"--vary {key}: given twice", hint="Give all its values in one list.")
        found[key] = [parse_assignment(f"{key}={part}")[1] for part in parts]
    return found


def _split(text: str) -> Iterator[str]:
    start, depth, quote = 0, 0, ""
    for place, mark in enumerate(text):
        if quote:
            quote = "" if mark == quote else quote
        elif mark in "'\"" and not text[start:place].strip("[{ "):  # not the one in "don't"
            quote = mark
        elif mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
        elif mark == "," and depth <= 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]
