"""`textwright doctor`: a healthy machine passes, and each planted fault is found and named."""

from __future__ import annotations

import json
import shutil
import sys
from collections import namedtuple
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

import textwright.cli.doctor
from textwright.cli.doctor import app
from textwright.runtime import doctor
from textwright.runtime.doctor import Check, examine, passed

NAMES = ["python", "packages", "torch", "accelerator", "processors", "memory"]
NAMES += ["current folder", "temporary folder", "terminal", "train and predict"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def found(name: str) -> Check:
    return next(check for check in examine(lambda folder: "fine") if check.check == name)


def test_this_machine_passes() -> None:
    result = run("--json")
    record = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == 0 and record["passed"] is True
    checks = {check["check"]: check for check in record["checks"]}
    assert list(checks)[: len(NAMES)] == NAMES and "extra files" in checks
    assert all(set(check) == {"check", "status", "found", "do"} for check in record["checks"])
    assert {check["status"] for check in record["checks"]} <= {"ok", "warning"}
    assert f"numpy {metadata.version('numpy')}" in checks["packages"]["found"]
    assert "40 rows" in checks["train and predict"]["found"]


def broken(folder: Path) -> str:
    assert folder.is_dir()
    raise ValueError("answers differ\nmore")


def test_a_broken_round_trip_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textwright.cli.doctor, "_round_trip", broken)
    result = run("--json")
    record = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == 1 and record["passed"] is False
    check = next(check for check in record["checks"] if check["check"] == "train and predict")
    assert check["status"] == "failed" and check["found"] == "ValueError: answers differ" and check["do"]
    page = run()
    assert page.exit_code == 1 and page.stdout.splitlines()[-1].startswith(
        ("failed: train and predict", "warning")
    )


def test_packages_that_are_old_or_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "scipy":
            raise metadata.PackageNotFoundError(name)
        return "1.2.3" if name == "torch" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    check = found("packages")
    assert check.status == "failed"
    assert "scipy is missing" in check.found and "torch is 1.2.3, needed is" in check.found
    assert check.do.startswith("Run: pip install ") and '"scipy>=' in check.do and '"torch<' in check.do
    assert "numpy" not in check.do


def test_a_missing_extra_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    requires = ["numpy>=2.0", 'nonesuch>=1; extra == "files"', 'pytest; extra == "dev"']
    monkeypatch.setattr(metadata, "requires", lambda name: requires)
    check = found("extra files")
    assert check.status == "ok" and check.found == "nonesuch is missing"
    assert check.do == 'When needed: pip install "textwright[files]"'
    assert found("packages").found == f"numpy {metadata.version('numpy')}"


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.8.1")
    check = found("python")
    assert check.status == "failed" and "3.8.1" in check.found and ">=3.11" in check.do


def test_torch_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    checks = examine(lambda folder: "fine")
    assert {check.check for check in checks if check.status == "failed"} == {"torch", "accelerator"}
    assert not passed(checks)


def test_a_processor_without_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(doctor, "cpu_features", lambda: {"sse2"})
    check = found("torch")
    assert check.status == "warning" and "no AVX2" in check.found and "not in hardware" in check.found


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("free", "status"), [(5e7, "failed"), (1e9, "warning"), (9e9, "ok")])
def test_room_on_the_disk(monkeypatch: pytest.MonkeyPatch, free: float, status: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1e12, 0, free))
    assert found("current folder").status == found("temporary folder").status == status


def test_folders_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(**more: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    here, temporary = found("current folder"), found("temporary folder")
    assert (
        here.status == "warning"
        and here.found == "cannot be written: Permission denied"
        and "--out" in here.do
    )
    assert temporary.status == "failed" and "TMPDIR" in temporary.do


def test_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_free_memory", lambda: 500_000_000)
    assert found("memory").status == "warning" and found("memory").found == "0.5 GB free"


class Narrow:
    encoding = "latin-1"


def test_a_terminal_without_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "stdout", Narrow())
    check = found("terminal")
    monkeypatch.undo()
    assert check.status == "warning" and "latin-1" in check.found and "PYTHONUTF8=1" in check.do
