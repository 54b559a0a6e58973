"""The gate of a release: pass, fail and undecided, each by records that were made for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from textwright.audit.folder import Audit, write_audit
from textwright.audit.release.accepted import accept
from textwright.audit.release.gate import decide, gate
from textwright.audit.release.policy import Policy, load_policy
from textwright.cli.audit import app
from textwright.core.errors import AuditError, ConfigError
from textwright.core.records import Score


def audit(
    *findings: tuple[str, str],
    status: str = "clean",
    about: str = "data",
    numbers: dict[str, Any] | None = None,
) -> Audit:
    records = [
        {"id": f"{check}-1", "check": check, "severity": grade, "title": f"a {grade} one", "status": "open"}
        for check, grade in findings
    ]
    names = {"leaks", "near_twins", *(check for check, _ in findings)}
    checks = [{"check": name, "status": status, "why": "so", "numbers": numbers or {}} for name in names]
    rows: dict[str, list[dict[str, Any]]] = {record["id"]: [] for record in records}
    return Audit(about, {"format": 1, "about": about, "checks": checks, "verdict": "x"}, records, rows)


NOTHING_REQUIRED = Policy()


def test_the_grade_of_a_finding_decides() -> None:
    assert decide([audit(("leaks", "warn"))], NOTHING_REQUIRED).verdict == "pass"
    failed = decide([audit(("leaks", "high"))], NOTHING_REQUIRED)
    assert failed.verdict == "fail"
    assert failed.reasons == ["leaks-1 is open (high): a high one"]


def test_a_check_may_have_a_limit_of_its_own() -> None:
    policy = Policy(checks={"near_twins": "info", "leaks": "none"})
    found = decide([audit(("near_twins", "info"), ("leaks", "block"))], policy)
    assert found.failed == ["near_twins-1 is open (info): a info one"]


@pytest.mark.parametrize("status", ["too few rows", "missing"])
def test_what_has_no_answer_leaves_it_undecided(status: str) -> None:
    name = "leaks" if status == "too few rows" else "conflicts"
    found = decide([audit(status=status)], Policy(required=[name]))
    assert found.verdict == "undecided"
    assert name in found.reasons[0]
    assert decide([audit(status=status)], Policy(required=[name], allow_undecided=True)).verdict == "pass"


def test_what_does_not_apply_is_no_obstacle_unless_it_must() -> None:
    assert decide([audit(status="not applicable")], Policy(required=["leaks"])).verdict == "pass"
    found = decide([audit(status="not applicable")], Policy(required=["leaks"], always=["leaks"]))
    assert found.verdict == "undecided"


def test_checks_of_data_are_not_asked_of_a_model() -> None:
    assert decide([audit(about="model")], Policy(required=["exact_twins"])).verdict == "pass"


def test_numbers_have_limits() -> None:
    share = Score(0.3, 0.2, 0.4, 100, "lower").to_json()
    found = decide([audit(numbers={"share": share})], Policy(at_most={"leaks.share": 0.1}))
    assert found.failed == ["leaks.share is 0.3, and the policy allows 0.1 at most"]
    assert decide([audit(numbers={"share": share})], Policy(at_least={"leaks.share": 0.1})).verdict == "pass"


def test_the_ratchet_holds_what_was_reached() -> None:
    def now(value: float) -> Audit:
        return audit(numbers={"share": Score(value, value - 0.01, value + 0.01, 9, "lower").to_json()})

    assert decide([now(0.105)], NOTHING_REQUIRED, now(0.1)).verdict == "pass"
    assert decide([now(0.05)], NOTHING_REQUIRED, now(0.1)).verdict == "pass"
    worse = decide([now(0.2)], NOTHING_REQUIRED, now(0.1))
    assert "leaks.share was 0.1000 in the last release and is 0.2000 now" in worse.reasons
    assert decide([now(0.2)], Policy(ratchet=False), now(0.1)).verdict == "pass"
    news = decide([audit(("leaks", "warn"))], NOTHING_REQUIRED, audit())
    assert news.reasons == ["leaks-1: a warn one (the last release did not have it)"]
    with pytest.raises(AuditError, match="audit of model"):
        decide([audit()], NOTHING_REQUIRED, audit(about="model"))


def kept(folder: Path, *findings: tuple[str, str]) -> Path:
    write_audit(audit(*findings), folder, {})
    return folder


def test_a_finding_is_taken_on_with_a_reason_that_stays(tmp_path: Path) -> None:
    path = kept(tmp_path / "a", ("leaks", "high"))
    with pytest.raises(AuditError, match="written reason; found 'ok'"):
        accept(path, "leaks-1", "ok")
    with pytest.raises(AuditError, match="no finding 'leaks-2'"):
        accept(path, "leaks-2", "it is a long story")
    accept(path, "leaks-1", "the copies are boilerplate", "Ada")
    found = gate(path, NOTHING_REQUIRED)
    assert found.verdict == "pass"
    assert found.accepted[0]["because"] == "the copies are boilerplate"
    kept(path, ("leaks", "high"))  # the next audit in this place
    assert gate(path, NOTHING_REQUIRED).verdict == "pass"


@pytest.mark.parametrize(
    ("findings", "code", "verdict"),
    [([], 0, "pass"), ([("leaks", "high")], 1, "fail"), ([("near_twins", "info")], 3, "undecided")],
)
def test_exit_codes(tmp_path: Path, findings: list[tuple[str, str]], code: int, verdict: str) -> None:
    path, policy = kept(tmp_path / "a", *findings), tmp_path / "gate.yaml"
    required = "[exact_twins]" if code == 3 else "[]"
    policy.write_text(f"severity: high\nrequired: {required}\n", encoding="utf-8")
    ran = CliRunner().invoke(app, ["gate", str(path), "--policy", str(policy), "--json"])
    assert ran.exit_code == code
    assert json.loads(ran.stdout.splitlines()[-1])["verdict"] == verdict
    assert json.loads((path / "gate.json").read_text(encoding="utf-8"))["verdict"] == verdict


def test_a_policy_with_unknown_keys_or_checks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text("severity: high\nrequire: [leaks]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"gate.yaml: unknown setting 'require'") as error:
        load_policy(path)
    assert error.value.hint == "Did you mean 'required'?"
    path.write_text("required: [exact_twinz]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown check 'exact_twinz'"):
        load_policy(path)


def test_the_packaged_policy_can_be_read_as_a_file() -> None:
    assert load_policy().severity == "high"


def test_no_audit_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="no folder of an audit"):
        gate(tmp_path)
