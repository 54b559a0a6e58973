"""textwright pretrain"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textwright import api
from textwright.cli import options
from textwright.cli.main import started
from textwright.cli.progress import Progress
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.clock import Clock
from textwright.runtime.cpu import choose_waiting

if TYPE_CHECKING:
    from textwright.tasks.pretraining.keeping import Pretrained

app = typer.Typer(add_completion=False)


@app.command()
def pretrain(
    data: Annotated[
        list[str],
        typer.Argument(
            help="Files and folders with raw text, in any format; or tables of prompt and response.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="The model folder to write.")],
    objective: Annotated[
        str | None,
        typer.Option(
            help="causal (tell the next token), masked (fill gaps) or denoise (tell spans), by the model; "
            "hybrid (causal and masked); or instruct (answer)."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="gpt2, nanochat, qwen3, lstm, bert, roberta, modernbert or m2m100."),
    ] = None,
    chars: Annotated[bool, typer.Option("--chars", help="Every character is a token.")] = False,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="Go on with a language model: a folder, or a name on the Hub."),
    ] = None,
    minutes: options.Minutes = None,
    tokens: Annotated[
        int | None, typer.Option(help="Learn from so many tokens, in the place of minutes.")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Go over the text so often, at most.")] = None,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that share every step, each with its part of the rows (1).")
    ] = 1,
    text: options.Text = None,
    seed: options.Seed = None,
    set_: options.Set = None,
    resume: options.Resume = False,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Learn a language from raw text: a tokenizer, and a model that writes or fills gaps. Or, with
    --objective instruct, teach a model to answer, from rows of prompt and response.

    Example: textwright pretrain books/ --out my-language --minutes 15
    """
    with guarded(debug, lang) as guard:
        choose_waiting()  # before torch is imported
        from textwright.tasks.pretraining.asked import make_recipe

        if api.follow():
            return
        made = make_recipe(
            set_,
            {
                "objective": objective,
                "model.name": model,
                "model.checkpoint": from_,
                "tokenizer.kind": "characters" if chars else None,
                "budget.minutes": minutes,
                "budget.tokens": tokens,
                "learn.epochs": epochs,
                "data.text": text,
                "seed": seed,
            },
        )
        found = api.pretrain(
            data,
            out,
            made,
            sink=Progress(),
            clock=Clock(started()),
            resume=resume,
            processes=processes,
        )
        finish(json, found.to_json(), summary(found))
    if found.interrupted:
        raise typer.Exit(guard.stopped)


def summary(found: Pretrained) -> str:
    """What a person wants to know after a language was learned, and what to do next."""
    say()
    head = (
        f"{found.model} in {found.seconds:.1f} s, {found.parameters:,} parameters, "
        f"{found.tokens:,} tokens, {found.tokens_per_second:,.0f} a second"
    )
    scores = [f"{name:14} {score}" for name, score in found.scores.items()]
    use = {
        "causal": f"Next: textwright generate {found.out}",
        "hybrid": f"Next: textwright generate {found.out}",
        "instruct": f"Next: textwright chat {found.out}",
        "denoise": f"Next: textwright fill {found.out} --text 'a [MASK] b'",
        "masked": f"Next: textwright train DATA --from {found.out} --out NEW",
    }[found.objective]
    measured = (
        "on responses that were held out (95 % interval in brackets):"
        if found.objective == "instruct"
        else "on text that was held out (95 % interval in brackets):"
    )
    return "\n".join([head, measured, *scores, f"report: {found.out / 'report.html'}", use])
