"""Prompts and their responses: read from tables, and made into tokens of both parts."""
