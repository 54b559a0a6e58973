"""Whether a file holds pairs; without torch, as every training asks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from textwright.bundle.manifest import PAIRS
from textwright.core.errors import ConfigError
from textwright.text.columns import SCORE_NAMES, Column
from textwright.text.pairs.tags import language_named
from textwright.text.sources import open_source

# Names that leave no doubt, while nothing is called as a label is: a title may be a text to classify.
_SOURCES, _TARGETS = ("source", "src", "原文", "源文"), ("target", "tgt", "trg", "译文", "翻译")
_TEXTS = ("text", "document", "article", "dialogue", "dialog", "正文", "文章", "原文", "对话", "文本")
_LABELS = ("label", "labels", "class", "category", "sentiment", "标签", "类别", "分类", "情感")
_SUMMARIES = ("summary", "summaries", "abstract", "highlights", "摘要", "总结")


def task_of_pairs(
    data: str, task: str | None, columns: Mapping[str, str | None], target_file: Path | None = None
) -> str | None:
    """`translate` or `summarize` where a training is of pairs: as asked, or by the names of its columns.

    Two plain files are translations unless something else is asked. Raises ConfigError where that has no
    second file.
    """
    if task in PAIRS:
        return task
    if target_file is not None:
        if task is not None:
            raise ConfigError(f"--target-file does not go with --task {task}", hint="Leave it out.")
        return "translate"
    if task is not None or data == "-" or not Path(data).is_file():
        return None
    if columns.get("source") and columns.get("target"):
        return "translate"
    source = open_source(data)
    known = [Column(name) for name in source.columns]
    if source.kind == "tmx":
        return "translate"
    if _any(known, (*_LABELS, *SCORE_NAMES)):
        return None
    if _any(known, _SOURCES) and _any(known, _TARGETS):
        return "translate"
    if _any(known, _TEXTS) and _any(known, _SUMMARIES):
        return "summarize"
    languages = {language_named(column.name) for column in known}
    return "translate" if len(known) == 2 and len(languages) == 2 and "" not in languages else None


def _any(known: Sequence[Column], names: Sequence[str]) -> bool:
    return any(column.is_called(name) for column in known for name in names)
