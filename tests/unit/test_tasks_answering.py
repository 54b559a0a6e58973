"""Answers for a file: same order, same count, whatever the rows look like; the output whole or not there."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textwright.core import files
from textwright.core.errors import ConfigError, DataError, TextwrightError
from textwright.core.files import to_json
from textwright.tasks import predictor
from textwright.tasks.answering import Answered, answer_file
from textwright.tasks.base import Array, Decode
from textwright.tasks.predictor import Predictor
from textwright.text.schema import Schema


class CountsGood:
    """An engine that knows one word, and remembers how many texts it was given at once."""

    architecture = "stub"
    num_parameters = 0

    def __init__(self, num_outputs: int = 1) -> None:
        self.num_outputs = num_outputs
        self.asked: list[int] = []

    def outputs(self, texts: Sequence[str]) -> Array:
        self.asked.append(len(texts))
        good = np.array([[2.0 * ("good" in text) - 1.0] for text in texts], np.float32).reshape(-1, 1)
        return np.tile(good, (1, self.num_outputs)) * np.arange(1, self.num_outputs + 1)

    def save(self, folder: Path) -> None: ...


def stub(task: Any = "classify", labels: tuple[str, ...] = ("bad", "good")) -> Predictor:
    schema = Schema(task=task, text="text", label="label", labels=[] if task == "score" else list(labels))
    several = len(labels) if task == "multilabel" or len(labels) > 2 else 1
    return Predictor(CountsGood(several), schema, Decode())


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def answers_to(
    data: Path, out: str = "o.jsonl", model: Predictor | None = None, **asked: Any
) -> list[dict[str, Any]]:
    target = data.parent / out
    answer_file(model or stub(), data, str(target), **asked)
    return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]


def found(answers: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(answer["text"], answer["label"]) for answer in answers]


def test_same_order_same_count_with_empty_texts(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", 'id,text\n1,good one\n2,\n3,"a\nbad, one"\n4,  \n5,good\n')
    expected = [("good one", "good"), ("", "bad"), ("a\nbad, one", "bad"), ("  ", "bad"), ("good", "good")]
    assert found(answers_to(data)) == expected
    answer_file(stub(), data, str(tmp_path / "o.csv"))
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["text"], row["label"]) for row in rows] == expected
    assert [float(row["probability"]) for row in rows] == pytest.approx([0.731059] * 5)


def test_ragged_rows_and_blank_lines_of_a_table(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", "id,text\n1,good\n2\n\n3,bad,extra\n4,good\n,\n")
    answers = answers_to(data)
    expected = [("good", "good"), ("", "bad"), ("3,bad,extra", None), ("good", "good"), ("", "bad")]
    assert found(answers) == expected
    assert answers[2]["error"] == "row has more cells than the header" and answers[2]["probability"] is None
    assert answer_file(stub(), data, str(tmp_path / "o.csv")) == Answered(
        5, 1, "row 5: row has more cells than the header"
    )
    assert (tmp_path / "o.csv").read_text().splitlines()[3] == '"3,bad,extra",,'


def test_an_unreadable_first_row_does_not_decide_the_columns(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", "id,text\n1,bad,extra\n" + "2,good\n" * 9)
    answer_file(stub(), data, str(tmp_path / "o.csv"), probabilities=True)
    lines = (tmp_path / "o.csv").read_text().splitlines()
    assert lines[0] == "text,label,probability,probability of bad,probability of good"
    assert lines[1:3] == ['"1,bad,extra",,,,', "good,good,0.731059,0.268941,0.731059"]


def test_columns_can_be_kept_beside_the_answers(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", "id,text,label,day\n7,a good one,bad,Mon\n8,x,y,z,w\n9,not so,,Tue\n")
    answer_file(stub(), data, str(tmp_path / "o.csv"), keep=["id", "label"])
    rows = list(csv.DictReader(io.StringIO((tmp_path / "o.csv").read_text(encoding="utf-8"))))
    assert list(rows[0]) == ["id", "given label", "text", "label", "probability"]
    assert [row["id"] for row in rows] == ["7", "", "9"], "a row that cannot be read has no columns"
    assert (rows[0]["given label"], rows[0]["label"], rows[2]["given label"]) == ("bad", "good", "")
    answer_file(stub(), data, str(tmp_path / "o.jsonl"), keep=["all"])
    first = json.loads((tmp_path / "o.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert list(first) == ["id", "given label", "day", "text", "label", "probability"]


def test_a_column_to_keep_that_is_not_there_is_named(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", "id,text\n7,a good one\n")
    (tmp_path / "o.csv").write_text("before", encoding="utf-8")
    with pytest.raises(DataError, match="there is no column 'idd'; found 'id', 'text'") as caught:
        answer_file(stub(), data, str(tmp_path / "o.csv"), keep=["idd"])
    assert "'id'" in caught.value.hint and (tmp_path / "o.csv").read_text(encoding="utf-8") == "before"


def test_broken_json_lines_keep_their_place(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"good {i}"}) for i in range(20)]
    lines[7:7] = ["{broken", ""]
    answers = answers_to(written(tmp_path / "a.jsonl", "\n".join(lines)))
    assert [answer["label"] for answer in answers] == ["good"] * 7 + [None] + ["good"] * 13
    assert answers[7]["text"] == "{broken" and "JSON" in answers[7]["error"]


def test_every_line_of_plain_text_has_an_answer(tmp_path: Path) -> None:
    data = written(tmp_path / "a.txt", "\ngood one\n\n \nbad one\n\n")
    answers = answers_to(data)
    assert [answer["label"] for answer in answers] == [None, "good", None, None, "bad", None]


@pytest.mark.parametrize(
    ("task", "key", "nothing"),
    [("classify", "label", None), ("multilabel", "labels", []), ("score", "score", None)],
)
def test_answers_of_each_task_have_the_same_keys(task: str, key: str, nothing: Any, tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", "id,text\n1,good\n2,bad,extra\n3,bad\n")
    first, lost, _ = answers_to(data, model=stub(task))
    assert lost[key] == nothing and set(lost) - {"error"} <= set(first)
    answer_file(stub(task), data, str(tmp_path / "o.csv"), probabilities=True)
    with (tmp_path / "o.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 4 and {len(row) for row in rows} == {len(rows[0])}


def test_batches_and_rows_that_are_lost_between_them(tmp_path: Path) -> None:
    rows = [f"{i},{'good' if i % 3 else 'bad'}" + ",extra" * (i % 1000 == 5) for i in range(9_000)]
    answers = answers_to(written(tmp_path / "a.csv", "id,text\n" + "\n".join(rows)))
    expected = [None if i % 1000 == 5 else "good" if i % 3 else "bad" for i in range(9_000)]
    assert [answer["label"] for answer in answers] == expected


def test_the_text_column(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", "id,remark,note\n1,bad as it can be,good\n2,bad,good\n")
    assert [a["label"] for a in answers_to(data)] == ["bad", "bad"]
    assert [a["label"] for a in answers_to(data, text="note")] == ["good", "good"]
    with pytest.raises(DataError, match="no column 'nte'") as caught:
        answers_to(data, text="nte")
    assert "'note'" in caught.value.hint


def test_other_formats_and_encodings(tmp_path: Path) -> None:
    chinese = "文本,编号\n这家店很好good,1\n不行,2\n"
    for name, encoding in (("a.csv", "gb18030"), ("b.csv", "utf-8-sig"), ("c.csv", "utf-16")):
        answers = answers_to(written(tmp_path / name, chinese.encode(encoding)))
        assert found(answers) == [("这家店很好good", "good"), ("不行", "bad")]
    listed = written(tmp_path / "a.jsonl", '{"text": ["good", "day"]}\n{"text": null}\n')
    assert found(answers_to(listed)) == [("good day", "good"), ("", "bad")]


def test_lists_of_labels_in_a_csv(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", "id,text\n1,good\n2,bad\n")
    answer_file(stub("multilabel", ("x", "y")), data, str(tmp_path / "o.csv"))
    assert [line.rsplit(",", 1)[1] for line in (tmp_path / "o.csv").read_text().splitlines()] == [
        "labels",
        "y;x",
        "",
    ]


def test_standard_output_is_json_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer_file(stub(), written(tmp_path / "a.txt", "good\n坏\n"), "-")
    assert [json.loads(line)["label"] for line in capsys.readouterr().out.splitlines()] == ["good", "bad"]


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO("id,text\n1,很good\n2,\n".encode("gb18030")))
    )
    assert answer_file(stub(), "-", str(tmp_path / "o.jsonl")).n == 2
    assert json.loads((tmp_path / "o.jsonl").read_text().splitlines()[0])["text"] == "很good"


@pytest.mark.parametrize("out", ["o.txt", "o", "o.json"])
def test_other_endings_are_refused_before_anything_is_read(out: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"written as \.csv or \.jsonl"):
        answer_file(stub(), tmp_path / "missing.csv", str(tmp_path / out))


def test_where_answers_are_written(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", "id,text\n1,good\n")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigError, match="is a folder"):
        answer_file(stub(), data, str(tmp_path / "folder.csv"))
    answer_file(stub(), data, str(tmp_path / "new" / "o.csv"))
    assert (tmp_path / "new" / "o.csv").is_file()
    answer_file(stub(), data, str(data))  # onto its own input
    assert data.read_text().splitlines()[0] == "text,label,probability"


def test_an_older_answer_stays_when_something_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = written(tmp_path / "o.csv", "old")
    whole = gzip.compress(b"id,text\n" + b"".join(b"%d,good\n" % i for i in range(30_000)))
    with pytest.raises(DataError, match="cut off after this row"):
        answer_file(stub(), written(tmp_path / "a.csv.gz", whole[:-5_000]), str(out))

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(TextwrightError, match="the disk is full"):
        answer_file(stub(), written(tmp_path / "b.csv", "id,text\n1,good\n"), str(out))
    assert out.read_text() == "old"
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a.csv.gz", "b.csv", "o.csv"]


def test_long_texts_are_answered_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "CHUNK", 4)
    monkeypatch.setattr(predictor, "CHUNK_CHARACTERS", 100)
    model = stub()
    texts = ["x" * 60] * 4 + ["good"] * 9
    assert [a["label"] for a in model.predict(texts)] == ["bad"] * 4 + ["good"] * 9
    assert model.engine.asked == [2, 2, 4, 4, 1]  # type: ignore[attr-defined]
    meter, _ = model.measure(texts, np.array([0] * 4 + [1] * 9))
    assert meter.scores()["accuracy"].value == 1


def test_predict_takes_texts_not_a_text() -> None:
    with pytest.raises(TypeError, match=r"give \[text\]"):
        stub().predict("good")
    assert stub().predict([]) == []


# VmHWM is the peak of this program; ru_maxrss would count the test run that started it.
_CHILD = """
import re, sys
from textwright.api import predict
done = predict(*sys.argv[1:])
print(done.n, int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A six times larger file takes about the same memory: nothing of it is kept."""
    import textwright

    rows = [f"a {'good' if i % 2 else 'bad'} sentence number {i},{i % 2}" for i in range(40)]
    recipe = textwright.Recipe.parse({"model": {"name": "bag"}})
    textwright.train(written(tmp_path / "t.csv", "text,label\n" + "\n".join(rows)), tmp_path / "m", recipe)
    line, peaks = "a good sentence and some more words that say nothing at all\n", []
    for megabytes in (1, 6):
        data = written(tmp_path / "big.txt", line * (megabytes * 1_000_000 // len(line)))
        command = [sys.executable, "-c", _CHILD, str(tmp_path / "m"), str(data), str(tmp_path / "o.jsonl")]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "MALLOC_ARENA_MAX": "2"}
        )
        assert done.returncode == 0, done.stderr
        rows_answered, peak = map(int, done.stdout.split())
        assert rows_answered == data.stat().st_size // len(line)
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 30 and peaks[1] < 400, to_json(peaks)
