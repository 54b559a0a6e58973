"""The verbs of models that make one text of another, for programs: `textwright.api` hands them out.

>>> import textwright  # doctest: +SKIP
>>> textwright.translate("en-zh", ["Good morning."])[0].text  # doctest: +SKIP
'早上好。'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textwright.tasks.rewriting.files import Written
    from textwright.tasks.rewriting.model import Rewritten
    from textwright.tasks.rewriting.settings import DecodeSettings


def translate(
    path: str | Path, texts: Sequence[str], settings: Mapping[str, Any] | DecodeSettings | None = None
) -> list[Rewritten]:
    """Translate texts with the model of a folder; `settings` are those of `DecodeSettings`.

    Raises BundleError, ConfigError for a setting that there is not.

    >>> textwright.translate("en-zh", ["Good morning."], {"beams": 1})[0].text  # doctest: +SKIP
    '早上好。'
    """
    from textwright.tasks.rewriting.model import Rewriter  # it needs torch

    model = Rewriter.load(path)
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

    model = Rewriter.load(path)
    return rewrite_file(model, data, out, _decoding(model.settings, settings), text=text)


def _decoding(usual: DecodeSettings, asked: Mapping[str, Any] | DecodeSettings | None) -> DecodeSettings:
    if asked is None or isinstance(asked, Mapping):
        return usual.replaced(dict(asked or {}))
    return asked
