"""Mending with undo: findings become patches, which change rows as they are read and never the file."""
