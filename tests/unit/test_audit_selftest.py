"""The self-test measures: a check that finds nothing, or everything, falls short."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from textwright.audit.base import Check, Targets
from textwright.audit.checks import exact_twins
from textwright.audit.findings import Finding, Result
from textwright.audit.proof.made import made, made_pairs
from textwright.audit.proof.selftest import Proof, prove, selftest
from textwright.audit.settings import AuditSettings
from textwright.audit.subject import AuditData

ROWS = 200


def proofs(check: Check, nulls: int = 10) -> list[Proof]:
    return list(prove(check, "en", lambda seed: made("en", rows=ROWS, seed=seed), seeds=2, nulls=nulls))


def blind(data: AuditData) -> Result:
    return Result.of([])


def paranoid(data: AuditData) -> Result:
    return Result.of([Finding("exact_twins", "high", "all of them", rows=np.arange(len(data)))])


def test_a_right_check_passes() -> None:
    for proof in proofs(exact_twins.CHECK):
        assert proof.passed
        assert proof.recall is not None and proof.recall.value == 1.0
        assert proof.precision is not None and proof.precision.value == 1.0
        assert proof.recall.n == 2 * max(1, round(proof.rate * ROWS))


def test_a_blind_check_has_no_recall() -> None:
    proof = proofs(replace(exact_twins.CHECK, run=blind))[0]
    assert not proof.passed and not proof.is_noisy
    assert proof.recall is not None and proof.recall.value == 0.0
    assert proof.precision is None


def test_a_check_that_finds_everything_is_noisy() -> None:
    proof = proofs(replace(exact_twins.CHECK, run=paranoid))[0]
    assert proof.is_noisy and not proof.passed
    assert proof.false_alarms.value == 1.0
    assert proof.precision is not None and proof.precision.value < 0.1


def test_one_false_alarm_of_ten_is_not_surely_too_many() -> None:
    def once(data: AuditData) -> Result:
        return paranoid(data) if data.seed == first else blind(data)

    from textwright.core.seeds import derive

    first = derive(0, "null", 0)
    proof = proofs(replace(exact_twins.CHECK, run=once, targets=Targets(recall=None)))[0]
    assert proof.false_alarms.value == 0.1
    assert not proof.is_noisy


def test_a_check_is_tried_where_it_applies() -> None:
    own = replace(exact_twins.CHECK, languages=frozenset({"zh"}))
    assert "does not know the language" in proofs(own)[0].why


def test_the_made_sets_are_clean_and_all_of_their_kind() -> None:
    for language in ("en", "zh"):
        data = made(language, rows=400)  # type: ignore[arg-type]
        assert data.language == language
        assert len(set(data.folded)) == 400
        assert len(data.label_names) == 4
    pairs = made_pairs(rows=300)
    assert len(pairs.others) == 300 and pairs.task == "translate"
    assert made("en", rows=20, seed=1).texts != made("en", rows=20, seed=2).texts


def test_the_verb_says_what_it_measured() -> None:
    record = selftest(settings=AuditSettings(checks="exact_twins"), seeds=1, nulls=2).to_json()
    assert record["passed"]
    assert {row["on"] for row in record["checks"]} == {"en", "zh"}
    keys = {"check", "fault", "recall", "precision", "false_alarm_rate", "runs", "passed"}
    assert keys <= set(record["checks"][0])


def test_an_own_file_is_sampled(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "own.csv"
    rows = made("en", rows=60)
    lines = [f'"{text}",{label[0]}' for text, label in zip(rows.texts, rows.labels, strict=True)]
    path.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    before = path.read_bytes()
    found = selftest(path, AuditSettings(checks="exact_twins"), seeds=1, nulls=1)
    assert found.passed and found.proofs[0].on == "own data"
    assert path.read_bytes() == before


@pytest.mark.parametrize("rate", [0.01, 0.05])
def test_a_share_of_the_rows_is_planted(rate: float) -> None:
    data = made("en", rows=400)
    planted = exact_twins.plant(data, rate, 3)
    assert len(planted.data) - len(data) == round(rate * 400) == len(planted.rows)
