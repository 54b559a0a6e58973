"""The verbs of models that make one text of another, for programs: `textwright.api` hands them out.

>>> import textwright  # doctest: +SKIP
>>> textwright.translate("en-zh", ["Good morning."])[0].text  # doctest: +SKIP
'早上好。'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textwright.bundle.folder import load_manifest
from textwright.core.clock import Clock
from textwright.core.events import Sink, silent
from textwright.core.records import Candidate
from textwright.language import pretrain
from textwright.models.language.registry import EXTRACTOR
from textwright.tasks.results import Evaluated, Trained

if TYPE_CHECKING:
    from textwright.tasks.pretraining.keeping import Pretrained
    from textwright.tasks.pretraining.recipe import PretrainRecipe
    from textwright.tasks.rewriting.files import Written
    from textwright.tasks.rewriting.model import Rewritten
    from textwright.tasks.rewriting.settings import DecodeSettings
    from textwright.tasks.summarizing.training import LearnedExtractor


def translate(
    path: str | Path, texts: Sequence[str], settings: Mapping[str, Any] | DecodeSettings | None = None
) -> list[Rewritten]:
    """Translate texts with the model of a folder; `settings` are those of `DecodeSettings`.

    Raises BundleError, ConfigError for a setting that there is not.

    >>> textwright.translate("en-zh", ["Good morning."], {"beams": 1})[0].text  # doctest: +SKIP
    '早上好。'
    """
    from textwright.tasks.rewriting.model import Rewriter  # it needs torch

    model = Rewriter.load(path, "translate")
    return model.rewrite(texts, _decoding(model.settings, settings))


def translate_file(
    path: str | Path,
    data: str | Path,
    out: str,
    settings: Mapping[str, Any] | DecodeSettings | None = None,
    *,
    text: str | None = None,
) -> Written:
    """Translate a document, whose lines, blanks and code stay as they are, or each row of a table, to `out`.

    Raises BundleError, ConfigError, DataError: see `textwright.tasks.rewriting.files.rewrite_file`.
    """
    from textwright.tasks.rewriting.files import rewrite_file
    from textwright.tasks.rewriting.model import Rewriter

    model = Rewriter.load(path, "translate")
    return rewrite_file(model, data, out, _decoding(model.settings, settings), text=text)


def train_pairs(
    data: str | Path,
    out: str | Path,
    recipe: PretrainRecipe,
    *,
    target_file: str | Path | None = None,
    test: str | Path | None = None,
    sink: Sink = silent,
    clock: Clock | None = None,
    resume: bool = False,
) -> Trained:
    """Learn to make one text of another from pairs: `recipe.objective` is translate or summarize.

    The model is m2m100, lstm or, for summaries, extractor. `data` is a table, or a plain file of sources
    whose targets stand in `target_file`, line by line. `test` is a file to score on, and
    `recipe.data.test_share` draws one from the pairs. All else is as for `train`. Raises TextwrightError.

    >>> textwright.api.train_pairs("a.en", "en-zh", recipe, target_file="a.zh")  # doctest: +SKIP
    """
    files = {"data.target_file": target_file, "data.test": test}
    recipe = recipe.replaced({key: str(path) for key, path in files.items() if path is not None})
    made: LearnedExtractor | Pretrained
    validation, interrupted = None, False
    if recipe.asked_name == EXTRACTOR:
        from textwright.tasks.summarizing.training import train_extractor

        made = train_extractor(data, out, recipe, sink=sink, clock=clock)
    else:
        made = learned = pretrain([data], out, recipe, sink=sink, clock=clock, resume=resume)
        validation, interrupted = learned.validation, learned.interrupted
    size = (made.out / "model.safetensors").stat().st_size
    scores = validation or made.scores
    candidate = Candidate(
        made.model, scores, made.seconds, made.parameters, size, chosen=True, why="as asked"
    )
    task, rest = str(recipe.objective), (made.parameters, size, [candidate], made.scores, made.split)
    return Trained(made.out, task, made.model, made.seconds, *rest, interrupted=interrupted)


def choose_pairs(
    data: str | Path,
    out: str | Path,
    recipe: PretrainRecipe,
    *,
    sink: Sink = silent,
    clock: Clock | None = None,
) -> Trained:
    """`train_pairs` with all that suits, of which one is kept: the best, or a simpler one that is as good."""
    from textwright.choose.pairs.chosen import choose_pairs as choose

    return choose(data, out, recipe, sink=sink, clock=clock)


def evaluate_pairs(path: str | Path, data: str | Path, target_file: str | Path | None = None) -> Evaluated:
    """Score a model of pairs on a file, or on two of which each line belongs to one of the other."""
    if load_manifest(Path(path)).architecture == EXTRACTOR:
        from textwright.tasks.summarizing.evaluating import evaluate_extractor

        picked = evaluate_extractor(path, data, target_file)
        return Evaluated(picked.n, picked.seconds, picked.scores, picked.details, 0, picked.cleaning, [])
    from textwright.tasks.rewriting.evaluating import evaluate_pairs as evaluate  # it needs torch

    found = evaluate(path, data, target_file)
    return Evaluated(
        n=found.n,
        seconds=found.seconds,
        scores=found.scores,
        details=found.details,
        num_locked=found.num_locked,
        cleaning=found.cleaning,
        wrong=[],
        num_learned=found.num_learned,
    )


def _decoding(usual: DecodeSettings, asked: Mapping[str, Any] | DecodeSettings | None) -> DecodeSettings:
    if asked is None or isinstance(asked, Mapping):
        return usual.replaced(dict(asked or {}))
    return asked
