"""docs/how-to/verbs.md and its Chinese twin say what the command line does."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import made_pairs
import render_verbs
import textwright
import textwright.audit
from textwright.audit.checks import label_errors
from textwright.audit.proof.made import made
from textwright.cli.main import VERBS, app

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "src" / "textwright" / "sample" / "reviews.en.csv"
CHINESE = re.compile("[\u4e00-\u9fff]")


def sections(page: str) -> dict[str, str]:
    """The part of each verb, by its name."""
    found = re.split(r"^## `([\w ]+)`\n", page, flags=re.MULTILINE)[1:]
    return dict(zip(found[::2], found[1::2], strict=True))


def flags_of_help(verb: str) -> set[str]:
    """The long flags that the command line itself names, without those that all verbs have."""
    shown = CliRunner().invoke(app, [*verb.split(), "--help"], terminal_width=200).output
    return set(re.findall(r"^\W*(--[a-z-]+)", shown, flags=re.MULTILINE)) - {"--json", "--debug", "--help"}


def test_the_pages_of_this_project_are_up_to_date() -> None:
    assert render_verbs.main(["--check"]) == 0


def test_a_stale_page_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        render_verbs, "TARGETS", {"en": tmp_path / "verbs.md", "zh": tmp_path / "verbs.zh.md"}
    )
    assert render_verbs.main(["--check"]) == 1
    assert "run python scripts/render_verbs.py" in capsys.readouterr().err
    assert render_verbs.main([]) == render_verbs.main(["--check"]) == 0
    with (tmp_path / "verbs.zh.md").open("a", encoding="utf-8") as file:
        file.write("more\n")
    assert render_verbs.main(["--check"]) == 1


def test_every_verb_has_its_flags_and_an_example() -> None:
    parts = sections(render_verbs.rendered("en"))
    assert {name.split()[0] for name in parts} == set(VERBS)
    for name, part in parts.items():
        flags = set(re.findall(r"^\| `(--[a-z-]+)", part, flags=re.MULTILINE))
        assert flags | {"--lang"} == flags_of_help(name) | {"--lang"}, name
        assert f"\ntextwright {name}" in part.partition("For example:")[2]
        assert "JSON keys: `" in part and "Exit codes: 0, " in part


def test_the_chinese_page_says_the_same_in_chinese() -> None:
    english, chinese = (sections(render_verbs.rendered(language)) for language in ("en", "zh"))
    assert list(english) == list(chinese)
    for name, part in chinese.items():
        code = [re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL) for text in (english[name], part)]
        assert code[0] == code[1]
        helps = [line.split(" | ")[-1] for line in part.splitlines() if line.startswith(("| `", "| --"))]
        assert [text for text in helps if not CHINESE.search(text) and "---" not in text] == []


def taught(rows: Path, out: Path) -> None:
    """A model that answers which label a text has, or nearly so."""
    asked = {
        "objective": "instruct",
        "data": {"prompt": "text", "response": "label"},
        "budget": {"tokens": 600},
        "model": {"size": "tiny"},
    }
    textwright.pretrain([rows], out, textwright.PretrainRecipe.parse(asked))


def translating(rows: Path, out: Path) -> None:
    """A model of made-up pairs, which were learned for a moment."""
    made_pairs.write(rows, made_pairs.pairs()[:100])
    asked = ["train", str(rows), "--out", str(out), *made_pairs.BRIEF]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output


def audited(folder: Path) -> None:
    """What the examples of audit start from: a later audit, a policy, rows to test on."""
    asked = textwright.audit.AuditSettings(checks="exact_twins")
    textwright.audit.data(folder / "reviews.csv", folder / "reviews-audit-after", asked)
    (folder / "gate.yaml").write_text("severity: none\n", encoding="utf-8")
    noisy = label_errors.plant(made("en", rows=300), 0.2, 0).data
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        found = ((text, own[0]) for text, own in zip(noisy.texts, noisy.labels, strict=True))
        csv.writer(file).writerows([("text", "label"), *found])
    asked = textwright.audit.AuditSettings(checks="label_errors")
    textwright.audit.data(folder / "labels.csv", folder / "labels-audit", asked)
    rows = (folder / "dev.csv").read_text(encoding="utf-8").splitlines()
    lines = [rows[0] + ",gender", *(row + (",f", ",m")[n % 2] for n, row in enumerate(rows[1:]))]
    (folder / "test.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_the_keys_are_those_of_the_contract() -> None:
    contract = (PROJECT / "docs" / "design.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"`(\w+)`: `([\w,\s]+)`", contract.partition("JSON keys:")[2]))
    for verb in ("train", "plan", "evaluate", "curve", "label", "card", "translate", "export"):
        listed = set(render_verbs.KEYS[verb][0].split(", ")) - {"split"}
        assert listed == set(re.split(r",\s+", found[verb])) - {"split"}, verb


def examples(verb: str) -> list[str]:
    """The commands below "For example:" of this verb."""
    part = sections(render_verbs.rendered("en"))[verb].partition("For example:")[2]
    found = re.search(r"```text\n(.*?)```", part, flags=re.DOTALL)
    assert found is not None
    return found[1].splitlines()


@pytest.mark.docs
def test_every_example_runs(tmp_path: Path, two_families: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:180]
    for name, part in {"reviews": [*rows[:120], rows[0]], "dev": rows[120:160], "new": rows[160:]}.items():
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            columns = ["text"] if name == "new" else ["text", "label"]
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(part)
    bag = textwright.Recipe.parse({"model": {"name": "bag"}, "budget": {"minutes": 1}})
    textwright.train(tmp_path / "reviews.csv", tmp_path / "old-model", bag)
    shutil.copytree(tmp_path / "old-model", tmp_path / "new-model")
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "a.txt").write_text("\n".join(row["text"] for row in rows), encoding="utf-8")
    gaps = textwright.PretrainRecipe.parse(
        {"objective": "masked", "budget": {"tokens": 2000}, "model": {"name": "auto", "size": "tiny"}}
    )
    textwright.pretrain([tmp_path / "books"], tmp_path / "my-gaps", gaps)
    taught(tmp_path / "reviews.csv", tmp_path / "my-assistant")
    translating(tmp_path / "pairs.tsv", tmp_path / "en-zh")
    for name, rows in (("corpus", made_pairs.pairs()[:100]), ("dev", made_pairs.pairs()[100:120])):
        for side, texts in zip(("en", "zh"), zip(*rows, strict=True), strict=True):
            (tmp_path / f"{name}.{side}").write_text("\n".join(texts) + "\n", encoding="utf-8")
    (tmp_path / "notes.md").write_text("# Notes\n\n- We like apples.\n", encoding="utf-8")
    audited(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert examples("demo") == ["textwright demo"]  # run by tests/unit/test_cli_demo.py
    verbs = [verb for verb in sections(render_verbs.rendered("en")) if verb != "demo"]
    for line in (line for verb in verbs for line in examples(verb)):
        words = shlex.split(line)[1:]
        if words[0] == "pretrain":
            words[words.index("--minutes") + 1] = "0.1"
        if words[1:2] in (["pairs.tsv"], ["corpus.en"]) and "--minutes" in words:
            words[words.index("--minutes") :] = made_pairs.BRIEF
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, (line, result.output, result.exception)
    assert len((tmp_path / "answers.csv").read_text(encoding="utf-8").splitlines()) == 21


def test_the_keys_are_those_that_the_verbs_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(SAMPLE, tmp_path / "a.csv")
    (tmp_path / "n.csv").write_text("text\nquite a new text\nand another one\n", encoding="utf-8")
    asked = {"objective": "masked", "budget": {"tokens": 600}, "model": {"name": "bert", "size": "tiny"}}
    textwright.pretrain([tmp_path / "a.csv"], tmp_path / "gaps", textwright.PretrainRecipe.parse(asked))
    taught(tmp_path / "a.csv", tmp_path / "talks")
    made_pairs.write(tmp_path / "p.tsv", made_pairs.pairs()[:100])
    monkeypatch.chdir(tmp_path)
    calls = {
        "train": "train a.csv --out m --model bag --label label --minutes 1",
        "plan": "plan a.csv --model bag --label label",
        "predict": "predict m a.csv --out b.csv",
        "summarize": "summarize a.csv --out s.csv",
        "train pairs": f"train p.tsv --out en-zh {' '.join(made_pairs.BRIEF)}",
        "evaluate pairs": "evaluate en-zh p.tsv",
        "translate": "translate en-zh n.csv --out t.jsonl --set beams=1",
        "export": "export en-zh --to ctranslate2 --out quick --set quantization=float32",
        "evaluate": "evaluate m a.csv",
        "compare": "compare m b.csv --data a.csv",
        "compare settings": "compare a.csv --models bag --vary min_rows=1,2 --label label --out c",
        "curve": "curve a.csv --label label --minutes 1 --out g",
        "label": "label m n.csv --out t.csv --rows 5",
        "card": "card m",
        "audit data": "audit data a.csv --label label --checks exact_twins,near_twins,label_errors --out ad",
        "audit model": "audit model m --data a.csv --checks group_calibration --out am",
        "audit list": "audit list",
        "audit fix": "audit fix ad --safe",
        "audit undo": "audit undo ad",
        "audit review": "audit review ad --export sheet.csv",
        "audit diff": "audit diff ad ad",
        "audit gate": "audit gate am",
        "audit selftest": "audit selftest --checks exact_twins --seeds 1 --nulls 1",
        "pretrain": "pretrain a.csv --out l --tokens 2000 --set size=tiny",
        "generate": "generate l --max-tokens 5",
        "chat": "chat talks",
        "fill": "fill gaps --text 'a [MASK] day'",
        "inspect": "inspect gaps --text 'a day' --out i.html",
        "tokenizer train": "tokenizer train a.csv --out t",
        "tokenizer report": "tokenizer report t a.csv",
    }
    for name, call in calls.items():
        result = CliRunner().invoke(app, [*shlex.split(call), "--json"])
        assert result.exit_code == 0, (call, result.output)
        verb = name.removesuffix(" settings").removesuffix(" pairs")
        keys = render_verbs.KEYS[verb][-1 if name.endswith(" settings") else 0]
        assert sorted(json.loads(result.stdout.splitlines()[-1])) == sorted(keys.split(", ")), name
