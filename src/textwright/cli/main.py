"""The command line: a table of verbs whose modules are imported only when called, so that --help is quick."""

from __future__ import annotations

import io
import os
import sys
import time

_STARTED = time.monotonic()

from collections.abc import Sequence  # noqa: E402
from itertools import pairwise  # noqa: E402
from typing import Any  # noqa: E402

import typer  # noqa: E402
from typer.core import TyperGroup  # noqa: E402

from textwright.cli.run import (  # noqa: E402
    INTERRUPTED,
    LANGUAGE_VARIABLE,
    WRONG_REQUEST,
    Lang,
    guarded,
    language_named,
    speaking,
)
from textwright.core.names import did_you_mean  # noqa: E402
from textwright.report.messages import LANGUAGES, Language, translate  # noqa: E402

# The library brings it, and does not hand it out: that of a wrong parameter is one of its kinds.
_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]

VERBS = {
    "demo": "Train, evaluate, predict and audit on the packaged sample, in English and Chinese.",
    "train": "Learn a model from a file of texts and labels or scores, or of pairs to translate.",
    "pretrain": "Learn a language from raw text.",
    "generate": "Write texts with a language model.",
    "chat": "Talk with a language model that was taught to answer.",
    "fill": "Fill the gaps of texts with a language model that learned to: masked, hybrid or denoise.",
    "inspect": "Show how a language model reads a text, on a page.",
    "plan": "Say what train would do, with reasons and estimates.",
    "predict": "Answer for every row of a file.",
    "translate": "Translate documents, or the rows of a table.",
    "export": "Write a model in another format, checked for equal answers.",
    "summarize": "Pick the sentences of a document, or of each row, that tell the most.",
    "evaluate": "Score a model on a labelled file, with intervals.",
    "compare": "Compare two models or two prediction files on the same rows.",
    "curve": "Say what more labelled rows would give: a learning curve.",
    "label": "Pick the rows of an unlabelled file to label next.",
    "audit": "Find what is wrong with data or a model, prove it, mend it, gate a release.",
    "card": "Write the report and the cards of a model folder again.",
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
        return typer.core.TyperCommand(cmd_name, help=translate(VERBS[cmd_name], _language(ctx)))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        language = _language(ctx, args)
        if args and args[0] not in VERBS:
            ctx.fail(translate(f"There is no verb {args[0]!r}. {did_you_mean(args[0], VERBS)}", language))
        name, stand_in, rest = super().resolve_command(ctx, args)
        return name, None if stand_in is None else translated(_real(str(name)), language), rest

    def get_help(self, ctx: Any) -> str:
        language = _language(ctx)
        self.help = paragraphs(self.help or "", language) if language != "en" else self.help
        for option in self.params:
            vars(option)["help"] = translate(getattr(option, "help", None) or "", language)
        return page(super().get_help(ctx), language)


def _real(verb: str) -> Any:
    from importlib import import_module

    command = typer.main.get_command(import_module(f"textwright.cli.{verb}").app)
    command.name = verb
    return command


def _language(ctx: Any, args: Sequence[str] = ()) -> Language:
    """Of --lang after or before the verb, or of the environment; a wrong one is refused when it runs."""
    before = ctx.params.get("lang")
    return _argued([*args, *(("--lang", before) if before else ())])


def translated(command: Any, language: Language) -> Any:
    """The command with its help in this language."""
    if language == "en":
        return command
    command.help = paragraphs(command.help or "", language)
    command.short_help = translate(command.short_help or "", language) or None
    for option in command.params:
        option.help = translate(option.help or "", language)
    # The boxes of the other kind of page have headings that cannot be given.
    command.rich_markup_mode = None
    render = command.get_help
    command.get_help = lambda ctx: page(render(ctx), language)
    for inner in getattr(command, "commands", {}).values():
        translated(inner, language)
    return command


def paragraphs(text: str, language: Language) -> str:
    """A help text, in this language: each paragraph is a line."""
    return "\n\n".join(translate(" ".join(part.split()), language) for part in text.split("\n\n"))


def page(text: str, language: Language) -> str:
    """What the library adds to a help page: its headings, and the line of --help."""
    return "\n".join(translate(line, language) for line in text.split("\n"))


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
    lang: Lang = None,
) -> None:
    """Small language models that you can trust, made from your own text.

    Start with: textwright train reviews.csv --out my-model
    """
    if show_version:
        from importlib.metadata import version

        print(version("textwright"))
        raise typer.Exit
    with guarded(False):
        language = language_named(lang or os.environ.get(LANGUAGE_VARIABLE) or None)
    ctx.with_resource(speaking(language))
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())
        raise typer.Exit(WRONG_REQUEST)


def started() -> float:
    """When this process began to work, as `time.monotonic` counts."""
    return _STARTED


def main() -> None:
    """The entry point of the `textwright` command."""
    # What is printed may be Chinese, whatever the terminal or pipe is set to.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        sys.exit(app(standalone_mode=False))
    except _USAGE_ERROR as error:
        sys.exit(_refused(error))
    except typer.Abort:
        sys.exit(INTERRUPTED)


def _refused(error: Any) -> int:
    """What was wrong with the command, and where to read what it takes, in the language asked for."""
    if type(error).__name__ == "NoArgsIsHelpError":  # nothing was asked for: its message is the help
        print(error.format_message())
        return WRONG_REQUEST
    language = _argued(sys.argv[1:])
    verb = error.ctx.command_path if error.ctx is not None else "textwright"
    for line in (f"error: {error.format_message()}", f"What it takes: {verb} --help"):
        print(translate(line, language), file=sys.stderr)
    return WRONG_REQUEST


def _argued(arguments: Sequence[str]) -> Language:
    """The language that a command line asks for, before anything has read it."""
    asked = [value for flag, value in pairwise([*arguments, ""]) if flag == "--lang"]
    asked += [arg.removeprefix("--lang=") for arg in arguments if arg.startswith("--lang=")]
    named = next(iter(asked), None) or os.environ.get(LANGUAGE_VARIABLE)
    return next((language for language in LANGUAGES if language == named), "en")
