"""textwright audit review"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textwright.cli.audit.app import app
from textwright.cli.audit.fix import Folder, Moved
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.errors import ConfigError

if TYPE_CHECKING:
    from textwright.audit.patches.sheet import Case, Review

_KEYS = {"a": "accept", "k": "keep", "o": "other", "s": "skip"}


@app.command()
def review(
    audit: Folder,
    who: Annotated[str, typer.Option(help="Your name: a label changes when two people agree on it.")] = "",
    finding: Annotated[
        str | None, typer.Option(help="The id of the finding; that of label_errors when not given.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write the rows to this CSV file, to be answered there.")
    ] = None,
    import_: Annotated[
        Path | None, typer.Option("--import", help="Take in the answers of such a file.")
    ] = None,
    data: Moved = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Look at labels that are likely wrong, one by one; every answer is kept at once.

    Then textwright audit fix AUDIT --finding ID changes those on which two people agree.

    Example: textwright audit review labels-audit --who Ann
    """
    with guarded(debug, lang):
        from textwright.audit.patches.sheet import export_review, import_review, open_review

        if export is not None and import_ is not None:
            raise ConfigError("--export and --import contradict each other", hint="Give one of them.")
        if export is None and not who and import_ is None:
            raise ConfigError("nobody is named who reviews", hint="Say --who NAME.")
        opened = open_review(audit, finding, data or None)
        record = {"audit": str(audit), "finding": opened.finding, "rows": len(opened.cases)}
        if export is not None:
            export_review(opened, export)
            done = f"{len(opened.cases):,} rows are in {export}: answer accept, keep, other or skip"
            finish(json, {**record, "answers": 0, "file": str(export)}, done)
            return
        count = _asked(opened, who) if import_ is None else import_review(opened, import_, who)
        next_ = f'textwright audit fix {audit} --finding {opened.finding} --because "..."'
        finish(json, {**record, "answers": count, "file": None}, f"{count:,} answers are kept. Next: {next_}")


def _asked(review: Review, who: str) -> int:
    """Ask for every row that this person has not answered; gives the number of answers."""
    todo = review.open_for(who)
    say(f"{len(todo):,} rows; a: the suggested label, k: the given one, o: another, s: skip, q: quit")
    for done, case in enumerate(todo):
        say("")
        say(f"row {case.row:,}: {case.text}")
        answer = _answer(review, case)
        if answer is None:
            return done
        review.say(case, answer[0], who, answer[1])
    return len(todo)


def _answer(review: Review, case: Case) -> tuple[str, str] | None:
    """What is typed, asked again until it makes sense; None to quit, also at the end of the input."""
    while True:
        try:
            key = _typed(f"{case.given} -> {case.suggested} [a/k/o/s/q] ").lower()
            if key == "q":
                return None
            if key == "o":
                label = _typed(f"{', '.join(review.data.label_names)}: ")
                if label in review.data.label_names:
                    return "other", label
                say(f"{label!r} is no label of these data")
            elif key in _KEYS and not (key == "a" and not case.suggested):
                return _KEYS[key], ""
        except EOFError:
            return None


def _typed(prompt: str) -> str:
    """A line of standard input; the prompt goes where notes go, so that --json stays whole."""
    typer.echo(prompt, err=True, nl=False)
    return input().strip()
