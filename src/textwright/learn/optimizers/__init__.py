"""What changes the weights: one object for a network, whatever mixture of optimizers it is made of."""

from __future__ import annotations

from textwright.learn.optimizers.build import OPTIMIZERS, build_optimizer
from textwright.learn.optimizers.chain import Stepper
from textwright.learn.optimizers.gradients import gradient_length, scale_gradients

__all__ = ["OPTIMIZERS", "Stepper", "build_optimizer", "gradient_length", "scale_gradients"]
