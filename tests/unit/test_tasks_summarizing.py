"""Summaries of texts and files: never longer, in order, where they stand; in English and Chinese alike."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import textwright
from textwright.cli.main import app
from textwright.core.errors import BundleError, ConfigError, DataError
from textwright.models.extract.scorers import SCORERS
from textwright.models.extract.selection import Room
from textwright.tasks.summarizing.extractive import Summarizer, room_of, summarize_text
from textwright.tasks.summarizing.files import summarize_file
from textwright.tasks.summarizing.learned import learn_extractor, load_extractor, save_extractor
from textwright.tasks.summarizing.prose import markdown, plain

ENGLISH = (
    "The old bridge was closed on Monday. Engineers had found cracks in the bridge. Shops near the river "
    "lost customers. The town will repair the bridge in spring. A ferry replaces the bridge until then."
)
CHINESE = "老桥星期一关闭了。工程师在桥上发现了裂缝。河边的商店少了客人。市里春天修桥。在那之前有渡船代替桥。"
PARTS = st.lists(
    st.sampled_from(
        ["It rains. ", "Who came?\n", "雨停了。", "  \n\n", "谁来了？ ", "and so", "Numbers: 3.5, 4! ", "…"]
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(PARTS, st.sampled_from(SCORERS.names()), st.integers(1, 3), st.sampled_from([None, 4, 9, "short"]))
def test_a_summary_is_what_stands_in_the_text_and_never_longer(
    parts: list[str], method: str, sentences: int, length: int | str | None
) -> None:
    text = "".join(parts)
    found = summarize_text(text, method=method, sentences=sentences, length=length)
    assert len(found.text) <= len(text) and found.method == method
    ends = [0, *(place for span in found.spans for place in (span.start, span.end))]
    assert ends == sorted(ends) and (not ends[1:] or ends[-1] <= len(text))
    if found.text != text:
        assert len(found.spans) <= sentences
        rest = found.text
        for span in found.spans:
            assert rest.lstrip().startswith(text[span.start : span.end])
            rest = rest.lstrip().removeprefix(text[span.start : span.end])
        assert not rest


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_a_text_that_is_short_already_comes_back_as_it_is(text: str) -> None:
    assert summarize_text(text, sentences=5).text == text
    assert summarize_text(text, length=60).text == text
    assert summarize_text(text, length="long").text == text
    assert summarize_text(" \n").text == " \n" and summarize_text("").spans == ()


@pytest.mark.parametrize(("text", "central"), [(ENGLISH, "bridge"), (CHINESE, "桥")])
def test_what_most_sentences_are_about_is_told(text: str, central: str) -> None:
    one = summarize_text(text, sentences=1)
    assert central in one.text and text[one.spans[0].start : one.spans[0].end] == one.text
    assert (
        summarize_text(text, method="lead", sentences=2).text
        == text[: summarize_text(text, method="lead", sentences=2).spans[1].end]
    )
    assert len(summarize_text(text).spans) == 3


def test_lengths_are_words_or_characters() -> None:
    assert len(summarize_text(ENGLISH, length=16, method="lead").text.split()) <= 16
    few = summarize_text(CHINESE, length=20, method="lead").text
    assert few == "老桥星期一关闭了。工程师在桥上发现了裂缝。"[: len(few)] and len(few) <= 22
    assert summarize_text(ENGLISH, length=1).text == "Shops near the river lost customers."  # none fits


def test_a_length_by_name_is_as_much_in_both_languages() -> None:
    english, chinese = " ".join([ENGLISH] * 9), CHINESE * 9
    for name in ("short", "medium"):
        shares = [
            len(summarize_text(text, length=name, method="lead").text) / len(text)
            for text in (english, chinese)
        ]
        assert 0.5 < shares[0] / shares[1] < 2
        assert (
            shares[1]
            > len(summarize_text(chinese, length=room_of(None, name, Room()).words, method="lead").text)
            / len(chinese)
            / 1.01
        )


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"sentences": 0}, "a summary of 0 sentences says nothing"),
        ({"length": "tiny"}, "a summary cannot be 'tiny' long"),
        ({"length": 0}, "a summary cannot be 0 long"),
        ({"length": "-3"}, "a summary cannot be '-3' long"),
        ({"method": "magic"}, "unknown method of summarizing 'magic'"),
    ],
)
def test_what_there_is_not_is_refused(asked: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        summarize_text(ENGLISH, **asked)


def test_texts_that_are_summarized_together_come_out_as_alone() -> None:
    maker = Summarizer.of("bm25", sentences=2)
    texts = [ENGLISH, "", CHINESE, "One. Two. Three."]
    assert maker.summarize_all(texts) == [maker.summarize(text) for text in texts]


def test_what_a_text_says_twice_is_told_once() -> None:
    text = (
        "The mayor opened the new town library today. Rain fell. The mayor opened the new town library today."
    )
    assert len(summarize_text(text, sentences=2).text) < len(text) - 40
    assert "Rain" in summarize_text(text, sentences=2).text


@given(st.text(alphabet="ab #`-*>|1. \n\r\t好。", max_size=80))
def test_places_in_prose_are_those_of_the_document(text: str) -> None:
    for read in (markdown, plain):
        found = read(text)
        assert len(found) == len(text)
        assert all(new == old or new.isspace() for new, old in zip(found, text, strict=True))


def test_markup_is_no_sentence() -> None:
    page = (
        "# The bridge\n\nIt was closed\non Monday. Cracks!\n\n```python\nprint('no')\n```\n\n| a | b |\n"
        "| --- | --- |\n\n- [x] One is done.\n- The other is\n  not.\n\n    indented code\n\n> A quote.\n"
    )
    words = " ".join(markdown(page).split())
    assert words == "It was closed on Monday. Cracks! One is done. The other is not. A quote."
    assert "done.\n" in markdown(page)  # the points of a list stay apart


def test_wrapped_lines_are_joined_and_others_are_not() -> None:
    line = "The council has decided that the bridge over the river will be"
    wrapped = f"{line}\nrebuilt before the summer begins.\n" * 3
    assert plain(wrapped).count("\n") == 3
    assert summarize_text(wrapped, sentences=1).method == "textrank"
    chinese = "市政府决定在夏天来临之前重建这座横跨大河的老桥\n并在两岸修建新的步行道。\n" * 3
    assert plain(chinese).count("\n") == 3
    poem = "Tyger Tyger, burning bright,\nIn the forests of the night;\n" * 3
    dialogue = "Ann: Where were you yesterday afternoon?\nBob: At home.\nAnn: I thought so\nBob: Why\n" * 3
    assert plain(poem) == poem and plain(dialogue) == dialogue


def written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8", newline="")
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_document_is_one_text_and_a_wrapped_sentence_is_told_in_one_line(tmp_path: Path) -> None:
    page = written(
        tmp_path / "a.md", "# Title\n\nThe bridge was\nclosed. It rained.\n\nThe bridge is\nopen. Bye.\n"
    )
    out = tmp_path / "s.txt"
    done = summarize_file(Summarizer.of("lead", sentences=1), page, str(out))
    assert out.read_text(encoding="utf-8") == "The bridge was closed.\n"
    assert done.n == 1 and done.summary is not None and done.summary.spans[0].start == 9
    chinese = written(tmp_path / "b.md", "# 题\n\n老桥\n关闭了。下雨。开了。")
    found = summarize_file(Summarizer.of("lead", sentences=1), chinese, str(tmp_path / "s.jsonl"))
    assert rows_of(tmp_path / "s.jsonl") == [
        {"output": "老桥关闭了。", "spans": [[5, 12]], "unsupported": []}
    ]
    assert found.to_json("s.jsonl")["text"] == "老桥关闭了。"


def test_each_row_of_a_table_has_a_summary_and_the_count_stays(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", f'id,text\n1,"{ENGLISH}"\n2,\n3,"{CHINESE}"\n4,"Short."\n')
    maker = Summarizer.of(sentences=1)
    done = summarize_file(maker, data, str(tmp_path / "o.jsonl"), keep=["id"])
    rows = rows_of(tmp_path / "o.jsonl")
    assert [row["id"] for row in rows] == ["1", "2", "3", "4"] and done.n == 4 and done.summary is None
    assert [row["output"] for row in rows] == [maker.summarize(row["text"]).text for row in rows]
    assert rows[0]["spans"] and rows[1] == {
        "id": "2",
        "text": "",
        "output": "",
        "spans": [],
        "unsupported": [],
    }
    summarize_file(maker, data, str(tmp_path / "o.csv"))
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as file:
        found = [*csv.DictReader(file)]
    assert [json.loads(row["spans"]) for row in found] == [row["spans"] for row in rows]
    with pytest.raises(ConfigError, match=r"answers are written as \.csv or \.jsonl"):
        summarize_file(maker, data, str(tmp_path / "o.txt"))


def test_a_row_that_cannot_be_read_has_an_error(tmp_path: Path) -> None:
    data = written(tmp_path / "a.jsonl", '{"text": "One. Two."}\n{"text": \n' + '{"text": "Three."}\n' * 40)
    done = summarize_file(Summarizer.of(), data, str(tmp_path / "o.jsonl"))
    rows = rows_of(tmp_path / "o.jsonl")
    assert (done.n, done.num_unreadable) == (42, 1) and done.first_unreadable.startswith("row 2: ")
    assert rows[1]["output"] is None and rows[1]["error"] and rows[2]["output"] == "Three."


def test_an_empty_document_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the file is empty"):
        summarize_file(Summarizer.of(), written(tmp_path / "a.txt", " \n\n"))


def test_a_long_document_is_no_trouble(tmp_path: Path) -> None:
    sentences = [f"Word{i % 97} met word{i % 89} near the station{i % 7} at noon." for i in range(9_000)]
    done = summarize_file(Summarizer.of(length="medium"), written(tmp_path / "a.txt", " ".join(sentences)))
    assert done.summary is not None and 40 < len(done.summary.text.split()) <= 80


@pytest.fixture(scope="module")
def extractor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    things = ["bridge", "mill", "harbour", "school", "大桥", "学校"]
    pairs = [(a, b) for a in things for b in things]
    summaries = [f"We must say that the {b} was sold." for _, b in pairs]
    texts = []
    for number, (a, b) in enumerate(pairs):
        said = ["It rained.", f"Then the {a} was opened.", f"We must say that the {b} was sold."]
        texts.append(" ".join(said[number % 3 :] + said[: number % 3]))
    folder = tmp_path_factory.mktemp("extractor") / "model"
    save_extractor(learn_extractor(texts, summaries), folder)
    return folder


def test_an_extractor_ranks_what_it_learned(extractor: Path) -> None:
    text = "We must say that the tower was sold. Then the tower was opened. It rained."
    assert textwright.summarize(text, model=extractor).text == "We must say that the tower was sold."
    found = summarize_text(text, method=load_extractor(extractor), sentences=2)
    assert found.method == "learned" and len(found.spans) == 2
    assert sorted(path.name for path in extractor.iterdir()) == ["extractor.json", "extractor.safetensors"]


def test_a_damaged_extractor_is_refused(extractor: Path, tmp_path: Path) -> None:
    config = json.loads((extractor / "extractor.json").read_text(encoding="utf-8"))
    weights = (extractor / "extractor.safetensors").read_bytes()
    copy = tmp_path / "copy"
    copy.mkdir()
    with pytest.raises(BundleError, match="holds no extractor"):
        load_extractor(copy)
    (copy / "extractor.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(BundleError, match="damaged"):
        load_extractor(copy)
    (copy / "extractor.safetensors").write_bytes(weights[:-1] + b"\0")
    with pytest.raises(BundleError, match="is not the file that was written"):
        load_extractor(copy)
    (copy / "extractor.json").write_text(json.dumps({**config, "format": 2}), encoding="utf-8")
    with pytest.raises(BundleError, match="newer version"):
        load_extractor(copy)
    (copy / "extractor.json").write_text("{", encoding="utf-8")
    with pytest.raises(BundleError, match="damaged"):
        load_extractor(copy)
    with pytest.raises(DataError, match="1 texts came with 2 summaries"):
        learn_extractor(["a"], ["a", "b"])


def run(*words: str, stdin: str | None = None) -> Any:
    return CliRunner().invoke(app, ["summarize", *words], input=stdin)


def test_the_verb_takes_a_file_or_a_folder_and_a_file(tmp_path: Path, extractor: Path) -> None:
    page = str(written(tmp_path / "a.txt", ENGLISH))
    assert (
        run(page, "--method", "lead", "--sentences", "1").stdout == "The old bridge was closed on Monday.\n"
    )
    told = json.loads(run(page, "--length", "12", "--json").stdout)
    assert (
        list(told) == ["method", "n", "out", "unreadable", "text", "spans", "unsupported"]
        and told["method"] == "textrank"
    )
    assert json.loads(run(str(extractor), page, "--json").stdout)["method"] == "learned"
    assert run("-", "--sentences", "1", "--method", "lead", stdin=CHINESE).stdout == "老桥星期一关闭了。\n"
    rows = run(
        "-", "--text", "text", "--sentences", "1", "--method", "lead", stdin=f'{{"text": "{CHINESE}"}}\n'
    )
    assert json.loads(rows.stdout)["output"] == "老桥星期一关闭了。"
    done = run(page, "--out", str(tmp_path / "s.txt"))
    assert done.exit_code == 0 and (tmp_path / "s.txt").read_text(encoding="utf-8").count(".") == 3


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["a.txt", "--length", "huge"], "a summary cannot be 'huge' long"),
        (["nowhere", "a.txt"], "nowhere: holds no extractor of summaries"),
        (["m", "a.txt", "b.txt"], "one file is summarized at a time, got 3 names"),
        (["m", "a.txt", "--method", "lead"], "--method lead does not go with a model"),
        (["none.txt"], "none.txt: there is no such file"),
    ],
)
def test_what_the_verb_refuses(
    words: list[str], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "a.txt", ENGLISH)
    monkeypatch.chdir(tmp_path)
    done = run(*words)
    assert done.exit_code == 2 and done.stderr.startswith(f"error: {what}") and not done.stdout
