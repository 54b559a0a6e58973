"""A conversation with a language model that was taught to answer."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from textwright.core.errors import ConfigError
from textwright.tasks.writing.model import LanguageModel
from textwright.tasks.writing.sampling import WritingSettings
from textwright.tasks.writing.writer import asked, streamed, to_answer
from textwright.text.clean import clean_text


class Chat:
    """What was said by both sides so far, of which the model reads as much as fits into its window.

    `num_forgotten` of the exchanges do not fit any more, and `is_cut` says that of the last prompt only its
    end did.

    >>> chat = Chat(LanguageModel.load("my-assistant"))  # doctest: +SKIP
    >>> "".join(chat.say("What colour is grass?"))  # doctest: +SKIP
    'green'
    """

    def __init__(self, model: LanguageModel, settings: WritingSettings | None = None) -> None:
        """Raises ConfigError for a model that was not taught to answer, and for beams: they do not stream."""
        self.model, self.settings = model, settings or WritingSettings()
        if model.turns is None:
            raise _not_taught(model)
        if self.settings.beams > 1:
            raise ConfigError("beams do not write word by word", hint="Leave beams out.")
        self.num_forgotten, self.is_cut = 0, False
        self._exchanges: list[tuple[str, str]] = []

    @classmethod
    def with_folder(cls, path: str | Path, settings: WritingSettings | None = None) -> Chat:
        """Raises BundleError as well."""
        return cls(LanguageModel.load(path), settings)

    @property
    def turns(self) -> list[dict[str, str]]:
        """The whole conversation, as `messages` are written elsewhere."""
        roles = ("user", "assistant")
        return [
            {"role": role, "content": text}
            for exchange in self._exchanges
            for role, text in zip(roles, exchange, strict=True)
        ]

    def say(self, text: str) -> Generator[str, None, None]:
        """The answer, in parts as they come; what is read of it is kept when the rest is not waited for.

        Raises ConfigError for a text with nothing in it.
        """
        prompt = clean_text(text)
        if not prompt:
            raise ConfigError("nothing was said", hint="Say something.")
        return self._answer(prompt)

    def _answer(self, prompt: str) -> Generator[str, None, None]:
        found = asked(self.model, self._exchanges, prompt, self.settings)
        self.num_forgotten, self.is_cut = found.num_turns_left_out, bool(found.num_tokens_cut)
        number, said, is_whole = len(self._exchanges), "", False
        try:
            for part in streamed(self.model, to_answer(self.model, found), self.settings, number):
                said += part
                yield part
            is_whole = True
        finally:
            if said or is_whole:
                self._exchanges.append((prompt, said))

    def begin_anew(self) -> None:
        """Forget all that was said."""
        self._exchanges, self.num_forgotten, self.is_cut = [], 0, False


def _not_taught(model: LanguageModel) -> ConfigError:
    if model.architecture.objective != "causal":
        return ConfigError(
            f"a {model.architecture.name} fills gaps; it does not answer",
            hint="Teach a model that writes: textwright pretrain ROWS --objective instruct --out NEW",
        )
    return ConfigError(
        "this language model writes on; it was not taught to answer",
        hint="Teach it: textwright pretrain ROWS --from DIR --objective instruct --out NEW",
    )
