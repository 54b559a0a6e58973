"""Models that make one text of another, compared on the same pairs, and the choice between them."""
