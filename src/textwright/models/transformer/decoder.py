"""Classes that answer by what a decoder has read: the library's, and one for NanoChat that it lacks."""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForSequenceClassification, NanoChatPreTrainedModel
from transformers.modeling_layers import GenericForSequenceClassification


class NanoChatForSequenceClassification(GenericForSequenceClassification, NanoChatPreTrainedModel):
    """What the library has for Qwen3 and not for NanoChat, made in the same way: its names of weights are
    those of the library, so that `AutoModel` opens the body of a folder.
    """


def classifier_class(kind: str) -> Any:
    """The class that reads and builds a classifier of a `model_type`.

    >>> classifier_class("nanochat").__name__, classifier_class("gpt2").__name__
    ('NanoChatForSequenceClassification', 'AutoModelForSequenceClassification')
    """
    is_own = kind == "nanochat"
    return NanoChatForSequenceClassification if is_own else AutoModelForSequenceClassification
