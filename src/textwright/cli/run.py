"""What every verb shares: errors to exit codes, JSON on the last line, lines on standard error."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from textwright.core.errors import ConfigError, ParityError, TextwrightError
from textwright.report.messages import LANGUAGES, SPOKEN, Language, translate

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object on the last line.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
LANGUAGE_VARIABLE = "TEXTWRIGHT_LANG"
Lang = Annotated[
    str | None,
    typer.Option("--lang", help="Language of messages: en or zh (TEXTWRIGHT_LANG).", metavar="LANG"),
]

CHECK_FAILED, WRONG_REQUEST, BUG, INTERRUPTED, TERMINATED = 1, 2, 70, 130, 143


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM)."""


def say(text: str = "") -> None:
    """A line for the person, on standard error."""
    print(told(text), file=sys.stderr, flush=True)


def told(text: str) -> str:
    """The text in the language of the person."""
    return translate(text, SPOKEN.get())


def finish(as_json: bool, record: dict[str, Any], text: str) -> None:
    """The result, on standard output."""
    from textwright.core.files import explained  # it needs libraries that --help does not wait for

    said = json.dumps(record, ensure_ascii=False, allow_nan=False) if as_json else told(text)
    try:
        with explained(Path("standard output")):
            print(said.encode("utf-8", "replace").decode("utf-8"), flush=True)
    except TextwrightError:
        _no_more_output()  # or the end of the process would try to write it once more
        raise


def language_named(name: str | None) -> Language:
    """The one asked for, or that of the command this one is part of. Raises ConfigError."""
    if name is None:
        return SPOKEN.get()
    for language in LANGUAGES:
        if name == language:
            return language
    raise ConfigError(f"--lang {name}: unknown language", hint=f"Known: {', '.join(LANGUAGES)}.")


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """What is said in here is said in this language."""
    token = SPOKEN.set(language)
    try:
        yield
    finally:
        SPOKEN.reset(token)


@dataclass
class Guard:
    """What a verb that was asked to stop, and kept what it had, ends with."""

    stopped: int = INTERRUPTED

    def terminate(self, number: int, frame: FrameType | None) -> None:
        self.stopped = TERMINATED
        raise Terminated


@contextmanager
def guarded(debug: bool, lang: str | None = None) -> Iterator[Guard]:
    """Turn every failure into its exit code and two lines: what, and what to do, in the language asked."""
    guard = Guard()
    before = signal.signal(signal.SIGTERM, guard.terminate)
    try:
        with _explained(debug):
            language = language_named(lang)
        with speaking(language), _explained(debug):
            yield guard
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _explained(debug: bool) -> Iterator[None]:
    try:
        yield
    except TextwrightError as error:
        _explain(error.message, error.hint, debug)
        raise typer.Exit(CHECK_FAILED if isinstance(error, ParityError) else WRONG_REQUEST) from None
    except Terminated:
        say("terminated: nothing is finished that could be kept")
        raise typer.Exit(TERMINATED) from None
    except KeyboardInterrupt:
        say("interrupted: nothing is finished that could be kept")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever read our output has gone (for instance `head`): end quietly, as tools do.
        _no_more_output()
        raise typer.Exit(0) from None
    except MemoryError:
        _explain(
            "there is not enough memory",
            "Use fewer rows, shorter texts, or a machine with more memory.",
            debug,
        )
        raise typer.Exit(WRONG_REQUEST) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        _explain(
            f"a bug of ours: {type(error).__name__}: {error}",
            "Please report it with the output of the same command with --debug.",
            debug,
        )
        raise typer.Exit(BUG) from None


def _no_more_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(what: str, hint: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    say(f"error: {what}")
    if hint:
        say(hint)
