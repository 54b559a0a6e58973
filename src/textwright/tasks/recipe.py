"""What a person asks for, as one YAML file; any field may be `auto`. Flags are its short forms."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.core.settings import Settings, read_yaml
from textwright.learn.settings import LearnSettings
from textwright.runtime.settings import ComputeSettings
from textwright.text.chunks import LongSettings
from textwright.text.schema import TaskName
from textwright.text.tokenizers import TokenizerSettings

Auto = Literal["auto"]
Prefer = Literal["balanced", "accuracy", "small", "fast"]


class DataSettings(Settings):
    text: str | None = Field(None, description="column of the text; none is guessed")
    label: str | None = Field(None, description="column of the label or score; none is guessed")
    unlabelled: str | None = Field(
        None, description="file of texts without labels, of which latent and students learn"
    )
    patches: str | None = Field(
        None, description="folder of an audit of these rows, whose patches change them as they are read"
    )


class SplitSettings(Settings):
    test: float = Field(0.1, ge=0, lt=1, description="share of the rows that is locked for the test")
    validation: float = Field(
        0.1, ge=0, lt=1, description="share of the rows to choose on; 0 chooses nothing"
    )

    folds: int | Auto = Field(
        "auto",
        description="parts of the rows that are held out in turn, in the place of one part; auto is 5 where "
        "a choice between models has fewer than 200 rows to rest on, and none (1) otherwise",
    )


class VectorSettings(Settings):
    path: str | None = Field(None, description="word2vec or fastText text file with initial embeddings")


class BudgetSettings(Settings):
    minutes: float | None = Field(None, gt=0, description="from the start of the process to its end")
    steps: int | None = Field(
        None, gt=0, description="of all fits together, in the place of minutes: the same run everywhere"
    )
    max_size: str | None = Field(None, description="largest weights that may be chosen: 5MB")
    max_latency: str | None = Field(None, description="longest time for one text, measured here: 2ms")


class RejectSettings(Settings):
    wrong: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="say that one does not know, so that at most this share of the answers is wrong",
    )
    in_scope: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="the same of texts that belong to no label: at most this share of those that do is sent "
        "away",
    )


class TrackingSettings(Settings):
    tensorboard: str | None = Field(None, description="folder to write every fit to for TensorBoard")


class RaySettings(Settings):
    address: str | None = Field(
        None,
        description="fit candidates side by side on Ray: local starts it here, auto finds a cluster, "
        "or ray://HOST:PORT",
    )
    cpus: int = Field(1, ge=1, description="processors of each candidate, and its threads")
    gpus: float = Field(0, ge=0, description="GPUs of each candidate; 0.5 lets two share one")


class DistilSettings(Settings):
    into: str | None = Field(
        None,
        description="architecture of a small student that learns the answers of what was chosen, and is kept "
        "in its place: bag, cnn, rnn, lstm, gru, transformer",
    )
    settings: dict[str, Any] = Field({}, description="those of the student's architecture")
    weight: float = Field(
        0.7, ge=0, le=1, description="share of the teacher's answers against the true labels, where both are"
    )
    temperature: float = Field(
        1.0, gt=0, description="what the teacher's log-odds are divided by; higher is less sure"
    )


class Recipe(Settings):
    """All that decides a training; saved with the model."""

    task: TaskName | Auto = Field("auto", description="auto is what the labels look like")
    data: DataSettings = DataSettings()
    split: SplitSettings = SplitSettings()
    prefer: Prefer = Field(
        "balanced",
        description="balanced: the simplest within one standard error of the best; accuracy: the best, an "
        "ensemble too; small, fast: the smallest, the quickest within two",
    )
    candidates: tuple[str, ...] | Auto = Field(
        "auto", description="which are tried where no model is named; auto are all"
    )
    tokenizer: TokenizerSettings | Auto = "auto"
    long: LongSettings = LongSettings()
    vectors: VectorSettings = VectorSettings()
    model: dict[str, Any] = Field(
        default_factory=lambda: {"name": "auto"}, description="name of an architecture and its settings"
    )
    learn: LearnSettings = LearnSettings()
    compute: ComputeSettings = ComputeSettings()
    metric: str = Field(
        "auto",
        description="score to choose by and to tune answers to; auto is the task's own, or macro_f1 "
        "where labels are very uneven",
    )
    at_least: str | None = Field(
        None, description="promise to keep on validation, such as precision(spam)=0.95, recall or f1"
    )
    distil: DistilSettings = DistilSettings()
    reject: RejectSettings = RejectSettings()
    budget: BudgetSettings = BudgetSettings()
    tracking: TrackingSettings = TrackingSettings()
    ray: RaySettings = RaySettings()
    seed: int = Field(0, description="of all that is random: split, weights, order, dropout")

    @property
    def model_name(self) -> str:
        return str(self.model.get("name", "auto"))

    def said(self) -> dict[str, Any]:
        """As for all settings; those of the architecture by their paths as well: `model.hidden`."""
        return {**super().said(), **{f"model.{key}": value for key, value in self.model_settings.items()}}

    @property
    def model_settings(self) -> dict[str, Any]:
        return {k: v for k, v in self.model.items() if k != "name"}


def load_recipe(name_or_path: str) -> Recipe:
    """A recipe file, or one of the packaged recipes by name. Raises ConfigError."""
    path, packaged = Path(name_or_path), packaged_recipes()
    if name_or_path not in packaged and (path.suffix in (".yaml", ".yml") or path.is_file()):
        return _read(path, str(path))
    if name_or_path not in packaged:
        raise ConfigError(
            f"there is no recipe file or packaged recipe {name_or_path!r}",
            hint=did_you_mean(name_or_path, packaged),
        )
    return _read(packaged[name_or_path], name_or_path)


def _read(path: Path, name: str) -> Recipe:
    """A recipe that was saved with a model spells out the defaults too: they were not asked for."""
    whole = Recipe.parse(read_yaml(path), where=f"{name}: ")
    return Recipe.parse(whole.model_dump(exclude_defaults=True))


def packaged_recipes() -> dict[str, Path]:
    """Recipes that come with Textwright, by name."""
    folder = Path(str(resources.files("textwright"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}
