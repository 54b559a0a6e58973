"""docs/how-to/translation.md: its commands and its Python run, and its tables name what there is."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

import made_pairs
from pair_checkpoints import marian_checkpoint, pair_checkpoint
from textwright.cli.main import app
from textwright.measure.translation import tokenizer_for
from textwright.tasks.pretraining import plan_pairs
from textwright.tasks.rewriting.settings import DecodeSettings
from textwright.text.pairs import tokens
from textwright.text.pairs.cleaning import PairRules

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "translation.md").read_text(encoding="utf-8")
NOTES = (
    "---\ntitle: Bread\n---\n\n- We see bread today.\n\n```\nI like music.\n```\n\n"
    "|  They sell flowers. | 5 |\n"
)
NOTES_IN_CHINESE = NOTES.replace("We see bread today.", "我们今天看见面包。").replace(
    "They sell flowers.", "他们卖花。"
)
# One that is there already, one without a target, and one whose sides are the same.
FAULTY = [made_pairs.pairs()[0], ("We like apples.", ""), ("We like bread.", "We like bread.")]


# In the place of what the Hub has: small ones that a test makes, of the same classes.
CHECKPOINTS: dict[str, Callable[[Path], Path]] = {
    "Helsinki-NLP/opus-mt-en-zh": marian_checkpoint,
    "facebook/nllb-200-distilled-600M": lambda folder: pair_checkpoint(folder, "nllb")[0],
    "facebook/bart-base": lambda folder: pair_checkpoint(folder, "bart")[0],
}
FROM_A_CHECKPOINT = ["--set", "budget.tokens=500", "--set", "learn.batch=4"]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    every, known = made_pairs.pairs(), made_pairs.NUM_PAIRS
    shown = [pair for pair in every if pair[0] in NOTES]
    learned = [*dict.fromkeys([*shown, *every[:known]])]
    made_pairs.write(tmp_path / "pairs.tsv", [*learned, *FAULTY])
    made_pairs.write(tmp_path / "held-out.tsv", [pair for pair in every[known:] if pair not in shown][:40])
    (tmp_path / "notes.md").write_text(NOTES, encoding="utf-8")
    (tmp_path / "new.csv").write_text("id,text\n7,We see bread today.\n8,\n", encoding="utf-8")
    for name, rows in (("text", learned[:100]), ("test", every[known:][40:60])):
        for side, texts in zip(("en", "zh"), zip(*rows, strict=True), strict=True):
            (tmp_path / f"{name}.{side}").write_text("\n".join(texts) + "\n", encoding="utf-8")
    talks = [{"text": f"{a[0]} {b[0]}", "summary": a[0]} for a, b in pairwise(made_pairs.pairs()[:60])]
    (tmp_path / "talks.jsonl").write_text("\n".join(map(json.dumps, talks)), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.docs
def test_the_page_runs_from_top_to_bottom(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    said = ""
    for kind, code in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE):
        if kind == "python":
            exec(compile(code, "translation.md", "exec"), {})
        for line in code.splitlines() if kind == "text" else []:
            words = shlex.split(line)[1:]
            if "--from" in words:
                place = words.index("--from") + 1
                words[place] = str(CHECKPOINTS[words[place]](files / "from" / str(len(done))))
                words = [*words[: words.index("--minutes")], *FROM_A_CHECKPOINT]
            elif "--minutes" in words:
                is_brief = words[0] != "train" or "--target-file" in words
                words[words.index("--minutes") :] = made_pairs.BRIEF if is_brief else made_pairs.FLAGS
            result = CliRunner().invoke(app, words)
            assert result.exit_code == 0, (line, result.output, result.exception)
            done.append(words[0])
            said += result.output
    assert done == [
        *("train", "evaluate", "translate", "translate", "train", "evaluate", "inspect"),
        *("train", "train", "train", "compare", "export", "export", "translate"),
    ]
    assert (files / "telling.html").is_file() and "to test on" in said
    for name in ("notes.zh.md", "notes-2.zh.md", "notes-3.zh.md"):
        assert (files / name).read_text(encoding="utf-8") == NOTES_IN_CHINESE
    rows = [json.loads(line) for line in (files / "new.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["text"], row["output"]) for row in rows] == [
        ("We see bread today.", "我们今天看见面包。"),
        ("", ""),
    ]
    assert capsys.readouterr().out.splitlines()[-1] == "我们今天看见面包。"  # of the Hugging Face library
    assert re.search(r"[0-3] of \d+ answers are other ones", said)
    dropped = ["no target", "source and target are the same text", "the same pair as an earlier one"]
    assert [f"1 texts dropped: {reason}" in said for reason in dropped] == [True] * 3
    kept = (files / "en-zh" / "cleaning.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["reason"] for line in kept] == dropped


def table(start: str) -> list[str]:
    """All that is named in the first column of the table whose head begins so."""
    part = PAGE.partition(f"| {start} |")[2].partition("\n\n")[0]
    return [name for line in part.splitlines()[2:] for name in re.findall(r"`([\w.]+)`", line.split("|")[1])]


def test_the_tables_name_every_rule_and_every_setting() -> None:
    assert sorted(table("rule")) == sorted(PairRules.model_fields)
    assert sorted(table("setting | is")) == sorted(DecodeSettings.model_fields)


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    assert plan_pairs._LEAST_TOLD["small"] == 3_000_000 and "below three million" in PAGE
    assert plan_pairs._DROPOUT == ((50_000, 0.3), (300_000, 0.2), (1_000_000, 0.1))
    assert (tokens._SHARE, tokens._MOST_ROWS, tokens.LEAST_ROWS) == (0.05, 1_000, 10)
    assert (tokens._SIZES[0], tokens._MOST_SIZE, tokens._FOR_HAN) == ((30_000, 4_096), 32_768, 4_096)
    assert [tokenizer_for(code) for code in ("zh", "ja", "th", "ko", "en")] == ["zh", *["char"] * 3, "13a"]
