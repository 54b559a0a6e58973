"""The demonstration ends with predictions in both languages."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from textwright import api
from textwright.cli import demo
from textwright.cli.main import app


def test_demo(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    first = demo._PARTS[0]
    quick = first.replaced({"recipe": {"model": {"name": "bag"}, "budget": {"minutes": 1}}})
    monkeypatch.setattr(demo, "_PARTS", (quick, *demo._PARTS[1:]))
    result = CliRunner().invoke(app, ["demo", "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout.splitlines()[-1])
    parts = record["parts"]
    assert [part["task"] for part in parts] == ["classify", "classify", "score"]
    assert [answer["label"] for answer in parts[0]["predictions"]][:2] == ["positive", "negative"]
    assert parts[1]["predictions"][0]["label"] == "好评"
    assert len(api.load(tmp_path / "model-2").predict(["很好"])) == 1
    assert [audit["data"] for audit in record["audits"]] == ["reviews.en.csv", "reviews.zh.csv"]
    assert all(any("copies" in title for title in audit["findings"]) for audit in record["audits"])
    assert (tmp_path / "audit-zh" / "report.html").is_file()
