"""What is minimised: losses by name and by the link between outputs and answers, as a sum and a count.

Shapes: B batch, C outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from textwright.core.errors import ConfigError
from textwright.core.names import did_you_mean
from textwright.learn.settings import LossName, LossSettings

# The target of a token that is read and not learned, as the Hugging Face library has it.
UNTOLD = -100


@dataclass(frozen=True)
class Loss:
    """A sum over rows and how many they are; never a mean of means (transformers issue 34191)."""

    total: Tensor
    count: int

    @property
    def mean(self) -> Tensor:
        return self.total / self.count


Objective = Callable[[Tensor, Tensor], Loss]


def cross_entropy(
    logits_BC: Tensor, targets_B: Tensor, weights: Tensor | None = None, smoothing: float = 0.0
) -> Loss:
    """One of C classes; targets are class ids (B,), or the probability of each class (B, C).

    A class's weight counts, however common it is in the batch.
    """
    goal = targets_B.long() if targets_B.ndim == 1 else targets_B.to(logits_BC.dtype)
    total = F.cross_entropy(
        logits_BC, goal, _beside(weights, logits_BC), reduction="sum", label_smoothing=smoothing
    )
    return Loss(total, len(targets_B))


def next_token(logits_BTV: Any, targets_BT: Tensor) -> Loss:
    """Which token comes next at each place; a row counts by the mean of its places, as many in each.

    Logits that are not made yet bring their own `cross_entropy`.
    """
    if isinstance(logits_BTV, Tensor):
        total = F.cross_entropy(logits_BTV.flatten(0, 1).float(), targets_BT.flatten(), reduction="sum")
    else:
        total = logits_BTV.cross_entropy(targets_BT)
    return Loss(total / targets_BT.shape[1], len(targets_BT))


def told_token(logits_BTV: Any, targets_BT: Tensor, smoothing: float = 0.0) -> Loss:
    """Which token comes next at each place whose target is not UNTOLD; each of these counts as any other."""
    if isinstance(logits_BTV, Tensor):
        total = F.cross_entropy(
            logits_BTV.flatten(0, 1).float(),
            targets_BT.flatten(),
            ignore_index=UNTOLD,
            reduction="sum",
            label_smoothing=smoothing,
        )
    else:
        total = logits_BTV.cross_entropy(targets_BT, smoothing=smoothing)
    return Loss(total, int((targets_BT != UNTOLD).sum()))


def by_rows(logits_BTV: Any, targets_BT: Tensor) -> Loss:
    """The same, but a row counts by the mean of the places that it tells, however many these are."""
    is_told = targets_BT != UNTOLD
    counts_BT = is_told / is_told.sum(1, keepdim=True)
    if isinstance(logits_BTV, Tensor):
        nats_N = F.cross_entropy(
            logits_BTV.flatten(0, 1).float(), targets_BT.flatten(), ignore_index=UNTOLD, reduction="none"
        )
        total = (nats_N * counts_BT.flatten()).sum()
    else:
        total = logits_BTV.cross_entropy(targets_BT, counts_BT)
    return Loss(total, len(targets_BT))


def binary_cross_entropy(
    logits_BC: Tensor, targets_BC: Tensor, weights: Tensor | None = None, smoothing: float = 0.0
) -> Loss:
    """Any of C labels, each yes or no, or how probable yes is; the sum over labels counts once a row.

    See `balanced_weights`.
    """
    targets_BC = _smoothed(targets_BC.to(logits_BC.dtype).reshape(logits_BC.shape), smoothing)
    no, yes = _no_and_yes(weights, logits_BC)
    total = F.binary_cross_entropy_with_logits(
        logits_BC, targets_BC, no, pos_weight=yes if no is None or yes is None else yes / no, reduction="sum"
    )
    return Loss(total, len(targets_BC))


def focal(
    logits_BC: Tensor,
    targets_B: Tensor,
    weights: Tensor | None = None,
    smoothing: float = 0.0,
    gamma: float = 2.0,
) -> Loss:
    """Cross-entropy in which a class counts (1 - p)^gamma: the less, the surer it is (arXiv:1708.02002)."""
    log_p_BC = logits_BC.log_softmax(-1)
    if targets_B.ndim == 1:
        targets_B = F.one_hot(targets_B.long(), logits_BC.shape[-1])
    goal_BC = targets_B.to(logits_BC.dtype)
    goal_BC = goal_BC * (1 - smoothing) + smoothing / logits_BC.shape[-1]
    terms_BC = -goal_BC * log_p_BC * _hardness(1 - log_p_BC.exp(), gamma)
    weights = _beside(weights, logits_BC)
    return Loss((terms_BC if weights is None else terms_BC * weights).sum(), len(targets_B))


def binary_focal(
    logits_BC: Tensor,
    targets_BC: Tensor,
    weights: Tensor | None = None,
    smoothing: float = 0.0,
    gamma: float = 2.0,
) -> Loss:
    """The same for each label's yes and no."""
    targets_BC = _smoothed(targets_BC.to(logits_BC.dtype).reshape(logits_BC.shape), smoothing)
    no, yes = _no_and_yes(weights, logits_BC)
    p_BC = logits_BC.sigmoid()
    yes_BC = -targets_BC * F.logsigmoid(logits_BC) * _hardness(1 - p_BC, gamma)
    no_BC = -(1 - targets_BC) * F.logsigmoid(-logits_BC) * _hardness(p_BC, gamma)
    total = (yes_BC if yes is None else yes_BC * yes).sum() + (no_BC if no is None else no_BC * no).sum()
    return Loss(total, len(targets_BC))


def squared_error(outputs_BC: Tensor, targets_BC: Tensor) -> Loss:
    """Graded targets."""
    gap_BC = outputs_BC - targets_BC.to(outputs_BC.dtype).reshape(outputs_BC.shape)
    return Loss((gap_BC * gap_BC).sum(), len(targets_BC))


def huber(outputs_BC: Tensor, targets_BC: Tensor, delta: float = 1.0) -> Loss:
    """Graded targets with outliers: half the square up to `delta`, from there on a straight line.

    Scores are fitted with spread one, so `delta` is in standard deviations.
    """
    targets_BC = targets_BC.to(outputs_BC.dtype).reshape(outputs_BC.shape)
    return Loss(F.huber_loss(outputs_BC, targets_BC, reduction="sum", delta=delta), len(targets_BC))


def _smoothed(targets_BC: Tensor, smoothing: float) -> Tensor:
    return targets_BC * (1 - smoothing) + smoothing / 2 if smoothing else targets_BC


def _hardness(doubt: Tensor, gamma: float) -> Tensor:
    # No doubt at all would have an infinite slope for a gamma below one.
    return doubt.clamp_min(1e-12) ** gamma


def _no_and_yes(weights: Tensor | None, logits_BC: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """The weights of no and of yes: both for a single output, those of yes for several."""
    weights = _beside(weights, logits_BC)
    if weights is None or logits_BC.shape[-1] > 1:
        return None, weights
    return weights[:1], weights[1:]


def _beside(weights: Tensor | None, outputs: Tensor) -> Tensor | None:
    return None if weights is None else weights.to(outputs)


Maker = Callable[[LossSettings, Tensor | None], Objective]


def _weighed(function: Callable[..., Loss]) -> Maker:
    return lambda settings, weights: partial(function, weights=weights, smoothing=settings.label_smoothing)


def _focal(function: Callable[..., Loss]) -> Maker:
    return lambda settings, weights: partial(
        function, weights=weights, smoothing=settings.label_smoothing, gamma=settings.gamma
    )


# By name, then by the links that it goes together with.
LOSSES: Mapping[LossName, Mapping[str, Maker]] = MappingProxyType(
    {
        "cross_entropy": {"softmax": _weighed(cross_entropy), "sigmoid": _weighed(binary_cross_entropy)},
        "focal": {"softmax": _focal(focal), "sigmoid": _focal(binary_focal)},
        "mse": {"identity": lambda settings, weights: squared_error},
        "huber": {"identity": lambda settings, weights: partial(huber, delta=settings.delta)},
    }
)
_PLAIN = LossSettings()
_DEFAULTS: Mapping[str, LossName] = MappingProxyType(
    {"softmax": "cross_entropy", "sigmoid": "cross_entropy", "identity": "mse"}
)


def loss_name(link: str, settings: LossSettings) -> LossName:
    """The loss asked for, or the one that suits the link. Raises ConfigError for an unknown link."""
    if link not in _DEFAULTS:
        raise ConfigError(f"no objective for the link {link!r}", hint=did_you_mean(link, _DEFAULTS))
    return _DEFAULTS[link] if settings.name == "auto" else settings.name


def objective_for(
    link: str, settings: LossSettings = _PLAIN, class_weights: Sequence[float] | None = None
) -> Objective:
    """The loss asked for, or the one that suits the link: cross-entropy for labels, squares for scores.

    `class_weights` are those of `balanced_weights`. Raises ConfigError for what does not go together.

    >>> loss = objective_for("softmax")(torch.zeros(2, 4), torch.tensor([1, 3]))
    >>> round(float(loss.mean), 4), loss.count
    (1.3863, 2)
    >>> objective_for("softmax", LossSettings(name="huber"))
    Traceback (most recent call last):
    ...
    textwright.core.errors.ConfigError: learn.loss.name=huber is for scores; the target holds labels
    Use cross_entropy or focal.
    """
    name = loss_name(link, settings)
    if link not in LOSSES[name]:
        raise _mismatch(f"learn.loss.name={name}", link)
    if link == "identity" and settings.label_smoothing:
        raise _mismatch(f"learn.loss.label_smoothing={settings.label_smoothing:g}", link)
    if link == "identity" and (settings.class_weights != "none" or class_weights is not None):
        raise _mismatch("learn.loss.class_weights=balanced", link)
    weights = None if class_weights is None else torch.tensor(class_weights)
    return LOSSES[name][link](settings, weights)


def _mismatch(setting: str, link: str) -> ConfigError:
    found, wanted = ("scores", "labels") if link == "identity" else ("labels", "scores")
    fitting = " or ".join(name for name, links in LOSSES.items() if link in links)
    what = f"Use {fitting}." if setting.startswith("learn.loss.name") else "Leave it out."
    return ConfigError(f"{setting} is for {wanted}; the target holds {found}", hint=what)


def balanced_weights(targets: NDArray[Any], num_classes: int, link: str) -> list[float]:
    """Weights that let rare classes count as much as common ones in the sum of losses.

    They are inverse to frequency, with a mean of 1 over what they weigh, so that a loss stays a mean over
    rows and a learning rate keeps its meaning:

    - softmax, class ids (N,): one weight a class, 1 on average over the rows;
    - sigmoid with one output, (N, 1) of 0 and 1: the weights of no and of yes, 1 on average over the rows;
    - sigmoid with several labels, (N, C): the weight of each label's yes, 1 on average over all the yes.
      A label's no keeps the weight 1: to balance yes and no inside each label would let a label that one
      row in a thousand has be answered everywhere.

    Targets may be probabilities instead, (N, C) for a softmax: a class then occurs as often as they add up
    to. What never occurs has the weight 1. Raises ConfigError for scores.

    >>> balanced_weights(np.array([0, 0, 0, 1]), 2, "softmax")
    [0.6666666666666666, 2.0]
    """
    if link == "identity":
        raise _mismatch("learn.loss.class_weights=balanced", link)
    if targets.reshape(len(targets), -1).shape[1] > 1:
        counts = targets.sum(axis=0, dtype=np.float64)
    elif link == "sigmoid":
        yes = float(targets.sum(dtype=np.float64))
        counts = np.array([len(targets) - yes, yes])
    else:
        counts = np.bincount(targets.astype(np.int64).ravel(), minlength=max(num_classes, 2))
    share = counts.sum() / max(np.count_nonzero(counts), 1)
    return [float(share / count) if count else 1.0 for count in counts]
