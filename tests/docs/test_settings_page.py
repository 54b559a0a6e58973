"""docs/settings.md says what the classes of settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

import render_settings
from textwright.models.registry import ARCHITECTURES


def test_the_page_of_this_project_is_up_to_date() -> None:
    assert render_settings.main(["--check"]) == 0


def test_every_setting_says_what_it_is() -> None:
    rows = [line.split(" | ") for line in render_settings.rendered().splitlines() if line.startswith("| `")]
    assert len(rows) > 80
    assert [row[0] for row in rows if not row[-1].strip(" |")] == []
    assert {"`model.tune`", "`learn.loss.r_drop`", "`tokenizer.max_length`"} <= {
        row[0].strip("| ") for row in rows
    }
    assert all(f"## Of `{name}`" in render_settings.rendered() for name in ARCHITECTURES)


def test_values_are_told_in_words() -> None:
    page = render_settings.rendered()
    assert "| `compute.threads` | whole number at least 1, auto | auto |" in page
    assert "| `learn.schedule.warmup` | number at least 0 and below 1 | 0.05 |" in page
    assert "| `model.tune` | full, head, lora | full |" in page


def test_a_stale_page_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(render_settings, "TARGET", tmp_path / "settings.md")
    assert render_settings.main(["--check"]) == 1
    assert "run python scripts/render_settings.py" in capsys.readouterr().err
    assert render_settings.main([]) == render_settings.main(["--check"]) == 0
