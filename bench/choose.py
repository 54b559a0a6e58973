"""`train FILE --minutes M` as a person calls it, train -> dev, and paired tests against the best peer.

python bench/choose.py --sets sst2,trec --seed 0 [--prefer accuracy] [--minutes 3] [--from CHECKPOINT]
python bench/choose.py --sets all --compare

Peers are measured by bench/classify.py; predictions of both are kept. So is the clock of each run: seconds of
the whole process, and as a share of the promise.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from _compare import kept_predictions, scores_of
from _record import (
    append,
    data_file,
    data_folder,
    head,
    keep_predictions,
    new_run,
    predictions_path,
    read_column,
    run_child,
)
from textwright.core.seeds import generator
from textwright.measure.paired import holm

SETS = (
    "sst2",
    "sst5",
    "trec",
    "ag_news",
    "newsgroups20",
    "imdb",
    "tweet_emotion",
    "davidson_hate",
    "chnsenticorp",
    "online_shopping",
    "thucnews_titles",
    "csl_category",
    "cold",
)
# Where labels are so uneven that accuracy says little.
BY_MACRO_F1 = frozenset({"davidson_hate", "csl_category"})
PEERS = ("fasttext", "fasttext-autotune", "tfidf-lr", "tfidf-svm-wc", "keras-classic")
_REPLICATES = 10_000


def system_of(args: argparse.Namespace) -> str:
    encoder = "-encoder" if args.checkpoint else ""
    return f"ours:auto-{args.prefer}-{args.minutes:g}m{encoder}"


def measure(name: str, data: Path, args: argparse.Namespace, run: str) -> dict[str, Any]:
    """Train on a set and answer its dev rows by the command line; the result line is appended."""
    seed, minutes = args.seed, args.minutes
    train, dev = data_file(data, name, "train"), data_file(data, name, "dev")
    assert train and dev
    flags = f"--sets {name} --seed {seed} --prefer {args.prefer} --minutes {minutes:g}"
    flags += f" --from {args.checkpoint.name}" if args.checkpoint else ""
    beginning = head("choose", f"python bench/choose.py {flags}", run)
    with tempfile.TemporaryDirectory() as folder:
        model, answers = Path(folder) / "model", Path(folder) / "answers.jsonl"
        of_train = ["train", train, "--test", dev, "--text", "text", "--label", "label", "--task", "classify"]
        of_train += ["--minutes", minutes, "--prefer", args.prefer, "--seed", seed, "--out", model, "--json"]
        of_train += ["--from", args.checkpoint] if args.checkpoint else []
        trained = textwright(of_train)
        found = json.loads(trained.stdout.strip().splitlines()[-1])
        asked = textwright(["predict", model, dev, "--out", answers, "--text", "text"])
        predictions = [json.loads(line)["label"] for line in answers.read_text().splitlines()]
    truth = read_column(dev, "label")
    scores = {key: round(value, 5) for key, value in scores_of("classify", truth, predictions).items()}
    ece = found["scores"]["ece"]
    picked = [c["name"] for c in found["candidates"] if c["chosen"]]
    members = [c["settings"].get("members") for c in found["candidates"] if c["chosen"]]
    result = {
        **scores,
        "ece": round(ece["value"], 5),
        "ece_low": round(ece["low"], 5),
        "total_s": round(trained.seconds, 2),
        "of_promise": round(trained.seconds / (60 * minutes), 4),
        "predict_s": round(asked.seconds, 2),
        "n_test": len(truth),
        "bytes": found["bytes"],
    }
    system = system_of(args)
    sha256 = keep_predictions(predictions_path(name, "classify", system, seed), predictions)
    where = {"seed": seed, "set": name, "task": "classify", "system": system}
    about = {"picked": picked[0] if picked else "", "members": members[0] if members else None}
    append({**beginning, **where, "result": result, **about, "predictions_sha256": sha256})
    return {**result, **about}


def textwright(arguments: Sequence[Any]) -> Any:
    """Run the command; a failure is an error with what it said."""
    child = run_child([Path(sys.executable).parent / "textwright", *map(str, arguments)])
    if child.code:
        raise SystemExit(child.complaint())
    return child


def table(data: Path, sets: Sequence[str], system: str) -> None:
    """Each set: ours (mean over seeds), the best peer, the paired difference with its interval, Holm's p."""
    rows, means = [], {peer: [] for peer in PEERS}
    for name in sets:
        ours = kept("choose", name, system)
        peers = {peer: kept("classify", name, peer) for peer in PEERS}
        if not ours:
            print(f"{name}: no result yet")
            continue
        dev = data_file(data, name, "dev")
        assert dev
        truth = read_column(dev, "label")
        metric = "macro_f1" if name in BY_MACRO_F1 else "accuracy"
        values = {peer: mean_score(truth, runs, metric) for peer, runs in peers.items() if runs}
        for peer, value in values.items():
            means[peer].append(value)
        best = max(values, key=lambda peer: values[peer])
        value, low, high, p_value = paired(truth, ours, peers[best], metric)
        rows.append(
            (name, mean_score(truth, ours, metric), len(ours), best, values[best], value, low, high, p_value)
        )
    corrected = holm([row[-1] for row in rows])
    for (name, own, seeds, best, peer, value, low, high, p), q in zip(rows, corrected, strict=True):
        print(
            f"{name:16} ours {100 * own:6.2f} ({seeds})  best peer {best:18} {100 * peer:6.2f}  "
            f"{100 * value:+6.2f} [{100 * low:+.2f}, {100 * high:+.2f}]  p {p:.4f}  Holm {q:.4f}"
        )
    if rows:
        print(f"mean of ours {100 * np.mean([row[1] for row in rows]):.2f}")
        for peer, found in means.items():
            if found:
                print(f"mean of {peer} {100 * np.mean(found):.2f} over {len(found)} sets")


def kept(bench: str, name: str, system: str) -> list[list[str]]:
    """Kept predictions, one list a seed."""
    return list(kept_predictions(bench, name, "classify", system).values())


def mean_score(truth: Sequence[str], runs: Sequence[Sequence[str]], metric: str) -> float:
    return float(np.mean([scores_of("classify", truth, run)[metric] for run in runs]))


def paired(
    truth: Sequence[str], ours: Sequence[Sequence[str]], peer: Sequence[Sequence[str]], metric: str
) -> tuple[float, float, float, float]:
    """Difference of the means over seeds, its 95 % interval and two-sided p, by a bootstrap over rows."""
    labels, ids = np.unique(truth, return_inverse=True)
    place = {label: i for i, label in enumerate(labels)}
    sides = [[np.array([place.get(a, -1) for a in run]) for run in runs] for runs in (ours, peer)]
    rng, gaps = generator(0, "bench", "paired"), []
    if metric == "accuracy":
        right = [np.mean([run == ids for run in side], axis=0) for side in sides]
        gap = right[0] - right[1]
        gaps = [gap[rng.integers(len(gap), size=len(gap))].mean() for _ in range(_REPLICATES)]
        value = float(gap.mean())
    else:

        def of(rows: np.ndarray) -> float:
            one = [np.mean([macro_f1(ids[rows], run[rows], len(labels)) for run in side]) for side in sides]
            return float(one[0] - one[1])

        gaps = [of(rng.integers(len(ids), size=len(ids))) for _ in range(_REPLICATES // 5)]
        value = of(np.arange(len(ids)))
    low, high = np.quantile(gaps, (0.025, 0.975))
    behind = min(np.mean(np.array(gaps) <= 0), np.mean(np.array(gaps) >= 0))
    return value, float(low), float(high), float(min(1.0, 2 * max(behind, 1 / len(gaps))))


def macro_f1(truth: np.ndarray, answers: np.ndarray, num_labels: int) -> float:
    hits = np.bincount(truth[truth == answers], minlength=num_labels)
    total = np.bincount(truth, minlength=num_labels) + np.bincount(
        answers[answers >= 0], minlength=num_labels
    )
    occurs = total > 0
    return float((2 * hits[occurs] / total[occurs]).mean())


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", default="all", help="by commas, or all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--prefer", default="accuracy")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument(
        "--from", dest="checkpoint", type=Path, help="a Hugging Face folder, one more candidate"
    )
    parser.add_argument("--compare", action="store_true", help="the table of what was measured")
    args = parser.parse_args(argv)
    data = data_folder()
    if data is None:
        return 0
    sets = SETS if args.sets == "all" else args.sets.split(",")
    if args.compare:
        table(data, sets, system_of(args))
        return 0
    run = new_run()
    for name in sets:
        if data_file(data, name, "dev"):
            found = measure(name, data, args, run)
            print(name, json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
