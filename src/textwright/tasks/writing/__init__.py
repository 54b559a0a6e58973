"""A language model at work: it writes on, fills gaps, and tells what a text costs."""
