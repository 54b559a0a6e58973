"""`textwright` with checkpoints every so many seconds instead of every twenty: what `kill.py` kills.

python bench/_often.py SECONDS train FILE --out FOLDER ...
"""

from __future__ import annotations

import sys

from textwright.cli.main import main
from textwright.tasks import checkpoints

if __name__ == "__main__":
    checkpoints.SECONDS_BETWEEN, checkpoints.TIMES_ITS_COST = float(sys.argv.pop(1)), 1.0
    main()
