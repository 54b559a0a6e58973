"""What audits say of real sets: turned labels that are found, leaks and the score without them, gaps.

    TEXTWRIGHT_DATA=... python bench/audit_real.py --part labels,leaks,groups,shortcuts

`labels` turns 5 % of the labels of train at random: of the 100 rows ranked first, the share that were turned,
and the noise that the check estimates. A set's own wrong labels count against it. `leaks` holds dev against
train. `groups` learns a `bag` of train and looks at its answers to dev by the lexicon of the language.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from _record import append, data_file, data_folder, head, new_run
from textwright.audit.checks import label_errors, leaks, shortcuts
from textwright.audit.groups import group_gaps
from textwright.audit.reading import read_audited
from textwright.audit.settings import AuditSettings
from textwright.audit.subject import AuditData
from textwright.core.seeds import generator
from textwright.tasks.quick import quick_classifier

SETS = {
    "labels": ("thucnews_titles", "chnsenticorp", "davidson_hate"),
    "leaks": ("chnsenticorp", "imdb", "cold", "ag_news"),
    "groups": ("cold",),
    "shortcuts": ("chnsenticorp", "davidson_hate", "ag_news", "online_shopping"),
}
MOST = {"thucnews_titles": 20_000, "davidson_hate": 12_000}
NOISE, FIRST = 0.05, 100
Result = dict[str, Any]


class Answering:
    """A quick classifier as an audit sees it."""

    def __init__(self, data: AuditData) -> None:
        self.labels = data.label_names
        self._answers = quick_classifier(data.texts, data.label_ids, data.label_names, data.seed)

    def probabilities(self, texts: Sequence[str]) -> Any:
        return self._answers(texts)


def labels(name: str, train: Path, dev: Path, seed: int) -> Result:
    data = read_audited([train], AuditSettings(seed=seed)).data
    rng = generator(seed, "bench", "labels")
    data = data.taken(np.sort(rng.permutation(len(data))[: MOST.get(name, len(data))]))
    turned = rng.choice(len(data), round(NOISE * len(data)), replace=False)
    names, fresh = data.label_names, list(data.labels)
    for row in turned.tolist():
        others = [other for other in names if other not in fresh[row]]
        fresh[row] = (others[int(rng.integers(len(others)))],)
    found = label_errors.run(data.relabelled(fresh))
    rows = found.findings[0].rows if found.findings else np.zeros(0, np.int64)
    both = np.isin(rows, turned)
    return {
        "rows": len(data),
        "precision_in_100": round(float(both[:FIRST].mean()), 3),
        "recall": round(float(both.sum() / len(turned)), 3),
        "precision": round(float(both.mean()), 3),
        "noise": round(len(rows) / len(data), 4),
    }


def leaked(name: str, train: Path, dev: Path, seed: int) -> Result:
    data = read_audited([train, dev], AuditSettings(seed=seed)).data
    found = leaks.run(data)
    count = len(found.findings[0].rows) if found.findings else 0
    scores = {key: round(value["value"], 4) for key, value in found.numbers.items()}
    return {"rows": data.parts.count("test"), "leaked": count, **scores}


def groups(name: str, train: Path, dev: Path, seed: int) -> Result:
    learned = read_audited([train], AuditSettings(seed=seed)).data
    asked = read_audited([dev], AuditSettings(groups=f"lexicon:{learned.language}", seed=seed)).data
    found = group_gaps.run(replace(asked, model=Answering(learned)))
    gaps = [f for f in found.findings if f.evidence is not None]
    return {
        f"{f.subject}_{end}": round(getattr(f.evidence, end), 4)
        for f in gaps
        for end in ("value", "baseline")
    }


def hinted(name: str, train: Path, dev: Path, seed: int) -> Result:
    data = read_audited([train], AuditSettings(seed=seed)).data
    made: Result = {"rows": len(data)}
    for purity in (0.8, 0.95):
        planted = shortcuts.plant(data, 0.01, seed, purity=purity)
        told = shortcuts.run(planted.data).subjects
        made[f"told_of_{len(planted.subjects)}_at_{purity:g}"] = len(planted.subjects & told)
    return made


PARTS: dict[str, Callable[[str, Path, Path, int], Result]] = {
    "labels": labels,
    "leaks": leaked,
    "groups": groups,
    "shortcuts": hinted,
}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", default=",".join(PARTS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    data, run = data_folder(), new_run()
    if data is None:
        return 0
    for part in args.part.split(","):
        for name in SETS[part]:
            train, dev = (data_file(data, name, own) for own in ("train", "dev"))
            if train is None or dev is None:
                continue
            result = PARTS[part](name, train, dev, args.seed)
            place = {"seed": args.seed, "set": name, "task": part, "system": "audit"}
            command = f"python bench/audit_real.py --part {part} --seed {args.seed}"
            append({**head("audit_real", command, run), **place, "result": result})
            print(part, name, result, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
