"""The map shows every room of the house, and is the one that the script draws."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

import render_map
from check_structure import FLOORS


def test_every_room_is_on_it() -> None:
    assert set(render_map.ROOMS) == {room for room in FLOORS if not room.startswith("__")}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_drawn_from_the_floors_of_today(language: str) -> None:
    drawn = render_map.draw(language)
    kept = render_map.PICTURES / f"map.{language}.svg"
    assert kept.read_text(encoding="utf-8") == drawn, "run scripts/render_map.py"
    assert ElementTree.fromstring(drawn).get("lang") == language


def test_rooms_without_code_are_called_planned() -> None:
    drawn = render_map.draw("en")
    assert drawn.count("(planned)") == sum(not render_map.has_code(room) for room in render_map.ROOMS)
    assert render_map.has_code("text") and render_map.has_code("api")
