"""Every model folder of every format version that is out in the world loads and answers as it did."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import textwright
from textwright.core.files import read_json

FORMATS = sorted((Path(__file__).parents[1] / "data").glob("format-*"))
FOLDERS = [folder for version in FORMATS for folder in sorted(version.iterdir()) if folder.is_dir()]


def test_there_is_a_folder_for_the_present_format() -> None:
    from textwright.bundle.manifest import FORMAT_VERSION

    assert f"format-{FORMAT_VERSION}" in [version.name for version in FORMATS]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_it_loads_and_answers_as_it_did(folder: Path) -> None:
    wanted = read_json(folder.parent / "answers.json")
    answers = textwright.load(folder).predict(wanted["texts"])
    for answer, expected in zip(answers, wanted["answers"][folder.name], strict=True):
        assert answer["label"] == expected["label"]
        assert answer["probability"] == pytest.approx(expected["probability"], abs=2e-5)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_its_report_and_cards_can_be_made(folder: Path, tmp_path: Path) -> None:
    """What a folder of its time did not record is said to be missing; a report made since is replaced."""
    copy = tmp_path / folder.name
    shutil.copytree(folder, copy)
    done = textwright.card(copy, {"license": "mit"})
    assert textwright.card(copy).not_assessed == done.not_assessed
    report = (copy / "report.html").read_text(encoding="utf-8")
    assert "Of 100 new texts like these" in report and "written before this was recorded" in report
    assert "mit" in (copy / "README.zh.md").read_text(encoding="utf-8")
    assert textwright.load(copy).predict(["again"])
