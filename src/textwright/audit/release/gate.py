"""`audit gate`: pass, fail or undecided, with a reason for each line of the policy that was not met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from textwright.audit.figures import figures
from textwright.audit.folder import Audit, read_audit
from textwright.audit.registry import CHECKS
from textwright.audit.release.accepted import accepted
from textwright.audit.release.policy import Policy, load_policy
from textwright.audit.release.ratchet import is_score, worse
from textwright.core.errors import AuditError
from textwright.core.files import to_json, write_atomic
from textwright.core.records import Note

Outcome = Literal["pass", "fail", "undecided"]
GATE = "gate.json"


@dataclass(frozen=True)
class Gate:
    """The verdict, why it is no pass, and what was accepted."""

    verdict: Outcome
    failed: list[str]
    undecided: list[str]
    accepted: list[dict[str, Any]] = field(default_factory=list)
    policy: dict[str, Any] = field(default_factory=dict)

    @property
    def reasons(self) -> list[str]:
        return [*self.failed, *self.undecided]

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "reasons": self.reasons,
            "failed": self.failed,
            "undecided": self.undecided,
            "accepted": self.accepted,
            "policy": self.policy,
        }


def gate(
    paths: str | Path | Sequence[str | Path],
    policy: str | Path | Policy | None = None,
    *,
    against: str | Path | None = None,
) -> Gate:
    """Hold audits of data, of a model, or of both, against a policy; the first folder keeps the verdict.

    `against` is the audit of the last release. Raises AuditError where there is no audit, ConfigError for a
    policy that cannot be used.

    >>> import textwright.audit  # doctest: +SKIP
    >>> textwright.audit.gate("reviews-audit").verdict  # doctest: +SKIP
    'pass'
    """
    folders = [paths] if isinstance(paths, str | Path) else [*paths]
    asked = policy if isinstance(policy, Policy) else load_policy(policy)
    audits = [read_audit(path) for path in folders]
    before = None if against is None else read_audit(against)
    found = decide(audits, asked, before)
    write_atomic(Path(folders[0]) / GATE, to_json(found.to_json()))
    return found


def decide(audits: Sequence[Audit], policy: Policy, before: Audit | None = None) -> Gate:
    """The verdict of records alone."""
    taken = {name: record for audit in audits for name, record in accepted(audit).items()}
    stopped = [*_findings(audits, policy, set(taken)), *_numbers(audits, policy)]
    if before is not None and policy.ratchet:
        same = [audit for audit in audits if audit.about == before.about]
        if not same:
            raise AuditError(
                f"the last release has an audit of {before.about}, and these have none",
                hint="Give an audit of the same kind with --against.",
            )
        stopped += worse(same[0], before)
    failed = [note.text for note in stopped]
    undecided = [note.text for note in (*_missing(audits, policy), *_unproven(audits, policy))]
    verdict: Outcome = "fail" if failed else "undecided" if undecided else "pass"
    if verdict == "undecided" and policy.allow_undecided:
        verdict = "pass"
    return Gate(verdict, failed, undecided, list(taken.values()), policy.model_dump(mode="json"))


def _findings(audits: Sequence[Audit], policy: Policy, taken: set[str]) -> Iterator[Note]:
    for audit in audits:
        for finding in audit.findings:
            is_open = finding["id"] not in taken and finding["status"] == "open"
            if is_open and policy.stops(finding["check"], finding["severity"]):
                yield Note(f"{finding['id']} is open ({finding['severity']}): {finding['title']}")


def _numbers(audits: Sequence[Audit], policy: Policy) -> Iterator[Note]:
    """Numbers beyond their limits; the end of an interval counts that is on the safe side."""
    found = {
        f"{check['check']}.{key}": value
        for audit in audits
        for check in audit.checks
        for key, value in check["numbers"].items()
    }
    for name, limit in policy.at_most.items():
        value = _value(found, name)
        if value is not None and value > limit:
            yield Note(f"{name} is {value:g}, and the policy allows {limit:g} at most")
    for name, limit in policy.at_least.items():
        value = _value(found, name)
        if value is not None and value < limit:
            yield Note(f"{name} is {value:g}, and the policy wants {limit:g} at least")


def _value(found: dict[str, Any], name: str) -> float | None:
    value = found.get(name)
    if is_score(value):
        value = value["value"]
    return float(value) if isinstance(value, int | float) else None


def _missing(audits: Sequence[Audit], policy: Policy) -> Iterator[Note]:
    """Checks that should have an answer and have none: those of data only where data were audited."""
    status = {check["check"]: check for audit in audits for check in audit.checks}
    kinds = {audit.about for audit in audits}
    wanted = [name for name in policy.required if name not in CHECKS or CHECKS.get(name).about in kinds]
    for name in dict.fromkeys([*wanted, *policy.always]):
        check = status.get(name)
        if check is None:
            yield Note(f"{name} did not run")
        elif check["status"] == "too few rows" or (
            check["status"] == "not applicable" and name in policy.always
        ):
            yield Note(f"{name} has no answer: {check['why']}")


def _unproven(audits: Sequence[Audit], policy: Policy) -> Iterator[Note]:
    """Checks that may stop a release, and whose self-test does not hold."""
    if not policy.proven:
        return
    for name in (check["check"] for audit in audits for check in audit.checks):
        known = figures().get(name)
        if policy.limit(name) != "none" and known is not None and known["is_noisy"]:
            yield Note(f"{name} fails its self-test: it finds faults where there are none")
