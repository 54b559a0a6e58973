"""How each kind of fix becomes lines of a patch: one module a kind, with a function `lines`."""
