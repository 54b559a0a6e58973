"""Checks the house: imports only go down, files and functions stay small, nothing is left unfinished.

    python scripts/check_structure.py [PROJECT]

Prints the lines of each room and the length of functions; ends with 1 and `file:line: what` for every breach.
The rooms and their floors are those of docs/design.md, section 2.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import resolve_name
from pathlib import Path
from statistics import median, quantiles

PACKAGE = "textwright"
# Where each room stands; the package itself ("__init__") hands out what `api` holds.
FLOORS = {
    "core": 0,
    **dict.fromkeys(("models", "text", "runtime"), 1),
    **dict.fromkeys(("learn", "measure", "report"), 2),
    **dict.fromkeys(("tasks", "bundle"), 3),
    **dict.fromkeys(("choose", "audit", "export"), 4),
    **dict.fromkeys(("api", "language", "rewriting", "estimator", "serve"), 5),
    **dict.fromkeys(("cli", "__init__"), 6),
    "__main__": 7,
}
# The imports that stay on their floor: (from, to).
ALLOWED = {
    ("tasks", "bundle"),
    ("estimator", "api"),
    ("api", "language"),
    ("api", "rewriting"),
    ("rewriting", "language"),
}
# Imports that go down and are still wrong: from, to which rooms, why.
FORBIDDEN = {
    "learn": (("models", "text"), "the loop knows models by a protocol, and texts not at all"),
    "measure": (("models",), "numbers do not depend on what gave them"),
    "report": (("models", "text", "runtime"), "pages are made from records"),
    "audit": (("models",), "an audit sees predictors and corpora"),
}
# Parts of the package on whose way there is no torch, not even inside a function.
TORCH_FREE = ("core", "text", "measure", "models.bag", "models.extract", "models.base", "models.registry")
HEAVY = {"torch", "transformers", "sklearn"}

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS = 500, 80, 8
UNFINISHED = re.compile(r"\b(NotImplementedError|TODO|FIXME)\b")
# Registries and lazy imports name modules in strings, "textwright.models.cnn:ARCHITECTURE".
REFERENCE = re.compile(rf"{PACKAGE}(\.\w+)+(:\w+)?")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A source file; `name` has its dots, `textwright.text.clean`, and is empty outside the package."""

    path: Path
    name: str = ""

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    @property
    def room(self) -> str:
        return _room(self.name)

    @property
    def num_lines(self) -> int:
        return len(self.text.splitlines())

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    @property
    def package(self) -> str:
        """What a relative import in this module starts from."""
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Breach:
    """One line that breaks a rule."""

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def read_package(source: Path) -> list[Module]:
    """All modules below `source`, the folder that holds the package."""
    found = []
    for path in sorted((source / PACKAGE).rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        found.append(Module(path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)))
    return found


def _room(module: str) -> str:
    """`textwright.text.clean` is in `text`; the package itself is its own room."""
    return module.split(".")[1] if "." in module else "__init__"


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """(line, module) of all imports, also in functions and for type checking, and of names in strings."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, name) for name in _imported(node, module.package))
        elif isinstance(node, ast.Constant):
            name = str(node.value).partition(":")[0]
            if REFERENCE.fullmatch(str(node.value)) and _room(name) in FLOORS:  # "textwright.json" is a file
                yield node.lineno, name


def _imported(node: ast.ImportFrom, package: str) -> list[str]:
    """`from textwright import api` imports a room, `from textwright import train` the package."""
    base = node.module or ""
    if node.level:
        base = resolve_name("." * node.level + base, package)
    rooms = [f"{base}.{alias.name}" for alias in node.names if base == PACKAGE and alias.name in FLOORS]
    return rooms or [base]


def check_layers(modules: Sequence[Module]) -> list[Breach]:
    """Imports that do not go down, and torch where none may be."""
    found = []
    for module in modules:
        if module.room not in FLOORS:
            what = f"the room {module.room!r} has no floor in {Path(__file__).name}"
            found.append(Breach(module.path, 1, what))
            continue
        for line, target in imports(module):
            wrong = _wrong_room(module.room, target) if _is_ours(target) else _too_heavy(module.name, target)
            if wrong:
                found.append(Breach(module.path, line, wrong))
    return found


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == PACKAGE


def _wrong_room(room: str, target: str) -> str:
    """Why `room` may not import the module `target`; empty when it may."""
    other = _room(target)
    if other == room or (room, other) in ALLOWED:
        return ""
    if other not in FLOORS:
        return f"imports {target}, a room without a floor"
    if FLOORS[other] >= FLOORS[room]:
        return f"{room} (floor {FLOORS[room]}) imports {target} (floor {FLOORS[other]}); imports only go down"
    rooms, reason = FORBIDDEN.get(room, ((), ""))
    return f"{room} imports {target}: {reason}" if other in rooms else ""


def _too_heavy(name: str, target: str) -> str:
    library = target.partition(".")[0]
    part = next((part for part in TORCH_FREE if f"{name}.".startswith(f"{PACKAGE}.{part}.")), None)
    return f"{part} imports {library}, which it must do without" if part and library in HEAVY else ""


def check_sizes(modules: Sequence[Module]) -> list[Breach]:
    """Files, functions and parameter lists that are too long."""
    found = []
    for module in modules:
        if module.num_lines > MAX_FILE_LINES:
            what = f"{module.num_lines} lines, {MAX_FILE_LINES} at most in a file"
            found.append(Breach(module.path, MAX_FILE_LINES + 1, what))
        for function in module.functions:
            lines, parameters = _length(function), _num_parameters(function, is_cli=module.room == "cli")
            if lines > MAX_FUNCTION_LINES:
                what = f"{function.name}: {lines} lines, {MAX_FUNCTION_LINES} at most"
                found.append(Breach(module.path, function.lineno, what))
            if parameters > MAX_PARAMETERS:
                what = f"{function.name}: {parameters} parameters, {MAX_PARAMETERS} at most"
                found.append(Breach(module.path, function.lineno, what))
    return found


def _length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _num_parameters(function: Function, *, is_cli: bool) -> int:
    """All but self and cls; a verb of the command line has one a flag, and what it calls one a keyword."""
    if is_cli and any(_is_verb(decorator) for decorator in function.decorator_list):
        return 0
    found = function.args
    named = [*found.posonlyargs, *found.args, *(() if is_cli else found.kwonlyargs)]
    bound = bool(named) and named[0].arg in ("self", "cls")
    return len(named) - bound + (found.vararg is not None) + (found.kwarg is not None)


def _is_verb(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr in ("command", "callback")


def check_finished(modules: Sequence[Module]) -> list[Breach]:
    """Marks of unfinished work, and printing outside the command line."""
    found = []
    for module in modules:
        for number, line in enumerate(module.text.splitlines(), 1):
            if mark := UNFINISHED.search(line):
                found.append(Breach(module.path, number, f"{mark[0]}: finish it or file an issue"))
        for node in ast.walk(module.tree) if module.room != "cli" else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                found.append(Breach(module.path, node.lineno, "print outside cli; emit an event instead"))
    return found


def describe(modules: Sequence[Module]) -> list[str]:
    """Lines per room, lowest floor first, and how long functions are."""
    lines, files = Counter[str](), Counter[str]()
    for module in modules:
        lines[module.room] += module.num_lines
        files[module.room] += 1
    rooms = sorted(lines, key=lambda room: (FLOORS.get(room, -1), room))
    table = [f"L{FLOORS.get(r, '?')} {r:10} {lines[r]:6,} lines, {files[r]:3} files" for r in rooms]
    lengths = [_length(function) for module in modules for function in module.functions]
    if len(lengths) < 2:
        return table
    p95, longest = quantiles(lengths, n=20)[-1], max(lengths)
    shape = f"median {median(lengths):.0f} lines, 95 % up to {p95:.0f}, longest {longest}"
    return [*table, f"{sum(lines.values()):,} lines, {len(lengths):,} functions: {shape}"]


def check_project(project: Path) -> tuple[list[str], list[Breach]]:
    """The description of a project's package, and every breach in its Python files."""
    package = read_package(project / "src")
    folders = [project / name for name in ("scripts", "bench", "tests")]
    sized = [*package, *(Module(path) for folder in folders for path in sorted(folder.rglob("*.py")))]
    found = [*check_layers(package), *check_sizes(sized), *check_finished(package)]
    return describe(package), found


def main(arguments: Sequence[str]) -> int:
    """Check the project named, or the one this script is in."""
    project = Path(arguments[0]) if arguments else Path(__file__).parent.parent
    description, found = check_project(project)
    print("\n".join([*description, *map(str, found)]))
    print(f"{len(found)} breaches" if found else "structure: all is well")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
