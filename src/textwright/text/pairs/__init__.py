"""Pairs of texts: a source, and what is to be made of it."""
