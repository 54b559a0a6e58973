"""textwright generate"""

from __future__ import annotations

import sys
from json import dumps
from pathlib import Path
from typing import Annotated, Any

import typer

from textwright import api
from textwright.cli import options
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.files import write_atomic
from textwright.core.settings import parse_assignment
from textwright.runtime.cpu import choose_waiting

app = typer.Typer(add_completion=False)


@app.command()
def generate(
    model: Annotated[Path, typer.Argument(help="The folder of a language model that writes.")],
    prompt: Annotated[
        list[str] | None, typer.Option(help="A beginning to write on; as many as you like. None begins anew.")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Texts for each beginning.")] = 1,
    max_tokens: Annotated[int | None, typer.Option(help="Tokens to write at most (200).")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Below 1 is surer, above 1 bolder; 0 takes the likeliest (0.8).")
    ] = None,
    stop: Annotated[list[str] | None, typer.Option(help="End where this text comes up.")] = None,
    out: Annotated[Path | None, typer.Option(help="A .jsonl file: prompt, text, tokens, ended.")] = None,
    seed: options.Seed = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="top_k, top_p, min_p, beams, length_penalty, repetition, no_repeat: name=value."
        ),
    ] = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Write texts with a language model; one that was taught to answer answers each prompt.

    Example: textwright generate my-language --prompt Once --samples 3
    """
    with guarded(debug, lang):
        choose_waiting()  # before torch is imported
        from textwright.tasks.writing.sampling import WritingSettings

        flags: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
        given: dict[str, Any] = {key: value for key, value in flags.items() if value is not None}
        given |= dict(parse_assignment(text) for text in set_ or [])
        given |= {"stop": tuple(stop)} if stop else {}
        settings = WritingSettings.parse(given, where="--set ")
        beginnings = [text for text in prompt or [""] for _ in range(samples)]
        between = "\n" if api.answers(model) else ""
        if len(beginnings) == 1 and out is None and not json and settings.beams == 1:
            _show(beginnings[0] + between, api.stream(model, beginnings[0], settings))
            return
        written = api.generate(model, beginnings, settings)
        records = [
            {"prompt": beginning, **found.to_json()}
            for beginning, found in zip(beginnings, written, strict=True)
        ]
        if out is not None:
            write_atomic(out, "".join(f"{dumps(record, ensure_ascii=False)}\n" for record in records))
            say(f"{len(records):,} texts in {out}")
        finish(json, {"texts": records}, "" if out else _shown(records, between))


def _show(beginning: str, parts: Any) -> None:
    """The text as it comes."""
    sys.stdout.write(beginning)
    for part in parts:
        sys.stdout.write(part)
        sys.stdout.flush()
    sys.stdout.write("\n")


def _shown(records: list[dict[str, Any]], between: str) -> str:
    rule = f"\n{'-' * 20}\n"
    return rule.join(record["prompt"] + between + record["text"] for record in records)
