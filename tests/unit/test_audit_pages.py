"""What people read of an audit: the page, the data card, and what the card of a model says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from textwright import audit, card, train
from textwright.report.audited import render_audit, rules
from textwright.report.words import LANGUAGES
from textwright.tasks.recipe import Recipe

DATA = Path(__file__).parents[2] / "src" / "textwright" / "sample" / "reviews.zh.csv"


def record(*checks: tuple[str, str]) -> dict[str, Any]:
    return {
        "about": "data",
        "textwright_version": "1",
        "n": 10,
        "task": "classify",
        "language": "en",
        "files": [{"name": "<b>a.csv", "sha256": "ab" * 32}],
        "settings": {"seed": 3},
        "checks": [
            {"check": name, "status": status, "why": "so", "says": "rows", "findings": 0, "seconds": 0.1}
            for name, status in checks
        ],
    }


def finding(severity: str, title: str) -> dict[str, Any]:
    evidence = {"metric": "share", "value": 0.5, "n": 10, "low": 0.2, "high": 0.8}
    evidence |= dict.fromkeys(("baseline", "effect", "test", "p", "q", "tests", "effect_low", "effect_high"))
    return {
        "id": f"leaks-{severity}",
        "check": "leaks",
        "severity": severity,
        "title": title,
        "why": "",
        "limits": "",
        "evidence": evidence,
        "num_rows": 50,
        "rows": [{"row": row} for row in range(2, 52)],
        "previews": ["<PHONE> 13•••"],
        "fixes": [{"kind": "drop", "what": "drop them", "safe": True, "params": {}}],
        "selftest": {"recall": 0.98, "precision": None, "false_alarm_rate": 0.0},
    }


def test_the_gravest_finding_comes_first_and_nothing_is_html() -> None:
    found = [finding("info", "a small one"), finding("block", "<script>alert(1)</script>")]
    page = render_audit(record(("leaks", "found"), ("drift", "too few rows")), found, {})
    assert "<script>" not in page
    assert page.index("leaks-block") < page.index("leaks-info")
    assert "&lt;b&gt;a.csv" in page
    assert "41, (+" not in page and "(+10)" in page  # 40 rows are listed, the rest counted
    assert "too few rows" in page and "行数太少" in page


def test_tables_with_intervals_are_drawn() -> None:
    rows = [{"name": "women", "value": 0.4, "low": 0.3, "high": 0.5, "rows": 90, "rest": 0.2}]
    ran = record(("group_gaps", "clean"), ("drift", "clean"))
    page = render_audit(ran, [], {"group_gaps.fpr": rows, "drift.counts": [{"a": 1}]})
    assert page.count('role="img"') == 1
    assert page.count("women (90)") == 1
    assert "group_gaps.fpr" in page and "drift.counts" in page


def test_rules_name_checks_that_exist_or_will() -> None:
    every = rules({"personal": "audit.is.clean"})
    assert sum(bool(rule["checks"]) for rule in every) >= 3


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("audit") / "reviews"
    audit.data(DATA, out, audit.AuditSettings(checks="exact_twins"))
    return out


def test_the_data_card_is_in_both_languages_with_the_same_numbers(audited: Path) -> None:
    english, chinese = (
        (audited / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md")
    )
    for page in (english, chinese):
        assert page.startswith("---\nlanguage:\n- zh\n")
        assert "600" in page and "reviews.zh.csv" in page and "`exact_twins`" in page
    assert "Data card" in english and "数据卡" in chinese
    assert len(LANGUAGES) == 2


def test_the_card_of_a_model_says_what_its_audits_came_to(audited: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    train(DATA, model, Recipe.parse({"model": {"name": "bag"}, "budget": {"minutes": 0.1}}))
    assert "未评估" in _section(model)
    audit.gate(audited)
    card(model, audits=[audited])
    assert "reviews.zh.csv" in _section(model) and "无法判断" in _section(model)
    kept = json.loads((model / "card.json").read_text(encoding="utf-8"))["audits"]
    assert kept[0]["gate"] == "undecided" and kept[0]["n"] == 600
    card(model)  # again, without naming it
    assert "reviews.zh.csv" in _section(model)


def _section(model: Path) -> str:
    text = (model / "README.zh.md").read_text(encoding="utf-8")
    return text.partition("## 审计")[2].partition("\n## ")[0]
