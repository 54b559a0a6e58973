"""`textwright curve` and `textwright label` on the command line: JSON, exit codes, both languages, Ctrl-C."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from textwright import api
from textwright.choose.rows.drawn import Fits
from textwright.cli.main import app
from textwright.core.records import Note
from textwright.tasks.recipe import Recipe

SAMPLES = Path(api.__file__).parent / "sample"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def written(path: Path, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def reviews(source: str = "reviews.en.csv") -> list[tuple[str, str]]:
    with (SAMPLES / source).open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("verbs")
    written(place / "a.csv", [("text", "label"), *reviews()[:160]])
    written(place / "zh.csv", [("文本", "标签"), *reviews("reviews.zh.csv")[:160]])
    written(place / "new.csv", [("text",), *((text,) for text, _ in reviews()[200:260])])
    api.train(
        place / "a.csv", place / "m", Recipe.parse({"model": {"name": "bag"}, "budget": {"minutes": 1}})
    )
    return place


def test_a_curve_is_one_json_object_on_the_last_line(folder: Path, tmp_path: Path) -> None:
    result = run("curve", folder / "a.csv", "--out", tmp_path / "c", "--sizes", "30,60", "--json")
    assert result.exit_code == 0, result.stderr
    record = json.loads(result.stdout.splitlines()[-1])
    assert len(result.stdout.splitlines()) == 1
    assert [point["rows"] for point in record["points"]] == [30, 60, 128]
    assert record["twice"]["rows"] == 256 and record["interrupted"] is False
    score = record["twice"]["gain"]
    assert set(score) == {"value", "low", "high", "n", "better"} and score["low"] <= score["high"]


def test_the_page_says_what_the_record_says(folder: Path, tmp_path: Path) -> None:
    result = run("curve", folder / "a.csv", "--out", tmp_path / "c", "--minutes", 1)
    assert result.exit_code == 0, result.stderr
    record = json.loads((tmp_path / "c" / "curve.json").read_text(encoding="utf-8"))
    score, now = record["twice"]["score"], record["points"][-1]
    said = next(line for line in result.stdout.splitlines() if "abelling as many rows again" in line)
    assert f"({now['rows']} -> {2 * now['rows']} to learn from)" in said
    assert f"{score['value']:.4f} [{score['low']:.4f}, {score['high']:.4f}]" in said
    assert ("was not shown" in said) == (record["twice"]["gain"]["low"] <= 0)
    assert "rows, draw 1 of" in result.stderr


def test_a_chinese_curve_is_told_in_chinese(folder: Path, tmp_path: Path) -> None:
    result = run("curve", folder / "zh.csv", "--out", tmp_path / "曲线", "--lang", "zh")
    assert result.exit_code == 0, result.stderr
    lines = [*result.stdout.splitlines(), *result.stderr.splitlines()]
    plain = [re.sub(r"--\S+|\S*/\S+|'[^']*'|validation accuracy|macro_f1", "", line) for line in lines]
    english = [line for line in plain if re.search(r"[a-z]{2,} [a-z]+ [a-z]{2,}", line)]
    assert english == []
    assert "再标注同样多的行" in result.stdout
    assert '<html lang="zh">' in (tmp_path / "曲线" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--model", "bagg"], ["unknown architecture 'bagg'", "Did you mean 'bag'"]),
        (["--model", "auto"], ["a learning curve is of one architecture", "Name one of: bag"]),
        (["--sizes", "30,x"], ["--sizes 30,x: 'x' is no whole number", "--sizes 500,1000,2000"]),
        (["--sizes", "3,60"], ["--sizes 3: a size is at least 20 rows", "three or more"]),
        (["--label", "lable"], ["there is no column 'lable'", "Did you mean 'label'"]),
        (["--test", "x.csv", "--test-share", "0.1"], ["contradict", "Give one"]),
        (["--minutes", "-1"], ["budget.minutes", ""]),
    ],
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_wrong_request_is_two_lines_and_exit_code_2(
    folder: Path, tmp_path: Path, flags: list[str], said: list[str], lang: str
) -> None:
    result = run("curve", folder / "a.csv", "--out", tmp_path / "c", *flags, "--lang", lang, "--json")
    assert result.exit_code == 2 and result.stdout == "" and not (tmp_path / "c").exists()
    if lang == "en":
        assert all(part in result.stderr for part in said), result.stderr
    else:
        assert "错误：" in result.stderr


def test_too_few_rows_for_a_curve(tmp_path: Path) -> None:
    data = written(tmp_path / "a.csv", [("text", "label"), *reviews()[:30]])
    result = run("curve", data, "--out", tmp_path / "c")
    assert result.exit_code == 2 and "are too few for a curve (at least 40)" in result.stderr
    assert "--test-share 0" in result.stderr


def test_ctrl_c_keeps_what_was_finished_and_ends_with_130(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = Fits._measured

    def stopping(self: Fits, *given: Any) -> Note:
        if len(self.done) == 4:
            raise KeyboardInterrupt
        return measured(self, *given)

    monkeypatch.setattr(Fits, "_measured", stopping)
    result = run("curve", folder / "a.csv", "--out", tmp_path / "c", "--json")
    assert result.exit_code == 130, result.stderr
    record = json.loads(result.stdout.splitlines()[-1])
    assert record["interrupted"] and len(record["points"]) == 4 and record["twice"] is not None
    assert "interrupted: what was finished is kept" in result.stderr
    assert (tmp_path / "c" / "report.html").is_file()


def test_rows_to_label_are_one_json_object(folder: Path, tmp_path: Path) -> None:
    result = run(
        "label", folder / "m", folder / "new.csv", "--out", tmp_path / "to.csv", "--rows", 7, "--json"
    )
    assert result.exit_code == 0, result.stderr
    record = json.loads(result.stdout.splitlines()[-1])
    assert sorted(record) == ["by", "left_out", "n", "out", "rows", "seconds"]
    assert record["rows"] == 7 and record["n"] == 60 and record["by"] == "margin and diversity"
    assert set(record["left_out"]) == {"learned", "locked", "labelled", "duplicates", "empty", "unreadable"}


def test_fewer_rows_than_asked_are_told_and_what_comes_next(folder: Path, tmp_path: Path) -> None:
    result = run("label", folder / "m", folder / "new.csv", "--out", tmp_path / "to.csv")
    assert result.exit_code == 0, result.stderr
    rows = len((tmp_path / "to.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert (
        f"warning: 100 rows were asked for, and {rows} unlike each other are left to label" in result.stderr
    )
    assert f"textwright train {tmp_path / 'to.csv'} --label label --text text" in result.stdout
    chinese = run("label", folder / "m", folder / "new.csv", "--out", tmp_path / "b.csv", "--lang", "zh")
    assert "概率差距与多样性" in chinese.stdout and f"可标注的只剩 {rows} 行" in chinese.stderr


def test_standard_input_and_another_column(folder: Path, tmp_path: Path) -> None:
    lines = [("id", "body"), *((str(i), text) for i, (text, _) in enumerate(reviews()[200:230]))]
    data = written(tmp_path / "b.csv", lines)
    result = run("label", folder / "m", data, "--out", tmp_path / "to.csv", "--text", "body", "--rows", 5)
    assert result.exit_code == 0, result.stderr
    wrong = run("label", folder / "m", data, "--out", tmp_path / "c.csv", "--text", "bodi")
    assert wrong.exit_code == 2 and "Did you mean 'body'" in wrong.stderr


def test_what_label_refuses(folder: Path, tmp_path: Path) -> None:
    known = run("label", folder / "m", folder / "a.csv", "--out", tmp_path / "to.csv", "--json")
    assert known.exit_code == 2 and known.stdout == ""
    assert "no row is left to label (160: they have a label)" in known.stderr
    chinese = run("label", folder / "m", folder / "a.csv", "--out", tmp_path / "to.csv", "--lang", "zh")
    assert "没有剩下可标注的行（160：它们已有标签）" in chinese.stderr
    missing = run("label", folder / "nothing", folder / "new.csv", "--out", tmp_path / "to.csv")
    assert missing.exit_code == 2 and "there is no such folder" in missing.stderr
    target = tmp_path / "filled.csv"
    assert run("label", folder / "m", folder / "new.csv", "--out", target, "--rows", 5).exit_code == 0
    shutil.copy(target, tmp_path / "before.csv")
    text = target.read_text(encoding="utf-8-sig").splitlines()
    written(
        target,
        [(*row[:2], "good", *row[3:]) if i == 2 else tuple(row) for i, row in enumerate(csv.reader(text))],
    )
    before = target.read_bytes()
    refused = run("label", folder / "m", folder / "new.csv", "--out", target)
    assert refused.exit_code == 2 and "1 of its rows have been labelled" in refused.stderr
    assert target.read_bytes() == before
