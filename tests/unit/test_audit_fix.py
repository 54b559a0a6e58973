"""Patches: made of findings, applied while rows are read, refused where they do not fit, and taken back."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from textwright.audit.findings import Finding, Fix, Result
from textwright.audit.folder import make_audit, write_audit
from textwright.audit.patches.comparing import diff
from textwright.audit.patches.fixing import Fixing, as_rows
from textwright.audit.patches.kinds import merge, move, reweigh
from textwright.audit.patches.making import fix
from textwright.audit.patches.sheet import export_review, import_review, open_review
from textwright.audit.patches.writing import undo, write_patch
from textwright.audit.reading import read_audited
from textwright.audit.registry import CHECKS
from textwright.audit.running import Ran
from textwright.audit.settings import AuditSettings
from textwright.core.errors import AuditError, DataError
from textwright.core.files import read_json, sha256
from textwright.tasks.prepare import prepare_data
from textwright.tasks.recipe import Recipe
from textwright.text.corpus import Asked, read_corpus
from textwright.text.pairs.reading import Asked as PairsAsked
from textwright.text.pairs.reading import read_pairs
from textwright.text.patches import Change, patches_in, read_patches
from textwright.text.rowlog import RowLog

ROWS = [
    (f"text number {i} of this file {'good' if i % 2 else 'bad'}", "pos" if i % 2 else "neg")
    for i in range(40)
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([("text", "label"), *ROWS, ROWS[3], ROWS[4]])
    return path


def audit_with(file: Path, out: Path, *findings: Finding, **settings: Any) -> Path:
    """The folder of an audit with these findings."""
    asked = AuditSettings().replaced(settings)
    data = read_audited([file], asked).data
    ran = [Ran(CHECKS.get("exact_twins"), Result.of(findings), 0.0)]
    write_audit(make_audit("data", data, ran, asked, {}), out, {})
    return out


def of(kind: Any, rows: list[int], safe: bool = True, **params: Any) -> Finding:
    return Finding(
        "made", "warn", "t", subject=kind, rows=np.array(rows), fixes=(Fix(kind, "w", safe, params),)
    )


def texts(file: Path, audit: Path | None = None) -> list[str]:
    return read_corpus(file, Asked(patches=None if audit is None else str(audit))).texts


def test_twins_are_dropped_and_come_back(file: Path, tmp_path: Path) -> None:
    import textwright.audit

    before, hash_ = texts(file), sha256(file)
    out = tmp_path / "audit"
    textwright.audit.data(file, out, AuditSettings(checks=["exact_twins"]))
    assert not fix(out).patches and not patches_in(out)  # only says what could be done
    made = fix(out, safe=True)
    assert [patch["counts"] for patch in made.patches] == [{"drop": 2}]
    corpus = read_corpus(file, Asked(patches=str(out)))
    assert corpus.texts == before[:-2]
    assert corpus.log.counts == {("dropped", f"patch {made.patches[0]['name']}"): 2}
    assert corpus.patches[0]["sha256"] == sha256(out / "patches" / made.patches[0]["name"] / "patch.jsonl")
    assert not fix(out, safe=True).patches  # it is there already
    name = undo(out)
    with pytest.raises(DataError, match="no patches"):
        texts(file, out)
    assert undo(out, back=True) == name and texts(file, out) == before[:-2]
    assert sha256(file) == hash_


def test_another_version_of_the_file_is_refused(file: Path, tmp_path: Path) -> None:
    out = audit_with(file, tmp_path / "a", of("drop", [1]))
    fix(out, safe=True)
    file.write_text(file.read_text(encoding="utf-8") + "more,pos\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"another version.*rows\.csv"):
        texts(file, out)
    with pytest.raises(DataError, match="another version"):
        fix(out, safe=True)


def test_a_moved_file_is_asked_for(file: Path, tmp_path: Path) -> None:
    out = audit_with(file, tmp_path / "a", of("drop", [1]))
    moved = file.rename(tmp_path / "moved.csv")
    with pytest.raises(AuditError, match=r"rows\.csv: .*not there"):
        fix(out, safe=True)
    assert fix(out, safe=True, data=moved).patches and len(texts(moved, out)) == 41


def test_an_edited_patch_is_refused(file: Path, tmp_path: Path) -> None:
    out = audit_with(file, tmp_path / "a", of("drop", [1]))
    fix(out, safe=True)
    lines = next((out / "patches").glob("0*")) / "patch.jsonl"
    lines.write_text(lines.read_text(encoding="utf-8").replace('"row": 3', '"row": 4'), encoding="utf-8")
    with pytest.raises(DataError, match="edited"):
        texts(file, out)


def test_unsafe_needs_a_reason_and_unknown_ids_the_nearest(file: Path, tmp_path: Path) -> None:
    found = of("drop", [1], safe=False)
    out = audit_with(file, tmp_path / "a", found)
    with pytest.raises(AuditError, match="not safe"):
        fix(out, findings=[found.id], because="ok")
    with pytest.raises(AuditError, match="not safe"):
        fix(out, findings=[found.id], because="是通知")
    with pytest.raises(AuditError, match=found.id):
        fix(out, findings=[found.id[:-1]])
    assert not fix(out, safe=True).patches
    made = fix(out, findings=[found.id], because="read it: it is spam", who="Ann")
    assert (made.patches[0]["because"], made.patches[0]["who"]) == ("read it: it is spam", "Ann")


def test_patches_stand_upon_each_other_and_conflicts_name_both(file: Path, tmp_path: Path) -> None:
    first, second = of("mask", [1], terms=["number"]), of("drop", [1, 2])
    out = audit_with(file, tmp_path / "a", first, second)
    made = fix(out, safe=True)
    assert [patch["kind"] for patch in made.patches] == ["mask", "drop"]
    assert len(texts(file, out)) == 40
    with pytest.raises(AuditError, match="made upon"):
        undo(out, made.patches[0]["name"])
    files = read_patches(out).patches[0].manifest["files"]
    undo(out)
    row = as_rows(read_audited([file], AuditSettings()).data)[1]
    about = {"keyed": "labels", "findings": ["x-1"], "rule": ""}
    write_patch(out, "repair", [Change(0, 3, row.hash("labels"), "text", "another")], files, about)
    with pytest.raises(DataError, match=r"row 3: .*001-mask.* and 003-repair-x-1 have two values"):
        texts(file, out)


def test_an_interrupted_fix_leaves_nothing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textwright.audit.patches import writing

    out = audit_with(file, tmp_path / "a", of("drop", [1]))

    def killed(path: Path) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "sha256", killed)
    with pytest.raises(KeyboardInterrupt):
        fix(out, safe=True)
    assert not patches_in(out) and list((out / "patches").iterdir()) == []


def test_label_weight_and_add(file: Path, tmp_path: Path) -> None:
    out = audit_with(file, tmp_path / "a")
    rows = as_rows(read_audited([file], AuditSettings()).data)
    hashes = [row.hash("labels") for row in rows]
    changes = [
        Change(0, 2, hashes[0], "label", ["pos"]),
        Change(0, 3, hashes[1], "weight", 3.0),
        Change(0, 4, hashes[2], "add", {"text": "an added text", "labels": ["neg"]}),
    ]
    files = [{"name": "rows.csv", "sha256": sha256(file), "size": 1}]
    write_patch(out, "mixed", changes, files, {"keyed": "labels", "findings": ["x-1"], "rule": ""})
    corpus = read_corpus(file, Asked(patches=str(out)))
    assert corpus.weights is not None and corpus.added is not None
    assert corpus.schema.labels[corpus.targets[0]] == "pos" and corpus.weights.max() == 3
    assert [corpus.texts[i] for i in np.flatnonzero(corpus.added)] == ["an added text"]
    for seed in range(6):
        recipe = Recipe().replaced({"data.patches": str(out), "seed": seed, "split.test": 0.3})
        prepared = prepare_data(file, recipe)
        assert "an added text" not in prepared.locked_texts and prepared.folds is None
        learned = [prepared.examples.texts[i] for i in prepared.train]
        times = learned.count(rows[1].text)
        assert times == 0 or times % 3 == 0
        held_out = [*prepared.locked_texts, *(prepared.examples.texts[i] for i in prepared.validation)]
        assert ("an added text" in learned) == (rows[2].text not in held_out)


def test_patches_of_pairs(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("en\tzh\nGrass is green.\t草是绿色的。\nSnow is cold.\t雪很冷。\n", encoding="utf-8")
    out = audit_with(path, tmp_path / "a", of("mask", [0], terms=["色的"]), of("drop", [1]))
    fix(out, safe=True)
    log = RowLog()
    pairs = read_pairs([path], PairsAsked(patches=str(out)), log)
    assert [(pair.source, pair.target, pair.row) for pair in pairs] == [("Grass is green.", "草是绿 。", 2)]
    assert sorted(what for what, _ in log.counts) == ["changed", "dropped"]


def test_relabelling_needs_two(file: Path, tmp_path: Path) -> None:
    found = of("relabel", [0, 1, 2], safe=False, suggested={"0": "pos", "1": "neg", "2": "pos"})
    out = audit_with(file, tmp_path / "a", found)
    review = open_review(out)
    sheet = tmp_path / "review.csv"
    assert export_review(review, sheet) == 3
    lines = list(csv.DictReader(sheet.read_text(encoding="utf-8-sig").splitlines()))
    assert [line["suggested"] for line in lines] == ["pos", "neg", "pos"]
    for line, answer in zip(lines, ("accept", "accept", "nonsense"), strict=True):
        line["answer"], line["who"] = answer, "Ann"

    def save() -> None:
        with sheet.open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, lines[0])
            writer.writeheader()
            writer.writerows(lines)

    save()
    with pytest.raises(DataError, match="row 4, column 'answer': unknown answer 'nonsense'"):
        import_review(review, sheet)
    assert not (out / "reviews.jsonl").exists()  # all or none
    lines[2]["answer"] = ""
    save()
    assert import_review(review, sheet) == 2
    ask = {"findings": [found.id], "because": "two people read them"}
    with pytest.raises(AuditError, match="two people"):
        fix(out, **ask)
    review.say(review.cases[0], "accept", "Ben")
    review.say(review.cases[1], "keep", "Ben")  # they disagree
    assert [case.row for case in review.open_for("Ben")] == [4]
    assert fix(out, **ask).patches[0]["counts"] == {"label": 1}
    corpus = read_corpus(file, Asked(patches=str(out)))
    assert corpus.schema.labels[corpus.targets[0]] == "pos"


def fixing(file: Path, positions: list[int], **params: Any) -> Fixing:
    data = read_audited([file], AuditSettings()).data
    return Fixing(data, as_rows(data), np.array(positions), params, file.parent, "f")


def test_merge_keeps_the_label_of_most(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("text,label\na b c,x\nA b c,y\na b  c,x\nd e f,x\nd e f,y\ng h,y\n", encoding="utf-8")
    made = fixing(path, [0, 1, 2, 3, 4])
    merge.lines(made)
    assert [change.row for change in made.changes] == [3, 4] and len(made.notes) == 1


def test_move_never_takes_test_rows(file: Path) -> None:
    made = fixing(file, [0], rows=[0, 5])
    made.data.parts[0] = "test"
    with pytest.raises(AuditError, match="row 2 belongs to test"):
        move.lines(made)


def test_weights_make_group_and_label_independent() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 2, 500)
    labels = (rng.random(500) < 0.2 + 0.5 * groups).astype(np.int64)
    weights = reweigh.independent(groups, labels)
    shares = [np.average(labels[groups == g], weights=weights[groups == g]) for g in (0, 1)]
    assert shares[0] == pytest.approx(shares[1]) and weights.sum() == pytest.approx(500)


def test_diff_of_before_and_after(file: Path, tmp_path: Path) -> None:
    import textwright.audit

    before, after = tmp_path / "before", tmp_path / "after"
    textwright.audit.data(file, before, AuditSettings(checks=["exact_twins"]))
    fix(before, safe=True)
    textwright.audit.data(file, after, AuditSettings(checks=["exact_twins"], patches=str(before)))
    found = diff(before, after, tmp_path / "diff")
    assert read_json(tmp_path / "diff" / "diff.json") == json.loads(json.dumps(found.to_json()))
    page = (tmp_path / "diff" / "report.html").read_text(encoding="utf-8")
    assert page.count('role="img"') == 1 and "exact_twins.share" in page and "已消失" in page
    diff(before, after, tmp_path / "diff")
    with pytest.raises(AuditError, match="something else"):
        diff(before, after, before)
    (tmp_path / "diff" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(AuditError, match="something else"):
        diff(before, after, tmp_path / "diff")
    assert "findings gone: 1, new: 0, left: 0, not checked again: 0" in found.verdict
    textwright.audit.data(file, tmp_path / "other", AuditSettings(checks=["lengths"]))
    other = diff(before, tmp_path / "other", tmp_path / "unchecked")
    assert "gone: 0, new: 0, left: 0, not checked again: 1" in other.verdict
    assert "not checked again" in (tmp_path / "unchecked" / "report.html").read_text(encoding="utf-8")
    assert len(found.gone) == 1 and found.gone[0]["checked"] and not found.new and not found.kept
    numbers = {one["number"]: one for one in found.numbers}
    assert numbers["exact_twins.copies"]["before"]["value"] == 2
    assert numbers["exact_twins.share"]["after"]["high"] is not None
    json.dumps(found.to_json())
    with pytest.raises(AuditError, match="with patches already"):
        fix(audit_with(file, tmp_path / "x", of("drop", [1]), patches=str(before)), safe=True)


def test_a_wrong_encoding_is_mended_and_no_text_stands_in_a_finding(tmp_path: Path) -> None:
    import textwright.audit

    path = tmp_path / "rows.csv"
    lines = [f"a plain text of number {i},{'ab'[i % 2]}" for i in range(8)]
    path.write_text("\n".join(["text,label", *lines, "a cafÃ© in town,a"]), encoding="utf-8")
    out = tmp_path / "audit"
    textwright.audit.data(path, out, AuditSettings(checks=["encoding"], label="label"))
    assert "town" not in (out / "findings.jsonl").read_text(encoding="utf-8")
    assert fix(out, safe=True).patches[0]["counts"] == {"text": 1}
    assert texts(path, out)[-1] == "a café in town"
