"""Settings say what is wrong, where and what is near; --set and YAML read values as people mean them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from textwright.core.errors import ConfigError
from textwright.core.plainyaml import dump_yaml, load_yaml
from textwright.core.settings import Settings, parse_assignment, read_yaml


class Inner(Settings):
    absent: ClassVar[Mapping[str, str]] = {"size": "it has none"}
    rate: float = Field(0.1, gt=0)
    widths: tuple[Annotated[int, Field(ge=1)], ...] = (3, 4)
    name: str | None = None


class Outer(Settings):
    inner: Inner = Inner()
    either: Inner | Literal["auto"] = "auto"
    epochs: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    seed: int = 0
    model: dict[str, Any] = Field(default_factory=lambda: {"name": "auto"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sead": 1}, r"unknown setting 'sead'\nDid you mean 'seed'"),
        ({"inner": {"ratte": 1}}, r"unknown setting 'inner\.ratte'\nDid you mean 'rate'"),
        ({"either": {"witdhs": 1}}, r"unknown setting 'either\.witdhs'\nDid you mean 'widths'"),
        ({"zzz": 1}, r"'zzz'\nKnown: either, epochs, inner, model, seed\."),
        ({"inner": {"rate": -1}}, r"^r: inner\.rate: Input should be greater than 0 \(found -1\)$"),
        ({"inner": {"widths": [3, 0]}}, r"inner\.widths\.1: .*\(found 0\)"),
        ({"either": {"rate": "x"}}, r"either\.rate: .*number.*\(found 'x'\)"),
        ({"epochs": "soon"}, r"^r: epochs: .*valid number.* or 'auto' \(found 'soon'\)$"),
        ({"epochs": 0}, r"^r: epochs: .*greater than 0 or 'auto' \(found 0\)$"),
        ({"seed": 1.5}, r"^r: seed: .*integer"),
        ({"inner": 3}, r"^r: inner: .* group of settings \(found 3\)\nUse inner\.rate=3\. Its settings: "),
        ({"inner": [3]}, r"^r: inner: .*\(found \[3\]\)\nIts settings: rate, widths, name\.$"),
        ({"either": "x"}, r"^r: either: .* group of settings or 'auto' \(found 'x'\)\nUse either\.rate=x\. "),
        ({"model": "lstm"}, r"^r: model: .* group of settings \(found 'lstm'\)\nUse model\.name=lstm\.$"),
        ({"inner": {"widths": 3}}, r"^r: inner\.widths: .* a list such as \[3,4\] \(found 3\)$"),
        ({"inner": {"rate": float("inf")}}, r"inner\.rate: .*finite number \(found inf\)"),
        ({"epochs": float("inf")}, r"epochs: .*finite number or 'auto' \(found inf\)"),
        ({"inner": {"size": 3}}, r"^r: inner\.size: it has none \(found 3\)\nLeave it out\.$"),
    ],
)
def test_faults_are_named_with_their_place(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Outer.parse(values, where="r: ")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("innr.rate", r"--set: unknown setting 'innr\.rate'\nDid you mean 'inner'"),
        ("inner.ratte", r"unknown setting 'inner\.ratte'\nDid you mean 'rate'"),
        ("seed.rate", r"'seed' in 'seed\.rate' is a single value, not a group"),
        ("inner.rate", r"--set: inner\.rate: .*\(found 'x'\)"),
    ],
)
def test_a_wrong_override_is_named(key: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Outer().replaced({key: "x"}, where="--set: ")


def test_the_group_of_a_name_is_a_part_of_it() -> None:
    for where, said in (("model.", ""), ("my recipe.yaml: model.", "my recipe.yaml: ")):
        with pytest.raises(ConfigError, match=rf"^{said}unknown setting 'model\.ratte'\nDid you mean 'rate'"):
            Inner.parse({"ratte": 1}, where=where)


def test_one_setting_is_checked_whatever_the_others_are() -> None:
    class Whole(Settings):
        needed: int
        rate: float = Field(0.1, gt=0)

    Whole.check("rate", 1.0)
    with pytest.raises(ConfigError, match=r"^model\.rate: .*greater than 0 \(found 0\)"):
        Whole.check("rate", 0, where="model.")
    with pytest.raises(ConfigError, match="unknown setting 'ratte'"):
        Whole.check("ratte", 0)


def test_what_was_said_stays_apart_from_defaults() -> None:
    assert Outer().said() == {} and Outer(seed=0).said() == {"seed": 0}
    made = Outer.parse({"inner": {"rate": 0.1}}).replaced({"either": {"name": "x"}, "inner.name": None})
    assert made.said() == {"either.name": "x", "inner.name": None, "inner.rate": 0.1}
    assert made.replaced({}).said() == made.said()
    with pytest.raises(ConfigError, match=r"'inner' in 'inner\.rate' is a single value"):
        Outer().replaced({"inner": 3, "inner.rate": 1})


def test_overrides_make_a_changed_copy() -> None:
    before = Outer()
    after = before.replaced({"inner.rate": 0.5, "inner.widths": [1], "model.hidden": 3, "epochs": 2})
    assert (after.inner.rate, after.inner.widths, after.epochs) == (0.5, (1,), 2.0)
    assert after.model == {"name": "auto", "hidden": 3}
    assert before == Outer() and before.model == {"name": "auto"}
    with pytest.raises(ValidationError, match="frozen"):
        before.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("1e-3", 0.001),
        ("-1E-3", -0.001),
        ("3", 3),
        ("true", True),
        ("False", False),
        ("null", None),
        ("", None),
        ("auto", "auto"),
        ("[3,4,5]", [3, 4, 5]),
        ("[1e-3, a]", [0.001, "a"]),
        ("{a: 1}", {"a": 1}),
        ("'1e-3'", "1e-3"),
        ('"5"', "5"),
        ("a=b=c", "a=b=c"),
        ("no", "no"),
        ("007", "007"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("C:\\data: x", "C:\\data: x"),
        ("the title", "the title"),
        ("text #1", "text #1"),
        ("[PAD] x", "[PAD] x"),
        ("- a", "- a"),
        ("@me", "@me"),
        ("评论", "评论"),
    ],
)
def test_set_reads_what_people_mean(text: str, value: Any) -> None:
    key, found = parse_assignment(f" a.b ={text}")
    assert key == "a.b"
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("text", ["learn.rate", "=3", "  =3", ""])
def test_set_without_key_or_value_shows_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r"expected path.to.field=value\nExample: --set"):
        parse_assignment(text)


# PyYAML itself loses the line breaks that only Unicode knows.
TEXTS = st.text(st.characters(exclude_characters="\x85\u2028\u2029", exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
TRICKY = st.sampled_from(
    ["1e-3", "no", "007", "12:30", "2024-01-01", "~", "", "0x1F", "1_000", "=", "<<", ".5"]
)


@given(st.dictionaries(TEXTS, VALUES | TRICKY, max_size=4))
def test_yaml_reads_back_what_it_wrote(values: dict[str, Any]) -> None:
    assert load_yaml(dump_yaml(values)) == values
    assert yaml.safe_load(dump_yaml(values)) == values, "other readers must find the same"


def test_settings_come_back_from_their_yaml(tmp_path: Path) -> None:
    settings = Outer.parse({"inner": {"rate": 1e-5, "name": "1e-3"}, "model": {"text": "评论", "on": "no"}})
    path = tmp_path / "recipe.yaml"
    path.write_text(settings.to_yaml(), encoding="utf-8")
    assert Outer.parse(read_yaml(path)) == settings
    assert "评论" in settings.to_yaml()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", r"r\.yaml: not valid YAML: .*line 1"),
        (b"- a\n- b\n", r"found list"),
        (b"", r"found NoneType"),
        (b"a: \xff", r"cannot be read as a recipe"),
        (b"a: !!python/object:os.system {}", r"not valid YAML: .*python/object"),
    ],
)
def test_files_that_are_no_recipe(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "r.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_yaml(tmp_path / "r.yaml")
    with pytest.raises(ConfigError, match="cannot be read as a recipe"):
        read_yaml(tmp_path / "missing.yaml")
