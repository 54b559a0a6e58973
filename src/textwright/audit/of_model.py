"""`audit model`: a classifier asked about a labelled file, and what its answers do to groups of people.

Shapes: N rows, C labels.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from textwright.audit.folder import Audit, make_audit, refuse_foreign, write_audit
from textwright.audit.groups.answering import answered, positive_label
from textwright.audit.reading import Read, read_audited
from textwright.audit.registry import chosen
from textwright.audit.running import Say, run_checks
from textwright.audit.settings import AuditSettings
from textwright.audit.subject import AuditData, FloatArray
from textwright.bundle.learned import as_keys, read_learned
from textwright.bundle.looks import count_look
from textwright.bundle.manifest import MANIFEST
from textwright.core.errors import AuditError, DataError
from textwright.core.files import readable_name, sha256
from textwright.core.records import Note
from textwright.measure.classify import ClassifyMeter
from textwright.report.audited import render_audit
from textwright.tasks.predictor import Predictor
from textwright.text.schema import Schema
from textwright.text.sources import open_source
from textwright.text.split import row_hashes

_CHUNK = 2_048


@dataclass(frozen=True)
class Asked:
    """A model folder as an audit asks it: probabilities as it gives them, calibrated.

    `offsets` are those of `Decode`, in the order of `labels`. Of a model that gives several labels `only` is
    the place of the one that is audited, against all texts without it.
    """

    predictor: Predictor
    labels: tuple[str, ...]
    offsets: tuple[float, ...] = ()
    only: int | None = None

    def probabilities(self, texts: Sequence[str]) -> FloatArray:
        """(N, C)."""
        ours = self.predictor
        parts = [np.zeros((0, len(self.labels)))]
        for start in range(0, len(texts), _CHUNK):
            outputs = ours.engine.outputs([*map(ours.read, texts[start : start + _CHUNK])])
            rows = np.asarray(ours.task.measured(outputs, ours.decode), np.float64)
            parts.append(
                rows if self.only is None else np.column_stack([1 - rows[:, self.only], rows[:, self.only]])
            )
        return np.concatenate(parts)


def model(
    path: str | Path,
    data_path: str | Path,
    out: str | Path | None = None,
    settings: AuditSettings | None = None,
    *,
    say: Say = lambda note: None,
) -> Audit:
    """Audit the answers of a model folder to a labelled file, which it should not have learned from.

    Rows with a label that the model does not have, and rows without any, are left out and counted. Looks at
    rows that were locked for the test of the model are written into its folder. Raises TextwrightError: for a
    model that gives no labels, columns that are not there, an unknown check, or a foreign `out`.

    >>> import textwright.audit  # doctest: +SKIP
    >>> found = textwright.audit.model("my-model", "test.csv")  # doctest: +SKIP
    >>> found.verdict, found.record["scores"]["accuracy"]["value"]  # doctest: +SKIP
    ('warn', 0.87)
    """
    started = time.monotonic()
    settings = settings or AuditSettings()
    checks = chosen(settings.checks, "model")
    if out is not None:
        refuse_foreign(Path(out))
    predictor = Predictor.load(path)
    if predictor.schema.task == "score":
        raise AuditError(f"{path}: this model gives scores, not labels", hint="There is no audit of it yet.")
    read = _read(data_path, predictor.schema, settings)
    for text in read.notes:
        say(Note(text))
    rows, left_out = _of_its_labels(read.data, predictor, say)
    rows, about = _one_problem(rows, predictor, settings, say)
    seen = _seen(predictor, Path(path), rows, data_path, say)
    ran = run_checks(checks, rows, say)
    more = {
        "model": readable_name(path),
        "model_path": str(Path(path).resolve()),
        "model_sha256": sha256(Path(path) / MANIFEST),
        "architecture": _architecture(predictor),
        "left_out": left_out,
        **seen,
        **about,
        **_overall(rows),
        "seconds": round(time.monotonic() - started, 2),
    }
    audit = make_audit("model", rows, ran, settings, more)
    if out is None:
        return audit
    page = render_audit(audit.record, audit.findings, audit.tables)
    write_audit(audit, Path(out), {"report.html": page})
    return replace(audit, path=Path(out))


def _read(path: str | Path, schema: Schema, settings: AuditSettings) -> Read:
    """The file by the columns that the model knows, where it has them and no others were named."""
    columns = open_source(path).columns
    known: dict[str, Any] = {"task": schema.task}
    if settings.text is None and schema.text in columns:
        known["text"] = schema.text
    if settings.label is None and all(name.strip() in columns for name in schema.label.split(",")):
        known["label"] = schema.label
    return read_audited([path], settings.replaced(known))


def _of_its_labels(data: AuditData, predictor: Predictor, say: Say) -> tuple[AuditData, dict[str, int]]:
    """The rows that can be judged, and how many were left out for what."""
    known = set(predictor.schema.labels)
    several = predictor.schema.task == "multilabel"
    foreign = np.array([bool(set(own) - known) for own in data.labels], np.bool_)
    bare = np.array([not own and not several for own in data.labels], np.bool_)
    empty = np.array([not text.strip() for text in data.texts], np.bool_)
    counts = {
        "unknown_label": int(foreign.sum()),
        "no_label": int(bare.sum()),
        "no_text": int((empty & ~foreign & ~bare).sum()),
    }
    if counts["unknown_label"]:
        say(
            Note(f"{counts['unknown_label']:,} rows left out: the model does not have their label", "warning")
        )
    if counts["no_label"]:
        say(Note(f"{counts['no_label']:,} rows left out: they have no label"))
    if counts["no_text"]:
        say(Note(f"{counts['no_text']:,} rows left out: they have no text"))
    keep = np.flatnonzero(~(foreign | bare | empty))
    if not len(keep):
        raise DataError(
            "no row has a text and a label that the model has",
            path=str(data.files[0]),
            hint="Name the columns with --text COL and --label COL.",
        )
    return data.taken(keep), counts


def _one_problem(
    data: AuditData, predictor: Predictor, settings: AuditSettings, say: Say
) -> tuple[AuditData, dict[str, Any]]:
    """The rows with the model to ask; of several labels a row, one label against its absence."""
    schema, offsets = predictor.schema, tuple(predictor.decode.offsets)
    labels = tuple(schema.labels)
    if schema.task == "classify":
        ids = np.array([labels.index(own[0]) for own in data.labels], np.int64)
        positive = labels[positive_label(labels, ids, settings.positive)]
        asked = Asked(predictor, labels, offsets)
        return replace(data, model=asked, positive=positive), {"positive": positive}
    ids = np.array([labels.index(name) for own in data.labels for name in own], np.int64)
    only = positive_label(labels, ids, settings.positive)
    name, other = labels[only], f"not {labels[only]}"
    say(Note(f"one label is audited: {name!r}; name another with --set positive=LABEL"))
    own_offsets = (0.0, offsets[only]) if offsets else ()
    asked = Asked(predictor, (other, name), own_offsets, only)
    binary = replace(
        data,
        task="classify",
        labels=[(name,) if name in own else (other,) for own in data.labels],
        model=asked,
        positive=name,
    )
    return binary, {"positive": name, "of_labels": list(labels)}


def _seen(predictor: Predictor, folder: Path, data: AuditData, path: str | Path, say: Say) -> dict[str, int]:
    """How many rows are no news to the model; a look at locked rows is counted in its folder."""
    hashes = row_hashes([*map(predictor.read, data.texts)])
    keys = read_learned(folder)
    learned = 0 if keys is None else int(np.isin(as_keys(hashes), keys).sum())
    locked = count_look(folder, f"audit {readable_name(path)}", hashes)
    if learned:
        say(
            Note(
                f"the model has learned from {learned:,} of these {len(data):,} rows, so it looks "
                "better here than it is",
                "warning",
            )
        )
    if locked:
        say(Note(f"{locked:,} of these rows were locked for the test; this look at them is recorded"))
    return {"learned_rows": learned, "locked_rows": locked}


def _overall(data: AuditData) -> dict[str, Any]:
    """Scores with intervals, and a hash by which the same answers are known again."""
    ours = answered(data)
    meter = ClassifyMeter(ours.labels)
    meter.update(ours.truth, ours.probabilities, ours.picked)
    scores = meter.scores(seed=data.seed)
    rounded = np.round(ours.probabilities, 5).astype(np.float32) + 0.0  # no two zeros
    return {
        "scores": {name: score.to_json() for name, score in scores.items()},
        "predictions_sha256": hashlib.sha256(rounded.tobytes() + ours.picked.tobytes()).hexdigest(),
    }


def _architecture(predictor: Predictor) -> str:
    assert predictor.bundle is not None
    return predictor.bundle.manifest.architecture
