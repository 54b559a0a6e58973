"""The report of a model folder: what it says, what it must never let through, how large it may be."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import textwright
from textwright.report.charts import heatmap, line_chart, scatter, whiskers
from textwright.report.figures import save_figure
from textwright.report.folder import in_words, make_pages
from textwright.report.lettering import width
from textwright.report.page import both, render_report
from textwright.report.records import Records, read_curves, read_records
from textwright.report.words import LANGUAGES, words

SAMPLE = Path(textwright.__file__).parent / "sample" / "reviews.en.csv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "model"
    recipe = textwright.Recipe.parse({"model": {"name": "bag"}, "budget": {"minutes": 1}})
    textwright.train(SAMPLE, out, recipe)
    return out


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "textwright.json").read_text(encoding="utf-8"))
    return found


def records_of(folder: Path) -> Records:
    return read_records(folder, manifest_of(folder), folder.name)


class Page(HTMLParser):
    """Tags with their attributes, and the text of the page in one language."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_a_training_leaves_a_report_that_asks_for_nothing_from_elsewhere(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not [a for _, a in page.tags if any(name.startswith("on") or name == "src" for name in a)]
    assert all((a.get("href") or "#").startswith("#") for _, a in page.tags)
    assert "default-src 'none'" in text


def test_both_languages_stand_in_it_and_either_opens(folder: Path) -> None:
    english, chinese = (render_report(records_of(folder), language) for language in LANGUAGES)
    assert '<html lang="en">' in english and '<html lang="zh">' in chinese
    for text in (english, chinese):
        assert "Which labels it confuses" in text and "哪些标签被混淆" in text
    assert 'id="lang-zh" checked' in chinese and 'id="lang-en" checked' in english


def test_every_word_has_both_languages_and_the_same_values() -> None:
    for key, found in words("page").items():
        assert set(found) == set(LANGUAGES), key
        english, chinese = (sorted(set(re.findall(r"{(\w+)}", found[language]))) for language in LANGUAGES)
        assert english == chinese, key


def test_every_word_of_the_template_is_known() -> None:
    templates = Path(textwright.__file__).parent / "report" / "templates"
    text = "".join(path.read_text(encoding="utf-8") for path in templates.glob("*.html"))
    used = set(re.findall(r"""\b(?:t|w|empty)\("([\w.]+)"[,)]""", text))
    assert len(used) > 40
    assert used <= set(words("page"))


@pytest.mark.parametrize(
    "nasty",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "{{ 7 * 7 }} {% raw %}",
        "abc \u202e txet \u2066 lone \ud83d mark \x00 \x1b[31m",
        "😀" * 5_000 + "x" * 10_000,
        "{label} {0} {__class__}",
    ],
)
def test_a_text_of_any_kind_is_shown_harmlessly(folder: Path, tmp_path: Path, nasty: str) -> None:
    copy = tmp_path / "model"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    wrong = {"text": nasty, "truth": nasty, "label": nasty, "probability": 0.5}
    (copy / "wrong.jsonl").write_text(json.dumps(wrong) + "\n", encoding="utf-8")
    manifest = manifest_of(copy)
    manifest["schema"]["label"] = nasty
    manifest["data"][0]["name"] = nasty
    scores = json.loads((copy / "scores.json").read_text(encoding="utf-8"))
    scores["details"]["labels"][0] = scores["details"]["per_class"][0]["label"] = nasty
    (copy / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    text = make_pages(copy, manifest, name=nasty)["report.html"].decode("utf-8")
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert not re.search("[\u202e\u2066\x00\x1b]", text)
    assert "49" not in text.partition("<title>")[2].partition("</title>")[0]
    assert len(text) < 300_000


def test_150_labels_are_readable(folder: Path, tmp_path: Path) -> None:
    labels = [f"label number {i}" for i in range(150)]
    matrix = [[5 if i == j else int((i + j) % 37 == 0) for j in range(150)] for i in range(150)]
    score = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9, "better": "higher"}
    per_class = [{"label": n, "precision": score, "recall": score, "f1": score, "n": 9} for n in labels]
    found = records_of(folder)
    found.manifest["schema"]["labels"] = labels
    found.scores["details"].update(labels=labels, confusion=matrix, per_class=per_class)
    text = render_report(found)
    assert text.count('<rect class="h') == 20 * 20
    assert "Of 150 labels, the 20 with the most mistakes are drawn" in text
    assert text.count("label number 149") >= 1 and len(text) < 400_000


def test_what_is_missing_is_said(folder: Path, tmp_path: Path) -> None:
    manifest = {**manifest_of(folder), "scores": {}}
    text = render_report(read_records(tmp_path, manifest, "old"))
    assert "No rows were held out" in text
    assert "the folder was written before this was recorded" in text
    assert "没有留出用于测量的数据" in text


@pytest.mark.parametrize(
    ("task", "head", "rows"),
    [
        ("multilabel", "text,labels", ["a good soup,food;good", "a bad soup,food;bad", "a dull book,bad"]),
        ("score", "text,score", ["a good soup,4.5", "a bad soup,1.5", "a dull book,2"]),
        ("classify", "text,label", ["a good soup,x", "a bad soup,y", "a dull book,z"]),
    ],
)
@pytest.mark.parametrize("validation", [0.0, 0.2])
def test_every_task_has_its_pages(
    tmp_path: Path, task: str, head: str, rows: list[str], validation: float
) -> None:
    data = tmp_path / "a.csv"
    every = [f"{i} {row}" for i in range(30) for row in rows]
    data.write_text("\n".join([head, *every]), encoding="utf-8")
    said: list[str] = []
    settings = {"task": task, "split": {"validation": validation, "test": validation}}
    recipe = textwright.Recipe.parse({**settings, "model": {"name": "bag"}, "budget": {"minutes": 1}})
    textwright.train(data, tmp_path / "m", recipe, sink=lambda event: said.append(str(event)))
    assert not [line for line in said if "bug of ours" in line]
    text = (tmp_path / "m" / "report.html").read_text(encoding="utf-8")
    assert ("No rows were held out" in text) == (validation == 0)
    assert "not assessed" in (tmp_path / "m" / "README.md").read_text(encoding="utf-8")


def test_a_fault_of_the_page_does_not_cost_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*args: object, **values: object) -> list[str]:
        raise KeyError("no such word")

    monkeypatch.setattr("textwright.choose.keeping.make_pages", fault)
    said: list[str] = []
    recipe = textwright.Recipe.parse({"model": {"name": "bag"}, "budget": {"minutes": 1}})
    textwright.train(SAMPLE, tmp_path / "m", recipe, sink=lambda event: said.append(str(event)))
    assert textwright.load(tmp_path / "m").predict(["lovely"])
    assert any("the pages could not be written" in line and "no such word" in line for line in said)


def test_a_page_that_was_edited_is_no_damage(folder: Path) -> None:
    report = folder / "report.html"
    before = report.read_bytes()
    report.write_text("my own page", encoding="utf-8")
    assert textwright.load(folder).predict(["lovely"])
    report.write_bytes(before)


def written(path: Path, events: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return path


def test_curves_of_a_long_run_are_smoothed(tmp_path: Path) -> None:
    """Every second loss is twice as high; each point is the mean of many steps, and no step is lost."""
    events: list[dict[str, Any]] = [{"note": "begins", "kind": "said", "fit": "cnn"}]
    for step in range(1, 20_001):
        event = {"step": step, "epoch": step / 1000, "loss": 1.0 + step % 2}
        events.append({**event, "scores": {"accuracy": 0.5}} if step % 1000 == 0 else event)
    (curve,) = read_curves(written(tmp_path / "events.jsonl", events))
    assert curve.num_steps == 20_000 and len(curve.checks["accuracy"]) == 20
    assert 30 <= len(curve.loss) <= 60
    assert all(abs(loss - 1.5) < 0.01 for _, loss in curve.loss)
    epochs = [epoch for epoch, _ in curve.loss]
    assert epochs == sorted(epochs) and epochs[0] < 0.5 and epochs[-1] > 19.5


def test_curves_of_a_short_run_are_as_they_were(tmp_path: Path) -> None:
    events = [{"step": step, "epoch": step / 10, "loss": 1 / step} for step in range(1, 41)]
    (curve,) = read_curves(written(tmp_path / "events.jsonl", events))
    assert curve.loss == [(step / 10, 1 / step) for step in range(1, 41)]


def test_wrong_rows_carry_their_tokens(folder: Path) -> None:
    rows = [json.loads(line) for line in (folder / "wrong.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows[0]["explained_by"] == "occlusion"
    assert all(row["text"][t["start"] : t["end"]] == t["text"] for row in rows[:12] for t in row["tokens"])


def test_values_are_escaped_in_both_languages() -> None:
    found = both("verdict.weakest", label="<b>", found="1", n="9", recall="1 %")
    assert "<b>" not in found and found.count("&lt;b&gt;") == 2


def test_a_figure_stands_alone(tmp_path: Path) -> None:
    chart = line_chart([("adam <b>", [(0, 1), (1, 0.5)], [(1, 0.5)])], x="轮", y="")
    save_figure(chart, tmp_path / "a.svg", "Loss & more")
    root = ElementTree.fromstring((tmp_path / "a.svg").read_text(encoding="utf-8"))
    texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "adam <b>" in texts and "轮" in texts and root.get("aria-label") == "Loss & more"
    with pytest.raises(ValueError, match="nothing to draw"):
        save_figure(None, tmp_path / "b.svg", "Loss")


def test_names_in_a_scatter_keep_clear_of_dots_and_of_each_other() -> None:
    at = [("bag", 70_000.0), ("cnn one", 1.2e6), ("cnn two", 1.2e6), ("lstm one", 1.9e6), ("lstm two", 1.9e6)]
    rows = [(name, x, 0.8 - 0.02 * i, 0.7, 0.9) for i, (name, x) in enumerate(at)]
    chart = scatter(rows, x="", y="")
    assert chart is not None
    boxes = [
        (dot.label[0], dot.label[1] - 10, dot.label[0] + 7 * len(dot.name), dot.label[1])
        for dot in chart.dots
    ]
    for i, box in enumerate(boxes):
        assert box[0] >= 0 and box[2] <= 420
        others = [*boxes[:i], *((dot.x - 3, dot.y - 3, dot.x + 3, dot.y + 3) for dot in chart.dots)]
        for other in others:
            across, down = (
                min(box[2], other[2]) - max(box[0], other[0]),
                min(box[3], other[3]) - max(box[1], other[1]),
            )
            assert across <= 0 or down <= 0


def tried(path: Path, epochs: list[tuple[float, bool]]) -> Path:
    """A fit with one check an event: (epoch, whether it was the best)."""
    return written(
        path,
        [
            {"step": step, "epoch": epoch, "loss": step, "scores": {"accuracy": step}, "is_best": is_best}
            for step, (epoch, is_best) in enumerate(epochs, 1)
        ],
    )


def test_of_a_fit_that_begins_anew_the_try_that_was_best_is_drawn(tmp_path: Path) -> None:
    better_later = [(1, False), (2, True), (3, False), (1, True), (2, True)]
    (curve,) = read_curves(tried(tmp_path / "a.jsonl", better_later))
    assert curve.loss == [(1, 4), (2, 5)] and curve.best == 2
    assert curve.checks == {"accuracy": [(1, 4), (2, 5)]}
    better_first = [(1, True), (2, True), (1, False), (2, False)]
    (curve,) = read_curves(tried(tmp_path / "b.jsonl", better_first))
    assert curve.loss == [(1, 1), (2, 2)] and curve.best == 2


def test_a_fit_that_goes_a_step_back_draws_over_what_came_after(tmp_path: Path) -> None:
    (curve,) = read_curves(tried(tmp_path / "a.jsonl", [(1, True), (2, True), (3, True), (2, True)]))
    assert curve.loss == [(1, 1), (2, 4)] and curve.best == 2
    assert curve.checks == {"accuracy": [(1, 1), (2, 4)]}


def test_beside_a_curve_a_single_check_is_a_dot() -> None:
    chart = line_chart([("bag", [(1, 0.5), (2, 0.6)], []), ("cnn", [(1, 0.4)], [])], x="", y="")
    assert chart is not None and [len(line.marks) for line in chart.lines] == [0, 1]
    assert line_chart([("cnn", [(1, 0.4)], [])], x="", y="") is None


@pytest.mark.parametrize("name", ["comp.os.ms-windows.misc", "MMMMMMMM WWWWWWWW", "收货地址与发票抬头信息"])
def test_names_have_the_room_that_they_need(name: str) -> None:
    found = heatmap([name, "b"], [[1, 0], [0, 1]])
    assert width(found.labels[0]) <= found.left - 6
    chart = whiskers([(name, 0.5, 0.4, 0.6)], x="")
    assert chart is not None and width(chart.dots[0].name) <= chart.left - 8


def test_the_score_stands_beside_that_of_no_model(folder: Path) -> None:
    text = (folder / "report.html").read_text(encoding="utf-8")
    headline = text.partition("</nav>")[2].partition('<h2 id="asked"')[0]
    assert headline.count("<circle") == 2
    for words_of in ("this model", "no model", "本模型", "不用模型"):
        assert f">{words_of}</text>" in headline


@pytest.mark.parametrize("label", ["accuracy", "occlusion", "failed", "{0}", "no label"])
def test_a_label_that_is_called_like_a_term_stays_as_it_is(label: str) -> None:
    found = both("verdict.confused", truth=label, answer=label, count=1, n=2, share="50 %")
    assert found.count(f"“<bdi>{label}</bdi>”") == 4


def test_no_word_is_left_that_nothing_says() -> None:
    package = Path(textwright.__file__).parent / "report"
    files = [*package.glob("*.py"), *package.glob("templates/*")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    # Put together from what a record holds, or from a list in a template.
    pieces = (
        "metric.",
        "name.",
        "script.",
        "task.",
        "look.",
        "glossary.",
        "part.",
        "headline.",
        "wrong.",
        "scores.",
        "language.protocol_",
        "inspect.told_",
        "inspect.attention_",
        "rate.",
    )
    ends = (
        "inspect.causal",
        "inspect.masked",
        "inspect.pairs",
        "inspect.gaps",
        ".title",
        "_worse",
        "_alike",
        "as_sure",
        "too_shy",
        "too_sure",
        "uneven",
        "right",
        "right_validation",
        "others",
    )
    rest = [key for key in words("page") if not key.startswith(pieces) and not key.endswith(ends)]
    unused = [key for key in rest if not re.search(f"[\"']{key}[\"']", text)]
    assert unused == ["candidates.x_latency", "candidates.x_size"]


def test_long_names_that_differ_in_the_middle_stay_apart() -> None:
    labels = [f"a category with the number {i} and a long name" for i in range(20)]
    matrix = [[int(i == j) for j in range(20)] for i in range(20)]
    assert len(set(heatmap(labels, matrix).labels)) == 20
    chart = whiskers([(label, 0.5, 0.4, 0.6) for label in labels], x="")
    assert chart is not None and len({dot.name for dot in chart.dots}) == 20


def test_a_share_never_leaves_its_range_and_a_narrow_axis_has_numbers() -> None:
    chart = line_chart([("bag", [(1, 0.9), (2, 1.0)], [])], x="", y="", share=True)
    assert chart is not None and chart.y_ticks[-1][1] == "1"
    sizes = scatter([("a", 1.9e6, 0.8, 0.7, 0.9), ("b", 4.1e6, 0.8, 0.7, 0.9)], x="", y="")
    assert sizes is not None and len(sizes.x_ticks) >= 3


def test_the_words_for_a_terminal_do_not_leave_out_a_warning(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "m")
    data = json.loads((folder / "data.json").read_text(encoding="utf-8"))
    (tmp_path / "m" / "data.json").write_text(
        json.dumps({**data, "warnings": ["too good"]}), encoding="utf-8"
    )
    first, second = in_words(tmp_path / "m", manifest_of(folder), "en")
    assert first.startswith("Of 100 new texts like these") and second == "Careful: too good."
