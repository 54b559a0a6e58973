"""What stands around the texts of a checkpoint that makes one of another: as it was learned with.

BART has its start before both texts. NLLB and mBART-50 have the tag of a language before each, mBART has it
behind what is read and tells from it; T5 has words that name the task.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from textwright.core.errors import CheckpointError, ConfigError
from textwright.core.files import read_json
from textwright.core.pairframe import PairFrame
from textwright.models.transformer.checkpoint import Checkpoint
from textwright.tasks.writing.model import vocabulary_of
from textwright.text.tokenizers import Tokenizer

# How NLLB calls the languages (FLORES-200), by their ISO 639-1 codes.
_FLORES: Mapping[str, str] = MappingProxyType(
    {
        "en": "eng_Latn", "de": "deu_Latn", "fr": "fra_Latn", "es": "spa_Latn", "pt": "por_Latn",
        "it": "ita_Latn", "ca": "cat_Latn", "nl": "nld_Latn", "sv": "swe_Latn", "da": "dan_Latn",
        "nb": "nob_Latn", "fi": "fin_Latn", "et": "est_Latn", "hu": "hun_Latn", "pl": "pol_Latn",
        "cs": "ces_Latn", "sk": "slk_Latn", "sl": "slv_Latn", "hr": "hrv_Latn", "ro": "ron_Latn",
        "tr": "tur_Latn", "id": "ind_Latn", "vi": "vie_Latn", "lt": "lit_Latn", "lv": "lvs_Latn",
        "ru": "rus_Cyrl", "uk": "ukr_Cyrl", "be": "bel_Cyrl", "sr": "srp_Cyrl", "mk": "mkd_Cyrl",
        "bg": "bul_Cyrl", "ar": "arb_Arab", "ur": "urd_Arab", "fa": "pes_Arab", "hi": "hin_Deva",
        "th": "tha_Thai", "ko": "kor_Hang", "ja": "jpn_Jpan", "zh": "zho_Hans", "el": "ell_Grek",
        "he": "heb_Hebr", "hy": "hye_Armn", "ka": "kat_Geor", "bn": "ben_Beng", "ta": "tam_Taml",
        "te": "tel_Telu", "kn": "kan_Knda", "ml": "mal_Mlym", "gu": "guj_Gujr", "pa": "pan_Guru",
        "si": "sin_Sinh", "km": "khm_Khmr", "lo": "lao_Laoo", "my": "mya_Mymr", "am": "amh_Ethi",
        "bo": "bod_Tibt",
    }
)  # fmt: skip
# NLLB's, M2M100's and mBART's tags.
_TAG = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}|__[a-z]{2,3}__|[a-z]{2}_[A-Z]{2}")
_TASKS: Mapping[str, str] = MappingProxyType(
    {"summarize": "summarization", "translate": "translation_{}_to_{}"}
)


def usual_frame(task: str, tokenizer: Tokenizer, languages: Sequence[str]) -> PairFrame:
    """Of a model that is learned here."""
    return PairFrame.usual(vocabulary_of(tokenizer).end_id)


def frame_of(checkpoint: Checkpoint, tokenizer: Tokenizer, task: str, languages: Sequence[str]) -> PairFrame:
    """The frame of a checkpoint for texts in these two languages, of the source and of the target.

    Raises ConfigError for a language that it has no tag for, CheckpointError where nothing says what its
    answers begin from.
    """
    words, frame = vocabulary_of(tokenizer), tokenizer.frame
    tags = tags_of(tokenizer)
    start = _start_of(checkpoint)
    if tags:
        source, target = (_tag_of(language, tags, checkpoint) for language in languages)
        if set(frame.suffix) & {*tags.values()}:  # behind what is read: mBART, and the first NLLB
            return PairFrame(
                words.end_id,
                target if start is None or start in tags.values() else start,
                behind=(source,),
                forced=() if start is None or start in tags.values() else (target,),
            )
        before = tuple(source if i in tags.values() else i for i in frame.prefix)
        return PairFrame(
            words.end_id, words.end_id if start is None else start, before or (source,), (), (target,)
        )
    if start is None:
        raise CheckpointError(
            f"{checkpoint.path}: nothing says which token its answers begin from",
            hint="Add decoder_start_token_id to config.json.",
        )
    asked = _prompt_of(checkpoint, tokenizer, task, languages)
    return PairFrame(words.end_id, start, (*frame.prefix, *asked), (), tuple(frame.prefix))


def tags_of(tokenizer: Tokenizer) -> dict[str, int]:
    """The tags of languages among the special tokens of a tokenizer."""
    return {token: i for token, i in tokenizer.added.items() if _TAG.fullmatch(token)}


def _tag_of(language: str, tags: Mapping[str, int], checkpoint: Checkpoint) -> int:
    names = [name for name in (_FLORES.get(language), f"__{language}__", language) if name]
    found = [tags[name] for name in names if name in tags]
    found += [i for tag, i in tags.items() if re.fullmatch(rf"{re.escape(language)}_[A-Z]{{2}}", tag)]
    if found:
        return found[0]
    raise ConfigError(
        f"{checkpoint.path}: has no tag for the language {language!r}",
        hint=f"It knows {', '.join(sorted(tags)[:20])}{' and more' if len(tags) > 20 else ''}.",
    )


def _start_of(checkpoint: Checkpoint) -> int | None:
    """What the configs of the folder say."""
    found: Any = checkpoint.config.get("decoder_start_token_id")
    other = checkpoint.path / "generation_config.json"
    if found is None and other.is_file():
        found = read_json(other).get("decoder_start_token_id")
    return None if found is None else int(found)


def _prompt_of(
    checkpoint: Checkpoint, tokenizer: Tokenizer, task: str, languages: Sequence[str]
) -> tuple[int, ...]:
    """The words that name the task, which some configs tell."""
    known = checkpoint.config.get("task_specific_params") or {}
    found = known.get(_TASKS[task].format(*languages)) or {}
    text = str(found.get("prefix") or "")
    return tuple(map(int, tokenizer.whole([text])[0])) if text else ()
