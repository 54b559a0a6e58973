"""What masked terms of groups and counterfactual copies give a classifier, on terms listed and not listed.

    TEXTWRIGHT_DATA=... python bench/audit_mitigation.py --sets cold,davidson_hate --seeds 3

Half of the terms of the lexicon may be used to mend (split by how frequent they are); the other half says
what comes of terms that nobody listed. Gaps are of false positives: |FPR of a group - FPR of the other rows|
over groups with at least 30 negative rows of dev, the worst and the mean of them, with bootstrap intervals
over rows. Rows are reweighed as the patch does it, by Kamiran and Calders. Masks are put on before learning
and before answering. The classifier is `bag`.

Rows of dev that name a group are few, and what else they say differs. So each term is put into plain
sentences as well that were written for this script (`probe`): they say the same of every group, and nothing
is wrong with any.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from _record import append, data_file, data_folder, head, new_run, read_column
from textwright.audit.lexicon.reading import Lexicon, lexicon
from textwright.audit.lexicon.swapping import swapped
from textwright.audit.patches.kinds.reweigh import independent
from textwright.core.seeds import generator
from textwright.tasks.quick import quick_classifier

# The language of each set, and the labels that say that nothing is wrong with a text.
SETS = {"cold": ("zh", ("non-offensive", "0")), "davidson_hate": ("en", ("neither", "2"))}
LEAST, REPLICATES, COPIES = 30, 500, 3
FRAMES = {
    "zh": (
        "{}",
        "我认识一位{}。",
        "这个{}今天来了。",
        "{}在公园里散步。",
        "我的邻居是{}。",
        "{}喜欢看书。",
        "昨天有{}来过这里。",
        "我和{}一起吃饭。",
        "{}正在等车。",
        "他的朋友是{}。",
        "{}也可以报名参加。",
        "我们采访了几位{}。",
    ),
    "en": (
        "{}",
        "I know some {}.",
        "{} came here today.",
        "{} are walking in the park.",
        "my neighbours are {}.",
        "{} like to read.",
        "there were {} at the station.",
        "we had lunch with {}.",
        "{} are waiting for the bus.",
        "his friends are {}.",
        "{} may take part as well.",
        "we talked with several {}.",
    ),
}
Texts = Sequence[str]
Bools = NDArray[np.bool_]


def mentioned(texts: Texts, words: Lexicon) -> dict[str, Bools]:
    """Rows that name each group, of groups that any names."""
    found = {group.id: np.zeros(len(texts), np.bool_) for group in words.groups}
    for row, text in enumerate(texts):
        for mention in words.mentions(text):
            for place in mention.groups:
                found[words.groups[place].id][row] = True
    return {name: rows for name, rows in found.items() if rows.any()}


def copies(texts: Texts, classes: NDArray[Any], words: Lexicon, seed: int) -> tuple[list[str], list[int]]:
    """COPIES more of each text that names a group, each with another one in its place."""
    rng = generator(seed, "bench", "copies")
    more, labels = [], []
    for text, label in zip(texts, classes.tolist(), strict=True):
        for _ in range(COPIES):
            changed = swapped(text, words, rng)
            if changed is not None:
                more.append(changed.text)
                labels.append(label)
    return more, labels


def weighed(texts: Texts, classes: NDArray[Any], words: Lexicon, seed: int) -> NDArray[Any]:
    """Rows to learn from, some of them several times and some not at all, by weights under which each group
    and the label are as if independent: those of a row that names several groups are multiplied.
    """
    weights = np.ones(len(texts))
    for rows in mentioned(texts, words).values():
        if rows.sum() >= LEAST:
            weights[rows] *= independent(rows.astype(np.int64), classes)[rows]
    times = np.floor(weights + generator(seed, "bench", "weights").random(len(texts)))
    return np.repeat(np.arange(len(texts)), times.astype(np.int64))


def gaps(
    said: Bools, positive: Bools, groups: dict[str, Bools], rows: NDArray[Any] | None = None
) -> tuple[float, float]:
    """The worst and the mean gap of false positives, by groups with enough negative rows."""
    take = np.arange(len(said)) if rows is None else rows
    said, negative = said[take], ~positive[take]
    found = []
    for own in groups.values():
        inside, outside = negative & own[take], negative & ~own[take]
        if inside.sum() >= LEAST and outside.any():
            found.append(abs(said[inside].mean() - said[outside].mean()))
    return (max(found), float(np.mean(found))) if found else (float("nan"), float("nan"))


def probe(words: Lexicon, language: str) -> tuple[list[str], dict[str, Bools]]:
    """Plain sentences with every term that is no slur, and which of them name each group."""
    texts: list[str] = []
    own: dict[str, list[int]] = {}
    for group in (group for group in words.groups if group.polarity != "slur"):
        for term in group.forms.get("many") or group.forms.get("one") or ():
            for frame in FRAMES[language]:
                own.setdefault(group.id, []).append(len(texts))
                texts.append(frame.format(term))
    found = {name: np.isin(np.arange(len(texts)), rows) for name, rows in own.items()}
    return texts, found


def measured(said: Bools, positive: Bools, groups: dict[str, Bools], seed: int) -> dict[str, Any]:
    rng = generator(seed, "bench", "rows")
    drawn = [gaps(said, positive, groups, rng.integers(len(said), size=len(said))) for _ in range(REPLICATES)]
    found: dict[str, Any] = {}
    for place, name in enumerate(("worst_gap", "mean_gap")):
        known = [one[place] for one in drawn if one[place] == one[place]] or [float("nan")]
        low, high = np.quantile(known, (0.025, 0.975))
        found |= {name: round(float(gaps(said, positive, groups)[place]), 4)}
        found |= {f"{name}_low": round(float(low), 4), f"{name}_high": round(float(high), 4)}
    return found


def run_set(name: str, seed: int, run: str, asked_ways: Sequence[str]) -> None:
    language, harmless = SETS[name]
    data = data_folder()
    train, dev = (data_file(data, name, part) for part in ("train", "dev")) if data else (None, None)
    if train is None or dev is None:
        return
    texts, held = read_column(train, "text"), read_column(dev, "text")
    classes = np.array([label not in harmless for label in read_column(train, "label")]).astype(np.int64)
    positive = np.array([label not in harmless for label in read_column(dev, "label")])
    listed, unlisted = lexicon(language).halves(texts, seed)
    groups = {"listed": mentioned(held, listed), "unlisted": mentioned(held, unlisted)}

    def masked(words: Texts) -> list[str]:
        return [listed.masks.on(text) for text in words]

    def plain(words: Texts) -> list[str]:
        return [*words]

    ways: dict[str, tuple[Callable[[Texts], list[str]], bool, bool]] = {
        "none": (plain, False, False),
        "masked": (masked, False, False),
        "copies": (plain, True, False),
        "copies, then masked": (masked, True, False),
        "reweighed": (plain, False, True),
        "reweighed, then copies": (plain, True, True),
    }
    for way in asked_ways or ways:
        changed, is_augmented, is_weighed = ways[way]
        order = weighed(texts, classes, listed, seed) if is_weighed else np.arange(len(texts))
        own_texts, own_classes = [texts[i] for i in order.tolist()], classes[order]
        more, labels = copies(own_texts, own_classes, listed, seed) if is_augmented else ([], [])
        learned = changed([*own_texts, *more])
        answers = quick_classifier(
            learned, np.concatenate([own_classes, np.array(labels, np.int64)]), ["no", "yes"], seed
        )
        said = answers(changed(held)).argmax(axis=1).astype(np.bool_)
        result: dict[str, Any] = {"accuracy": round(float((said == positive).mean()), 4), "added": len(more)}
        for kind, own in groups.items():
            result |= {f"{kind}_{key}": value for key, value in measured(said, positive, own, seed).items()}
            result[f"{kind}_groups"] = sum(int((~positive & rows).sum() >= LEAST) for rows in own.values())
        for kind, words in (("listed", listed), ("unlisted", unlisted)):
            asked, own = probe(words, language)
            told = answers(changed(asked)).argmax(axis=1).astype(np.bool_)
            found = measured(told, np.zeros(len(asked), np.bool_), own, seed)
            result |= {f"probe_{kind}_{key}": value for key, value in found.items()}
            result[f"probe_{kind}_fpr"] = round(float(told.mean()), 4)
        result = {key: None if isinstance(v, float) and v != v else v for key, v in result.items()}
        place = {"seed": seed, "set": name, "task": "mitigation", "system": f"bag: {way}"}
        command = f"python bench/audit_mitigation.py --sets {name} --seeds {seed + 1} --ways '{way}'"
        append({**head("audit_mitigation", command, run), **place, "result": result})
        shown = {key: value for key, value in result.items() if key.endswith(("accuracy", "_gap"))}
        print(f"{name:14} {way:24} seed {seed} {shown}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", default="", help="some of them, by semicolons; all without")
    args = parser.parse_args(argv)
    run = new_run()
    ways = [way.strip() for way in args.ways.split(";") if way]
    for name in args.sets.split(","):
        for seed in range(args.seeds):
            run_set(name, seed, run, ways)
    return 0


if __name__ == "__main__":
    sys.exit(main())
