"""Which of two is better on the same rows: model folders, files of predictions, or one of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from textwright.bundle.looks import count_look
from textwright.choose.compare.answers import Answers, Truth, Value, model_answers, read_truth
from textwright.choose.compare.predictions import file_answers
from textwright.choose.pick.difference import Difference, find_difference
from textwright.core.errors import ConfigError
from textwright.core.files import readable_name
from textwright.core.records import Score
from textwright.measure.base import FloatArray
from textwright.tasks.predictor import Predictor
from textwright.text.corpus import Asked
from textwright.text.split import row_hashes

MAX_DIFFER = 50
_EXCERPT = 300


@dataclass(frozen=True)
class Comparison:
    """How two sides score on the same rows, and whether the difference is more than chance (at 5 %).

    `difference` is b - a in `metric`. `differ` are at most 50 of the `num_differ` rows with different
    answers, those first that make the difference. `mcnemar` is None for all but single labels.
    """

    n: int
    a: Answers
    b: Answers
    metric: str
    difference: Score
    p_value: float
    test: str
    mcnemar: dict[str, Any] | None
    verdict: str
    num_differ: int
    differ: list[dict[str, Any]] = field(default_factory=list)
    num_locked: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.a.notes, *self.b.notes)

    def to_json(self) -> dict[str, Any]:
        sides = {
            key: {
                "name": side.name,
                "scores": {k: v.to_json() for k, v in side.scores.items()},
                "split": "given",
            }
            for key, side in (("a", self.a), ("b", self.b))
        }
        return {
            "n": self.n,
            **sides,
            "difference": {self.metric: self.difference.to_json()},
            "p_value": self.p_value,
            "test": self.test,
            "mcnemar": self.mcnemar,
            "verdict": self.verdict,
            "num_differ": self.num_differ,
            "differ": self.differ,
            "locked_rows": self.num_locked,
            "notes": list(self.notes),
        }


def compare(
    a: str | Path, b: str | Path, data: str | Path | None = None, *, asked: Asked | None = None
) -> Comparison:
    """Compare two model folders or prediction files (CSV, JSONL) on the rows of the labelled file `data`.

    A prediction file has a column `prediction`, `label`, `labels` or `score`, and a row for each row of
    `data` in the same order, as `predict` writes it. Labels: McNemar's exact test (1947). Label sets: paired
    randomisation test (Noreen 1989) of exact matches. Scores: the same of squared errors. `asked` names the
    columns of `data` where there is no model that knows them. A look at rows that were locked for the test
    of a model is counted and kept. Raises ConfigError without `data` or for models of different tasks,
    DataError and BundleError for files and folders that do not fit.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> def write(name: str, header: str, rows: list[str]) -> Path:
    ...     _ = (folder / name).write_text("\\n".join([header, *rows]))
    ...     return folder / name
    >>> data = write("data.csv", "text,label", ["so good,good", "so bad,bad"] * 10)
    >>> right = write("right.csv", "label", ["good", "bad"] * 10)
    >>> wrong = write("wrong.csv", "label", ["good", "good"] * 10)
    >>> found = compare(wrong, right, data)
    >>> found.difference.value, found.mcnemar, found.verdict
    (0.5, {'only_a': 0, 'only_b': 10, 'p_value': 0.001953125}, 'b is better')
    """
    if data is None:
        raise ConfigError(
            "compare needs the rows to compare on",
            hint="Add --data FILE: a file with texts and their right labels or scores.",
        )
    if str(data) == "-":
        raise ConfigError(
            "compare reads its data more than once, which standard input cannot be",
            hint="Write it to a file first.",
        )
    opened = {path: Predictor.load(path) for path in (Path(a), Path(b)) if path.is_dir()}
    models = list(opened.values())
    truth = read_truth(data, models, asked or Asked())
    sides = [
        model_answers(opened[path], str(path), truth) if path in opened else file_answers(path, truth)
        for path in (Path(a), Path(b))
    ]
    by, texts = f"compare {readable_name(data)}", truth.corpus.texts
    looks = [count_look(m.bundle.path, by, row_hashes([*map(m.read, texts)])) for m in models if m.bundle]
    num_locked = max(looks, default=0)
    return _judged(sides[0], sides[1], truth, num_locked)


def _judged(a: Answers, b: Answers, truth: Truth, num_locked: int) -> Comparison:
    of_a, of_b = (_row_values(side.values, truth) for side in (a, b))
    difference = find_difference(truth.schema.task, of_a, of_b)
    num_differ, rows = _differing(a, b, of_b - of_a, truth)
    return Comparison(
        n=len(truth.corpus),
        a=a,
        b=b,
        metric=difference.metric,
        difference=difference.score,
        p_value=difference.p_value,
        test=difference.test,
        mcnemar=difference.mcnemar,
        verdict=_verdict(difference),
        num_differ=num_differ,
        differ=rows,
        num_locked=num_locked,
    )


def _row_values(answers: list[Value], truth: Truth) -> FloatArray:
    """(N,) squared errors of scores; otherwise 1 where the answer is exactly right."""
    if truth.schema.task == "score":
        errors: FloatArray = np.square(np.array(answers, np.float64) - truth.corpus.targets)
        return errors
    return np.array(
        [answer == right for answer, right in zip(answers, truth.values, strict=True)], np.float64
    )


def _verdict(difference: Difference) -> str:
    if not difference.is_shown:
        return "no difference was shown"
    return "b is better" if difference.gain > 0 else "a is better"


def _differing(a: Answers, b: Answers, gaps: FloatArray, truth: Truth) -> tuple[int, list[dict[str, Any]]]:
    """How many rows have different answers, and the first of them: by the gap, then as in the file."""
    differ = np.array([x != y for x, y in zip(a.values, b.values, strict=True)], bool)
    order = np.argsort(-np.abs(gaps), kind="stable")
    chosen = order[differ[order]][:MAX_DIFFER]
    rows = [
        {
            "row": int(truth.corpus.rows[i]),
            "text": truth.corpus.texts[i][:_EXCERPT],
            "truth": _plain(truth.values[i]),
            "a": _plain(a.values[i]),
            "b": _plain(b.values[i]),
        }
        for i in chosen
    ]
    return int(differ.sum()), rows


def _plain(value: Value) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value
