"""Which of two is better on the same rows: against numbers counted by hand and scikit-learn."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from sklearn.metrics import f1_score
from typer.testing import CliRunner

from checkpoints import tiny_checkpoint
from textwright import api
from textwright.bundle.looks import read_looks
from textwright.choose.compare.paired import Comparison, compare
from textwright.cli.compare import app
from textwright.cli.progress import Progress
from textwright.core.errors import BundleError, ConfigError, DataError
from textwright.core.events import Event
from textwright.core.records import Note
from textwright.tasks.recipe import Recipe
from textwright.text.corpus import Asked

RECIPE = {"model": {"name": "bag"}, "budget": {"minutes": 1}}


def table(path: Path, header: str, rows: list[Any]) -> Path:
    """A CSV file; a row is one cell or a tuple of cells."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows([row if isinstance(row, tuple) else (row,) for row in rows])
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def last_line(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


TRUTH = ["good", "bad"] * 10
TEXTS = [f"text number {i} 这是第{i}句" for i in range(20)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return table(tmp_path / "data.csv", "text,label", list(zip(TEXTS, TRUTH, strict=True)))


def flipped(rows: list[int]) -> list[str]:
    other = {"good": "bad", "bad": "good"}
    return [other[label] if i in rows else label for i, label in enumerate(TRUTH)]


def test_labels_against_numbers_counted_by_hand(data: Path, tmp_path: Path) -> None:
    # a is wrong in rows 0-9, b in 9 and 19: only a has 19 right, only b has 0-8.
    a = table(tmp_path / "a.csv", "label", flipped(list(range(10))))
    b = table(tmp_path / "b.csv", "prediction,label", [(x, "no") for x in flipped([9, 19])])
    record = last_line(run(a, b, "--data", data, "--json"))
    assert record["n"] == 20
    assert record["a"]["scores"]["accuracy"]["value"] == 0.5
    assert record["b"]["scores"]["accuracy"]["value"] == 0.9
    assert record["b"]["scores"]["macro_f1"]["value"] == pytest.approx(
        f1_score(TRUTH, flipped([9, 19]), average="macro")
    )
    # Both tails of 1 or less in 10 throws of a coin: 2 (1 + 10) / 1024.
    assert record["mcnemar"] == {"only_a": 1, "only_b": 9, "p_value": pytest.approx(22 / 1024)}
    assert record["test"] == "mcnemar" and record["p_value"] == record["mcnemar"]["p_value"]
    found = record["difference"]["accuracy"]
    assert found["value"] == pytest.approx(0.4) and 0 < found["low"] < 0.4 < found["high"] < 0.7
    assert record["verdict"] == "b is better"
    assert record["num_differ"] == 10 and [row["row"] for row in record["differ"]] == [*range(2, 11), 21]
    assert record["differ"][0] == {"row": 2, "text": TEXTS[0], "truth": "good", "a": "bad", "b": "good"}
    assert last_line(run(b, a, "--data", data, "--json"))["verdict"] == "a is better"


def test_a_difference_of_one_row_is_not_shown(data: Path, tmp_path: Path) -> None:
    a = table(tmp_path / "a.csv", "label", TRUTH)
    b = table(tmp_path / "b.csv", "label", flipped([3]))
    assert compare(a, b, data).verdict == "no difference was shown"


def test_unknown_and_missing_answers_are_wrong(data: Path, tmp_path: Path) -> None:
    answers = ["neutral", None, *TRUTH[2:]]
    a = tmp_path / "a.jsonl"
    a.write_text(
        "".join(json.dumps({"label": x, "probability": 1}) + "\n" for x in answers), encoding="utf-8"
    )
    found = compare(a, table(tmp_path / "b.csv", "label", TRUTH), data)
    assert found.a.scores["accuracy"].value == 0.9
    expected = f1_score(TRUTH, ["other" if x in ("neutral", None) else x for x in answers], average="macro")
    assert found.a.scores["macro_f1"].value == pytest.approx(expected)
    assert [(row["a"], row["b"]) for row in found.differ] == [("neutral", "good"), (None, "bad")]
    assert found.notes == ()


def test_labels_spelled_in_another_way_are_told(data: Path, tmp_path: Path) -> None:
    a = table(tmp_path / "a.csv", "label", [label.upper() for label in TRUTH])
    result = run(a, table(tmp_path / "b.csv", "label", TRUTH), "--data", data)
    assert result.exit_code == 0
    assert "no answer is a label of the truth (it says 'GOOD', the truth 'good')" in result.stderr


def test_rows_without_a_truth_do_not_shift_the_answers(tmp_path: Path) -> None:
    # Row 3 has no label, row 5 cannot be read (`predict` writes an empty answer for it), row 7 has no text.
    lines = ["text,label", "first one,x", "second one,", "third one,y", "too,many,cells"]
    lines += ["fifth one,x", ",y", "seventh one,y"]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(lines), encoding="utf-8")
    right = table(tmp_path / "right.csv", "label", ["x", "n", "y", "n", "x", "n", "y"])
    found = compare(right, table(tmp_path / "b.csv", "label", ["n"] * 7), data)
    assert found.n == 4 and found.a.scores["accuracy"].value == 1.0
    assert [row["row"] for row in found.differ] == [2, 4, 6, 8]


def test_a_label_that_only_one_row_has_is_no_reason_to_refuse(tmp_path: Path) -> None:
    data = table(tmp_path / "data.csv", "text,label", [("one text", "x"), ("two texts", "y"), ("three", "x")])
    a = table(tmp_path / "a.csv", "label", ["x", "y", "x"])
    assert compare(a, a, data).a.scores["accuracy"].value == 1.0


def graded(tmp_path: Path) -> tuple[list[float], list[float], list[float], Comparison]:
    rng = np.random.default_rng(7)
    truth = rng.normal(size=60).round(3)
    a, b = truth + rng.normal(scale=1.0, size=60), truth + rng.normal(scale=0.3, size=60)
    data = table(tmp_path / "data.csv", "text,score", [(f"text {i}", x) for i, x in enumerate(truth)])
    files = [table(tmp_path / f"{name}.csv", "score", x.tolist()) for name, x in (("a", a), ("b", b))]
    return truth.tolist(), a.tolist(), b.tolist(), compare(files[0], files[1], data)


def test_scores_by_their_squared_errors(tmp_path: Path) -> None:
    truth, a, b, found = graded(tmp_path)
    errors = [np.square(np.subtract(x, truth)) for x in (a, b)]
    assert found.metric == "mse" and found.test == "paired randomisation" and found.mcnemar is None
    assert found.a.scores["mse"].value == pytest.approx(errors[0].mean())
    assert found.difference.value == pytest.approx(errors[1].mean() - errors[0].mean())
    assert found.difference.better == "lower" and found.difference.high < 0
    assert found.verdict == "b is better"
    worst = int(np.argmax(np.abs(errors[1] - errors[0])))
    assert found.differ[0]["row"] == worst + 2 and found.num_differ == 60 and len(found.differ) == 50
    assert found.differ[0]["truth"] == truth[worst]


def test_label_sets_by_exact_matches(tmp_path: Path) -> None:
    sets = [["a"], ["a", "b"], ["b", "c"], ["c"]] * 5
    data = tmp_path / "data.jsonl"
    lines = [json.dumps({"text": f"text {i}", "labels": x}) for i, x in enumerate(sets)]
    data.write_text("\n".join(lines), encoding="utf-8")
    # `predict` writes sets to CSV with semicolons; the order within a set says nothing.
    right = table(
        tmp_path / "right.csv", "text,labels", [(f"text {i}", ";".join(x[::-1])) for i, x in enumerate(sets)]
    )
    wrong = table(tmp_path / "wrong.csv", "text,labels", [(f"text {i}", "a; zzz") for i in range(20)])
    found = compare(wrong, right, data)
    assert found.b.scores["accuracy"].value == found.b.scores["micro_f1"].value == 1.0
    # 10 of the 30 labels are an a that is also answered: precision 10 / 40, recall 10 / 30.
    assert found.a.scores["accuracy"].value == 0.0
    assert found.a.scores["precision"].value == 0.25 and found.a.scores["recall"].value == pytest.approx(
        1 / 3
    )
    assert found.difference.value == 1.0 and found.verdict == "b is better" and found.mcnemar is None
    assert found.differ[1]["truth"] == ["a", "b"] and found.differ[1]["a"] == ["a", "zzz"]


def test_a_guess_can_be_overruled(tmp_path: Path) -> None:
    rows = [("first text", "x", "p"), ("second text", "y", "q"), ("third text", "x", "q")]
    data = table(tmp_path / "data.csv", "text,label,kind", rows)
    a = table(tmp_path / "a.csv", "label", ["p", "q", "q"])
    assert compare(a, a, data, asked=Asked(label="kind")).a.scores["accuracy"].value == 1.0
    assert last_line(run(a, a, "--data", data, "--label", "kind", "--json"))["n"] == 3


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        ("label", TRUTH[:-1], ["19 rows of answers", "20 rows", "the same order"]),
        (
            "lable",
            TRUTH,
            ["no column 'prediction' or 'label'", "Did you mean 'lable'? Rename it to 'label'."],
        ),
        ("answer", TRUTH, ["found 'answer'", "Name the column of the answers 'prediction'"]),
        (
            "text,label",
            list(zip(TEXTS[::-1], TRUTH, strict=True)),
            ["row 2", "is not the text of row 2", "order"],
        ),
    ],
)
def test_predictions_that_do_not_fit(
    data: Path, tmp_path: Path, header: str, rows: list[Any], said: list[str]
) -> None:
    a = table(tmp_path / "a.csv", header, rows)
    result = run(a, table(tmp_path / "b.csv", "label", TRUTH), "--data", data, "--json")
    assert result.exit_code == 2 and result.stdout == ""
    assert "a.csv" in result.stderr and all(part in result.stderr for part in said), result.stderr
    assert len(result.stderr.strip().splitlines()) == 2


def test_a_score_that_is_no_number_is_named(tmp_path: Path) -> None:
    data = table(tmp_path / "data.csv", "text,score", [(f"text {i}", i / 10) for i in range(20)])
    a = table(tmp_path / "a.csv", "score,id", [("1.5", 1)] * 19 + [("high", 1)])
    with pytest.raises(DataError, match=r"a\.csv, row 21, column 'score': expected a number, found 'high'"):
        compare(a, a, data)


def test_what_is_missing_is_said(data: Path, tmp_path: Path) -> None:
    a = table(tmp_path / "a.csv", "label", TRUTH)
    for arguments, said in [
        ((a, a), "--data FILE"),
        ((a,), "compare A B --data FILE"),
        ((a, a, "--data", "-"), "file first"),
    ]:
        result = run(*arguments)
        assert result.exit_code == 2 and said in result.stderr
    assert "Did you mean" in run(tmp_path / "aa.csv", a, "--data", data).stderr
    with pytest.raises(BundleError, match="not a Textwright model folder"):
        compare(tmp_path, a, data)


def test_the_page_is_aligned_by_cells(data: Path, tmp_path: Path) -> None:
    truth = ["好评" if label == "good" else "bad" for label in TRUTH]
    data = table(tmp_path / "zh.csv", "text,label", [("很好" * 40 + str(i), x) for i, x in enumerate(truth)])
    a, b = table(tmp_path / "a.csv", "label", truth), table(tmp_path / "b.csv", "label", ["bad"] * 20)
    lines = run(a, b, "--data", data).stdout.splitlines()
    assert any(
        line.startswith("b - a in accuracy: -0.5000 [") and "10 rows only a has right, 0 only b" in line
        for line in lines
    )
    assert "a is better" in lines
    head, first = lines[-11], lines[-10]
    assert head.split() == ["row", "truth", "a", "b", "text"]
    # Each Chinese character takes two cells: two labels of two characters stand before the text.
    assert first.index("很") == head.index("text") - 4
    assert first.endswith("…")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two bags: `strong` learned from more rows, `wide` knows one more label."""
    folder = tmp_path_factory.mktemp("models")
    rows = [(f"a good and friendly place {i}", "good") for i in range(30)]
    rows += [(f"a bad and dirty place {i}", "bad") for i in range(30)]
    api.train(table(folder / "two.csv", "text,label", rows), folder / "strong", Recipe.parse(RECIPE))
    wider = [*rows, *((f"so so {i}, neither here nor there", "neutral") for i in range(30))]
    api.train(table(folder / "three.csv", "text,label", wider), folder / "wide", Recipe.parse(RECIPE))
    scored = [(text, str((label == "good") + i / 100)) for i, (text, label) in enumerate(rows)]
    api.train(table(folder / "scored.csv", "text,score", scored), folder / "graded", Recipe.parse(RECIPE))
    test = [("a good and sunny place", "good"), ("bad and dirty", "bad"), ("so so, neither", "neutral")]
    table(folder / "test.csv", "text,label", test)
    return folder


def test_a_model_and_its_own_predictions_agree(models: Path, tmp_path: Path) -> None:
    data = models / "two.csv"
    api.predict(models / "strong", data, str(tmp_path / "own.csv"))
    found = compare(models / "strong", tmp_path / "own.csv", data)
    assert found.num_differ == 0 and found.p_value == 1.0 and found.verdict == "no difference was shown"
    evaluated = api.evaluate(models / "strong", data).scores
    assert found.a.scores == evaluated
    assert found.b.scores["accuracy"] == evaluated["accuracy"] and "log_loss" not in found.b.scores


def test_graded_models_agree_with_evaluate(models: Path) -> None:
    found = compare(models / "graded", models / "graded", models / "scored.csv")
    assert found.a.scores == api.evaluate(models / "graded", models / "scored.csv").scores
    assert found.difference.value == 0.0


def test_models_with_different_labels(models: Path) -> None:
    found = compare(models / "strong", models / "wide", models / "test.csv")
    assert (
        found.a.scores["accuracy"].value == pytest.approx(2 / 3) and found.b.scores["accuracy"].value == 1.0
    )
    assert [(row["truth"], row["b"]) for row in found.differ] == [("neutral", "neutral")]
    assert found.notes == (f"{models / 'strong'} cannot answer 'neutral', which 1 of the rows have",)


def test_a_model_that_knows_no_label_of_the_file_is_refused(models: Path, tmp_path: Path) -> None:
    """Both were trained for something: it would only look as if one were better."""
    api.train(
        table(
            tmp_path / "a.csv", "text,label", [(f"text {i} {'x' * (i % 2)}", "ab"[i % 2]) for i in range(40)]
        ),
        tmp_path / "other",
        Recipe.parse(RECIPE),
    )
    with pytest.raises(ConfigError, match=r"other: knows none of the labels of .*two\.csv: 'bad', 'good'"):
        compare(models / "strong", tmp_path / "other", models / "two.csv")


def test_looks_at_locked_rows_are_kept(models: Path) -> None:
    before = read_looks(models / "wide")
    result = run(models / "wide", models / "wide", "--data", models / "three.csv", "--json")
    seen = last_line(result)["locked_rows"]
    assert seen == len(before["locked"]) > 0 and f"{seen} of these rows were locked" in result.stderr
    looks = read_looks(models / "wide")["looks"]
    assert len(looks) == len(before["looks"]) + 1
    assert looks[-1]["rows"] == seen and looks[-1]["by"] == "compare three.csv"


def test_models_of_different_tasks_are_refused(models: Path) -> None:
    with pytest.raises(ConfigError, match="different questions: classify and score"):
        compare(models / "strong", models / "graded", models / "two.csv")
    result = run(models / "strong", models / "wide", "--data", models / "two.csv", "--label", "label")
    assert result.exit_code == 2 and "a model knows its columns" in result.stderr


# Settings instead of sides.


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """Sixty rows of the packaged sample."""
    sample = (Path(api.__file__).parent / "sample" / "reviews.en.csv").read_text(encoding="utf-8")
    data = tmp_path / "reviews.csv"
    data.write_text("\n".join(sample.splitlines()[:61]), encoding="utf-8")
    return data


TINY = ["--set", "embedding=8", "--set", "epochs=2", "--minutes", "1"]


def test_settings_are_compared(reviews: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    vary = ["--vary", "optimizer.name=sgd,muon,adam", "--vary", "optimizer.momentum=0.5"]
    result = run(reviews, "--models", "lstm", *vary, "--out", out, *TINY, "--json")
    record = last_line(result)
    assert (record["task"], record["out"], record["split"]) == ("classify", str(out), "validation")
    assert record["seconds"] > 0 and len(record["candidates"]) == 3
    contract = {
        "model",
        "scores",
        "seconds",
        "parameters",
        "bytes",
        "latency_ms_p50",
        "status",
        "chosen",
        "why",
    }
    assert all(contract | {"settings"} <= set(candidate) for candidate in record["candidates"])
    assert [c["settings"]["optimizer.name"] for c in record["candidates"]] == ["sgd", "muon", "adam"]
    assert [c["status"] for c in record["candidates"]] == ["done", "done", "skipped"]
    assert [c["name"] for c in record["candidates"] if c["chosen"]] == [record["best"]]
    assert "refused: learn.optimizer.momentum=0.5 has no effect" in result.stderr
    assert json.loads((out / "comparison.json").read_text(encoding="utf-8"))["best"] == record["best"]
    assert len(list((out / "events").iterdir())) == 3 and len(list((out / "predictions").iterdir())) == 2


def test_a_checkpoint_stands_beside_the_others(reviews: Path, tmp_path: Path) -> None:
    start = tiny_checkpoint(tmp_path / "start")
    out, epochs = tmp_path / "out", ["--set", "learn.epochs=1", "--minutes", "1"]
    record = last_line(run(reviews, "--models", "cnn", "--from", start, "--out", out, *epochs, "--json"))
    assert [(c["model"], c["status"]) for c in record["candidates"]] == [
        ("cnn", "done"),
        ("pretrained", "done"),
    ]
    shutil.rmtree(out)
    record = last_line(
        run(reviews, "--from", start, "--vary", "tune=full,head", "--out", out, *epochs, "--json")
    )
    assert [c["name"] for c in record["candidates"]] == ["pretrained tune=full", "pretrained tune=head"]


def test_the_table_is_in_the_order_of_the_grid(reviews: Path, tmp_path: Path) -> None:
    given = [
        reviews,
        "--models",
        "bag,cnn",
        "--vary",
        "optimizer.name=adam,sgd",
        "--out",
        tmp_path / "out",
        *TINY,
    ]
    result = run(*given)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0 and lines[0].startswith("2 of 4 settings on 6 validation rows")
    assert lines[2].split()[:2] == ["setting", "accuracy"]
    rows = lines[3:7]
    names = [f"{model} optimizer.name={name}" for model in ("bag", "cnn") for name in ("adam", "sgd")]
    assert [row[:24].rstrip() for row in rows] == names
    assert rows[0].endswith(
        "refused: bag brings a fit of its own, which learn.optimizer.name does not change"
    )
    assert sum(row.endswith("best") for row in rows) == 1
    (other,) = [row for row in rows[2:] if not row.endswith("best")]
    assert re.search(r"\d\.\d{4} \[\d\.\d{4}, \d\.\d{4}\]  [+-]\d\.\d{4} +[\d.]+ +\d\.00 +\d+ ", other), other
    best = next(row for row in rows if row.endswith("best"))[:24].rstrip()
    out = tmp_path / "out"
    assert lines[-2].startswith(f"Best: {best}") and lines[-2].endswith(f" All in {out}")
    p_value = float(re.findall(r"[+-]\d\.\d{4} +([\d.]+)", other)[0])
    assert ("not shown to be better than 1 of the 1 others" in lines[-2]) == (p_value >= 0.05)
    assert lines[-1] == f"report: {out / 'report.html'}"
    assert (out / "report.html").is_file()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--models", "lstn", "--out", "OUT"), "Did you mean 'lstm'?"),
        (("--models", "lstm", "--vary", "optimiser.name=sgd", "--out", "OUT"), "Did you mean 'optimizer'?"),
        (("--models", "lstm", "--vary", "optimizer.name", "--out", "OUT"), "--vary optimizer.name=sgd,adam"),
        (("--models", "lstm", "--vary", "optimizer.name=adam,sdg", "--out", "OUT"), "Did you mean 'sgd'?"),
        (
            ("--models", "lstm", "--vary", "schedule.decay=0.1", "--out", "OUT"),
            "every combination is refused",
        ),
        (("--models", "bag", "--set", "hidden=8", "--out", "OUT"), "unknown setting 'hidden'"),
        (("--models", "bag"), "Add --out DIR"),
        (("--models", "bag", "--data", "x.csv", "--out", "OUT"), "compare A B --data FILE"),
        (("other", "--models", "bag", "--out", "OUT"), "compare A B --data FILE"),
        (("--out", "OUT"), "--out is for comparing settings: add --models or --vary"),
        (("other", "--minutes", "1"), "--minutes is for comparing settings"),
        (("other", "--set", "seed=1"), "--set is for comparing settings"),
        (("--models", "bag", "--test", "t.csv", "--test-share", "0.1", "--out", "OUT"), "contradict"),
    ],
)
def test_a_wrong_request_for_settings_is_explained(
    given: tuple[str, ...], said: str, reviews: Path, tmp_path: Path
) -> None:
    result = run(reviews, *[str(tmp_path / "out") if part == "OUT" else part for part in given], "--json")
    assert result.exit_code == 2 and result.stdout == "" and said in result.stderr, result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("after", [0, 1])
def test_an_interrupt_keeps_finished_settings(
    after: int, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupting(Progress):
        """Ctrl-C at the first step of a later setting."""

        begun = -1

        def __call__(self, event: Event) -> None:
            if isinstance(event, Note):
                self.begun += event.fit is not None
            elif self.begun == after:
                raise KeyboardInterrupt
            super().__call__(event)

    monkeypatch.setattr("textwright.cli.compare.Progress", Interrupting)
    out = tmp_path / "out"
    result = run(
        reviews, "--models", "cnn", "--vary", "optimizer.name=sgd,adam", "--out", out, *TINY, "--json"
    )
    assert result.exit_code == 130
    if after == 0:
        assert "nothing is finished that could be kept" in result.stderr
        assert result.stdout == "" and not out.exists()
    else:
        record = json.loads(result.stdout.splitlines()[-1])
        assert [c["status"] for c in record["candidates"]] == ["done", "stopped"] and record["interrupted"]
        assert (out / "comparison.json").is_file()
