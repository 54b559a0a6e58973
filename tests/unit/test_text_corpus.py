"""A file read for learning and for scoring: rows, targets, the guess, and the account of every row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from textwright.core.errors import DataError
from textwright.text.corpus import Asked, Corpus, read_corpus, read_labelled


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def table(path: Path, rows: list[tuple[str, str]], header: str = "text,label") -> Path:
    return written(path, header + "\n" + "".join(f"{text},{label}\n" for text, label in rows))


ROWS = [(f"number {i} was nice", "good") if i % 2 else (f"number {i} was awful", "bad") for i in range(20)]


def summary(corpus: Corpus) -> dict[tuple[str, str], int]:
    return {(step["action"], step["reason"]): step["rows"] for step in corpus.log.summary()}


def test_rows_targets_and_the_schema(tmp_path: Path) -> None:
    corpus = read_corpus(table(tmp_path / "a.csv", ROWS))
    assert corpus.texts == [text for text, _ in ROWS]
    assert corpus.targets.tolist() == [i % 2 for i in range(20)]
    assert corpus.rows.tolist() == list(range(2, 22))
    schema = corpus.schema
    assert (schema.task, schema.text, schema.label, schema.labels) == (
        "classify",
        "text",
        "label",
        ["bad", "good"],
    )
    assert not schema.is_ideographic and schema.low is schema.high is None
    assert any("column 'text'" in note for note in corpus.notes)


def test_every_row_that_is_left_out_is_accounted_for(tmp_path: Path) -> None:
    rows = [*ROWS, ("", "good"), ("  ", "bad"), ("no label", ""), ("bad\x07char", "good")]
    corpus = read_corpus(table(tmp_path / "a.csv", rows))
    assert len(corpus) == 21 and corpus.texts[-1] == "badchar"
    counts = summary(corpus)
    assert counts["dropped", "no text"] == 2 and counts["dropped", "no label"] == 1
    assert counts["changed", "control characters removed"] == 1
    assert {r["row"] for r in corpus.log.records() if r["action"] == "dropped"} == {22, 23, 24}


def test_ragged_rows_and_blank_lines_keep_their_numbers(tmp_path: Path) -> None:
    lines = [f"{text},{label}" for text, label in ROWS]
    lines[3:3] = ["", "one cell", "one,two,three"]
    corpus = read_corpus(written(tmp_path / "a.csv", "text,label\n" + "\n".join(lines)))
    assert corpus.texts == [text for text, _ in ROWS]
    assert corpus.rows.tolist() == [2, 3, 4, *range(8, 25)]
    assert {("dropped", "no label"), ("dropped", "row has more cells than the header")} <= set(
        summary(corpus)
    )


def test_scores_have_a_range(tmp_path: Path) -> None:
    rows = [(f"text number {i}", str(1 + i % 5)) for i in range(20)]
    schema = read_corpus(table(tmp_path / "a.csv", rows, "text,stars")).schema
    assert (schema.task, schema.low, schema.high, schema.labels) == ("score", 1.0, 5.0, [])
    with pytest.raises(DataError, match=r"column 'stars': every score is 3\.0"):
        read_corpus(table(tmp_path / "b.csv", [(t, "3") for t, _ in rows], "text,stars"), Asked(task="score"))
    rows[4] = (rows[4][0], "NaN")
    with pytest.raises(DataError, match="row 6, column 'stars': the score is 'NaN'"):
        read_corpus(table(tmp_path / "c.csv", rows, "text,stars"))


@pytest.mark.parametrize("separator", [";", "|", "、", "，"])
def test_several_labels_in_a_cell(separator: str, tmp_path: Path) -> None:
    cells = ["好看", f"好看{separator}便宜", f"便宜{separator} 快", "快"]
    rows = [(f"这是第{i}个句子", cells[i % 4]) for i in range(20)]
    corpus = read_corpus(table(tmp_path / "a.csv", rows, "文本,标签"))
    assert (corpus.schema.task, corpus.schema.labels) == ("multilabel", ["便宜", "好看", "快"])
    assert corpus.targets[:4].tolist() == [[0, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1]]
    assert corpus.schema.is_ideographic


def test_lists_indicators_and_separated_cells_mean_the_same(tmp_path: Path) -> None:
    """A model of one form is scored on files of the others."""
    sets = [["fun"], ["fun", "sad"], [], ["sad", "new"], ["new"]] * 4
    texts = [f"a sentence with the number {i}" for i in range(20)]
    lines = [json.dumps({"text": t, "labels": labels}) for t, labels in zip(texts, sets, strict=True)]
    listed = read_corpus(written(tmp_path / "a.jsonl", "\n".join(lines)))
    assert (listed.schema.task, listed.schema.form, listed.schema.labels) == (
        "multilabel",
        "list",
        ["fun", "new", "sad"],
    )
    cells = [
        f"{t},{','.join('1' if n in s else '0' for n in ('fun', 'new', 'sad'))}"
        for t, s in zip(texts, sets, strict=True)
    ]
    indicated = read_labelled(
        written(tmp_path / "a.csv", "text,fun,new,sad\n" + "\n".join(cells)), listed.schema
    )
    assert (indicated.targets == listed.targets).all()
    full = [i for i, labels in enumerate(sets) if labels]
    joined = [(texts[i], ";".join(sets[i])) for i in full]
    separated = read_labelled(table(tmp_path / "b.csv", joined, "text,labels"), listed.schema)
    assert (separated.targets == listed.targets[full]).all()
    few = read_labelled(
        table(tmp_path / "c.csv", joined[:2], "text,labels"), read_corpus(tmp_path / "b.csv").schema
    )
    assert (few.targets == listed.targets[full[:2]]).all()


def test_one_hot_columns_can_be_classes(tmp_path: Path) -> None:
    rows = [
        f"sentence number {i},{','.join('1' if j == i % 3 else '0' for j in range(3))}" for i in range(18)
    ]
    path = written(tmp_path / "a.csv", "text,x,y,z\n" + "\n".join(rows))
    corpus = read_corpus(path, Asked("classify", label="x,y,z"))
    assert corpus.schema.labels == ["x", "y", "z"] and corpus.targets[:4].tolist() == [0, 1, 2, 0]


def test_a_file_with_other_column_names_is_matched(tmp_path: Path) -> None:
    schema = read_corpus(table(tmp_path / "a.csv", ROWS)).schema
    other = read_labelled(table(tmp_path / "b.csv", ROWS[:5], "remark,verdict"), schema)
    assert other.targets.tolist() == [0, 1, 0, 1, 0] and other.schema == schema
    named = read_labelled(
        table(tmp_path / "c.csv", [("ok", "good"), ("a longer label", "bad")], "text,label"), schema
    )
    assert named.targets.tolist() == [1, 0]


def test_an_unknown_label_names_its_row(tmp_path: Path) -> None:
    schema = read_corpus(table(tmp_path / "a.csv", ROWS)).schema
    with pytest.raises(
        DataError, match="row 4, column 'label': the label 'goood' is not one the model"
    ) as caught:
        read_labelled(table(tmp_path / "b.csv", [*ROWS[:2], ("x", "goood")]), schema)
    assert caught.value.hint == "Did you mean 'good'?"


def test_texts_may_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    texts = [f'He said, "no {i}";\nand | left\tsoon' for i in range(10)]
    quoted = ['"' + text.replace('"', '""') + '"' for text in texts]
    rows = [(text, "ab"[i % 2]) for i, text in enumerate(quoted)]
    assert read_corpus(table(tmp_path / "a.csv", rows)).texts == texts


def test_chinese_in_gbk_is_read_alike(tmp_path: Path) -> None:
    rows = "".join(
        f"第{i}家店的服务很{'好' if i % 2 else '差'},{'好评' if i % 2 else '差评'}\n" for i in range(20)
    )
    utf8 = read_corpus(written(tmp_path / "a.csv", "文本,标签\n" + rows))
    gbk = read_corpus(written(tmp_path / "b.csv", "文本,标签\n" + rows, "gb18030"))
    assert gbk.texts == utf8.texts and gbk.fingerprint == utf8.fingerprint
    assert gbk.schema.text == "文本" and any("GB18030" in note for note in gbk.notes)


def test_the_fingerprint_is_of_texts_and_targets(tmp_path: Path) -> None:
    first = read_corpus(table(tmp_path / "a.csv", ROWS)).fingerprint
    assert read_corpus(table(tmp_path / "b.csv", ROWS)).fingerprint == first
    swapped = [*ROWS[:2][::-1], *ROWS[2:]]
    relabelled = [(ROWS[0][0], "good"), *ROWS[1:]]
    for rows in (swapped, relabelled, [(ROWS[0][0] + "!", "bad"), *ROWS[1:]]):
        assert read_corpus(table(tmp_path / "c.csv", rows)).fingerprint != first


def test_nothing_usable_says_what_to_do(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [("some text", ""), ("", "good"), ("other text", "")] * 3)
    with pytest.raises(
        DataError, match=r"no row has both a text and a label .6 dropped: no label, 3 dropped"
    ) as caught:
        read_corpus(path, Asked(text="text", label="label"))
    assert "--label COL" in caught.value.hint
