"""How long every command and number of the README and the guide takes to run (asked: 8 minutes, two cores).

python bench/guide.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from _record import append, head, new_run

PROJECT = Path(__file__).resolve().parents[1]
PARTS = {
    "guide_s": ["-m", "docs", "tests/docs"],
    "readme_s": ["tests/docs/test_readme.py", "tests/docs/test_verbs_page.py"],
}


def main() -> None:
    """Run the tests of the pages; nothing is recorded when one fails."""
    beginning = head("guide", "python bench/guide.py", new_run())
    result: dict[str, float] = {}
    for name, arguments in PARTS.items():
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "pytest", *arguments], cwd=PROJECT, check=True)
        result[name] = round(time.perf_counter() - started, 1)
    append({**beginning, "seed": 0, "result": result})
    print(result)


if __name__ == "__main__":
    main()
