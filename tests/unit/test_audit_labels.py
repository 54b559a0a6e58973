"""Checks of labels, shortcuts, order, origins and annotators: faults that are known, and edges."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from textwright.audit.checks import annotators, drift, imbalance, label_errors, metadata, origins, shortcuts
from textwright.audit.of_data import data as audit_data
from textwright.audit.phrases import phrases, surface, tokens
from textwright.audit.proof.made import made
from textwright.audit.remembered import Remembered, read_remembered, remember
from textwright.audit.settings import AuditSettings
from textwright.audit.subject import AuditData
from textwright.core.errors import DataError
from textwright.measure.confident import calibrated, confident_joint, wrong_labels

ALL = [check.CHECK for check in (annotators, drift, imbalance, label_errors, metadata, origins, shortcuts)]
SAMPLE = Path(__file__).parents[2] / "src" / "textwright" / "sample"


def plain(texts: list[str], labels: list[str]) -> AuditData:
    own = [(label,) if label else () for label in labels]
    return AuditData("classify", texts, np.arange(2, len(texts) + 2), labels=own)


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
@pytest.mark.parametrize(
    "data",
    [
        plain(["one row"], ["a"]),
        plain([""] * 40, ["a", "b"] * 20),
        plain(["a text"] * 40, [""] * 40),
        plain([f"text {i:03}" for i in range(300)], ["a"] * 300),
        plain(["broken \ud800 text", "x" * 200_000] * 20, ["a", "b"] * 20),
    ],
    ids=["one row", "empty", "no labels", "one label", "surrogates and long"],
)
def test_nothing_is_claimed_of_data_that_say_nothing(check, data: AuditData) -> None:
    assert check(data).status != "found"


def test_the_confident_joint_counts_by_class_thresholds() -> None:
    # Thresholds are 0.6 and 0.7: row 1 is confident of class 1, row 3 of neither.
    classes = np.array([0, 0, 1, 1, 1])
    chances = np.array([[0.95, 0.05], [0.25, 0.75], [0.1, 0.9], [0.5, 0.5], [0.3, 0.7]])
    joint = confident_joint(classes, chances)
    assert joint.tolist() == [[1, 1], [0, 2]]
    assert calibrated(joint, np.bincount(classes)).tolist() == [[1.0, 1.0], [0.0, 3.0]]
    worst, _ = wrong_labels(classes, chances)
    assert worst.tolist() == [1]


def test_planted_noise_is_ranked_first() -> None:
    planted = label_errors.plant(made("en", rows=1000), 0.05, 3)
    (finding,) = label_errors.CHECK(planted.data).findings
    assert np.isin(planted.rows, finding.rows).mean() >= 0.65
    assert np.isin(finding.rows[:30], planted.rows).mean() >= 0.85
    fix = finding.fixes[0]
    assert fix.kind == "relabel" and not fix.safe
    truth = made("en", rows=1000)
    right = [fix.params["suggested"].get(str(i)) == truth.labels[i][0] for i in planted.rows.tolist()]
    assert np.mean(right) >= 0.65


def test_the_pair_of_labels_that_are_mixed_up_is_named() -> None:
    data = made("zh", rows=1000)
    a, b = data.label_names[:2]
    own = [i for i, labels in enumerate(data.labels) if labels == (a,)][::4]
    labels = [(b,) if i in set(own) else labels for i, labels in enumerate(data.labels)]
    (finding,) = label_errors.CHECK(data.relabelled(labels)).findings
    assert finding.details["pair"] == [b, a]


def test_phrases_are_counted_as_plain_python_counts_them() -> None:
    rng = np.random.default_rng(0)
    words = ["red", "blue", "好", "坏", "!"]
    texts = [" ".join(rng.choice(words, rng.integers(0, 6))) for _ in range(200)]
    classes = rng.integers(0, 2, 200)
    for table in phrases(tokens(texts), classes, 2, (1, 2), ()):
        counted: dict[tuple[str, ...], set[int]] = {}
        for row, text in enumerate(texts):
            own = text.split()
            for i in range(len(own) - table.size + 1):
                counted.setdefault(tuple(own[i : i + table.size]), set()).add(row)
        wanted = {key: sorted(rows) for key, rows in counted.items() if len(rows) >= 20}
        found = {}
        for g, (row, place) in enumerate(table.sample.tolist()):
            key = tuple(surface(texts[row], place, table.size).split())
            found[key] = table.of(g).tolist()
            assert table.by_class[g, 1] == classes[found[key]].sum()
        assert found == wanted


@pytest.mark.parametrize(("language", "phrase"), [("en", "sent from my tablet"), ("zh", "来自平板客户端")])
def test_the_signature_of_the_sample_is_found_until_a_person_calls_it_legitimate(
    language: str, phrase: str, tmp_path: Path
) -> None:
    path, verdicts = SAMPLE / f"reviews.{language}.csv", tmp_path / "verdicts.jsonl"
    settings = AuditSettings(checks="shortcuts", remembered=str(verdicts))
    found = audit_data(path, settings=settings)
    assert found.findings[0]["subject"] == phrase
    remember(verdicts, Remembered("shortcuts", phrase, "legitimate", who="me"))
    again = audit_data(path, settings=settings)
    assert phrase not in [finding["subject"] for finding in again.findings]


def test_verdicts_are_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.jsonl"
    assert read_remembered(path) == {}
    remember(path, Remembered("shortcuts", "图", "legitimate"))
    remember(path, Remembered("shortcuts", "图", "artifact", why="a caption"))
    assert read_remembered(path) == {("shortcuts", "图"): "artifact"}
    path.write_text(json.dumps({"check": "x", "subject": "y", "verdict": "fine"}) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="row 1"):
        read_remembered(path)


def test_what_may_be_an_address_is_not_shown() -> None:
    assert shortcuts.shown("write to me@example.org") == "•••"


def test_a_sorted_file_has_a_sentence_of_its_own() -> None:
    data = made("en", rows=400)
    order = np.argsort(data.label_ids, kind="stable")
    result = drift.CHECK(data.taken(order))
    assert [finding.title for finding in result.findings] == ["the file is sorted by label"]


def test_lengths_that_grow_are_found() -> None:
    data = made("zh", rows=400)
    order = np.argsort([len(text) for text in data.texts], kind="stable")
    assert "lengths" in drift.CHECK(data.taken(order)).subjects


def test_alpha_is_that_of_the_textbook() -> None:
    # Krippendorff (2011), "Computing Krippendorff's alpha-reliability", example C: nominal alpha 0.743.
    answers = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    columns = [line.split() for line in answers]
    counts = np.array([[sum(c[u] == str(k) for c in columns) for k in range(1, 6)] for u in range(12)])
    kept = counts[counts.sum(axis=1) >= 2]
    assert annotators.alpha_score(kept).value == pytest.approx(0.743, abs=5e-4)


def test_licences_are_told_by_what_they_ask_for() -> None:
    data = origins.null(made("en", rows=60), 0)
    cells = ["CC BY-NC 4.0"] * 10 + [""] * 5 + ["MIT"] * 45
    found = origins.CHECK(replace(data, columns={**data.columns, "licence": cells}))
    assert {f.subject: f.severity for f in found.findings} == {"licence": "high", "no commercial use": "warn"}
    assert found.findings[0].rows.tolist() == [*range(10, 15)]


def test_a_rare_label_says_how_many_rows_to_collect() -> None:
    labels = ["a"] * 500 + ["b"] * 495 + ["c"] * 5
    (finding,) = imbalance.CHECK(plain(["text"] * 1000, labels)).findings
    assert finding.subject == "c"
    assert finding.fixes[0].params == {"label": "c", "rows": 29}


def test_the_end_of_texts_tells_the_label() -> None:
    planted = metadata.plant(made("zh", rows=600), 0.9, 1)
    (finding,) = metadata.CHECK(planted.data).findings
    assert finding.details["most"] in ("last characters", "signs")
    assert metadata.CHECK(made("zh", rows=600)).status == "clean"
