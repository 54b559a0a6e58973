"""Conversations of files: columns by name, what is dropped and cut, copies, twins, and a part held out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textwright.core.errors import DataError
from textwright.tasks.pretraining.objectives.instruct import finished
from textwright.tasks.writing.model import frame_of
from textwright.text.conversations.reading import Asked, Conversation, read_conversations
from textwright.text.conversations.tokens import Making, build_turns
from textwright.text.documents.tokens import TokenCorpus
from textwright.text.rowlog import RowLog
from textwright.text.tokenizers import TokenizerSettings

BPE = TokenizerSettings(kind="bpe", vocabulary_size=300)


def read(path: Path, asked: Asked = Asked()) -> tuple[list[Conversation], RowLog]:  # noqa: B008
    log = RowLog()
    return read_conversations([path], asked, log), log


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "header",
    ["prompt,response", "Instruction,Output", "id,question,answer", "指令,回答", "response,prompt"],
)
def test_columns_are_found_by_their_names(header: str, tmp_path: Path) -> None:
    names = header.split(",")
    cells = {names[-1]: "green", names[-2]: "grass?"}
    if header == "response,prompt":
        cells = {"prompt": "grass?", "response": "green"}
    row = ",".join(cells.get(name, "7") for name in names)
    found, _ = read(written(tmp_path / "rows.csv", f"{header}\n{row}\n"))
    assert found == [Conversation((("grass?", "green"),), 2)]


def test_columns_may_be_named(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.tsv", "prompt\tq\ta\nx\tgrass?\tgreen\n")
    found, _ = read(path, Asked("q", "a"))
    assert found[0].turns == (("grass?", "green"),)
    with pytest.raises(DataError, match=r"there is no column 'qq'; found 'prompt', 'q', 'a'"):
        read(path, Asked("qq", "a"))
    with pytest.raises(DataError, match=r"no column is called as a response is.*\n.*data.response=COL"):
        read(path)
    with pytest.raises(DataError, match="cannot be the same column"):
        read(path, Asked("a", "a"))


def test_messages_are_turns(tmp_path: Path) -> None:
    good = [
        {"role": "user", "content": " 草是什么颜色？ "},
        {"role": "assistant", "content": "绿色"},
        {"role": "user", "content": "And snow?"},
        {"role": "assistant", "content": "white"},
    ]
    talks: list[Any] = [
        good,
        [*good, {"role": "user", "content": "unanswered"}],
        [{"role": "system", "content": "be good"}, *good],
        good[1:],
        [{"role": "user", "content": " "}, good[1]],
        "not messages",
        [],
    ]
    lines = "".join(json.dumps({"messages": talk}, ensure_ascii=False) + "\n" for talk in talks)
    found, log = read(written(tmp_path / "talks.jsonl", lines))
    turns = (("草是什么颜色？", "绿色"), ("And snow?", "white"))
    assert found == [Conversation(turns, 1), Conversation(turns, 2)]
    assert [r["row"] for r in log.records()] == [3, 4, 5, 6, 7]
    assert {r["reason"] for r in log.records()} == {
        "not turns of a user and an assistant, one after the other"
    }


def test_rows_without_a_prompt_or_a_response_are_listed(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.csv", "prompt,response\ngrass?,green\n,red\nsnow?,  \n")
    found, log = read(path)
    assert len(found) == 1
    assert [(r["reason"], r["row"]) for r in log.records()] == [("no prompt", 3), ("no response", 4)]
    path = written(tmp_path / "none.csv", "prompt,response\nsnow?,\nsky?,\n")
    with pytest.raises(DataError, match=r"both a prompt and a response \(2 dropped: no response\)"):
        read(path)


def made(rows: list[tuple[str, str]], folder: Path, most: int = 64, seed: int = 0) -> TokenCorpus:
    talks = [Conversation((row,), number) for number, row in enumerate(rows, start=2)]
    return build_turns(talks, folder, Making(BPE, finished, frame_of, most, seed), RowLog())


def texts_of(corpus: TokenCorpus, part: str) -> list[str]:
    tokens = getattr(corpus, part)
    frame = frame_of(corpus.tokenizer)
    rows, _ = frame.rows(tokens.take([0], len(tokens))[0])
    return [corpus.tokenizer.decode(frame.first_prompt(row)) for row in rows]


def test_no_twin_of_a_trained_prompt_is_held_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = ["grass", "snow", "blood", "coal", "lemon", "草", "雪", "血", "煤", "river", "cloud", "stone"]
    plain = [" ".join(rng.choice(words, 9)) for _ in range(60)]
    rows = [(text, f"answer {n}") for n, text in enumerate(plain)]
    rows += [(f"{text.upper()}!", f"other {n}") for n, text in enumerate(plain)]
    for seed in range(3):
        corpus = made(rows, tmp_path / str(seed), seed=seed)
        train, held = ({t.lower().rstrip("!") for t in texts_of(corpus, p)} for p in ("train", "validation"))
        assert held and not held & train and held | train == set(plain)
        assert corpus.validation.about["documents"] == 6, "a twentieth, both of each pair"


def test_copies_are_dropped_and_the_same_prompt_with_another_answer_is_none(tmp_path: Path) -> None:
    rows = [(f"prompt number {n}", "yes") for n in range(12)]
    corpus = made([*rows, *rows[:4], ("Prompt number 3!", "Yes."), ("prompt number 3", "no")], tmp_path)
    counts = corpus.log.counts
    assert counts == {("dropped", "copy of another text"): 5}
    assert sum(p.about["documents"] for p in (corpus.train, corpus.validation)) == 13


def test_a_prompt_is_cut_from_the_left_and_a_response_never(tmp_path: Path) -> None:
    rows = [(f"prompt {n}", f"yes {n}") for n in range(12)]
    long = "It begins here. " + "word " * 60 + "and ends here"
    corpus = made([*rows, (long, "the whole answer"), ("short", "far too long " * 40)], tmp_path, most=40)
    found = {(r["action"], r["reason"], r["row"]) for r in corpus.log.records()}
    assert found == {
        ("changed", "beginning of the prompt cut: it is longer than the window", 14),
        ("dropped", "the response alone is longer than the window", 15),
    }
    texts = texts_of(corpus, "train") + texts_of(corpus, "validation")
    cut = next(text for text in texts if text.endswith("and ends here"))
    assert len(texts) == 13 and long.endswith(cut) and "begins" not in cut
    frame = frame_of(corpus.tokenizer)
    whole = np.concatenate([p.take([0], len(p))[0] for p in (corpus.train, corpus.validation)])
    lengths = frame.rows(whole)[0].lengths
    assert (
        lengths.max() == 40
        and corpus.tokenizer.decode(whole[whole < frame.end_id]).count("the whole answer") == 1
    )


def test_first_turns_are_left_out_before_a_prompt_is_cut(tmp_path: Path) -> None:
    talks = [Conversation(((f"prompt {n}", f"yes {n}"),), n) for n in range(11)]
    turns = (("first of all " * 3, "one"), ("second of all " * 3, "two"), ("third", "three"))
    log = RowLog()
    making = Making(BPE, finished, frame_of, 40)
    corpus = build_turns([*talks, Conversation(turns, 99)], tmp_path, making, log)
    assert [(r["reason"][:20], r["row"]) for r in log.records()] == [("first turns left out", 99)]
    assert corpus.tokenizer.size > 256


def test_too_little_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"9 conversations are too few"):
        made([(f"prompt {n}", "yes") for n in range(9)], tmp_path)
    with pytest.raises(DataError, match="all prompts are the same"):
        made([("the same prompt", f"answer {n}") for n in range(20)], tmp_path)
    with pytest.raises(DataError, match=r"no response of \d+ fits into the window of 9 tokens"):
        made([(f"prompt {n}", f"a very long answer {n}" * 9) for n in range(20)], tmp_path, most=10)
    alike = [
        (f"please be so kind as to tell me at once the colour of thing number {n}", "x") for n in range(20)
    ]
    corpus = made(alike, tmp_path)
    assert corpus.validation.about["documents"] == 1, "near twins of each other, all of them: exact ones bind"
