"""`latent`: n-grams taught by what all texts, labelled or not, have in common.

The directions in which the texts differ (`directions`) and the company that their words keep (`company`) are
a few hundred numbers a text, which need no label. A linear model on them learns from the few labelled rows
(`teacher`), answers the texts without labels, and a `bag` learns from both: what is kept is that bag, which
reads n-grams that no labelled row has.

Shapes: N texts, D directions.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array, diags_array

from textwright.core.ragged import Ragged
from textwright.core.settings import Settings
from textwright.models.bag.model import BagModel
from textwright.models.base import Architecture
from textwright.models.latent.company import company, words_of
from textwright.models.latent.directions import Array, leading, unit

# The n-grams that directions are found of: each costs as many numbers as there are directions.
_MOST_NGRAMS, _LEAST_TEXTS = 100_000, 5


class LatentSettings(Settings):
    """How texts without labels are learned from."""

    directions: int = Field(300, ge=1, description="in which texts differ, that are kept of their n-grams")
    company: int = Field(200, ge=0, description="and of the words that stand near each other (0 = none)")
    temperature: float = Field(
        0.5,
        gt=0,
        description="what the teacher's log-odds are divided by; below 1 it says more than it knows",
    )
    share: float = Field(0.3, gt=0, le=1, description="as how much of a labelled row an answered text counts")


def numbers(
    rows: Ragged, present: csr_array, settings: LatentSettings, seed: int, *, pairs: bool, threads: int = 1
) -> Array:
    """What there is to know of texts (N, D) without any label.

    `present` are their n-grams, ones where a text has one; `pairs` takes two words, or two Chinese or
    Japanese characters, for one.
    """
    often = np.bincount(present.indices, minlength=present.shape[1])
    kept = np.argsort(-often, kind="stable")[: min(_MOST_NGRAMS, int((often >= _LEAST_TEXTS).sum()))]
    rarity = (1 + np.log((1 + present.shape[0]) / (1 + often[kept]))).astype(np.float32)
    weighed = present[:, np.sort(kept)] @ diags_array(rarity[np.argsort(kept)]).tocsr()
    lengths = np.sqrt(np.maximum((weighed.multiply(weighed)).sum(axis=1), 1e-12)).astype(np.float32)
    places, spread = leading(
        csr_array(diags_array(1 / lengths) @ weighed), settings.directions, seed, threads
    )
    found = [unit(places * spread)]
    if settings.company:
        found.append(company(words_of(rows, pairs=pairs, threads=threads), settings.company, seed, threads))
    return np.concatenate(found, axis=1)


ARCHITECTURE = Architecture(
    name="latent",
    summary="n-grams taught by what all texts, with labels or without, have in common; for few labels",
    kind="solver",
    settings=LatentSettings,
    build=BagModel,
)
