"""Checks of data, one module each: `run`, `plant`, `null`, and the entry `CHECK`."""
