"""Every `auto` of learning becomes a number with its reason; what was asked for stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from textwright.learn.defaults import resolved
from textwright.learn.optimizers import OPTIMIZERS
from textwright.learn.settings import LearnSettings


def found(num_rows: int = 30_000, rate: float = 0.001, **values: Any) -> tuple[LearnSettings, dict[str, str]]:
    settings = LearnSettings.parse(values)
    return resolved(settings, rate=rate, num_rows=num_rows, seen_rows=150_000, passes=(4, 16))


def test_every_optimizer_has_a_rate_with_its_reason() -> None:
    for name, entry in OPTIMIZERS.items():
        settings, why = found(optimizer={"name": name})
        assert settings.optimizer.rate == 0.001 * entry.scale
        assert why["learn.optimizer.rate"].startswith(f"{settings.optimizer.rate:g}: ")
    assert found()[0].optimizer.rate == 0.001
    assert found(rate=2e-5, optimizer={"name": "muon"})[0].optimizer.rate == 2e-5
    assert found(optimizer={"name": "sgd"})[0].optimizer.rate == pytest.approx(0.3)
    assert "times what suits it with adamw" in found(optimizer={"name": "sgd"})[1]["learn.optimizer.rate"]


@pytest.mark.parametrize("num_rows", [1, 600, 9_376, 12_000, 20_000, 30_000, 37_501, 60_000, 10**6])
def test_epochs_see_so_many_rows_within_the_passes(num_rows: int) -> None:
    settings, why = found(num_rows)
    assert settings.epochs == np.clip(150_000 / num_rows, 4, 16).round()
    assert why["learn.epochs"].startswith(f"{settings.epochs:g}")
    assert ("at least" in why["learn.epochs"]) == (150_000 / num_rows < 4)
    assert ("at most" in why["learn.epochs"]) == (150_000 / num_rows > 16)


def test_reasons_say_the_numbers() -> None:
    assert found(12_000)[1] == {
        "learn.optimizer.rate": "0.001: what suits this architecture with adamw",
        "learn.epochs": "12: about 150,000 rows seen, for 12,000 rows",
    }
    assert found(600)[1]["learn.epochs"] == "16, at most: 150,000 rows seen would be 250 passes over 600"


def test_what_was_asked_for_stays_and_needs_no_reason() -> None:
    asked = {"optimizer": {"name": "sgd", "rate": 0.5}, "epochs": 2.5, "batch": 7, "patience": 1}
    settings, why = found(**asked)
    assert settings == LearnSettings.parse(asked) and why == {}


def test_full_batch_descent_takes_all_rows_and_many_passes() -> None:
    settings, why = found(600, optimizer={"name": "gd"}, batch=32)
    assert (settings.batch, settings.epochs, settings.patience) == (600, 100, 20)
    assert set(why) == {"learn.optimizer.rate", "learn.batch", "learn.epochs", "learn.patience"}
    assert why["learn.batch"] == "600: gd takes all rows at each step"
    settings, why = found(600, optimizer={"name": "gd", "rate": 1}, epochs=3, patience=0)
    assert (settings.batch, settings.epochs, settings.patience) == (600, 3, 0)
    assert set(why) == {"learn.batch"}
    for patience in (2, 3, 30):
        assert found(600, optimizer={"name": "gd"}, patience=patience)[0].patience == patience, "as asked"


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_resolving_twice_changes_nothing_more(name: str) -> None:
    settings, _ = found(600, optimizer={"name": name})
    again, why = resolved(settings, rate=1.0, num_rows=600, seen_rows=1, passes=(1, 1))
    assert again == settings and set(why) <= {"learn.batch"}
