"""The command line: a table of verbs whose modules are imported only when called, so that --help is quick."""

from __future__ import annotations

import io
import sys
import time

_STARTED = time.monotonic()

from typing import Any  # noqa: E402

import typer  # noqa: E402
from typer.core import TyperGroup  # noqa: E402

from textwright.core.names import did_you_mean  # noqa: E402

VERBS = {
    "demo": "Train, evaluate and predict on the packaged sample, in English and Chinese.",
    "train": "Learn a model from a file of texts and labels or scores.",
    "plan": "Say what train would do, with reasons and estimates.",
    "predict": "Answer for every row of a file.",
    "evaluate": "Score a model on a labelled file, with intervals.",
    "compare": "Compare two models or two prediction files on the same rows.",
    "tokenizer": "Train a tokenizer, or report on one.",
    "doctor": "Check this machine and installation.",
}


class Verbs(TyperGroup):
    """Names and one-line helps come from the table; the module of a verb is imported when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in with the one-line help."""
        if cmd_name not in VERBS:
            return None
        return typer.core.TyperCommand(cmd_name, help=VERBS[cmd_name])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args and args[0] not in VERBS:
            ctx.fail(f"There is no verb {args[0]!r}. {did_you_mean(args[0], VERBS)}")
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, None if stand_in is None else _real(str(name)), rest


def _real(verb: str) -> Any:
    from importlib import import_module

    command = typer.main.get_command(import_module(f"textwright.cli.{verb}").app)
    command.name = verb
    return command


app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    show_version: bool = typer.Option(False, "--version", help="Print the version and end."),
) -> None:
    """Small language models that you can trust, made from your own text.

    Start with: textwright train reviews.csv --out my-model
    """
    if show_version:
        from importlib.metadata import version

        print(version("textwright"))
        raise typer.Exit


def started() -> float:
    """When this process began to work, as `time.monotonic` counts."""
    return _STARTED


def main() -> None:
    """The entry point of the `textwright` command."""
    # What is printed may be Chinese, whatever the terminal or pipe is set to.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(app())
