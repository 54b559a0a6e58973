"""The house stands as docs/design.md draws it, and the check that says so finds what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

import check_structure
from check_structure import (
    Breach,
    check_finished,
    check_layers,
    check_project,
    check_sizes,
    imports,
    read_package,
)

PROJECT = Path(__file__).resolve().parent.parent


def planted(tmp_path: Path, name: str, source: str) -> list[Breach]:
    """What all checks find in a package whose only module is this one."""
    path = tmp_path / "src" / "textwright" / name
    path.parent.mkdir(parents=True)
    path.write_text(source, encoding="utf-8")
    package = read_package(tmp_path / "src")
    assert [module.path for module in package] == [path]
    return [*check_layers(package), *check_sizes(package), *check_finished(package)]


def test_this_project_keeps_to_the_rules() -> None:
    description, found = check_project(PROJECT)
    assert not found, "\n" + "\n".join(map(str, found))
    assert any(re.match(r"L0 core +\d", line) for line in description)


@pytest.mark.parametrize(
    ("name", "source", "line", "what"),
    [
        ("core/a.py", "from textwright.text.clean import fold", 1, "imports only go down"),
        ("text/a.py", "import textwright.models.base", 1, "imports only go down"),
        ("bundle/a.py", "from textwright.tasks.base import TASKS", 1, "imports only go down"),
        ("choose/a.py", "x = 1\nfrom textwright import audit", 2, "choose (floor 4) imports"),
        ("learn/a.py", "def f():\n    from textwright.models import base", 2, "knows models by a protocol"),
        ("learn/a.py", "if TYPE_CHECKING:\n    import textwright.text.schema", 2, "texts not at all"),
        ("measure/a.py", "from ..models import base", 1, "do not depend on what gave them"),
        ("core/a.py", 'ENTRIES = {"cnn": "textwright.models.cnn:ARCHITECTURE"}', 1, "imports only go down"),
        ("api.py", "from textwright import Recipe", 1, "api (floor 5) imports textwright (floor 6)"),
        ("attic/a.py", "", 1, "'attic' has no floor"),
        ("cli/a.py", "import textwright.attic", 1, "without a floor"),
        ("text/a.py", "def f():\n    import torch.nn as nn", 2, "text imports torch"),
        ("models/bag/__init__.py", "from sklearn import svm", 1, "models.bag imports sklearn"),
        ("core/__init__.py", "from transformers import AutoModel", 1, "core imports transformers"),
        ("models/a.py", "x = 1\n" * 501, 501, "501 lines, 500 at most"),
        ("core/a.py", "def f():\n" + "    x = 1\n" * 80, 1, "f: 81 lines, 80 at most"),
        ("core/a.py", "def f(a, b, /, c, d, *e, g, h, i, **j): ...", 1, "f: 9 parameters, 8 at most"),
        ("cli/a.py", "def f(a, b, c, d, e, f, g, h, i): ...", 1, "f: 9 parameters"),
        ("core/a.py", "def f():\n    raise NotImplementedError", 2, "NotImplementedError"),
        ("core/a.py", "x = 1  # TODO: two", 1, "TODO"),
        ("learn/a.py", "if x:\n    print(x)", 2, "print outside cli"),
    ],
)
def test_a_planted_breach_is_found(tmp_path: Path, name: str, source: str, line: int, what: str) -> None:
    (breach,) = planted(tmp_path, name, source)
    assert what in breach.what
    assert str(breach).startswith(f"{tmp_path / 'src' / 'textwright' / name}:{line}: ")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("tasks/a.py", "from textwright.bundle.folder import Bundle\nimport torch"),
        ("text/a.py", "from textwright.text import clean\nfrom . import script\nimport textwright.core"),
        ("bundle/a.py", 'MANIFEST = "textwright.json"'),
        ("models/bagging.py", "import torch"),
        ("cli/a.py", "from textwright import api\nprint(1)"),
        ("cli/a.py", "@app.command()\ndef f(a, b, c, d, e, f, g, h, i): ..."),
        ("cli/a.py", "def f(*, a, b, c, d, e, f, g, h, i): ..."),
        ("core/a.py", "class C:\n    def f(self, a, b, c, d, e, f, g, h): ..."),
        ("core/a.py", "def f():\n" + "    x = 1\n" * 79),
        ("core/a.py", "x = 1\n" * 500),
    ],
)
def test_what_keeps_to_the_rules_passes(tmp_path: Path, name: str, source: str) -> None:
    assert planted(tmp_path, name, source) == []


def test_the_script_ends_with_1_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted(tmp_path, "core/a.py", "import torch")
    assert check_structure.main([str(tmp_path)]) == 1
    assert "a.py:1: core imports torch" in capsys.readouterr().out
    (tmp_path / "src/textwright/core/a.py").write_text("x = 1")
    assert check_structure.main([str(tmp_path)]) == 0


def test_bag_and_the_command_line_never_wait_for_torch() -> None:
    modules = ("tasks.trainers.bag", "models.registry", "cli.main", "cli.train")
    code = f"import sys, {', '.join('textwright.' + module for module in modules)}\n"
    code += "print(*({'torch', 'transformers', 'sklearn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_dependencies_are_what_the_package_imports() -> None:
    """None is missing that came along with another one, and none is left that nothing uses."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = ("dev", "browser", "all")  # what tests need, and the sum
    extras = [needs for name, needs in project["optional-dependencies"].items() if name not in ours]
    declared = {re.split(r"[^\w-]", need)[0].lower() for need in chain(project["dependencies"], *extras)}
    package = read_package(PROJECT / "src")
    imported = {name.partition(".")[0] for module in package for _, name in imports(module)}
    libraries = imported - sys.stdlib_module_names - {"textwright"}
    homes = packages_distributions()
    assert {homes.get(name, [name])[0].lower() for name in libraries} == declared  # ray may not be there
