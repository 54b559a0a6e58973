"""Does what a learning curve says of twice the rows come true: its interval, held against fits on so many.

python bench/growth.py [--sets trec,...] [--seed 0] [--shares 0.5,0.25,0.125]
python bench/growth.py --count --seed 0

Of train a seventh is kept to judge on, and 8,000 rows are left at most. From a share of these the curve of
`bag` is measured; the same model is then fitted on these rows and as many others, judged on the same rows.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from _record import append, data_file, data_folder, head, new_run, results_of
from textwright.choose.rows.drawn import Fits
from textwright.core.clock import Clock
from textwright.core.seeds import generator
from textwright.tasks.prepare import Prepared, prepare_data
from textwright.tasks.recipe import Recipe

SETS = (
    "trec",
    "sst2",
    "sst5",
    "ag_news",
    "sms_spam",
    "newsgroups20",
    "tweet_emotion",
    "tweet_offensive",
    "davidson_hate",
    "graded_tweets",
    "csl_category",
    "chnsenticorp",
    "cold",
    "online_shopping",
    "thucnews_titles",
)
MAX_ROWS, JUDGED_ON = 8_000, 0.15


def prepared_of(path: Path, name: str, seed: int) -> Prepared:
    """The rows of a file, a seventh of them to judge on, none locked."""
    label = {"label": "score"} if name == "graded_tweets" else {"label": "label"}
    asked = {"data": {"text": "text", **label}, "split": {"test": 0, "validation": JUDGED_ON}, "seed": seed}
    return prepare_data(path, Recipe.parse({**asked, "model": {"name": "bag"}}))


def measure(prepared: Prepared, share: float, seed: int) -> dict[str, Any]:
    """The curve of a share of the rows, and whether the score and the gain of twice as many came inside."""
    recipe = Recipe.parse({"model": {"name": "bag"}, "seed": seed})
    rows = generator(seed, "bench", "growth", str(share)).permutation(prepared.train)[:MAX_ROWS]
    half = rows[: round(share * len(rows))]
    curve = Fits.of(replace(prepared, train=np.sort(half)), recipe, Clock.starting(), [])
    for _ in curve.run():
        pass
    growth = curve.growth()
    twice = growth.twice
    assert twice is not None
    whole = Fits.of(replace(prepared, train=np.sort(rows[: 2 * len(half)])), recipe, Clock.starting(), [])
    whole.draws = [draw for draw in whole.draws if draw.rows == whole.sizes[-1]]
    for _ in whole.run():
        pass
    (then,) = whole.done
    (now,) = (fit for fit in growth.fits if fit.rows == len(half))
    sign, shift = (-1, 1) if growth.better == "higher" else (1, 0)
    score, gain = shift + sign * then.error, now.error - then.error
    return {
        "rows": len(half),
        "n": len(prepared.validation),
        "gain": round(gain, 5),
        "gain_told": round(twice.gain.value, 5),
        "gain_low": round(twice.gain.low, 5),
        "gain_high": round(twice.gain.high, 5),
        "score_inside": float(twice.score.low <= score <= twice.score.high),
        "gain_inside": float(twice.gain.low <= gain <= twice.gain.high),
        "shown": float(twice.is_shown),
        "shown_and_there": float(gain > 0) if twice.is_shown else math.nan,
    }


def count(seed: int) -> None:
    """How many gains and scores came inside, how many gains were shown, and how many of these were there."""
    found = [line["result"] for line in results_of("growth") if line["seed"] == seed]
    names = ("gain_inside", "score_inside", "shown", "shown_and_there")
    totals = {name: int(sum(result.get(name, 0) for result in found)) for name in names}
    print(f"{len(found)} curves:", ", ".join(f"{name} {total}" for name, total in totals.items()))


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shares", default="0.5,0.25,0.125")
    parser.add_argument("--count", action="store_true", help="what came true of all that was measured")
    args = parser.parse_args(argv)
    if args.count:
        count(args.seed)
        return 0
    data = data_folder()
    if data is None:
        return 0
    run = new_run()
    for name in args.sets.split(","):
        path = data_file(data, name, "train")
        if path is None:
            continue
        prepared = prepared_of(path, name, args.seed)
        for share in args.shares.split(","):
            beginning = head("growth", f"python bench/growth.py --sets {name} --seed {args.seed}", run)
            found = measure(prepared, float(share), args.seed)
            result = {key: value for key, value in found.items() if not math.isnan(value)}
            where = {"seed": args.seed, "set": name, "task": prepared.examples.schema.task}
            append({**beginning, **where, "system": f"bag, {share} of the rows", "result": result})
            print(name, share, result, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
