"""Model folders in other formats, each checked for equal answers."""
