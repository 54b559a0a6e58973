"""A model that makes one text of another at work: translations and summaries."""
