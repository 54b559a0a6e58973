"""Guess which column holds the text, which the label, and what kind of label it is; every guess has its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from textwright.core.errors import DataError
from textwright.core.names import did_you_mean
from textwright.text.schema import LabelForm, TaskName
from textwright.text.sources.base import Batch, Cell

TEXT_NAMES = ("text", "sentence", "review", "content", "comment", "message", "body", "title", "question", "tweet", "文本", "内容", "评论", "评价", "正文", "句子", "标题")
LABEL_NAMES = ("label", "labels", "class", "category", "target", "sentiment", "tag", "tags", "topic", "intent", "标签", "类别", "分类", "情感", "类型")
SCORE_NAMES = ("score", "rating", "stars", "grade", "评分", "分数", "得分", "星级", "打分")
_SEPARATORS = (";", "|", "、", "；", ",")
_SAMPLE = 5_000


@dataclass
class Column:
    """What a sample of one column's cells looks like."""

    name: str
    cells: list[Cell] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [cell for cell in self.cells if isinstance(cell, str)]

    @property
    def mean_length(self) -> float:
        return sum(map(len, self.texts)) / max(len(self.texts), 1)

    @property
    def num_distinct(self) -> int:
        return len(set(self.texts))

    @property
    def is_list(self) -> bool:
        return any(isinstance(cell, list) for cell in self.cells)

    @property
    def is_numeric(self) -> bool:
        return bool(self.texts) and all(is_number(cell) for cell in self.texts)

    @property
    def is_indicator(self) -> bool:
        return bool(self.texts) and set(self.texts) <= {"0", "1", "0.0", "1.0"} and self.num_distinct == 2


@dataclass(frozen=True)
class Guess:
    """The columns and the kind of label, with one reason a line."""

    task: TaskName
    text: str
    label: str
    form: LabelForm
    separator: str | None
    reasons: tuple[str, ...]


def is_number(cell: str) -> bool:
    """A plain number, as a person would write a score; NaN and infinity count, and are refused later with their row.

    >>> [is_number(c) for c in ("-3.5", "1e3", "nan", "12 stars")]
    [True, True, True, False]
    """
    try:
        float(cell)
    except ValueError:
        return False
    return True


def profile(batches: Sequence[Batch]) -> list[Column]:
    """Columns with the cells of the first rows."""
    columns: dict[str, Column] = {}
    for batch in batches:
        for name, cells in batch.columns.items():
            column = columns.setdefault(name, Column(name))
            column.cells.extend(cells[: _SAMPLE - len(column.cells)])
    return list(columns.values())


def guess_columns(
    columns: Sequence[Column], *, path: str, task: TaskName | None = None, text: str | None = None, label: str | None = None
) -> Guess:
    """Fill in what was not asked for. Raises DataError when no column can be the text or the label."""
    names = [column.name for column in columns]
    for asked in [text, *(label.split(",") if label else [])]:
        if asked is not None and asked not in names and label not in names:
            raise DataError(f"there is no column {asked!r}; found {', '.join(map(repr, names))}", path=path, hint=did_you_mean(asked, names))
    text_column, text_reason = _text_column(columns, path, text, label)
    others = [column for column in columns if column.name != text_column.name]
    label_name, label_reason = _label_column(others, path, task, label)
    chosen = [column for column in others if column.name in ([label_name] if label_name in names else label_name.split(","))]
    kind, form, separator, reason = _kind(chosen, task)
    return Guess(kind, text_column.name, label_name, form, separator, (text_reason, label_reason, reason))


def find_text_column(columns: Sequence[Column], *, path: str, preferred: str) -> str:
    """The column to predict from: the one the model was trained on, or the one that looks like text."""
    if any(column.name == preferred for column in columns):
        return preferred
    return _text_column(columns, path, None, None)[0].name


def _text_column(columns: Sequence[Column], path: str, asked: str | None, label: str | None) -> tuple[Column, str]:
    by_name = {column.name: column for column in columns}
    if asked is not None:
        return by_name[asked], f"text: column {asked!r}, as asked"
    free = [column for column in columns if column.name != label and not column.is_list and column.texts]
    for name in TEXT_NAMES:
        for column in free:
            if column.name.strip().lower() == name and not column.is_numeric:
                return column, f"text: column {column.name!r}, by its name (--text COL to change)"
    worded = [column for column in free if not column.is_numeric and column.num_distinct > 1]
    if not worded:
        seen = ", ".join(repr(column.name) for column in columns)
        raise DataError(f"no column looks like text; found {seen}", path=path, hint="Name it with --text COL.")
    longest = max(worded, key=lambda column: column.mean_length)
    if longest.mean_length < 3 and len(columns) > 1:
        raise DataError("no column looks like text: all cells are shorter than three characters", path=path, hint="Name it with --text COL.")
    return longest, f"text: column {longest.name!r}, the longest (--text COL to change)"


def _label_column(others: Sequence[Column], path: str, task: TaskName | None, asked: str | None) -> tuple[str, str]:
    if asked is not None:
        return asked, f"label: column {asked!r}, as asked"
    if not others:
        raise DataError("there is one column only, so nothing to learn from", path=path, hint="Add a column with the label or score of each row.")
    preferred = SCORE_NAMES + LABEL_NAMES if task == "score" else LABEL_NAMES + SCORE_NAMES
    for name in preferred:
        for column in others:
            if column.name.strip().lower() == name and column.cells:
                return column.name, f"label: column {column.name!r}, by its name (--label COL to change)"
    indicators = [column.name for column in others if column.is_indicator]
    if len(indicators) >= 3 and task in (None, "multilabel"):
        return ",".join(indicators), f"labels: the {len(indicators)} columns of 0 and 1 (--label A,B,... to change)"
    fitting = [column for column in others if column.texts and (column.is_list or 1 < column.num_distinct <= len(column.texts) / 2 or column.is_numeric)]
    if not fitting:
        seen = ", ".join(repr(column.name) for column in others)
        raise DataError(f"no column looks like a label; found {seen}", path=path, hint="Name it with --label COL.")
    best = min(fitting, key=lambda column: (column.is_numeric and column.num_distinct > 20, column.num_distinct))
    return best.name, f"label: column {best.name!r}, which has {best.num_distinct} values (--label COL to change)"


def _kind(chosen: Sequence[Column], task: TaskName | None) -> tuple[TaskName, LabelForm, str | None, str]:
    if len(chosen) > 1:
        return "multilabel", "indicators", None, "task: multilabel, one column a label"
    column = chosen[0]
    override = "(--task classify|multilabel|score to change)"
    if column.is_list:
        return "multilabel", "list", None, f"task: multilabel, cells are lists {override}"
    separator = _separator(column)
    if task == "multilabel":
        return "multilabel", "separated", separator or ",", "task: multilabel, as asked"
    if task is not None:
        return task, "number" if task == "score" else "single", None, f"task: {task}, as asked"
    if column.is_numeric and _is_graded(column):
        return "score", "number", None, f"task: score, the cells are graded numbers {override}"
    if separator:
        return "multilabel", "separated", separator, f"task: multilabel, labels are separated by {separator!r} {override}"
    many = "two-class" if column.num_distinct <= 2 else "many-class"
    return "classify", "single", None, f"task: classify, {many} {override}"


def _is_graded(column: Column) -> bool:
    """Decimals, or a scale of many values under a name that says score; class numbers are neither."""
    values = {float(cell) for cell in column.texts}
    if any(value != value or not value.is_integer() for value in values):
        return True
    return len(values) > 2 and (len(values) > 20 or column.name.strip().lower() in SCORE_NAMES)


def _separator(column: Column) -> str | None:
    """A mark that splits cells into labels which come back alone or in other company."""
    for mark in _SEPARATORS:
        split = [[part.strip() for part in cell.split(mark)] for cell in column.texts]
        parts = Counter(part for cell in split for part in cell if part)
        several = sum(len(cell) > 1 for cell in split)
        if several < max(3, 0.02 * len(split)) or len(parts) > max(2, len(split) / 3):
            continue
        if len(parts) < column.num_distinct and max(map(len, parts)) <= 60 and not re.search(r"\d[.,]\d", column.texts[0]):
            return mark
    return None
