"""What stops a release, as a person wrote it down."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import Field

from textwright.audit.findings import SEVERITIES
from textwright.audit.registry import CHECKS
from textwright.core.errors import ConfigError
from textwright.core.settings import Settings, read_yaml

Limit = Literal["info", "warn", "high", "block", "none"]


class Policy(Settings):
    """The gate of a release: see `gate.yaml`, which is the default and says what each line means."""

    version: Literal[1] = Field(1, description="of this form of policy")
    severity: Limit = Field("high", description="a finding as grave as this stops the release")
    checks: dict[str, Limit] = Field(default_factory=dict, description="the same for single checks")
    required: list[str] = Field(default_factory=list, description="checks that must have an answer")
    always: list[str] = Field(default_factory=list, description="those of them that must apply, too")
    at_most: dict[str, float] = Field(default_factory=dict, description="check.number: its largest value")
    at_least: dict[str, float] = Field(default_factory=dict, description="check.number: its least value")
    proven: bool = Field(True, description="checks that may stop a release must pass their self-test")
    ratchet: bool = Field(True, description="nothing may be significantly worse than the last release")
    allow_undecided: bool = Field(False, description="undecided counts as passed")

    def limit(self, check: str) -> Limit:
        return self.checks.get(check, self.severity)

    def stops(self, check: str, severity: str) -> bool:
        """Whether a finding of this check and severity stops the release."""
        limit = self.limit(check)
        grades: list[str] = [*SEVERITIES]
        return limit != "none" and grades.index(severity) >= grades.index(limit)


def load_policy(path: str | Path | None = None) -> Policy:
    """The policy of a file, or the packaged one. Raises ConfigError for unknown keys and checks.

    >>> load_policy().stops("leaks", "high"), load_policy().stops("leaks", "warn")
    (True, False)
    """
    if path is None:
        file = resources.files("textwright").joinpath("audit", "release", "gate.yaml")
        return Policy.parse(read_yaml(Path(str(file))))
    policy = Policy.parse(read_yaml(Path(path)), where=f"{path}: ")
    keys = [*policy.at_most, *policy.at_least]
    for name in [*policy.checks, *policy.required, *policy.always, *(key.partition(".")[0] for key in keys)]:
        try:
            CHECKS.check(name)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error.message}", hint=error.hint) from None
    return policy
