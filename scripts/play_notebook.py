"""A notebook run cell by cell without Jupyter: what it prints, ends with and draws, as Jupyter keeps it."""

from __future__ import annotations

import ast
import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

SVG = "image/svg+xml"
PICTURE = "[a picture]\n"

Output = dict[str, Any]


def play(path: Path) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """The notebook with the outputs of a new run, and of each cell its code, what was kept, what came."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    compared = []
    for number, cell in enumerate((c for c in notebook["cells"] if c["cell_type"] == "code"), 1):
        source = "".join(cell["source"])
        outputs = executed(source, namespace, number)
        compared.append((source, as_text(cell["outputs"]), as_text(outputs)))
        cell.update(outputs=outputs, execution_count=number)
    return notebook, compared


def executed(source: str, namespace: dict[str, Any], number: int = 1) -> list[Output]:
    """The outputs of one cell: what it prints, then the value of a last expression, drawn where it can be."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed), redirect_stderr(io.StringIO()):
        exec(compile(tree, "<cell>", "exec"), namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)
    outputs: list[Output] = []
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())})
    if value is not None:
        outputs.append(
            {
                "data": _shown(value),
                "execution_count": number,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return outputs


def _shown(value: Any) -> dict[str, Any]:
    """A picture stands for its text, which would only repeat it."""
    if hasattr(value, "_repr_svg_"):
        return {SVG: _lines(value._repr_svg_()), "text/plain": [f"<{type(value).__name__}>"]}
    return {"text/plain": _lines(repr(value))}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def as_text(outputs: list[Output]) -> str:
    """What a cell printed, and the value that it ended with; a picture is a mark."""
    parts = []
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] == "stdout":
            parts.append("".join(output["text"]))
        elif output["output_type"] == "execute_result":
            data = output["data"]
            parts.append(PICTURE if SVG in data else "".join(data["text/plain"]) + "\n")
    return "".join(parts)
