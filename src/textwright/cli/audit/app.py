"""The command that the modules beside this one add theirs to."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)
