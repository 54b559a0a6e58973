"""`python -m textwright`, which torchrun starts as well."""

from __future__ import annotations

from textwright.cli.main import main

if __name__ == "__main__":
    main()
