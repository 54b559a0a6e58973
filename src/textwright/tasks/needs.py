"""What settings need to have an effect: those that would change nothing are refused with the reason.

`train`, `plan` and `compare` ask here before any data are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from textwright.core.errors import ConfigError
from textwright.core.settings import Settings
from textwright.models.base import Architecture
from textwright.models.registry import ARCHITECTURES, LATENT, PRETRAINED
from textwright.models.transformer.checkpoint import find_checkpoint
from textwright.runtime.cpu import choose_waiting
from textwright.tasks.base import TASKS
from textwright.tasks.recipe import Recipe
from textwright.tasks.rejecting import check_reject, check_reject_target
from textwright.text.schema import Schema
from textwright.text.tokenizers import KINDS, TokenizerSettings

UNJUDGED = "distil.into: without validation rows nothing tells how good a student is beside its teacher"
# The parts of a recipe that networks read and solvers do not.
_OF_NETWORKS = ("learn", "compute", "tokenizer", "long", "vectors")


@dataclass(frozen=True)
class Asked:
    """A recipe for one architecture, with the settings of that."""

    recipe: Recipe
    architecture: Architecture
    settings: Settings

    def value(self, path: str) -> Any:
        """What stands at a dotted path, `model.tune` too; None where there is no such thing."""
        first, *rest = path.split(".")
        found: Any = self.settings if first == "model" else getattr(self.recipe, first)
        for part in rest:
            found = getattr(found, part, None)
        return found


# Why a setting has no effect in what is asked; nothing when it has.
Need = Callable[[Asked], str]


def _of(path: str, *values: str) -> Need:
    """It needs one of these values at another path."""

    def reason(asked: Asked) -> str:
        found = asked.value(path)
        return "" if found in values else f"it is of {path}={' or '.join(values)}, which is {found} here"

    return reason


def _layers(asked: Asked) -> str:
    if asked.recipe.learn.optimizer.layer_decay == 1:
        return ""
    if asked.value("model.tune") == "head":
        return "with model.tune=head only the head learns, and no layer below it"
    has_layers = {"layers", "checkpoint"} & set(asked.architecture.settings.model_fields)
    return "" if has_layers else f"{asked.architecture.name} has no layers one above the other"


def _stack(asked: Asked) -> str:
    is_encoder = asked.architecture.kind == "encoder"
    return "" if is_encoder else f"{asked.architecture.name} has no stack of layers to compute twice"


def _dropout(asked: Asked) -> str:
    found = [value for key, value in asked.settings if key.endswith("dropout")]
    if found == ["auto"]:  # what the checkpoint says; one that says nothing has what is usual for its class
        config = find_checkpoint(asked.value("model.checkpoint")).config
        found = [
            config[key] for key in config if "drop" in key and type(config[key]) in (int, float)
        ] or found
    return "" if any(found) else "without dropout the two passes that it compares are the same"


def _own_tokenizer(asked: Asked) -> str:
    return "the checkpoint brings its own tokenizer" if asked.value("model.checkpoint") else ""


def _own_vectors(asked: Asked) -> str:
    return "the checkpoint has vectors of its own" if asked.value("model.checkpoint") else ""


def _limit(asked: Asked) -> str:
    """A tokenizer that was asked for cuts only where its length was asked for too."""
    tokenizer, long = asked.recipe.tokenizer, asked.recipe.long
    has_limit = tokenizer == "auto" or tokenizer.max_length or asked.value("model.checkpoint")
    has_limit = has_limit or asked.value("model.positions") not in (None, "auto")
    if has_limit or long.name == "cut":
        return ""
    return "no text is cut without tokenizer.max_length"


def _student(asked: Asked) -> str:
    return "" if asked.recipe.distil.into else "it is of a student, and distil.into names none"


def _learns_unlabelled(asked: Asked) -> str:
    learns = asked.recipe.distil.into or asked.architecture.name == LATENT
    return "" if learns else f"{asked.architecture.name} learns from labelled rows alone"


NEEDS: Mapping[str, Need] = MappingProxyType(
    {
        "distil.settings": _student,
        "distil.weight": _student,
        "distil.temperature": _student,
        "data.unlabelled": _learns_unlabelled,
        "learn.optimizer.weight_decay": _of("learn.optimizer.name", "adamw", "sgd", "gd", "muon"),
        "learn.optimizer.momentum": _of("learn.optimizer.name", "sgd", "muon"),
        "learn.optimizer.layer_decay": _layers,
        "learn.batch": _of("learn.optimizer.name", "adamw", "adam", "sgd", "muon"),
        "learn.schedule.decay": _of("learn.schedule.name", "hold"),
        "learn.loss.gamma": _of("learn.loss.name", "focal"),
        "learn.loss.delta": _of("learn.loss.name", "huber"),
        "learn.loss.r_drop": _dropout,
        "learn.average.decay": _of("learn.average.name", "ema"),
        "learn.average.start": _of("learn.average.name", "mean"),
        "learn.average.count": _of("learn.average.name", "last"),
        "compute.checkpoint_gradients": _stack,
        "compute.shard": lambda _: "it is of pretrain, whose processes share a fit",
        "model.rank": _of("model.tune", "lora"),
        "tokenizer.kind": _own_tokenizer,
        "tokenizer.vocabulary_size": _own_tokenizer,
        "tokenizer.drop_unknown": _own_tokenizer,
        "tokenizer.lowercase": _own_tokenizer,
        "long.name": _limit,
        "long.overlap": _of("long.name", "auto", "mean", "max"),
        "vectors.path": _own_vectors,
    }
)


def check_recipes(asked: Sequence[tuple[Recipe, str]]) -> None:
    """Raise what is wrong with recipes whatever the data: names, settings, the checkpoint to start from.

    Each recipe comes with the architecture that it is for. A setting is refused when it changes nothing for
    any of them.
    """
    for recipe, name in asked:
        check_reject(recipe)
        check_model(recipe, name)
        check_student(recipe)
    refuse_idle(asked)


def check_student(recipe: Recipe) -> None:
    """Raise ConfigError where no student of the architecture `distil.into` can be taught."""
    name = recipe.distil.into
    if name is None:
        return
    ARCHITECTURES.check(name)
    others = f"Name one of: {', '.join(o for o in ARCHITECTURES if o not in (PRETRAINED, LATENT))}."
    if name == PRETRAINED:
        raise ConfigError(
            f"distil.into={name}: a student starts from nothing, and this one from a checkpoint", hint=others
        )
    if name == LATENT:
        raise ConfigError(f"distil.into={name}: it has a teacher of its own", hint=others)
    if recipe.split.validation == 0:
        raise ConfigError(UNJUDGED, hint="Leave split.validation above 0.")
    choose_waiting()
    ARCHITECTURES.get(name).settings.parse(dict(recipe.distil.settings), where="distil.settings.")


def refuse_student(recipe: Recipe, paths: Iterable[str] = ()) -> None:
    """Raise ConfigError where a student is asked for of what fits models as they are: compare, curve."""
    said = [path for path in (*recipe.said(), *paths) if path.startswith("distil.")]
    if said:
        raise ConfigError(
            f"{said[0]} is of train: here every model is fitted as it is, without a teacher",
            hint="Leave it out.",
        )


def check_model(recipe: Recipe, name: str) -> None:
    """Raise ConfigError or CheckpointError for what a recipe says of an architecture and a tokenizer."""
    if isinstance(recipe.tokenizer, TokenizerSettings):
        KINDS.check(recipe.tokenizer.kind)
    if name == LATENT and recipe.data.unlabelled is None:
        raise ConfigError(
            f"{LATENT} learns from texts without labels as well, and there are none",
            hint="Name a file of them with --unlabelled FILE.",
        )
    if recipe.model_name == name:
        checkpoint = getattr(_settings(recipe, name), "checkpoint", None)
        if checkpoint is not None:
            find_checkpoint(checkpoint)


def check_target(recipe: Recipe, schema: Schema) -> None:
    """Raise ConfigError where loss, way of long texts or rejection is not for targets of this kind."""
    check_reject_target(recipe, schema)
    if recipe.long.name == "max" and schema.task == "score":
        raise ConfigError(
            "long.name=max is for labels; the target holds scores",
            hint="Use --set long.name=mean, or leave it out.",
        )
    if recipe.learn.loss.said():
        choose_waiting()  # before it imports torch
        from textwright.learn.objectives import objective_for

        objective_for(TASKS.get(schema.task).link(schema), recipe.learn.loss)


def refuse_idle(asked: Iterable[tuple[Recipe, str]]) -> None:
    """Raise ConfigError for the first setting that changes nothing in any recipe that says it.

    Each recipe comes with the architecture that it is for.
    """
    said = [(recipe, name, recipe.said()) for recipe, name in asked]
    for path in dict.fromkeys(path for _, _, paths in said for path in paths):
        errors = []
        for recipe, name, paths in said:
            if path in paths:
                if (error := why_idle(recipe, name, path)) is None:
                    break
                errors.append(error)
        else:
            messages = dict.fromkeys(error.message for error in errors)
            hint = errors[0].hint if len(messages) == 1 else "Leave it out."
            raise ConfigError("; ".join(messages), hint=hint)


def refuse_varied(recipe: Recipe, name: str, paths: Iterable[str]) -> None:
    """Raise ConfigError for the first of the varied `paths` that changes nothing for an architecture."""
    for path in paths:
        if error := why_idle(recipe, name, path, is_varied=True):
            raise error


def why_idle(recipe: Recipe, name: str, path: str, *, is_varied: bool = False) -> ConfigError | None:
    """Why what a recipe says at `path` changes nothing for an architecture; None when it does.

    `auto` asks for nothing, unless it is varied; nor does 0 of what a network then does without.
    """
    value, group = recipe.said().get(path), path.partition(".")[0]
    is_empty = value in (None, "auto") and not is_varied
    if is_empty or (group not in _OF_NETWORKS and path not in NEEDS):
        return None
    choose_waiting()  # before it imports torch
    architecture = ARCHITECTURES.get(name)
    if architecture.kind == "solver" and group in _OF_NETWORKS:
        return _ignored(architecture, path)
    if path not in NEEDS or value == 0:
        return None
    reason = NEEDS[path](Asked(recipe, architecture, _settings(recipe, name)))
    message = f"{path}={value} has no effect: {reason}"
    return ConfigError(message, hint="Leave it out.") if reason else None


def _ignored(architecture: Architecture, path: str) -> ConfigError:
    own = path.rpartition(".")[2]
    networks = ", ".join(name for name in ARCHITECTURES if ARCHITECTURES.get(name).kind != "solver")
    return ConfigError(
        f"{architecture.name} brings a fit of its own, which {path} does not change",
        hint=f"Use model.{own}, which it has."
        if own in architecture.settings.model_fields
        else f"Leave it out, or name a network: {networks}.",
    )


def _settings(recipe: Recipe, name: str) -> Settings:
    choose_waiting()
    own = recipe.model_settings if recipe.model_name == name else {}
    return ARCHITECTURES.get(name).settings.parse(own, where="model.")
