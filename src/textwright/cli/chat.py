"""textwright chat"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textwright import api
from textwright.cli import options
from textwright.cli.run import Debug, Json, Lang, Terminated, finish, guarded, say, told
from textwright.core.settings import parse_assignment
from textwright.runtime.cpu import choose_waiting

if TYPE_CHECKING:
    from textwright.tasks.writing.talking import Chat

app = typer.Typer(add_completion=False)
_QUIT, _NEW = ("/quit", "/exit"), "/new"


@app.command()
def chat(
    model: Annotated[Path, typer.Argument(help="The folder of a language model that was taught to answer.")],
    max_tokens: Annotated[int | None, typer.Option(help="Tokens of an answer at most (200).")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Below 1 is surer, above 1 bolder; 0 takes the likeliest (0.8).")
    ] = None,
    seed: options.Seed = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="top_k, top_p, min_p, repetition, no_repeat: name=value."),
    ] = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Talk with a language model that was taught to answer.

    Example: textwright chat my-assistant
    """
    with guarded(debug, lang):
        choose_waiting()  # before torch is imported
        flags: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
        given: dict[str, Any] = {key: value for key, value in flags.items() if value is not None}
        given |= dict(parse_assignment(text) for text in set_ or [])
        talk = Talk(api.chat(model, given), is_told=not json)
        talk.run()
        if json:
            finish(json, talk.record(), "")


@dataclass
class Talk:
    """A conversation on a terminal or through a pipe; answers are not told where a record is printed."""

    chat: Chat
    is_told: bool = True
    ended: list[list[dict[str, str]]] = field(default_factory=list)
    has_answered: bool = False
    has_said_forgotten: bool = False

    def run(self) -> None:
        """Until /quit, or the end of what is typed."""
        for line in _lines(is_terminal := self.is_told and sys.stdin.isatty() and sys.stdout.isatty()):
            text = line.strip()
            if text in _QUIT:
                return
            if text == _NEW:
                self._begin_anew()
            elif text:
                self._answer(text, is_terminal)

    def record(self) -> dict[str, Any]:
        """All turns, each with the number of its conversation."""
        turns = [
            {"conversation": number, **turn}
            for number, turns in enumerate([*self.ended, self.chat.turns], start=1)
            for turn in turns
        ]
        return {"turns": turns, "forgotten": self.chat.num_forgotten}

    def _begin_anew(self) -> None:
        if self.chat.turns:
            self.ended.append(self.chat.turns)
        self.chat.begin_anew()
        self.has_said_forgotten = False
        say("all that was said is forgotten")

    def _answer(self, text: str, is_terminal: bool) -> None:
        """Ctrl-C ends the answer, and what was said of it stays."""
        out = sys.stdout if self.is_told else sys.stderr
        if self.has_answered and not is_terminal:
            out.write("\n")  # answers of several lines are parted by an empty one
        self.has_answered = True
        parts = self.chat.say(text)
        try:
            for part in parts:
                out.write(part)
                out.flush()
        except Terminated:
            raise
        except KeyboardInterrupt:
            parts.close()
        finally:
            out.write("\n")
            out.flush()
        self._say_what_is_left_out()

    def _say_what_is_left_out(self) -> None:
        if self.chat.num_forgotten and not self.has_said_forgotten:
            self.has_said_forgotten = True
            say("the conversation is longer than the model reads at once: it forgets the first turns")
        if self.chat.is_cut:
            say("that is longer than the model reads at once: it has read the end of it")


def _lines(is_terminal: bool) -> Iterator[str]:
    """What a person types, or each line of a pipe."""
    if not is_terminal:
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8", errors="replace")
        yield from sys.stdin
        return
    _edit_lines()
    say("Ctrl-C ends an answer, /new begins anew, /quit or Ctrl-D ends")
    while True:
        try:
            yield input(f"{told('you')}> ")
        except EOFError:
            print()
            return
        except Terminated:
            raise
        except KeyboardInterrupt:
            print()


def _edit_lines() -> None:
    """Let `input` move in the line and go back to those before, where the system can."""
    with suppress(ImportError):
        import readline  # noqa: F401
