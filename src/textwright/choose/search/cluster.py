"""Ray, which carries out orders on the machines of a cluster; it is imported when it is asked for.

Ray hands Python objects from process to process by pickle, and whoever may speak to it can run code: it is
for machines that trust each other. What is started here answers those alone who have a token, which is drawn
for it and stands in no file; it has no dashboard, and sends no statistics of usage.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from typing import Any

from textwright.choose.scoring import FAILURES
from textwright.choose.search.orders import Cargo, Order, Outcome, carry_out
from textwright.core.errors import ConfigError, MissingExtra, first_line
from textwright.runtime.cpu import usable_cpus
from textwright.tasks.recipe import RaySettings, Recipe

# How long a look at what is under way may take, in seconds.
_LOOK = 1.0
_PATIENCE = 5.0
_ADDRESS = re.compile(r"(ray://)?(?P<host>[^\s/]+):(?P<port>\d{1,5})")
# Ray's lines are for those who run clusters; what matters comes back as a failure of a candidate.
_QUIET = {"log_to_driver": False, "logging_level": logging.CRITICAL}


def check_cluster(recipe: Recipe, num_candidates: int) -> None:
    """Raise ConfigError where nothing would run side by side, MissingExtra where Ray is not installed."""
    if recipe.ray.address is None:
        if said := [name for name in recipe.ray.said() if name != "address"]:
            raise ConfigError(
                f"ray.{said[0]} has no effect: no candidate is fitted on Ray",
                hint="Give --set ray.address=local as well, or leave it out.",
            )
        return
    if num_candidates < 2 or not recipe.split.validation:
        raise ConfigError(
            f"ray.address={recipe.ray.address} has no effect: one candidate is fitted, and nothing beside it",
            hint="Leave it out, or choose between several with --model auto.",
        )
    if recipe.ray.address not in ("local", "auto") and not _ADDRESS.fullmatch(recipe.ray.address):
        raise ConfigError(
            f"ray.address={recipe.ray.address}: expected local, auto or the address of a cluster",
            hint="Example: --set ray.address=ray://10.0.0.1:10001",
        )
    if find_spec("ray") is None:
        raise MissingExtra("fitting candidates on Ray", extra="ray")


def refuse_cluster(recipe: Recipe, verb: str) -> None:
    """Raise ConfigError where a verb that fits all by itself is asked to use Ray."""
    if said := [*recipe.ray.said()]:
        raise ConfigError(
            f"ray.{said[0]} has no effect: {verb} fits on this machine, one after the other",
            hint="Leave it out: candidates of train are fitted on Ray.",
        )


@dataclass
class RayWorkers:
    """The workers of a cluster; one candidate has `threads` processors and `gpus`."""

    ray: Any
    threads: int
    gpus: float
    num_beside: int
    _task: Any = None
    _sent: dict[Any, None] = field(default_factory=dict)

    def share(self, cargo: Cargo) -> Any:
        return self.ray.put(cargo)

    def send(self, order: Order, cargo: Any) -> Any:
        if self._task is None:
            asked = {"num_cpus": self.threads, "num_gpus": self.gpus, "max_retries": 0}
            self._task = self.ray.remote(**asked)(carry_out)
        sent = self._task.remote(order, cargo)
        self._sent[sent] = None
        return sent

    def wait(self, sent: list[Any]) -> list[Any]:
        done: list[Any] = self.ray.wait(sent, num_returns=1, timeout=_LOOK)[0]
        return done

    def fetch(self, sent: Any) -> Outcome:
        """The order is tried once: a second fit would need the same time once more."""
        self._sent.pop(sent, None)
        errors = self.ray.exceptions
        try:
            outcome: Outcome = self.ray.get(sent)
            return outcome
        except errors.RayTaskError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, Exception) and not isinstance(cause, FAILURES):
                raise cause from None
            return Outcome(failure=first_line(cause or error))
        except errors.RayError as error:
            return Outcome(failure=_why(error, errors))

    def cancel(self) -> None:
        """End what is still under way."""
        for sent in self._sent:
            with suppress(self.ray.exceptions.RayError, ValueError):
                self.ray.cancel(sent)
        self._sent.clear()


@contextmanager
def ray_workers(asked: RaySettings) -> Iterator[RayWorkers]:
    """Workers at an address: those of a program that has connected before us stay as they are.

    Raises MissingExtra; ConfigError where no cluster answers, or where none of its machines is large enough.
    """
    with _private(asked.address == "local"):
        try:
            import ray
        except ImportError:
            raise MissingExtra("fitting candidates on Ray", extra="ray") from None
        is_ours = not ray.is_initialized()
        if is_ours:
            _connect(ray, str(asked.address))
        with _workers(ray, asked, is_ours) as workers:
            yield workers


@cache
def _token() -> str:
    """Drawn once a process, as Ray reads it once; none where a program has imported Ray before us."""
    return "" if "ray" in sys.modules else secrets.token_hex(32)


@contextmanager
def _private(is_local: bool) -> Iterator[None]:
    """The environment of what Ray starts here, and reads when it is imported."""
    given = {"RAY_USAGE_STATS_ENABLED": "0"} if is_local else {}
    if is_local and (token := _token()) and "RAY_AUTH_MODE" not in os.environ:
        given |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _workers(ray: Any, asked: RaySettings, is_ours: bool) -> Iterator[RayWorkers]:
    workers = None
    try:
        workers = RayWorkers(ray, asked.cpus, asked.gpus, _num_beside(ray, asked))
        yield workers
    finally:
        if workers is not None:
            workers.cancel()
        if is_ours:
            ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    """Start Ray here, or connect to what runs elsewhere. The handlers of signals stay those that were."""
    own: dict[str, Any] = {}
    hint = "Start one with: ray start --head. One with a token needs RAY_AUTH_MODE=token."
    if place := _ADDRESS.fullmatch(address):
        try:  # Ray itself tries for a minute and more, and writes about it
            socket.create_connection((place["host"], int(place["port"])), timeout=_PATIENCE).close()
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(f"ray.address={address}: nobody answers there: {reason}", hint=hint) from None
    if address == "local":
        own = {"num_cpus": usable_cpus(), "include_dashboard": False}
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if is_main else None
    try:
        ray.init(address=address, **_QUIET, **own)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ConfigError(
            f"ray.address={address}: no cluster answers: {first_line(error)}",
            hint=hint,
        ) from None
    finally:
        if is_main and before is not None:
            signal.signal(signal.SIGTERM, before)


def _num_beside(ray: Any, asked: RaySettings) -> int:
    """How many candidates the machines of the cluster can take at once."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    number = 0
    for machine in machines:
        most = int(machine.get("CPU", 0) // asked.cpus)
        if asked.gpus:
            most = min(most, int(machine.get("GPU", 0) // asked.gpus))
        number += most
    if number < 1:
        cpus = max((int(machine.get("CPU", 0)) for machine in machines), default=0)
        gpus = max((machine.get("GPU", 0) for machine in machines), default=0)
        raise ConfigError(
            f"ray: a candidate is to have {asked.cpus} processors and {asked.gpus:g} GPUs; "
            f"the largest machine has {cpus} and {gpus:g}",
            hint="Give less with --set ray.cpus=1 and ray.gpus=0.",
        )
    return number


def _why(error: Exception, errors: Any) -> str:
    """Why a fit was lost, in words."""
    if isinstance(error, errors.OutOfMemoryError):
        return "the machine of its worker ran out of memory"
    if isinstance(error, errors.WorkerCrashedError | errors.NodeDiedError):
        return "its worker died"
    return f"Ray: {first_line(error)}"
