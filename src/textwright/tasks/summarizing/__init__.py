"""Summaries: `extractive` picks sentences, `files` reads documents and tables, `learned` keeps extractors."""
