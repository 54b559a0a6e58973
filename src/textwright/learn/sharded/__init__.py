"""A fit whose weights, gradients and slots lie in parts, one with each process (FSDP2)."""
