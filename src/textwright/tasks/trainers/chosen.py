"""What was chosen for the fit of a network, and why, where no other module decides it."""

from __future__ import annotations

from collections.abc import Sequence

from textwright.learn.objectives import loss_name
from textwright.learn.optimizers.build import weight_decay
from textwright.learn.settings import LearnSettings
from textwright.runtime.cpu import choose_waiting


def chosen_learning(
    asked: LearnSettings, used: LearnSettings, link: str
) -> tuple[LearnSettings, dict[str, str]]:
    """The settings in use without any `auto`, and a reason for each choice of the field.

    `used` has numbers for what depends on the data; the loss follows from the link of outputs to answers.

    >>> settings = LearnSettings()
    >>> found, why = chosen_learning(settings, settings.replaced({"optimizer.rate": 0.001}), "identity")
    >>> found.loss.name, why["learn.loss.name"]
    ('mse', 'mse: it suits a target of scores')
    """
    loss, decay, schedule = loss_name(link, used.loss), weight_decay(used.optimizer), used.schedule
    target = "scores" if link == "identity" else "labels"
    why = {
        "optimizer.name": f"{used.optimizer.name}: the default, which suits most networks",
        "optimizer.weight_decay": f"{decay:.2g}: what is usual for {used.optimizer.name}",
        "loss.name": f"{loss}: it suits a target of {target}",
        "schedule.name": f"{schedule.name}: the default, after a rise over {schedule.warmup:.0%} of the run",
        "average.name": f"{used.average.name}: the default; the weights of the best check are kept",
    }
    why |= {path: f"{value}: as asked" for path, value in asked.said().items() if value != "auto"}
    settings = used.replaced({"loss.name": loss, "optimizer.weight_decay": decay}, where="learn.")
    return settings, {f"learn.{path}": reason for path, reason in why.items()}


def chosen_speed(kind: str, quickened: Sequence[str]) -> dict[str, str]:
    """How threads wait, how attention is computed, and what else makes the fit quick."""
    found = {"waiting threads": choose_waiting()}
    if kind == "encoder" and quickened:
        by_length = (
            "by length: two products and a softmax up to 512 tokens, the fused kernel above, "
            "whichever is quicker on a CPU"
        )
        own = "that of the model's class, which takes no other here"
        found["attention"] = by_length if "attention by length" in quickened else own
    return found | ({"fast path": "; ".join(quickened)} if quickened else {})
