"""textwright tokenizer train, textwright tokenizer report"""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from textwright.bundle.folder import is_bundle
from textwright.cli import options
from textwright.cli.run import Debug, Json, Lang, finish, guarded, say
from textwright.core.errors import ConfigError
from textwright.text.tokenizers import KINDS, Tokenizer, TokenizerSettings
from textwright.text.tokenizers.base import MODEL_FILE
from textwright.text.tokenizers.files import (
    AUTO,
    Learned,
    TextFile,
    refuse_foreign,
    save_folder,
    train_on_files,
)
from textwright.text.tokenizers.report import render_report, tokenizer_report

app = typer.Typer(no_args_is_help=True, add_completion=False)

_KINDS = ", ".join([AUTO, *KINDS])
_EXAMPLE_TOKENS = 20


@app.command()
def train(
    files: Annotated[list[str], typer.Argument(help="Files with texts, in any format.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
    kind: Annotated[str, typer.Option(help=f"One of: {_KINDS}.")] = AUTO,
    vocabulary_size: Annotated[
        int | None,
        typer.Option(min=1, help="The largest vocabulary; what is usual for the kind when not given."),
    ] = None,
    max_length: Annotated[
        int | None, typer.Option(min=1, help="Cut texts to this many tokens; never when not given.")
    ] = None,
    text: options.Text = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Learn a tokenizer from files of any size.

    Example: textwright tokenizer train reviews.csv --out my-tokenizer --kind bpe
    """
    with guarded(debug, lang):
        started = time.monotonic()
        refuse_foreign(out)
        asked = {"kind": kind, "vocabulary_size": vocabulary_size, "max_length": max_length}
        settings = TokenizerSettings.parse(asked, where="--")
        if kind != AUTO:
            KINDS.get(kind)
        opened = [_open(file, text) for file in files]
        learned = train_on_files(opened, settings)
        _say_changes(opened)
        save_folder(learned.tokenizer, out)
        record = _record(learned, out, time.monotonic() - started)
        finish(json, record, _summary(record, _example(learned.tokenizer, opened[0])))


@app.command()
def report(
    tokenizer: Annotated[Path, typer.Argument(help="A tokenizer or model folder.", show_default=False)],
    file: Annotated[str, typer.Argument(help="A file with texts, in any format.", show_default=False)],
    text: options.Text = None,
    json: Json = False,
    debug: Debug = False,
    lang: Lang = None,
) -> None:
    """Say what a tokenizer makes of a file: fertility, unknown words, lost tokens, wasted pieces.

    Example: textwright tokenizer report my-tokenizer dev.csv
    """
    with guarded(debug, lang):
        loaded = _load(tokenizer)
        texts = _open(file, text)
        found = tokenizer_report(loaded, texts)
        _say_changes([texts])
        finish(json, found, render_report(found))


def _open(path: str, column: str | None) -> TextFile:
    file = TextFile.open(path, column)
    say(
        f"{file.source.path}: texts from the column {file.column!r}"
        + ("" if column else " (--text COL to change)")
    )
    return file


def _say_changes(files: list[TextFile]) -> None:
    for file in files:
        for step in file.log.summary():
            say(f"{file.source.path}: {step['rows']:,} rows {step['action']}: {step['reason']}")


def _load(folder: Path) -> Tokenizer:
    if not folder.is_dir():
        raise ConfigError(
            f"{folder}: there is no such folder", hint="Give the folder of a tokenizer or model."
        )
    if is_bundle(folder) and not (folder / MODEL_FILE).exists():
        raise ConfigError(
            f"{folder}: this model reads characters and has no tokenizer",
            hint="Give the folder of a network, such as cnn, or of a tokenizer.",
        )
    return Tokenizer.load(folder)


def _record(learned: Learned, out: Path, seconds: float) -> dict[str, Any]:
    tokenizer = learned.tokenizer
    return {
        "kind": tokenizer.settings.kind,
        "reason": learned.reason,
        "out": str(out),
        "vocabulary_size": tokenizer.size,
        "max_length": tokenizer.settings.max_length,
        "texts": learned.num_texts,
        "seconds": round(seconds, 3),
        "fingerprint": tokenizer.fingerprint,
    }


def _example(tokenizer: Tokenizer, file: TextFile) -> str:
    tokens = [token for text in islice(file, 1) for token in tokenizer.tokens(text)]
    shown = "  ".join(token.replace("\n", "\\n") for token in tokens[:_EXAMPLE_TOKENS])
    return shown + ("  …" if len(tokens) > _EXAMPLE_TOKENS else "")


def _summary(record: dict[str, Any], example: str) -> str:
    size, texts = f"{record['vocabulary_size']:,} pieces", f"{record['texts']:,} texts"
    return "\n".join(
        [
            f"{record['kind']}: {size} from {texts} in {record['seconds']:.1f} s ({record['reason']})",
            f"the first text: {example}",
            f"Next: textwright tokenizer report {record['out']} FILE",
        ]
    )
