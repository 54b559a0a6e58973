"""Guess which column holds the text, which the label, and of what kind it is; every guess has its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from textwright.core.errors import DataError
from textwright.core.names import did_you_mean
from textwright.text.schema import LabelForm, TaskName
from textwright.text.sources.base import Batch, Cell

TEXT_NAMES = (
    "text", "sentence", "review", "content", "comment", "message", "body", "title", "question", "tweet",
    "文本", "内容", "评论", "评价", "正文", "句子", "标题",
)  # fmt: skip
LABEL_NAMES = (
    "label", "labels", "class", "category", "target", "sentiment", "tag", "tags", "topic", "intent",
    "标签", "类别", "分类", "情感", "类型",
)  # fmt: skip
SCORE_NAMES = ("score", "rating", "stars", "grade", "评分", "分数", "得分", "星级", "打分")
_SEPARATORS = (";", "|", "、", "；", "，", ",")
_BINARY = ({"0", "1"}, {"0.0", "1.0"}, {"false", "true"})
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
        """Cells say yes or no, and a name that can be joined with others; no row may have a rare label."""
        values = {cell.strip().lower() for cell in self.texts}
        is_binary = any(values <= pair and min(pair) in values for pair in _BINARY)
        return is_binary and "," not in self.name

    def is_called(self, name: str) -> bool:
        return self.name.strip().lower() == name

    def ends_with(self, name: str) -> bool:
        """The last word of the column's name is `name`, as in `review_body`, `star-rating` or `评论内容`."""
        *first, last = re.split(r"[\s_.\-]+", self.name.strip().lower())
        return (bool(first) and last == name) or (not name.isascii() and last.endswith(name))

    @property
    def is_label_like(self) -> bool:
        """Lists, numbers, or values that come back."""
        comes_back = self.is_numeric or 2 * self.num_distinct <= len(self.texts)
        return self.is_list or (self.num_distinct > 1 and comes_back)


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
    """A plain number, as a person would write a score; NaN and infinity count and are refused later.

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
    columns: Sequence[Column],
    *,
    path: str,
    task: TaskName | None = None,
    text: str | None = None,
    label: str | None = None,
) -> Guess:
    """Fill in what was not asked for. Raises DataError when no column can be the text or the label."""
    names = [column.name for column in columns]
    parts = [] if label is None else label_names(label, names)
    for asked in [text, *parts]:
        if asked is not None and asked not in names:
            found = ", ".join(map(repr, names))
            raise DataError(
                f"there is no column {asked!r}; found {found}", path=path, hint=did_you_mean(asked, names)
            )
    if text in parts:
        hint = "Name two columns: --text COL --label COL."
        raise DataError("the text and the label cannot be the same column", path=path, column=text, hint=hint)
    text_column, text_reason = _text_column([c for c in columns if c.name not in parts], path, text)
    others = [column for column in columns if column.name != text_column.name]
    label_name, label_reason = _label_column(others, path, task, label)
    chosen = [column for column in others if column.name in label_names(label_name, names)]
    kind, form, separator, reason = _kind(chosen, task, path)
    return Guess(kind, text_column.name, label_name, form, separator, (text_reason, label_reason, reason))


def label_names(label: str, columns: Sequence[str]) -> list[str]:
    """The columns that `label` names: one, or several joined by commas.

    >>> label_names("fun, sad", ["text", "fun", "sad"]), label_names("a,b", ["text", "a,b"])
    (['fun', 'sad'], ['a,b'])
    """
    return [label] if label in columns else [name.strip() for name in label.split(",")]


def find_text_column(
    columns: Sequence[Column], *, path: str, asked: str | None = None, preferred: str = ""
) -> str:
    """The column to predict from: the one asked for, the model's own, or the one that looks like text.

    Raises DataError when there is no column of the name asked for, or none that looks like text.
    """
    names = [column.name for column in columns]
    if asked is None and preferred in names:
        return preferred
    if asked is not None and asked not in names:
        found = ", ".join(map(repr, names))
        raise DataError(
            f"there is no column {asked!r}; found {found}", path=path, hint=did_you_mean(asked, names)
        )
    if asked is None and len(columns) == 1:
        return names[0]
    return _text_column(columns, path, asked)[0].name


def _text_column(columns: Sequence[Column], path: str, asked: str | None) -> tuple[Column, str]:
    if asked is not None:
        return next(c for c in columns if c.name == asked), f"text: column {asked!r}, as asked"
    worded = [c for c in columns if c.texts and not c.is_list and not c.is_numeric]
    if named := _named(worded, TEXT_NAMES):
        return named, f"text: column {named.name!r}, by its name (--text COL to change)"
    if not worded:
        seen = ", ".join(repr(column.name) for column in columns)
        raise DataError(
            f"no column looks like text; found {seen}", path=path, hint="Name it with --text COL."
        )
    longest = max(worded, key=lambda column: (column.num_distinct > 1, column.mean_length))
    if longest.mean_length < 3 and len(columns) > 1:
        raise DataError(
            "no column looks like text: all cells are shorter than three characters",
            path=path,
            hint="Name it with --text COL.",
        )
    return longest, f"text: column {longest.name!r}, the longest (--text COL to change)"


def _named(columns: Sequence[Column], names: Sequence[str]) -> Column | None:
    """The first column that is called one of the names; failing that, whose name ends with one."""
    for fits in (Column.is_called, Column.ends_with):
        for name in names:
            for column in columns:
                if fits(column, name):
                    return column
    return None


def _label_column(
    others: Sequence[Column], path: str, task: TaskName | None, asked: str | None
) -> tuple[str, str]:
    if asked is not None:
        return ",".join(label_names(asked, [c.name for c in others])), f"label: column {asked!r}, as asked"
    if not others:
        raise DataError(
            "there is one column only, so nothing to learn from",
            path=path,
            hint="Add a column with the label or score of each row.",
        )
    preferred = SCORE_NAMES + LABEL_NAMES if task == "score" else LABEL_NAMES + SCORE_NAMES
    if named := _named([c for c in others if c.texts or c.is_list], preferred):
        return named.name, f"label: column {named.name!r}, by its name (--label COL to change)"
    indicators = [column.name for column in others if column.is_indicator]
    if len(indicators) >= 3 and task in (None, "multilabel"):
        reason = f"labels: the {len(indicators)} columns of 0 and 1 (--label A,B,... to change)"
        return ",".join(indicators), reason
    fitting = [column for column in others if column.is_label_like]
    if not fitting:
        seen = ", ".join(repr(column.name) for column in others)
        hint = "Name it with --label COL."
        raise DataError(f"no column looks like a label; found {seen}", path=path, hint=hint)
    best = min(fitting, key=lambda c: (c.is_numeric and c.num_distinct > 20, c.num_distinct))
    values = "lists of labels" if best.is_list else f"{best.num_distinct} values"
    return best.name, f"label: column {best.name!r}, which has {values} (--label COL to change)"


def _kind(
    chosen: Sequence[Column], task: TaskName | None, path: str
) -> tuple[TaskName, LabelForm, str | None, str]:
    column = chosen[0]
    override = "(--task classify|multilabel|score to change)"
    said = (
        "as asked"
        if task
        else f"{'cells are lists' if len(chosen) == 1 else 'one column a label'} {override}"
    )
    if task == "score" and (len(chosen) > 1 or column.is_list):
        hint = "Name one column of numbers with --label COL."
        raise DataError("a score is one number a row", path=path, column=column.name, hint=hint)
    if len(chosen) > 1:
        return task or "multilabel", "indicators", None, f"task: {task or 'multilabel'}, {said}"
    if column.is_list:
        return task or "multilabel", "list", None, f"task: {task or 'multilabel'}, {said}"
    separator = _separator(column)
    if task == "multilabel":
        return "multilabel", "separated", separator or ",", "task: multilabel, as asked"
    if task is not None:
        return task, "number" if task == "score" else "single", None, f"task: {task}, as asked"
    if column.is_numeric and _is_graded(column):
        return "score", "number", None, f"task: score, the cells are graded numbers {override}"
    if separator:
        reason = f"task: multilabel, labels are separated by {separator!r} {override}"
        return "multilabel", "separated", separator, reason
    many = "two-class" if column.num_distinct <= 2 else "many-class"
    return "classify", "single", None, f"task: classify, {many} {override}"


def _is_graded(column: Column) -> bool:
    """Decimals, or a scale of many values under a name that says score; class numbers are neither."""
    values = {float(cell) for cell in column.texts}
    if any(value != value or not value.is_integer() for value in values):
        return True
    return len(values) > 2 and (len(values) > 20 or _named([column], SCORE_NAMES) is not None)


def _separator(column: Column) -> str | None:
    """A mark that splits cells into labels which come back alone or in other company."""
    for mark in _SEPARATORS:
        split = [[part.strip() for part in cell.split(mark)] for cell in column.texts]
        parts = Counter(part for cell in split for part in cell if part)
        several = sum(len(cell) > 1 for cell in split)
        if several < max(3, 0.02 * len(split)) or len(parts) > max(2, len(split) / 3):
            continue
        if len(parts) < column.num_distinct and max(map(len, parts)) <= 60 and not all(map(is_number, parts)):
            return mark
    return None
