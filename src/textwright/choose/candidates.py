"""What is tried when no architecture is named: families with a small space of settings, simple ones first.

A new task or architecture joins with lines in `SPACE`; nothing is imported before it is tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.core.seeds import derive
from textwright.models.registry import ARCHITECTURES, LATENT, PRETRAINED
from textwright.tasks.examples import Examples
from textwright.tasks.recipe import Prefer, Recipe
from textwright.text.schema import Schema

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_CLASSES = frozenset({"classify", "multilabel"})
_ALL = frozenset({"classify", "multilabel", "score"})
QUICK = "bag"
# What finding directions takes for a text, however short.
_AS_CHARACTERS = 600
_OF_THE_FIT = frozenset({"loss", "weighting"})
Texts = Literal["any", "long", "ideographic"]


@dataclass(frozen=True)
class Proposal:
    """An architecture with settings to try; `rank` is its place in the order from simple to intricate.

    `settings` are those of the architecture, without which it is tried as it comes; `seed` numbers fits that
    differ by chance alone, of which ensembles are made. `why` says what it is there for.
    """

    model: str
    why: str
    label: str = ""
    settings: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    tasks: frozenset[str] = _ALL
    texts: Texts = "any"
    seed: int = 0
    rank: int = 0

    @property
    def name(self) -> str:
        return f"{self.model} {self.label}".strip()

    @property
    def stem(self) -> str:
        """For folders."""
        return self.name.replace(" ", "-")

    def reads_as(self, other: Proposal) -> bool:
        """Whether the rows that were read for another one serve for it, too: how they are fitted differs.

        >>> Proposal("bag", "", settings={"loss": "hinge"}).reads_as(Proposal("bag", ""))
        True
        """
        mine, theirs = (
            {k: v for k, v in proposal.settings.items() if k not in _OF_THE_FIT} for proposal in (self, other)
        )
        return self.model == other.model and mine == theirs

    def reading(self, examples: Examples) -> int:
        """How many characters are to be read before it is fitted, or what takes as long."""
        others = examples.unlabelled if self.model == LATENT else ()
        return examples.num_characters + sum(len(text) + _AS_CHARACTERS for text in others)

    def recipe(self, base: Recipe) -> Recipe:
        """What it is fitted by: `base` with this model, its settings and its seed."""
        own = base.model_settings if base.model_name in (self.model, "auto") else {}
        if base.model_name == "auto" and self.model != PRETRAINED:
            own = {}
        seed = derive(base.seed, "candidate", self.seed) if self.seed else base.seed
        return base.replaced({"model": {**own, **self.settings, "name": self.model}, "seed": seed})


SPACE: tuple[Proposal, ...] = (
    Proposal("bag", "counts words and characters: seconds to fit, hard to beat on little text"),
    Proposal(
        "bag",
        "asks for a margin, as a linear SVM: better where labels are told apart by single words",
        label="hinge",
        settings={"loss": "hinge"},
        tasks=_CLASSES,
    ),
    Proposal(
        "bag",
        "weighs words by how rare they are and not by labels: better on topics and on rare labels",
        label="idf",
        settings={"weighting": "idf"},
        tasks=_CLASSES,
    ),
    Proposal(
        "bag",
        "characters as well as words, which the default leaves out of long texts to save time",
        label="rich",
        settings={"words": 3, "chars": (2, 5)},
        texts="long",
    ),
    Proposal(
        "bag",
        "n-grams across words and longer ones, beyond the three characters of the default",
        label="rich",
        settings={"words": 2, "chars": (2, 4)},
        texts="ideographic",
    ),
    Proposal(
        "bag",
        "a margin on the many kinds of n-grams",
        label="rich+hinge",
        settings={"words": 3, "chars": (2, 5), "loss": "hinge"},
        tasks=_CLASSES,
        texts="long",
    ),
    Proposal(
        "bag",
        "a margin on the many kinds of n-grams",
        label="rich+hinge",
        settings={"words": 2, "chars": (2, 4), "loss": "hinge"},
        tasks=_CLASSES,
        texts="ideographic",
    ),
    Proposal(
        LATENT,
        "learns from the texts without labels what words mean: for few labels and many texts",
    ),
    Proposal(
        "cnn",
        "a sixth of the work of the next one: for many or long texts",
        label="slim",
        settings={"embedding": 64, "widths": (2, 3, 4), "filters": 64},
    ),
    Proposal("cnn", "short phrases wherever they stand: strong on a few thousand rows and more"),
    Proposal("lstm", "reads in order with attention: negation and far connections"),
    Proposal("transformer", "every token looks at every other: needs the most rows"),
    Proposal("cnn", "another start of the same network: an average of both errs less", label="again", seed=1),
    Proposal("lstm", "another start of the same network", label="again", seed=1),
)


def proposals_for(recipe: Recipe) -> tuple[Proposal, ...]:
    """All candidates for `auto`, or the one that is named. Raises ConfigError for an unknown name.

    Settings belong to one architecture, so with `auto` they are refused; a checkpoint that is named (--from)
    is one more candidate.
    """
    settings = dict(recipe.model_settings)
    if recipe.model_name != "auto":
        ARCHITECTURES.check(recipe.model_name)
        return (Proposal(recipe.model_name, "as asked"),)
    has_checkpoint = settings.pop("checkpoint", None) is not None
    if settings:
        raise ConfigError(
            f"model.{next(iter(settings))} is a setting of one architecture, but none is named",
            hint=f"Name it with --model: {', '.join(ARCHITECTURES)}.",
        )
    return _ranked(_space(_families(recipe, has_checkpoint)))


def suited(proposals: Sequence[Proposal], schema: Schema, *, is_long: bool, prefer: Prefer) -> list[Proposal]:
    """Those for this task and these texts; fits that differ by chance alone are for ensembles."""
    if len(proposals) == 1:
        return list(proposals)
    kinds = {"any", "ideographic" if schema.is_ideographic else "long" if is_long else "any"}
    fitting = [p for p in proposals if schema.task in p.tasks and p.texts in kinds]
    return [p for p in fitting if prefer == "accuracy" or not p.seed]


def families(*, has_texts: bool = False) -> tuple[str, ...]:
    """The architectures that are tried, the simple ones first; `has_texts` without labels to learn from."""
    known = dict.fromkeys(proposal.model for proposal in SPACE)
    return tuple(name for name in known if name != LATENT or has_texts)


def _families(recipe: Recipe, has_checkpoint: bool) -> list[str]:
    usual = families(has_texts=recipe.data.unlabelled is not None)
    asked = list(usual if recipe.candidates == "auto" else recipe.candidates)
    known = [*ARCHITECTURES]
    for name in asked:
        if name not in known:
            raise ConfigError(f"candidates: there is no family {name!r}", hint=did_you_mean(name, known))
    if not asked:
        raise ConfigError("candidates: there are none", hint=f"Name some of: {', '.join(known)}.")
    if PRETRAINED in asked and not has_checkpoint:
        raise ConfigError(
            "candidates: pretrained starts from a checkpoint, and none is named",
            hint="Name it with --from DIR.",
        )
    return [*asked, PRETRAINED] if has_checkpoint and PRETRAINED not in asked else asked


def _space(names: Sequence[str]) -> list[Proposal]:
    """The space of these families; one that has no lines in it is tried as it comes."""
    found = [proposal for proposal in SPACE if proposal.model in names]
    firsts = [proposal for proposal in found if not proposal.seed]
    others = [
        Proposal(name, "starts from what it has learned elsewhere" if name == PRETRAINED else "as asked")
        for name in dict.fromkeys(names)
        if name not in families(has_texts=True)
    ]
    return [*firsts, *others, *(proposal for proposal in found if proposal.seed)]


def _ranked(proposals: Sequence[Proposal]) -> tuple[Proposal, ...]:
    """In the order in which they are tried, each with its place from simple to intricate.

    Texts without labels and a checkpoint were given by the person: who learns from them is tried as soon as
    the simplest is done, and what takes seconds.
    """
    ranked = [replace(proposal, rank=rank) for rank, proposal in enumerate(proposals)]
    quick = {QUICK: 2, LATENT: 1, PRETRAINED: 3}
    return tuple(sorted(ranked, key=lambda p: quick.get(p.model, 4) if p.rank else 0))
