"""Runs the chapters of docs/learn and writes what they print and draw back into them.

    python scripts/run_guide.py [--check] [CHAPTER...]

A chapter is Markdown, or a notebook, whose cells run as in Jupyter (`play_notebook.py`). Of Markdown the
```python blocks run in order in one namespace, the lines `$ textwright ...` of its
```console blocks through the command line, all of them in a folder of their own that holds the packaged
samples and docs/learn/data. What a block prints stands in the ```text block after it; what it draws into
figures/ goes to docs/learn/figures. With --check nothing is written: the words must be the same, the numbers
nearly so, those of time are left out. Another processor rounds differently, and may answer a row of 60 in
another way: of a comparison only the names, the scores and the sizes count, not which is best, nor by how
much. A CHAPTER is a path, or a part of one such as `en/03`.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import play_notebook

# Read when torch is first imported: the same sums in the same order everywhere.
os.environ.setdefault("OMP_NUM_THREADS", "1")

PROJECT = Path(__file__).resolve().parents[1]
GUIDE = PROJECT / "docs" / "learn"
SAMPLE = PROJECT / "src" / "textwright" / "sample"
LANGUAGES = ("en", "zh")
SHARE, DISTANCE = 0.1, 0.05

_BLOCK = re.compile(
    r"^```(?P<kind>python|console)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
_TIME = re.compile(r"\d[\d,]*(?:\.\d+)?\s?(?:(?:ms|s|seconds?|min|minutes?)\b|毫秒|秒|分钟)")
# A row of a comparison: name and score; then what hangs by a single row, and what it cost.
_ROW = re.compile(
    r"^(?P<name>\S.*?) +(?P<score>\d+\.\d+ \[[^\]\n]*\])"
    r"(?: +[+-]\d+\.\d+ +[\d.e-]+)?(?: +\d+\.\d\d +\d[\d,]*)?"
    r" +\d[\d,]*\.\d +(?P<parameters>\d[\d,]*) +\d[\d,]*\.\d\d(?: +best)?$",
    re.MULTILINE,
)
_BEST = re.compile(r"^(?:Best: |最佳：).*$", re.MULTILINE)


@dataclass
class Played:
    """What a chapter gave: its new text, its figures by name, and where outputs are not what they were."""

    text: str
    figures: dict[str, bytes]
    differences: list[str] = field(default_factory=list)


def chapters(asked: Sequence[str] = ()) -> list[Path]:
    """The chapters whose paths hold one of `asked`, or all. Raises ValueError where there is none."""
    every = [path for language in LANGUAGES for path in sorted((GUIDE / language).glob("[0-9]*.md"))]
    every += sorted(GUIDE.glob("*.ipynb"))
    if not asked:
        return every
    names = [Path(name).as_posix() for name in asked]
    found = [path for path in every if any(name in path.as_posix() for name in names)]
    if not found:
        raise ValueError(f"no chapter is called {', '.join(asked)}")
    return found


def play(chapter: Path) -> Played:
    """Run all blocks of a chapter, or all cells of a notebook, from the first one on."""
    return _play_notebook(chapter) if chapter.suffix == ".ipynb" else _play_page(chapter)


def _play_notebook(path: Path) -> Played:
    with work_folder():
        found, compared = play_notebook.play(path)
    text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
    wrong = [_difference(path, kept, now) for _, kept, now in compared if not alike(kept, now)]
    return Played(text, {}, wrong)


def _play_page(chapter: Path) -> Played:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    played = Played("", {})
    with work_folder() as folder:

        def replaced(block: re.Match[str]) -> str:
            output = _run(block["kind"], block["code"], namespace, f"{chapter.name}: {block['code'][:60]!r}")
            if not alike(block["output"] or "", output):
                played.differences.append(_difference(chapter, block["output"] or "", output))
            shown = f"\n```text\n{output}\n```\n" if output else ""
            return f"```{block['kind']}\n{block['code']}```\n{shown}"

        played.text = _BLOCK.sub(replaced, chapter.read_text(encoding="utf-8"))
        played.figures = {path.name: path.read_bytes() for path in sorted((folder / "figures").glob("*.svg"))}
    return played


@contextmanager
def work_folder() -> Iterator[Path]:
    """A new folder with the data of the guide, in which the process stands."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in (*SAMPLE.iterdir(), *(GUIDE / "data").iterdir()):
            shutil.copy(path, folder)
        (folder / "figures").mkdir()
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)


def _run(kind: str, code: str, namespace: dict[str, Any], where: str) -> str:
    printed = io.StringIO()
    if kind == "python":
        with redirect_stdout(printed), redirect_stderr(io.StringIO()):
            exec(compile(code, where, "exec"), namespace)
    else:
        for line in commands(code):
            printed.write(_command(line))
    return "\n".join(line.rstrip() for line in printed.getvalue().splitlines()).strip("\n")


def commands(code: str) -> list[str]:
    """The commands of a console block; a line that ends in a backslash goes on in the next one."""
    lines = code.replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ textwright ")]


def _command(line: str) -> str:
    """What a command prints on standard output. Raises RuntimeError when it fails."""
    from typer.testing import CliRunner

    from textwright.cli import main

    main._STARTED = time.monotonic()  # a command's minutes run from the start of its process
    result = CliRunner(env={"TEXTWRIGHT_LANG": None}).invoke(main.app, shlex.split(line)[1:])
    if result.exit_code:
        raise RuntimeError(f"{line}\nended with {result.exit_code}: {result.output}")
    return result.stdout


def alike(old: str, new: str) -> bool:
    """The same words, and numbers equal within a tenth or 0.05; numbers of time do not count.

    >>> alike("0.81 right in 3 s", "0.84 right in 9 s"), alike("0.81 right", "0.95 right")
    (True, False)
    """
    old, new = _steady(old), _steady(new)
    if _words(old) != _words(new):
        return False
    pairs = zip(_numbers(old), _numbers(new), strict=True)
    return all(abs(a - b) <= max(DISTANCE, SHARE * max(abs(a), abs(b))) for a, b in pairs)


def _steady(text: str) -> str:
    """What another machine should give as well.

    >>> _steady("cnn  0.6500 [0.5167, 0.7667]  -0.2167  0.0106  6.00  90  1.5  215,193  1.33  best")
    'cnn 0.6500 [0.5167, 0.7667] 215,193'
    """
    text = _ROW.sub(r"\g<name> \g<score> \g<parameters>", text)
    return _TIME.sub("TIME", _BEST.sub("BEST", text))


def _words(text: str) -> list[str]:
    return _NUMBER.sub("#", text).split()


def _numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in _NUMBER.findall(text)]


def _difference(chapter: Path, old: str, new: str) -> str:
    return f"{chapter.parent.name}/{chapter.name}: expected\n{old}\ngot\n{new}\n"


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; 1 when something is not as the chapters say."""
    is_check, asked = "--check" in arguments, [name for name in arguments if name != "--check"]
    differences: list[str] = []
    for chapter in chapters(asked):
        started = time.monotonic()
        played = play(chapter)
        if is_check:
            differences += played.differences + missing_figures(chapter, played)
        else:
            chapter.write_text(played.text, encoding="utf-8")
            for name, content in played.figures.items():
                (GUIDE / "figures" / name).write_bytes(content)
        print(f"{chapter.parent.name}/{chapter.name}: {time.monotonic() - started:.1f} s", flush=True)
    print("\n".join(differences), end="")
    return int(bool(differences))


def missing_figures(chapter: Path, played: Played) -> list[str]:
    """Figures that the chapter shows and has not drawn, or that nobody has kept."""
    shown = set(re.findall(r"\]\(\.\./figures/([^)]+)\)", chapter.read_text(encoding="utf-8")))
    lost = {name for name in shown if not (GUIDE / "figures" / name).is_file()}
    wrong = sorted(lost | (shown ^ set(played.figures)))
    return [
        f"{chapter.parent.name}/{chapter.name}: the figure {name} is missing or not shown\n" for name in wrong
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
