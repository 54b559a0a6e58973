"""Pairs of texts, a source and its target, for translation and summaries: read, cleaned, kept together."""
