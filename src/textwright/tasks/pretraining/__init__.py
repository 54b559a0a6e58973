"""A language learned from raw text: documents to tokens, a plan, one fit, a folder."""
