"""What stands before a text that a model writes from nothing."""

from __future__ import annotations

import numpy as np

from textwright.text.documents.shards import Shards
from textwright.text.tokenizers import Tokenizer
from textwright.text.tokenizers.pieces import line_ends

# So many tokens tell how lines end.
_LOOKED_AT = 1 << 18


def opening_of(train: Shards, tokenizer: Tokenizer) -> str:
    """Nothing where documents were learned from; the commonest end of a line where plain files were.

    Those say nothing of where a text ends, and texts begin with a line. The end of a line is often one token
    with the full stop before it, and a line break alone is then hardly ever seen.
    """
    if not train.about["stretches"]:
        return ""
    counts = np.bincount(train.take([0], min(len(train), _LOOKED_AT))[0])
    ends = [number for number in line_ends(tokenizer.pieces) if number < len(counts) and counts[number]]
    return tokenizer.decode([max(ends, key=lambda number: counts[number])]) if ends else "\n"
