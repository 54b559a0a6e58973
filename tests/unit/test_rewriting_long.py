"""Answers that go round in circles: which are, and how often another try is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from textwright.tasks.rewriting.long import rewrite_long
from textwright.tasks.rewriting.model import Rewritten
from textwright.tasks.rewriting.settings import DecodeSettings


@dataclass
class Stubborn:
    """A model that answers by how runs are forbidden: `answers` by no_repeat."""

    answers: dict[int, str]
    task: str = "translate"
    room: int = 100
    schema: dict[str, Any] = field(default_factory=lambda: {"languages": ["en", "zh"]})
    asked: list[int] = field(default_factory=list)
    settings: DecodeSettings = field(default_factory=DecodeSettings)
    tokenizer: Any = field(
        default_factory=lambda: SimpleNamespace(
            whole=lambda texts: SimpleNamespace(lengths=[len(texts[0].split())])
        )
    )

    def rewrite(self, texts: Sequence[str], settings: DecodeSettings) -> list[Rewritten]:
        self.asked.append(settings.no_repeat)
        return [Rewritten(self.answers[settings.no_repeat], 0.0, True) for _ in texts]


@pytest.mark.parametrize(
    ("answers", "asked", "told"),
    [
        ({0: "很好。"}, [0], "很好。"),
        ({0: "不是不是不是生活。", 3: "不是生活。"}, [0, 3], "不是生活。"),
        ({0: "不是不是不是。", 3: "不是不是不是。", 2: "生活。"}, [0, 3, 2], "生活。"),
        ({0: "no no no no no no", 3: "no, it is not"}, [0, 3], "no, it is not"),
        ({0: "。。。。。。。。。。。。。。。。。。。。。。", 3: "好。"}, [0, 3], "好。"),
        ({0: "非常非常好。"}, [0], "非常非常好。"),
    ],
)
def test_circles_are_tried_again(answers: dict[int, str], asked: list[int], told: str) -> None:
    model: Any = Stubborn(answers)
    assert rewrite_long(model, ["Notes"])[0].text == told
    assert model.asked == asked


def test_what_goes_round_in_the_source_may_in_the_answer() -> None:
    model: Any = Stubborn({0: "哈哈哈哈哈哈"})
    assert rewrite_long(model, ["ha ha ha ha ha ha"])[0].text == "哈哈哈哈哈哈"
    assert model.asked == [0]


def test_a_person_who_forbids_runs_is_not_overruled() -> None:
    model: Any = Stubborn({4: "不是不是不是。"})
    settings = DecodeSettings.parse({"no_repeat": 4})
    assert rewrite_long(model, ["Notes"], settings)[0].text == "不是不是不是。"
    assert model.asked == [4]
