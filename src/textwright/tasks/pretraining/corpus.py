"""The tokens of a run in its work folder: built once, and found again by a run that is resumed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from textwright.bundle.manifest import PAIRS
from textwright.core.errors import ConfigError, DataError, TokenizerError
from textwright.core.files import read_json, readable_name, to_json, write_atomic, writing_atomic
from textwright.tasks.pretraining.adding import said_of
from textwright.tasks.pretraining.framing import usual_frame
from textwright.tasks.pretraining.objectives import OBJECTIVES
from textwright.tasks.pretraining.objectives.base import Making
from textwright.tasks.pretraining.recipe import INSTRUCT, OF_ROWS, PretrainRecipe
from textwright.tasks.pretraining.starting import Start, window_of
from textwright.tasks.rewriting.locked import Locked, read_locked
from textwright.text.documents.reading import Documents
from textwright.text.documents.shards import Shards
from textwright.text.documents.tokens import TokenCorpus
from textwright.text.pairs.added import Add
from textwright.text.rowlog import RowLog
from textwright.text.sources.folder import NOT_TEXT
from textwright.text.tokenizers import Tokenizer, TokenizerSettings

_RECORD, _CLEANING = "record.json", "cleaning.jsonl"


@dataclass(frozen=True)
class Learned:
    """Tokens to learn from and to judge on; `cleaning` is what was left out or changed, counted."""

    corpus: TokenCorpus
    cleaning: list[dict[str, Any]]
    cleaning_file: Path
    skipped: dict[str, str]
    reason: str

    @property
    def folder(self) -> Path:
        """Where the tokens are, as long as the run."""
        return self.cleaning_file.parent

    @property
    def num_locked(self) -> int:
        """Pairs that are tested on in the end."""
        locked = read_locked(self.folder)
        return len(locked.pairs) if locked else 0

    @property
    def num_bytes(self) -> int:
        return int(self.corpus.train.about["bytes"])

    @property
    def fingerprint(self) -> str:
        return str(self.corpus.train.about["fingerprint"])


def prepared(
    documents: Documents,
    recipe: PretrainRecipe,
    folder: Path,
    objective: str,
    start: Start | None,
    add: Add | None = None,
) -> Learned:
    """The tokens of the documents in `folder`, where they stay as long as the run; those of the same files
    and settings are taken as they lie there. `add` makes pairs beside those that are given. Raises DataError.
    """
    settings = _settings(recipe, start)
    length = window_of(recipe, start) if objective in OF_ROWS else 0
    asked = {
        "files": [
            [str(path), *_stamp(path)] for path in (*documents.files, *map(Path, recipe.data.other_files))
        ],
        "column": documents.column,
        "tokenizer": start.tokenizer.fingerprint if start else settings.model_dump(mode="json"),
        "objective": objective,
        "seed": recipe.seed,
    }
    if objective in OF_ROWS:
        columns = recipe.data.model_dump(exclude={"text"})
        asked |= {**columns, "length": length, "clean": recipe.pairs.clean.model_dump(mode="json")}
        asked |= said_of(recipe)
        asked["sizes"] = objective == "summarize" and recipe.pairs.lengths > 0
    found = _found(folder, asked, recipe, start)
    if found is not None:
        return found
    learned_by = OBJECTIVES.get(objective)
    made = (
        Making(settings, learned_by.finished, learned_by.end, recipe, length, usual_frame, add)
        if start is None
        else Making(start.tokenizer, lambda tokenizer: tokenizer, start.end, recipe, length, start.frame, add)
    )
    corpus = learned_by.build(documents, folder, made)
    corpus.tokenizer.save(folder)
    locked = read_locked(folder)
    with writing_atomic(folder / _CLEANING) as file:
        rows = chain(corpus.log.records(), locked.rows if locked else ())
        file.writelines(json.dumps(found, ensure_ascii=False) + "\n" for found in rows)
    record = {"asked": asked, "cleaning": corpus.log.summary(), "skipped": documents.skipped}
    write_atomic(folder / _RECORD, to_json(record))
    reason = _reason(recipe, start, corpus.tokenizer)
    return Learned(corpus, corpus.log.summary(), folder / _CLEANING, documents.skipped, reason)


def _settings(recipe: PretrainRecipe, start: Start | None) -> TokenizerSettings:
    if start is not None:
        return start.tokenizer.settings
    if not isinstance(recipe.tokenizer, TokenizerSettings):
        return TokenizerSettings(kind="bpe" if recipe.objective in PAIRS else "language")
    asked = recipe.tokenizer
    if asked.drop_unknown:
        raise ConfigError(
            "tokenizer.drop_unknown: a language is learned from all words of a text", hint="Leave it out."
        )
    return asked.replaced({"kind": asked.kind if "kind" in asked.said() else "bpe", "drop_unknown": False})


def _reason(recipe: PretrainRecipe, start: Start | None, tokenizer: Tokenizer) -> str:
    if start is not None:
        return "that of the checkpoint"
    if isinstance(recipe.tokenizer, TokenizerSettings):
        return "as asked"
    if tokenizer.settings.kind == "characters":
        return "characters: pieces of this text would hardly be longer"
    return "pieces of words, whose number goes by the size of the text"


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _found(
    folder: Path, asked: dict[str, Any], recipe: PretrainRecipe, start: Start | None
) -> Learned | None:
    try:
        record = read_json(folder / _RECORD)
        if record["asked"] != json.loads(json.dumps(asked)):
            return None
        train, validation = (Shards.open(folder / name) for name in ("train", "validation"))
        corpus = TokenCorpus(train, validation, Tokenizer.load(folder), RowLog())
        reason = _reason(recipe, start, corpus.tokenizer)
        return Learned(corpus, record["cleaning"], folder / _CLEANING, record["skipped"], reason)
    except (OSError, ValueError, KeyError, TypeError, DataError, TokenizerError):
        return None


def account(learned: Learned, documents: Documents, objective: str, wanted: int | None = None) -> list[str]:
    """What was read, in lines for a person; `wanted` is how many kinds of tokens were asked for."""
    train, held_out = learned.corpus.train, learned.corpus.validation
    size = learned.num_bytes + int(held_out.about["bytes"])
    named = readable_name(documents.files[0])
    where = named if len(documents.files) == 1 else f"{len(documents.files):,} files"
    tokens, kinds = len(train) + len(held_out), train.vocabulary_size
    lines = [
        f"{where}: {_size(size)} of text, {tokens:,} tokens of {kinds:,} kinds",
        f"held out to judge on: {_size(int(held_out.about['bytes']))}",
    ]
    if objective in PAIRS:
        rows, told = train.about["documents"], train.about["told"]
        lines += train.about["notes"]
        lines.append(
            f"{rows:,} pairs to learn {told:,} tokens from, {held_out.about['documents']:,} held out"
        )
        lines += _tested(read_locked(learned.folder))
    elif objective == INSTRUCT:
        rows, told = train.about["documents"], train.about["told"]
        lines.append(
            f"{rows:,} conversations to learn {told:,} tokens of responses from, "
            f"{held_out.about['documents']:,} held out"
        )
    lines += [
        f"{step['rows']:,} texts {step['action']}: {step['reason']}"
        for step in learned.cleaning
        if step["reason"] != NOT_TEXT
    ]
    if wanted is not None and wanted > kinds:
        lines.append(f"{wanted:,} kinds of tokens were asked for; this text gives {kinds:,}")
    if learned.skipped:
        lines.append(f"{len(learned.skipped):,} files hold no text and were left out")
    return lines


def _tested(locked: Locked | None) -> list[str]:
    """What is tested on."""
    if locked is None:
        return []
    lines = [
        f"{locked.name}: {step['rows']:,} rows {step['action']}: {step['reason']}" for step in locked.cleaning
    ]
    if locked.is_given:
        return [*lines, f"{len(locked.pairs):,} pairs of {locked.name} to test on"]
    return [*lines, f"{len(locked.pairs):,} of the pairs are locked to test on"]


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes >= 100_000 else f"{num_bytes / 1e3:.1f} kB"
