"""The other processes of a training: they make their part of every step of what the first one leads.

The first one starts them on its machine; or torchrun has started all of them, on any number of machines that
see the same files.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textwright.core.errors import CheckpointError, ModelError, TextwrightError
from textwright.core.records import StepEvent
from textwright.runtime.cpu import usable_cpus
from textwright.runtime.ranks import ALONE, Launch, Ranks, join, join_launched, launched
from textwright.runtime.settings import Compute

if TYPE_CHECKING:
    from textwright.tasks.pretraining.fitting import Learning

_START = "from textwright.tasks.pretraining.follow import main; main()"
MEETING = "meeting"


@contextmanager
def led(work: Path, orders: dict[str, Any], count: int) -> Iterator[Ranks]:
    """`count` - 1 processes that follow this one, as long as the block lasts.

    Each gets the orders (JSON), and its share of the processors. Raises ModelError where they cannot start.
    """
    if launch := launched():
        ranks = join_launched(launch)
        try:
            ranks.said(json.dumps(orders))
            yield ranks
        finally:
            ranks.leave()
        return
    if count == 1:
        yield ALONE
        return
    meeting = work / MEETING
    meeting.unlink(missing_ok=True)
    environment = {**os.environ, "OMP_NUM_THREADS": str(max(usable_cpus() // count, 1))}
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _START, json.dumps({**orders, "number": number, "count": count})],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        for number in range(1, count)
    ]
    ranks = ALONE
    try:
        ranks = join(meeting, 0, count)
        yield ranks
    finally:
        ranks.leave()
        for child in children:
            _end(child)
        meeting.unlink(missing_ok=True)


def _end(child: subprocess.Popen[bytes]) -> None:
    """A process that is not needed any more; one that does not hear of it is killed."""
    try:
        child.wait(timeout=2)
    except subprocess.TimeoutExpired:
        child.terminate()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def main() -> None:
    """A follower: the same corpus, plan and fit, and no word to anybody. Its orders are its argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first one hears of Ctrl-C, and ends this
    try:
        _follow(json.loads(sys.argv[1]))
    except TextwrightError as error:
        sys.exit(f"process {json.loads(sys.argv[1])['number']}: {error}")


def follow_launched(launch: Launch) -> None:
    """What a process of torchrun does that is not the first. Raises ModelError when the first one ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ranks = join_launched(launch)
    orders = json.loads(ranks.said(""))
    _run(_learning(orders), ranks, _checkpoint(orders))


def _follow(orders: dict[str, Any]) -> None:
    learning = _learning(orders)
    ranks = join(Path(orders["work"]) / MEETING, orders["number"], orders["count"])
    _run(learning, ranks, _checkpoint(orders))


def _checkpoint(orders: dict[str, Any]) -> Path:
    return Path(orders["work"]) / str(orders["fit"])


def _run(learning: Learning, ranks: Ranks, checkpoint: Path) -> None:
    import torch

    torch.set_num_threads(learning.fit.compute.threads)
    for event in learning.run(ranks):
        if learning.fit.shards is not None and isinstance(event, StepEvent):
            _partake(learning, ranks, checkpoint)
    ranks.leave()


def _partake(learning: Learning, ranks: Ranks, folder: Path) -> None:
    """Write a part of a checkpoint where the first process says that one is due; it tells what goes wrong."""
    from textwright.learn.sharded.checkpoint import save_shards

    if ranks.told(False):
        with suppress(CheckpointError):
            save_shards(folder, learning.fit, {})


def _learning(orders: dict[str, Any]) -> Learning:
    from textwright.core.clock import Clock
    from textwright.learn.checkpoint import load_checkpoint
    from textwright.tasks.pretraining.corpus import prepared
    from textwright.tasks.pretraining.fitting import Learning
    from textwright.tasks.pretraining.plan import decide, objective_of
    from textwright.tasks.pretraining.recipe import PretrainRecipe
    from textwright.tasks.pretraining.starting import start_of
    from textwright.text.documents.reading import Documents

    work = Path(orders["work"])
    recipe = PretrainRecipe.parse(orders["recipe"])
    start = start_of(recipe)
    objective = objective_of(recipe, start)
    documents = Documents.of(orders["sources"], recipe.data.text)
    learned = prepared(documents, recipe, work / "tokens", objective, start)
    clock = Clock.starting(orders["seconds"])
    compute = Compute(**orders["compute"])
    learning = Learning(recipe, decide(recipe, learned, start), learned, clock, start, compute)
    if orders["resume"]:
        load_checkpoint(_checkpoint(orders), learning.fit)
    return learning


def refuse_misfit(count: int) -> None:
    """Raises ModelError for more processes than there are processors, for more than torchrun's own, and in
    one of those that is to follow.
    """
    launch = launched()
    if launch and launch.number:
        raise ModelError(
            "this process of torchrun is not the first, which alone calls pretrain",
            hint="Before it: if textwright.api.follow(): exit().",
        )
    if count > 1 and launch:
        raise ModelError(
            f"--processes {count}: torchrun has started the processes of this training already",
            hint="Leave --processes out.",
        )
    if not 1 <= count <= usable_cpus():
        raise ModelError(
            f"--processes {count}: this process may use {usable_cpus()} processors",
            hint="One process uses them all by threads; more pay on several machines or GPUs.",
        )


def refuse_shards(compute: Compute, count: int) -> None:
    """Raises ModelError for shards on a device whose processes cannot send them to each other."""
    if compute.shard and (compute.device == "mps" or (compute.device != "cpu" and count > 1)):
        raise ModelError(
            f"compute.shard: what --processes starts share a fit on processors, not on {compute.device}",
            hint="Start one process for each GPU by torchrun, or --set compute.device=cpu.",
        )
