"""Write the tiny model folders of the present format version into tests/data, once per format version.

Every release loads all of them (tests/contracts/test_formats.py); they are never made again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import textwright
from textwright.bundle.manifest import FORMAT_VERSION
from textwright.core.files import to_json

TEXTS = ["good coffee and kind people", "bad coffee, rude people", "很好喝，下次再来", "难喝，再也不来了"]
MODELS = {
    "bag": {"name": "bag", "words": 1, "chars": "none"},
    "cnn": {"name": "cnn", "embedding": 4, "filters": 4, "widths": [2]},
    "lstm": {"name": "lstm", "embedding": 4, "hidden": 4},
}


def main() -> int:
    target = Path(__file__).parents[1] / "tests" / "data" / f"format-{FORMAT_VERSION}"
    if target.exists():
        print(
            f"{target} is there already; a format that is out in the world is not made again", file=sys.stderr
        )
        return 1
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "a.csv"
        rows = [
            f'"{text} {i}",{"yes" if j % 2 == 0 else "no"}' for i in range(12) for j, text in enumerate(TEXTS)
        ]
        data.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
        for name, model in MODELS.items():
            recipe = textwright.Recipe.parse({"model": model, "budget": {"minutes": 1}})
            textwright.train(data, target / name, recipe)
    answers = {name: textwright.load(target / name).predict(TEXTS) for name in MODELS}
    (target / "answers.json").write_text(to_json({"texts": TEXTS, "answers": answers}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
