"""docs/how-to/audit.md runs from top to bottom, and docs/trust.md is what was measured."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import render_trust
from textwright.cli.main import app

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "src" / "textwright" / "sample" / "reviews.en.csv"
PAGE = (PROJECT / "docs" / "how-to" / "audit.md").read_text(encoding="utf-8")


@pytest.mark.docs
def test_the_page_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("reviews.csv", "held-out.csv"):
        shutil.copy(SAMPLE, tmp_path / name)
    policy = re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)[1]
    (tmp_path / "gate.yaml").write_text(policy, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for kind, code in re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE):
        if kind == "python":
            exec(compile(code, "audit.md", "exec"), {})
        for line in code.splitlines() if kind == "text" else []:
            done = CliRunner().invoke(app, shlex.split(line)[1:])
            allowed = (0, 1) if " gate " in line else (0,)  # the sample has flaws on purpose
            assert done.exit_code in allowed, (line, done.output, done.exception)
    assert "reviews.csv" in (tmp_path / "my-model" / "README.md").read_text(encoding="utf-8")


def test_the_table_of_the_self_test_is_up_to_date() -> None:
    assert render_trust.main(["--check"]) == 0
