"""`audit fix`: what would mend the findings of an audit, and patches that do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from textwright.audit.folder import Audit, read_audit
from textwright.audit.patches.fixing import Fixing, keyed_of, patched_rows
from textwright.audit.patches.kinds.collect import wanted
from textwright.audit.patches.opening import open_data, positions_of
from textwright.audit.patches.reviews import agreed
from textwright.audit.patches.writing import write_patch
from textwright.audit.reasons import is_reason
from textwright.audit.subject import AuditData
from textwright.core.errors import AuditError
from textwright.core.names import did_you_mean
from textwright.core.records import Note
from textwright.text.patches import Patch, patches_in

_KINDS = "textwright.audit.patches.kinds"


@dataclass(frozen=True)
class Wish:
    """What to mend: all that is safe, or findings by their ids, with the kind of fix where one has several.

    because, who: the reason of a person, without which nothing unsafe is done.
    one_key: labels that one person has reviewed are changed, not only those on which two agree.
    """

    safe: bool = False
    findings: tuple[str, ...] = ()
    kind: str | None = None
    because: str = ""
    who: str = ""
    one_key: bool = False

    def __bool__(self) -> bool:
        return self.safe or bool(self.findings)


@dataclass(frozen=True)
class Fixed:
    """What could be done (`offers`), and the patches that were made; none when nothing was asked for."""

    out: Path
    offers: list[dict[str, Any]]
    patches: list[dict[str, Any]] = field(default_factory=list)
    wanted: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        notes = [note.text for note in self.notes]
        return {
            "audit": str(self.out),
            "offers": self.offers,
            "patches": self.patches,
            "wanted": self.wanted,
            "notes": notes,
        }


def fix(
    audit: str | Path,
    *,
    safe: bool = False,
    findings: Sequence[str] = (),
    kind: str | None = None,
    because: str = "",
    who: str = "",
    one_key: bool = False,
    data: str | Path | Sequence[str | Path] | None = None,
) -> Fixed:
    """Make patches of the findings of an audit; without `safe` or `findings` only say what could be done.

    The audited files are read again, from `data` where they have moved, and never changed. `because` is the
    written reason that every fix needs that is not safe. Raises TextwrightError: for an unknown finding or
    fix, a reason that lacks, and files that have changed since.

    >>> import textwright.audit  # doctest: +SKIP
    >>> made = textwright.audit.fix("reviews-audit", safe=True)  # doctest: +SKIP
    >>> [(patch["name"], patch["counts"]) for patch in made.patches]  # doctest: +SKIP
    [('001-drop-exact_twins-e3b0c4', {'drop': 8})]
    """
    opened = read_audit(audit)
    wish = Wish(safe, tuple(findings), kind, because, who, one_key)
    chosen = _chosen(opened, wish)
    if not wish:
        return Fixed(Path(audit), offers(opened))
    return _made(opened, chosen, wish, data)


def offers(audit: Audit) -> list[dict[str, Any]]:
    """Every fix of every finding, whether it is safe, how many rows it concerns, and its patches in force."""
    assert audit.path is not None
    patches = patches_in(audit.path)
    return [
        {
            "finding": finding["id"],
            "severity": finding["severity"],
            "title": finding["title"],
            "kind": offer["kind"],
            "what": offer["what"],
            "safe": offer["safe"],
            "rows": _num_rows(finding, offer),
            "patches": [patch.name for patch in patches if _is_of(patch, finding["id"], offer["kind"])],
        }
        for finding in audit.findings
        for offer in finding["fixes"]
    ]


def _num_rows(finding: dict[str, Any], offer: dict[str, Any]) -> int:
    """As far as it is known without the data."""
    params = offer["params"]
    found = next((params[key] for key in ("rows", "texts", "targets") if key in params), None)
    if offer["kind"] == "collect" and isinstance(found, int):
        return found
    return len(found) if isinstance(found, list | dict) else int(finding["num_rows"])


def _is_of(patch: Patch, finding: str, kind: str) -> bool:
    return patch.manifest["kind"] == kind and finding in patch.manifest["findings"]


def _chosen(audit: Audit, wish: Wish) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Findings with the fix to apply. Raises AuditError."""
    known = {finding["id"]: finding for finding in audit.findings}
    for name in wish.findings:
        if name not in known:
            raise AuditError(f"{audit.path}: there is no finding {name!r}", hint=did_you_mean(name, known))
    found = [(known[name], _the_fix(known[name], wish)) for name in wish.findings]
    for finding, one in found:
        if not (one["safe"] or one["kind"] == "collect") and not is_reason(wish.because):
            raise AuditError(
                f"to {one['kind']} {finding['id']} is not safe: it needs a person and a written reason",
                hint="Look at the rows, then say why it is right with --because TEXT --who NAME: "
                "10 characters at least, or 5 Chinese ones.",
            )
    if wish.safe:
        taken = {finding["id"] for finding, _ in found}
        for finding in audit.findings:
            first = next((one for one in finding["fixes"] if one["safe"]), None)
            if first is not None and finding["id"] not in taken:
                found.append((finding, first))
    return sorted(found, key=lambda pair: _ORDER.index(pair[1]["kind"]))


# Texts first, as they stand when rows are dropped; weights last, which depend on the rows that are left.
_ORDER = (
    "repair", "mask", "pseudonym", "relabel", "move", "merge", "drop", "mask_groups", "augment", "reweigh",
    "collect",
)  # fmt: skip


def _the_fix(finding: dict[str, Any], wish: Wish) -> dict[str, Any]:
    fixes: dict[str, dict[str, Any]] = {one["kind"]: one for one in finding["fixes"]}
    if not fixes:
        raise AuditError(f"{finding['id']} has no fix that a patch could be", hint="Mend the file by hand.")
    if wish.kind is None and len(fixes) > 1:
        raise AuditError(
            f"{finding['id']} has several fixes: {', '.join(fixes)}",
            hint=f"Choose one: --kind {next(iter(fixes))}",
        )
    name = wish.kind or next(iter(fixes))
    if name not in fixes:
        raise AuditError(f"{finding['id']} has no fix {name!r}", hint=did_you_mean(name, fixes))
    return fixes[name]


def _made(
    audit: Audit,
    chosen: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    wish: Wish,
    where: str | Path | Sequence[str | Path] | None,
) -> Fixed:
    assert audit.path is not None
    folder, notes = audit.path, list[Note]()
    made, lacking = list[dict[str, Any]](), list[dict[str, Any]]()
    data, files = open_data(audit, where)
    for finding, offer in chosen:
        name, kind = finding["id"], offer["kind"]
        present = patches_in(folder)
        if old := next((patch.name for patch in present if _is_of(patch, name, kind)), None):
            notes.append(Note(f"{name}: the patch {old} is there already"))
            continue
        fixing = _fixing(audit, data, finding, offer, wish)
        if kind == "collect":
            lacking.append({"finding": name, "file": str(wanted(fixing, offer["what"]))})
            continue
        import_module(f"{_KINDS}.{kind}").lines(fixing)
        notes += fixing.notes
        if not fixing.changes:
            notes.append(Note(f"{name}: nothing is left to {kind}"))
            continue
        about = {
            "keyed": keyed_of(data),
            "findings": [name],
            "rule": offer["what"],
            "safe": offer["safe"],
            "because": wish.because.strip(),
            "who": wish.who,
        }
        made.append(write_patch(folder, kind, fixing.changes, files, about, fixing.masks).record())
    return Fixed(folder, offers(audit), made, lacking, notes)


def _fixing(
    audit: Audit, data: AuditData, finding: dict[str, Any], offer: dict[str, Any], wish: Wish
) -> Fixing:
    assert audit.path is not None
    rows = patched_rows(data, patches_in(audit.path), audit.path)
    found = positions_of(data, audit.rows.get(finding["id"], []))
    alive = np.array([i for i in found if not rows[i].dropped], np.int64)
    params = dict(offer["params"])
    if offer["kind"] == "relabel":
        params["labels"] = agreed(audit.path, finding["id"], data, data.label_names, one_key=wish.one_key)
    return Fixing(data, rows, alive, params, audit.path, finding["id"])
