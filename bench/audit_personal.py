"""What the rules for personal data find: by type on marked sentences, and on made-up values among decoys.

    python bench/audit_personal.py --set pii_synthetic
    python bench/audit_personal.py --set made --seed 0
    python bench/audit_personal.py --set speed

`pii_synthetic` has spans marked by type; a span is found where a place of the right kind overlaps it. Types
that rules cannot find (names, places, firms, dates) are counted and not scored. F2 weighs recall twice.
`made` plants made-up values in 20 % of 4,000 rows and decoys in as many others, and scores by kind.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from _record import append, data_file, data_folder, head, new_run, read_column
from textwright.audit.checks.personal import with_decoys
from textwright.audit.findings import NO_ROWS
from textwright.audit.personal import inventing
from textwright.audit.personal.finding import find_all, find_spans
from textwright.audit.proof.made import made
from textwright.core.seeds import generator
from textwright.measure.bootstrap import wilson

KINDS = {
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "IBAN_CODE": "iban",
    "US_SSN": "ssn", "IP_ADDRESS": "ip", "STREET_ADDRESS": "address",
}  # fmt: skip
SPEED = ("online_shopping", "davidson_hate", "sms_spam", "tweet_offensive")
Spans = list[tuple[int, int, str]]


def score(pairs: Iterable[tuple[Spans, Spans]]) -> dict[str, dict[str, Any]]:
    """Precision, recall and F2 by kind of (true, found) spans, with Wilson's intervals."""
    hits, missed, extra = Counter[str](), Counter[str](), Counter[str]()
    for true, found in pairs:
        for start, end, kind in true:
            same = any(k == kind and a < end and start < b for a, b, k in found)
            (hits if same else missed)[kind] += 1
        for start, end, kind in found:
            extra[kind] += not any(k == kind and a < end and start < b for a, b, k in true)
    table = {}
    for kind in sorted({*hits, *missed, *extra}):
        h, m, e = hits[kind], missed[kind], extra[kind]
        precision, recall = h / (h + e) if h + e else 0.0, h / (h + m) if h + m else 0.0
        weighed = 4 * precision + recall
        table[kind] = {
            "n": h + m,
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "recall_interval": [round(x, 4) for x in wilson(h, h + m)] if h + m else None,
            "f2": round(5 * precision * recall / weighed, 4) if weighed else 0.0,
            "extra": e,
        }
    return table


def marked(data: Path) -> dict[str, Any]:
    """Scores on pii_synthetic, and how many spans are of types that no rule finds."""
    pairs, other = [], Counter[str]()
    with gzip.open(data / "pii_synthetic" / "all.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in map(json.loads, file):
            spans = [(s["start"], s["end"], s["type"]) for s in line["spans"]]
            other.update(kind for _, _, kind in spans if kind not in KINDS)
            true = [(a, b, KINDS[kind]) for a, b, kind in spans if kind in KINDS]
            pairs.append((true, [tuple(span) for span in find_spans(line["text"])]))
    return {"kinds": score(pairs), "no_rule": dict(other.most_common())}


def planted(seed: int) -> dict[str, Any]:
    """Scores by kind and language on made texts, 100 values a kind, decoys in a fifth of the rows."""
    return {language: score(_planted(language, seed)) for language in ("en", "zh")}


def _planted(language: str, seed: int) -> list[tuple[Spans, Spans]]:
    rng = generator(seed, "bench", "personal", language)
    clean = made(language, rows=4_000, seed=seed)  # type: ignore[arg-type]
    data = with_decoys(clean, 0.2, seed, NO_ROWS)
    kinds = (*inventing.PERSONAL[language], *inventing.SECRETS)
    rows = rng.choice(len(data), 100 * len(kinds), replace=False)
    texts, true = [*data.texts], [list[tuple[int, int, str]]() for _ in data.texts]
    for number, row in enumerate(rows.tolist()):
        kind = kinds[number % len(kinds)]
        words, value = inventing.entity(kind, language, rng)
        texts[row] = inventing.put_into(clean.texts[row], words + value, language, rng)
        start = texts[row].index(value)
        true[row] = [(start, start + len(value), kind)]
    return [(own, [tuple(s) for s in spans]) for own, spans in zip(true, find_all(texts), strict=True)]


def speed(data: Path) -> dict[str, Any]:
    """Seconds for 100,000 rows of reviews and messages, on one processor."""
    files = [data_file(data, name, "train") for name in SPEED]
    texts = [text for path in files if path for text in read_column(path, "text")]
    texts = (texts * 3)[:100_000]
    started = time.perf_counter()
    found = find_all(texts)
    seconds = time.perf_counter() - started
    characters = sum(map(len, texts))
    return {"rows": len(texts), "characters": characters, "seconds": round(seconds, 2),
            "held": sum(map(bool, found))}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--set", choices=("pii_synthetic", "made", "speed"), default="made")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    data = data_folder() if args.set != "made" else None
    if args.set != "made" and data is None:
        return 0
    if data is not None and args.set == "pii_synthetic":
        result = marked(data)
    else:
        result = speed(data) if data is not None else planted(args.seed)
    command = f"python bench/audit_personal.py --set {args.set} --seed {args.seed}"
    about = {"seed": args.seed, "set": args.set, "task": "audit", "system": "ours:personal"}
    append({**head("audit_personal", command, new_run()), **about, "result": result})
    print(json.dumps(result, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
