"""How groups of people are spoken of in the data: in how many rows, and with which labels.

Shapes: N rows with a label, G groups, C labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from textwright.audit.base import LABELLED, Check, Planted, Targets, drawn, shuffled_labels
from textwright.audit.findings import Evidence, Finding, Fix, Result, Severity, not_applicable, too_few
from textwright.audit.lexicon.groups import Groups, asked_groups, groups_of
from textwright.audit.lexicon.reading import lexicon
from textwright.audit.subject import AuditData
from textwright.core.ragged import IntArray
from textwright.core.seeds import generator
from textwright.measure.bootstrap import wilson
from textwright.measure.discoveries import (
    FALSE_DISCOVERIES,
    binomial_p,
    discovery_rates,
    rows_needed,
    shares_p,
)

LEAST = 30  # rows of a group, below which nothing is said of it
FLOOR = 0.10
HIGH, LIFT = 0.8, 1.5
_PLANTED = {
    "en": {"children": "child", "farmers": "farmer", "muslims": "muslim", "tall people": "tall man"},
    "zh": {"老年人": "老年人", "四川人": "四川人", "保安": "保安", "残疾人": "残疾人"},
}
_SHARE = 0.2  # of the rows name each of these


@dataclass(frozen=True)
class Tested:
    """One group (or two, in rows that name both) and one label: `hits` of `n` rows have it."""

    names: tuple[str, ...]
    label: str
    n: int
    hits: int
    base: float
    all_rows: int
    label_rows: int
    p: float = 1.0
    q: float = 1.0
    test: str = "exact binomial"
    is_slur: bool = False

    @property
    def share(self) -> float:
        return self.hits / self.n

    @property
    def gap(self) -> float:
        return self.share - self.base

    @property
    def is_found(self) -> bool:
        return self.q < FALSE_DISCOVERIES and abs(self.gap) >= FLOOR

    @property
    def subject(self) -> str:
        return " + ".join(self.names)

    @property
    def npmi(self) -> float | None:
        """ln(p(g,y) / p(g)p(y)) / -ln p(g,y): 1 where one never comes without the other, 0 by chance."""
        both = self.hits / self.all_rows
        if not self.hits or both == 1:
            return None
        alone = self.n / self.all_rows * self.label_rows / self.all_rows
        return math.log(both / alone) / -math.log(both)

    @property
    def severity(self) -> Severity:
        """A slur among hateful rows is no surprise: it is told, and no more."""
        if self.is_slur:
            return "info"
        return "high" if self.share >= HIGH and self.share >= LIFT * self.base else "warn"

    def to_row(self) -> dict[str, Any]:
        low, high = wilson(self.hits, self.n)
        return {
            "group": self.subject, "n": self.n, "share_of_rows": self.n / self.all_rows, "label": self.label,
            "hits": self.hits, "p_label": self.share, "low": low, "high": high, "base": self.base,
            "gap": self.gap, "npmi": self.npmi, "p": self.p, "q": self.q, "found": self.is_found,
        }  # fmt: skip


def run(data: AuditData) -> Result:
    asked = asked_groups(data)
    if not asked:
        return not_applicable("no groups are named: --set groups=lexicon:en, lexicon:zh, a column or a file")
    labelled = np.flatnonzero([bool(own) for own in data.labels])
    own = data.taken(labelled)
    groups = groups_of(own.texts, asked, own.named("group"))
    tested, both = _tested(own, groups)
    few = _few(groups)
    if not tested:
        return too_few(f"no group is named in {LEAST} rows with a label: collect rows that name some")
    found = [one for one in _worst(tested) if one.is_found]
    crossed = [one for one in _worst(both) if one.is_found]
    findings = [_finding(own, groups, labelled, one, len(tested)) for one in found]
    findings += [_crossed(own, groups, labelled, one, len(both)) for one in crossed]
    numbers = {
        "groups": list(asked), "rows": len(own), "named": int((groups.sizes > 0).sum()),
        "tested": len({one.subject for one in tested}), "tests": len(tested), "too_few": len(few),
        "crossed_tests": len(both), "least": LEAST, "floor": FLOOR,
    }  # fmt: skip
    tables = {
        "groups": [one.to_row() for one in tested],
        "two_groups": [one.to_row() for one in both],
        "too_few": few,
    }
    return Result.of(findings, numbers, tables)


def _tested(data: AuditData, groups: Groups) -> tuple[list[Tested], list[Tested]]:
    """Every group of enough rows with every label, and every two groups that enough rows name."""
    has = _label_matrix(data)  # (N, C)
    label_rows = has.sum(axis=0)
    held = groups.held.astype(np.int64)
    hits = held.T @ has  # (G, C)
    enough = np.flatnonzero(groups.sizes >= LEAST)
    base = label_rows / len(data)
    single = [
        _one(data, groups, (int(g),), c, int(groups.sizes[g]), int(hits[g, c]), float(base[c]), label_rows)
        for g in enough
        for c in range(len(base))
    ]
    p = binomial_p([t.hits for t in single], [t.n for t in single], [t.base for t in single])
    single = [replace(one, p=float(own)) for one, own in zip(single, p, strict=True)]
    return _with_p(single), _with_p([*_pairs(data, groups, has, enough, hits)])


def _label_matrix(data: AuditData) -> IntArray:
    place = {name: i for i, name in enumerate(data.label_names)}
    found = np.zeros((len(data), len(place)), np.int64)
    for row, labels in enumerate(data.labels):
        found[row, [place[label] for label in labels]] = 1
    return found


def _one(
    data: AuditData, groups: Groups, places: tuple[int, ...], label: int, n: int, hits: int, base: float,
    label_rows: IntArray,
) -> Tested:  # fmt: skip
    owners = [groups.groups[place] for place in places]
    is_slur = any(owner is not None and owner.polarity == "slur" for owner in owners)
    names = tuple(groups.names[place] for place in places)
    return Tested(
        names, data.label_names[label], n, hits, base, len(data), int(label_rows[label]), is_slur=is_slur
    )


def _pairs(
    data: AuditData, groups: Groups, has: IntArray, enough: IntArray, hits: IntArray
) -> Iterator[Tested]:
    """Rows that name two groups, where their share is beyond that of the rows with either one alone.

    It must be apart from both, so that the larger p-value of the two counts.
    """
    held = groups.held.astype(np.int64)[:, enough]
    together = np.triu((held.T @ held).toarray(), 1)
    sizes = groups.sizes
    for a, b in zip(*np.nonzero(together >= LEAST), strict=True):
        pair, n = (int(enough[a]), int(enough[b])), int(together[a, b])
        if min(sizes[g] - n for g in pair) < LEAST:  # one lies inside the other, nearly
            continue
        rows = np.intersect1d(groups.rows(pair[0]), groups.rows(pair[1]))
        for label, both in enumerate(has[rows].sum(axis=0).tolist()):
            alone = [(int(hits[g, label]) - both, int(sizes[g]) - n) for g in pair]
            shares = [own / of for own, of in alone]
            if (both / n - shares[0]) * (both / n - shares[1]) > 0:  # beyond both, on one side
                p, test = max(shares_p(both, n, own, of) for own, of in alone)
                base = min(shares, key=lambda share: abs(both / n - share))
                one = _one(data, groups, pair, label, n, both, base, has.sum(axis=0))
                yield replace(one, p=p, test=test)


def _with_p(tested: list[Tested]) -> list[Tested]:
    """With p-values after Benjamini and Hochberg over all of them."""
    q = discovery_rates([one.p for one in tested])
    return [replace(one, q=float(own)) for one, own in zip(tested, q, strict=True)]


def _worst(tested: list[Tested]) -> list[Tested]:
    """Of each group the label with the largest gap, one that it has too often before one too rarely.

    Grave groups first, then large gaps.
    """
    best: dict[str, Tested] = {}
    for one in tested:
        before = best.get(one.subject)
        if before is None or _weight(one) > _weight(before):
            best[one.subject] = one
    order = ("high", "warn", "info")
    return sorted(best.values(), key=lambda one: (order.index(one.severity), -abs(one.gap)))


def _weight(one: Tested) -> tuple[bool, bool, float]:
    return one.is_found, one.gap > 0, abs(one.gap)


def _rows(groups: Groups, data: AuditData, labelled: IntArray, one: Tested) -> IntArray:
    """Where the group is named and the label given, as positions in all of the data."""
    rows = groups.rows(groups.names.index(one.names[0]))
    for name in one.names[1:]:
        rows = np.intersect1d(rows, groups.rows(groups.names.index(name)))
    own = [row for row in rows.tolist() if one.label in data.labels[row]]
    return labelled[np.array(own, np.int64)]


def _evidence(one: Tested, tests: int) -> Evidence:
    low, high = wilson(one.hits, one.n)
    return Evidence(
        "share of the label",
        one.share,
        one.n,
        low,
        high,
        one.base,
        one.gap,
        one.test,
        one.p,
        one.q,
        tests,
    )


_LIMITS = "a link in these data and not its cause: what the rows are about may explain it, so read some"


def _finding(data: AuditData, groups: Groups, labelled: IntArray, one: Tested, tests: int) -> Finding:
    return Finding(
        "representation",
        one.severity,
        f"{one.share:.0%} of {one.n:,} rows that name {one.subject} are {one.label}, "
        f"of all rows {one.base:.0%}",
        subject=one.subject,
        evidence=_evidence(one, tests),
        rows=_rows(groups, data, labelled, one),
        why="a model learns the word for the label: harmless rows about these people are judged by it",
        limits=_LIMITS,
        fixes=() if one.is_slur else _fixes(one, groups),
        details={**one.to_row(), "slur": one.is_slur},
    )  # fmt: skip


def _crossed(data: AuditData, groups: Groups, labelled: IntArray, one: Tested, tests: int) -> Finding:
    return Finding(
        "representation",
        one.severity,
        f"{one.share:.0%} of {one.n:,} rows that name {one.names[0]} and {one.names[1]} are {one.label}, "
        f"of those with one of the two {one.base:.0%}",
        subject=one.subject,
        evidence=_evidence(one, tests),
        rows=_rows(groups, data, labelled, one),
        why="what holds for two groups each may not hold for people who belong to both",
        limits=_LIMITS,
        details={**one.to_row(), "slur": one.is_slur},
    )


def _fixes(one: Tested, groups: Groups) -> tuple[Fix, ...]:
    """Words can be changed or masked only where the group is one of words, not of a column."""
    params = {"groups": list(one.names), "label": one.label}
    needed = _to_collect(one)
    collect = Fix(
        "collect",
        f"collect about {needed:,} more rows that name {one.subject}, that are not {one.label}"
        if one.gap > 0
        else f"collect about {needed:,} more rows that name {one.subject}, that are {one.label}",
        params={**params, "rows": needed, "with_label": one.gap < 0},
    )
    of_words = (
        Fix("augment", "add copies that name another group of the same kind instead", params=params),
        Fix("mask_groups", "mask words for groups, in training and in use", params=params),
    )
    has_words = all(groups.groups[groups.names.index(name)] is not None for name in one.names)
    reweigh = Fix(
        "reweigh", "give rows weights by which group and label are as if independent", params=params
    )
    return (collect, *(of_words if has_words else ()), reweigh)


def _to_collect(one: Tested) -> int:
    """Rows by which the share of the label would be that of all rows."""
    if one.gap > 0:
        return math.ceil(one.hits / one.base - one.n) if one.base else 0
    return math.ceil((one.base * one.n - one.hits) / (1 - one.base))


def _few(groups: Groups) -> list[dict[str, Any]]:
    """Groups that too few rows name: how many more it takes to say anything, and to see a gap."""
    to_see = rows_needed(0.5, 0.5 + FLOOR)
    return [
        {"group": groups.names[i], "n": n, "needed": LEAST - n, f"needed_to_see_{FLOOR:.0%}": to_see - n}
        for i, n in enumerate(groups.sizes.tolist())
        if 0 < n < LEAST
    ]


def plant(data: AuditData, rate: float, seed: int) -> Planted:
    """Rows name groups whatever their label; then a `rate` of one group's others get the same label."""
    named = _naming(data, seed)
    language = "zh" if named.language == "zh" else "en"
    rng = generator(seed, "representation", "plant")
    group = [*_PLANTED[language]][int(rng.integers(len(_PLANTED[language])))]
    groups = groups_of(named.texts, named.groups_from)
    label = named.label_names[int(rng.integers(len(named.label_names)))]
    labels = [*named.labels]
    rows = groups.rows(groups.names.index(group)).tolist()
    negatives = [row for row in rows if label not in labels[row]]
    for row in rng.choice(negatives, round(rate * len(negatives)), replace=False).tolist():
        labels[row] = (label,) if data.task == "classify" else (*labels[row], label)
    return Planted(named.relabelled(labels), subjects=frozenset({group}))


def null(data: AuditData, seed: int) -> AuditData:
    """Rows name groups, and labels are shuffled."""
    return shuffled_labels(_naming(data, seed), seed)


def _naming(data: AuditData, seed: int) -> AuditData:
    """Four groups, each named in front of a fifth of the rows; as it is where they are named already."""
    language = "zh" if data.language == "zh" else "en"
    words = lexicon(language)
    named = replace(data, groups_from=(words.name,))
    groups = groups_of(data.texts, named.groups_from)
    texts = [*data.texts]
    for group, term in _PLANTED[language].items():
        if groups.sizes[groups.names.index(group)] >= _SHARE / 2 * len(data):
            continue
        for row in drawn(data, _SHARE, seed, "representation", group).tolist():
            texts[row] = (
                f"有位{term}说，{texts[row]}" if language == "zh" else f"One {term} said: {texts[row]}"
            )
    return named.with_texts(dict(enumerate(texts)))


CHECK = Check(
    id="representation",
    family="groups",
    says="groups of people that are named in few rows, or mostly with one label",
    run=run,
    plant=plant,
    null=null,
    tasks=LABELLED,
    needs=frozenset({"labels"}),
    rates=(0.3, 0.5),
    targets=Targets(recall=0.9, precision=None),
)
