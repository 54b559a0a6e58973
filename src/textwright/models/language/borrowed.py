"""Models from sequence to sequence that are gone on with, and not begun: they come from the Hub or a folder.

Shapes: B batch, S tokens that are read, T tokens that are told, V vocabulary.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import AutoModelForSeq2SeqLM, GenerationConfig, PreTrainedModel

from textwright.core.errors import ConfigError
from textwright.models.language.base import LanguageArchitecture, Vocabulary
from textwright.models.language.settings import LanguageSettings
from textwright.models.output import Output
from textwright.models.transformer.reading import read_checkpoint

# Where positions are told by how far tokens are apart, any number can be read: this many are.
_POSITIONS = 512
# What is high enough to learn and does not undo what was learned (arXiv:1910.13461, 1910.10683).
_RATE, _RATE_OF_T5 = 5e-5, 2e-4


class BorrowedModel(nn.Module):
    """Called with `input_ids` (B, S), `attention_mask` (B, S) and `told` (B, T), each of which tells the next
    token; answers an Output of (B, T, V), as the class of the library makes them.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, told: Tensor) -> Output:
        made = self.model(
            input_ids=input_ids, attention_mask=attention_mask.long(), decoder_input_ids=told, use_cache=False
        )
        return Output(made.logits)


def _read(folder: Any) -> BorrowedModel:
    """How its answers are looked for is said where they are asked for, and not by the folder."""
    model = read_checkpoint(AutoModelForSeq2SeqLM, folder)
    named = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "forced_bos_token_id")
    before: Any = model.generation_config
    model.generation_config = GenerationConfig(**{name: getattr(before, name, None) for name in named})
    return BorrowedModel(model)


def _length(config: Any) -> int:
    return int(
        getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or _POSITIONS
    )


def _build(settings: LanguageSettings, vocabulary: Vocabulary) -> BorrowedModel:
    raise ConfigError(
        "this architecture is gone on with, and not begun", hint="Name a checkpoint of it: --from FOLDER"
    )


def _borrowed(name: str, summary: str, rate: float = _RATE) -> LanguageArchitecture:
    return LanguageArchitecture(
        name, summary, "pairs", _build, _read, _length, optimizer="adamw", rate_to_go_on=rate
    )


MARIAN = _borrowed("marian", "MarianMT's layers: the translators of OPUS-MT")
BART = _borrowed("bart", "BART's layers: a language learned by mending texts; for summaries")
MBART = _borrowed("mbart", "mBART's layers: the same in many languages, each with a tag")
PEGASUS = _borrowed("pegasus", "Pegasus' layers: learned by telling left-out sentences; for summaries")
T5 = _borrowed("t5", "T5's layers: each task is told from text", _RATE_OF_T5)
MT5 = _borrowed("mt5", "mT5's layers: T5 in many languages", _RATE_OF_T5)
