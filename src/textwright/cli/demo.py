"""textwright demo"""

from __future__ import annotations

import tempfile
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

from textwright import api
from textwright.audit.of_data import data as audit_data
from textwright.cli.progress import Progress
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say, told
from textwright.core.clock import Clock
from textwright.core.settings import Settings
from textwright.report.messages import SPOKEN
from textwright.tasks.recipe import Recipe

app = typer.Typer(add_completion=False)

_SAMPLE = Path(str(resources.files("textwright"))) / "sample"
_AUDITED = ("reviews.en.csv", "reviews.zh.csv")


class Part(Settings):
    """One step of the demonstration."""

    title: str
    sample: str
    recipe: dict[str, Any]
    texts: tuple[str, ...]


_PARTS = (
    Part(
        title="English reviews: positive or negative, the best of three architectures",
        sample="reviews.en.csv",
        recipe={"budget": {"minutes": 0.4}},
        texts=(
            "Lovely staff, and the soup was worth the walk.",
            "It broke after two days and nobody answers.",
            "Not bad at all, though the case feels cheap.",
        ),
    ),
    Part(
        title="中文评论：好评还是差评 (Chinese reviews)",
        sample="reviews.zh.csv",
        recipe={"model": {"name": "bag"}, "budget": {"minutes": 0.2}},
        texts=(
            "房间干净，前台很热情，下次还会来。",
            "等了一个小时才上菜，味道也一般。",
            "手机挺好用的，就是电池不太耐用。",
        ),
    ),
    Part(
        title="English reviews again: how good, from 1 to 5",
        sample="reviews.en.csv",
        recipe={
            "task": "score",
            "data": {"label": "score"},
            "model": {"name": "bag"},
            "budget": {"minutes": 0.2},
        },
        texts=(
            "Absolutely wonderful from start to finish.",
            "It is fine, nothing special.",
            "A complete waste of money.",
        ),
    ),
)


@app.command()
def demo(
    out: Annotated[
        Path | None, typer.Option(help="Keep the model folders here; otherwise they are thrown away.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Train, evaluate, predict and audit on the packaged sample, in English and Chinese.

    The 1,200 reviews were written for this project, with flaws on purpose.
    """
    with guarded(debug, lang):
        if out is not None:
            record = _run(out, keeps=True)
        else:
            with tempfile.TemporaryDirectory() as folder:
                record = _run(Path(folder), keeps=False)
        finish(json, record, _NEXT)


def _run(folder: Path, keeps: bool) -> dict[str, Any]:
    parts = [_part(part, folder / f"model-{number}", keeps) for number, part in enumerate(_PARTS, 1)]
    audits = [_audit(name, folder / f"audit-{name.split('.')[1]}", keeps) for name in _AUDITED]
    return {"parts": parts, "audits": audits}


def _audit(name: str, out: Path, keeps: bool) -> dict[str, Any]:
    """What is wrong with a sample."""
    say(f"\n== {told('What is wrong with these data?')} ({name})")
    found = audit_data(_SAMPLE / name, out)
    for finding in found.findings:
        say(f"   {finding['severity']:5} {told(finding['title'])}")
    if keeps:
        say(f"report: {out / 'report.html'}")
    titles = [finding["title"] for finding in found.findings]
    return {"data": name, "verdict": found.verdict, "findings": titles}


def _part(part: Part, out: Path, keeps: bool) -> dict[str, Any]:
    say(f"\n== {told(part.title)}")
    data = _SAMPLE / part.sample
    trained = api.train(data, out, Recipe.parse(part.recipe), sink=Progress(), clock=Clock.starting())
    headline = "mse" if trained.task == "score" else "accuracy"
    measured = trained.scores[headline]
    say(f"-> {trained.model}: {headline} {measured} on {measured.n} locked test rows")
    for sentence in trained.in_words(SPOKEN.get())[:1]:
        say(f"   {sentence}")
    if trained.interrupted:
        raise KeyboardInterrupt
    if keeps:
        say(f"report: {out / 'report.html'}")
    answers = api.load(out).predict(part.texts)
    for text, answer in zip(part.texts, answers, strict=True):
        say(f"   {_shown(answer):22} {text}")
    return {**trained.to_json(), "predictions": answers}


def _shown(answer: dict[str, Any]) -> str:
    return (
        f"{answer['score']:.2f}" if "score" in answer else f"{answer['label']} ({answer['probability']:.0%})"
    )


_NEXT = """
Now with a file of your own (CSV, TSV, JSONL, JSON, Parquet, Excel, text, folders or mail; any encoding):
  textwright plan mine.csv                              what would be done, and why
  textwright audit data mine.csv --out my-audit         what is wrong with the data
  textwright train mine.csv --out my-model --minutes 3
  textwright evaluate my-model held-out.csv
  textwright predict my-model new.csv --out answers.csv"""
